/* SPDX-License-Identifier: Apache-2.0 */
/* lxc-execute, as slaves call it. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "tests/lxc/fixture.h"

TestSuite(execute, .init = lx_init, .fini = lx_fini);

#define NAME "mesos_executor_default_framework_201211230223-0001"

Test(execute, the_oldest_form)
{
	struct job *run = LX("lxc-execute", "-n", "nexus.slave-0.framework-0-0", "/bin/true");
	lx_expect_status(run, 0);
	cr_expect_str_eq(run->out_text, "");
	cr_expect_str_eq(run->err_text, "");
}

Test(execute, limits_are_in_force_when_the_launcher_starts)
{
	lx_require_controller("cpu");
	lx_require_controller("memory");
	struct job *run = LX_START("lxc-execute", "-n", NAME, "-s", "lxc.cgroup.cpu.shares=10", "-s",
				   "lxc.cgroup.memory.limit_in_bytes=134217728", "/bin/sh", "-c", "echo up; cat");
	job_await_output(run, "up\n");
	struct job *memory = LX("lxc-cgroup", "-n", NAME, "memory.limit_in_bytes");
	lx_expect_status(memory, 0);
	cr_expect_str_eq(memory->out_text, "134217728\n");
	struct job *shares = LX("lxc-cgroup", "-n", NAME, "cpu.shares");
	lx_expect_status(shares, 0);
	cr_expect_str_eq(shares->out_text, "10\n");
	cr_expect_eq(job_finish(run), 0);
}

Test(execute, options_end_at_the_launcher)
{
	struct job *run = LX("lxc-execute", "-n", "a", "/bin/echo", "-n", "b", "-s", "x", "--help", "--", "y");
	lx_expect_status(run, 0);
	cr_expect_str_eq(run->out_text, "b -s x --help -- y");
	run = LX("lxc-execute", "-n", "a", "--", "/bin/echo", "--", "-q");
	lx_expect_status(run, 0);
	cr_expect_str_eq(run->out_text, "-- -q\n");
}

Test(execute, the_whole_environment_empty_values_too)
{
	setenv("HADOOP_HOME", "", 1);
	setenv("MESOS_COMMAND", "a  b\n\"c\"", 1);
	struct job *run =
		LX("lxc-execute", "-n", NAME, "/bin/sh", "-c", "echo \"${HADOOP_HOME-unset}|$MESOS_COMMAND|$PATH\"");
	char expected[1200];
	snprintf(expected, sizeof expected, "|a  b\n\"c\"|%s\n", getenv("PATH"));
	lx_expect_status(run, 0);
	cr_expect_str_eq(run->out_text, expected);
}

Test(execute, the_working_directory_and_standard_input)
{
	cr_assert_eq(chdir("/usr/share"), 0);
	struct job *run = LX_START("lxc-execute", "-n", NAME, "/bin/sh", "-c", "pwd; cat; echo end >&2");
	cr_assert_eq(write(run->in, "fed\n", 4), 4);
	lx_expect_status((job_finish(run), run), 0);
	cr_expect_str_eq(run->out_text, "/usr/share\nfed\n");
	cr_expect_str_eq(run->err_text, "end\n");
}

Test(execute, no_descriptor_of_the_slave_gets_inside)
{
	int leak = open("/etc/passwd", O_RDONLY); // NOLINT(android-cloexec-open): that is the point
	cr_assert_geq(leak, 3);
	struct job *run = LX("lxc-execute", "-n", NAME, "/bin/sh", "-c", "ls /proc/$$/fd; true");
	close(leak);
	lx_expect_status(run, 0);
	cr_expect_str_eq(run->out_text, "0\n1\n2\n", "%s", run->out_text);
}

Test(execute, the_status_is_the_executors_fate)
{
	static const struct {
		const char *script;
		int status;
	} cases[] = {{"exit 0", 0},       {"exit 3", 3},          {"exit 255", 255},
		     {"kill -9 $$", 137}, {"kill -TERM $$", 143}, {"kill -SEGV $$", 139}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct job *run = LX("lxc-execute", "-n", NAME, "/bin/sh", "-c", cases[i].script);
		lx_expect_status(run, cases[i].status);
	}
	struct job *missing = LX("lxc-execute", "-n", NAME, "/nonexistent/launcher");
	lx_expect_status(missing, 127);
	lx_expect_complaint(missing, "/nonexistent/launcher");
	struct job *no_program = LX("lxc-execute", "-n", NAME, "/etc/passwd");
	lx_expect_status(no_program, 126);
	struct job *failed = LX("lxc-execute", "-n", NAME, "-s", "lxc.mount.entry=/nonexistent x none bind", "true");
	lx_expect_status(failed, 1);
	lx_expect_complaint(failed, "/nonexistent");
}

/* A slave: a process group of its own that launches, waits, and ends as lxc-execute ended. */
static pid_t slave_start(const char *script)
{
	pid_t slave = fork();
	cr_assert_geq(slave, 0);
	if (slave != 0)
		return slave;
	setpgid(0, 0);
	pid_t executor = fork();
	if (executor == 0) {
		execlp("lxc-execute", "lxc-execute", "-n", NAME, "/bin/sh", "-c", script, NULL);
		_exit(99);
	}
	int status;
	waitpid(executor, &status, 0);
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 98);
}

Test(execute, an_executor_that_kills_its_process_group_spares_the_slave)
{
	pid_t slave = slave_start("kill -KILL 0");
	int status;
	cr_assert_eq(waitpid(slave, &status, 0), slave);
	cr_assert(WIFEXITED(status), "the slave was killed by signal %d", WTERMSIG(status));
	cr_expect_eq(WEXITSTATUS(status), 137);
}

/* A slave may ignore SIGCHLD and SIGPIPE and block signals: none of that is the executor's. */
Test(execute, the_slaves_signal_settings_stay_outside)
{
	struct job *run = lx_shell("trap '' CHLD PIPE TERM; exec lxc-execute -n x "
				   "/bin/sh -c 'grep -E \"^Sig(Blk|Ign)\" /proc/self/status; exit 5'");
	lx_expect_status(run, 5);
	lx_expect_said(run, "SigBlk:\t0000000000000000");
	lx_expect_said(run, "SigIgn:\t0000000000000000");
}

Test(execute, signals_are_passed_on_to_the_executor)
{
	static const struct {
		int signal;
		const char *name;
	} cases[] = {{SIGTERM, "TERM"}, {SIGINT, "INT"}, {SIGHUP, "HUP"}, {SIGUSR1, "USR1"}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char script[200];
		snprintf(script, sizeof script, "trap 'echo got; exit 42' %s; echo up; while :; do sleep 0.02; done",
			 cases[i].name);
		struct job *run = LX_START("lxc-execute", "-n", NAME, "/bin/sh", "-c", script);
		job_await_output(run, "up\n");
		kill(run->pid, cases[i].signal);
		cr_expect_eq(job_finish(run), 42, "%s: status %d", cases[i].name, run->status);
		lx_expect_said(run, "got");
	}
}

/* The host's pid of the container, as lxc-info tells it. */
static pid_t container_pid(const char *name)
{
	lx_expect_status(LX("lxc-wait", "-n", name, "-s", "RUNNING", "-t", "30"), 0);
	struct job *run = LX("lxc-info", "-n", name, "-pH");
	lx_expect_status(run, 0);
	return atoi(run->out_text);
}

Test(execute, its_own_end_is_the_containers)
{
	struct job *run = LX_START("lxc-execute", "-n", NAME, "/bin/sh", "-c", "sleep 1000 & echo up; cat");
	job_await_output(run, "up\n");
	pid_t inside = container_pid(NAME);
	kill(run->pid, SIGKILL);
	lx_await_gone(inside);
	job_finish(run);
	cr_expect_eq(run->signal, SIGKILL);
	/* What a dead owner leaves is taken over by the next of the name. */
	struct job *again = LX("lxc-execute", "-n", NAME, "/bin/echo", "again");
	lx_expect_status(again, 0);
	cr_expect_str_eq(again->out_text, "again\n");
}

Test(execute, a_name_that_is_in_use_is_refused)
{
	struct job *run = LX_START("lxc-execute", "-n", NAME, "/bin/sh", "-c", "echo up; cat");
	job_await_output(run, "up\n");
	struct job *second = LX("lxc-execute", "-n", NAME, "/bin/true");
	lx_expect_status(second, 1);
	lx_expect_complaint(second, NAME);
	cr_expect(lx_is_there(NAME), "the first is still there");
	cr_expect_eq(job_finish(run), 0);
}

/* About 2 s after an executor's exit its name is launched again; the stop of the old one may not be over then. */
Test(execute, a_relaunch_may_overlap_with_the_stop)
{
	for (int i = 0; i < 8; i++) {
		struct job *old = LX_START("lxc-execute", "-n", NAME, "/bin/sh", "-c",
					   "for i in 1 2 3 4 5 6 7 8; do sleep 1000 & done; echo up; cat");
		job_await_output(old, "up\n");
		struct job *stop = LX_START("lxc-stop", "-n", NAME);
		struct job *next = LX_START("lxc-execute", "-n", NAME, "/bin/sh", "-c", "echo next; cat");
		job_await_output(next, "next\n");
		cr_expect_eq(job_finish(stop), 0, "%s", stop->err_text);
		cr_expect_eq(job_finish(old), 137, "status %d: %s", old->status, old->err_text);
		cr_expect_eq(job_finish(next), 0, "the stop was not meant for it");
	}
}

Test(execute, any_name_works)
{
	static const char *const names[] = {
		"mesos_executor_Task 1 (echo \"it's\" > /dev/null; l...)_framework_F",
		"mesos_executor_../../etc/passwd_framework_F",
		"mesos_executor_$(reboot) `x` *?[a] \\ ; | &_framework_F",
		"-n",
		"mesos_executor_\xc3\xa4\xff\n\t_framework_F",
		"..",
	};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct job *run = LX_START("lxc-execute", "-n", names[i], "/bin/sh", "-c", "echo up; read x; exit 9");
		job_await_output(run, "up\n");
		lx_expect_status(LX("lxc-wait", "-n", names[i], "-s", "RUNNING", "-t", "30"), 0);
		struct job *info = LX("lxc-info", "-n", names[i], "-sH");
		lx_expect_status(info, 0);
		cr_expect_str_eq(info->out_text, "RUNNING\n");
		struct job *stop = LX("lxc-stop", "-n", names[i]);
		lx_expect_status(stop, 0);
		cr_expect_eq(job_finish(run), 137);
	}
}

Test(execute, one_that_nobody_stops_clears_up_after_itself)
{
	struct job *run = LX("lxc-execute", "-n", NAME, "/bin/sh", "-c", "setsid sleep 1000 & exit 4");
	lx_expect_status(run, 4);
	cr_expect_eq(lx_records(), 0);
	cr_expect_eq(lx_cgroups(), 0);
}

/* ---- Roots ---- */

Test(execute, executors_of_a_framework_share_a_root_that_harms_nobody_else)
{
	const char *mark = lx_path("mark");
	char script[300];
	snprintf(script, sizeof script, "echo F > %s; echo up; cat", mark);
	struct job *first = LX_START("lxc-execute", "-n", "mesos_executor_1_framework_F", "/bin/sh", "-c", script);
	job_await_output(first, "up\n");
	struct job *second = LX("lxc-execute", "-n", "mesos_executor_2_framework_F", "/bin/cat", mark);
	lx_expect_status(second, 0);
	cr_expect_str_eq(second->out_text, "F\n");
	struct job *other = LX("lxc-execute", "-n", "mesos_executor_1_framework_G", "/bin/cat", mark);
	lx_expect_status(other, 1);
	cr_expect(access(mark, F_OK) < 0, "the host's file system was written to");
	cr_expect_eq(job_finish(first), 0);
	/* Kept when all its executors are gone. */
	struct job *later = LX("lxc-execute", "-n", "mesos_executor_3_framework_F", "/bin/cat", mark);
	cr_expect_str_eq(later->out_text, "F\n");
}

Test(execute, the_file_for_all_chooses_the_root)
{
	const char *mark = lx_path("mark");
	lx_configure("berth.root = host-rw\n");
	struct job *run = LX("lxc-execute", "-n", NAME, "/usr/bin/touch", mark);
	lx_expect_status(run, 0);
	cr_expect_eq(access(mark, F_OK), 0);
	const char *file = lx_write("other.conf", "berth.root = host\n");
	char parent[100];
	snprintf(parent, sizeof parent, "berth.cgroup.parent=%s", lx.parent);
	run = LX("lxc-execute", "-n", NAME, "-f", file, "-s", parent, "/bin/rm", mark);
	lx_expect_status(run, 0);
	cr_expect_eq(access(mark, F_OK), 0, "what -f says counts, and not the file for all");
}

Test(execute, an_image_of_ones_own_as_a_root)
{
	char text[300];
	mkdir(lx_path("image"), 0755);
	mkdir(lx_path("image/bin"), 0755);
	snprintf(text, sizeof text, "cp %s %s", lx_payload("act"), lx_path("image/bin/act"));
	lx_expect_status(lx_shell(text), 0);
	snprintf(text, sizeof text, "lxc.rootfs.path=overlay:%s", lx_path("image"));
	struct job *run = LX("lxc-execute", "-n", NAME, "-s", text, "/bin/act", "write", "/x", "1", "list", "/");
	lx_expect_status(run, 0);
	lx_expect_said(run, "write /x=ok");
	cr_expect(access(lx_path("image/x"), F_OK) < 0, "the layer over it is thrown away");
	snprintf(text, sizeof text, "berth.root.lower=%s", lx_path("image"));
	run = LX("lxc-execute", "-n", NAME, "-s", text, "/bin/act", "write", "/y", "1");
	lx_expect_status(run, 0);
	run = LX("lxc-execute", "-n", NAME, "-s", text, "/bin/act", "read", "/y");
	lx_expect_said(run, "read /y=1");
	snprintf(text, sizeof text, "lxc.rootfs=dir:%s", lx_path("image"));
	run = LX("lxc-execute", "-n", NAME, "-s", text, "/bin/act", "write", "/z", "1");
	lx_expect_status(run, 0);
	cr_expect_str_eq(lx_read(lx_path("image/z")), "1");
}

/* ---- The work directory ---- */

Test(execute, what_is_written_in_the_work_directory_is_kept)
{
	mkdir(lx_path("work"), 0755);
	setenv("MESOS_WORK_DIRECTORY", lx_path("work"), 1);
	char run_directory[200];
	snprintf(run_directory, sizeof run_directory, "%s/slaves/S/0", lx_path("work"));
	setenv("MESOS_DIRECTORY", run_directory, 1);
	/* What mesos-launcher does. */
	struct job *run = LX("lxc-execute", "-n", NAME, "/bin/sh", "-c",
			     "mkdir -p $MESOS_DIRECTORY && cd $MESOS_DIRECTORY && echo out > stdout && pwd");
	lx_expect_status(run, 0);
	cr_expect_eq(strncmp(run->out_text, run_directory, strlen(run_directory)), 0, "%s", run->out_text);
	cr_expect_str_eq(lx_read(lx_path("work/slaves/S/0/stdout")), "out\n");
}

Test(execute, a_work_directory_that_is_missing_is_made)
{
	char path[200];
	snprintf(path, sizeof path, "%s/a/b/c", lx.base);
	setenv("MESOS_WORK_DIRECTORY", path, 1);
	struct job *run = LX("lxc-execute", "-n", NAME, "/bin/sh", "-c",
			     "echo x > $MESOS_WORK_DIRECTORY/f; echo x > $MESOS_WORK_DIRECTORY/../outside");
	lx_expect_status(run, 0);
	cr_expect_str_eq(lx_read(lx_path("a/b/c/f")), "x\n");
	cr_expect(access(lx_path("a/b/outside"), F_OK) < 0, "only the work directory itself is the host's");
	struct stat status;
	cr_assert_eq(stat(path, &status), 0);
	cr_expect_eq(status.st_mode & 07777, 0755);
}

Test(execute, a_launch_that_fails_leaves_no_work_directory)
{
	char path[200];
	snprintf(path, sizeof path, "%s/a/b/c", lx.base);
	setenv("MESOS_WORK_DIRECTORY", path, 1);
	struct job *run = LX("lxc-execute", "-n", NAME, "/nonexistent/launcher");
	lx_expect_status(run, 127);
	cr_expect(access(lx_path("a"), F_OK) < 0);
}

/* ---- What else is configured ---- */

Test(execute, keys)
{
	const char *file = lx_write("keys.conf", "");
	char text[1500];
	mkdir(lx_path("shared"), 0755);
	chmod(lx_path("shared"), 0777);
	snprintf(text, sizeof text,
		 "berth.cgroup.parent = %s\n"
		 "lxc.uts.name = inside\n"
		 "lxc.mount.entry = %s mnt/shared none bind,create=dir 0 0\n"
		 "lxc.mount.entry = /nonexistent mnt/none none bind,optional 0 0\n"
		 "lxc.mount.entry = none mnt/scratch tmpfs size=64k 0 0\n"
		 "lxc.environment = SET=yes\n"
		 "lxc.init.uid = 65534\nlxc.init.gid = 65533\nlxc.init.cwd = /usr\n"
		 "lxc.net.0.type = empty\n",
		 lx.parent, lx_path("shared"));
	lx_write("keys.conf", text);
	static const char script[] = "hostname; id -u; id -g; pwd; echo $SET; ls /sys/class/net | tr '\\n' ' '; echo; "
				     "echo x > /mnt/shared/f; df -k --output=size /mnt/scratch | tail -1; "
				     "test -e /mnt/none || echo left out";
	struct job *run = LX("lxc-execute", "-n", NAME, "-f", file, "/bin/sh", "-c", script);
	lx_expect_status(run, 0);
	cr_expect_str_eq(run->err_text, "");
	cr_expect_eq(strncmp(run->out_text, "inside\n65534\n65533\n/usr\nyes\nlo \n", 32), 0, "%s", run->out_text);
	lx_expect_said(run, " 64\nleft out\n");
	cr_expect_str_eq(lx_read(lx_path("shared/f")), "x\n");
	run = LX("lxc-execute", "-n", NAME, "-f", file, "-u", "5", "-s", "lxc.init.gid=", "-s", "lxc.uts.name=other",
		 "/bin/sh", "-c", "id -u; hostname");
	lx_expect_status(run, 0);
	cr_expect_str_eq(run->out_text, "5\nother\n", "%s", run->out_text);
}

/* CapBnd of the command, by its bits. */
static unsigned long long bounding_set(const char *setting)
{
	struct job *run = LX("lxc-execute", "-n", NAME, "-s", setting, "/bin/grep", "CapBnd", "/proc/self/status");
	lx_expect_status(run, 0);
	return strtoull(run->out_text + strlen("CapBnd:"), NULL, 16);
}

Test(execute, capabilities)
{
	enum { CHOWN = 1 << 0, KILL = 1 << 5, MKNOD = 1 << 27, SYS_PTRACE = 1 << 19 };
	unsigned long long usual = bounding_set("lxc.uts.name=x");
	cr_assert_eq(usual & (CHOWN | KILL), CHOWN | KILL);
	cr_assert_eq(usual & SYS_PTRACE, 0);
	cr_expect_eq(bounding_set("lxc.cap.drop=chown CAP_KILL"), usual & ~(unsigned long long)(CHOWN | KILL));
	cr_expect_eq(bounding_set("lxc.cap.keep=chown sys_ptrace"), CHOWN | SYS_PTRACE);
	cr_expect_eq(bounding_set("lxc.cap.keep=none"), 0);
	cr_expect_eq(bounding_set("berth.cap.add=sys_ptrace"), usual | SYS_PTRACE);
}

/* "NoNewPrivs" and "Seccomp" of the command. */
static const char *protections(const char *setting)
{
	struct job *run = LX("lxc-execute", "-n", NAME, "-s", setting, "/bin/sed", "-nE",
			     "s/^(NoNewPrivs|Seccomp):\\s*//p", "/proc/self/status");
	lx_expect_status(run, 0);
	return run->out_text;
}

Test(execute, system_call_filter_and_privileges)
{
	cr_expect_str_eq(protections("lxc.uts.name=x"), "0\n2\n", "as with LXC, sudo works; with a filter");
	cr_expect_str_eq(protections("lxc.no_new_privs=1"), "1\n2\n");
	cr_expect_str_eq(protections("berth.seccomp=unconfined"), "0\n0\n");
}

Test(execute, user_namespace)
{
	struct job *run = LX("lxc-execute", "-n", NAME, "-s", "berth.root=host", "-s", "lxc.idmap=u 0 100000 1000",
			     "-s", "lxc.id_map=g 0 200000 1000", "-s", "lxc.init.cwd=/", "/bin/sh", "-c",
			     "id -u; tr -s ' ' </proc/self/uid_map; tr -s ' ' </proc/self/gid_map");
	lx_expect_status(run, 0);
	cr_expect_str_eq(run->out_text, "0\n 0 100000 1000\n 0 200000 1000\n");
}

/* The root that executors have when nothing is said: the framework's. */
Test(execute, user_namespace_in_the_frameworks_root)
{
	static const char first[] = "id -u; cat /etc/shadow 2>/dev/null || echo closed; echo one >/tmp/.berth-lxc-ids";
	static const char second[] = "echo two >>/tmp/.berth-lxc-ids; cat /tmp/.berth-lxc-ids; "
				     "stat -c %u /tmp/.berth-lxc-ids";
	lx_configure("lxc.idmap = b 0 100000 65536\nlxc.init.cwd = /\n");
	struct job *run = LX("lxc-execute", "-n", NAME, "/bin/sh", "-c", first);
	lx_expect_status(run, 0);
	cr_expect_str_eq(run->out_text, "0\nclosed\n");
	struct stat status;
	const char *made = lx_path("data/roots/201211230223-0001/root/tmp/.berth-lxc-ids");
	cr_assert_eq(stat(made, &status), 0, "%s: %s", made, strerror(errno));
	cr_expect_eq(status.st_uid, 100000u);
	cr_expect_str_eq(LX("lxc-execute", "-n", NAME, "/bin/sh", "-c", second)->out_text, "one\ntwo\n0\n");
	cr_expect_lt(access("/tmp/.berth-lxc-ids", F_OK), 0, "it was written to the host");
	run = LX("lxc-execute", "-n", NAME, "-s", "lxc.idmap=", "/bin/true");
	lx_expect_status(run, 1);
	lx_expect_complaint(run, "was made with a user namespace");
}

/* With ids, and a register of them, that are this test's: it brings its own /etc/subuid, /run and /var/lib. */
Test(execute, user_namespace_that_is_given_out)
{
	lx_configure("berth.userns = auto:1000\nlxc.init.cwd = /\n");
	lx_write("subid", "berth:500000:2000\n");
	lx_write("given-out", "set -e\n"
			      "for file in /etc/subuid /etc/subgid; do mount --bind \"$1/subid\" $file; done\n"
			      "for directory in /run /var/lib; do mount -t tmpfs none $directory; done\n"
			      "for framework in F G F; do\n"
			      "	lxc-execute -n mesos_executor_default_framework_$framework /bin/sh -c 'tr -s \" \" "
			      "</proc/self/uid_map'\n"
			      "done\n"
			      "lxc-execute -n mesos_executor_default_framework_H /bin/true 2>&1 || true\n"
			      "ls /var/lib/berth-ids\n");
	struct job *run = LX("unshare", "--mount", "/bin/sh", lx_path("given-out"), lx.base);
	lx_expect_status(run, 0);
	cr_expect_str_eq(run->out_text,
			 " 0 500000 1000\n 0 501000 1000\n 0 500000 1000\n"
			 "lxc-execute: no range of 1000 user ids is free: all that there are belong to containers and "
			 "framework roots\n"
			 "500000+1000,500000+1000\n501000+1000,501000+1000\n");
}

Test(execute, cgroup_files)
{
	lx_require_controller("pids");
	struct job *run =
		LX_START("lxc-execute", "-n", NAME, "-s", "lxc.cgroup.pids.max=37", "/bin/sh", "-c", "echo up; cat");
	job_await_output(run, "up\n");
	cr_expect_str_eq(LX("lxc-cgroup", "-n", NAME, "pids.max")->out_text, "37\n");
	cr_expect_eq(job_finish(run), 0);
	run = LX("lxc-execute", "-n", NAME, "-s", "lxc.cgroup.pids.nonsense=1", "/bin/true");
	lx_expect_status(run, 1);
	lx_expect_complaint(run, "pids.nonsense");
}

Test(execute, devices)
{
	lx_require_controller("devices");
	static const char attempts[] = "head -c1 /dev/zero | wc -c; mknod /tmp/sda b 8 0 2>/dev/null && echo made; "
				       ": </dev/null && echo null";
	cr_expect_str_eq(LX("lxc-execute", "-n", NAME, "/bin/sh", "-c", attempts)->out_text, "1\nnull\n");
	cr_expect_str_eq(
		LX("lxc-execute", "-n", NAME, "-s", "lxc.cgroup.devices.allow=a", "/bin/sh", "-c", attempts)->out_text,
		"1\nmade\nnull\n");
	/* A configuration of LXC's kind: nothing, then a few. berth's own making of /dev is not in its way. */
	cr_expect_str_eq(LX("lxc-execute", "-n", NAME, "-s", "lxc.cgroup.devices.deny=a", "-s",
			    "lxc.cgroup2.devices.allow=c 1:3 rw", "/bin/sh", "-c", attempts)
				 ->out_text,
			 "0\nnull\n");
	struct job *run = LX("lxc-execute", "-n", NAME, "-s", "lxc.cgroup.devices.allow=everything", "/bin/true");
	lx_expect_status(run, 1);
	lx_expect_complaint(run, "MAJOR:MINOR");
}

/* An image as a tarball is a line in the file away. */
Test(execute, archive_below_the_frameworks_roots)
{
	char command[600], line[300];
	snprintf(command, sizeof command,
		 "mkdir -p %s/image/bin && cp %s %s/image/bin/act && echo one >%s/image/text && tar -C %s/image -czf "
		 "%s/i.tgz .",
		 lx.base, lx_payload("act"), lx.base, lx.base, lx.base, lx.base);
	lx_expect_status(lx_shell(command), 0);
	snprintf(line, sizeof line, "berth.root.lower = %s/i.tgz\n", lx.base);
	lx_configure(line);
	struct job *run = LX("lxc-execute", "-n", "mesos_executor_E_framework_F", "/bin/act", "read", "/text", "write",
			     "/text", "F's");
	lx_expect_status(run, 0);
	cr_expect_str_eq(run->out_text, "read /text=one\nwrite /text=ok\n");
	lx_expect_said(LX("lxc-execute", "-n", "mesos_executor_E2_framework_F", "/bin/act", "read", "/text"),
		       "read /text=F's\n");
	lx_expect_said(LX("lxc-execute", "-n", "mesos_executor_E_framework_G", "/bin/act", "read", "/text"),
		       "read /text=one\n");
	/* Thrown away, where that is asked for. */
	snprintf(line, sizeof line, "lxc.rootfs.path=%s/i.tgz", lx.base);
	lx_expect_said(LX("lxc-execute", "-n", NAME, "-s", line, "/bin/act", "write", "/text", "x", "read", "/text"),
		       "read /text=x\n");
	lx_expect_said(LX("lxc-execute", "-n", NAME, "-s", line, "/bin/act", "read", "/text"), "read /text=one\n");
	snprintf(command, sizeof command, "head -c 500 %s/i.tgz >%s/cut.tgz", lx.base, lx.base);
	lx_expect_status(lx_shell(command), 0);
	snprintf(line, sizeof line, "lxc.rootfs.path=%s/cut.tgz", lx.base);
	run = LX("lxc-execute", "-n", NAME, "-s", line, "/bin/act", "say", "x");
	lx_expect_status(run, 1);
	lx_expect_complaint(run, "cut.tgz: ");
}

Test(execute, a_mistake_in_the_file_is_told_with_its_place)
{
	lx_configure("\nlxc.tty.max = 4\n");
	struct job *run = LX("lxc-execute", "-n", NAME, "/bin/true");
	lx_expect_status(run, 1);
	char expected[200];
	snprintf(expected, sizeof expected, "lxc-execute: %s:3: key 'lxc.tty.max'", lx.conf);
	lx_expect_complaint(run, expected);
	cr_expect_str_eq(run->out_text, "");
	run = LX("lxc-execute", "-n", NAME, "-f", "/nonexistent/file", "/bin/true");
	lx_expect_status(run, 1);
	lx_expect_complaint(run, "/nonexistent/file");
}

Test(execute, the_file_for_all_is_no_must_but_one_that_was_named)
{
	char parent[100];
	snprintf(parent, sizeof parent, "berth.cgroup.parent=%s", lx.parent);
	unlink(lx.conf);
	struct job *run = LX("lxc-execute", "-n", NAME, "-s", parent, "/bin/true");
	lx_expect_status(run, 1);
	lx_expect_complaint(run, lx.conf);
	if (access("/etc/berth/lxc.conf", F_OK) == 0)
		cr_skip_test("this machine has an /etc/berth/lxc.conf, and it is not the test's to take away");
	unsetenv("BERTH_LXC_CONF");
	run = LX("lxc-execute", "-n", NAME, "-s", parent, "/bin/true");
	lx_expect_status(run, 0);
}

Test(execute, the_log)
{
	const char *log = lx_path("log");
	LX("lxc-execute", "-n", "a b\n", "-o", log, "-l", "DEBUG", "/bin/sh", "-c", "exit 3");
	const char *text = lx_read(log);
	cr_expect(strstr(text, "Z lxc-execute a b\\n INFO launched '/bin/sh', process "), "%s", text);
	cr_expect(strstr(text, "INFO ended: exited 3\n"), "%s", text);
	unlink(log);
	LX("lxc-execute", "-n", "a", "-o", log, "/bin/true");
	cr_expect(access(log, F_OK) < 0, "errors alone are logged unless asked for more");
	char lines[200];
	snprintf(lines, sizeof lines, "lxc.log.file = %s\nlxc.log.level = INFO\n", log);
	lx_configure(lines);
	LX("lxc-execute", "-n", "a", "/bin/true");
	cr_expect(strstr(lx_read(log), "ended: exited 0"), "%s", lx_read(log));
	struct job *run = LX("lxc-execute", "-n", "a", "-q", "/nonexistent");
	lx_expect_status(run, 127);
	cr_expect_str_eq(run->err_text, "");
	cr_expect(strstr(lx_read(log), "ERROR execute /nonexistent"), "%s", lx_read(log));
}
