/* SPDX-License-Identifier: Apache-2.0 */
/* Containers that are made ahead of their launch. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "runtime/container.h"
#include "runtime/prepare.h"
#include "tests/runtime/fixture.h"

TestSuite(prepare, .init = rt_init, .fini = rt_fini);

static size_t ready(void)
{
	size_t count = 0;
	for (const struct prepared *one = rt.berth->prepared; one; one = one->next)
		count++;
	return count;
}

static bool was_prepared(struct berth_container *container)
{
	json_t *json = rt_inspect(container);
	bool prepared = json_is_true(json_object_get(json, "prepared"));
	json_decref(json);
	return prepared;
}

/* How many directories there are in the test's cgroup parent, of whatever hierarchy. */
static size_t cgroups(void)
{
	size_t count = 0;
	const char *point = NULL;
	for (int i = 0; i < CGROUP_CONTROLLERS; i++) {
		const char *next = cgroup_layout_mount_point(rt.berth->layout, (enum cgroup_controller)i);
		if (!next || (point && strcmp(next, point) == 0))
			continue;
		point = next;
		char path[256];
		snprintf(path, sizeof path, "%s/%s", point, rt.parent);
		cleanup_dir DIR *stream = opendir(path);
		for (const struct dirent *entry; stream && (entry = readdir(stream));)
			count += entry->d_type == DT_DIR && entry->d_name[0] != '.';
	}
	return count;
}

/* ---- What a launch gets ---- */

static struct berth_options all_sorts(void)
{
	static struct berth_volume volume;
	static const struct berth_tmpfs tmpfs = {"/scratch", 1 << 20};
	static const struct berth_rlimit rlimit = {RLIMIT_NOFILE, 100, 200};
	static const char *const env[] = {"COLOUR=green", NULL};
	struct berth_options options = RT_OPTIONS("look");
	volume = (struct berth_volume){rt_path("volume"), "/volume", true};
	options.name = "all-sorts";
	options.hostname = "inside";
	options.workdir = "/tmp";
	options.user = "1:2";
	options.env = env;
	options.volumes = &volume;
	options.n_volumes = 1;
	options.tmpfs = &tmpfs;
	options.n_tmpfs = 1;
	options.rlimits = &rlimit;
	options.n_rlimits = 1;
	options.resources.memory = 64 << 20;
	options.resources.cpus = 0.5;
	options.oom_score_adj = 100;
	return options;
}

static int by_line(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The lines in order: mounts of launches after a context's first are told in another. Without the numbers of pipes and
 * namespaces, "[4026531840]". */
static char *sorted(const char *text)
{
	char *copy = strdup(text), *result = calloc(1, strlen(text) + 2), *rest = copy, *line;
	char *lines[1024];
	size_t count = 0;
	cr_assert(copy && result);
	while ((line = strsep(&rest, "\n")) && count < 1024)
		lines[count++] = line;
	qsort(lines, count, sizeof *lines, by_line);
	char *next = result;
	for (size_t i = 0; i < count; i++) {
		lines[i][strcspn(lines[i], "[")] = '\0';
		if (*lines[i])
			next = stpcpy(stpcpy(next, lines[i]), "\n");
	}
	free(copy);
	return result;
}

static void expect_alike(unsigned int flags)
{
	rt_write("volume/file", "of the host\n");
	struct berth_options options = all_sorts();
	options.flags = flags;
	cleanup_free char *plain = sorted(rt_output(&options));
	/* Of what is the command's, nothing need be known. */
	struct berth_options before = all_sorts();
	before.flags = flags;
	before.name = before.user = before.workdir = NULL;
	before.argv = before.env = NULL;
	before.n_rlimits = 0;
	before.resources = (struct berth_resources){.memory = 1 << 30, .cpus = 2};
	rt_ok(berth_prepare(rt.berth, &before, 1, &rt.error));
	cr_assert_eq(ready(), 1u);
	struct rt_job *job = rt_job(&options);
	cr_expect(was_prepared(job->container));
	rt_expect_end(rt_job_end(job), BERTH_EXITED, 0);
	cleanup_free char *prepared = sorted(job->text);
	cr_expect_str_eq(prepared, plain);
	cr_expect_eq(ready(), 0u);
}

Test(prepare, all_is_as_without)
{
	expect_alike(0);
}

Test(prepare, all_is_as_without_init)
{
	expect_alike(BERTH_NO_INIT);
}

Test(prepare, all_is_as_without_in_few_cgroups)
{
	expect_alike(BERTH_FEW_CGROUPS | BERTH_NET_NONE | BERTH_READ_ONLY);
}

static void expect_limits_of_the_launch(unsigned int flags)
{
	struct berth_options options = RT_OPTIONS("act", "hold");
	options.flags = flags;
	rt_ok(berth_prepare(rt.berth, &options, 1, &rt.error));
	options.resources.memory = 48 << 20;
	options.resources.pids = 20;
	struct rt_job *job = rt_job(&options);
	cr_expect(was_prepared(job->container));
	struct berth_stats stats = BERTH_STATS_INIT;
	rt_ok(berth_container_stats(job->container, &stats, &rt.error));
	cr_expect_eq(stats.memory_limit, (uint64_t)48 << 20);
	cr_expect_eq(stats.processes_limit, 20u);
	rt_job_close_input(job);
	rt_expect_end(rt_job_end(job), BERTH_EXITED, 0);
}

/* Also where there were none of any kind, not even of devices, when it was prepared. */
Test(prepare, limits_are_the_launchs)
{
	rt_require_controller("memory");
	expect_limits_of_the_launch(0);
	expect_limits_of_the_launch(BERTH_BARE_ROOT);
}

Test(prepare, out_of_memory_is_told)
{
	struct berth_options options = RT_OPTIONS("eat", "200");
	rt_require_controller("memory");
	rt_ok(berth_prepare(rt.berth, &options, 1, &rt.error));
	options.resources.memory = 32 << 20;
	options.resources.swap = BERTH_NO_SWAP;
	options.stdio = (const int[]){-1, -1, 2};
	struct berth_container *container = rt_launch(&options);
	cr_expect(was_prepared(container));
	rt_expect_end(rt_end(container), BERTH_OUT_OF_MEMORY, SIGKILL);
}

Test(prepare, terminal)
{
	struct berth_options options = RT_OPTIONS("look");
	options.flags = BERTH_TTY;
	rt_ok(berth_prepare(rt.berth, &options, 1, &rt.error));
	struct berth_container *container = rt_launch(&options);
	cr_expect(was_prepared(container));
	cr_expect_geq(berth_container_tty(container), 0);
	/* What it says has no reader: it fits the terminal's buffer or is lost with it. */
	rt_kill(container);
}

Test(prepare, signals_and_a_second_command)
{
	struct berth_options options = RT_OPTIONS("act", "pause");
	rt_ok(berth_prepare(rt.berth, &options, 1, &rt.error));
	struct berth_container *container = rt_launch(&options);
	const char *const argv[] = {"/bin/act", "exit", "3", NULL};
	struct berth_exec_options command = BERTH_EXEC_OPTIONS_INIT;
	struct berth_process *process;
	int status;
	command.argv = argv;
	rt_ok(berth_container_exec(container, &command, &process, &rt.error));
	rt_ok(berth_process_wait(process, rt_patience(), &status, &rt.error));
	cr_expect_eq(status, 3 << 8);
	berth_process_close(process);
	rt_ok(berth_container_signal(container, SIGTERM, &rt.error));
	rt_expect_end(rt_end(container), BERTH_SIGNALED, SIGTERM);
}

Test(prepare, another_slave_finds_it)
{
	struct berth_options options = RT_OPTIONS("act", "pause");
	options.name = "found";
	rt_ok(berth_prepare(rt.berth, &options, 1, &rt.error));
	struct berth_container *container = rt_launch(&options), *found;
	struct berth *other = rt_open();
	rt_ok(berth_container_find(other, "found", &found, &rt.error));
	cr_expect_eq(berth_container_pid(found), berth_container_pid(container));
	cr_expect(was_prepared(found));
	rt_ok(berth_container_kill(found, BERTH_KILLED, &rt.error));
	rt_expect_end(rt_end(container), BERTH_KILLED, SIGKILL);
	berth_container_close(found);
	berth_close(other);
}

/* ---- How many ---- */

Test(prepare, as_many_as_asked_for)
{
	struct berth_options options = RT_OPTIONS("act", "exit", "0"), other = options;
	other.flags = BERTH_READ_ONLY;
	rt_ok(berth_prepare(rt.berth, &options, 3, &rt.error));
	cr_expect_eq(ready(), 3u);
	rt_ok(berth_prepare(rt.berth, &other, 2, &rt.error));
	cr_expect_eq(ready(), 5u);
	rt_ok(berth_prepare(rt.berth, &options, 3, &rt.error));
	cr_expect_eq(ready(), 5u, "there were enough");
	for (size_t i = 4; i >= 2; i--) {
		struct berth_container *container = rt_launch(&options);
		cr_expect(was_prepared(container));
		cr_expect_eq(ready(), i);
		rt_expect_end(rt_end(container), BERTH_EXITED, 0);
	}
	struct berth_container *container = rt_launch(&options);
	cr_expect_not(was_prepared(container));
	rt_expect_end(rt_end(container), BERTH_EXITED, 0);
	rt_ok(berth_prepare(rt.berth, &other, 1, &rt.error));
	cr_expect_eq(ready(), 1u, "there was one too many");
	rt_ok(berth_prepare(rt.berth, &other, 0, &rt.error));
	cr_expect_eq(ready(), 0u);
	cr_expect_eq(cgroups(), 0u);
}

Test(prepare, the_context_ends_them)
{
	struct berth *berth = rt_open();
	struct berth_options options = RT_OPTIONS("act", "exit", "0");
	rt_ok(berth_prepare(berth, &options, 2, &rt.error));
	pid_t pid = berth->prepared->spawned.pid;
	berth_close(berth);
	cr_expect_eq(kill(pid, 0), -1);
	cr_expect_eq(rt_state_entries(), 0u);
}

/* ---- Which suits ---- */

static void expect_passed_over(struct berth_options options)
{
	options.name = "not-that";
	struct berth_container *container = rt_launch(&options);
	cr_expect_not(was_prepared(container), "it took one that was made for another");
	rt_expect_end(rt_end(container), BERTH_EXITED, 0);
	cr_expect_eq(ready(), 1u);
}

Test(prepare, only_what_was_made_for_it)
{
	const struct berth_volume volume = {rt_path("v"), "/v", false};
	const struct berth_tmpfs tmpfs = {"/t", 0};
	const struct berth_device device = {"/dev/zero", "/dev/one", "r"};
	static const char *const rules[] = {"devices.allow=c 10:200 rwm", NULL};
	rt_write("v/file", "");
	struct berth_options made = RT_OPTIONS("act", "exit", "0"), options;
	rt_ok(berth_prepare(rt.berth, &made, 1, &rt.error));
	options = made, options.volumes = &volume, options.n_volumes = 1;
	expect_passed_over(options);
	options = made, options.tmpfs = &tmpfs, options.n_tmpfs = 1;
	expect_passed_over(options);
	options = made, options.devices = &device, options.n_devices = 1;
	expect_passed_over(options);
	options = made, options.cgroup_files = rules;
	expect_passed_over(options);
	options = made, options.flags = BERTH_READ_ONLY;
	expect_passed_over(options);
	options = made, options.flags = BERTH_NET_NONE;
	expect_passed_over(options);
	options = made, options.flags = BERTH_HOST_IPC;
	expect_passed_over(options);
	options = made, options.flags = BERTH_HOST_CGROUP;
	expect_passed_over(options);
	options = made, options.flags = BERTH_NO_INIT;
	expect_passed_over(options);
	options = made, options.flags = BERTH_FEW_CGROUPS;
	expect_passed_over(options);
	options = made, options.oom_score_adj = 7;
	expect_passed_over(options);
	char overlay[128], parent[128];
	snprintf(overlay, sizeof overlay, "overlay:%s", rt_root());
	options = made, options.root = overlay;
	expect_passed_over(options);
	snprintf(parent, sizeof parent, "%s/below", rt.parent);
	options = made, options.cgroup_parent = parent;
	expect_passed_over(options);
	rt_ok((int)berth_collect(rt.berth, parent, false, &rt.error));
}

/* A host name is given last of all that comes before the command. */
Test(prepare, a_host_name_can_wait)
{
	struct berth_options options = RT_OPTIONS("look");
	rt_ok(berth_prepare(rt.berth, &options, 1, &rt.error));
	options.hostname = "late";
	struct rt_job *job = rt_job(&options);
	cr_expect(was_prepared(job->container));
	rt_expect_end(rt_job_end(job), BERTH_EXITED, 0);
	rt_expect_value(job->text, "hostname", "late");
	options.hostname = "early";
	rt_ok(berth_prepare(rt.berth, &options, 1, &rt.error));
	expect_passed_over(RT_OPTIONS("act", "exit", "0"));
}

static void launched_anew(struct berth_options options, const char *line)
{
	struct rt_job *job = rt_job(&options);
	cr_expect_not(was_prepared(job->container));
	rt_expect_end(rt_job_end(job), BERTH_EXITED, 0);
	rt_expect_line(job->text, line);
	cr_expect_eq(ready(), 0u, "what can't be used any more is still there");
}

/* Prepares one with a volume that holds a file of this text. What a launch is to read is /v/file. */
static struct berth_options prepared_with_volume(const char *text)
{
	static char path[128];
	static struct berth_volume volume;
	rt_write("v/file", text);
	strcpy(path, rt_path("v"));
	volume = (struct berth_volume){path, "/v", false};
	struct berth_options options = RT_OPTIONS("act", "read", "/v/file");
	options.volumes = &volume;
	options.n_volumes = 1;
	rt_ok(berth_prepare(rt.berth, &options, 1, &rt.error));
	return options;
}

Test(prepare, a_volume_that_was_replaced)
{
	struct berth_options options = prepared_with_volume("old\n");
	cr_assert_eq(rename(options.volumes->source, rt_path("was-v")), 0);
	rt_write("v/file", "new\n");
	launched_anew(options, "read /v/file=new");
}

Test(prepare, a_volume_that_was_mounted_over)
{
	struct berth_options options = prepared_with_volume("below\n");
	cr_assert_eq(mount("tmpfs", options.volumes->source, "tmpfs", 0, NULL), 0);
	rt_write("v/file", "above\n");
	launched_anew(options, "read /v/file=above");
	cr_assert_eq(umount(options.volumes->source), 0);
}

Test(prepare, one_that_was_killed)
{
	struct berth_options options = RT_OPTIONS("act", "say", "fine");
	rt_ok(berth_prepare(rt.berth, &options, 1, &rt.error));
	cr_assert_eq(kill(rt.berth->prepared->spawned.pid, SIGKILL), 0);
	rt_wait_readable(rt.berth->prepared->spawned.pidfd);
	launched_anew(options, "fine");
	cr_expect_eq(cgroups(), 0u);
}

Test(prepare, what_died_is_replaced)
{
	struct berth_options options = RT_OPTIONS("act", "exit", "0");
	rt_ok(berth_prepare(rt.berth, &options, 2, &rt.error));
	cr_assert_eq(kill(rt.berth->prepared->spawned.pid, SIGKILL), 0);
	rt_wait_readable(rt.berth->prepared->spawned.pidfd);
	rt_ok(berth_prepare(rt.berth, &options, 2, &rt.error));
	for (int i = 0; i < 2; i++) {
		struct berth_container *container = rt_launch(&options);
		cr_expect(was_prepared(container));
		rt_expect_end(rt_end(container), BERTH_EXITED, 0);
	}
}

static void with_framework(const char *root)
{
	struct berth_options options = RT_OPTIONS("act", "write", "/first", "x", "read", "/first");
	options.root = root;
	rt_ok(berth_prepare(rt.berth, &options, 1, &rt.error));
	struct rt_job *job = rt_job(&options);
	cr_expect(was_prepared(job->container));
	rt_expect_end(rt_job_end(job), BERTH_EXITED, 0);
	rt_expect_line(job->text, "read /first=x");
	/* Its root is another by then: what it was made in has gone. */
	rt_ok(berth_prepare(rt.berth, &options, 1, &rt.error));
	rt_ok(berth_root_remove(rt.berth, "F", &rt.error));
	launched_anew(options, "write /first=ok");
	rt_ok(berth_root_remove(rt.berth, "F", &rt.error));
}

Test(prepare, framework_roots)
{
	char root[160];
	snprintf(root, sizeof root, "framework:F:%s", rt_root());
	with_framework(root);
}

/* ---- What goes wrong ---- */

static void refused(struct berth_options options, int code)
{
	rt_expect_error(berth_prepare(rt.berth, &options, 1, &rt.error), code);
	cr_expect_neq(rt.error.text[0], '\0');
	cr_expect_eq(ready(), 0u);
	rt_expect_nothing_left();
}

Test(prepare, refusals)
{
	struct berth_options made = RT_OPTIONS("act", "exit", "0"), options;
	const struct berth_id_range ids = {0, 100000, 65536};
	options = made, options.flags = BERTH_DIE_WITH_THREAD;
	refused(options, ENOTSUP);
	options = made, options.uid_map = &ids, options.n_uid_map = 1;
	refused(options, ENOTSUP);
	options = made, options.userns = "auto";
	refused(options, ENOTSUP);
	options = made, options.root = "/nothing/here";
	refused(options, ENOENT);
	options = made, options.flags = 1U << 30;
	refused(options, EINVAL);
	options = made, options.hostname = "";
	refused(options, EINVAL);
}

Test(prepare, a_launch_that_fails)
{
	struct berth_options options = RT_OPTIONS("/nothing");
	rt_ok(berth_prepare(rt.berth, &options, 1, &rt.error));
	struct berth_container *container;
	rt_expect_error(berth_launch(rt.berth, &options, &container, &rt.error), ENOENT);
	cr_expect_eq(rt.error.exit_status, 127);
	cr_expect(strstr(rt.error.text, "execute /nothing"), "%s", rt.error.text);
	cr_expect_eq(ready(), 0u);
	cr_expect_eq(rt_state_entries(), 0u);
	cr_expect_eq(cgroups(), 0u);
}

Test(prepare, a_limit_too_small)
{
	rt_require_controller("memory");
	struct berth_options options = RT_OPTIONS("act", "exit", "0");
	rt_ok(berth_prepare(rt.berth, &options, 1, &rt.error));
	options.resources.memory = 64 << 10;
	struct berth_container *container;
	cr_expect_lt(berth_launch(rt.berth, &options, &container, &rt.error), 0);
	cr_expect(strstr(rt.error.text, "memory"), "%s", rt.error.text);
	cr_expect_eq(rt_state_entries(), 0u);
	cr_expect_eq(cgroups(), 0u);
}

Test(prepare, a_name_that_is_taken)
{
	struct berth_options options = RT_OPTIONS("act", "pause");
	options.name = "taken";
	struct berth_container *first = rt_launch(&options), *second;
	rt_ok(berth_prepare(rt.berth, &options, 1, &rt.error));
	rt_expect_error(berth_launch(rt.berth, &options, &second, &rt.error), EEXIST);
	cr_expect_eq(ready(), 1u, "a launch that came to nothing has used it up");
	rt_kill(first);
	second = rt_launch(&options);
	cr_expect(was_prepared(second));
	rt_kill(second);
}

/* Each step that is left to the launch fails in turn. */
Test(prepare, each_step)
{
	struct berth_options options = RT_OPTIONS("act", "exit", "0");
	options.user = "1:2";
	for (size_t step = 1;; step++) {
		struct berth_container *container;
		rt_ok(berth_prepare(rt.berth, &options, 1, &rt.error));
		size_t done = plan_count(rt.berth->prepared->plan) - 1;
		context_inject_failure(rt.berth, done + step, EUCLEAN);
		int code = berth_launch(rt.berth, &options, &container, &rt.error);
		context_inject_failure(rt.berth, 0, 0);
		if (code == 0) {
			/* There is no such step. */
			cr_expect_gt(step, 8u);
			rt_adopt(container);
			rt_expect_end(rt_end(container), BERTH_EXITED, 0);
			return;
		}
		cr_assert_eq(code, -EUCLEAN, "%s", rt.error.text);
		cr_expect_eq(rt_state_entries(), 0u);
		cr_expect_eq(cgroups(), 0u);
	}
}

/* ---- Others ---- */

static int prepares_and_waits(void *data)
{
	struct berth_options options = RT_OPTIONS("act", "exit", "0");
	struct berth *berth = rt_open();
	pid_t pid = -1;
	if (berth_prepare(berth, &options, 1, &rt.error) == 0)
		pid = berth->prepared->spawned.pid;
	else
		fprintf(stderr, "%s\n", rt.error.text);
	if (write(*(int *)data, &pid, sizeof pid) != sizeof pid)
		return 1;
	pause();
	return 0;
}

Test(prepare, a_slave_that_is_killed)
{
	int ends[2];
	pid_t pid;
	cr_assert_eq(pipe2(ends, O_CLOEXEC), 0);
	rt_root();
	pid_t slave = rt_fork(prepares_and_waits, &ends[1]);
	close(ends[1]);
	rt_wait_readable(ends[0]);
	cr_assert_eq(read(ends[0], &pid, sizeof pid), (ssize_t)sizeof pid);
	cr_assert_gt(pid, 0);
	close(ends[0]);
	/* Not while its maker lives. */
	rt_ok(context_require_layout(rt.berth, NULL));
	size_t before = cgroups();
	rt_ok((int)berth_collect(rt.berth, rt.parent, false, &rt.error));
	cr_expect_eq(cgroups(), before);
	cr_assert_eq(kill(slave, SIGKILL), 0);
	rt_wait_child(slave);
	rt_wait_gone(pid);
	rt_ok((int)berth_collect(rt.berth, rt.parent, false, &rt.error));
	cr_expect_eq(cgroups(), 0u);
}

static int launches_and_closes(void *data)
{
	const struct berth_options *options = data;
	struct berth_container *container;
	struct berth_end end = BERTH_END_INIT;
	if (berth_launch(rt.berth, options, &container, &rt.error) < 0 || was_prepared(container) ||
	    berth_container_wait(container, rt_patience(), &end, &rt.error) < 0)
		return 1;
	berth_container_close(container);
	berth_close(rt.berth);
	return end.reason == BERTH_EXITED ? 0 : 2;
}

/* They are not its children. */
Test(prepare, a_forked_process_leaves_its_parents)
{
	struct berth_options options = RT_OPTIONS("act", "exit", "0");
	rt_ok(berth_prepare(rt.berth, &options, 1, &rt.error));
	cr_expect_eq(rt_wait_child(rt_fork(launches_and_closes, &options)), 0);
	struct berth_container *container = rt_launch(&options);
	cr_expect(was_prepared(container));
	rt_expect_end(rt_end(container), BERTH_EXITED, 0);
}

enum { THREADS = 4, LAUNCHES = 25 };

static void *launch_some(void *data)
{
	struct berth_options options = RT_OPTIONS("act", "exit", "5");
	size_t *done = data;
	for (int i = 0; i < LAUNCHES; i++) {
		struct berth_container *container;
		struct berth_error error = BERTH_ERROR_INIT;
		struct berth_end end = BERTH_END_INIT;
		if (berth_prepare(rt.berth, &options, 2, &error) < 0 ||
		    berth_launch(rt.berth, &options, &container, &error) < 0) {
			fprintf(stderr, "%s\n", error.text);
			break;
		}
		*done += berth_container_wait(container, rt_patience(), &end, &error) == 0 && end.code == 5;
		berth_container_close(container);
	}
	return NULL;
}

Test(prepare, from_several_threads)
{
	pthread_t threads[THREADS];
	size_t done[THREADS] = {0};
	struct berth_options options = RT_OPTIONS("act", "exit", "5");
	rt_root();
	for (int i = 0; i < THREADS; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, launch_some, &done[i]), 0);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		cr_expect_eq(done[i], (size_t)LAUNCHES);
	}
	rt_ok(berth_prepare(rt.berth, &options, 0, &rt.error));
	cr_expect_eq(ready(), 0u);
	cr_expect_eq(cgroups(), 0u);
}
