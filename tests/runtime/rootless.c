/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Containers of an ordinary user: a bare uid that the test becomes, in a child of its own, with a state directory of
 * its own. What the child complains of is on the test's error output.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cgroup/cgroup.h"
#include "nsutil/base/cleanup.h"
#include "nsutil/base/file.h"
#include "runtime/context.h"
#include "tests/runtime/fixture.h"

enum { USER = 61234, RANGE_FIRST = 500000 };

static char overlay[128], subids[128], act[128];

static void own(const char *path)
{
	cr_assert_eq(lchown(path, USER, USER), 0, "%s: %s", path, strerror(errno));
}

static void init(void)
{
	rt_init();
	rt_root();
	snprintf(overlay, sizeof overlay, "overlay:%s", rt.root);
	snprintf(act, sizeof act, "%s/bin/act", rt.root);
	snprintf(subids, sizeof subids, "%s", rt_write("subid", ""));
	cr_assert_eq(chmod(rt.base, 0711), 0);
	own(rt.base);
	cr_assert_eq(mkdir(rt_path("user"), 0700), 0);
	own(rt_path("user"));
	own(rt.root);
	own(rt_path("root/etc"));
	own(rt_path("root/etc/group"));
}

TestSuite(rootless, .init = init, .fini = rt_fini);

/* ---- In the child ---- */

#define expect(condition, ...)                                                                                         \
	do {                                                                                                           \
		if (!(condition)) {                                                                                    \
			fprintf(stderr, "%s:%d: ", __FILE__, __LINE__);                                                \
			fprintf(stderr, __VA_ARGS__);                                                                  \
			fprintf(stderr, "\n");                                                                         \
			return 1;                                                                                      \
		}                                                                                                      \
	} while (0)

static struct berth *user_open(void)
{
	char state[128];
	snprintf(state, sizeof state, "%s/user/berth", rt.base);
	struct berth_config config = {.size = sizeof config, .state_root = state};
	struct berth *berth = NULL;
	if (berth_open(&config, &berth, &rt.error) < 0)
		fprintf(stderr, "%s\n", rt.error.text);
	else
		context_use_ids(berth, subids, subids, "/nowhere");
	return berth;
}

/* Launches; what it says comes from the descriptor. NULL where it fails. */
static struct berth_container *launch(struct berth *berth, struct berth_options *options, int *said)
{
	int ends[2];
	struct berth_container *container = NULL;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return NULL;
	const int stdio[] = {-1, ends[1], ends[1]};
	if (!(options->flags & BERTH_TTY))
		options->stdio = stdio;
	if (!options->workdir)
		options->workdir = "/";
	if (berth_launch(berth, options, &container, &rt.error) < 0)
		fprintf(stderr, "%s\n", rt.error.text);
	options->stdio = NULL;
	close(ends[1]);
	*said = ends[0];
	return container;
}

static char *read_all(int fd)
{
	static char text[65536];
	size_t length = 0;
	for (ssize_t got; (got = read(fd, text + length, sizeof text - 1 - length)) > 0;)
		length += (size_t)got;
	text[length] = '\0';
	close(fd);
	return text;
}

/* Runs it to its end, which must be `exited 0`. What it said; NULL where it failed. */
static const char *output(struct berth *berth, struct berth_options *options)
{
	int said;
	struct berth_end end = BERTH_END_INIT;
	struct berth_container *container = launch(berth, options, &said);
	if (!container)
		return NULL;
	const char *text = read_all(said);
	int code = berth_container_wait(container, rt_patience(), &end, &rt.error);
	berth_container_close(container);
	if (code == 0 && end.reason == BERTH_EXITED && end.code == 0)
		return text;
	fprintf(stderr, "%s%s\n", text, code < 0 ? rt.error.text : end.text);
	return NULL;
}

static bool has(const char *text, const char *line)
{
	if (text && rt_has_line(text, line))
		return true;
	fprintf(stderr, "'%s' is not in:\n%s\n", line, text ? text : "(nothing)");
	return false;
}

static struct berth_options options_of(const char *root, const char *const *argv)
{
	struct berth_options options = BERTH_OPTIONS_INIT;
	options.root = root;
	options.argv = argv;
	return options;
}
#define OPTIONS(root, ...) options_of(root, (const char *const[]){__VA_ARGS__, NULL})

/* ---- Becoming the user ---- */

static int (*body)(struct berth *berth);
static char cgroup[256]; /* a directory for the child to be in; "": where it is */

static bool cgroup_enter(void)
{
	char path[300];
	snprintf(path, sizeof path, "%s/cgroup.procs", cgroup);
	return !*cgroup || file_write(AT_FDCWD, path, "0") == 0;
}

static int as_user(void *data)
{
	(void)data;
	if (!cgroup_enter() || setgroups(0, NULL) < 0 || setresgid(USER, USER, USER) < 0 ||
	    setresuid(USER, USER, USER) < 0)
		return 101;
	/* As after an exec: what a change of user has undone would close the child's own /proc to it. */
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	struct berth *berth = user_open();
	if (!berth)
		return 102;
	int status = body(berth);
	berth_close(berth);
	if (status == 0 && waitpid(-1, NULL, __WALL | WNOHANG) >= 0)
		status = 103;
	return status;
}

static void run_as_user(int (*run)(struct berth *berth))
{
	body = run;
	int status = rt_wait_child(rt_fork(as_user, NULL));
	cr_assert(WIFEXITED(status));
	cr_expect_eq(WEXITSTATUS(status), 0, "the user's process ended with %d", WEXITSTATUS(status));
	char path[128];
	snprintf(path, sizeof path, "%s/user/berth/.stage", rt.base);
	cr_expect_eq(rmdir(path), 0, "%s: %s", path, strerror(errno));
	snprintf(path, sizeof path, "%s/user/berth", rt.base);
	cr_expect_eq(rmdir(path), 0, "something is left in %s", path);
}

/* ---- Roots ---- */

static int directory(struct berth *berth)
{
	struct berth_options options =
		OPTIONS(rt.root, "/bin/act", "stat", "/", "write", "/made", "x", "stat", "/made", "stat", "/dev/null",
			"write", "/dev/null", "x", "read", "/proc/self/uid_map");
	const char *text = output(berth, &options);
	expect(has(text, "stat /=d0755 0:0") && has(text, "write /made=ok") && has(text, "stat /made=-0644 0:0") &&
		       has(text, "write /dev/null=ok") && has(text, "stat /dev/null=c0666 65534:65534 1,3"),
	       "directory");
	options = OPTIONS(rt.root, "/bin/look");
	text = output(berth, &options);
	expect(has(text, "uid=0") && has(text, "gid=0") && has(text, "pid=2") && has(text, "NoNewPrivs=1") &&
		       has(text, "CapEff=00000000a80425fb") && has(text, "Seccomp=2"),
	       "look");
	return 0;
}

Test(rootless, a_directory_is_written_to_as_the_user)
{
	run_as_user(directory);
	struct stat status;
	cr_assert_eq(stat(rt_path("root/made"), &status), 0);
	cr_expect_eq(status.st_uid, (uid_t)USER);
}

static int layers(struct berth *berth)
{
	struct berth_options options = OPTIONS(overlay, "/bin/act", "write", "/made", "x", "read", "/made", "write",
					       "/etc/group", "changed", "remove", "/etc/passwd", "list", "/etc");
	const char *text = output(berth, &options);
	expect(has(text, "write /made=ok") && has(text, "read /made=x") && has(text, "write /etc/group=ok") &&
		       has(text, "remove /etc/passwd=ok") && has(text, "list /etc=group"),
	       "overlay");
	return 0;
}

Test(rootless, an_overlay_is_thrown_away)
{
	run_as_user(layers);
	cr_expect_lt(access(rt_path("root/made"), F_OK), 0);
	cr_expect(strncmp(rt_read(rt_path("root/etc/group")), "root:", 5) == 0);
	cr_expect_eq(access(rt_path("root/etc/passwd"), F_OK), 0);
}

static int host(struct berth *berth)
{
	char made[128], file[128], state[128], line[160];
	snprintf(made, sizeof made, "%s/root/made", rt.base);
	snprintf(file, sizeof file, "%s/root/etc/group", rt.base);
	snprintf(state, sizeof state, "%s/user/berth", rt.base);
	struct berth_options options = OPTIONS("host", act, "write", made, "x", "write", file, "changed", "read", file,
					       "read", "/etc/shadow", "write", "/etc/berth-test", "x", "list", state,
					       "list", "/sys/fs/cgroup", "write", "/berth-test", "x");
	const char *text = output(berth, &options);
	snprintf(line, sizeof line, "write %s=ok", made);
	expect(has(text, line), "host");
	snprintf(line, sizeof line, "read %s=changed", file);
	expect(has(text, line), "host");
	snprintf(line, sizeof line, "list %s=", state);
	expect(has(text, line), "the user's own records are hidden");
	expect(has(text, "read /etc/shadow=EACCES") && has(text, "write /etc/berth-test=ok") &&
		       has(text, "write /berth-test=ok") && has(text, "list /sys/fs/cgroup="),
	       "host");
	/* The host's own files. */
	options = OPTIONS("host-rw", act, "write", made, "x", "write", "/etc/berth-test", "x");
	text = output(berth, &options);
	expect(has(text, "write /etc/berth-test=EACCES"), "host-rw");
	snprintf(line, sizeof line, "write %s=ok", made);
	expect(has(text, line), "host-rw");
	return 0;
}

Test(rootless, the_host_is_seen_and_not_written)
{
	run_as_user(host);
	cr_expect_lt(access("/etc/berth-test", F_OK), 0);
	cr_expect_lt(access("/berth-test", F_OK), 0);
	cr_expect(strncmp(rt_read(rt_path("root/etc/group")), "root:", 5) == 0);
	cr_expect_eq(access(rt_path("root/made"), F_OK), 0, "what is written to host-rw stays");
}

static int host_mounts(struct berth *berth)
{
	char single[128], plain[128], file[128], line[160];
	snprintf(single, sizeof single, "%s/m/single", rt.base);
	snprintf(plain, sizeof plain, "%s/m/plain/under", rt.base);
	snprintf(file, sizeof file, "%s/m/n/file", rt.base);
	struct berth_options options = OPTIONS("host", act, "read", single, "read", plain, "read", file);
	const char *text = output(berth, &options);
	snprintf(line, sizeof line, "read %s=in tmpfs", single);
	expect(has(text, line), "a file that is mounted");
	snprintf(line, sizeof line, "read %s=under", plain);
	expect(has(text, line), "a directory beside it");
	snprintf(line, sizeof line, "read %s=in tmpfs", file);
	expect(has(text, line), "a directory that is mounted");
	return 0;
}

/* Mounts beside and below others, of a directory and a file: under none of them may the user look. */
Test(rootless, the_hosts_mounts_are_seen)
{
	static const char *const directories[] = {"m", "m/n", "m/plain"};
	for (size_t i = 0; i < 3; i++)
		cr_assert_eq(mkdir(rt_path(directories[i]), 0755), 0);
	rt_write("m/plain/under", "under\n");
	cr_assert_eq(mount("tmpfs", rt_path("m/n"), "tmpfs", 0, "mode=755"), 0);
	rt_write("m/n/file", "in tmpfs\n");
	rt_write("m/single", "covered\n");
	cr_assert_eq(mount(rt_path("m/n/file"), rt_path("m/single"), NULL, MS_BIND, NULL), 0);
	run_as_user(host_mounts);
	cr_assert_eq(umount2(rt_path("m/single"), MNT_DETACH), 0);
	cr_assert_eq(umount2(rt_path("m/n"), MNT_DETACH), 0);
}

/* ---- The rest of what a container has ---- */

static int surroundings(struct berth *berth)
{
	struct berth_options options = OPTIONS(overlay, "/bin/look");
	options.flags = BERTH_NET_NONE;
	options.hostname = "inside";
	options.tmpfs = &(const struct berth_tmpfs){"/t", 1 << 20};
	options.n_tmpfs = 1;
	const char *text = output(berth, &options);
	expect(has(text, "hostname=inside") && has(text, "interface=lo") && rt_count(text, "interface=") == 1, "look");
	char source[128];
	snprintf(source, sizeof source, "%s/user", rt.base);
	const struct berth_volume volumes[] = {{source, "/v", false}, {source, "/ro", true}};
	options = OPTIONS(overlay, "/bin/act", "write", "/v/made", "x", "write", "/ro/more", "x", "read", "/ro/made",
			  "list", "/sys/class/net", "remove", "/v/made", "write", "/x", "x");
	options.flags = BERTH_NET_NONE | BERTH_READ_ONLY;
	options.volumes = volumes;
	options.n_volumes = 2;
	text = output(berth, &options);
	expect(has(text, "write /v/made=ok") && has(text, "write /ro/more=EROFS") && has(text, "read /ro/made=x") &&
		       has(text, "list /sys/class/net=lo") && has(text, "write /x=EROFS"),
	       "volumes");
	options = OPTIONS(overlay, "/bin/attempt", "mount", "unshare", "setns", "keyctl", "ptrace", "fork");
	text = output(berth, &options);
	expect(has(text, "mount=EPERM") && has(text, "unshare=EPERM") && has(text, "keyctl=EPERM") &&
		       has(text, "fork=0"),
	       "attempts");
	options = OPTIONS(overlay, "/bin/act", "exit", "0");
	options.flags = BERTH_NO_INIT;
	expect(output(berth, &options), "without init");
	return 0;
}

Test(rootless, namespaces_volumes_and_filter)
{
	run_as_user(surroundings);
}

static int terminal(struct berth *berth)
{
	int said;
	struct berth_options options = OPTIONS(overlay, "/bin/act", "stat", "/dev/pts/0", "write", "/dev/tty", "loud");
	options.flags = BERTH_TTY;
	struct berth_container *container = launch(berth, &options, &said);
	expect(container, "launch");
	close(said);
	char text[4096] = "";
	size_t length = 0;
	for (ssize_t got; (got = read(berth_container_tty(container), text + length, sizeof text - 1 - length)) > 0;)
		length += (size_t)got;
	text[length] = '\0';
	expect(strstr(text, "stat /dev/pts/0=c0620 0:0") && strstr(text, "loud"), "%s", text);
	struct berth_end end = BERTH_END_INIT;
	expect(berth_container_wait(container, rt_patience(), &end, &rt.error) == 0, "%s", rt.error.text);
	berth_container_close(container);
	return 0;
}

Test(rootless, terminal)
{
	run_as_user(terminal);
}

/* ---- Using them ---- */

static int managed(struct berth *berth)
{
	int said, status = -1, ends[2];
	struct berth_options options = OPTIONS(rt.root, "/bin/act", "pause");
	options.name = "one";
	struct berth_container *container = launch(berth, &options, &said), *found, *other;
	expect(container, "launch");
	close(said);
	expect(berth_launch(berth, &options, &other, &rt.error) == -EEXIST, "a name is used twice");
	struct berth *again = user_open();
	expect(again && berth_container_find(again, "one", &found, &rt.error) == 0, "%s", rt.error.text);
	expect(berth_container_state(found) == BERTH_RUNNING &&
		       berth_container_pid(found) == berth_container_pid(container),
	       "it is found running");
	struct berth_exec_options joining = BERTH_EXEC_OPTIONS_INIT;
	joining.argv = (const char *const[]){"/bin/look", NULL};
	expect(pipe2(ends, O_CLOEXEC) == 0, "pipe");
	const int stdio[] = {-1, ends[1], ends[1]};
	joining.stdio = stdio;
	struct berth_process *process;
	expect(berth_container_exec(found, &joining, &process, &rt.error) == 0, "%s", rt.error.text);
	close(ends[1]);
	const char *text = read_all(ends[0]);
	expect(has(text, "uid=0") && has(text, "CapEff=00000000a80425fb") && has(text, "Seccomp=2"), "exec");
	expect(berth_process_wait(process, rt_patience(), &status, &rt.error) == 0 && status == 0, "exec %d", status);
	berth_process_close(process);
	char *json = NULL;
	size_t size;
	FILE *stream = open_memstream(&json, &size);
	expect(berth_container_inspect(found, stream, &rt.error) == 0, "%s", rt.error.text);
	fclose(stream);
	expect(strstr(json, "\"outside\": 61234"), "%s", json);
	free(json);
	expect(berth_container_kill(found, BERTH_KILLED, &rt.error) == 0, "%s", rt.error.text);
	struct berth_end end = BERTH_END_INIT;
	expect(berth_container_wait(container, rt_patience(), &end, &rt.error) == 0 && end.reason == BERTH_KILLED, "%s",
	       end.text);
	berth_container_close(found);
	berth_container_close(container);
	berth_close(again);
	return 0;
}

Test(rootless, found_joined_and_killed)
{
	run_as_user(managed);
}

/* Its launcher ends, without a word, and another of the same user's takes over. */
static int recovered(struct berth *berth)
{
	int ends[2];
	pid_t pid = -1;
	expect(pipe2(ends, O_CLOEXEC) == 0, "pipe");
	pid_t child = fork();
	if (child == 0) {
		int said;
		struct berth *own = user_open();
		struct berth_options options = OPTIONS("host", act, "pause");
		struct berth_container *container = launch(own, &options, &said);
		pid = container ? berth_container_pid(container) : -1;
		_exit(write(ends[1], &pid, sizeof pid) != sizeof pid);
	}
	close(ends[1]);
	expect(read(ends[0], &pid, sizeof pid) == sizeof pid && pid > 0, "launch");
	close(ends[0]);
	expect(waitpid(child, NULL, 0) == child, "wait");
	struct berth_container **found;
	expect(berth_recover(berth, &found, &rt.error) == 1, "%s", rt.error.text);
	expect(berth_container_pid(found[0]) == pid, "pid");
	expect(berth_container_kill(found[0], BERTH_KILLED, &rt.error) == 0, "%s", rt.error.text);
	struct berth_end end = BERTH_END_INIT;
	expect(berth_container_wait(found[0], rt_patience(), &end, &rt.error) == 0, "%s", rt.error.text);
	berth_container_close(found[0]);
	free(found);
	return 0;
}

Test(rootless, recovered)
{
	run_as_user(recovered);
}

enum { THREADS = 8, EACH = 10 };

static void *launch_many(void *data)
{
	static const int quiet[] = {-1, -1, 2};
	size_t *failed = data;
	struct berth *berth = user_open();
	for (size_t i = 0; berth && i < EACH; i++) {
		struct berth_options options = OPTIONS(rt.root, "/bin/act", "exit", "3");
		struct berth_container *container;
		struct berth_end end = BERTH_END_INIT;
		struct berth_error error;
		options.stdio = quiet;
		/* In place and through init, for these hinder each other most. */
		options.flags = i % 2 ? BERTH_NO_INIT : 0;
		if (berth_launch(berth, &options, &container, &error) < 0) {
			fprintf(stderr, "%s\n", error.text);
			++*failed;
			continue;
		}
		*failed += berth_container_wait(container, -1, &end, &error) < 0 || end.code != 3;
		berth_container_close(container);
	}
	berth_close(berth);
	return NULL;
}

/* While one launch makes the process undumpable, another's maps can't be written: they must wait for each other. */
static int crowd(struct berth *berth)
{
	(void)berth;
	pthread_t threads[THREADS];
	size_t failed[THREADS] = {0};
	for (size_t i = 0; i < THREADS; i++)
		expect(pthread_create(&threads[i], NULL, launch_many, &failed[i]) == 0, "thread");
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (size_t i = 0; i < THREADS; i++)
		expect(failed[i] == 0, "thread %zu: %zu failed", i, failed[i]);
	expect(prctl(PR_GET_DUMPABLE) == 1, "the process is as dumpable as before");
	return 0;
}

Test(rootless, threads_at_once)
{
	run_as_user(crowd);
}

/* clone3 is missing: the older call takes its place. */
static int without_clone3(struct berth *berth)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	expect(filter && seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) == 0 &&
		       seccomp_load(filter) == 0,
	       "seccomp");
	seccomp_release(filter);
	struct berth_options options = OPTIONS(overlay, "/bin/look");
	expect(has(output(berth, &options), "uid=0"), "look");
	options.flags = BERTH_NO_INIT;
	expect(has(output(berth, &options), "pid=1"), "look");
	return 0;
}

Test(rootless, without_clone3)
{
	run_as_user(without_clone3);
}

/* ---- What does not go ---- */

static int refused(struct berth *berth)
{
	static const struct berth_id_range other = {0, 1000, 1}, own_range = {0, USER, 1};
	struct berth_container *container;
	struct berth_options options = OPTIONS(rt.root, "/bin/act", "exit", "0");
	options.userns = "host";
	expect(berth_launch(berth, &options, &container, &rt.error) == -EPERM && strstr(rt.error.text, "only root"),
	       "%s", rt.error.text);
	options.userns = "auto:1000";
	expect(berth_launch(berth, &options, &container, &rt.error) == -EPERM &&
		       strstr(rt.error.text, "1000 ids of its own"),
	       "%s", rt.error.text);
	options.userns = NULL;
	options.uid_map = &other;
	options.n_uid_map = 1;
	expect(berth_launch(berth, &options, &container, &rt.error) == -EINVAL && strstr(rt.error.text, "uid 61234"),
	       "%s", rt.error.text);
	options.uid_map = &own_range;
	expect(output(berth, &options), "its own id");
	options.n_uid_map = 0;
	options.user = "1000";
	expect(berth_launch(berth, &options, &container, &rt.error) == -EINVAL &&
		       strstr(rt.error.text, "user 1000 is not among the ids"),
	       "%s", rt.error.text);
	options.user = NULL;
	options.root = "framework:F";
	expect(berth_launch(berth, &options, &container, &rt.error) == -EPERM && strstr(rt.error.text, "need root"),
	       "%s", rt.error.text);
	options.root = rt.root;
	options.resources.memory = 64 << 20;
	expect(berth_launch(berth, &options, &container, &rt.error) == -EPERM && strstr(rt.error.text, "memory") &&
		       strstr(rt.error.text, "systemd-run --user"),
	       "%s", rt.error.text);
	return 0;
}

Test(rootless, what_needs_root_is_said)
{
	run_as_user(refused);
}

/* ---- Limits ---- */

static int limited(struct berth *berth)
{
	int said;
	struct berth_options options = OPTIONS(overlay, "/bin/act", "pause");
	options.resources.memory = 64 << 20;
	options.resources.pids = 7;
	struct berth_container *container = launch(berth, &options, &said);
	expect(container, "launch");
	close(said);
	struct berth_stats stats = BERTH_STATS_INIT;
	expect(berth_container_stats(container, &stats, &rt.error) == 0, "%s", rt.error.text);
	expect(stats.memory_limit == 64 << 20 && stats.processes_limit == 7 && stats.processes == 2, "%llu %llu %llu",
	       (unsigned long long)stats.memory_limit, (unsigned long long)stats.processes_limit,
	       (unsigned long long)stats.processes);
	expect(berth_container_pause(container, &rt.error) == 0, "%s", rt.error.text);
	expect(berth_container_state(container) == BERTH_PAUSED, "paused");
	expect(berth_container_resume(container, &rt.error) == 0, "%s", rt.error.text);
	struct berth_resources resources = BERTH_RESOURCES_INIT;
	resources.pids = 9;
	expect(berth_container_update(container, &resources, &rt.error) == 0, "%s", rt.error.text);
	struct berth_end end = BERTH_END_INIT;
	expect(berth_container_kill(container, BERTH_KILLED, &rt.error) == 0, "%s", rt.error.text);
	expect(berth_container_wait(container, rt_patience(), &end, &rt.error) == 0, "%s", rt.error.text);
	berth_container_close(container);
	options = OPTIONS(overlay, "/bin/eat", "200");
	options.resources.memory = 48 << 20;
	options.resources.swap = BERTH_NO_SWAP;
	container = launch(berth, &options, &said);
	expect(container, "launch");
	read_all(said);
	expect(berth_container_wait(container, rt_patience(), &end, &rt.error) == 0 &&
		       end.reason == BERTH_OUT_OF_MEMORY,
	       "%s", end.text);
	berth_container_close(container);
	return berth_collect(berth, NULL, false, &rt.error) < 0;
}

/* A part of the v2 hierarchy that is the user's, as systemd gives its users one. */
static void delegate(const char *path)
{
	static const char *const files[] = {".", "cgroup.procs", "cgroup.subtree_control", "cgroup.threads"};
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		char file[300];
		snprintf(file, sizeof file, "%s/%s", path, files[i]);
		own(file);
	}
}

static void run_delegated(bool alone)
{
	const unsigned int wanted = CGROUP_BIT(CGROUP_MEMORY) | CGROUP_BIT(CGROUP_PIDS);
	struct cgroup_layout *layout;
	cr_assert_eq(cgroup_layout_open(NULL, &layout, NULL), 0);
	bool served =
		cgroup_layout_version(layout, CGROUP_MEMORY) == 2 && cgroup_layout_version(layout, CGROUP_PIDS) == 2;
	if (!served) {
		cgroup_layout_free(layout);
		cr_skip_test("the memory and pids controllers are not in a v2 hierarchy");
	}
	struct cgroup *made;
	struct error error = {0};
	cr_assert_eq(cgroup_create(layout, rt.parent, "delegated", wanted, &made, &error), 0, "%s", error.text);
	delegate(cgroup_path(made, 0));
	snprintf(cgroup, sizeof cgroup, "%s", cgroup_path(made, 0));
	if (!alone) {
		snprintf(cgroup, sizeof cgroup, "%s/mine", cgroup_path(made, 0));
		cr_assert_eq(mkdir(cgroup, 0755), 0);
		delegate(cgroup);
	}
	run_as_user(limited);
	cr_expect_eq(cgroup_destroy(made, rt_patience(), &error), 0, "%s", error.text);
	cgroup_free(made);
	cgroup_remove_parent(layout, rt.parent);
	cgroup_layout_free(layout);
}

Test(rootless, limits_beside_its_own_cgroup)
{
	run_delegated(false);
}

Test(rootless, limits_below_its_own_cgroup)
{
	run_delegated(true);
}

/* ---- Ranges of ids ---- */

static int ranges(struct berth *berth)
{
	struct berth_options options = OPTIONS(rt.root, "/bin/look");
	options.user = "1000:1000";
	const char *text = output(berth, &options);
	expect(has(text, "uid=1000") && has(text, "gid=1000"), "another user");
	options = OPTIONS(rt.root, "/bin/act", "write", "/tmp/of-1000", "x");
	options.user = "1000:1000";
	expect(has(output(berth, &options), "write /tmp/of-1000=ok"), "a file of another user's");
	return 0;
}

/* newuidmap(1) asks for names, so the user needs one; all in the test's own mount namespace. */
Test(rootless, ranges_by_newuidmap)
{
	if (access("/usr/bin/newuidmap", X_OK) < 0)
		cr_skip_test("newuidmap is not installed: scripts/bootstrap --check");
	char line[4096 * 4];
	snprintf(line, sizeof line, "%sberth-test:x:%d:%d::/:/bin/sh\n", rt_read("/etc/passwd"), USER, USER);
	rt_write("passwd", line);
	snprintf(line, sizeof line, "berth-test:%d:%d\n", RANGE_FIRST, 5000);
	rt_write("subid", line);
	const char *const files[][2] = {{"passwd", "/etc/passwd"}, {"subid", "/etc/subuid"}, {"subid", "/etc/subgid"}};
	for (size_t i = 0; i < 3; i++)
		if (mount(rt_path(files[i][0]), files[i][1], NULL, MS_BIND, NULL) < 0)
			cr_skip_test("there is no file to put another in place of");
	cr_assert_eq(chmod(rt_path("root/tmp"), 01777), 0);
	run_as_user(ranges);
	for (size_t i = 0; i < 3; i++)
		cr_assert_eq(umount2(files[i][1], MNT_DETACH), 0);
	struct stat status;
	cr_assert_eq(stat(rt_path("root/tmp/of-1000"), &status), 0);
	cr_expect_eq(status.st_uid, (uid_t)(RANGE_FIRST + 999), "id 1 is the first of the range");
}
