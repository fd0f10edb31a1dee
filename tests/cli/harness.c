/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/cli/harness.h"

#include <criterion/hooks.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "tests/cli/debris.h"

struct world world;

/* The directory this suite was built in: build/tests. malloc'ed. */
static char *suite_folder(void)
{
	char *self = realpath("/proc/self/exe", NULL);
	cr_assert(self != NULL);
	*strrchr(self, '/') = '\0';
	return self;
}

/* build/tests/cli -> build/berth */
static const char *program_find(void)
{
	static char path[PATH_MAX];
	const char *given = getenv("BERTH");
	cleanup_free char *folder = suite_folder();
	if (given)
		return realpath(given, path) ? path : given;
	snprintf(path, sizeof(path), "%s/../berth", folder);
	return path;
}

const char *payload_path(const char *name)
{
	static char path[PATH_MAX];
	cleanup_free char *folder = suite_folder();
	snprintf(path, sizeof(path), "%s/payload/%s", folder, name);
	if (access(path, X_OK) < 0)
		cr_skip_test("%s is not built", path);
	return path;
}

void world_init_unprivileged(void)
{
	world.program = program_find();
	if (access(world.program, X_OK) < 0)
		cr_skip_test("%s is not built", world.program);
	snprintf(world.directory, sizeof(world.directory), "%s%d", DEBRIS_DIRECTORY, (int)getpid());
	snprintf(world.state, sizeof(world.state), "%s/state", world.directory);
	snprintf(world.cgroup_parent, sizeof(world.cgroup_parent), "%s%d", DEBRIS_PARENT, (int)getpid());
	cr_assert(mkdir(world.directory, 0755) == 0 || errno == EEXIST, "%s: %s", world.directory, strerror(errno));
	setenv("BERTH_STATE_ROOT", world.state, 1);
	char data[100];
	snprintf(data, sizeof(data), "%s/data", world.directory);
	setenv("BERTH_DATA_ROOT", data, 1);
}

void world_init(void)
{
	if (geteuid() != 0)
		cr_skip_test("needs root");
	world_init_unprivileged();
}

void world_fini(void)
{
	if (world.directory[0])
		debris_remove(getpid());
}

/* Tests that crashed or were killed had no chance to. */
ReportHook(POST_ALL)(struct criterion_global_stats *stats)
{
	(void)stats;
	debris_remove_of_the_dead();
}

/* ---- Jobs ---- */

void berth_start(struct job *job, const char *const *arguments)
{
	const char *argv[64] = {world.program};
	int n = 1;
	for (size_t i = 0; arguments[i]; i++) {
		cr_assert_lt(n, 60);
		argv[n++] = arguments[i];
		if (i == 0 && (strcmp(arguments[i], "run") == 0 || strcmp(arguments[i], "plan") == 0)) {
			argv[n++] = "--cgroup-parent";
			argv[n++] = world.cgroup_parent;
		}
	}
	argv[n] = NULL;
	job_start(job, argv);
}

void berth_words(struct job *job, const char *const *arguments)
{
	berth_start(job, arguments);
	job_finish(job);
}

/* ---- Expectations ---- */

size_t count_lines(const char *text)
{
	size_t lines = 0;
	for (; *text; text++)
		lines += *text == '\n' || !text[1];
	return lines;
}

void expect_complaint(const struct job *job, const char *part)
{
	cr_expect_str_eq(job->out_text, "", "standard output holds: %s", job->out_text);
	cr_expect_eq(count_lines(job->err_text), 1, "not one line: %s", job->err_text);
	cr_expect_eq(strncmp(job->err_text, "berth", 5), 0, "%s", job->err_text);
	cr_expect(strstr(job->err_text, ": "), "%s", job->err_text);
	cr_expect(strstr(job->err_text, part), "'%s' is not in: %s", part, job->err_text);
}

void expect_quiet(const struct job *job)
{
	expect_status(job, 0);
	cr_expect_str_eq(job->out_text, "");
	cr_expect_str_eq(job->err_text, "");
}

json_t *json_of(const struct job *job)
{
	expect_status(job, 0);
	json_error_t error;
	json_t *json = json_loads(job->out_text, 0, &error);
	cr_assert(json != NULL, "line %d: %s: %s", error.line, error.text, job->out_text);
	return json;
}

json_int_t integer_at(const json_t *object, const char *group, const char *key)
{
	const json_t *value = json_object_get(group ? json_object_get(object, group) : object, key);
	cr_assert(json_is_integer(value), "%s %s is no integer", group ? group : "", key);
	return json_integer_value(value);
}

char *world_snapshot(void)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	cr_assert(out != NULL);
	debris_list(world.state, world.cgroup_parent, out);
	cr_assert_eq(fclose(out), 0);
	return text;
}

void await_gone(pid_t pid)
{
	cleanup_fd int pidfd = pidfd_open(pid, 0);
	if (pidfd < 0 && errno == ESRCH)
		return;
	cr_assert_geq(pidfd, 0, "pidfd_open: %s", strerror(errno));
	struct pollfd ended = {.fd = pidfd, .events = POLLIN};
	cr_assert_eq(poll(&ended, 1, HANG_BOUND_MS), 1, "process %d lives on", (int)pid);
}

/* ---- Files ---- */

const char *world_path(const char *name)
{
	static char paths[4][256];
	static unsigned int next;
	char *path = paths[next++ % 4];
	snprintf(path, sizeof(paths[0]), "%s/%s", world.directory, name);
	return path;
}

void world_write(const char *name, const char *text, mode_t mode)
{
	cleanup_fd int fd = open(world_path(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	cr_assert_geq(fd, 0, "%s: %s", name, strerror(errno));
	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	cr_assert_eq(fchmod(fd, mode), 0);
}

char *world_read(const char *name)
{
	char *text = NULL;
	size_t room = 0;
	cleanup_file FILE *stream = fopen(world_path(name), "re");
	cr_assert(stream != NULL, "%s: %s", world_path(name), strerror(errno));
	if (getdelim(&text, &room, '\0', stream) < 0) {
		free(text);
		return strdup("");
	}
	return text;
}

void await_written(const char *name, const char *text)
{
	int64_t until = now_ms() + HANG_BOUND_MS;
	for (;;) {
		char *held = access(world_path(name), F_OK) == 0 ? world_read(name) : NULL;
		bool found = held && strstr(held, text);
		free(held);
		if (found)
			return;
		cr_assert_lt(now_ms(), until, "'%s' does not appear in %s", text, name);
		poll(NULL, 0, 5);
	}
}

pid_t container_pid(const char *name)
{
	int64_t until = now_ms() + HANG_BOUND_MS;
	for (;;) {
		cleanup_job struct job job;
		BERTH(&job, "inspect", "--", name);
		expect_status(&job, 0);
		json_t *object = json_loads(job.out_text, 0, NULL);
		cr_assert(object != NULL, "not JSON: %s", job.out_text);
		pid_t pid = (pid_t)json_integer_value(json_object_get(object, "pid"));
		json_decref(object);
		if (pid > 1)
			return pid;
		/* A command may have spoken before its launcher has written down that it runs. */
		cr_assert(strstr(job.out_text, "\"starting\"") && now_ms() < until, "%s", job.out_text);
	}
}
