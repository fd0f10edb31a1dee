/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "nsutil/carry/carry.h"

int step_setns(struct carrier *carrier, const struct plan_step *step)
{
	if (setns(carrier->namespaces, (int)step->n[0]) < 0)
		return -errno;
	if (!(step->n[0] & CLONE_NEWUSER))
		return 0;
	/* Until it is somebody whom the namespace knows, it can make no file there. */
	if (syscall(SYS_setresgid, 0, 0, 0) < 0 || syscall(SYS_setresuid, 0, 0, 0) < 0)
		return -errno;
	/* Which a change of user may have undone. PR_SET_DUMPABLE(2const) */
	prctl(PR_SET_DUMPABLE, 0);
	return 0;
}

int step_unshare(struct carrier *carrier, const struct plan_step *step)
{
	(void)carrier;
	return unshare((int)step->n[0]) < 0 ? -errno : 0;
}

int step_hostname(struct carrier *carrier, const struct plan_step *step)
{
	const char *name = step_text(carrier, step);
	return sethostname(name, strlen(name)) < 0 ? -errno : 0;
}

int step_loopback(struct carrier *carrier, const struct plan_step *step)
{
	(void)carrier, (void)step;
	cleanup_fd int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
	return control < 0 || ioctl(control, SIOCSIFFLAGS, &request) < 0 ? -errno : 0;
}

int step_die_with_parent(struct carrier *carrier, const struct plan_step *step)
{
	(void)step;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return -errno;
	/* A parent that died just before would never be noticed: but then its end of the socket is closed. */
	struct pollfd status = {.fd = carrier->status, .events = 0};
	return poll(&status, 1, 0) > 0 && (status.revents & (POLLHUP | POLLERR)) ? -ESRCH : 0;
}

int step_setsid(struct carrier *carrier, const struct plan_step *step)
{
	(void)carrier, (void)step;
	return setsid() < 0 ? -errno : 0;
}

int step_rlimit(struct carrier *carrier, const struct plan_step *step)
{
	(void)carrier;
	struct rlimit limit = {.rlim_cur = step->n[1], .rlim_max = step->n[2]}, now;
	if (step->flags & PLAN_RAISE) {
		if (getrlimit((int)step->n[0], &now) < 0)
			return -errno;
		if (now.rlim_max >= limit.rlim_max)
			return 0;
		limit.rlim_cur = now.rlim_cur;
	}
	return setrlimit((int)step->n[0], &limit) < 0 ? -errno : 0;
}

int step_oom_score(struct carrier *carrier, const struct plan_step *step)
{
	(void)carrier;
	int adjustment = (int)(int64_t)step->n[0], left = adjustment < 0 ? -adjustment : adjustment;
	char text[12], *first = text + sizeof text;
	do
		*--first = (char)('0' + left % 10);
	while ((left /= 10) > 0);
	if (adjustment < 0)
		*--first = '-';
	cleanup_fd int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	return fd < 0 || write(fd, first, (size_t)(text + sizeof text - first)) < 0 ? -errno : 0;
}

int step_bounding(struct carrier *carrier, const struct plan_step *step)
{
	(void)carrier;
	/* EINVAL: the number behind the last capability this kernel has. */
	for (unsigned int capability = 0; capability < 64; capability++)
		if (!(step->n[0] >> capability & 1) && prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0)
			return errno == EINVAL ? 0 : -errno;
	return 0;
}

int step_capabilities(struct carrier *carrier, const struct plan_step *step)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];
	for (int i = 0; i < 2; i++)
		data[i] = (struct __user_cap_data_struct){
			.permitted = (uint32_t)(step->n[0] >> 32 * i),
			.effective = (uint32_t)(step->n[0] >> 32 * i),
			.inheritable = (uint32_t)(step->n[1] >> 32 * i),
		};
	/* A root that keeps all has them already: to find that out takes less than to set them. */
	struct __user_cap_data_struct now[2];
	bool has = !carrier->filtered && syscall(SYS_capget, &header, now) == 0 && memcmp(now, data, sizeof data) == 0;
	if (!has && syscall(SYS_capset, &header, data) < 0)
		return -errno;
	for (unsigned int capability = 0; capability < 64; capability++)
		if (step->n[1] >> capability & 1 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) < 0)
			return -errno;
	return 0;
}

/* The raw calls: a C library's would signal the threads it knows of to do the same. */
int step_user(struct carrier *carrier, const struct plan_step *step)
{
	if (step->flags & PLAN_KEEP_CAPABILITIES && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return -errno;
	gid_t gid = (gid_t)step->n[1];
	uid_t uid = (uid_t)step->n[0];
	bool set_groups = !(step->flags & PLAN_KEEP_GROUPS);
	/* Most who launch have none: to find that out takes less than to set it. */
	if (set_groups && step->n[2] == 0 && !carrier->filtered && syscall(SYS_getgroups, 0, NULL) == 0)
		set_groups = false;
	if ((set_groups && syscall(SYS_setgroups, step->n[2], step_text(carrier, step)) < 0) ||
	    syscall(SYS_setresgid, gid, gid, gid) < 0 || syscall(SYS_setresuid, uid, uid, uid) < 0)
		return -errno;
	/* With fs.suid_dumpable the change may have made this memory dumpable, whoever's it is. proc_sys_fs(5) */
	prctl(PR_SET_DUMPABLE, 0);
	return 0;
}

int step_chdir(struct carrier *carrier, const struct plan_step *step)
{
	/* A directory that lies outside of the root, as one behind /proc/self/fd, has no path. getcwd(2) */
	char path[PATH_MAX];
	if (chdir(step_text(carrier, step)) < 0 || syscall(SYS_getcwd, path, sizeof path) < 0)
		return -errno;
	return path[0] == '/' ? 0 : -ENOENT;
}

int step_keyring(struct carrier *carrier, const struct plan_step *step)
{
	(void)carrier, (void)step;
	return syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 ? -errno : 0;
}

int step_no_new_privileges(struct carrier *carrier, const struct plan_step *step)
{
	(void)carrier, (void)step;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
}
