/* SPDX-License-Identifier: Apache-2.0 */
/* The part of the fixture that launches, listens and ends. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "tests/runtime/fixture.h"

enum { CONTAINERS = 512, JOBS = 512 };

static struct berth_container *containers[CONTAINERS];
static struct rt_job *jobs[JOBS];

void rt_jobs_free(void);

/* ---- Files ---- */

const char *rt_path(const char *name)
{
	static char paths[128][256];
	static unsigned int next;
	char *path = paths[next++ % 128];
	snprintf(path, 256, "%s/%s", rt.base, name);
	return path;
}

const char *rt_write(const char *name, const char *text)
{
	const char *path = rt_path(name);
	char copy[256];
	snprintf(copy, sizeof copy, "%s", path);
	for (char *slash = copy + strlen(rt.base) + 1; (slash = strchr(slash, '/')); *slash++ = '/') {
		*slash = '\0';
		cr_assert(mkdir(copy, 0755) == 0 || errno == EEXIST, "mkdir %s: %s", copy, strerror(errno));
	}
	cleanup_file FILE *file = fopen(path, "we");
	cr_assert(file && fputs(text, file) >= 0, "write %s: %s", path, strerror(errno));
	return path;
}

const char *rt_read(const char *path)
{
	static char texts[4][8192];
	static unsigned int next;
	char *text = texts[next++ % 4];
	cleanup_file FILE *file = fopen(path, "re");
	text[file ? fread(text, 1, 8191, file) : 0] = '\0';
	return text;
}

/* build/tests/runtime -> build/tests/payload/NAME */
const char *rt_payload(const char *name)
{
	static char paths[16][PATH_MAX];
	static unsigned int next;
	char *path = paths[next++ % 16], self[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
	cr_assert_gt(length, 0);
	self[length] = '\0';
	*strrchr(self, '/') = '\0';
	cr_assert_lt(snprintf(path, PATH_MAX, "%.2000s/payload/%s", self, name), PATH_MAX);
	return path;
}

static const char *const payloads[] = {"look",    "act",    "eat",   "spin",  "orphans", "catch",
				       "attempt", "escape", "leave", "reach", "survey"};

static bool is_payload(const char *name)
{
	for (size_t i = 0; i < sizeof payloads / sizeof *payloads; i++)
		if (strcmp(name, payloads[i]) == 0)
			return true;
	return false;
}

static void file_copy(const char *from, const char *to)
{
	cleanup_fd int in = open(from, O_RDONLY | O_CLOEXEC);
	cleanup_fd int out = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	char block[65536];
	ssize_t length = -1;
	while (in >= 0 && out >= 0 && (length = read(in, block, sizeof block)) > 0)
		cr_assert_eq(write(out, block, (size_t)length), length);
	cr_assert_eq(length, 0, "copy %s to %s: %s", from, to, strerror(errno));
}

const char *rt_root(void)
{
	if (access(rt.root, F_OK) == 0)
		return rt.root;
	rt_write("root/etc/passwd", "root:x:0:0::/:/bin/act\nalice:x:1234:100::/:/bin/act\n"
				    "bob:x:2345:2345::/:/bin/act\n");
	rt_write("root/etc/group", "root:x:0:\nusers:x:100:\nbob:x:2345:\nteam:x:500:alice,bob\nclub:x:501:alice\n");
	rt_write("root/bin/text", "no program\n");
	rt_write("root/bin/script", "#!/bin/look\n");
	rt_write("root/bin/orphan-script", "#!/bin/nowhere\n");
	for (size_t i = 0; i < sizeof payloads / sizeof *payloads; i++) {
		char path[200];
		snprintf(path, sizeof path, "%s/bin/%s", rt.root, payloads[i]);
		file_copy(rt_payload(payloads[i]), path);
	}
	static const char *const scripts[] = {"root/bin/script", "root/bin/orphan-script"};
	for (size_t i = 0; i < 2; i++)
		cr_assert_eq(chmod(rt_path(scripts[i]), 0755), 0);
	cr_assert_eq(mkdir(rt_path("root/empty"), 0755), 0);
	cr_assert_eq(mkdir(rt_path("root/tmp"), 0755), 0);
	cr_assert_eq(chmod(rt_path("root/tmp"), 01777), 0);
	return rt.root;
}

/* ---- Launching ---- */

struct berth_options rt_options(const char *const *argv)
{
	static const char *copies[16][32];
	static char commands[16][64];
	static unsigned int next;
	const char **copy = copies[next % 16];
	char *command = commands[next++ % 16];
	size_t n = 0;
	for (; argv[n]; n++) {
		cr_assert_lt(n, (size_t)31, "too many arguments");
		copy[n] = argv[n];
	}
	copy[n] = NULL;
	if (is_payload(argv[0])) {
		snprintf(command, 64, "/bin/%s", argv[0]);
		copy[0] = command;
	}
	struct berth_options options = BERTH_OPTIONS_INIT;
	options.argv = copy;
	options.root = rt_root();
	options.cgroup_parent = rt.parent;
	return options;
}

struct berth_container *rt_adopt(struct berth_container *container)
{
	for (size_t i = 0; i < CONTAINERS; i++)
		if (!containers[i])
			return containers[i] = container;
	cr_assert_fail("too many containers");
	return container;
}

void rt_forget(const struct berth_container *container)
{
	for (size_t i = 0; i < CONTAINERS; i++)
		if (containers[i] == container)
			containers[i] = NULL;
}

/* Payloads are not in /bin of the host's tree. */
static bool is_host_root(const char *root)
{
	if (!root || strcmp(root, "host") == 0 || strcmp(root, "host-rw") == 0)
		return true;
	if (strncmp(root, "framework:", 10) != 0)
		return false;
	const char *lower = strchr(root + 10, ':');
	return !lower || strcmp(lower, ":host") == 0 || strcmp(lower, ":/") == 0;
}

static int launch(const struct berth_options *given, struct berth_container **container)
{
	struct berth_options options = *given;
	const char *argv[33] = {NULL};
	if (options.argv)
		for (size_t i = 0; i < 32 && options.argv[i]; i++)
			argv[i] = options.argv[i];
	if (is_host_root(options.root) && argv[0] && strncmp(argv[0], "/bin/", 5) == 0 && is_payload(argv[0] + 5)) {
		argv[0] = rt_payload(argv[0] + 5);
		options.argv = argv;
	}
	*container = NULL;
	rt.error = (struct berth_error)BERTH_ERROR_INIT;
	return berth_launch(rt.berth, &options, container, &rt.error);
}

struct berth_container *rt_launch(const struct berth_options *options)
{
	struct berth_container *container;
	int code = launch(options, &container);
	cr_assert_eq(code, 0, "launch: %d, %s", code, rt.error.text);
	return rt_adopt(container);
}

void rt_launch_fails(const struct berth_options *options, int code, int exit_status)
{
	struct berth_container *container;
	size_t before = rt_state_entries();
	int got = launch(options, &container);
	if (got == 0)
		rt_adopt(container);
	cr_assert_lt(got, 0, "the launch did not fail");
	cr_expect_eq(got, code, "launch: %d instead of %d: %s", got, code, rt.error.text);
	cr_expect_eq(rt.error.code, -got);
	cr_expect_eq(rt.error.exit_status, exit_status, "exit status %d: %s", rt.error.exit_status, rt.error.text);
	cr_expect(rt.error.text[0] && !strchr(rt.error.text, '\n'), "not one sentence: %s", rt.error.text);
	cr_expect_eq(rt_state_entries(), before, "the launch left something in the state root: %s", rt.error.text);
}

struct berth_end rt_end(struct berth_container *container)
{
	struct berth_end end = BERTH_END_INIT;
	int code = berth_container_wait(container, rt_patience(), &end, &rt.error);
	cr_assert_eq(code, 0, "wait: %s", rt.error.text);
	rt_forget(container);
	berth_container_close(container);
	return end;
}

struct berth_end rt_kill(struct berth_container *container)
{
	rt_ok(berth_container_kill(container, BERTH_KILLED, &rt.error));
	return rt_end(container);
}

/* ---- Jobs ---- */

json_t *rt_inspect(struct berth_container *container)
{
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);
	cr_assert(stream != NULL);
	rt_ok(berth_container_inspect(container, stream, &rt.error));
	fclose(stream);
	json_error_t fault;
	json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, &fault);
	cr_assert(json != NULL, "line %d: %s in:\n%s", fault.line, fault.text, text);
	free(text);
	return json;
}

struct rt_job *rt_job(struct berth_options *options)
{
	struct rt_job *job = calloc(1, sizeof *job);
	int in[2], out[2];
	cr_assert(job && pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0, "%s", strerror(errno));
	const int stdio[3] = {in[0], out[1], out[1]};
	job->in = in[1];
	job->out = out[0];
	job->text = job->sought = strdup("");
	size_t slot = 0;
	while (slot < JOBS && jobs[slot])
		slot++;
	cr_assert_lt(slot, (size_t)JOBS, "too many jobs");
	jobs[slot] = job;
	options->stdio = stdio;
	int code = launch(options, &job->container);
	options->stdio = NULL;
	close(in[0]);
	close(out[1]);
	cr_assert_eq(code, 0, "launch: %d, %s", code, rt.error.text);
	rt_adopt(job->container);
	return job;
}

/* Whether there was something to read. */
static bool job_read(struct rt_job *job)
{
	char block[65536];
	rt_wait_readable(job->out);
	ssize_t length = read(job->out, block, sizeof block);
	if (length <= 0)
		return false;
	size_t sought = (size_t)(job->sought - job->text);
	job->text = realloc(job->text, job->length + (size_t)length + 1);
	cr_assert(job->text != NULL);
	memcpy(job->text + job->length, block, (size_t)length);
	job->length += (size_t)length;
	job->text[job->length] = '\0';
	job->sought = job->text + sought;
	return true;
}

void rt_job_expect(struct rt_job *job, const char *line)
{
	size_t length = strlen(line);
	for (;;) {
		char *start = job->sought;
		for (char *end; (end = strchr(start, '\n')); start = end + 1) {
			if ((size_t)(end - start) == length && strncmp(start, line, length) == 0) {
				job->sought = end + 1;
				return;
			}
		}
		cr_assert(job_read(job), "'%s' was never said, but:\n%s", line, job->text);
	}
}

void rt_job_await(struct rt_job *job, const char *line)
{
	while (!rt_has_line(job->text, line))
		cr_assert(job_read(job), "'%s' was never said, but:\n%s", line, job->text);
}

void rt_job_close_input(struct rt_job *job)
{
	if (job->in >= 0)
		close(job->in);
	job->in = -1;
}

struct berth_end rt_job_end(struct rt_job *job)
{
	rt_job_close_input(job);
	while (job_read(job))
		;
	struct berth_end end = rt_end(job->container);
	job->container = NULL;
	close(job->out);
	job->out = -1;
	return end;
}

struct berth_end rt_job_kill(struct rt_job *job)
{
	rt_ok(berth_container_kill(job->container, BERTH_KILLED, &rt.error));
	return rt_job_end(job);
}

const char *rt_output(struct berth_options *options)
{
	struct rt_job *job = rt_job(options);
	struct berth_end end = rt_job_end(job);
	cr_assert(end.reason == BERTH_EXITED && end.code == 0, "%s: %s", end.text, job->text);
	return job->text;
}

void rt_jobs_free(void)
{
	for (size_t i = 0; i < CONTAINERS; i++) {
		if (!containers[i])
			continue;
		berth_container_kill(containers[i], BERTH_KILLED, NULL);
		berth_container_wait(containers[i], rt_patience(), NULL, NULL);
		berth_container_remove(containers[i], NULL);
		berth_container_close(containers[i]);
		containers[i] = NULL;
	}
	for (size_t i = 0; i < JOBS; i++) {
		if (!jobs[i])
			continue;
		if (jobs[i]->in >= 0)
			close(jobs[i]->in);
		if (jobs[i]->out >= 0)
			close(jobs[i]->out);
		free(jobs[i]->text);
		free(jobs[i]);
		jobs[i] = NULL;
	}
}

/* ---- Looking at what was said ---- */

bool rt_has_line(const char *text, const char *line)
{
	size_t length = strlen(line);
	for (const char *found = text; (found = strstr(found, line)); found++)
		if ((found == text || found[-1] == '\n') && (found[length] == '\n' || found[length] == '\0'))
			return true;
	return false;
}

const char *rt_value(const char *text, const char *key)
{
	static char value[4096];
	size_t length = strlen(key);
	value[0] = '\0';
	for (const char *line = text; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		if (strncmp(line, key, length) != 0 || line[length] != '=')
			continue;
		snprintf(value, sizeof value, "%.*s", (int)strcspn(line + length + 1, "\n"), line + length + 1);
		break;
	}
	return value;
}

size_t rt_count(const char *text, const char *beginning)
{
	size_t count = 0, length = strlen(beginning);
	for (const char *line = text; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
		count += strncmp(line, beginning, length) == 0;
	return count;
}
