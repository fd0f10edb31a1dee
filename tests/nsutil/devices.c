/* SPDX-License-Identifier: Apache-2.0 */
/* A device's node on the host is given to a container if it is what it was, and only then. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "tests/nsutil/fixture.h"

/* Binds the scratch file `node`, which should be the device null, over root/file. What spawn gave. */
static int give(struct run *run, const char *const *command)
{
	cleanup_plan struct plan *plan = plan_new();
	plan_add_private(plan);
	plan_add_root(plan, scratch("root"));
	plan_add_device(plan, scratch("node"), "/file", S_IFCHR, 1, 3);
	plan_finish(plan, command);
	*run = (struct run)RUN_INIT;
	run->namespaces = CLONE_NEWPID | CLONE_NEWNS;
	run_start(run, plan);
	return run->code;
}
#define GIVE(run, ...) give(run, (const char *const[]){__VA_ARGS__, NULL})

static void make_root(void)
{
	cr_assert_eq(mkdir(scratch("root"), 0755), 0);
	close(open(scratch("root/file"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

SPAWN_TEST(devices, bound_but_not_to_be_changed)
{
	struct run run;
	make_root();
	cr_assert_eq(mknod(scratch("node"), S_IFCHR | 0640, makedev(1, 3)), 0);
	cr_assert_eq(GIVE(&run, "sh", "-c", "echo x >$0 && echo written; stat -c '%F %t %T %a' $0; chmod 666 $0 2>&1",
			  scratch("root/file")),
		     0, "%s", run.error.text);
	run_finish(&run);
	cr_expect(strstr(run.output, "written\ncharacter special file 1 3 640\n"), "%s", run.output);
	cr_expect(strstr(run.output, "Read-only file system"), "%s", run.output);
	struct stat status;
	cr_assert_eq(stat(scratch("node"), &status), 0);
	cr_expect_eq(status.st_mode & 07777, 0640u);
}

static void expect_caught(int code)
{
	struct run run;
	cr_expect_eq(GIVE(&run, "true"), -code, "%d: %s", run.code, run.error.text);
	cr_expect(strstr(run.error.text, "bind device "), "%s", run.error.text);
	unlink(scratch("node"));
}

SPAWN_TEST(devices, another_in_its_place_is_caught)
{
	make_root();
	cr_assert_eq(mknod(scratch("node"), S_IFCHR | 0666, makedev(1, 5)), 0);
	expect_caught(ENODEV);
	cr_assert_eq(mknod(scratch("node"), S_IFBLK | 0666, makedev(1, 3)), 0);
	expect_caught(ENODEV);
	close(open(scratch("node"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	expect_caught(ENODEV);
	expect_caught(ENOENT);
	cr_assert_eq(mkdir(scratch("node"), 0755), 0);
	expect_caught(ENODEV);
}

/* Also where it leads to the right device: it may lead elsewhere the next moment. */
SPAWN_TEST(devices, a_link_in_its_place_is_caught)
{
	make_root();
	cr_assert_eq(rmdir(scratch("node")), -1);
	cr_assert_eq(symlink("/dev/null", scratch("node")), 0);
	expect_caught(ELOOP);
}
