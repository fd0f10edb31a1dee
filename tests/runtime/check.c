/* SPDX-License-Identifier: Apache-2.0 */
/* berth_check: what it finds on a machine that is fit, what where something is taken away, and that it leaves nothing.
 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "nsutil/base/file.h"
#include "nsutil/base/mountinfo.h"
#include "runtime/context.h"

/* ---- What was found ---- */

enum { MOST = 128 };

struct findings {
	struct {
		char name[64];
		enum berth_verdict verdict;
		char text[1536];
		char remedy[512];
		bool has_remedy;
	} list[MOST];
	size_t count;
	int failures;
};

static void collect(const struct berth_finding *finding, void *data)
{
	struct findings *findings = data;
	cr_assert_lt(findings->count, MOST);
	snprintf(findings->list[findings->count].name, sizeof findings->list->name, "%s", finding->name);
	snprintf(findings->list[findings->count].text, sizeof findings->list->text, "%s", finding->text);
	snprintf(findings->list[findings->count].remedy, sizeof findings->list->remedy, "%s",
		 finding->remedy ? finding->remedy : "");
	findings->list[findings->count].has_remedy = finding->remedy != NULL;
	findings->list[findings->count].verdict = finding->verdict;
	findings->count++;
	findings->failures += finding->verdict == BERTH_FAIL;
}

static size_t find(const struct findings *findings, const char *name)
{
	for (size_t i = 0; i < findings->count; i++)
		if (strcmp(findings->list[i].name, name) == 0)
			return i;
	cr_assert_fail("there is no finding '%s'", name);
	return 0;
}

static const char *verdict_word(enum berth_verdict verdict)
{
	return verdict == BERTH_PASS ? "pass" : verdict == BERTH_WARN ? "warn" : "fail";
}

/* part: NULL, or what the text must hold. */
static void expect(const struct findings *findings, const char *name, enum berth_verdict verdict, const char *part)
{
	size_t i = find(findings, name);
	cr_expect_eq(findings->list[i].verdict, verdict, "%s: %s instead of %s: %s", name,
		     verdict_word(findings->list[i].verdict), verdict_word(verdict), findings->list[i].text);
	cr_expect(!part || strstr(findings->list[i].text, part), "%s: '%s' is not in: %s", name, part,
		  findings->list[i].text);
}

static void expect_all(const struct findings *findings, const char *const *names, enum berth_verdict verdict,
		       const char *part)
{
	for (; *names; names++)
		expect(findings, *names, verdict, part);
}

/* ---- The place ---- */

static char place[] = "/tmp/berth-test-check-XXXXXX";
static struct berth *berth;

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *where)
{
	(void)status, (void)where;
	return type == FTW_DP ? rmdir(path) : unlink(path);
}

static void open_at(const char *data_root)
{
	char state[64], data[64];
	snprintf(state, sizeof state, "%s/state", place);
	snprintf(data, sizeof data, "%s/data", place);
	struct berth_config config = {sizeof config, state, data_root ? data_root : data};
	struct berth_error error = BERTH_ERROR_INIT;
	cr_assert_eq(berth_open(&config, &berth, &error), 0, "%s", error.text);
	/* What a context makes when it is first needed is not to be taken for a leftover. */
	context_require_stage(berth, NULL);
	context_require_layout(berth, NULL);
	context_require_init(berth, NULL);
	for (int i = 0; i < 2; i++)
		context_kept(berth, true);
}

/*
 * A mount namespace of the test's own, so that what others mount meanwhile is not taken for a leftover; and without the
 * overlays that are mounted now, say by tests of framework roots: a root over the host would lie over those too, and
 * overlays can't be stacked more than twice.
 */
static void isolate_mounts(void)
{
	cr_assert_eq(unshare(CLONE_NEWNS), 0, "unshare: %m");
	cr_assert_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0, "make mounts private: %m");
	cleanup_mount_table struct mount_table table = {0};
	cr_assert_eq(mount_table_read(NULL, &table, NULL), 0);
	for (size_t i = 0; i < table.count; i++)
		if (strcmp(table.entries[i].type, "overlay") == 0 && strcmp(table.entries[i].point, "/") != 0)
			umount2(table.entries[i].point, MNT_DETACH);
}

static void set_up(void)
{
	if (geteuid() != 0)
		cr_skip_test("not root");
	isolate_mounts();
	cr_assert(mkdtemp(place), "mkdtemp: %m");
}

static void tear_down(void)
{
	berth_close(berth);
	nftw(place, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

TestSuite(check, .init = set_up, .fini = tear_down);

/* ---- What is there before and after ---- */

struct snapshot {
	char *text;
	size_t size;
};

static void add_descriptors(FILE *out)
{
	for (int fd = 0; fd < 1024; fd++) {
		char path[32], target[512];
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		ssize_t length = readlink(path, target, sizeof target);
		if (length > 0)
			fprintf(out, "descriptor %d %.*s\n", fd, (int)length, target);
	}
}

static FILE *walk_out;
static int add_entry(const char *path, const struct stat *status, int type, struct FTW *where)
{
	(void)type, (void)where;
	fprintf(walk_out, "file %s %o\n", path, status->st_mode);
	return 0;
}

/* Directories of cgroups that this process's checks made, in every hierarchy. Others' come and go. */
static void add_cgroups(FILE *out, const struct mount_table *table)
{
	char prefix[64];
	snprintf(prefix, sizeof prefix, "berth-check-%d-", getpid());
	for (size_t i = 0; i < table->count; i++) {
		if (strncmp(table->entries[i].type, "cgroup", 6) != 0)
			continue;
		cleanup_dir DIR *stream = opendir(table->entries[i].point);
		for (const struct dirent *entry; stream && (entry = readdir(stream));)
			if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0)
				fprintf(out, "cgroup %s/%s\n", table->entries[i].point, entry->d_name);
	}
}

static struct snapshot snapshot_take(void)
{
	struct snapshot snapshot = {0};
	FILE *out = open_memstream(&snapshot.text, &snapshot.size);
	cr_assert(out);
	add_descriptors(out);
	cleanup_mount_table struct mount_table table = {0};
	cr_assert_eq(mount_table_read(NULL, &table, NULL), 0);
	for (size_t i = 0; i < table.count; i++)
		fprintf(out, "mount %d %s %s\n", table.entries[i].id, table.entries[i].type, table.entries[i].point);
	add_cgroups(out, &table);
	walk_out = out;
	nftw(place, add_entry, 16, FTW_PHYS);
	siginfo_t info = {0};
	int result = waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WALL);
	fprintf(out, "children %s %d\n", result == 0 ? "yes" : strerrorname_np(errno), info.si_pid);
	fclose(out);
	return snapshot;
}

/* Runs the check, and expects what is true of any: that it adds up, and that nothing is left. */
static void run_check(struct findings *findings)
{
	struct berth_error error = BERTH_ERROR_INIT;
	memset(findings, 0, sizeof *findings);
	struct snapshot before = snapshot_take();
	int failures = berth_check(berth, collect, findings, &error);
	struct snapshot after = snapshot_take();
	cr_assert_geq(failures, 0, "%s", error.text);
	cr_expect_eq(failures, findings->failures);
	cr_expect_str_eq(after.text, before.text);
	free(before.text);
	free(after.text);
	for (size_t i = 0; i < findings->count; i++) {
		const char *name = findings->list[i].name;
		cr_expect_eq(find(findings, name), i, "%s is told twice", name);
		cr_expect_eq(strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-"), strlen(name), "%s", name);
		cr_expect(findings->list[i].text[0] && !strchr(findings->list[i].text, '\n'), "%s", name);
		bool passed = findings->list[i].verdict == BERTH_PASS;
		cr_expect_eq(findings->list[i].has_remedy, !passed, "%s: %s", name, findings->list[i].text);
		cr_expect_eq(findings->list[i].remedy[0] == '\0', passed, "%s", name);
	}
}

static struct findings found; /* too large for a stack */

/* What every container needs. */
static const char *const needed[] = {"root",
				     "state-directory",
				     "pidfd",
				     "openat2",
				     "close-range",
				     "init-exec",
				     "pid-namespace",
				     "mount-namespace",
				     "uts-namespace",
				     "ipc-namespace",
				     "net-namespace",
				     "private-mounts",
				     "mount-api",
				     "overlay",
				     "proc",
				     "sysfs",
				     "devpts",
				     "device-nodes",
				     "pivot-root",
				     "cgroup-layout",
				     "controller-cpu",
				     "controller-memory",
				     "seccomp",
				     "launch",
				     NULL};

static const char *const mounts[] = {"mount-api",    "overlay",         "proc",       "sysfs", "devpts",
				     "device-nodes", "framework-roots", "pivot-root", NULL};

/* ---- A machine that is fit ---- */

Test(check, a_machine_that_runs_the_tests_is_fit)
{
	open_at(NULL);
	run_check(&found);
	expect_all(&found, needed, BERTH_PASS, NULL);
	cr_expect_eq(found.failures, 0);
	expect(&found, "launch", BERTH_PASS, "ended with status 0");
	expect(&found, "framework-roots", BERTH_PASS, place);
	for (const char *const *name = (const char *const[]){"clone3",
							     "capabilities",
							     "pid-max",
							     "namespace-limits",
							     "swap",
							     "pressure",
							     "user-namespace",
							     "cgroup-namespace",
							     "user-ids",
							     "idmapped-mounts",
							     "controller-cpuacct",
							     "controller-cpuset",
							     "controller-pids",
							     "controller-freezer",
							     "controller-io",
							     "controller-devices",
							     "cpu-limit",
							     "swap-limit",
							     "clone-into-cgroup",
							     NULL};
	     *name; name++)
		find(&found, *name);
}

/* Each controller is told with the version and the place of its hierarchy. */
Test(check, controllers_are_told_with_their_place)
{
	static const struct {
		enum cgroup_controller controller;
		const char *name;
	} controllers[] = {{CGROUP_CPU, "controller-cpu"},
			   {CGROUP_MEMORY, "controller-memory"},
			   {CGROUP_PIDS, "controller-pids"},
			   {CGROUP_FREEZER, "controller-freezer"}};
	open_at(NULL);
	run_check(&found);
	expect(&found, "cgroup-layout", BERTH_PASS, berth_cgroup_layout(berth));
	for (size_t i = 0; i < sizeof controllers / sizeof *controllers; i++) {
		int version = cgroup_layout_version(berth->layout, controllers[i].controller);
		char text[512];
		snprintf(text, sizeof text, "v%d at %s:", version,
			 version ? cgroup_layout_mount_point(berth->layout, controllers[i].controller) : "");
		if (version)
			expect(&found, controllers[i].name, BERTH_PASS, text);
	}
}

static void *check_in_thread(void *data)
{
	struct berth_error error = BERTH_ERROR_INIT;
	return (void *)(intptr_t)berth_check(berth, collect, data, &error);
}

Test(check, threads_at_once)
{
	enum { THREADS = 3 };
	static struct findings each[THREADS];
	pthread_t threads[THREADS];
	open_at(NULL);
	struct snapshot before = snapshot_take();
	for (int i = 0; i < THREADS; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, check_in_thread, &each[i]), 0);
	for (int i = 0; i < THREADS; i++) {
		void *failures = NULL;
		pthread_join(threads[i], &failures);
		cr_expect_eq((intptr_t)failures, 0);
		expect_all(&each[i], needed, BERTH_PASS, NULL);
		expect(&each[i], "framework-roots", BERTH_PASS, NULL);
	}
	struct snapshot after = snapshot_take();
	cr_expect_str_eq(after.text, before.text);
	free(before.text);
	free(after.text);
}

/* ---- Where something is taken away ---- */

static void become_nobody(void)
{
	cr_assert_eq(chown(place, 65534, 65534), 0);
	cr_assert_eq(setresgid(65534, 65534, 65534), 0);
	cr_assert_eq(setresuid(65534, 65534, 65534), 0);
	/* As after an exec. */
	cr_assert_eq(prctl(PR_SET_DUMPABLE, 1), 0);
}

Test(check, not_root)
{
	become_nobody();
	open_at(NULL);
	run_check(&found);
	cr_expect_eq(found.failures, 0, "an ordinary user can run containers too");
	expect(&found, "root", BERTH_WARN, "65534");
	expect(&found, "own-user-namespace", BERTH_PASS, NULL);
	expect_all(&found, mounts, BERTH_WARN, "needs root");
	expect(&found, "pid-namespace", BERTH_WARN, "needs root");
	expect(&found, "controller-memory", BERTH_WARN, "needs root");
	expect(&found, "launch", BERTH_PASS, "ended with status 0");
	find(&found, "delegated-cgroup");
	find(&found, "user-ids");
	/* What needs no root is tried all the same. */
	expect(&found, "init-exec", BERTH_PASS, NULL);
	expect(&found, "openat2", BERTH_PASS, NULL);
}

Test(check, root_without_a_capability)
{
	cap_t set = cap_get_proc();
	cr_assert(set);
	cr_assert_eq(cap_set_flag(set, CAP_EFFECTIVE, 1, &(cap_value_t){CAP_MKNOD}, CAP_CLEAR), 0);
	cr_assert_eq(cap_set_proc(set), 0);
	cap_free(set);
	open_at(NULL);
	run_check(&found);
	expect(&found, "root", BERTH_PASS, NULL);
	expect(&found, "capabilities", BERTH_FAIL, "CAP_MKNOD");
	expect(&found, "device-nodes", BERTH_FAIL, strerror(EPERM));
	expect(&found, "overlay", BERTH_PASS, NULL);
}

Test(check, no_cgroups)
{
	static const char *const warned[] = {"controller-cpuacct", "controller-cpuset", "controller-pids",
					     "controller-freezer", "controller-io",     "controller-devices",
					     "cpu-limit",          "swap-limit",        NULL};
	/* Only in this test's mount namespace. */
	cleanup_mount_table struct mount_table table = {0};
	cr_assert_eq(mount_table_read(NULL, &table, NULL), 0);
	for (size_t i = table.count; i-- > 0;)
		if (strncmp(table.entries[i].type, "cgroup", 6) == 0)
			cr_assert_eq(umount2(table.entries[i].point, MNT_DETACH), 0, "%m");
	open_at(NULL);
	run_check(&found);
	expect(&found, "cgroup-layout", BERTH_FAIL, "none");
	expect(&found, "controller-cpu", BERTH_FAIL, "no mounted cgroup hierarchy");
	expect(&found, "controller-memory", BERTH_FAIL, "no mounted cgroup hierarchy");
	expect_all(&found, warned, BERTH_WARN, NULL);
	cr_expect(strstr(found.list[find(&found, "controller-memory")].remedy, "mount"));
	/* A container without limits runs. */
	expect(&found, "launch", BERTH_PASS, NULL);
	cr_expect_eq(found.failures, 3);
}

/* Makes a system call fail as on a kernel that has none. */
static void take_away(int call)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	cr_assert(filter);
	cr_assert_eq(seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), call, 0), 0);
	cr_assert_eq(seccomp_load(filter), 0);
	seccomp_release(filter);
}

Test(check, no_clone3)
{
	open_at(NULL);
	take_away(SCMP_SYS(clone3));
	run_check(&found);
	expect(&found, "clone3", BERTH_WARN, strerror(ENOSYS));
	/* On v2 too: there launches fall back to entering the cgroup afterwards. */
	expect_all(&found, needed, BERTH_PASS, NULL);
	cr_expect_eq(found.failures, 0);
}

Test(check, no_openat2)
{
	open_at(NULL);
	take_away(SCMP_SYS(openat2));
	run_check(&found);
	expect(&found, "openat2", BERTH_FAIL, strerror(ENOSYS));
	expect(&found, "launch", BERTH_FAIL, strerror(ENOSYS));
	cr_expect(strstr(found.list[find(&found, "openat2")].remedy, "kernel"));
	cr_expect_eq(found.failures, 2);
}

Test(check, no_seccomp)
{
	open_at(NULL);
	take_away(SCMP_SYS(seccomp));
	run_check(&found);
	expect(&found, "seccomp", BERTH_FAIL, strerror(ENOSYS));
	expect(&found, "launch", BERTH_FAIL, "seccomp");
	cr_expect(strstr(found.list[find(&found, "seccomp")].remedy, "CONFIG_SECCOMP_FILTER"));
	cr_expect_eq(found.failures, 2);
}

Test(check, no_mount_api)
{
	open_at(NULL);
	take_away(SCMP_SYS(fsopen));
	run_check(&found);
	expect(&found, "private-mounts", BERTH_PASS, NULL);
	expect(&found, "mount-api", BERTH_FAIL, "fsopen");
	for (const char *const *name = mounts + 1; *name; name++)
		expect(&found, *name, strcmp(*name, "framework-roots") == 0 ? BERTH_WARN : BERTH_FAIL, "not tried");
	expect(&found, "launch", BERTH_FAIL, strerror(ENOSYS));
}

Test(check, a_trial_that_kills_its_process)
{
	open_at(NULL);
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	cr_assert(filter);
	cr_assert_eq(seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, SCMP_SYS(pivot_root), 0), 0);
	cr_assert_eq(seccomp_load(filter), 0);
	seccomp_release(filter);
	run_check(&found);
	expect(&found, "overlay", BERTH_PASS, NULL);
	expect(&found, "pivot-root", BERTH_FAIL, "killed");
	expect(&found, "launch", BERTH_FAIL, NULL);
}

/* Below /proc nothing can be made. */
Test(check, data_root_that_cannot_be)
{
	open_at("/proc/berth-test-check");
	run_check(&found);
	expect(&found, "framework-roots", BERTH_WARN, "/proc/berth-test-check");
	cr_expect(strstr(found.list[find(&found, "framework-roots")].remedy, "BERTH_DATA_ROOT"));
	expect(&found, "overlay", BERTH_PASS, NULL);
	cr_expect_eq(found.failures, 0);
}

/* Overlay can be written to, but can't be an upper layer: so it is inside of other container runtimes. */
Test(check, data_root_that_overlay_refuses)
{
	char options[256], data[64];
	static const char *const parts[] = {"lower", "upper", "work", "merged"};
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		snprintf(data, sizeof data, "%s/%s", place, parts[i]);
		cr_assert_eq(mkdir(data, 0700), 0);
	}
	snprintf(options, sizeof options, "lowerdir=%s/lower,upperdir=%s/upper,workdir=%s/work", place, place, place);
	cr_assert_eq(mount("overlay", data, "overlay", 0, options), 0, "%m");
	open_at(data);
	run_check(&found);
	expect(&found, "framework-roots", BERTH_WARN, data);
	expect(&found, "overlay", BERTH_PASS, NULL);
	cr_expect_eq(found.failures, 0);
	umount2(data, MNT_DETACH);
}

Test(check, launch_that_fails)
{
	open_at(NULL);
	context_inject_failure(berth, 3, EIO);
	run_check(&found);
	expect(&found, "launch", BERTH_FAIL, strerror(EIO));
	cr_expect_eq(found.failures, 1);
}

/* The state root is on a file system that has become read-only. */
Test(check, state_directory_read_only)
{
	open_at(NULL);
	char state[64];
	snprintf(state, sizeof state, "%s/state", place);
	berth_close(berth);
	cr_assert_eq(mount(state, state, NULL, MS_BIND, NULL), 0, "%m");
	open_at(NULL);
	cr_assert_eq(mount(NULL, state, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), 0, "%m");
	run_check(&found);
	expect(&found, "state-directory", BERTH_FAIL, strerror(EROFS));
	expect(&found, "launch", BERTH_FAIL, strerror(EROFS));
	umount2(state, MNT_DETACH);
}

Test(check, bad_arguments)
{
	struct berth_error error = BERTH_ERROR_INIT;
	open_at(NULL);
	cr_expect_eq(berth_check(berth, NULL, NULL, &error), -EINVAL);
	cr_expect_eq(error.code, EINVAL);
	cr_expect_eq(berth_check(NULL, collect, &found, NULL), -EINVAL);
}
