/* SPDX-License-Identifier: Apache-2.0 */
#include "nsutil/base/footprint.h"

#include <link.h>
#include <malloc.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

/* Of one program or shared object: what can't be written to is as it is in its file. */
static int segments_drop(struct dl_phdr_info *object, size_t size, void *data)
{
	(void)size;
	const uintptr_t page = *(const uintptr_t *)data;
	for (int i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
		if (segment->p_type != PT_LOAD || segment->p_flags & PF_W)
			continue;
		/* Whole pages: the last may be shared with what is written to. */
		uintptr_t begin = object->dlpi_addr + segment->p_vaddr;
		uintptr_t end = (begin + segment->p_memsz) & ~(page - 1);
		begin &= ~(page - 1);
		/* The vDSO's is no file's and refuses: nothing is lost. */
		if (end > begin)
			madvise((void *)begin, end - begin, MADV_DONTNEED);
	}
	return 0;
}

void footprint_trim(void)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	malloc_trim(0);
	dl_iterate_phdr(segments_drop, &page);
}
