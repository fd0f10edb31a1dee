/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"

static char path[] = "/dev/shm/berth-fuzz-XXXXXX";
static const char *const *linked;
static size_t n_linked;

static void directory_remove(void)
{
	char name[256];
	for (size_t i = 0; i < n_linked; i++) {
		snprintf(name, sizeof name, "%s/%s", path, linked[i]);
		unlink(name);
	}
	snprintf(name, sizeof name, "%s/content", path);
	unlink(name);
	rmdir(path);
}

int fuzz_directory(const char *const *names, size_t count, int *content)
{
	fuzz_require(mkdtemp(path));
	linked = names;
	n_linked = count;
	atexit(directory_remove);
	int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*content = openat(directory, "content", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	fuzz_require(directory >= 0 && *content >= 0);
	for (size_t i = 0; i < count; i++)
		fuzz_require(linkat(directory, "content", directory, names[i], 0) == 0);
	return directory;
}
