/* SPDX-License-Identifier: Apache-2.0 */
/* The two memfds a process is started from: whole, sealed against every change, close-on-exec. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "nsutil/init_image.h"
#include "tests/nsutil/fixture.h"

static int open_plan(void)
{
	cleanup_plan struct plan *plan = PLAN_OF("true", "argument");
	struct error error;
	int fd = plan_seal(plan, &error);
	cr_assert_geq(fd, 0, "%s", error.text);
	return fd;
}

static int open_init(void)
{
	struct error error;
	int fd = init_image_open(&error);
	cr_assert_geq(fd, 0, "%s", error.text);
	return fd;
}

/* By number: each test runs in a program of its own, where functions may lie elsewhere. */
static int (*const sources[])(void) = {open_plan, open_init};

ParameterizedTestParameters(memfds, cannot_be_changed)
{
	static int numbers[] = {0, 1};
	return cr_make_param_array(int, numbers, sizeof numbers / sizeof *numbers);
}

ParameterizedTest(int *number, memfds, cannot_be_changed)
{
	cleanup_fd int fd = sources[*number]();
	struct stat before, after;
	cr_assert_eq(fstat(fd, &before), 0);
	cr_assert_gt(before.st_size, 0);
	cr_expect(write(fd, "x", 1) < 0 && errno == EPERM, "write: %s", strerror(errno));
	cr_expect(pwrite(fd, "x", 1, 0) < 0 && errno == EPERM, "pwrite: %s", strerror(errno));
	cr_expect(ftruncate(fd, 0) < 0 && errno == EPERM, "shrink: %s", strerror(errno));
	cr_expect(ftruncate(fd, before.st_size + 1) < 0 && errno == EPERM, "grow: %s", strerror(errno));
	cr_expect(fallocate(fd, 0, before.st_size, 4096) < 0 && errno == EPERM, "fallocate: %s", strerror(errno));
	cr_expect(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096) < 0 && errno == EPERM, "punch: %s",
		  strerror(errno));
	cr_expect_eq(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
	cr_expect(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE) < 0 && errno == EPERM, "seals can be added");
	/* Nor by way of /proc, where the memfd can be opened anew. */
	char path[64];
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	cleanup_fd int again = open(path, O_RDWR | O_CLOEXEC);
	cr_expect(again < 0 || write(again, "x", 1) < 0, "it can be written when opened anew");
	cr_assert_eq(fstat(fd, &after), 0);
	cr_expect_eq(before.st_size, after.st_size);
	cr_expect_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
}

Test(memfds, the_plan_is_readable_and_well_formed)
{
	cleanup_fd int fd = open_plan();
	_Alignas(8) char bytes[4096];
	ssize_t size = pread(fd, bytes, sizeof bytes, 0);
	cr_assert_gt(size, 0);
	cr_expect_eq(plan_check(bytes, (size_t)size), 0);
}

/* As small as it should be, and bound to nothing: no interpreter, no shared library. */
Test(memfds, init_is_a_static_program)
{
	cleanup_fd int fd = open_init();
	struct stat status;
	cr_assert_eq(fstat(fd, &status), 0);
	cr_expect_lt(status.st_size, 256 << 10);
	void *data = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	cr_assert_neq(data, MAP_FAILED);
	const Elf64_Ehdr *elf = data;
	cr_assert_eq(memcmp(elf->e_ident, ELFMAG, SELFMAG), 0);
	const Elf64_Phdr *program = (const void *)((const char *)data + elf->e_phoff);
	for (int i = 0; i < elf->e_phnum; i++) {
		cr_expect_neq(program[i].p_type, (Elf64_Word)PT_INTERP);
		cr_expect(program[i].p_type != PT_GNU_STACK || !(program[i].p_flags & PF_X), "its stack is executable");
	}
}

Test(memfds, each_call_gives_an_image_of_its_own)
{
	cleanup_fd int one = open_init();
	cleanup_fd int two = open_init();
	struct stat first, second;
	cr_assert(fstat(one, &first) == 0 && fstat(two, &second) == 0);
	cr_expect_neq(first.st_ino, second.st_ino);
	cr_expect_eq(first.st_size, second.st_size);
}
