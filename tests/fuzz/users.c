/* SPDX-License-Identifier: Apache-2.0 */
/* A root's own /etc/passwd and /etc/group: each is the input. */
#include "runtime/users.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"

static char root[] = "/dev/shm/berth-fuzz-XXXXXX", etc[64];
static int file;

static void root_remove(void)
{
	static const char *const names[] = {"passwd", "group"};
	for (size_t i = 0; i < 2; i++) {
		char path[80];
		snprintf(path, sizeof path, "%s/%s", etc, names[i]);
		unlink(path);
	}
	rmdir(etc);
	rmdir(root);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	char passwd[80], group[80];
	fuzz_require(mkdtemp(root));
	atexit(root_remove);
	snprintf(etc, sizeof etc, "%s/etc", root);
	snprintf(passwd, sizeof passwd, "%s/passwd", etc);
	snprintf(group, sizeof group, "%s/group", etc);
	fuzz_require(mkdir(etc, 0700) == 0);
	file = open(passwd, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	fuzz_require(file >= 0 && link(passwd, group) == 0);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const users[] = {"alice", "0", "1000", "alice:users", "1000:1000", "+", ":"};
	fuzz_require(ftruncate(file, 0) == 0 && pwrite(file, data, size, 0) == (ssize_t)size);
	for (size_t i = 0; i < sizeof users / sizeof *users; i++) {
		uid_t uid;
		gid_t gid, *groups = NULL;
		size_t n_groups = 0;
		struct error error = {0};
		if (users_resolve(root, users[i], &uid, &gid, &groups, &n_groups, &error) < 0) {
			fuzz_require(error.text[0]);
		} else {
			/* What setresuid(2) takes for "unchanged". */
			fuzz_require(uid != (uid_t)-1 && gid != (gid_t)-1);
			for (size_t k = 0; k < n_groups; k++)
				fuzz_require(groups[k] != (gid_t)-1);
		}
		free(groups);
	}
	free(users_name(root, 1000));
	return 0;
}
