/* SPDX-License-Identifier: Apache-2.0 */
/* A container from launch to end: both PID 1 modes, the command found or not, its status, its surroundings. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "tests/runtime/fixture.h"

TestSuite(launch, .init = rt_init, .fini = rt_fini);

static const unsigned int modes[] = {0, BERTH_NO_INIT};
#define EACH_MODE(flag) (size_t i_ = 0; i_ < 2 && (flag = modes[i_], 1); i_++)

Test(launch, status_of_the_command)
{
	unsigned int flag;
	for
		EACH_MODE(flag)
		{
			static const struct {
				const char *status;
				int code;
			} table[] = {{"0", 0}, {"1", 1}, {"125", 125}, {"255", 255}};
			for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
				struct berth_options options = RT_OPTIONS("act", "exit", table[i].status);
				options.flags = flag;
				struct berth_end end = rt_end(rt_launch(&options));
				rt_expect_end(end, BERTH_EXITED, table[i].code);
				cr_expect_eq(berth_end_status(&end), table[i].code);
				cr_expect_leq(end.started_ns, end.ended_ns);
				cr_expect_gt(end.started_ns, (uint64_t)1600000000 * 1000000000);
			}
		}
}

Test(launch, signal_of_the_command)
{
	static const int signals[] = {SIGTERM, SIGSEGV, SIGKILL, SIGHUP, SIGUSR1};
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
		char number[16];
		snprintf(number, sizeof number, "%d", signals[i]);
		struct berth_options options = RT_OPTIONS("act", "raise", number, "exit", "7");
		struct berth_end end = rt_end(rt_launch(&options));
		rt_expect_end(end, BERTH_SIGNALED, signals[i]);
		cr_expect_eq(berth_end_status(&end), 128 + signals[i]);
	}
}

/* PID 1 is immune to signals of its own namespace that it has no handler for. pid_namespaces(7) */
Test(launch, command_as_pid_1_is_immune_to_itself)
{
	struct berth_options options = RT_OPTIONS("act", "raise", "15", "exit", "7");
	options.flags = BERTH_NO_INIT;
	rt_expect_end(rt_end(rt_launch(&options)), BERTH_EXITED, 7);
}

Test(launch, command_is_a_child_of_init)
{
	struct berth_options options = RT_OPTIONS("look");
	const char *text = rt_output(&options);
	rt_expect_value(text, "ppid", "1");
	rt_expect_value(text, "init", "berth-init");
	cr_expect_str_neq(rt_value(text, "pid"), "1");
	/* A session of its own. */
	char sid[16];
	snprintf(sid, sizeof sid, "%s", rt_value(text, "pid"));
	rt_expect_value(text, "sid", sid);
	rt_expect_value(text, "pgid", sid);
}

Test(launch, command_is_pid_1)
{
	struct berth_options options = RT_OPTIONS("look");
	options.flags = BERTH_NO_INIT;
	const char *text = rt_output(&options);
	rt_expect_value(text, "pid", "1");
	rt_expect_value(text, "ppid", "0");
	rt_expect_value(text, "sid", "1");
	rt_expect_value(text, "init", "look");
}

Test(launch, arguments_arrive_as_they_are)
{
	struct berth_options options = RT_OPTIONS("look", "", "a b", "\xff\x01", "--", "$HOME", "*");
	const char *text = rt_output(&options);
	cr_expect_eq(rt_count(text, "arg="), 7u);
	rt_expect_line(text, "arg=");
	rt_expect_line(text, "arg=a b");
	rt_expect_line(text, "arg=\xff\x01");
	rt_expect_line(text, "arg=--");
	rt_expect_line(text, "arg=$HOME");
	rt_expect_line(text, "arg=*");
}

Test(launch, command_is_found_in_its_own_path)
{
	static const char *const environment[] = {"PATH=/nowhere:/etc/passwd:/bin", NULL};
	struct berth_options options = RT_OPTIONS("look");
	options.argv = (const char *const[]){"look", NULL};
	options.env = environment;
	rt_expect_line(rt_output(&options), "arg=look");
}

Test(launch, script_is_run_by_its_interpreter)
{
	struct berth_options options = RT_OPTIONS("/bin/script", "x");
	const char *text = rt_output(&options);
	rt_expect_line(text, "arg=/bin/script");
	rt_expect_line(text, "arg=x");
}

Test(launch, command_that_cannot_be_executed)
{
	static const struct {
		const char *command;
		int code, exit_status;
	} table[] = {
		{"/bin/nowhere", ENOENT, 127},
		{"nowhere", ENOENT, 127},
		{"/bin/orphan-script", ENOENT, 127},
		{"/bin/text", EACCES, 126},
		{"/bin", EACCES, 126},
		{"/etc/passwd/x", ENOTDIR, 126},
		{"text", EACCES, 126},
		{"/bin/../../../bin/x", ENOENT, 127},
	};
	unsigned int flag;
	for
		EACH_MODE(flag)
		{
			for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
				struct berth_options options = RT_OPTIONS(table[i].command);
				options.env = (const char *const[]){"PATH=/bin", NULL};
				options.flags = flag;
				rt_launch_fails(&options, -table[i].code, table[i].exit_status);
				cr_expect(strstr(rt.error.text, table[i].command), "%s", rt.error.text);
			}
		}
	rt_expect_nothing_left();
}

Test(launch, name_is_any_bytes)
{
	static char long_name[4097];
	memset(long_name, 'n', 4096);
	static char middle_name[301];
	memset(middle_name, '/', 300);
	const char *const names[] = {"a b",      "..",  ".", "a/b",       "../../etc", "x(1)",
				     "\xff\xfe", "%2F", "-", middle_name, long_name};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct berth_options options = RT_OPTIONS("act", "hold");
		options.name = names[i];
		struct rt_job *job = rt_job(&options);
		cr_expect_str_eq(berth_container_name(job->container), names[i]);
		cr_expect_eq(rt_state_entries(), 1u);
		struct berth_container *found;
		rt_ok(berth_container_find(rt.berth, names[i], &found, &rt.error));
		cr_expect_str_eq(berth_container_name(found), names[i]);
		cr_expect_eq(berth_container_pid(found), berth_container_pid(job->container));
		berth_container_close(found);
		rt_expect_end(rt_job_end(job), BERTH_EXITED, 0);
	}
}

Test(launch, name_in_use)
{
	struct berth_options options = RT_OPTIONS("act", "hold");
	options.name = "taken";
	struct rt_job *job = rt_job(&options);
	rt_launch_fails(&options, -EEXIST, 125);
	cr_expect(strstr(rt.error.text, "taken"), "%s", rt.error.text);
	rt_expect_end(rt_job_end(job), BERTH_EXITED, 0);
	/* Free again after the end. */
	options.argv = (const char *const[]){"/bin/act", "exit", "3", NULL};
	rt_expect_end(rt_end(rt_launch(&options)), BERTH_EXITED, 3);
}

Test(launch, generated_names_differ)
{
	struct berth_options options = RT_OPTIONS("act", "pause");
	struct berth_container *one = rt_launch(&options), *two = rt_launch(&options);
	cr_expect_str_neq(berth_container_name(one), berth_container_name(two));
	rt_expect_end(rt_kill(one), BERTH_KILLED, SIGKILL);
	rt_expect_end(rt_kill(two), BERTH_KILLED, SIGKILL);
}

Test(launch, few_cgroups)
{
	struct berth_options options = RT_OPTIONS("act", "hold");
	options.flags = BERTH_FEW_CGROUPS;
	struct rt_job *job = rt_job(&options);
	struct berth_stats stats = BERTH_STATS_INIT;
	rt_expect_error(berth_container_stats(job->container, &stats, &rt.error), ENOTSUP);
	rt_expect_end(rt_job_end(job), BERTH_EXITED, 0);
}

Test(launch, not_root)
{
	struct berth_options options = RT_OPTIONS("act", "exit", "0");
	/* The state root is this user's own, so that the launch is what is refused. */
	cr_assert_eq(chown(rt.state, 65534, 65534), 0);
	cr_assert_eq(seteuid(65534), 0);
	rt_launch_fails(&options, -EPERM, 125);
	cr_expect(strstr(rt.error.text, "root"), "%s", rt.error.text);
	cr_assert_eq(seteuid(0), 0);
	cr_assert_eq(chown(rt.state, 0, 0), 0);
}

/* A struct of an older program ends earlier; what lies behind it in memory is none of the library's business. */
Test(launch, older_struct_is_read_no_further)
{
	struct berth_options options = RT_OPTIONS("act", "exit", "5");
	int nonsense = 424242;
	options.size = offsetof(struct berth_options, stdio);
	options.stdio = &nonsense;
	rt_expect_end(rt_end(rt_launch(&options)), BERTH_EXITED, 5);
}
