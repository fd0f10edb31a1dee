/* SPDX-License-Identifier: Apache-2.0 */
/* The cache of compiled filters: what is found again, and what is not taken. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "nsutil/base/file.h"
#include "runtime/context.h"
#include "runtime/seccomp.h"
#include "runtime/seccomp_cache.h"
#include "tests/runtime/fixture.h"
#include "tests/runtime/published.h"

TestSuite(seccomp_cache, .init = rt_init, .fini = rt_fini);

static const struct sock_filter sample[] = {BPF_STMT(BPF_RET | BPF_K, 0x7fff0000), BPF_STMT(BPF_RET | BPF_K, 7)};

static void keep(const struct cache_key *key, size_t count)
{
	const struct bpf_program program = {(struct sock_filter *)sample, count};
	cache_keep(rt.berth->state_fd, key, &program, 2);
}

static bool found(const struct cache_key *key, size_t count)
{
	cleanup_bpf struct bpf_program program = {0};
	uint32_t flags = 0;
	bool is = cache_find(rt.berth->state_fd, key, &program, &flags);
	if (is) {
		cr_expect(program.count == count && flags == 2);
		cr_expect_eq(memcmp(program.filters, sample, count * sizeof *sample), 0);
	}
	return is;
}

/* The only file in the cache; fails where there is another. */
static const char *only_file(void)
{
	static char path[400];
	*path = '\0';
	cleanup_dir DIR *directory = opendir(rt_path("state/.seccomp"));
	cr_assert(directory);
	for (const struct dirent *entry; (entry = readdir(directory));)
		if (entry->d_name[0] != '.') {
			cr_assert(!*path, "another file: %s", entry->d_name);
			snprintf(path, sizeof path, "%s/state/.seccomp/%s", rt.base, entry->d_name);
		}
	cr_assert(*path);
	return path;
}

Test(seccomp_cache, finds_by_the_whole_key)
{
	cleanup_cache_key struct cache_key key = cache_key_make(3, "profile", 7);
	cleanup_cache_key struct cache_key other_capabilities = cache_key_make(1, "profile", 7);
	cleanup_cache_key struct cache_key other_text = cache_key_make(3, "profilf", 7);
	cr_expect_not(found(&key, 2));
	keep(&key, 2);
	cr_expect(found(&key, 2));
	cr_expect_not(found(&other_capabilities, 2));
	cr_expect_not(found(&other_text, 2));
	/* What falls on the same file takes its place. */
	keep(&key, 1);
	cr_expect(found(&key, 1));
	cleanup_bpf struct bpf_program program = {0};
	uint32_t flags;
	cr_expect_not(cache_find(-1, &key, &program, &flags));
}

Test(seccomp_cache, another_key_s_file_is_not_taken)
{
	cleanup_cache_key struct cache_key key = cache_key_make(0, "one", 3), other = cache_key_make(0, "two", 3);
	keep(&key, 2);
	char one[400], two[400];
	snprintf(one, sizeof one, "%s", only_file());
	cr_assert_eq(unlink(one), 0);
	keep(&other, 2);
	snprintf(two, sizeof two, "%s", only_file());
	/* As if both had the same hash. */
	cr_assert_eq(rename(two, one), 0);
	cr_expect_not(found(&key, 2));
}

Test(seccomp_cache, torn_or_altered_files_are_not_taken)
{
	cleanup_cache_key struct cache_key key = cache_key_make(0, "one", 3);
	keep(&key, 2);
	cleanup_free char *whole = NULL;
	ssize_t size = file_read_all(AT_FDCWD, only_file(), 1 << 20, &whole);
	cr_assert_gt(size, 0);
	for (ssize_t i = 0; i < size; i++) {
		/* Cut off here, and this byte another. */
		cr_assert_eq(truncate(only_file(), i), 0);
		cr_expect_not(found(&key, 2), "%zd bytes are taken", i);
		keep(&key, 2);
		cleanup_fd int fd = open(only_file(), O_WRONLY | O_CLOEXEC);
		char altered = (char)(whole[i] ^ 1);
		cr_assert_eq(pwrite(fd, &altered, 1, i), 1);
		cr_expect_not(found(&key, 2), "byte %zd is not looked at", i);
		keep(&key, 2);
	}
	cr_expect(found(&key, 2));
	cr_assert_eq(truncate(only_file(), size + 8), 0);
	cr_expect_not(found(&key, 2));
}

Test(seccomp_cache, what_others_may_write_to_is_not_taken)
{
	cleanup_cache_key struct cache_key key = cache_key_make(0, "one", 3);
	keep(&key, 2);
	const char *directory = rt_path("state/.seccomp"), *file = only_file();
	struct stat status;
	cr_assert(stat(directory, &status) == 0 && (status.st_mode & 07777) == 0700);
	cr_assert(stat(file, &status) == 0 && (status.st_mode & 07777) == 0600);
	cr_assert_eq(chmod(file, 0666), 0);
	cr_expect_not(found(&key, 2));
	cr_assert(chmod(file, 0600) == 0 && chown(file, 1000, 0) == 0);
	cr_expect_not(found(&key, 2));
	cr_assert_eq(chown(file, 0, 0), 0);
	cr_expect(found(&key, 2));
	cr_assert_eq(chmod(directory, 0777), 0);
	cr_expect_not(found(&key, 2));
	cr_assert(chmod(directory, 0700) == 0 && chown(directory, 1000, 0) == 0);
	cr_expect_not(found(&key, 2));
	cr_assert_eq(chown(directory, 0, 0), 0);
	/* A link, even to one's own. */
	char moved[420];
	snprintf(moved, sizeof moved, "%s.moved", file);
	cr_assert(rename(file, moved) == 0 && symlink(moved, file) == 0);
	cr_expect_not(found(&key, 2));
}

Test(seccomp_cache, the_number_of_files_is_bounded)
{
	for (uint64_t i = 0; i < 500; i++) {
		cleanup_cache_key struct cache_key key = cache_key_make(i, "x", 1);
		keep(&key, 2);
		cr_expect(found(&key, 2));
	}
	size_t files = 0;
	cleanup_dir DIR *directory = opendir(rt_path("state/.seccomp"));
	for (const struct dirent *entry; (entry = readdir(directory));)
		files += entry->d_name[0] != '.';
	cr_expect(files > 32 && files <= 64, "%zu", files);
}

/* Launches use it: the same filter comes of it, and a profile that has changed is compiled anew. */
Test(seccomp_cache, launches_use_it)
{
	cleanup_free char *docker = published_docker();
	for (int i = 0; i < 3; i++) {
		struct berth_options options = RT_OPTIONS("attempt", "unshare", "clone3");
		options.seccomp = rt_write("profile.json", docker);
		const char *text = rt_output(&options);
		rt_expect_value(text, "unshare", "EPERM");
		rt_expect_value(text, "clone3", "ENOSYS");
		only_file();
	}
	struct berth_options options = RT_OPTIONS("attempt", "unshare");
	options.seccomp = rt_write("profile.json", "{\"defaultAction\": \"SCMP_ACT_ALLOW\"}");
	rt_expect_value(rt_output(&options), "unshare", "0");
	/* The default opened for a capability. */
	for (int i = 0; i < 2; i++) {
		struct berth_options admin = RT_OPTIONS("attempt", "unshare", "keyctl");
		admin.cap_add = (const char *const[]){"SYS_ADMIN", NULL};
		const char *text = rt_output(&admin);
		rt_expect_value(text, "unshare", "0");
		rt_expect_value(text, "keyctl", "EPERM");
	}
}

/* The default filter is the build's: nothing is kept of it. */
Test(seccomp_cache, not_for_the_default)
{
	struct berth_options options = RT_OPTIONS("look");
	rt_output(&options);
	options.seccomp = "unconfined";
	rt_output(&options);
	cr_expect_eq(access(rt_path("state/.seccomp"), F_OK), -1);
}
