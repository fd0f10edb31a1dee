/* SPDX-License-Identifier: Apache-2.0 */
/* init itself: what it refuses to run, and what it does for a container while the command lives. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "tests/nsutil/fixture.h"

/* ---- A plan that was damaged on its way ---- */

/* Executes init with size bytes as the plan (-1: with none at all); returns its exit status and what it reported. */
static int run_init(const void *bytes, ssize_t size, struct plan_report *report)
{
	int pair[2];
	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	cleanup_fd int plan = memfd_create("plan", MFD_CLOEXEC);
	cr_assert(size < 0 || write(plan, bytes, (size_t)size) == size);
	pid_t child = fork();
	cr_assert_geq(child, 0);
	if (child == 0) {
		int from[] = {fcntl(plan, F_DUPFD, 50), fcntl(pair[1], F_DUPFD, 50),
			      fcntl(fixture.init_fd, F_DUPFD, 50)};
		close_range(3, 49, 0);
		if (size >= 0)
			dup2(from[0], INIT_FD_PLAN);
		dup2(from[1], INIT_FD_STATUS);
		/* Else the report's reader would wait for itself. */
		close(from[1]);
		char name[] = "init";
		fexecve(from[2], (char *const[]){name, NULL}, (char *const[]){NULL});
		_exit(99);
	}
	close(pair[1]);
	cleanup_fd int ours = pair[0];
	*report = (struct plan_report){0};
	struct pollfd ready = {.fd = ours, .events = POLLIN};
	cr_assert_eq(poll(&ready, 1, HANG_BOUND_MS), 1);
	cr_expect_eq(recv(ours, report, sizeof *report, 0), (ssize_t)sizeof *report);
	struct plan_report more;
	cr_expect_eq(recv(ours, &more, sizeof more, 0), 0, "it had more to say");
	int status;
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert(WIFEXITED(status), "%#x", status);
	return WEXITSTATUS(status);
}

SPAWN_TEST(init, refuses_a_damaged_plan_and_does_nothing)
{
	cleanup_plan struct plan *plan = plan_new();
	plan_add_mkdir(plan, false, scratch("made"), 0700);
	FINISH(plan, "touch", scratch("executed"));
	struct error error;
	cleanup_fd int sealed = plan_seal(plan, &error);
	_Alignas(8) char whole[4096], bytes[4096];
	ssize_t size = pread(sealed, whole, sizeof whole, 0);
	cr_assert_gt(size, 0);
	const struct {
		size_t offset;
		uint32_t value;
	} damage[] = {
		{offsetof(struct plan_header, magic), 0},
		{offsetof(struct plan_header, version), 99},
		{offsetof(struct plan_header, size), 1},
		{offsetof(struct plan_header, n_steps), UINT32_MAX},
		{offsetof(struct plan_header, n_steps), 1},
		{offsetof(struct plan_header, string_size), 1},
		/* In the last step: the first would have been run by who checks as it goes. */
		{sizeof(struct plan_header) + 2 * sizeof(struct plan_step), 0xffff},
		{sizeof(struct plan_header) + 2 * sizeof(struct plan_step) + offsetof(struct plan_step, text), 1 << 30},
		{sizeof(struct plan_header) + 2 * sizeof(struct plan_step) + offsetof(struct plan_step, list), 1 << 30},
		{sizeof(struct plan_header) + 2 * sizeof(struct plan_step) + offsetof(struct plan_step, list_count),
		 UINT32_MAX},
	};
	struct plan_report report;
	for (size_t i = 0; i < sizeof damage / sizeof *damage; i++) {
		memcpy(bytes, whole, sizeof bytes);
		memcpy(bytes + damage[i].offset, &damage[i].value, sizeof damage[i].value);
		cr_expect_eq(run_init(bytes, size, &report), 125, "damage %zu", i);
		cr_expect_eq(report.kind, PLAN_REPORT_FAILED, "damage %zu", i);
		cr_expect_eq(report.error, EBADMSG, "damage %zu: %d", i, report.error);
		cr_expect_not(is_there(scratch("made")), "damage %zu", i);
	}
	static const ssize_t sizes[] = {-1, 0, 1, 31, 32, 100};
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		cr_expect_eq(run_init(whole, sizes[i], &report), 125, "%zd bytes", sizes[i]);
		cr_expect_eq(report.error, EBADMSG, "%zd bytes: %d", sizes[i], report.error);
		cr_expect_not(is_there(scratch("made")));
	}
	/* The same way, undamaged: so it was the damage. */
	cr_expect_eq(run_init(whole, size, &report), 0);
	cr_expect_eq(report.kind, PLAN_REPORT_EXECUTING);
	cr_expect(is_there(scratch("made")) && is_there(scratch("executed")));
}

/* ---- Namespaces ---- */

static struct plan *plan_of_container(void)
{
	struct plan *plan = plan_new();
	/* So that a test which fails half-way leaves nothing behind. */
	plan_add_die_with_parent(plan);
	plan_add_private(plan);
	plan_add_mount(plan, false, "proc", "/proc", 0, NULL);
	plan_add_fork(plan, false);
	return plan;
}

static const uint64_t container = CLONE_NEWPID | CLONE_NEWNS;

SPAWN_TEST(init, is_pid_1_and_the_command_pid_2)
{
	cleanup_plan struct plan *plan = plan_of_container();
	plan_add_setsid(plan);
	FINISH(plan, fixture.look);
	struct run run = RUN_INIT;
	run.namespaces = container;
	run_plan(&run, plan);
	cr_expect_str_eq(told(&run, "pid"), "2");
	cr_expect_str_eq(told(&run, "ppid"), "1");
	cr_expect_str_eq(told(&run, "sid"), "2");
	cr_expect_str_eq(told(&run, "init"), "berth-init");
}

SPAWN_TEST(init, the_command_can_be_pid_1_itself)
{
	cleanup_plan struct plan *plan = PLAN_OF(fixture.look);
	struct run run = RUN_INIT;
	run.namespaces = CLONE_NEWPID;
	run_plan(&run, plan);
	cr_expect_str_eq(told(&run, "pid"), "1");
	cr_expect_str_eq(told(&run, "ppid"), "0");
}

SPAWN_TEST(init, namespaces_are_of_its_own)
{
	cleanup_plan struct plan *plan = plan_of_container();
	plan_add_hostname(plan, "inside");
	plan_add_loopback(plan);
	FINISH(plan, "sh", "-c", "uname -n; readlink /proc/self/ns/*; cat /sys/class/net/*/operstate >/dev/null; :");
	struct run run = RUN_INIT;
	run.namespaces = container | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET;
	char outside[64], after[64];
	cr_assert_eq(gethostname(outside, sizeof outside), 0);
	run_plan(&run, plan);
	cr_expect_eq(strncmp(run.output, "inside\n", 7), 0, "%s", run.output);
	cr_assert_eq(gethostname(after, sizeof after), 0);
	cr_expect_str_eq(after, outside);
	static const struct {
		const char *name;
		bool shared;
	} namespaces[] = {{"pid", false}, {"mnt", false}, {"uts", false},
			  {"ipc", false}, {"net", false}, {"user", true}};
	for (size_t i = 0; i < sizeof namespaces / sizeof *namespaces; i++) {
		char path[64], ours[64] = "";
		snprintf(path, sizeof path, "/proc/self/ns/%s", namespaces[i].name);
		cr_assert_gt(readlink(path, ours, sizeof ours - 1), 0);
		cr_expect_eq(strstr(run.output, ours) != NULL, namespaces[i].shared, "%s in: %s", ours, run.output);
	}
}

SPAWN_TEST(init, joins_the_namespaces_of_another)
{
	cleanup_plan struct plan *first = plan_of_container();
	plan_add_hostname(first, "joined");
	FINISH(first, fixture.catch);
	struct run there = RUN_INIT;
	there.namespaces = container | CLONE_NEWUTS;
	run_start(&there, first);
	run_await(&there, "ready\n");

	cleanup_plan struct plan *second = plan_new();
	plan_add_setns(second, container | CLONE_NEWUTS);
	plan_add_fork(second, true);
	plan_add_setsid(second);
	FINISH(second, "sh", "-c", "uname -n; echo $$; kill -KILL $$");
	struct run joining = RUN_INIT;
	joining.namespaces_fd = there.spawned.pidfd;
	run_plan(&joining, second);
	cr_expect_str_eq(joining.output, "joined\n3\n");
	/* Its helper ends as the command did. */
	cr_expect(WIFSIGNALED(joining.wait_status) && WTERMSIG(joining.wait_status) == SIGKILL, "%#x",
		  joining.wait_status);
	cr_assert_eq(spawned_signal(there.spawned.pidfd, SIGUSR2), 0);
	run_finish(&there);
}

/* ---- As PID 1 ---- */

SPAWN_TEST(init, its_end_takes_everything_along)
{
	cleanup_plan struct plan *plan = plan_of_container();
	FINISH(plan, "sh", "-c", "sleep 1000 & setsid sleep 1000 & echo ready; wait");
	struct run run = RUN_INIT;
	run.namespaces = container;
	run_start(&run, plan);
	run_await(&run, "ready\n");
	cr_assert_eq(pidfd_send_signal(run.spawned.pidfd, SIGKILL, NULL, 0), 0);
	/* To the end of its output: nobody holds the pipe any more. */
	run_finish(&run);
	cr_expect(WIFSIGNALED(run.wait_status) && WTERMSIG(run.wait_status) == SIGKILL);
}

SPAWN_TEST(init, the_commands_end_takes_everything_along)
{
	cleanup_plan struct plan *plan = plan_of_container();
	FINISH(plan, "sh", "-c", "trap '' TERM HUP; sleep 1000 & setsid sleep 1000 & exit 5");
	struct run run = RUN_INIT;
	run.namespaces = container;
	run_plan(&run, plan);
	cr_expect_eq(run.wait_status, 5 << 8);
}

SPAWN_TEST(init, reaps_1000_orphans)
{
	cleanup_plan struct plan *plan = plan_of_container();
	FINISH(plan, fixture.orphans, "1000");
	struct run run = RUN_INIT;
	run.namespaces = container;
	run_plan(&run, plan);
	cr_expect_str_eq(told(&run, "made"), "1000");
	cr_expect_str_eq(told(&run, "zombies"), "0");
	cr_expect_eq(run.wait_status, 0);
}

SPAWN_TEST(init, passes_every_signal_on)
{
	cleanup_plan struct plan *plan = plan_of_container();
	plan_add_setsid(plan);
	FINISH(plan, fixture.catch);
	struct run run = RUN_INIT;
	run.namespaces = container;
	run_start(&run, plan);
	run_await(&run, "ready\n");
	for (int signal = 1; signal <= 64; signal++) {
		/* SIGUSR2 ends it; SIGKILL ends all; SIGSTOP can't be waited for. */
		if (signal == SIGKILL || signal == SIGSTOP || signal == SIGUSR2)
			continue;
		char expected[32];
		snprintf(expected, sizeof expected, "\nsignal %d\n", signal);
		cr_assert_eq(spawned_signal(run.spawned.pidfd, signal), 0, "%d: %s", signal, strerror(errno));
		run_await(&run, expected);
	}
	cr_assert_eq(spawned_signal(run.spawned.pidfd, SIGUSR2), 0);
	run_finish(&run);
	cr_expect_eq(run.wait_status, 0);
}

/* Stopped and continued through init, which itself never stops. */
SPAWN_TEST(init, passes_stop_and_continue_on)
{
	cleanup_plan struct plan *plan = plan_of_container();
	FINISH(plan, "sh", "-c", "trap 'exit 3' TERM; echo ready; while :; do sleep 0.01; done");
	struct run run = RUN_INIT;
	run.namespaces = container;
	run_start(&run, plan);
	run_await(&run, "ready\n");
	char path[64], line[512];
	snprintf(path, sizeof path, "/proc/%d/task/%d/children", run.spawned.pid, run.spawned.pid);
	cleanup_file FILE *children = fopen(path, "re");
	int command = 0;
	if (!children || fscanf(children, "%d", &command) != 1)
		cr_skip_test("this kernel does not list a process's children");
	snprintf(path, sizeof path, "/proc/%d/stat", command);
	for (int round = 0; round < 2; round++) {
		cr_assert_eq(spawned_signal(run.spawned.pidfd, round ? SIGCONT : SIGSTOP), 0);
		bool stopped = round;
		for (int waited = 0; stopped == round && waited < HANG_BOUND_MS; waited++) {
			cleanup_file FILE *stat = fopen(path, "re");
			cr_assert(stat && fgets(line, sizeof line, stat));
			stopped = strstr(line, ") T ") != NULL;
			if (stopped == round)
				poll(NULL, 0, 1);
		}
		cr_assert_neq(stopped, round, "%s", line);
	}
	cr_assert_eq(spawned_signal(run.spawned.pidfd, SIGTERM), 0);
	run_finish(&run);
	cr_expect_eq(run.wait_status, 3 << 8);
}

/* ---- The terminal ---- */

SPAWN_TEST(init, opens_a_terminal_and_hands_its_master_out)
{
	static const char *const options[] = {"newinstance", "ptmxmode=0666", NULL};
	cleanup_plan struct plan *plan = plan_new();
	plan_add_die_with_parent(plan);
	plan_add_private(plan);
	plan_add_mount(plan, false, "devpts", "/dev/pts", 0, options);
	plan_add_fork(plan, false);
	plan_add_setsid(plan);
	plan_add_tty(plan, 33, 77);
	FINISH(plan, "sh", "-c", "tty; stty size; read line; echo \"<$line>\"; exec \"$0\"", fixture.catch);
	char before[4096], after[4096];
	fds_list(before);
	struct run run = RUN_INIT;
	run.namespaces = container;
	run.stdio = (const int[]){-1, -1, -1};
	run_start(&run, plan);
	cr_assert_eq(run.code, 0, "%s", run.error.text);
	cr_assert_geq(run.spawned.tty, 0);
	cr_expect(isatty(run.spawned.tty));
	cr_expect_eq(fcntl(run.spawned.tty, F_GETFD), FD_CLOEXEC);
	run.output_fd = dup(run.spawned.tty);
	run_await(&run, "/dev/pts/0\r\n33 77\r\n");
	cr_assert_eq(write(run.spawned.tty, "typed\n", 6), 6);
	run_await(&run, "<typed>\r\nready\r\n");
	/* It is the controlling terminal: its interrupt key reaches the command. */
	cr_assert_eq(write(run.spawned.tty, "\003", 1), 1);
	/* The terminal's echo of the key may come in between that and the line's end. */
	run_await(&run, "signal 2");
	cr_assert_eq(spawned_signal(run.spawned.pidfd, SIGUSR2), 0);
	run_finish(&run);
	cr_expect_eq(run.wait_status, 0, "%#x", run.wait_status);
	cr_expect_str_eq(fds_list(after), before);
}

SPAWN_TEST(init, a_terminal_is_closed_again_when_a_later_step_fails)
{
	static const char *const options[] = {"newinstance", "ptmxmode=0666", NULL};
	cleanup_plan struct plan *plan = plan_new();
	plan_add_die_with_parent(plan);
	plan_add_private(plan);
	plan_add_mount(plan, false, "devpts", "/dev/pts", 0, options);
	plan_add_setsid(plan);
	plan_add_tty(plan, 24, 80);
	FINISH(plan, "/no/such/command");
	char before[4096], after[4096];
	fds_list(before);
	struct run run = RUN_INIT;
	run.namespaces = container;
	run_start(&run, plan);
	cr_expect_eq(run.code, -ENOENT);
	cr_expect_eq(run.spawned.tty, -1);
	cr_expect_str_eq(fds_list(after), before);
}

/* ---- Ends with its parent ---- */

/*
 * Starts the plan in a child that is then killed, and waits for the end of what the plan runs: nobody holds the pipe
 * it writes to any more. Without that end, poll's bound fails the test.
 */
static void expect_end_with_parent(const struct plan *plan, uint64_t namespaces, int namespaces_fd)
{
	int ends[2];
	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	pid_t parent = fork();
	cr_assert_geq(parent, 0);
	if (parent == 0) {
		struct run run = RUN_INIT;
		run.namespaces = namespaces;
		run.namespaces_fd = namespaces_fd;
		run.stdio = (const int[]){-1, ends[1], ends[1]};
		run_start(&run, plan);
		if (run.code < 0)
			_exit(1);
		for (;;)
			pause();
	}
	close(ends[1]);
	char text[256] = "";
	read_text(ends[0], text, sizeof text, "ready\n");
	cr_assert_eq(kill(parent, SIGKILL), 0);
	read_text(ends[0], text, sizeof text, NULL);
	close(ends[0]);
	int status;
	cr_assert_eq(waitpid(parent, &status, 0), parent);
	cr_expect(WIFSIGNALED(status), "it could not start the command");
}

SPAWN_TEST(init, dies_with_its_parent)
{
	cleanup_plan struct plan *plan = plan_new();
	plan_add_die_with_parent(plan);
	plan_add_fork(plan, false);
	FINISH(plan, fixture.catch);
	expect_end_with_parent(plan, CLONE_NEWPID, -1);
}

SPAWN_TEST(init, a_command_without_init_dies_with_its_parent)
{
	cleanup_plan struct plan *plan = plan_new();
	plan_add_die_with_parent(plan);
	FINISH(plan, fixture.catch);
	expect_end_with_parent(plan, CLONE_NEWPID, -1);
}

/* A change of user takes the kernel's promise back, so the step comes behind it. prctl(2), PR_SET_PDEATHSIG */
SPAWN_TEST(init, a_command_of_another_user_dies_with_its_parent)
{
	cr_assert_eq(chmod(fixture.directory, 0755), 0);
	cleanup_plan struct plan *plan = plan_new();
	plan_add_user(plan, 65534, 65534, NULL, 0, false);
	plan_add_die_with_parent(plan);
	FINISH(plan, fixture.catch);
	expect_end_with_parent(plan, CLONE_NEWPID, -1);
}

SPAWN_TEST(init, a_command_that_joined_dies_with_who_started_it)
{
	cleanup_plan struct plan *first = plan_of_container();
	FINISH(first, fixture.catch);
	struct run there = RUN_INIT;
	there.namespaces = container;
	run_start(&there, first);
	run_await(&there, "ready\n");
	for (uid_t user = 0; user < 2; user++) {
		cleanup_plan struct plan *plan = plan_new();
		plan_add_die_with_parent(plan);
		plan_add_setns(plan, container);
		plan_add_fork(plan, true);
		plan_add_user(plan, user, user, NULL, 0, false);
		plan_add_die_with_parent(plan);
		FINISH(plan, fixture.catch);
		expect_end_with_parent(plan, 0, there.spawned.pidfd);
	}
	cr_assert_eq(spawned_signal(there.spawned.pidfd, SIGUSR2), 0);
	run_finish(&there);
}
