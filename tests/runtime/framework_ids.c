/* SPDX-License-Identifier: Apache-2.0 */
/* Framework roots with user namespaces: whose the files are, and that no two have the same ids, whatever happens. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/context.h"
#include "tests/runtime/fixture.h"

enum { FIRST = 300000, SIZE = 1000, THREADS = 8, DEATHS = 40 };

static char subid[128], registry[128], kept[140];
static const int quiet[] = {-1, -1, 2};
static const struct berth_id_range range = {0, 100000, SIZE}, other = {0, 200000, SIZE};

static void init(void)
{
	rt_init();
	snprintf(registry, sizeof registry, "%s", rt_path("ids"));
	snprintf(kept, sizeof kept, "%s-kept", registry);
	snprintf(subid, sizeof subid, "%s", rt_write("subid", "berth:300000:10000\n"));
	cr_assert_eq(context_use_ids(rt.berth, subid, subid, registry), 0);
}

TestSuite(framework_ids, .init = init, .fini = rt_fini);

/* Over the host, so that this works where nothing can be shown shifted. */
static struct berth_options automatic(const char *root, struct berth_options options)
{
	options.root = root;
	options.workdir = "/";
	options.userns = "auto:1000";
	return options;
}

static struct berth_container *waiting(const char *root)
{
	struct berth_options options = automatic(root, RT_OPTIONS("act", "pause"));
	options.stdio = quiet;
	return rt_launch(&options);
}

/* The first id outside of the container's user namespace. */
static long first_of(const struct berth_container *container)
{
	char path[64];
	long inside = -1, outside = -1, length = -1;
	snprintf(path, sizeof path, "/proc/%d/uid_map", berth_container_pid(container));
	cr_assert_eq(sscanf(rt_read(path), "%ld %ld %ld", &inside, &outside, &length), 3, "%s", path);
	cr_expect(inside == 0 && length == SIZE, "%ld %ld", inside, length);
	return outside;
}

/* The same of one that is launched for it. */
static long first_in(const char *root)
{
	struct berth_container *container = waiting(root);
	long first = first_of(container);
	rt_kill(container);
	return first;
}

static size_t entries(const char *directory)
{
	size_t count = 0;
	DIR *stream = opendir(directory);
	for (const struct dirent *entry; stream && (entry = readdir(stream));)
		count += entry->d_name[0] != '.';
	if (stream)
		closedir(stream);
	return count;
}

static void remove_root(const char *id)
{
	rt_ok(berth_root_remove(rt.berth, id, &rt.error));
}

static void expect_owner(const char *path, uid_t uid, gid_t gid)
{
	struct stat status;
	cr_assert_eq(lstat(path, &status), 0, "%s: %s", path, strerror(errno));
	cr_expect(status.st_uid == uid && status.st_gid == gid, "%s is of %u:%u, not of %u:%u", path, status.st_uid,
		  status.st_gid, uid, gid);
}

/* ---- Whose the files are ---- */

Test(framework_ids, over_a_directory)
{
	rt_require_idmapped();
	char spec[120], other_spec[120];
	snprintf(spec, sizeof spec, "framework:F:%s", rt_root());
	snprintf(other_spec, sizeof other_spec, "framework:G:%s", rt_root());
	rt_write("root/of-500", "in the tree\n");
	cr_assert_eq(chown(rt_path("root/of-500"), 500, 501), 0);
	cr_assert_eq(chmod(rt_path("root/of-500"), 0600), 0);
	struct berth_options options =
		automatic(spec, RT_OPTIONS("act", "stat", "/", "stat", "/of-500", "read", "/of-500", "write", "/made",
					   "one", "stat", "/made", "write", "/of-500", "changed", "stat", "/of-500"));
	const char *text = rt_output(&options);
	rt_expect_line(text, "stat /=d0755 0:0");
	rt_expect_line(text, "stat /of-500=-0600 500:501");
	rt_expect_line(text, "read /of-500=in the tree");
	rt_expect_line(text, "write /made=ok");
	rt_expect_line(text, "stat /made=-0644 0:0");
	rt_expect_line(text, "write /of-500=ok");
	expect_owner(rt_path("data/roots/F/root/made"), FIRST, FIRST);
	expect_owner(rt_path("data/roots/F/root/of-500"), FIRST + 500, FIRST + 501);
	cr_expect_str_eq(rt_read(rt_path("root/of-500")), "in the tree\n");
	expect_owner(rt_path("root/of-500"), 500, 501);
	/* Another executor, with an id that is neither root's nor the file's. */
	options = automatic(spec, RT_OPTIONS("act", "read", "/made", "write", "/made", "two", "read", "/of-500"));
	text = rt_output(&options);
	rt_expect_line(text, "read /made=one");
	rt_expect_line(text, "write /made=ok");
	rt_expect_line(text, "read /of-500=changed");
	options.user = "7:7";
	text = rt_output(&options);
	rt_expect_line(text, "read /made=two");
	rt_expect_line(text, "write /made=EACCES");
	rt_expect_line(text, "read /of-500=EACCES");
	cr_expect_eq(first_in(other_spec), FIRST + SIZE);
	/* Nothing is left of what it took to show the directory. */
	cr_expect_eq(entries(rt_path("data/roots/F/lower.shown")), 0u);
	remove_root("F");
	remove_root("G");
	cr_expect_eq(entries(kept), 0u);
}

Test(framework_ids, over_the_host)
{
	cr_assert_eq(chmod(rt.base, 0755), 0);
	const char *closed = rt_write("closed", "secret\n"), *open_file = rt_write("open", "public\n");
	const char *made = rt_path("for-all/made");
	cr_assert_eq(mkdir(rt_path("for-all"), 0777), 0);
	cr_assert_eq(chmod(rt_path("for-all"), 01777), 0);
	cr_assert_eq(chmod(closed, 0640), 0);
	struct berth_options options = automatic(
		"framework:F", RT_OPTIONS("act", "read", closed, "stat", closed, "read", open_file, "write", open_file,
					  "x", "read", "/etc/shadow", "write", "/made", "x", "write", made, "x"));
	const char *text = rt_output(&options);
	char line[200];
	snprintf(line, sizeof line, "read %s=EACCES", closed);
	rt_expect_line(text, line);
	snprintf(line, sizeof line, "stat %s=-0640 65534:65534", closed);
	rt_expect_line(text, line);
	snprintf(line, sizeof line, "read %s=public", open_file);
	rt_expect_line(text, line);
	snprintf(line, sizeof line, "write %s=EACCES", open_file);
	rt_expect_line(text, line);
	snprintf(line, sizeof line, "write %s=ok", made);
	rt_expect_line(text, line);
	rt_expect_line(text, "read /etc/shadow=EACCES");
	rt_expect_line(text, "write /made=EACCES");
	cr_expect_lt(access(made, F_OK), 0, "it was written to the host");
	options = automatic("framework:F", RT_OPTIONS("act", "read", made, "write", made, "y", "stat", made));
	text = rt_output(&options);
	snprintf(line, sizeof line, "read %s=x", made);
	rt_expect_line(text, line);
	snprintf(line, sizeof line, "stat %s=-0644 0:0", made);
	rt_expect_line(text, line);
	char inside[256];
	snprintf(inside, sizeof inside, "%s%s", rt_path("data/roots/F/root"), made);
	expect_owner(inside, FIRST, FIRST);
	remove_root("F");
}

Test(framework_ids, maps_that_are_given)
{
	struct berth_options options = automatic("framework:F", RT_OPTIONS("act", "exit", "0"));
	options.userns = NULL;
	options.uid_map = &range;
	options.n_uid_map = 1;
	rt_output(&options);
	rt_output(&options);
	expect_owner(rt_path("data/roots/F/root"), 0, 0);
	cr_expect_eq(entries(kept), 0u, "nobody is asked for them");
	options.uid_map = &other;
	rt_launch_fails(&options, -EINVAL, 125);
	cr_expect(strstr(rt.error.text, "with other maps"), "%s", rt.error.text);
	remove_root("F");
	rt_output(&options);
	remove_root("F");
}

/* Files of one kind of ids are of no use to the other. */
Test(framework_ids, stay_what_they_were_at_first)
{
	struct berth_options plain = RT_OPTIONS("act", "exit", "0"), mapped = automatic("framework:F", plain);
	plain.root = "framework:F";
	rt_output(&plain);
	rt_launch_fails(&mapped, -EINVAL, 125);
	cr_expect(strstr(rt.error.text, "framework root F was made without a user namespace"), "%s", rt.error.text);
	cr_expect_eq(entries(kept), 0u);
	remove_root("F");
	rt_output(&mapped);
	rt_launch_fails(&plain, -EINVAL, 125);
	cr_expect(strstr(rt.error.text, "was made with a user namespace"), "%s", rt.error.text);
	mapped.userns = "auto:999";
	rt_launch_fails(&mapped, -EINVAL, 125);
	cr_expect(strstr(rt.error.text, "was made with 1000 ids"), "%s", rt.error.text);
	mapped.userns = "auto";
	rt_output(&mapped);
	rt_write("subid", "berth:400000:10000\n");
	rt_launch_fails(&mapped, -EINVAL, 125);
	cr_expect(strstr(rt.error.text, "belongs to the ids 300000-300999") && strstr(rt.error.text, subid), "%s",
		  rt.error.text);
	remove_root("F");
	cr_expect_eq(entries(kept), 0u);
}

/* ---- That nobody else has them ---- */

Test(framework_ids, kept_until_it_is_removed)
{
	cr_expect_eq(first_in("framework:F"), FIRST);
	struct berth_container *one = waiting("framework:F"), *two = waiting("framework:F"),
			       *throw_away = waiting("host");
	cr_expect_eq(first_of(one), FIRST);
	cr_expect_eq(first_of(two), FIRST, "it is shared");
	cr_expect_eq(first_of(throw_away), FIRST + SIZE);
	rt_kill(one);
	rt_kill(two);
	cr_expect_eq(entries(registry), 1u);
	cr_expect_eq(first_in("framework:G"), FIRST + 2 * SIZE);
	/* As after a reboot: containers and mounts are gone, and with them what /run held. */
	rt_kill(throw_away);
	cr_assert_eq(rmdir(registry), 0);
	cr_assert_eq(umount2(rt_path("data/roots/F/root"), MNT_DETACH), 0);
	cr_expect_eq(first_in("host"), FIRST + SIZE);
	cr_expect_eq(first_in("framework:G"), FIRST + 2 * SIZE);
	cr_expect_eq(first_in("framework:F"), FIRST);
	remove_root("F");
	cr_expect_eq(first_in("host"), FIRST);
	remove_root("G");
	cr_expect_eq(entries(kept), 0u);
}

static void *launch_one(void *data)
{
	struct berth_options options = automatic("framework:F", RT_OPTIONS("act", "pause"));
	struct berth_container **container = data;
	struct berth_error error;
	options.stdio = quiet;
	options.argv = (const char *const[]){rt_payload("act"), "pause", NULL};
	if (berth_launch(rt.berth, &options, container, &error) < 0)
		fprintf(stderr, "%s\n", error.text);
	return NULL;
}

Test(framework_ids, one_range_for_those_that_come_at_once)
{
	pthread_t threads[THREADS];
	struct berth_container *containers[THREADS] = {NULL};
	rt_root();
	for (size_t i = 0; i < THREADS; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, launch_one, &containers[i]), 0);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (size_t i = 0; i < THREADS; i++) {
		cr_assert_not_null(containers[i]);
		cr_expect_eq(first_of(containers[i]), FIRST);
	}
	cr_expect_eq(entries(kept), 1u);
	for (size_t i = 0; i < THREADS; i++)
		rt_kill(rt_adopt(containers[i]));
	cr_expect_eq(entries(registry), 0u);
	remove_root("F");
}

/* Somebody with another state directory does not see the container, and takes its root away. */
Test(framework_ids, held_by_a_container_whose_root_is_gone)
{
	struct berth_container *one = waiting("framework:F");
	struct berth_config config = {.size = sizeof config, .state_root = rt_path("elsewhere"), .data_root = rt.data};
	struct berth *stranger;
	rt_ok(berth_open(&config, &stranger, &rt.error));
	cr_assert_eq(context_use_ids(stranger, subid, subid, registry), 0);
	rt_ok(berth_root_remove(stranger, "F", &rt.error));
	berth_close(stranger);
	cr_expect_eq(entries(kept), 0u);
	cr_expect_eq(first_in("host"), FIRST + SIZE);
	cr_expect_eq(first_in("framework:F"), FIRST + SIZE);
	rt_kill(one);
	cr_expect_eq(first_in("host"), FIRST);
	remove_root("F");
}

/* ---- What fails ---- */

Test(framework_ids, nothing_is_left_of_what_failed)
{
	struct berth_options options = automatic("framework:F", RT_OPTIONS("act", "exit", "0"));
	options.user = "1000";
	rt_launch_fails(&options, -EINVAL, 125);
	cr_expect(strstr(rt.error.text, "user 1000 is not among the ids"), "%s", rt.error.text);
	options.user = NULL;
	options.userns = "auto:10001";
	rt_launch_fails(&options, -ENOSPC, 125);
	cr_expect(strstr(rt.error.text, "no range of 10001 user ids is free"), "%s", rt.error.text);
	rt_write("subid", "");
	rt_launch_fails(&options, -ENOENT, 125);
	cr_expect_eq(entries(rt_path("data/roots")), 0u);
	cr_expect_eq(entries(kept), 0u);
	cr_expect_eq(entries(registry), 0u);
}

Test(framework_ids, lower_that_cannot_be_shifted_is_named)
{
	struct berth_options options = automatic("framework:F:/proc/1", RT_OPTIONS("act", "exit", "0"));
	rt_launch_fails(&options, -EINVAL, 125);
	cr_expect(strstr(rt.error.text, "show /proc/1 with its ids shifted") &&
			  strstr(rt.error.text, "its file system, proc"),
		  "%s", rt.error.text);
	remove_root("F");
	cr_expect_eq(entries(kept), 0u);
}

/* Each step of a launcher that was killed in it. */
Test(framework_ids, recovered_after_a_death_between_steps)
{
	/* The directory alone; then with its names. */
	cr_assert_eq(mkdir(rt.data, 0700), 0);
	cr_assert_eq(mkdir(rt_path("data/roots"), 0700), 0);
	cr_assert_eq(mkdir(rt_path("data/roots/F"), 0700), 0);
	cr_expect_eq(first_in("framework:F"), FIRST);
	/* The range is claimed, and not written down. */
	cr_assert_eq(umount2(rt_path("data/roots/F/root"), MNT_DETACH), 0);
	cr_assert_eq(rename(rt_path("data/roots/F/layers"), rt_path("layers-then")), 0);
	cr_assert_eq(unlink(rt_path("data/roots/F/idmap")), 0);
	struct berth_container *throw_away = waiting("host");
	cr_expect_eq(first_of(throw_away), FIRST + SIZE);
	cr_expect_eq(first_in("framework:F"), FIRST, "what it has is found again");
	cr_expect_eq(entries(kept), 1u);
	/* The removal has come as far as the layers. */
	cr_assert_eq(umount2(rt_path("data/roots/F/root"), MNT_DETACH), 0);
	cr_assert_eq(rename(rt_path("data/roots/F/layers"), rt_path("layers-then-2")), 0);
	cr_expect_eq(first_in("framework:F"), FIRST);
	remove_root("F");
	/* And beyond the directory: what is claimed for it is taken back when it is needed. */
	rt_kill(throw_away);
	rt_write("subid", "berth:300000:1000\n");
	char claim[200];
	snprintf(claim, sizeof claim, "%s/300000+1000,300000+1000", kept);
	cr_assert_eq(symlink("1 /nowhere/at-all", claim), 0);
	cr_expect_eq(first_in("framework:F"), FIRST);
	remove_root("F");
}

static char spec_over_root[120];

static int launch_again_and_again(void *data)
{
	struct berth *berth = rt_open();
	(void)data;
	context_use_ids(berth, subid, subid, registry);
	for (;;) {
		struct berth_options options = automatic(spec_over_root, RT_OPTIONS("act", "exit", "0"));
		struct berth_container *container;
		struct berth_end end = BERTH_END_INIT;
		struct berth_error error;
		options.stdio = quiet;
		if (berth_launch(berth, &options, &container, &error) < 0)
			return 1;
		berth_container_wait(container, rt_patience(), &end, NULL);
		berth_container_close(container);
		if (berth_root_remove(berth, "F", &error) < 0)
			return 1;
	}
}

/* Killed in whatever step it is: what is left is the root with its range, or nothing; and in neither case a mount. */
Test(framework_ids, recovered_after_a_death_at_any_moment)
{
	rt_require_idmapped();
	snprintf(spec_over_root, sizeof spec_over_root, "framework:F:%s", rt_root());
	for (useconds_t i = 0; i < DEATHS; i++) {
		pid_t launcher = rt_fork(launch_again_and_again, NULL);
		usleep(5000 + i * 397);
		cr_assert_eq(kill(launcher, SIGKILL), 0);
		cr_expect(WIFSIGNALED(rt_wait_child(launcher)), "round %u: it failed by itself", i);
		rt_ok(berth_collect(rt.berth, rt.parent, true, &rt.error));
		struct berth_container *one = waiting(spec_over_root), *throw_away = waiting("host");
		cr_expect_neq(first_of(one), first_of(throw_away), "round %u", i);
		rt_kill(one);
		rt_kill(throw_away);
		remove_root("F");
		/* What is left of a claim goes when it is in the way: there is room for two. */
		rt_write("subid", i % 2 ? "berth:300000:2000\n" : "berth:310000:2000\n");
	}
	rt_expect_nothing_left();
}

Test(framework_ids, a_mount_left_below_is_taken_away)
{
	rt_require_idmapped();
	char spec[120];
	snprintf(spec, sizeof spec, "framework:F:%s", rt_root());
	cr_expect_eq(first_in(spec), FIRST);
	const char *shown = rt_path("data/roots/F/lower.shown");
	cr_assert_eq(umount2(rt_path("data/roots/F/root"), MNT_DETACH), 0);
	cr_assert_eq(mount("tmpfs", shown, "tmpfs", 0, NULL), 0);
	cr_expect_eq(first_in(spec), FIRST);
	cr_expect_lt(umount2(shown, MNT_DETACH), 0);
	cr_assert_eq(mount("tmpfs", shown, "tmpfs", 0, NULL), 0);
	remove_root("F");
	cr_expect_lt(access(rt_path("data/roots/F"), F_OK), 0);
}

/* A register that was lost, or a root that was brought from elsewhere: it has its ids again, unless somebody else does.
 */
Test(framework_ids, a_lost_register)
{
	char claim[200];
	snprintf(claim, sizeof claim, "%s/300000+1000,300000+1000", kept);
	struct berth_container *one = waiting("framework:F");
	cr_assert_eq(unlink(claim), 0);
	cr_expect_eq(first_in("framework:F"), FIRST, "who shares it does not take it away");
	cr_expect_eq(entries(kept), 1u);
	rt_kill(one);
	cr_assert_eq(unlink(claim), 0);
	struct berth_container *throw_away = waiting("host");
	cr_expect_eq(first_of(throw_away), FIRST);
	struct berth_options options = automatic("framework:F", RT_OPTIONS("act", "exit", "0"));
	rt_launch_fails(&options, -EBUSY, 125);
	cr_expect(strstr(rt.error.text, "framework root F: others have the ids"), "%s", rt.error.text);
	rt_kill(throw_away);
	cr_expect_eq(first_in("framework:F"), FIRST);
	remove_root("F");
}

Test(framework_ids, plan_tells_the_range)
{
	char text[65536];
	for (size_t i = 0; i < 2; i++) {
		struct berth_options options = automatic("framework:F", RT_OPTIONS("act", "exit", "0"));
		FILE *out = fmemopen(text, sizeof text, "w");
		struct berth_container *throw_away = waiting("host");
		options.argv = (const char *const[]){rt_payload("act"), NULL};
		rt_ok(berth_plan(rt.berth, &options, false, out, &rt.error));
		fclose(out);
		/* The next that is free; or the one that it has. */
		cr_expect(strstr(text, i ? "to 300000-300999" : "to 301000-301999"), "%s", text);
		rt_kill(throw_away);
		cr_expect_eq(access(rt_path("data/roots/F"), F_OK) == 0, i == 1, "a plan makes none");
		if (i == 0)
			rt_output(&options);
	}
	remove_root("F");
}
