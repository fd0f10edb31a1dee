/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Root of a user namespace, with every capability there and no filter: it must be nobody to the host, and to root of
 * another container.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/attack/attack.h"

static void init(void)
{
	attack_init();
	rt_require_idmapped();
}

TestSuite(attack_users, .init = init, .fini = rt_fini);

static const struct berth_id_range ranges[] = {{0, 100000, 65536}, {0, 200000, 65536}};

static struct berth_options as_nobody(struct berth_options options, size_t which)
{
	options.uid_map = &ranges[which];
	options.n_uid_map = 1;
	attack_unguarded(&options);
	return options;
}

static int wait_to_be_killed(void *data)
{
	(void)data;
	while (pause() < 0)
		;
	return 0;
}

/* On the host, as root. */
static const char *reach_by(int pidfd)
{
	static char text[4096];
	int out[2];
	cr_assert_eq(pipe2(out, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid == 0) {
		if (dup2(pidfd, 0) == 0 && dup2(out[1], 1) == 1)
			execl(rt_payload("reach"), "reach", "pidfd", (char *)NULL);
		_exit(98);
	}
	close(out[1]);
	size_t length = 0;
	for (ssize_t got; (got = read(out[0], text + length, sizeof text - 1 - length)) > 0;)
		length += (size_t)got;
	text[length] = '\0';
	close(out[0]);
	waitpid(pid, NULL, 0);
	return text;
}

/* What it can do to a process that it was handed a descriptor of, though it does not see it. */
static const char *reach_from_inside(int pidfd)
{
	static char text[4096];
	int out[2];
	size_t length = 0;
	struct berth_options options = as_nobody(RT_OPTIONS("reach", "pidfd"), 0);
	cr_assert_eq(pipe2(out, O_CLOEXEC), 0);
	options.stdio = (const int[]){pidfd, out[1], 2};
	struct berth_container *container = rt_launch(&options);
	close(out[1]);
	for (ssize_t got; (got = read(out[0], text + length, sizeof text - 1 - length)) > 0;)
		length += (size_t)got;
	text[length] = '\0';
	close(out[0]);
	rt_expect_end(rt_end(container), BERTH_EXITED, 0);
	return text;
}

static bool is_refused(const char *result)
{
	return strcmp(result, "EPERM") == 0 || strcmp(result, "EACCES") == 0;
}

Test(attack_users, processes_by_descriptor)
{
	static const char *const acts[] = {"signal", "getfd", "madvise", "setns"};
	pid_t pid = rt_fork(wait_to_be_killed, NULL);
	int host = (int)syscall(SYS_pidfd_open, pid, 0);
	cr_assert_geq(host, 0);
	struct berth_options other = as_nobody(RT_OPTIONS("act", "say", "up", "hold"), 1);
	struct rt_job *job = rt_job(&other);
	rt_job_expect(job, "up");
	const int targets[] = {host, berth_container_pidfd(job->container)};
	for (size_t i = 0; i < 2; i++) {
		/* Without the defence. */
		const char *text = reach_by(targets[i]);
		for (size_t k = 0; k < 4; k++)
			cr_assert(*rt_value(text, acts[k]) && strcmp(rt_value(text, acts[k]), "EPERM") != 0, "%s",
				  text);
		text = reach_from_inside(targets[i]);
		/* It is in no PID namespace of the attacker's. pidfd_send_signal(2) */
		rt_expect_value(text, "signal", "EINVAL");
		for (size_t k = 1; k < 4; k++)
			cr_expect(is_refused(rt_value(text, acts[k])), "%s", text);
	}
	rt_expect_end(rt_job_end(job), BERTH_EXITED, 0);
	close(host);
	kill(pid, SIGKILL);
	rt_wait_child(pid);
}

static volatile sig_atomic_t signalled;

static void note(int signal)
{
	(void)signal;
	signalled = 1;
}

/* Neither who launched it, nor anybody else outside, gets a signal. */
Test(attack_users, signals)
{
	signal(SIGUSR1, note);
	pid_t bystander = rt_fork(wait_to_be_killed, NULL);
	for (unsigned int flags = 0; flags <= BERTH_NO_INIT; flags += BERTH_NO_INIT) {
		struct berth_options options = as_nobody(RT_OPTIONS("reach", "signals"), 0);
		options.flags |= flags;
		const char *text = rt_output(&options);
		rt_expect_value(text, "group", "ok");
		cr_expect(*rt_value(text, "parent"), "%s", text);
	}
	cr_expect_not(signalled);
	cr_expect_eq(waitpid(bystander, NULL, WNOHANG), 0, "a process of the host's was killed");
	/* Without the defence. */
	cr_assert_eq(kill(getpid(), SIGUSR1), 0);
	cr_assert(signalled);
	signal(SIGUSR1, SIG_DFL);
	kill(bystander, SIGKILL);
	rt_wait_child(bystander);
}

/* Its map is written once, by who launches; one within holds no more than it has itself. user_namespaces(7) */
Test(attack_users, maps_and_limits)
{
	const char *limit = rt_read("/proc/sys/user/max_user_namespaces");
	struct berth_options options = as_nobody(RT_OPTIONS("reach", "maps", "limits"), 0);
	const char *text = rt_output(&options);
	rt_expect_value(text, "uid-map", "EPERM");
	rt_expect_value(text, "gid-map", "EPERM");
	rt_expect_value(text, "setgroups", "EPERM");
	rt_expect_value(text, "nested-all", "EPERM");
	rt_expect_value(text, "nested", "ok");
	/* Where it has CAP_SYS_RESOURCE it would be allowed, but for what covers it. */
	cr_expect(strcmp(rt_value(text, "max-namespaces"), "EROFS") == 0 ||
			  strcmp(rt_value(text, "max-namespaces"), "EACCES") == 0,
		  "%s", text);
	cr_expect_str_eq(rt_read("/proc/sys/user/max_user_namespaces"), limit);
	/* With the defaults there is none within. */
	options.cap_add = NULL;
	options.seccomp = NULL;
	text = rt_output(&options);
	rt_expect_value(text, "nested-all", "EPERM");
	rt_expect_value(text, "nested", "EPERM");
}

/* Whoever traces what comes catches this one: its command lives until it is traced. */
static void join_until_seized(struct rt_job *job)
{
	int in[2], status;
	cr_assert_eq(pipe2(in, O_CLOEXEC), 0);
	struct berth_exec_options options = BERTH_EXEC_OPTIONS_INIT;
	struct berth_process *process = NULL;
	options.argv = (const char *const[]){"/bin/act", "hold", NULL};
	options.stdio = (const int[]){in[0], -1, -1};
	rt_ok(berth_container_exec(job->container, &options, &process, &rt.error));
	close(in[0]);
	rt_job_await(job, "seized=act");
	close(in[1]);
	rt_ok(berth_process_wait(process, rt_patience(), &status, &rt.error));
	cr_expect_eq(status, 0);
	berth_process_close(process);
}

/*
 * A process that joins holds, until it executes the command, what the host's root holds. Its memory belongs to the
 * host's user namespace until then, so that being let trace inside is not enough.
 */
Test(attack_users, processes_that_join)
{
	/* Root of the host's users, let trace. */
	struct berth_options tracer = RT_OPTIONS("reach", "seize");
	tracer.cap_add = (const char *const[]){"SYS_PTRACE", NULL};
	struct rt_job *job = rt_job(&tracer);
	rt_job_expect(job, "lurking");
	for (int i = 0; i < attack_rounds(); i++)
		cr_expect(ATTACK_EXEC(job->container, "/bin/act", "say", "joined"), "%s", rt.error.text);
	rt_expect_end(rt_job_end(job), BERTH_EXITED, 0);
	cr_assert(strstr(job->text, "seized=berth-init\n"), "the attack failed without the defence:\n%s", job->text);

	struct berth_options options = as_nobody(RT_OPTIONS("reach", "seize"), 0);
	job = rt_job(&options);
	rt_job_expect(job, "lurking");
	for (int i = 0; i < attack_rounds(); i++)
		cr_expect(ATTACK_EXEC(job->container, "/bin/act", "say", "joined"), "%s", rt.error.text);
	join_until_seized(job);
	rt_expect_end(rt_job_end(job), BERTH_EXITED, 0);
	cr_expect_eq(rt_count(job->text, "seized=berth-init"), 0, "%s", job->text);
}

/* ---- Files ---- */

static struct berth_options with_volume(struct berth_options options, const struct berth_volume *volume)
{
	options.volumes = volume;
	options.n_volumes = 1;
	return options;
}

static void expect_act(const char *text, const char *verb, const char *path, const char *result)
{
	char line[300];
	snprintf(line, sizeof line, "%s %s=%s", verb, path, result);
	rt_expect_line(text, line);
}

/* Where ids are not shifted, as in a root that is the host's, each container's files are its own. */
Test(attack_users, files_of_the_host_and_of_another)
{
	cr_assert_eq(chmod(rt.base, 0755), 0);
	const char *host = rt_write("host-file", "the host's\n"), *all = rt_path("for-all");
	char closed[128], open_one[128], new_one[128];
	snprintf(closed, sizeof closed, "%s/closed", all);
	snprintf(open_one, sizeof open_one, "%s/open", all);
	snprintf(new_one, sizeof new_one, "%s/new", all);
	cr_assert_eq(mkdir(all, 0755), 0);
	cr_assert_eq(chmod(all, 01777), 0);
	struct berth_options one = as_nobody(
		RT_OPTIONS("act", "write", closed, "one's", "chmod", closed, "600", "write", open_one, "one's"), 0);
	one.root = "host-rw";
	one.workdir = "/";
	rt_output(&one);
	struct berth_options two =
		as_nobody(RT_OPTIONS("act", "read", closed, "write", closed, "x", "chmod", closed, "666", "remove",
				     closed, "read", open_one, "write", open_one, "x", "remove", open_one, "write",
				     new_one, "x", "write", host, "x", "chmod", host, "666", "chmod", new_one, "4755"),
			  1);
	two.root = "host-rw";
	two.workdir = "/";
	const char *text = rt_output(&two);
	expect_act(text, "read", closed, "EACCES");
	expect_act(text, "write", closed, "EACCES");
	expect_act(text, "chmod", closed, "EPERM");
	expect_act(text, "remove", closed, "EPERM");
	expect_act(text, "read", open_one, "one's");
	expect_act(text, "write", open_one, "EACCES");
	expect_act(text, "remove", open_one, "EPERM");
	expect_act(text, "write", host, "EACCES");
	expect_act(text, "chmod", host, "EPERM");
	/* What it makes set-user-ID is set to one of its own ids, which is nobody's on the host. */
	struct stat status;
	cr_assert_eq(stat(new_one, &status), 0);
	cr_expect_eq(status.st_uid, ranges[1].outside);
	/* Without the defence: as root of the host's users. */
	struct berth_options root = RT_OPTIONS("act", "read", closed, "remove", open_one);
	root.root = "host-rw";
	root.workdir = "/";
	text = rt_output(&root);
	expect_act(text, "read", closed, "one's");
	expect_act(text, "remove", open_one, "ok");
}

/* A volume is shown shifted to each: root inside is the files' root, as the launcher meant, but makes no devices. */
Test(attack_users, devices_and_set_user_id_on_a_volume)
{
	char source[128], program[128];
	strcpy(source, rt_path("shared"));
	cr_assert_eq(mkdir(source, 0755), 0);
	snprintf(program, sizeof program, "%s/escape", source);
	char command[512];
	snprintf(command, sizeof command, "cp %s %s && chmod 4755 %s", rt_payload("escape"), program, program);
	cr_assert_eq(system(command), 0);
	const struct berth_volume volume = {source, "/v", false};

	struct berth_options options = with_volume(
		as_nobody(RT_OPTIONS("act", "mknod", "/v/kmsg", "c 1 11", "mknod", "/v/disk", "b 254 0"), 0), &volume);
	const char *text = rt_output(&options);
	rt_expect_line(text, "mknod /v/kmsg=EPERM");
	rt_expect_line(text, "mknod /v/disk=EPERM");
	/* What is written is root's on the host, which the manual warns of. */
	options = with_volume(as_nobody(RT_OPTIONS("act", "write", "/v/made", "x", "chmod", "/v/made", "4755"), 1),
			      &volume);
	struct stat status;
	rt_output(&options);
	cr_assert_eq(stat(rt_path("shared/made"), &status), 0);
	cr_expect(status.st_uid == 0 && status.st_mode == (S_IFREG | 04755), "%u %o", status.st_uid, status.st_mode);

	/* One of the host's root, executed by a user inside: with the defaults nothing; else root inside, no more. */
	struct statvfs mount;
	cr_assert_eq(statvfs(source, &mount), 0);
	bool counts = !(mount.f_flag & ST_NOSUID);
	for (size_t i = 0; i < 2; i++) {
		struct berth_options user = RT_OPTIONS("escape", "caps");
		user.argv = (const char *const[]){"/v/escape", "caps", NULL};
		user.uid_map = &ranges[0];
		user.n_uid_map = 1;
		user.user = "1234";
		user.flags = i ? BERTH_NEW_PRIVILEGES : 0;
		user = with_volume(user, &volume);
		text = rt_output(&user);
		rt_expect_value(text, "CapEff", i && counts ? "00000000a80425fb" : "0000000000000000");
	}
}
