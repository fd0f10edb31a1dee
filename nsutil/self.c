/* SPDX-License-Identifier: Apache-2.0 */
#include "nsutil/self.h"

#include <sys/mman.h>
#include <sys/pidfd.h>
#include <unistd.h>

enum { PAGE_BYTES = 4096 };

void self_open(struct self *self)
{
	void *page = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	*self = (struct self)SELF_NONE;
	if (page == MAP_FAILED)
		return;
	self->page = page;
	/* By its pid a process can't be told from one in another PID namespace. */
	if (madvise(page, PAGE_BYTES, MADV_WIPEONFORK) < 0)
		return;
	*self->page = 1;
	self->pidfd = pidfd_open(getpid(), 0);
}

void self_close(struct self *self)
{
	if (self->page)
		munmap(self->page, PAGE_BYTES);
	if (self->pidfd >= 0)
		close(self->pidfd);
	*self = (struct self)SELF_NONE;
}

bool self_is_this(const struct self *self)
{
	return self->page && *self->page;
}

int self_pidfd(const struct self *self)
{
	return self_is_this(self) ? self->pidfd : -1;
}
