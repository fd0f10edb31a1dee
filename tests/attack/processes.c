/* SPDX-License-Identifier: Apache-2.0 */
/* What the processes that make a container, and that join it, show of the host to those inside. */
#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/attack/attack.h"
#include "tests/support/job.h"

TestSuite(attack_processes, .init = attack_init, .fini = rt_fini);

static void file_copy(const char *from, const char *to)
{
	char command[1024];
	snprintf(command, sizeof command, "cp '%s' '%s'", from, to);
	cr_assert_eq(system(command), 0);
}

static bool file_same(const char *one, const char *other)
{
	char command[1024];
	snprintf(command, sizeof command, "cmp -s '%s' '%s'", one, other);
	return system(command) == 0;
}

/* A container that runs a payload which works until its input ends, and has said `ready`. */
static struct rt_job *attacker(struct berth_options options, const char *ready)
{
	options.name = "attacker";
	struct rt_job *job = rt_job(&options);
	rt_job_expect(job, ready);
	return job;
}

static const char *pid_of(const struct rt_job *job)
{
	static char text[16];
	snprintf(text, sizeof text, "%d", berth_container_pid(job->container));
	return text;
}

/*
 * runc executed itself inside, where a command was /proc/self/exe or a script of it, and who was inside then wrote over
 * the program on the host.
 */
Test(attack_processes, cve_2019_5736)
{
	char runtime[256], copy[256];
	strcpy(runtime, rt_path("runtime"));
	strcpy(copy, rt_path("berth"));
	rt_write("root/bin/evil", "#!/proc/self/exe\n");
	cr_assert_eq(chmod(rt_path("root/bin/evil"), 0755), 0);

	/* A runtime with the hole. */
	file_copy(rt_payload("escape"), runtime);
	struct rt_job *job = attacker(RT_OPTIONS("escape", "overwrite"), "lurking");
	cleanup_job struct job joining = {0};
	job_start(&joining, (const char *const[]){runtime, "join", pid_of(job), "/proc/self/exe", "hold", NULL});
	rt_job_expect(job, "caught");
	job_finish(&joining);
	rt_expect_end(rt_job_end(job), BERTH_EXITED, 0);
	rt_expect_value(job->text, "overwrite", "ok");
	cr_assert_eq(strncmp(rt_read(runtime), "overwritten", 11), 0, "the attack on a runtime with the hole failed");

	/* This one. */
	file_copy(attack_program("berth"), copy);
	setenv("BERTH_STATE_ROOT", rt.state, 1);
	setenv("BERTH_DATA_ROOT", rt.data, 1);
	job = attacker(RT_OPTIONS("escape", "overwrite"), "lurking");
	static const char *const commands[] = {"/bin/evil", "/proc/self/exe", "/proc/1/exe"};
	for (int i = 0; i < 60; i++) {
		cleanup_job struct job exec = {0};
		job_start(&exec, (const char *const[]){copy, "exec", "attacker", commands[i % 3], "version", NULL});
		job_finish(&exec);
		cr_expect_neq(exec.status, 0, "%s was executed: %s", commands[i % 3], exec.out_text);
		cr_expect(!strstr(exec.out_text, "berth 0"), "the host's program ran inside: %s", exec.out_text);
	}
	rt_expect_end(rt_job_end(job), BERTH_EXITED, 0);
	cr_expect_str_neq(rt_value(job->text, "overwrite"), "ok", "%s", job->text);
	cr_expect(file_same(copy, attack_program("berth")), "the program was written over");

	for (int i = 0; i < 4; i++) {
		cleanup_job struct job run = {0};
		job_start(&run, (const char *const[]){copy, "run", "--root", rt.root, "--cgroup-parent", rt.parent,
						      i & 1 ? "--init" : "--no-init", "--", commands[i / 2], "version",
						      NULL});
		job_finish(&run);
		cr_expect_neq(run.status, 0, "%s was executed: %s", commands[i / 2], run.out_text);
		cr_expect(!strstr(run.out_text, "berth 0"), "the host's program ran inside: %s", run.out_text);
	}
	unsetenv("BERTH_STATE_ROOT");
	unsetenv("BERTH_DATA_ROOT");
}

/* Processes that runc let join a container could be traced, and their descriptors used, before they were confined. */
Test(attack_processes, cve_2016_9962)
{
	/* A runtime with the hole. */
	struct rt_job *job = attacker(RT_OPTIONS("escape", "stalk", attack_secret), "stalking");
	cleanup_job struct job joining = {0};
	job_start(&joining, (const char *const[]){rt_payload("escape"), "hold-join", pid_of(job), NULL});
	job_await_output(&joining, "holding=");
	char reached[64];
	snprintf(reached, sizeof reached, "reached=fd/%s", strstr(joining.out_text, "holding=") + 8);
	reached[strcspn(reached, "\n")] = '\0';
	rt_job_expect(job, reached);
	job_finish(&joining);
	rt_job_kill(job);

	/* This one. */
	job = attacker(RT_OPTIONS("escape", "stalk", attack_secret), "stalking");
	for (int i = 0; i < attack_rounds(); i++)
		cr_expect(ATTACK_EXEC(job->container, "/bin/act", "exit", "0"), "%s", rt.error.text);
	rt_expect_end(rt_job_end(job), BERTH_EXITED, 0);
	rt_expect_line(job->text, "stalked");
	cr_expect_eq(rt_count(job->text, "reached="), 0, "%s", job->text);
}

/*
 * runc left a descriptor of a host's directory open in what became the container: as its working directory,
 * /proc/self/fd/N led out; and as its command, a program of the host's.
 */
Test(attack_processes, cve_2024_21626)
{
	/* The slave leaks, too. */
	int leaked = open("/", O_RDONLY | O_DIRECTORY);
	int program = open(rt_payload("act"), O_RDONLY);
	cr_assert(leaked >= 0 && program >= 0);
	char directory[64], command[64];
	snprintf(directory, sizeof directory, "/proc/self/fd/%d", leaked);
	snprintf(command, sizeof command, "/proc/self/fd/%d", program);

	/* A runtime with the hole. */
	cr_assert_eq(mkdir(rt_path("root/proc"), 0555), 0);
	cr_assert_eq(mount("proc", rt_path("root/proc"), "proc", 0, NULL), 0);
	const char *text = attack_chrooted(directory, (const char *const[]){"/bin/escape", "cwd", attack_secret, NULL});
	rt_expect_value(text, "cwd", "ok");
	text = attack_chrooted("/", (const char *const[]){command, "say", "the host's program", NULL});
	rt_expect_line(text, "the host's program");
	cr_assert_eq(umount2(rt_path("root/proc"), MNT_DETACH), 0);

	/* This one. */
	struct berth_options idle = RT_OPTIONS("act", "hold");
	struct rt_job *job = rt_job(&idle);
	int highest = leaked > program ? leaked : program;
	for (int fd = 3; fd <= highest + 8; fd++) {
		snprintf(directory, sizeof directory, "/proc/self/fd/%d", fd);
		for (unsigned int flags = 0; flags <= BERTH_NO_INIT; flags += BERTH_NO_INIT) {
			struct berth_options options = RT_OPTIONS("escape", "cwd", attack_secret);
			options.flags = flags;
			options.workdir = directory;
			text = attack_try(options);
			cr_expect(!text || strcmp(rt_value(text, "cwd"), "ok") != 0, "%s leads out", directory);
			options = RT_OPTIONS("act", "say", "the host's program");
			options.argv = (const char *const[]){directory, "say", "the host's program", NULL};
			options.flags = flags;
			text = attack_try(options);
			cr_expect(!text || !strstr(text, "the host's"), "%s was executed", directory);
		}
		text = attack_exec(job->container, (const char *const[]){"/bin/escape", "cwd", attack_secret, NULL},
				   directory);
		cr_expect(!text || strcmp(rt_value(text, "cwd"), "ok") != 0, "%s leads out of exec", directory);
		text = ATTACK_EXEC(job->container, directory, "say", "the host's program");
		cr_expect(!text || !strstr(text, "the host's"), "%s was executed", directory);
	}
	close(leaked);
	close(program);
	rt_expect_end(rt_job_end(job), BERTH_EXITED, 0);
}

/* runc and crun started commands with a full inheritable set, which programs with file capabilities could raise. */
Test(attack_processes, cve_2022_29162_and_2022_27650)
{
	cap_t caps = cap_get_proc();
	for (cap_value_t i = 0; i <= CAP_SYS_RESOURCE; i++)
		if (i != CAP_SYS_RESOURCE)
			cap_set_flag(caps, CAP_INHERITABLE, 1, &i, CAP_SET);
	cr_assert_eq(cap_set_proc(caps), 0, "%s", strerror(errno));
	cap_free(caps);

	/* A runtime with the hole. */
	cr_assert_eq(mkdir(rt_path("root/proc"), 0555), 0);
	cr_assert_eq(mount("proc", rt_path("root/proc"), "proc", 0, NULL), 0);
	const char *text = attack_chrooted("/", (const char *const[]){"/bin/escape", "caps", NULL});
	cr_assert_str_neq(rt_value(text, "CapInh"), "0000000000000000", "%s", text);
	cr_assert_str_neq(rt_value(text, "CapInh"), "", "%s", text);
	cr_assert_eq(umount2(rt_path("root/proc"), MNT_DETACH), 0);

	/* This one. */
	for (unsigned int flags = 0; flags <= BERTH_NO_INIT; flags += BERTH_NO_INIT) {
		for (int i = 0; i < 2; i++) {
			struct berth_options options = RT_OPTIONS("escape", "caps", "hold");
			options.flags = flags;
			options.user = i ? "alice" : NULL;
			struct rt_job *job = rt_job(&options);
			rt_job_await(job, "CapAmb=0000000000000000");
			rt_expect_value(job->text, "CapInh", "0000000000000000");
			rt_expect_value(job->text, "CapEff", i ? "0000000000000000" : "00000000a80425fb");
			rt_expect_value(job->text, "CapBnd", "00000000a80425fb");
			text = ATTACK_EXEC(job->container, "/bin/escape", "caps");
			cr_assert(text, "%s", rt.error.text);
			rt_expect_value(text, "CapInh", "0000000000000000");
			rt_expect_value(text, "CapBnd", "00000000a80425fb");
			rt_expect_end(rt_job_end(job), BERTH_EXITED, 0);
		}
	}
}

/* ---- Terminals ---- */

struct session {
	int terminal;
	const char *const *argv;
};

static int in_session(void *data)
{
	const struct session *session = data;
	if (setsid() < 0 || ioctl(session->terminal, TIOCSCTTY, 0) < 0)
		return 97;
	for (int fd = 0; fd < 3; fd++)
		dup2(session->terminal, fd);
	execv(session->argv[0], (char *const *)session->argv);
	return 96;
}

/* Runs a program as a shell at a terminal would; what comes of it on the terminal. */
static const char *at_terminal(const char *const *argv)
{
	static char text[8192];
	size_t length = 0;
	int master, terminal;
	cr_assert_eq(openpty(&master, &terminal, NULL, NULL, NULL), 0);
	fcntl(master, F_SETFD, FD_CLOEXEC);
	struct session session = {terminal, argv};
	pid_t pid = rt_fork(in_session, &session);
	close(terminal);
	for (;;) {
		rt_wait_readable(master);
		ssize_t got = read(master, text + length, sizeof text - 1 - length);
		if (got <= 0)
			break;
		length += (size_t)got;
	}
	text[length] = '\0';
	close(master);
	rt_wait_child(pid);
	return text;
}

static void expect_nothing_typed(const char *text, bool has_terminal)
{
	cr_expect(strstr(text, "tiocsti-tty="), "%s", text);
	cr_expect(!strstr(text, "=ok"), "something was typed:\n%s", text);
	cr_expect(has_terminal || strstr(text, "tiocsti-tty=ENXIO"), "it has a controlling terminal:\n%s", text);
}

/*
 * Programs inside typed into the terminal that the launcher was started from, by TIOCSTI: bwrap (CVE-2017-5226), and
 * runuser and su (CVE-2016-2779); with lxc-attach (CVE-2016-10124) those that joined.
 */
Test(attack_processes, cve_2017_5226_and_2016_2779_and_2016_10124)
{
	/* A launcher with the hole: the terminal is the command's too. */
	const char *text = at_terminal((const char *const[]){rt_payload("escape"), "tiocsti", NULL});
	cr_assert(strstr(text, "tiocsti-0=ok") && strstr(text, "tiocsti-tty=ok"), "%s", text);

	/* This one: by the filter, and without it since the command is no member of the terminal's session. */
	setenv("BERTH_STATE_ROOT", rt.state, 1);
	setenv("BERTH_DATA_ROOT", rt.data, 1);
	static const char *const filters[] = {"default", "unconfined"};
	for (int i = 0; i < 2; i++) {
		static const char *const ways[] = {"--init", "--no-init"};
		for (int way = 0; way < 2; way++)
			expect_nothing_typed(
				at_terminal((const char *const[]){attack_program("berth"), "run", "--root", rt.root,
								  "--cgroup-parent", rt.parent, "--seccomp", filters[i],
								  ways[way], "--", "/bin/escape", "tiocsti", NULL}),
				false);
		expect_nothing_typed(at_terminal((const char *const[]){attack_program("berth"), "run", "-t", "--root",
								       rt.root, "--cgroup-parent", rt.parent, "--",
								       "/bin/escape", "tiocsti", NULL}),
				     true);
		struct berth_options options = RT_OPTIONS("act", "hold");
		options.name = "joined";
		options.seccomp = filters[i];
		struct rt_job *job = rt_job(&options);
		expect_nothing_typed(at_terminal((const char *const[]){attack_program("berth"), "exec", "joined",
								       "/bin/escape", "tiocsti", NULL}),
				     false);
		rt_expect_end(rt_job_end(job), BERTH_EXITED, 0);
	}
	unsetenv("BERTH_STATE_ROOT");
	unsetenv("BERTH_DATA_ROOT");
}

/* ---- In general ---- */

Test(attack_processes, descriptors_of_the_launcher)
{
	int leaked[8];
	for (int i = 0; i < 8; i++)
		cr_assert_geq(leaked[i] = i % 2 ? open("/etc", O_RDONLY | O_DIRECTORY) : dup(2), 0);
	const char *text = attack_chrooted("/", (const char *const[]){"/bin/escape", "descriptors", NULL});
	cr_assert_str_neq(rt_value(text, "descriptors"), "0", "nothing was leaked");
	for (unsigned int flags = 0; flags <= BERTH_NO_INIT; flags += BERTH_NO_INIT) {
		struct berth_options options = RT_OPTIONS("escape", "descriptors", "hold");
		options.flags = flags;
		struct rt_job *job = rt_job(&options);
		rt_job_expect(job, "descriptors=0");
		text = ATTACK_EXEC(job->container, "/bin/escape", "descriptors");
		cr_assert(text, "%s", rt.error.text);
		rt_expect_value(text, "descriptors", "0");
		rt_expect_end(rt_job_end(job), BERTH_EXITED, 0);
	}
	for (int i = 0; i < 8; i++)
		close(leaked[i]);
}

/* All of the host, where whoever launches has a directory there. */
Test(attack_processes, directory_as_standard_input)
{
	int directory = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC), kept = dup(0);
	char path[300], line[400];
	snprintf(path, sizeof path, "/proc/self/fd/0%s", attack_secret);
	snprintf(line, sizeof line, "read %s=the host's", path);
	cr_assert_eq(dup2(directory, 0), 0);
	const char *text = attack_at_fault(ATTACK_CHROOT, (const char *const[]){"/bin/act", "read", path, NULL});
	rt_expect_line(text, line);

	struct berth_options hold = RT_OPTIONS("act", "hold");
	struct rt_job *job = rt_job(&hold);
	struct berth_exec_options joining = BERTH_EXEC_OPTIONS_INIT;
	joining.argv = (const char *const[]){"/bin/act", "read", path, NULL};
	for (int fd = 0; fd < 3; fd++) {
		int stdio[] = {-1, -1, -1};
		stdio[fd] = directory;
		struct berth_options options = RT_OPTIONS("act", "read", path);
		options.stdio = fd ? stdio : NULL;
		joining.stdio = options.stdio;
		rt_launch_fails(&options, -EISDIR, 125);
		struct berth_process *process;
		rt_expect_error(berth_container_exec(job->container, &joining, &process, &rt.error), EISDIR);
	}
	rt_expect_end(rt_job_end(job), BERTH_EXITED, 0);
	cr_assert_eq(dup2(kept, 0), 0);
	close(directory);
	close(kept);
}

/* init keeps the way out to itself: its memory, program, root, descriptors. It can't be traced either. */
Test(attack_processes, init_from_inside)
{
	/* A PID 1 that does not hide. */
	struct berth_options open = RT_OPTIONS("escape", "ptrace-init");
	open.flags = BERTH_NO_INIT;
	const char *text = rt_output(&open);
	rt_expect_value(text, "exe", "ok");
	rt_expect_value(text, "mem", "ok");

	static const char *const users[] = {NULL, "alice"};
	for (int i = 0; i < 2; i++) {
		struct berth_options options = RT_OPTIONS("escape", "ptrace-init", "hold");
		options.user = users[i];
		struct rt_job *job = rt_job(&options);
		rt_job_await(job, "ns=EACCES");
		text = job->text;
		for (int joined = 0; joined < 2; joined++) {
			static const char *const ways[] = {"mem", "exe", "root", "cwd", "environ", "ns"};
			rt_expect_value(text, "seize", "EPERM");
			for (size_t k = 0; k < sizeof ways / sizeof *ways; k++)
				rt_expect_value(text, ways[k], "EACCES");
			text = ATTACK_EXEC(job->container, "/bin/escape", "ptrace-init");
			cr_assert(text, "%s", rt.error.text);
		}
		rt_expect_end(rt_job_end(job), BERTH_EXITED, 0);
	}
}
