/* SPDX-License-Identifier: Apache-2.0 */
/* Masked and read-only files of the kernel can't be left out of a container: they are measured by plans of their own.
 */
#include <linux/sched.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nsutil/init_image.h"
#include "nsutil/spawn.h"
#include "runtime/compile.h"
#include "tests/bench/bench.h"

struct masked {
	struct plan *plan;
	int init_fd;
};

/* The limit's root with a /sys and a /dev/null too, and with the masks or without. */
struct masked *masked_make(bool with)
{
	static const char *const none[] = {NULL};
	struct masked *masked = malloc(sizeof *masked);
	struct plan *plan = plan_new();
	if (!masked || !plan)
		fail("out of memory");
	plan_add_private(plan);
	plan_add_bind(plan, false, ROOT, ROOT, 0, true);
	plan_add_root(plan, ROOT);
	plan_add_mount(plan, true, "proc", "/proc", 0, NULL);
	plan_hold(plan);
	plan_add_mount(plan, true, "sysfs", "/sys", MOUNT_ATTR_RDONLY, NULL);
	plan_hold(plan);
	/* What files are covered with. */
	plan_add_mount(plan, true, "tmpfs", "/dev", 0, (const char *const[]){"size=64k", NULL});
	plan_hold(plan);
	plan_add_mknod(plan, true, "/dev/null", S_IFCHR | 0666, 1, 3);
	plan_in_held(plan);
	if (with)
		compile_kernel_files(plan, "/sys/fs/cgroup");
	plan_add_pivot(plan, false);
	plan_add_environment(plan, none);
	plan_add_exec(plan, idle_argv[0], "/", idle_argv);
	struct error error;
	*masked = (struct masked){plan, init_image_open(&error)};
	if (masked->init_fd < 0)
		fail("%s", error.text);
	return masked;
}

void masked_free(struct masked *masked)
{
	plan_free(masked->plan);
	close(masked->init_fd);
	free(masked);
}

double masked_run(void *data)
{
	const struct masked *masked = data;
	struct spawn_options options = {
		.init_fd = masked->init_fd,
		.plan = masked->plan,
		.namespaces = CLONE_NEWNS | CLONE_NEWPID,
		.cgroup_into = -1,
		.cgroup_into_procs = -1,
		.record_fd = -1,
		.namespaces_fd = -1,
		.userns_fd = -1,
		.blank_fd = -1,
		.born_in_userns = -1,
		.self_pidfd = -1,
	};
	struct spawned spawned;
	struct error error;
	int status = 0;
	double start = now_us();
	if (spawn(&options, &spawned, &status, &error) < 0)
		fail("%s", error.text);
	if (spawned_reap(spawned.pidfd, &status) < 0)
		fail("a payload can't be reaped");
	close(spawned.pidfd);
	if (status != 0)
		fail("a payload ended with status %#x", (unsigned int)status);
	return now_us() - start;
}
