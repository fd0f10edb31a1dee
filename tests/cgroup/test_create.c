/* SPDX-License-Identifier: Apache-2.0 */
/* Making, opening, entering and removing real directories, on whatever this machine has. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"

TestSuite(create, .init = fixture_init, .fini = fixture_fini, .timeout = 60);
TestSuite(create_v2, .init = fixture_init_v2, .fini = fixture_fini, .timeout = 60);

static void all_gone(const struct cgroup *cgroup)
{
	for (size_t i = 0; cgroup_path(cgroup, i); i++)
		cr_expect_neq(access(cgroup_path(cgroup, i), F_OK), 0, "%s is left", cgroup_path(cgroup, i));
}

static void make_enter_remove(void)
{
	struct cgroup *cgroup = fixture_create("one", fixture.served);
	cr_expect_not_null(cgroup_path(cgroup, 0));
	for (size_t i = 0; cgroup_path(cgroup, i); i++)
		cr_expect(fixture_file_there(cgroup_path(cgroup, i), "cgroup.procs"));
	for (int i = 0; i < CGROUP_CONTROLLERS; i++)
		cr_expect_eq(cgroup_controller_path(cgroup, (enum cgroup_controller)i) != NULL,
			     (fixture.served & CGROUP_BIT(i)) != 0);
	pid_t pid = fixture_fork(cgroup, NULL);
	char text[16];
	snprintf(text, sizeof text, "%d", pid);
	for (size_t i = 0; cgroup_path(cgroup, i); i++)
		cr_expect(fixture_file_is(cgroup_path(cgroup, i), "cgroup.procs", text));
	pid_t *pids;
	cr_assert_eq(cgroup_processes(cgroup, &pids, NULL), 1, "in several hierarchies, and one process");
	cr_expect_eq(pids[0], pid);
	free(pids);
	kill(pid, SIGKILL);
	fixture_wait(pid);
	cr_expect_eq(cgroup_destroy(cgroup, FIXTURE_TIMEOUT_MS, &fixture.error), 0, "%s", fixture.error.text);
	all_gone(cgroup);
	cr_expect_eq(cgroup_processes(cgroup, &pids, NULL), 0);
	cr_expect_eq(cgroup_destroy(cgroup, 0, &fixture.error), 0, "gone already: %s", fixture.error.text);
	cgroup_free(cgroup);
}

Test(create, make_enter_remove)
{
	make_enter_remove();
}

Test(create_v2, make_enter_remove)
{
	make_enter_remove();
}

Test(create, no_descriptor_is_kept)
{
	struct cgroup *first = fixture_create("first", fixture.served);
	int before = open("/dev/null", O_RDONLY | O_CLOEXEC);
	close(before);
	struct cgroup *second = fixture_create("second", fixture.served);
	struct cgroup_stats stats;
	pid_t *pids;
	cr_expect_eq(cgroup_read(second, CGROUP_READ_ALL, &stats, NULL), 0);
	cr_expect_eq(cgroup_processes(second, &pids, NULL), 0);
	struct cgroup_entry entry;
	cr_expect_eq(cgroup_entry_open(second, &entry, NULL), 0);
	for (size_t i = 0; i < entry.n_procs; i++)
		cr_expect(fcntl(entry.procs[i], F_GETFD) & FD_CLOEXEC);
	cr_expect(entry.into < 0 || (fcntl(entry.into, F_GETFD) & FD_CLOEXEC));
	cr_expect(entry.into_procs < 0 || (fcntl(entry.into_procs, F_GETFD) & FD_CLOEXEC));
	cgroup_entry_close(&entry);
	cr_expect_eq(cgroup_destroy(second, 0, NULL), 0);
	int after = open("/dev/null", O_RDONLY | O_CLOEXEC);
	cr_expect_eq(before, after);
	close(after);
	cgroup_free(first);
	cgroup_free(second);
}

Test(create, entry_is_of_the_version)
{
	struct cgroup *cgroup = fixture_create("entry", fixture.served);
	size_t v1 = 0, v2 = 0;
	for (size_t i = 0; cgroup_path(cgroup, i); i++)
		if (fixture_file_there(cgroup_path(cgroup, i), "cgroup.events"))
			v2++;
		else
			v1++;
	struct cgroup_entry entry;
	cr_assert_eq(cgroup_entry_open(cgroup, &entry, &fixture.error), 0, "%s", fixture.error.text);
	cr_expect_eq(entry.n_procs, v1);
	cr_expect_eq(entry.into >= 0, v2 == 1);
	cr_expect_eq(entry.into_procs >= 0, v2 == 1);
	cgroup_entry_close(&entry);
	cr_expect_eq(entry.into, -1);
	cr_expect_eq(entry.n_procs, 0);
	cgroup_free(cgroup);
}

Test(create, attach_moves_a_process)
{
	struct cgroup *from = fixture_create("from", fixture.served), *to = fixture_create("to", fixture.served);
	pid_t pid = fixture_fork(from, NULL), *pids;
	cr_assert_eq(cgroup_attach(to, pid, &fixture.error), 0, "%s", fixture.error.text);
	cr_expect_eq(cgroup_processes(from, &pids, NULL), 0);
	cr_assert_eq(cgroup_processes(to, &pids, NULL), 1);
	cr_expect_eq(pids[0], pid);
	free(pids);
	kill(pid, SIGKILL);
	fixture_wait(pid);
	cr_expect_eq(cgroup_attach(to, pid, &fixture.error), -ESRCH);
	cr_expect(strstr(fixture.error.text, "cgroup.procs"), "%s", fixture.error.text);
	cgroup_free(from);
	cgroup_free(to);
}

Test(create, a_name_in_use_leaves_nothing)
{
	/* Only the last hierarchy has the directory, so the others are made first and must be undone. */
	struct cgroup *all;
	cr_assert_eq(cgroup_open(fixture.layout, fixture.parent, "taken", fixture.served, &all, NULL), 0);
	size_t last = 0;
	while (cgroup_path(all, last + 1))
		last++;
	struct cgroup *probe = fixture_create("probe", fixture.served);
	cr_assert_eq(mkdir(cgroup_path(all, last), 0755), 0);
	struct cgroup *cgroup = NULL;
	cr_expect_eq(cgroup_create(fixture.layout, fixture.parent, "taken", fixture.served, &cgroup, &fixture.error),
		     -EEXIST);
	cr_expect_null(cgroup);
	cr_expect(strstr(fixture.error.text, cgroup_path(all, last)), "%s", fixture.error.text);
	for (size_t i = 0; i < last; i++)
		cr_expect_neq(access(cgroup_path(all, i), F_OK), 0, "%s is left", cgroup_path(all, i));
	cr_expect_eq(access(cgroup_path(all, last), F_OK), 0, "what was there before stays");
	cgroup_free(all);
	cgroup_free(probe);
}

static const unsigned int later = CGROUP_BIT(CGROUP_PIDS) | CGROUP_BIT(CGROUP_FREEZER);

static struct cgroup *begin(const char *name)
{
	struct cgroup *cgroup = NULL;
	int result = cgroup_begin(fixture.layout, fixture.parent, name, fixture.served, later, &cgroup, &fixture.error);
	cr_assert_eq(result, 0, "%s", fixture.error.text);
	return cgroup;
}

static size_t count_of(const struct cgroup *cgroup)
{
	size_t count = 0;
	while (cgroup_path(cgroup, count))
		count++;
	return count;
}

/* Whatever is mounted together with what is not left is made with that. */
Test(create, in_two_parts)
{
	struct cgroup *all, *cgroup = begin("parts");
	cr_assert_eq(cgroup_open(fixture.layout, fixture.parent, "parts", fixture.served, &all, NULL), 0);
	size_t left = 0;
	for (size_t i = 0; cgroup_path(all, i); i++)
		left += access(cgroup_path(all, i), F_OK) != 0;
	cr_expect_eq(count_of(cgroup) + left, count_of(all));
	for (int i = 0; i < CGROUP_CONTROLLERS; i++) {
		const char *path = cgroup_controller_path(cgroup, (enum cgroup_controller)i);
		cr_expect_eq(path != NULL, (cgroup_controllers(cgroup) & CGROUP_BIT(i)) != 0);
		if (cgroup_layout_version(fixture.layout, (enum cgroup_controller)i) == 2)
			cr_expect_not_null(path, "v2 waits for nothing");
		if ((fixture.served & ~later) & CGROUP_BIT(i))
			cr_expect_not_null(path);
	}
	pid_t pid = fixture_fork(cgroup, NULL);
	struct cgroup_entry entry;
	cr_assert_eq(cgroup_complete(cgroup, &entry, &fixture.error), 0, "%s", fixture.error.text);
	cr_expect_eq(entry.n_procs, left);
	cr_expect_eq(entry.into, -1);
	cgroup_entry_close(&entry);
	cr_expect_eq(count_of(cgroup), count_of(all));
	cr_expect_eq(cgroup_controllers(cgroup), fixture.served);
	cr_expect_eq(cgroup_complete(cgroup, &entry, &fixture.error), 0, "there is no more to be made");
	cr_expect_eq(entry.n_procs, 0u);
	kill(pid, SIGKILL);
	fixture_wait(pid);
	cr_expect_eq(cgroup_destroy(cgroup, FIXTURE_TIMEOUT_MS, &fixture.error), 0, "%s", fixture.error.text);
	all_gone(all);
	cgroup_free(all);
	cgroup_free(cgroup);
}

/* Somebody else's directory, and what is in it, is no part of what is then removed. */
Test(create, the_second_part_leaves_what_is_in_its_way)
{
	if (cgroup_layout_version(fixture.layout, CGROUP_FREEZER) != 1)
		cr_skip_test("all is made in the first part in v2");
	struct cgroup *cgroup = begin("way"), *other = NULL;
	cr_assert_eq(cgroup_create(fixture.layout, fixture.parent, "way", CGROUP_BIT(CGROUP_FREEZER), &other,
				   &fixture.error),
		     0, "%s", fixture.error.text);
	pid_t pid = fixture_fork(other, NULL);
	struct cgroup_entry entry;
	cr_expect_eq(cgroup_complete(cgroup, &entry, &fixture.error), -EEXIST);
	cr_expect(strstr(fixture.error.text, cgroup_path(other, 0)), "%s", fixture.error.text);
	cr_expect_null(cgroup_controller_path(cgroup, CGROUP_FREEZER));
	cr_expect_null(cgroup_controller_path(cgroup, CGROUP_PIDS));
	cr_expect_eq(cgroup_destroy(cgroup, FIXTURE_TIMEOUT_MS, &fixture.error), 0, "%s", fixture.error.text);
	cr_expect_eq(access(cgroup_path(other, 0), F_OK), 0);
	cr_expect_eq(kill(pid, 0), 0);
	struct cgroup *all;
	cr_assert_eq(cgroup_open(fixture.layout, fixture.parent, "way", fixture.served & ~CGROUP_BIT(CGROUP_FREEZER),
				 &all, NULL),
		     0);
	for (size_t i = 0; cgroup_path(all, i); i++)
		cr_expect(access(cgroup_path(all, i), F_OK) != 0 ||
				  strcmp(cgroup_path(all, i), cgroup_path(other, 0)) == 0,
			  "%s is left", cgroup_path(all, i));
	kill(pid, SIGKILL);
	fixture_wait(pid);
	cgroup_free(all);
	cgroup_free(other);
	cgroup_free(cgroup);
}

Test(create, missing_controller_by_name)
{
	unsigned int missing = (CGROUP_BIT(CGROUP_CONTROLLERS) - 1) & ~fixture.served;
	if (!missing)
		cr_skip_test("this machine has every controller");
	enum cgroup_controller controller = (enum cgroup_controller)__builtin_ctz(missing);
	struct cgroup *cgroup = NULL;
	cr_expect_eq(cgroup_create(fixture.layout, fixture.parent, "n", fixture.served | CGROUP_BIT(controller),
				   &cgroup, &fixture.error),
		     -ENOENT);
	cr_expect(strstr(fixture.error.text, cgroup_controller_name(controller)), "%s", fixture.error.text);
	cr_assert_eq(cgroup_open(fixture.layout, "berth-test", fixture.name, fixture.served, &cgroup, NULL), 0);
	all_gone(cgroup);
	cgroup_free(cgroup);
}

Test(create_v2, missing_controller_by_name)
{
	struct cgroup *cgroup = NULL;
	int missing = 0;
	while (missing < CGROUP_CONTROLLERS && (fixture.served & CGROUP_BIT(missing)))
		missing++;
	if (missing == CGROUP_CONTROLLERS)
		cr_skip_test("cgroup v2 has every controller here");
	cr_expect_eq(cgroup_create(fixture.layout, fixture.parent, "n", CGROUP_BIT(missing), &cgroup, &fixture.error),
		     -ENOENT);
	cr_expect(strstr(fixture.error.text, cgroup_controller_name((enum cgroup_controller)missing)), "%s",
		  fixture.error.text);
}

Test(create, deep_parents_are_made_and_removed)
{
	char parent[128];
	snprintf(parent, sizeof parent, "%s/a b/(c)", fixture.parent);
	struct cgroup *cgroup;
	cr_assert_eq(cgroup_create(fixture.layout, parent, "deep", fixture.served, &cgroup, &fixture.error), 0, "%s",
		     fixture.error.text);
	pid_t pid = fixture_fork(cgroup, NULL); /* that it can be entered */
	/* One made by someone else, below: it and what is above it must stay. */
	char foreign[512];
	snprintf(foreign, sizeof foreign, "%s/../../foreign", cgroup_path(cgroup, 0));
	cr_assert_eq(mkdir(foreign, 0755), 0);
	cgroup_remove_parent(fixture.layout, parent);
	cr_expect_eq(access(cgroup_path(cgroup, 0), F_OK), 0);
	cr_expect_eq(cgroup_destroy(cgroup, FIXTURE_TIMEOUT_MS, &fixture.error), 0, "%s", fixture.error.text);
	fixture_wait(pid);
	cgroup_remove_parent(fixture.layout, parent);
	struct cgroup *above, *top;
	char a_b[96];
	snprintf(a_b, sizeof a_b, "%s/a b", fixture.parent);
	cr_assert_eq(cgroup_open(fixture.layout, a_b, "(c)", fixture.served, &above, NULL), 0);
	all_gone(above);
	cr_assert_eq(cgroup_open(fixture.layout, fixture.parent, "a b", fixture.served, &top, NULL), 0);
	cr_expect_eq(access(cgroup_path(top, 0), F_OK), 0, "holds someone else's directory");
	snprintf(foreign, sizeof foreign, "%s/foreign", cgroup_path(top, 0));
	cr_assert_eq(rmdir(foreign), 0);
	/* And an empty one that someone else made is theirs. */
	cr_assert_eq(mkdir(foreign, 0755), 0);
	char foreign_parent[96];
	snprintf(foreign_parent, sizeof foreign_parent, "%s/a b/foreign", fixture.parent);
	cgroup_remove_parent(fixture.layout, foreign_parent);
	cr_expect_eq(access(foreign, F_OK), 0);
	cgroup_free(above);
	cgroup_free(top);
	cgroup_free(cgroup);
}

enum { THREADS = 8, ROUNDS = 20 };

/* Each thread makes and removes containers and their parent, in the others' way. */
static void *race(void *argument)
{
	char name[16];
	snprintf(name, sizeof name, "%zu", (size_t)argument);
	struct error error;
	char parent[96];
	snprintf(parent, sizeof parent, "%s/shared", fixture.parent);
	for (int i = 0; i < ROUNDS; i++) {
		struct cgroup *cgroup;
		if (cgroup_create(fixture.layout, parent, name, fixture.served, &cgroup, &error) < 0)
			return strdup(error.text);
		if (cgroup_destroy(cgroup, FIXTURE_TIMEOUT_MS, &error) < 0)
			return strdup(error.text);
		cgroup_free(cgroup);
		cgroup_remove_parent(fixture.layout, parent);
	}
	return NULL;
}

Test(create, parents_come_and_go_under_threads)
{
	pthread_t threads[THREADS];
	for (size_t i = 0; i < THREADS; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, race, (void *)i), 0);
	for (size_t i = 0; i < THREADS; i++) {
		void *text;
		pthread_join(threads[i], &text);
		cr_expect_null(text, "%s", (char *)text);
		free(text);
	}
}

/* On v2 a parent with processes can't have controllers for its children; the error must say so. */
Test(create, parent_with_processes)
{
	if (cgroup_layout_version(fixture.layout, CGROUP_MEMORY) != 2)
		cr_skip_test("memory is not on cgroup v2 here");
	struct cgroup *parent = fixture_create("busy", CGROUP_BIT(CGROUP_MEMORY));
	fixture_fork(parent, NULL);
	char path[96];
	snprintf(path, sizeof path, "%s/busy", fixture.parent);
	struct cgroup *cgroup = NULL;
	cr_expect_eq(cgroup_create(fixture.layout, path, "child", CGROUP_BIT(CGROUP_MEMORY), &cgroup, &fixture.error),
		     -EBUSY);
	cr_expect(strstr(fixture.error.text, "memory") && strstr(fixture.error.text, cgroup_path(parent, 0)), "%s",
		  fixture.error.text);
	char child[512];
	snprintf(child, sizeof child, "%s/child", cgroup_path(parent, 0));
	cr_expect_neq(access(child, F_OK), 0, "the child's directory is left");
	cgroup_free(parent);
}
