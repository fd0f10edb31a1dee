/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "nsutil/carry/carry.h"

#ifndef TIOCGPTPEER
#define TIOCGPTPEER _IO('T', 0x41)
#endif

/* Whose the command will be. */
static uid_t user_of(const struct plan_view *plan)
{
	for (uint32_t i = 0; i < plan->n_steps; i++)
		if (plan->steps[i].op == PLAN_USER)
			return (uid_t)plan->steps[i].n[0];
	return 0;
}

/*
 * The terminal comes from the container's own devpts, so nothing inside ever holds a descriptor of one of the host's;
 * the parent gets its master side. ioctl_tty(2)
 */
int step_tty(struct carrier *carrier, const struct plan_step *step)
{
	cleanup_fd int master = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (master < 0)
		return -errno;
	int unlock = 0;
	struct winsize size = {.ws_row = (unsigned short)step->n[0], .ws_col = (unsigned short)step->n[1]};
	if (ioctl(master, TIOCSPTLCK, &unlock) < 0 || ioctl(master, TIOCSWINSZ, &size) < 0)
		return -errno;
	cleanup_fd int terminal = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	/* It is its user's, as login(1) has it, who may then open it anew: /dev/stderr for one. */
	if (terminal < 0 || ioctl(terminal, TIOCSCTTY, 0) < 0 ||
	    fchown(terminal, user_of(&carrier->plan), (gid_t)-1) < 0)
		return -errno;
	for (int fd = 0; fd < 3; fd++)
		if (dup2(terminal, fd) < 0)
			return -errno;
	return carry_report(carrier, PLAN_REPORT_TTY, 0, master);
}
