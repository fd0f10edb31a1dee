/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/nsutil/fixture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "nsutil/init_image.h"

struct fixture fixture = {.init_fd = -1};

static void payload_find(const char *tests, const char *name, char path[256])
{
	snprintf(path, 256, "%.200s/payload/%s", tests, name);
	cr_assert_eq(access(path, X_OK), 0, "%s is not built: make tests", path);
}

void fixture_init(void)
{
	if (geteuid() != 0)
		cr_skip_test("needs root");
	strcpy(fixture.directory, "/tmp/berth-test-nsutil-XXXXXX");
	cr_assert_not_null(mkdtemp(fixture.directory));
	char program[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
	cr_assert_gt(length, 0);
	program[length] = '\0';
	*strrchr(program, '/') = '\0';
	payload_find(program, "look", fixture.look);
	payload_find(program, "catch", fixture.catch);
	payload_find(program, "orphans", fixture.orphans);
	struct error error;
	fixture.init_fd = init_image_open(&error);
	cr_assert_geq(fixture.init_fd, 0, "%s", error.text);
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	(void)status, (void)type, (void)walk;
	return remove(path) < 0 && errno != ENOENT;
}

void fixture_fini(void)
{
	if (fixture.directory[0])
		nftw(fixture.directory, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	if (fixture.init_fd >= 0)
		close(fixture.init_fd);
}

const char *scratch(const char *name)
{
	static char paths[4][512];
	static unsigned int next;
	char *path = paths[next++ % 4];
	snprintf(path, sizeof paths[0], "%s/%.400s", fixture.directory, name);
	return path;
}

bool is_there(const char *path)
{
	struct stat status;
	return lstat(path, &status) == 0;
}

void plan_finish(struct plan *plan, const char *const *words)
{
	static const char *const environment[] = {"PATH=/usr/bin:/bin", "EMPTY=", NULL};
	plan_add_environment(plan, environment);
	plan_add_exec(plan, words[0], "/usr/bin:/bin", words);
}

struct plan *plan_of(const char *const *words)
{
	struct plan *plan = plan_new();
	cr_assert_not_null(plan);
	plan_finish(plan, words);
	return plan;
}

void run_start(struct run *run, const struct plan *plan)
{
	int ends[2] = {-1, -1};
	int captured[3];
	if (!run->stdio) {
		cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
		memcpy(captured, (const int[]){-1, ends[1], ends[1]}, sizeof captured);
	}
	struct spawn_options options = {
		.init_fd = fixture.init_fd,
		.trusted = !run->untrusted,
		.plan = plan,
		.namespaces = run->namespaces,
		.cgroup_into = run->cgroup_into,
		.cgroup_into_procs = run->cgroup_into_procs,
		.cgroup_procs = run->cgroup_procs,
		.n_cgroup_procs = run->n_cgroup_procs,
		.stdio = run->stdio ? run->stdio : captured,
		.record_fd = run->record_fd,
		.namespaces_fd = run->namespaces_fd,
		.userns_fd = -1,
		.blank_fd = run->blank_fd,
		.born_in_userns = -1,
		.self_pidfd = run->self_pidfd,
		.later = run->later,
		.data = run->data,
	};
	run->code = spawn(&options, &run->spawned, &run->wait_status, &run->error);
	if (ends[1] >= 0)
		close(ends[1]);
	run->output_fd = ends[0];
	if (run->code < 0 && ends[0] >= 0) {
		close(ends[0]);
		run->output_fd = -1;
	}
}

void read_text(int fd, char *buffer, size_t size, const char *until)
{
	size_t used = strlen(buffer);
	while (!until || !strstr(buffer, until)) {
		struct pollfd ready = {.fd = fd, .events = POLLIN};
		cr_assert_eq(poll(&ready, 1, HANG_BOUND_MS), 1, "nothing more to read behind: %s", buffer);
		ssize_t length = read(fd, buffer + used, size - 1 - used);
		/* A terminal whose other side is closed gives EIO. */
		if (length < 0 && errno == EIO)
			length = 0;
		cr_assert_geq(length, 0, "%s", strerror(errno));
		if (length == 0) {
			cr_assert(!until, "ended without '%s': %s", until ? until : "", buffer);
			return;
		}
		used += (size_t)length;
		buffer[used] = '\0';
		cr_assert_lt(used, size - 1);
	}
}

void run_await(struct run *run, const char *text)
{
	cr_assert_eq(run->code, 0, "%s", run->error.text);
	read_text(run->output_fd, run->output, sizeof run->output, text);
}

void run_finish(struct run *run)
{
	cr_assert_eq(run->code, 0, "%s", run->error.text);
	if (run->output_fd >= 0) {
		read_text(run->output_fd, run->output, sizeof run->output, NULL);
		close(run->output_fd);
		run->output_fd = -1;
	}
	struct pollfd ended = {.fd = run->spawned.pidfd, .events = POLLIN};
	cr_assert_eq(poll(&ended, 1, HANG_BOUND_MS), 1, "the process does not end");
	cr_assert_eq(spawned_reap(run->spawned.pidfd, &run->wait_status), 0);
	close(run->spawned.pidfd);
	if (run->spawned.tty >= 0)
		close(run->spawned.tty);
}

void run_plan(struct run *run, const struct plan *plan)
{
	run_start(run, plan);
	run_finish(run);
}

const char *told(const struct run *run, const char *key)
{
	static char texts[4][256];
	static unsigned int next;
	char *text = texts[next++ % 4];
	size_t length = strlen(key), used = 0;
	text[0] = '\0';
	for (const char *line = run->output; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, length) != 0 || line[length] != '=' || used >= 200)
			continue;
		const char *value = line + length + 1;
		snprintf(text + used, sizeof texts[0] - used, "%s%.*s", used ? " " : "", (int)strcspn(value, "\n"),
			 value);
		used = strlen(text);
	}
	return text;
}

const char *fds_list(char buffer[4096])
{
	cleanup_dir DIR *directory = opendir("/proc/self/fd");
	cr_assert_not_null(directory);
	size_t used = 0;
	buffer[0] = '\0';
	for (struct dirent *entry; (entry = readdir(directory));)
		if (entry->d_name[0] != '.' && atoi(entry->d_name) != dirfd(directory) && used < 4000)
			used += (size_t)sprintf(buffer + used, "%s%.8s", used ? " " : "", entry->d_name);
	return buffer;
}

bool has_children(void)
{
	siginfo_t info;
	return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}
