/* SPDX-License-Identifier: Apache-2.0 */
/* Ranges of ids: as they are typed, as /etc/subuid gives them, and as containers take them. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "runtime/id_registry.h"
#include "runtime/parse.h"
#include "runtime/subid.h"
#include "tests/runtime/fixture.h"

Test(parse_id_range, good)
{
	static const struct {
		const char *text;
		struct berth_id_range range;
	} good[] = {
		{"0:100000:65536", {0, 100000, 65536}},
		{"1000:0:1", {1000, 0, 1}},
		{"0:4294967294:1", {0, 4294967294, 1}},
		{"0:0:4294967295", {0, 0, 4294967295}},
	};
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		struct berth_id_range range = {0};
		struct error error = {0};
		cr_expect_eq(parse_id_range(good[i].text, &range, &error), 0, "%s: %s", good[i].text, error.text);
		cr_expect_eq(memcmp(&range, &good[i].range, sizeof range), 0, "%s", good[i].text);
	}
}

Test(parse_id_range, bad)
{
	static const struct {
		const char *text;
		int code;
	} bad[] = {
		{"", EINVAL},
		{"0", EINVAL},
		{"0:1", EINVAL},
		{"0:1:", EINVAL},
		{":1:1", EINVAL},
		{"0::1", EINVAL},
		{"0:1:1:1", EINVAL},
		{"0:1:1 ", EINVAL},
		{" 0:1:1", EINVAL},
		{"-1:1:1", EINVAL},
		{"0x1:1:1", EINVAL},
		{"a:1:1", EINVAL},
		{"0:1:0", ERANGE},
		{"4294967296:1:1", ERANGE},
		{"0:99999999999999999999:1", ERANGE},
		{"0:4294967295:1", ERANGE},
		{"4294967295:0:1", ERANGE},
		{"0:1:4294967295", ERANGE},
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct berth_id_range range = {1, 2, 3};
		struct error error = {0};
		cr_expect_eq(parse_id_range(bad[i].text, &range, &error), -bad[i].code, "%s: %s", bad[i].text,
			     error.text);
		cr_expect(strstr(error.text, bad[i].text), "%s", error.text);
		cr_expect(range.inside == 1 && range.outside == 2 && range.length == 3, "%s", bad[i].text);
	}
}

Test(subid, takes_whose_it_is)
{
	struct id_map map = {0};
	subid_parse("# comment\n\nroot:1:2\nberth:100:50\nberthold:5:5\nber:6:6\n1000:7:7\nberth:300:20\n", "berth",
		    1000, &map);
	cr_assert_eq(map.count, 3u);
	cr_expect(map.ranges[0].outside == 100 && map.ranges[0].length == 50 && map.ranges[0].inside == 0);
	cr_expect(map.ranges[1].outside == 7 && map.ranges[1].length == 7);
	cr_expect(map.ranges[2].outside == 300 && map.ranges[2].length == 20);
	map.count = 0;
	subid_parse("1000:7:7", NULL, 1000, &map);
	cr_expect_eq(map.count, 1u, "a last line without its newline, a user without a name");
}

Test(subid, passes_over_what_is_no_entry)
{
	static const char *const bad[] = {
		"u",
		"u:",
		"u:1",
		"u:1:",
		"u::1",
		"u:1:0",
		"u:1:x",
		"u:x:1",
		"u:1:1:1",
		"u:-1:1",
		"u: 1:1",
		"u:1:1 ",
		" u:1:1",
		"u:4294967296:1",
		"u:1:4294967296",
		"::",
		":",
		"u:4294967295:1",
		"\n\n\n:\n",
		"u:1\n:1:1",
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct id_map map = {0};
		subid_parse(bad[i], "u", 77, &map);
		cr_expect_eq(map.count, 0u, "'%s'", bad[i]);
	}
	struct id_map map = {0};
	subid_parse("u:4294967290:100\n", "u", 77, &map);
	cr_assert_eq(map.count, 1u);
	cr_expect_eq(map.ranges[0].length, 5u, "what lies beyond the last id is cut off");
	map.count = 0;
	char many[100 * 16] = "";
	for (size_t i = 0; i < 100; i++)
		snprintf(many + strlen(many), sizeof many - strlen(many), "u:%zu:1\n", 1000 + i);
	subid_parse(many, "u", 77, &map);
	cr_expect_eq(map.count, (size_t)ID_RANGES_MAX);
}

/* ---- The register ---- */

TestSuite(id_registry, .init = rt_init_unprivileged, .fini = rt_fini);

static const struct id_map uids = {.ranges = {{0, 1000, 250}, {0, 5000, 100}}, .count = 2};
static const struct id_map gids = {.ranges = {{0, 70000, 1000}}, .count = 1};

static char run[128], kept[128];
static const struct id_registry registry = {.path = run, .kept = kept};

/* A holder's directory. */
static int holder(const char *name)
{
	snprintf(run, sizeof run, "%s", rt_path("ids"));
	snprintf(kept, sizeof kept, "%s", rt_path("ids-kept"));
	mkdir(rt_path(name), 0700);
	int fd = open(rt_path(name), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cr_assert_geq(fd, 0);
	return fd;
}

static int claim(const char *name, uint32_t size, struct id_maps *maps)
{
	cleanup_fd int fd = holder(name);
	struct error error = {0};
	int code = id_registry_claim(&registry, &uids, &gids, size, &(struct id_holder){fd, rt_path(name), false}, maps,
				     &error);
	if (code < 0)
		cr_expect(code == -ENOSPC && strstr(error.text, "no range"), "%d: %s", code, error.text);
	return code;
}

static uint32_t first_uid(const char *name, uint32_t size)
{
	struct id_maps maps = {0};
	return claim(name, size, &maps) == 0 ? maps.uids.ranges[0].outside : 0;
}

Test(id_registry, gives_what_is_free)
{
	struct id_maps maps = {0};
	cr_assert_eq(claim("a", 100, &maps), 0);
	cr_expect(maps.uids.count == 1 && maps.uids.ranges[0].inside == 0 && maps.uids.ranges[0].outside == 1000 &&
		  maps.uids.ranges[0].length == 100);
	cr_expect(maps.gids.ranges[0].outside == 70000);
	cr_expect_eq(first_uid("b", 100), 1100u);
	cr_expect_eq(first_uid("c", 100), 5000u, "50 are left of the first range: it goes to the next");
	cr_expect_eq(first_uid("d", 50), 1200u);
	cr_expect_eq(first_uid("e", 1), 0u, "now there are none");
	cleanup_fd int a = holder("a"), b = holder("b");
	id_registry_release(&registry, &maps, &(struct id_holder){.fd = b});
	cr_expect_eq(first_uid("e", 1), 0u, "b can't give back what a has");
	id_registry_release(&registry, &maps, &(struct id_holder){.fd = a});
	cr_expect_eq(first_uid("e", 1), 1000u);
}

Test(id_registry, takes_back_what_the_gone_had)
{
	cr_expect_eq(first_uid("a", 200), 1000u);
	cr_expect_eq(first_uid("b", 100), 5000u);
	cr_expect_eq(first_uid("c", 100), 0u);
	cr_assert_eq(rmdir(rt_path("a")), 0);
	cr_expect_eq(first_uid("c", 100), 1000u);
	/* Another of the same name is another. */
	cr_assert_eq(rename(rt_path("b"), rt_path("elsewhere")), 0);
	cr_assert_eq(mkdir(rt_path("b"), 0700), 0);
	cr_expect_eq(first_uid("d", 100), 1100u);
	cr_expect_eq(first_uid("e", 100), 5000u);
}

Test(id_registry, who_looks_takes_nothing)
{
	snprintf(run, sizeof run, "%s", rt_path("ids"));
	snprintf(kept, sizeof kept, "%s", rt_path("ids-kept"));
	struct id_maps maps = {0};
	cr_expect_eq(id_registry_claim(&registry, &uids, &gids, 100, NULL, &maps, NULL), 0);
	cr_expect_eq(maps.uids.ranges[0].outside, 1000u);
	cr_expect_lt(access(run, F_OK), 0, "not even the register is made");
	cr_expect_eq(first_uid("a", 100), 1000u);
	cr_expect_eq(id_registry_claim(&registry, &uids, &gids, 100, NULL, &maps, NULL), 0);
	cr_expect_eq(maps.uids.ranges[0].outside, 1100u);
	cr_expect_lt(access(kept, F_OK), 0, "it is made for those that are kept");
}

Test(id_registry, of_others_is_refused)
{
	cleanup_fd int a = holder("a");
	const struct id_holder by_a = {a, rt_path("a"), false};
	const char *const directories[] = {run, kept};
	for (size_t i = 0; i < 2; i++) {
		struct id_maps maps;
		struct error error = {0};
		rmdir(directories[i]);
		cr_assert_eq(mkdir(directories[i], 0700), 0);
		cr_assert_eq(chmod(directories[i], 0777), 0);
		cr_expect_eq(id_registry_claim(&registry, &uids, &gids, 1, &by_a, &maps, &error), -EPERM);
		cr_expect(strstr(error.text, directories[i]), "%s", error.text);
		cr_assert_eq(rmdir(directories[i]), 0);
		cr_assert_eq(symlink("/tmp", directories[i]), 0);
		cr_expect_lt(id_registry_claim(&registry, &uids, &gids, 1, &by_a, &maps, &error), 0);
		cr_assert_eq(unlink(directories[i]), 0);
	}
}

enum { THREADS = 10, EACH = 10 };

static void *claim_many(void *data)
{
	uint32_t *starts = data;
	int fd = open(rt_path("holder"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < EACH; i++) {
		struct id_maps maps;
		const struct id_holder holder = {fd, rt.base, false};
		if (id_registry_claim(&registry, &gids, &gids, 10, &holder, &maps, NULL) == 0)
			starts[i] = maps.uids.ranges[0].outside;
	}
	close(fd);
	return NULL;
}

Test(id_registry, gives_nothing_twice)
{
	close(holder("holder"));
	pthread_t threads[THREADS];
	uint32_t starts[THREADS][EACH] = {0};
	bool given[1000] = {false};
	for (size_t i = 0; i < THREADS; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, claim_many, starts[i]), 0);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (size_t i = 0; i < THREADS; i++)
		for (size_t j = 0; j < EACH; j++) {
			size_t place = starts[i][j] - 70000;
			cr_assert_lt(place, 1000u);
			cr_expect(place % 10 == 0 && !given[place], "%zu", place);
			given[place] = true;
		}
}
