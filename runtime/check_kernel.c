/* SPDX-License-Identifier: Apache-2.0 */
/* System calls that every launch makes, and the namespaces. */
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/filter.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "nsutil/base/file.h"
#include "runtime/check.h"

static const char newer_kernel[] = "boot a newer kernel (Linux 5.14 or later)";

enum { QUICK = CLONE_VM | CLONE_VFORK };

static int return_zero(void *argument)
{
	(void)argument;
	return 0;
}

/* ---- Calls. Each sets *call to what it tried last, and returns 0 or -errno. ---- */

static int use_pidfd(const struct trial *trial, const char **call)
{
	siginfo_t info;
	*call = "clone with CLONE_PIDFD";
	if (trial->pidfd < 0)
		return -ENOSYS;
	struct pollfd ended = {.fd = trial->pidfd, .events = POLLIN};
	*call = "poll of a pidfd";
	int ready = poll(&ended, 1, TRIAL_TIMEOUT_MS);
	if (ready != 1)
		return ready == 0 ? -ETIMEDOUT : -errno;
	*call = "waitid of a pidfd";
	return waitid(P_PIDFD, (id_t)trial->pidfd, &info, WEXITED | WNOWAIT | __WALL) < 0 ? -errno : 0;
}

static int try_pidfd(const char **call)
{
	struct trial trial;
	*call = "clone";
	int code = trial_start(&(struct trial_options){.flags = QUICK}, return_zero, NULL, &trial);
	if (code < 0)
		return code;
	code = use_pidfd(&trial, call);
	trial_end(&trial, TRIAL_TIMEOUT_MS);
	if (code < 0)
		return code;
	*call = "pidfd_open";
	cleanup_fd int self = pidfd_open(getpid(), 0);
	if (self < 0)
		return -errno;
	*call = "pidfd_send_signal";
	return pidfd_send_signal(self, 0, NULL, 0) < 0 ? -errno : 0;
}

static int try_openat2(const char **call)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	*call = "openat2 with RESOLVE_IN_ROOT";
	cleanup_fd int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return -errno;
	/* EAGAIN: while ".." was resolved something was mounted or renamed on the machine, never mind where. */
	for (int tries = 0; tries < 1000; tries++) {
		cleanup_fd int inside = (int)syscall(SYS_openat2, root, "../..", &how, sizeof how);
		if (inside >= 0)
			return 0;
		if (errno != EAGAIN)
			return -errno;
	}
	return -EAGAIN;
}

static int try_close_range(const char **call)
{
	*call = "close_range with CLOSE_RANGE_CLOEXEC";
	/* No descriptor has that number. */
	return syscall(SYS_close_range, ~0U, ~0U, CLOSE_RANGE_CLOEXEC) < 0 ? -errno : 0;
}

static const struct {
	const char *name;
	int (*run)(const char **call);
	const char *passed;
} calls[] = {
	{"pidfd", try_pidfd, "processes can be signalled and waited for by descriptor"},
	{"openat2", try_openat2, "paths can be resolved without leaving a root"},
	{"close-range", try_close_range, "descriptors can be kept from leaking into containers"},
};

static void check_clone3(struct check *check)
{
	int code = trial_run(&(struct trial_options){.flags = QUICK, .clone3 = true}, return_zero, NULL);
	if (code == 0)
		check_tell(check, "clone3", BERTH_PASS, NULL, "processes are cloned with clone3");
	else
		check_tell(check, "clone3", BERTH_WARN, check_remedy(code, newer_kernel),
			   "clone3: %s: launches use clone, and enter cgroups after it", strerrordesc_np(-code));
}

/* ---- init ---- */

struct init_trial {
	int fd;
	int error; /* of the exec, which returns only when it failed */
};

/* Without a plan on its descriptors init ends at once, silently, with 125. */
__attribute__((no_sanitize("address", "undefined"))) static int exec_init(void *argument)
{
	struct init_trial *init = argument;
	char name[] = "berth-init";
	char *const argv[] = {name, NULL};
	char *const environment[] = {NULL};
	if (syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC) == 0)
		syscall(SYS_execveat, init->fd, "", argv, environment, AT_EMPTY_PATH);
	init->error = errno;
	return 1;
}

static void check_init(struct check *check)
{
	static const char name[] = "init-exec";
	static const char remedy[] = "let programs in memory files be executed: sysctl vm.memfd_noexec=0, or a rule of "
				     "the security module";
	struct init_trial init = {.fd = check->berth->init_fd};
	int status = trial_run(&(struct trial_options){.flags = QUICK}, exec_init, &init);
	int code = status < 0 ? -status : init.error;
	if (code)
		check_tell(check, name, BERTH_FAIL, code == ENOSYS ? newer_kernel : remedy,
			   "execute init from its memfd: %s", strerrordesc_np(code));
	else if (status != ERROR_STATUS_FAILED)
		check_tell(check, name, BERTH_FAIL,
			   "install berth anew, built for this machine; dmesg may tell what killed it",
			   "init, executed from its memfd, ended with status %d instead of %d", status,
			   ERROR_STATUS_FAILED);
	else
		check_tell(check, name, BERTH_PASS, NULL, "init can be executed from a sealed memfd");
}

/* ---- Seccomp ---- */

/* Loads a filter as commands get theirs. 0, or an errno. */
__attribute__((no_sanitize("address", "undefined"))) static int load_filter(void *argument)
{
	(void)argument;
	/* getppid, which cannot fail, is to give an error that no kernel would. */
	enum { ODD = EXFULL };
	struct sock_filter filters[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ODD),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof filters / sizeof *filters, filters};
	if (syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
		return errno;
	return syscall(SYS_getppid) == -1 && errno == ODD ? 0 : ENOSYS;
}

static void check_seccomp(struct check *check)
{
	static const char name[] = "seccomp";
	int result = trial_run(&(struct trial_options){.flags = QUICK}, load_filter, NULL);
	int code = result < 0 ? -result : result;
	if (code == 0)
		check_tell(check, name, BERTH_PASS, NULL, "system calls can be filtered");
	else
		check_tell(
			check, name, BERTH_FAIL,
			"boot a kernel built with CONFIG_SECCOMP_FILTER=y, or lift the system call filter that hides "
			"seccomp; --seccomp unconfined does without",
			"load a filter of system calls: %s", strerrordesc_np(code));
}

void check_kernel(struct check *check)
{
	check_clone3(check);
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
		const char *call = NULL;
		int code = calls[i].run(&call);
		if (code == 0)
			check_tell(check, calls[i].name, BERTH_PASS, NULL, "%s", calls[i].passed);
		else
			check_tell(check, calls[i].name, BERTH_FAIL, check_remedy(-code, newer_kernel), "%s: %s", call,
				   strerrordesc_np(-code));
	}
	check_init(check);
	check_seccomp(check);
}

/* ---- Namespaces ---- */

static const struct {
	const char *name;
	uint64_t flag;
	enum berth_verdict missing;
	const char *what;
	const char *option; /* of the kernel's build */
	const char *limit;  /* below /proc/sys/user */
} namespaces[] = {
	{"pid-namespace", CLONE_NEWPID, BERTH_FAIL, "PID", "CONFIG_PID_NS", "max_pid_namespaces"},
	{"mount-namespace", CLONE_NEWNS, BERTH_FAIL, "mount", "CONFIG_NAMESPACES", "max_mnt_namespaces"},
	{"uts-namespace", CLONE_NEWUTS, BERTH_FAIL, "UTS", "CONFIG_UTS_NS", "max_uts_namespaces"},
	{"ipc-namespace", CLONE_NEWIPC, BERTH_FAIL, "IPC", "CONFIG_IPC_NS", "max_ipc_namespaces"},
	{"net-namespace", CLONE_NEWNET, BERTH_FAIL, "network", "CONFIG_NET_NS", "max_net_namespaces"},
	{"user-namespace", CLONE_NEWUSER, BERTH_WARN, "user", "CONFIG_USER_NS", "max_user_namespaces"},
	{"cgroup-namespace", CLONE_NEWCGROUP, BERTH_FAIL, "cgroup", "CONFIG_CGROUPS", "max_cgroup_namespaces"},
};

/* In a PID namespace of its own, whether it really is. */
__attribute__((no_sanitize("address", "undefined"))) static int is_first(void *argument)
{
	(void)argument;
	return syscall(SYS_getpid) == 1 ? 0 : ENOSYS;
}

void check_namespaces(struct check *check)
{
	for (size_t i = 0; i < sizeof namespaces / sizeof *namespaces; i++) {
		if (!check->privileged) {
			check_skip(check, namespaces[i].name);
			continue;
		}
		bool pid = namespaces[i].flag == CLONE_NEWPID;
		struct trial_options options = {.flags = QUICK | namespaces[i].flag};
		int result = trial_run(&options, pid ? is_first : return_zero, NULL);
		int code = result < 0 ? -result : result;
		if (code == 0) {
			check_tell(check, namespaces[i].name, BERTH_PASS, NULL,
				   "a process was cloned into a new %s "
				   "namespace",
				   namespaces[i].what);
			continue;
		}
		char remedy[160];
		/* How many a user may have; EUSERS was what the kernel said before Linux 4.9. user_namespaces(7) */
		if (code == ENOSPC || code == EUSERS)
			snprintf(remedy, sizeof remedy, "raise the limit: sysctl user.%s=10000", namespaces[i].limit);
		else
			snprintf(remedy, sizeof remedy, "boot a kernel built with %s=y", namespaces[i].option);
		check_tell(check, namespaces[i].name, namespaces[i].missing, check_remedy(code, remedy),
			   "clone into a new %s namespace: %s", namespaces[i].what, strerrordesc_np(code));
	}
}
