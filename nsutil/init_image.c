/* SPDX-License-Identifier: Apache-2.0 */
#include "nsutil/init_image.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U /* Linux 6.3 */
#endif

/* init_image.S */
extern const unsigned char init_image_start[] __attribute__((visibility("hidden")));
extern const unsigned char init_image_end[] __attribute__((visibility("hidden")));

int image_open(const char *name, const unsigned char *start, const unsigned char *end, struct error *error)
{
	const unsigned int flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	/* Where vm.memfd_noexec is set a memfd must say that it will be executed; older kernels don't know the word. */
	cleanup_fd int fd = memfd_create(name, flags | MFD_EXEC);
	if (fd < 0 && errno == EINVAL)
		fd = memfd_create(name, flags);
	if (fd < 0)
		return error_errno(error, errno, "make a memfd for %s", name);
	size_t size = (size_t)(end - start);
	ssize_t written = write(fd, start, size);
	if (written < 0 || (size_t)written != size)
		return error_errno(error, written < 0 ? errno : ENOSPC, "write %s into a memfd", name);
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return error_errno(error, errno, "seal the memfd of %s", name);
	return steal_fd(&fd);
}

int init_image_open(struct error *error)
{
	return image_open("berth-init", init_image_start, init_image_end, error);
}
