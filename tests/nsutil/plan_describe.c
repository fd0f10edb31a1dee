/* SPDX-License-Identifier: Apache-2.0 */
/* The phrase of every step, whole and cut. */
#include <criterion/criterion.h>
#include <linux/filter.h>
#include <linux/mount.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/nsutil/fixture.h"

/* One of every operation, in the order of PLAN_OPS; EXEC is last. */
static struct plan *plan_of_everything(void)
{
	static const char *const options[] = {"mode=755", "newinstance", NULL};
	static const char *const environment[] = {"SECRET=hunter2", "PATH=/bin", NULL};
	static const char *const argv[] = {"sh", "-c", "", "exit 3", NULL};
	static const gid_t groups[] = {4, 27};
	static const struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct plan *plan = plan_new();
	plan_add_private(plan);
	plan_add_mount(plan, true, "devpts", "/dev/pts", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, options);
	plan_add_bind(plan, true, "/srv", "/data", MOUNT_ATTR_RDONLY, true);
	plan_add_unmount(plan, "/mnt");
	plan_add_attributes(plan, true, "/", MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV, true);
	plan_add_mkdir(plan, true, "/proc", 0555);
	plan_add_owner(plan, 100000, 100005);
	plan_add_file(plan, true, "/etc/hosts");
	plan_add_symlink(plan, true, "pts/ptmx", "/dev/ptmx");
	plan_add_mknod(plan, true, "/dev/null", S_IFCHR | 0666, 1, 3);
	plan_add_device(plan, "/dev/kvm", "/dev/virtual", S_IFCHR, 10, 232);
	plan_add_read_only(plan, "/proc/sys");
	plan_add_mask(plan, "/proc/kcore", NULL);
	plan_add_root(plan, "/srv/root");
	plan_add_pivot(plan, false);
	plan_add_setns(plan, CLONE_NEWPID | CLONE_NEWNS);
	plan_add_enter(plan);
	plan_add_unshare(plan, CLONE_NEWCGROUP);
	plan_add_hostname(plan, "berth");
	plan_add_loopback(plan);
	plan_add_die_with_parent(plan);
	plan_add_await(plan);
	plan_add_fork(plan, false);
	plan_add_setsid(plan);
	plan_add_keyring(plan);
	plan_add_tty(plan, 24, 80);
	plan_add_rlimit(plan, 7, 64, UINT64_MAX);
	plan_add_oom_score(plan, -17);
	plan_add_bounding(plan, 0x21);
	plan_add_user(plan, 1000, 100, groups, 2, true);
	plan_add_capabilities(plan, 0x3, 0x1);
	plan_add_chdir(plan, "/work dir");
	plan_add_no_new_privileges(plan);
	plan_add_seccomp(plan, "default", &allow, 1, 0, true);
	plan_add_environment(plan, environment);
	plan_add_exec(plan, "sh", "/bin", argv);
	return plan;
}

static const char *const phrases[] = {
	"cut mount propagation",
	"mount devpts on /dev/pts (nosuid,noexec) with mode=755,newinstance",
	"bind /srv on /data (ro) with what is mounted below",
	"unmount what is on /mnt",
	"set ro,nodev on / and what is mounted below",
	"make directory /proc, mode 0555",
	"make what follows as uid 100000, gid 100005",
	"make file /etc/hosts",
	"link /dev/ptmx to pts/ptmx",
	"make device /dev/null, 1:3",
	"bind device /dev/kvm, 10:232, on /dev/virtual",
	"make /proc/sys read-only",
	"mask /proc/kcore",
	"take /srv/root as the root",
	"pivot into the root and detach the old one",
	"enter namespaces pid,mount",
	"enter the cgroups that were made meanwhile",
	"make new namespaces cgroup",
	"set the host name berth",
	"bring up the loopback interface",
	"die with the parent",
	"wait for a command",
	"fork: PID 1 stays as init",
	"start a session",
	"leave the caller's session keyring for a new one",
	"open a terminal of 24 x 80",
	"set resource limit 7 to 64:18446744073709551615",
	"set oom_score_adj to -17",
	"limit capabilities to 0x21",
	"become uid 1000, gid 100, groups 4,27",
	"take capabilities 0x3, ambient 0x1",
	"change directory to /work dir",
	"gain no privileges by exec (no_new_privs)",
	"load the seccomp filter default, 1 instructions, right before the command",
	"take an environment of 2 variables",
	"execute sh -c  exit 3",
};

Test(plan_describe, says_every_operation)
{
	cleanup_plan struct plan *plan = plan_of_everything();
	cr_assert_eq(plan_count(plan), PLAN_OP_COUNT, "an operation is not in this test");
	cr_assert_eq(sizeof phrases / sizeof *phrases, PLAN_OP_COUNT);
	for (size_t i = 0; i < PLAN_OP_COUNT; i++) {
		char text[256];
		cr_expect_eq(plan_op(plan, i), (enum plan_op)i);
		plan_describe(plan, i, text, sizeof text);
		cr_expect_str_eq(text, phrases[i]);
	}
}

Test(plan_describe, keeps_the_values_of_the_environment_to_itself)
{
	cleanup_plan struct plan *plan = plan_of_everything();
	for (size_t i = 0; i < plan_count(plan); i++) {
		char text[256];
		plan_describe(plan, i, text, sizeof text);
		cr_expect_null(strstr(text, "hunter2"), "%s", text);
	}
}

Test(plan_describe, is_cut_at_any_size_and_writes_nothing_behind)
{
	cleanup_plan struct plan *plan = plan_of_everything();
	for (size_t i = 0; i < plan_count(plan); i++) {
		for (size_t size = 1; size <= strlen(phrases[i]) + 2; size++) {
			char text[256];
			memset(text, '#', sizeof text);
			plan_describe(plan, i, text, size);
			cr_assert_lt(strnlen(text, size), size, "step %zu at %zu is not terminated", i, size);
			cr_assert_eq(strncmp(text, phrases[i], size - 1), 0, "step %zu at %zu: %s", i, size, text);
			for (size_t j = size; j < sizeof text; j++)
				cr_assert_eq(text[j], '#', "step %zu at %zu wrote at %zu", i, size, j);
		}
	}
}

Test(plan_describe, says_the_other_forms)
{
	cleanup_plan struct plan *plan = plan_new();
	char text[128];
	plan_add_fork(plan, true);
	plan_add_user(plan, 0, 0, NULL, 0, false);
	plan_add_mount(plan, true, "proc", "/proc", 0, NULL);
	plan_add_bind(plan, false, "/a", "/b", 0, false);
	static const char *const expected[] = {"fork: the parent waits for the command", "become uid 0, gid 0",
					       "mount proc on /proc", "bind /a on /b"};
	for (size_t i = 0; i < plan_count(plan); i++) {
		plan_describe(plan, i, text, sizeof text);
		cr_expect_str_eq(text, expected[i]);
	}
}
