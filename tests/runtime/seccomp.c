/* SPDX-License-Identifier: Apache-2.0 */
/* System calls, privileges and keys as commands find them inside. */
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "tests/runtime/fixture.h"

TestSuite(seccomp, .init = rt_init, .fini = rt_fini);

/* What the default lets nothing inside do, though all but the mounts would be allowed to root, or anybody. */
static const char *const refused[] = {
	"unshare",        "clone-newuser", "setns",        "mount",       "umount2",         "fsopen",
	"open_tree",      "keyctl",        "add_key",      "bpf",         "perf_event_open", "userfaultfd",
	"io_uring_setup", "tiocsti",       "tiocsti-wide", "personality", "vsock",
};

static void expect_default(const char *text)
{
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
		rt_expect_value(text, refused[i], "EPERM");
	rt_expect_value(text, "clone3", "ENOSYS");
	rt_expect_value(text, "newest", "ENOSYS");
	static const char *const works[] = {"fork", "thread", "personality-ask", "unix", "ptrace"};
	for (size_t i = 0; i < sizeof works / sizeof *works; i++)
		rt_expect_value(text, works[i], "0");
	rt_expect_value(text, "tiocgwinsz", "ENOTTY");
}

Test(seccomp, default_holds)
{
	for (unsigned int i = 0; i < 8; i++) {
		struct berth_options options = RT_OPTIONS("attempt");
		options.flags = (i & 1 ? BERTH_NO_INIT : 0) | (i & 2 ? BERTH_NEW_PRIVILEGES : 0);
		options.user = i & 4 ? "1000" : NULL;
		expect_default(rt_output(&options));
	}
}

/* The same attempts get through without the filter: it is the filter that holds them. */
Test(seccomp, unconfined_lets_through)
{
	struct berth_options options = RT_OPTIONS("attempt");
	options.seccomp = "unconfined";
	const char *text = rt_output(&options);
	static const char *const through[] = {"unshare", "clone-newuser", "clone3", "keyctl", "personality"};
	for (size_t i = 0; i < sizeof through / sizeof *through; i++)
		rt_expect_value(text, through[i], "0");
	rt_expect_value(text, "setns", "EBADF");
	rt_expect_value(text, "tiocsti", "ENOTTY");
	rt_expect_value(text, "tiocsti-wide", "ENOTTY");
}

Test(seccomp, status_shows_it)
{
	static const struct {
		unsigned int flags;
		const char *seccomp, *mode, *no_new_privs;
	} cases[] = {
		{0, NULL, "2", "1"},
		{BERTH_NEW_PRIVILEGES, NULL, "2", "0"},
		{0, "unconfined", "0", "1"},
		{BERTH_NEW_PRIVILEGES, "unconfined", "0", "0"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct berth_options options = RT_OPTIONS("look");
		options.flags = cases[i].flags;
		options.seccomp = cases[i].seccomp;
		const char *text = rt_output(&options);
		rt_expect_value(text, "Seccomp", cases[i].mode);
		rt_expect_value(text, "NoNewPrivs", cases[i].no_new_privs);
	}
}

/* What a command that joins says. */
static const char *join(struct berth_container *container, const char *const *argv)
{
	static char text[65536];
	int out[2];
	cr_assert_eq(pipe2(out, O_CLOEXEC), 0);
	struct berth_exec_options options = BERTH_EXEC_OPTIONS_INIT;
	struct berth_process *process = NULL;
	options.argv = argv;
	options.stdio = (const int[]){-1, out[1], 2};
	rt_ok(berth_container_exec(container, &options, &process, &rt.error));
	close(out[1]);
	size_t length = 0;
	for (ssize_t got = 1; got > 0; length += (size_t)got) {
		rt_wait_readable(out[0]);
		got = read(out[0], text + length, sizeof text - 1 - length);
		cr_assert_geq(got, 0);
	}
	text[length] = '\0';
	close(out[0]);
	int status;
	rt_ok(berth_process_wait(process, rt_patience(), &status, &rt.error));
	berth_process_close(process);
	return text;
}

static const char closed_profile[] =
	"{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": [{\"names\": [\"unshare\", \"sendmsg\", \"sendto\"],"
	" \"action\": \"SCMP_ACT_ERRNO\", \"errnoRet\": 22}]}";

Test(seccomp, joining_commands_have_it)
{
	const char *profile = rt_write("closed.json", closed_profile);
	const struct {
		const char *seccomp, *const *cap_add;
		unsigned int flags;
		const char *unshare, *keyctl, *mode, *no_new_privs;
	} cases[] = {
		{NULL, NULL, 0, "EPERM", "EPERM", "2", "1"},
		{"unconfined", NULL, 0, "0", "0", "0", "1"},
		{NULL, NULL, BERTH_NEW_PRIVILEGES, "EPERM", "EPERM", "2", "0"},
		{profile, NULL, 0, "EINVAL", "0", "2", "1"},
		{NULL, (const char *const[]){"SYS_ADMIN", NULL}, 0, "0", "EPERM", "2", "1"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct berth_options options = RT_OPTIONS("act", "pause");
		options.stdio = (const int[]){-1, -1, 2};
		options.seccomp = cases[i].seccomp;
		options.cap_add = cases[i].cap_add;
		options.flags = cases[i].flags;
		struct berth_container *container = rt_launch(&options);
		/* As another process finds it, too. */
		for (int found = 0; found < 2; found++) {
			struct berth_container *handle = container;
			if (found)
				rt_ok(berth_container_find(rt.berth, berth_container_name(container), &handle,
							   &rt.error));
			const char *text = join(
				handle, (const char *const[]){"/bin/attempt", "unshare", "keyctl", "thread", NULL});
			rt_expect_value(text, "unshare", cases[i].unshare);
			rt_expect_value(text, "keyctl", cases[i].keyctl);
			rt_expect_value(text, "thread", "0");
			text = join(handle, (const char *const[]){"/bin/look", NULL});
			rt_expect_value(text, "Seccomp", cases[i].mode);
			rt_expect_value(text, "NoNewPrivs", cases[i].no_new_privs);
			if (found)
				berth_container_close(handle);
		}
		rt_kill(container);
	}
}

/* Init needs calls that a profile may refuse: it has made them all by then. */
Test(seccomp, a_profile_that_init_could_not_live_with)
{
	struct berth_options options = RT_OPTIONS("attempt", "unshare", "fork");
	options.seccomp = rt_write("closed.json", closed_profile);
	const char *text = rt_output(&options);
	rt_expect_value(text, "unshare", "EINVAL");
	rt_expect_value(text, "fork", "0");
}

Test(seccomp, a_bad_profile_is_refused_beforehand)
{
	struct berth_options options = RT_OPTIONS("look");
	options.seccomp = rt_write("bad.json", "{\"defaultAction\": \"SCMP_ACT_WHATEVER\"}");
	rt_launch_fails(&options, -EINVAL, 125);
	cr_expect(strstr(rt.error.text, "bad.json") && strstr(rt.error.text, "SCMP_ACT_WHATEVER"), "%s", rt.error.text);
	options.seccomp = rt_path("missing.json");
	rt_launch_fails(&options, -ENOENT, 125);
	cr_expect(strstr(rt.error.text, "missing.json"), "%s", rt.error.text);
}

/* A set-user-ID program gives its owner's privileges only where that was asked for. */
Test(seccomp, no_new_privs_disarms_set_user_id)
{
	/* A mount of its own: the one the tests' files are on may be nosuid. */
	const char *mounted = rt_path("gain");
	cr_assert_eq(mkdir(mounted, 0755), 0);
	cr_assert_eq(mount("none", mounted, "tmpfs", 0, "mode=755"), 0, "%s", strerror(errno));
	const char *program = rt_path("gain/look");
	char copy[256];
	snprintf(copy, sizeof copy, "cp '%s' '%s'", rt_payload("look"), program);
	cr_assert_eq(system(copy), 0);
	cr_assert_eq(chmod(program, 04755), 0);
	for (unsigned int gains = 0; gains < 2; gains++) {
		struct berth_options options = RT_OPTIONS("/gain/look");
		options.volumes = &(struct berth_volume){mounted, "/gain", false};
		options.n_volumes = 1;
		options.user = "1000";
		options.flags = gains ? BERTH_NEW_PRIVILEGES : 0;
		const char *text = rt_output(&options);
		rt_expect_value(text, "NoNewPrivs", gains ? "0" : "1");
		bool gained = strtoull(rt_value(text, "CapEff"), NULL, 16) != 0;
		cr_expect_eq(gained, gains == 1, "%s", text);
	}
	cr_expect_eq(umount2(mounted, MNT_DETACH), 0);
}

/* A profile must allow what a change of user takes, and none of the questions that may save it. */
Test(seccomp, filter_before_the_user_is_changed)
{
	for (unsigned int i = 0; i < 2; i++) {
		struct berth_options options = RT_OPTIONS("act", "exit", "3");
		options.flags = BERTH_NEW_PRIVILEGES | (i ? BERTH_NO_INIT : 0);
		options.cap_add = (const char *const[]){"ALL", NULL};
		options.seccomp = rt_write("unasked.json",
					   "{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": [{\"names\": "
					   "[\"getgroups\", \"capget\"], \"action\": \"SCMP_ACT_KILL_PROCESS\"}]}");
		rt_expect_end(rt_end(rt_launch(&options)), BERTH_EXITED, 3);
	}
}

Test(seccomp, the_session_keyring_is_new)
{
	long mine = syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, "berth-test");
	if (mine < 0)
		cr_skip_test("the kernel has no keyrings");
	cr_assert_geq(syscall(SYS_add_key, "user", "berth-secret", "x", 1, KEY_SPEC_SESSION_KEYRING), 0);
	for (unsigned int i = 0; i < 2; i++) {
		struct berth_options options = RT_OPTIONS("attempt", "secret-key");
		options.seccomp = "unconfined";
		options.flags = i ? BERTH_NO_INIT : 0;
		rt_expect_value(rt_output(&options), "secret-key", "ENOKEY");
	}
}

Test(seccomp, plan_and_inspect_tell)
{
	const char *profile = rt_write("closed.json", closed_profile);
	const struct {
		const char *seccomp;
		unsigned int flags;
		const char *name;
	} cases[] = {
		{NULL, 0, "default"},
		{"unconfined", BERTH_NEW_PRIVILEGES, "unconfined"},
		{profile, 0, profile},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct berth_options options = RT_OPTIONS("act", "pause");
		options.stdio = (const int[]){-1, -1, 2};
		options.seccomp = cases[i].seccomp;
		options.flags = cases[i].flags;
		char *text = NULL;
		size_t size;
		FILE *out = open_memstream(&text, &size);
		rt_ok(berth_plan(rt.berth, &options, false, out, &rt.error));
		fclose(out);
		bool confined = strcmp(cases[i].name, "unconfined") != 0;
		cr_expect_eq(strstr(text, "seccomp filter") != NULL, confined, "%s", text);
		cr_expect(!confined || strstr(text, cases[i].name), "%s", text);
		cr_expect_eq(strstr(text, "no_new_privs") != NULL, !cases[i].flags, "%s", text);
		free(text);
		struct berth_container *container = rt_launch(&options);
		json_t *json = rt_inspect(container);
		cr_expect_str_eq(json_string_value(json_object_get(json, "seccomp")), cases[i].name);
		cr_expect_eq(json_is_true(json_object_get(json, "no_new_privs")), !cases[i].flags);
		json_decref(json);
		rt_kill(container);
	}
}

/* What people run, with the host's C library: pipelines, background jobs, threads, processes made by threads. */
Test(seccomp, programs_of_the_host_work)
{
	struct berth_options options = RT_OPTIONS(
		"/bin/sh", "-c",
		"printf 'b\\na\\n' | sort | { read first; echo \"first=$first\"; }; true & wait $!; echo \"job=$?\"");
	options.root = "host";
	const char *text = rt_output(&options);
	rt_expect_value(text, "first", "a");
	rt_expect_value(text, "job", "0");
}

Test(seccomp, threads_of_the_host_s_c_library_work)
{
	if (access("/usr/bin/python3", X_OK) < 0)
		cr_skip_test("there is no /usr/bin/python3 to try threads with");
	struct berth_options options =
		RT_OPTIONS("/usr/bin/python3", "-c",
			   "import subprocess, threading\n"
			   "said = []\n"
			   "run = lambda i: said.append(subprocess.run(['echo', str(i)], capture_output=True).stdout)\n"
			   "threads = [threading.Thread(target=run, args=(i,)) for i in range(8)]\n"
			   "[t.start() for t in threads]; [t.join() for t in threads]\n"
			   "print('sum=%d' % sum(map(int, said)))");
	options.root = "host";
	rt_expect_value(rt_output(&options), "sum", "28");
}
