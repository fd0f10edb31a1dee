/* SPDX-License-Identifier: Apache-2.0 */
/* A container's record. What record.c gets is in it. */
#include <unistd.h>

#include "runtime/scale_note.h"
#include "runtime/state.h"
#include "tests/fuzz/fuzz.h"

static int file;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	static const char *const names[] = {"record"};
	close(fuzz_directory(names, sizeof names / sizeof *names, &file));
	return 0;
}

static void read_record(void)
{
	char *bytes = NULL;
	ssize_t size = state_read_json(file, &bytes);
	fuzz_require(size < 0 || bytes[size] == '\0');
	free(bytes);
	bytes = NULL;
	size = state_read_environment(file, &bytes);
	fuzz_require(size < 0 || bytes[size] == '\0');
	free(bytes);
	struct state state;
	struct error error = {0};
	if (state_read(file, &state, &error) < 0)
		fuzz_require(error.text[0]);
	else
		record_free(&state.record);
	struct state_process process;
	if (state_read_process(file, &process) == 0)
		fuzz_require(process.pid > 0);
	char fallbacks[64];
	state_read_fallbacks(file, fallbacks, sizeof fallbacks);
	fuzz_require(memchr(fallbacks, '\0', sizeof fallbacks));
}

static void read_end(void)
{
	struct berth_end end = BERTH_END_INIT;
	if (state_read_end(file, &end) < 0)
		return;
	fuzz_require(berth_reason_name(end.reason));
	int status = berth_end_status(&end);
	fuzz_require(status >= 0 && status <= 255);
	fuzz_require(memchr(end.text, '\0', sizeof end.text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_require(ftruncate(file, 0) == 0 && pwrite(file, data, size, 0) == (ssize_t)size);
	read_record();
	read_end();
	struct scale_note note;
	scale_note_read(file, &note);
	char detail[64];
	if (state_read_reason(file, detail, sizeof detail) > 0)
		fuzz_require(memchr(detail, '\0', sizeof detail));
	return 0;
}
