/* SPDX-License-Identifier: Apache-2.0 */
/* Each mistake gets one clear line and the right exit status, and leaves nothing behind. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "tests/cli/harness.h"

#define N(array) (sizeof(array) / sizeof(*(array)))

TestSuite(cli_bad_input, .init = world_init, .fini = world_fini);

enum { MOST_WORDS = 10 };

struct mistake {
	const char *words[MOST_WORDS];
	int status;
	const char *part; /* of the sentence */
};

static void mistake_make(const struct mistake *mistake)
{
	cleanup_job struct job job;
	cleanup_free char *before = world_snapshot();
	berth_words(&job, mistake->words);
	cleanup_free char *after = world_snapshot();
	expect_status(&job, mistake->status);
	expect_complaint(&job, mistake->part);
	cr_expect_str_eq(after, before, "%s %s left something behind", mistake->words[0], mistake->words[1]);
}

/* Mistakes that are seen before anything is done. */
Test(cli_bad_input, options)
{
	static const struct mistake mistakes[] = {
		{{"run"}, 125, "no command given"},
		{{"run", "--"}, 125, "no command given"},
		{{"run", "--frobnicate", "true"}, 125, "unknown option '--frobnicate'"},
		{{"run", "--frobnicate=1", "true"}, 125, "unknown option '--frobnicate=1'"},
		{{"run", "-Z", "true"}, 125, "unknown option '-Z'"},
		{{"run", "-tZ", "true"}, 125, "unknown option '-Z'"},
		{{"run", "-tZi", "true"}, 125, "unknown option '-Z'"},
		{{"run", "--e", "true"}, 125, "ambiguous option '--e'"},
		{{"run", "--tty=yes", "true"}, 125, "'--tty=yes' takes no argument"},
		{{"run", "--mem"}, 125, "'--mem' needs an argument"},
		{{"run", "-m"}, 125, "'-m' needs an argument"},
		{{"run", "-m", "", "true"}, 125, "'' is not a size"},
		{{"run", "-m", "lots", "true"}, 125, "'lots' is not a size"},
		{{"run", "-m", "64Q", "true"}, 125, "'64Q' is not a size"},
		{{"run", "-m", "-64M", "true"}, 125, "negative"},
		{{"run", "-m", "99999999999999999999G", "true"}, 125, "too large"},
		{{"run", "-m", "0", "true"}, 125, "'0' is no limit"},
		{{"run", "-m", "64M\nrm -rf", "true"}, 125, "'64M?rm -rf' is not a size"},
		{{"run", "--uidmap", "0:1", "true"}, 125, "--uidmap: '0:1' is not a range of ids"},
		{{"run", "--gidmap", "x:1:1", "true"}, 125, "--gidmap: 'x:1:1' is not a range of ids"},
		{{"run", "--uidmap", "1:100000:1", "true"}, 125, "must map id 0"},
		{{"run", "--gidmap", "0:1:1", "true"}, 125, "needs one of user ids"},
		{{"run", "--userns", "auto", "--uidmap", "0:1:1", "true"}, 125, "exclude each other"},
		{{"run", "--userns", "mine", "true"}, 125, "userns 'mine' is none of host, auto"},
		{{"run", "--userns", "auto:0", "true"}, 125, "'0' is no number of ids"},
		{{"run", "--swap", "1G", "true"}, 125, "--swap needs --mem"},
		{{"run", "--swap", "x", "true"}, 125, "--swap: 'x' is not a size"},
		{{"run", "-c", "0", "true"}, 125, "--cpus: '0' is too small"},
		{{"run", "-c", "-1", "true"}, 125, "negative"},
		{{"run", "-c", "nan", "true"}, 125, "'nan' is not a number of CPUs"},
		{{"run", "-c", "inf", "true"}, 125, "'inf' is not a number of CPUs"},
		{{"run", "-c", "0x1", "true"}, 125, "'0x1' is not a number of CPUs"},
		{{"run", "-c", "1e9", "true"}, 125, "'1e9' is not a number of CPUs"},
		{{"run", "-c", "999999999999999999999", "true"}, 125, "too large"},
		{{"run", "--cpu-limit", "many", "true"}, 125, "--cpu-limit: 'many'"},
		{{"run", "--cpu-limit", "0.001", "true"}, 125, "0.01"},
		{{"run", "--cpuset", "3-1", "true"}, 125, "goes downwards"},
		{{"run", "--cpuset", "a", "true"}, 125, "'a' is not a list of CPUs"},
		{{"run", "--cpuset", "99999999999", "true"}, 125, "too large"},
		{{"run", "--cpuset", "", "true"}, 125, "it is empty"},
		{{"run", "--pids", "0", "true"}, 125, "--pids: '0'"},
		{{"run", "--pids", "-3", "true"}, 125, "negative"},
		{{"run", "--timeout", "soon", "true"}, 125, "'soon' is not a duration"},
		{{"run", "--timeout", "-1s", "true"}, 125, "negative"},
		{{"run", "--timeout", "0", "true"}, 125, "--timeout: '0'"},
		{{"run", "--timeout", "9999999999d", "true"}, 125, "too long"},
		{{"run", "-v", "/tmp", "true"}, 125, "it has no ':'"},
		{{"run", "-v", "/tmp:relative", "true"}, 125, "DST is not an absolute path"},
		{{"run", "-v", "/tmp:/mnt:rx", "true"}, 125, "neither 'ro' nor 'rw'"},
		{{"run", "--tmpfs", "relative", "true"}, 125, "DST is not an absolute path"},
		{{"run", "--tmpfs", "/mnt:x", "true"}, 125, "'x' is not a size"},
		{{"run", "-e", "=x", "true"}, 125, "'=x' is not a variable"},
		{{"run", "-e", "", "true"}, 125, "'' is not a variable"},
		{{"run", "-w", "relative", "true"}, 125, "'relative' is not an absolute path"},
		{{"run", "--net", "bridge", "true"}, 125, "expected host or none"},
		{{"run", "--uts", "mine", "true"}, 125, "expected new or host"},
		{{"run", "--ipc", "", "true"}, 125, "expected new or host"},
		{{"run", "--rlimit", "nofile", "true"}, 125, "it has no '='"},
		{{"run", "--rlimit", "frob=1", "true"}, 125, "getrlimit(2) knows no 'frob'"},
		{{"run", "--rlimit", "nofile=2:1", "true"}, 125, "SOFT is above HARD"},
		{{"run", "-d", "-t", "true"}, 125, "--tty needs the foreground"},
		{{"run", "-d", "--timing", "true"}, 125, "--timing needs the foreground"},
		{{"run", "-d", "-i", "true"}, 125, "--interactive needs the foreground"},
		{{"run", "--log", "/dev/null", "true"}, 125, "--log goes with --detach"},
		{{"plan", "-m", "lots", "true"}, 125, "'lots' is not a size"},
		{{"ps", "extra"}, 125, "'extra' is one argument too many"},
		{{"ps", "--no-such"}, 125, "unknown option '--no-such'"},
		{{"inspect"}, 125, "no container given"},
		{{"inspect", "a", "b"}, 125, "'b' is one container too many"},
		{{"stats", "--xml"}, 125, "unknown option '--xml'"},
		{{"exec"}, 125, "no container given"},
		{{"exec", "some"}, 125, "no command given"},
		{{"exec", "some", "--frob", "ls"}, 125, "unknown option '--frob'"},
		{{"exec", "-w", "here", "some", "ls"}, 125, "'here' is not an absolute path"},
		{{"update", "some"}, 125, "no limit given"},
		{{"update", "-m", "1G"}, 125, "no container given"},
		{{"update", "some", "-m", "x"}, 125, "'x' is not a size"},
		{{"kill"}, 125, "no argument given"},
		{{"kill", "some", "SIGFROB"}, 125, "'SIGFROB' is not a signal"},
		{{"kill", "some", "65"}, 125, "'65' is not a signal"},
		{{"kill", "some", "0"}, 125, "'0' is not a signal"},
		{{"stop"}, 125, "no container given"},
		{{"stop", "--time", "x", "some"}, 125, "'x' is not a duration"},
		{{"wait"}, 125, "no container given"},
		{{"pause"}, 125, "no container given"},
		{{"resume"}, 125, "no container given"},
		{{"rm"}, 125, "no container given"},
		{{"gc", "extra"}, 125, "one argument too many"},
		{{"check", "extra"}, 125, "one argument too many"},
		{{"version", "extra"}, 125, "one argument too many"},
	};
	for (size_t i = 0; i < N(mistakes); i++)
		mistake_make(&mistakes[i]);
}

/* What is only seen when the container is made. */
Test(cli_bad_input, containers)
{
	static char long_name[5000];
	memset(long_name, 'n', sizeof(long_name) - 1);
	world_write("file", "not a directory", 0644);
	world_write("script", "#!/no/such/interpreter\n", 0755);
	world_write("text", "just text\n", 0644);
	world_write("garbage", "\177ELF but not really", 0755);
	cr_assert_eq(mkdir(world_path("empty"), 0755), 0);
	cr_assert_eq(mkdir(world_path("directory"), 0755), 0);
	char empty[256], volume[300], overlay[300];
	snprintf(empty, sizeof(empty), "%s", world_path("empty"));
	snprintf(overlay, sizeof(overlay), "overlay:%s", world_path("file"));
	snprintf(volume, sizeof(volume), "%s:/mnt", world_path("missing"));

	const struct mistake mistakes[] = {
		{{"run", "-n", "", "true"}, 125, "name"},
		{{"run", "-n", long_name, "true"}, 125, "name"},
		{{"run", "--root", "/no/such/root", "true"}, 125, "/no/such/root"},
		{{"run", "--root", world_path("file"), "true"}, 125, "file"},
		{{"run", "--root", overlay, "true"}, 125, "file"},
		{{"run", "--root", "overlay:/no/such/root", "true"}, 125, "/no/such/root"},
		{{"run", "--root", "nonsense", "true"}, 125, "nonsense"},
		{{"run", "--root", "", "true"}, 125, "root"},
		{{"run", "--root", empty, "/bin/true"}, 127, "/bin/true"},
		{{"run", "--root", empty, "true"}, 127, "true"},
		{{"run", "-v", volume, "true"}, 125, "missing"},
		{{"run", "-u", "no-such-user", "true"}, 125, "no-such-user"},
		{{"run", "-u", "0:no-such-group", "true"}, 125, "no-such-group"},
		{{"run", "-u", "-5", "true"}, 125, "-5"},
		{{"run", "-u", "99999999999", "true"}, 125, "99999999999"},
		{{"run", "-w", "/no/such/directory", "true"}, 125, "/no/such/directory"},
		{{"run", "--hostname", "", "true"}, 125, "host name"},
		{{"run", "--cgroup-parent", "../escape", "true"}, 125, "../escape"},
		{{"run", "--cpuset", "8000", "true"}, 125, "8000"},
		{{"run", "no-such-command-anywhere"}, 127, "no-such-command-anywhere"},
		{{"run", "/no/such/command"}, 127, "/no/such/command"},
		{{"run", "--no-init", "/no/such/command"}, 127, "/no/such/command"},
		{{"run", ""}, 125, "command"},
		{{"run", "/tmp"}, 126, "/tmp"},
		{{"run", "--no-init", "/tmp"}, 126, "/tmp"},
		{{"run", world_path("text")}, 126, "text"},
		{{"run", world_path("garbage")}, 126, "garbage"},
		{{"run", "-d", "/no/such/command"}, 127, "/no/such/command"},
		{{"run", "-d", "/tmp"}, 126, "/tmp"},
		{{"run", "-d", "--root", "/no/such/root", "true"}, 125, "/no/such/root"},
		{{"run", "-d", "--log", "/no/such/directory/log", "true"}, 125, "/no/such/directory/log"},
		{{"run", "-m", "4K", "true"}, 125, "memory"},
		{{"run", "-m", "1", "true"}, 125, "memory"},
		{{"inspect", "nobody"}, 125, "no container named 'nobody'"},
		{{"stats", "nobody"}, 125, "no container named 'nobody'"},
		{{"exec", "nobody", "true"}, 125, "no container named 'nobody'"},
		{{"update", "nobody", "-c", "1"}, 125, "no container named 'nobody'"},
		{{"kill", "nobody"}, 125, "no container named 'nobody'"},
		{{"kill", "nobody", "TERM"}, 125, "no container named 'nobody'"},
		{{"stop", "nobody"}, 125, "no container named 'nobody'"},
		{{"wait", "nobody"}, 125, "no container named 'nobody'"},
		{{"pause", "nobody"}, 125, "no container named 'nobody'"},
		{{"resume", "nobody"}, 125, "no container named 'nobody'"},
		{{"rm", "nobody"}, 125, "no container named 'nobody'"},
		{{"rm", "-f", "nobody"}, 125, "no container named 'nobody'"},
	};
	/* The first launch makes the state root: from then on nothing changes. */
	cleanup_job struct job first;
	BERTH(&first, "run", "true");
	expect_status(&first, 0);
	for (size_t i = 0; i < N(mistakes); i++)
		mistake_make(&mistakes[i]);
}

/* An interpreter that is missing is not the command missing: shells say 127 for both, execve(2) says ENOENT. */
Test(cli_bad_input, interpreter)
{
	cleanup_job struct job job;
	world_write("script", "#!/no/such/interpreter\n", 0755);
	BERTH(&job, "run", world_path("script"));
	cr_expect(job.status == 126 || job.status == 127, "%d", job.status);
	expect_complaint(&job, "script");
}

Test(cli_bad_input, name_in_use)
{
	cleanup_job struct job first, second, third;
	BERTH(&first, "run", "-d", "-n", "taken", "sleep", "1000");
	expect_status(&first, 0);
	cleanup_free char *before = world_snapshot();
	BERTH(&second, "run", "-n", "taken", "true");
	expect_status(&second, 125);
	expect_complaint(&second, "taken");
	BERTH(&third, "run", "-d", "-n", "taken", "true");
	expect_status(&third, 125);
	expect_complaint(&third, "taken");
	cleanup_free char *after = world_snapshot();
	cr_expect_str_eq(after, before);

	/* The first one is none the worse. */
	cleanup_job struct job remove;
	cr_expect_gt(container_pid("taken"), 1);
	BERTH(&remove, "rm", "-f", "taken");
	expect_status(&remove, 0);
}

Test(cli_bad_input, strange_names_work)
{
	static char long_name[301];
	memset(long_name, 'x', 300);
	const char *const names[] = {"with/slash",
				     "/",
				     "with space",
				     "..",
				     ".",
				     "../../etc/passwd",
				     long_name,
				     "-dash",
				     "new\nline",
				     "tab\tand \033[31mcolour",
				     "caf\xc3\xa9",
				     "\xff\xfe",
				     "a(b)&;$'\"`*?",
				     "%s%n",
				     "executor (default) of (framework) \"x\"@127.0.0.1:5050"};
	cleanup_job struct job start;
	BERTH(&start, "run", "true");
	cleanup_free char *before = world_snapshot();
	for (size_t i = 0; i < N(names); i++) {
		cleanup_job struct job run, list, wait, remove, foreground;
		BERTH(&run, "run", "-d", "-n", names[i], "true");
		expect_status(&run, 0);
		cr_expect_eq(strncmp(run.out_text, names[i], strlen(names[i])), 0, "%s", run.out_text);
		BERTH(&wait, "wait", "--", names[i]);
		expect_status(&wait, 0);
		cr_expect_str_eq(wait.out_text, "0\n");
		BERTH(&list, "ps", "-a");
		expect_status(&list, 0);
		cr_expect_eq(count_lines(list.out_text), 2, "%s", list.out_text);
		for (const char *p = list.out_text; *p; p++)
			cr_expect(*p == '\n' || (unsigned char)*p >= 0x20, "a control character: %s", list.out_text);
		BERTH(&remove, "rm", "--", names[i]);
		expect_status(&remove, 0);
		BERTH(&foreground, "run", "-n", names[i], "true");
		expect_status(&foreground, 0);
		cleanup_free char *after = world_snapshot();
		cr_expect_str_eq(after, before, "'%s' left something behind: %s", names[i], after);
	}
}

/* A step is a line, whatever it quotes. */
Test(cli_bad_input, strange_text_in_a_plan)
{
	cleanup_job struct job plain, plan;
	BERTH(&plain, "plan", "-n", "n", "-w", "/w", "--hostname", "h", "--tmpfs", "/t", "--", "/bin/true", "x");
	BERTH(&plan, "plan", "-n", "n", "-w", "/w\n\x1b[31m", "--hostname", "h\xc2\x9b", "--tmpfs", "/t\x9b", "--",
	      "/bin/true", "x\r\x7f");
	expect_status(&plan, 0);
	cr_expect_eq(count_lines(plan.out_text), count_lines(plain.out_text), "%s", plan.out_text);
	for (const char *p = plan.out_text; *p; p++)
		cr_expect(*p == '\n' || (*p >= ' ' && *p < 0x7f), "byte %#x", (unsigned char)*p);
	cr_expect(strstr(plan.out_text, "/w\\n\\x1b[31m"), "%s", plan.out_text);
}

/* Runs a copy of berth, which nobody may read elsewhere, as the user nobody. */
/* An ordinary user who was given root's state root. */
Test(cli_bad_input, not_root)
{
	cleanup_job struct job root, job;
	char command[1024];
	const char *program = world.program;
	BERTH(&root, "run", "true");
	expect_status(&root, 0);
	cleanup_free char *before = world_snapshot();
	snprintf(command, sizeof(command),
		 "cp '%s' '%s/berth' && cd / && "
		 "exec setpriv --reuid 65534 --regid 65534 --clear-groups '%s/berth' run true",
		 program, world.directory, world.directory);
	world.program = "/bin/sh";
	BERTH(&job, "-c", command);
	world.program = program;
	expect_status(&job, 125);
	expect_complaint(&job, "XDG_RUNTIME_DIR");
	cleanup_free char *after = world_snapshot();
	cr_expect_str_eq(after, before);
}

/* The machine without the pids controller: a mount namespace in which it isn't mounted. */
Test(cli_bad_input, missing_controller)
{
	cleanup_job struct job with, without;
	char command[1024];
	const char *program = world.program;
	if (access("/sys/fs/cgroup/pids/cgroup.procs", F_OK) < 0)
		cr_skip_test("no v1 hierarchy of the pids controller to hide");
	world.program = "/bin/sh";
	snprintf(command, sizeof(command),
		 "exec unshare -m sh -c 'umount /sys/fs/cgroup/pids && exec \"%s\" run --cgroup-parent %s --pids 10 "
		 "true'",
		 program, world.cgroup_parent);
	BERTH(&with, "-c", command);
	snprintf(command, sizeof(command),
		 "exec unshare -m sh -c 'umount /sys/fs/cgroup/pids && exec \"%s\" run --cgroup-parent %s -m 64M true'",
		 program, world.cgroup_parent);
	BERTH(&without, "-c", command);
	world.program = program;
	expect_status(&with, 125);
	expect_complaint(&with, "pids");
	expect_status(&without, 0);
}
