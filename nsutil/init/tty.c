/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "nsutil/init/init.h"

#ifndef TIOCGPTPEER
#define TIOCGPTPEER _IO('T', 0x41)
#endif

/*
 * The terminal comes from the container's own devpts, so nothing inside ever holds a descriptor of one of the host's;
 * the parent gets its master side. ioctl_tty(2)
 */
int step_tty(struct init *init, const struct plan_step *step)
{
	cleanup_fd int master = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (master < 0)
		return -errno;
	int unlock = 0;
	struct winsize size = {.ws_row = (unsigned short)step->n[0], .ws_col = (unsigned short)step->n[1]};
	if (ioctl(master, TIOCSPTLCK, &unlock) < 0 || ioctl(master, TIOCSWINSZ, &size) < 0)
		return -errno;
	cleanup_fd int terminal = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (terminal < 0 || ioctl(terminal, TIOCSCTTY, 0) < 0)
		return -errno;
	for (int fd = 0; fd < 3; fd++)
		if (dup2(terminal, fd) < 0)
			return -errno;
	return report(init, PLAN_REPORT_TTY, 0, master);
}
