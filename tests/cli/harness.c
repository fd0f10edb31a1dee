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

static int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

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

static void pipe_make(int *child, int *ours, bool child_reads)
{
	int ends[2];
	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	*child = ends[child_reads ? 0 : 1];
	*ours = ends[child_reads ? 1 : 0];
}

void job_start(struct job *job, const char *const *arguments)
{
	const char *argv[64] = {"berth"};
	int child[3], n = 1;

	for (size_t i = 0; arguments[i]; i++) {
		cr_assert_lt(n, 60);
		argv[n++] = arguments[i];
		if (i == 0 && (strcmp(arguments[i], "run") == 0 || strcmp(arguments[i], "plan") == 0)) {
			argv[n++] = "--cgroup-parent";
			argv[n++] = world.cgroup_parent;
		}
	}
	argv[n] = NULL;
	*job = (struct job){.pidfd = -1, .out_text = strdup(""), .err_text = strdup("")};
	pipe_make(&child[0], &job->in, true);
	pipe_make(&child[1], &job->out, false);
	pipe_make(&child[2], &job->err, false);
	job->pid = fork();
	cr_assert_geq(job->pid, 0);
	if (job->pid == 0) {
		sigset_t none;
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		for (int fd = 0; fd <= 2; fd++)
			dup2(child[fd], fd);
		execv(world.program, (char *const *)argv);
		fprintf(stderr, "exec %s: %s\n", world.program, strerror(errno));
		_exit(99);
	}
	for (int fd = 0; fd <= 2; fd++)
		close(child[fd]);
	job->pidfd = pidfd_open(job->pid, 0);
	cr_assert_geq(job->pidfd, 0);
}

/* Takes what one pipe holds; closes it at its end. */
static void take(int *fd, char **text, size_t *length)
{
	char buffer[4096];
	ssize_t n = read(*fd, buffer, sizeof(buffer));

	if (n <= 0) {
		close(steal_fd(fd));
		return;
	}
	*text = realloc(*text, *length + (size_t)n + 1);
	cr_assert(*text != NULL);
	memcpy(*text + *length, buffer, (size_t)n);
	*length += (size_t)n;
	(*text)[*length] = '\0';
}

/* Waits for output, once; false when nothing came before `until`. */
static bool job_take(struct job *job, int64_t until)
{
	struct pollfd polls[2] = {{.fd = job->out, .events = POLLIN}, {.fd = job->err, .events = POLLIN}};
	int64_t left = until - now_ms();

	if (poll(polls, 2, left > 0 ? (int)left : 0) <= 0)
		return false;
	if (polls[0].revents)
		take(&job->out, &job->out_text, &job->out_length);
	if (polls[1].revents)
		take(&job->err, &job->err_text, &job->err_length);
	return true;
}

static void job_await(struct job *job, char *const *where, const char *text)
{
	int64_t until = now_ms() + HANG_BOUND_MS;

	while (!strstr(*where, text)) {
		bool over = job->out < 0 && job->err < 0;
		cr_assert(!over && job_take(job, until), "'%s' was not written; stdout: %s; stderr: %s", text,
			  job->out_text, job->err_text);
	}
}

void job_await_output(struct job *job, const char *text)
{
	job_await(job, &job->out_text, text);
}

void job_await_error(struct job *job, const char *text)
{
	job_await(job, &job->err_text, text);
}

void job_finish(struct job *job)
{
	int64_t until = now_ms() + HANG_BOUND_MS;
	int status;

	if (job->in >= 0)
		close(steal_fd(&job->in));
	while (job->out >= 0 || job->err >= 0)
		cr_assert(job_take(job, until), "its output does not end; stdout: %s; stderr: %s", job->out_text,
			  job->err_text);
	struct pollfd ended = {.fd = job->pidfd, .events = POLLIN};
	cr_assert_eq(poll(&ended, 1, HANG_BOUND_MS), 1, "it does not end");
	cr_assert_eq(waitpid(job->pid, &status, 0), job->pid);
	job->finished = true;
	job->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

void job_release(struct job *job)
{
	if (job->pid > 0 && !job->finished) {
		kill(job->pid, SIGKILL);
		waitpid(job->pid, NULL, 0);
	}
	const int descriptors[] = {job->in, job->out, job->err, job->pidfd};
	for (size_t i = 0; i < 4; i++)
		if (descriptors[i] > 2)
			close(descriptors[i]);
	free(job->out_text);
	free(job->err_text);
	*job = (struct job){.pidfd = -1, .in = -1, .out = -1, .err = -1};
}

void berth_words(struct job *job, const char *const *arguments)
{
	job_start(job, arguments);
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
