/* SPDX-License-Identifier: Apache-2.0 */
/* BERTH_SECCOMP_LOG: what the filter would refuse is let through, and told. */
#include <asm/unistd.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/runtime/fixture.h"

TestSuite(seccomp_log, .init = rt_init, .fini = rt_fini);

/* What was told, " mount unshare ", each once. */
static char told[4096];

static void tell(const struct berth_refusal *refusal)
{
	char word[80];
	snprintf(word, sizeof word, " %s ", refusal->call);
	if (!strstr(told, word))
		snprintf(told + strlen(told), sizeof told - strlen(told), "%s", word);
}

static void expect_told(const char *call, bool expected)
{
	char word[80];
	snprintf(word, sizeof word, " %s ", call);
	cr_expect_eq(strstr(told, word) != NULL, expected, "%s: told are%s", call, told);
}

static void await_call(struct berth_container *container)
{
	rt_wait_readable(berth_container_seccomp_log(container));
}

/* Answers until it has ended: before Linux 6.11 a zombie still has the filter. */
static void answer_all(struct berth_container *container)
{
	for (int code = 0; code != -ESRCH;) {
		struct berth_refusal refusal = BERTH_REFUSAL_INIT;
		struct pollfd polls[] = {{.fd = berth_container_seccomp_log(container), .events = POLLIN},
					 {.fd = berth_container_pidfd(container), .events = POLLIN}};
		cr_assert_gt(poll(polls, 2, rt_patience()), 0);
		if (polls[1].revents)
			return;
		code = berth_container_seccomp_read(container, &refusal, &rt.error);
		cr_assert(code == 0 || code == -EAGAIN || code == -ESRCH, "%s", rt.error.text);
		if (code == 0)
			tell(&refusal);
	}
}

static const char closed_profile[] =
	"{\"defaultAction\": \"SCMP_ACT_ALLOW\", \"syscalls\": [{\"names\": [\"execve\", \"sendmsg\", \"close\", "
	"\"unshare\", \"capset\"], \"action\": \"SCMP_ACT_KILL_PROCESS\"}]}";

Test(seccomp_log, tells_and_lets_through)
{
	for (unsigned int i = 0; i < 8; i++) {
		struct berth_options options = RT_OPTIONS("attempt", "unshare", "clone3", "tiocsti", "fork");
		options.flags = BERTH_SECCOMP_LOG | (i & 1 ? BERTH_NO_INIT : 0) | (i & 2 ? BERTH_NEW_PRIVILEGES : 0);
		/* One that refuses also what the launch itself calls, up to the execve. */
		options.seccomp = i & 4 ? rt_write("closed.json", closed_profile) : NULL;
		*told = '\0';
		struct rt_job *job = rt_job(&options);
		answer_all(job->container);
		rt_expect_end(rt_job_end(job), BERTH_EXITED, 0);
		rt_expect_value(job->text, "unshare", "0");
		rt_expect_value(job->text, "clone3", "0");
		rt_expect_value(job->text, "tiocsti", "ENOTTY");
		expect_told("unshare", true);
		expect_told("clone3", !(i & 4));
		expect_told("ioctl", !(i & 4));
		expect_told("execve", false);
		expect_told("capset", false);
		expect_told("read", false);
	}
}

/* Where the command is trusted, it is not executed straight from this process, which has to answer meanwhile. */
Test(seccomp_log, bare_root)
{
	struct berth_options options = RT_OPTIONS("attempt", "unshare");
	options.flags = BERTH_SECCOMP_LOG | BERTH_NO_INIT | BERTH_BARE_ROOT;
	options.seccomp = rt_write("closed.json", closed_profile);
	struct rt_job *job = rt_job(&options);
	answer_all(job->container);
	rt_expect_end(rt_job_end(job), BERTH_EXITED, 0);
	expect_told("unshare", true);
}

Test(seccomp_log, who_called_what)
{
	struct berth_options options = RT_OPTIONS("attempt", "unshare");
	options.flags = BERTH_SECCOMP_LOG;
	struct rt_job *job = rt_job(&options);
	struct berth_refusal refusal = BERTH_REFUSAL_INIT;
	await_call(job->container);
	cr_expect(fcntl(berth_container_seccomp_log(job->container), F_GETFD) & FD_CLOEXEC);
	/* As this process sees it. */
	rt_ok(berth_container_seccomp_read(job->container, &refusal, &rt.error));
	cr_expect_str_eq(refusal.call, "unshare");
	cr_expect_str_eq(refusal.command, "attempt");
	cr_expect_eq(refusal.number, __NR_unshare);
	cr_expect_gt(refusal.pid, 2);
	answer_all(job->container);
	rt_job_end(job);
	rt_expect_value(job->text, "unshare", "0");
}

/* The calls of who was killed while it waited are no more to be read, and nothing hangs. */
Test(seccomp_log, killed_while_it_waits)
{
	struct berth_options options = RT_OPTIONS("attempt", "unshare");
	options.flags = BERTH_SECCOMP_LOG;
	struct rt_job *job = rt_job(&options);
	await_call(job->container);
	rt_ok(berth_container_kill(job->container, BERTH_KILLED, &rt.error));
	rt_wait_readable(berth_container_pidfd(job->container));
	answer_all(job->container);
	expect_told("unshare", false);
	rt_expect_end(rt_job_end(job), BERTH_KILLED, SIGKILL);
}

Test(seccomp_log, nobody_answers_any_more)
{
	struct berth_options options = RT_OPTIONS("attempt", "unshare");
	int out[2];
	cr_assert_eq(pipe2(out, O_CLOEXEC), 0);
	options.stdio = (const int[]){-1, out[1], 2};
	options.flags = BERTH_SECCOMP_LOG;
	struct berth_container *container = rt_launch(&options), *found;
	close(out[1]);
	await_call(container);
	rt_ok(berth_container_find(rt.berth, berth_container_name(container), &found, &rt.error));
	rt_adopt(found);
	rt_forget(container);
	berth_container_close(container);
	char text[256] = "";
	rt_wait_readable(out[0]);
	cr_expect_gt(read(out[0], text, sizeof text - 1), 0);
	cr_expect_str_eq(text, "unshare=ENOSYS\n");
	close(out[0]);
}

Test(seccomp_log, joining_commands_are_confined)
{
	struct berth_options options = RT_OPTIONS("act", "pause");
	options.stdio = (const int[]){-1, -1, 2};
	options.flags = BERTH_SECCOMP_LOG;
	struct berth_container *container = rt_launch(&options), *found;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	rt_ok(berth_container_inspect(container, out, &rt.error));
	fclose(out);
	cr_expect(strstr(text, "\"seccomp-log\""), "%s", text);
	free(text);
	int said[2], status;
	cr_assert_eq(pipe2(said, O_CLOEXEC), 0);
	struct berth_exec_options exec = BERTH_EXEC_OPTIONS_INIT;
	struct berth_process *process;
	exec.argv = (const char *const[]){"/bin/attempt", "unshare", NULL};
	exec.stdio = (const int[]){-1, said[1], 2};
	rt_ok(berth_container_exec(container, &exec, &process, &rt.error));
	close(said[1]);
	rt_ok(berth_process_wait(process, rt_patience(), &status, &rt.error));
	berth_process_close(process);
	char line[64] = "";
	cr_expect_gt(read(said[0], line, sizeof line - 1), 0);
	cr_expect_str_eq(line, "unshare=EPERM\n");
	close(said[0]);
	struct berth_refusal refusal = BERTH_REFUSAL_INIT;
	rt_expect_error(berth_container_seccomp_read(container, &refusal, &rt.error), EAGAIN);
	/* Another process's handle has no part in it. */
	rt_ok(berth_container_find(rt.berth, berth_container_name(container), &found, &rt.error));
	cr_expect_eq(berth_container_seccomp_log(found), -1);
	rt_expect_error(berth_container_seccomp_read(found, &refusal, &rt.error), ENOTSUP);
	berth_container_close(found);
	rt_kill(container);
}

Test(seccomp_log, needs_a_filter)
{
	struct berth_options options = RT_OPTIONS("look");
	options.flags = BERTH_SECCOMP_LOG;
	options.seccomp = "unconfined";
	rt_launch_fails(&options, -EINVAL, 125);
	cr_expect(strstr(rt.error.text, "unconfined"), "%s", rt.error.text);
}

Test(seccomp_log, off_by_default)
{
	struct berth_options options = RT_OPTIONS("attempt", "unshare");
	struct rt_job *job = rt_job(&options);
	cr_expect_eq(berth_container_seccomp_log(job->container), -1);
	rt_job_end(job);
	rt_expect_value(job->text, "unshare", "EPERM");
}
