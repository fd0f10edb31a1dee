/* SPDX-License-Identifier: Apache-2.0 */
#include "nsutil/base/footprint.h"

#include <errno.h>
#include <link.h>
#include <malloc.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { SEGMENTS = 32, FRAME_BYTES = 1024, STACK_BYTES = 256 << 10 };

/* Whole pages, mapped from files, that can't be written to. */
struct segments {
	uintptr_t page;
	struct {
		uintptr_t begin, length;
	} list[SEGMENTS];
	int count;
};

/* Those of one program or shared object. */
static int segments_add(struct dl_phdr_info *object, size_t size, void *data)
{
	(void)size;
	struct segments *segments = data;
	for (int i = 0; i < object->dlpi_phnum && segments->count < SEGMENTS; i++) {
		const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
		if (segment->p_type != PT_LOAD || segment->p_flags & PF_W)
			continue;
		/* The last page may be shared with what is written to. */
		uintptr_t begin = object->dlpi_addr + segment->p_vaddr;
		uintptr_t end = (begin + segment->p_memsz) & ~(segments->page - 1);
		begin &= ~(segments->page - 1);
		if (end > begin) {
			segments->list[segments->count].begin = begin;
			segments->list[segments->count++].length = end - begin;
		}
	}
	return 0;
}

/* syscall(2) itself would be one more piece of code to have in memory. */
static inline __attribute__((always_inline)) long call(long number, long a, long b, long c, long d)
{
#if defined(__x86_64__)
	long result;
	register long fourth __asm__("r10") = d;
	register long fifth __asm__("r8") = 0;
	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth), "r"(fifth)
			 : "rcx", "r11", "memory");
	return result;
#else
	long result = syscall(number, a, b, c, d, 0);
	return result < 0 ? -errno : result;
#endif
}

/*
 * All that runs until there is something to do: the kernel maps the code around the place where it faults along with it
 * (64 KiB), so it had better be one place.
 */
static __attribute__((noinline)) long drop_and_poll(const struct segments *segments, struct pollfd *polls, nfds_t count,
						    const struct timespec *timeout)
{
	/* What deeper calls have left behind on the stack. Below the frame there is nothing of this one's. */
	uintptr_t frame = ((uintptr_t)__builtin_frame_address(0) - FRAME_BYTES) & ~(segments->page - 1);
	call(SYS_madvise, (long)(frame - STACK_BYTES), STACK_BYTES, MADV_DONTNEED, 0);
	/* The vDSO is no file and refuses: nothing is lost. */
	for (int i = 0; i < segments->count; i++)
		call(SYS_madvise, (long)segments->list[i].begin, (long)segments->list[i].length, MADV_DONTNEED, 0);
	return call(SYS_ppoll, (long)polls, (long)count, (long)timeout, 0);
}

int footprint_poll(struct pollfd *polls, nfds_t count, int timeout_ms)
{
	struct segments segments = {.page = (uintptr_t)sysconf(_SC_PAGESIZE)};
	struct timespec timeout = {.tv_sec = timeout_ms / 1000, .tv_nsec = timeout_ms % 1000 * 1000000L};
	malloc_trim(0);
	dl_iterate_phdr(segments_add, &segments);
	long ready = drop_and_poll(&segments, polls, count, timeout_ms < 0 ? NULL : &timeout);
	if (ready < 0)
		errno = (int)-ready;
	return ready < 0 ? -1 : (int)ready;
}
