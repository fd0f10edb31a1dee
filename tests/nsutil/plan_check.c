/* SPDX-License-Identifier: Apache-2.0 */
/* What init accepts as a plan: nothing a reader follows may lie outside it. */
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "tests/nsutil/fixture.h"

enum { ROOM = 8192 };

/* A plan of a few steps whose end lies at the end of a page, with an unreadable one behind: an overrun is a crash. */
struct specimen {
	char *area, *data;
	size_t size;
};

static struct specimen specimen_make(void)
{
	static const char *const options[] = {"mode=755", "", "size=64k", NULL};
	static const char *const argv[] = {"true", "", "last", NULL};
	static const struct sock_filter filters[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	static const gid_t groups[] = {4, 5, 6};
	cleanup_plan struct plan *plan = plan_new();
	plan_add_private(plan);
	plan_add_mount(plan, true, "tmpfs", "/dev", 1, options);
	plan_add_mkdir(plan, true, "/proc", 0555);
	plan_add_seccomp(plan, "two", filters, 2, 0, false);
	plan_add_user(plan, 1, 2, groups, 3, false);
	plan_add_exec(plan, "true", "/bin", argv);
	struct error error;
	cleanup_fd int fd = plan_seal(plan, &error);
	cr_assert_geq(fd, 0, "%s", error.text);
	static char bytes[ROOM];
	ssize_t size = pread(fd, bytes, sizeof bytes, 0);
	cr_assert(size > 0 && size < ROOM - 8);
	/* Filled up with NULs to a whole number of words, for the start to be aligned when the end is. */
	struct plan_header *header = (void *)bytes;
	while (size % 8) {
		bytes[size++] = '\0';
		header->string_size++;
		header->size++;
	}
	struct specimen made = {.size = (size_t)size};
	made.area = mmap(NULL, 2 * ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	cr_assert_neq((void *)made.area, MAP_FAILED);
	cr_assert_eq(mprotect(made.area + ROOM, ROOM, PROT_NONE), 0);
	made.data = made.area + ROOM - size;
	memcpy(made.data, bytes, made.size);
	cr_assert_eq(plan_check(made.data, made.size), 0, "the plan is refused before it is damaged");
	return made;
}

static struct plan_header *header_of(const struct specimen *specimen)
{
	return (void *)specimen->data;
}

static struct plan_step *step_of(const struct specimen *specimen, size_t i)
{
	return (struct plan_step *)plan_steps(header_of(specimen)) + i;
}

/* Damages one field, expects refusal, heals it. */
#define expect_refused(field, value)                                                                                   \
	do {                                                                                                           \
		__auto_type saved_ = (field);                                                                          \
		(field) = (__typeof__(field))(value);                                                                  \
		cr_expect_eq(plan_check(specimen.data, specimen.size), -EINVAL, "accepted with " #field " = " #value); \
		(field) = saved_;                                                                                      \
		cr_assert_eq(plan_check(specimen.data, specimen.size), 0);                                             \
	} while (0)

Test(plan_check, refuses_a_damaged_header)
{
	struct specimen specimen = specimen_make();
	struct plan_header *header = header_of(&specimen);
	expect_refused(header->magic, 0);
	expect_refused(header->magic, header->magic + 1);
	expect_refused(header->version, 0);
	expect_refused(header->version, PLAN_VERSION + 1);
	expect_refused(header->size, 0);
	expect_refused(header->size, header->size - 1);
	expect_refused(header->size, header->size + 1);
	expect_refused(header->n_steps, 0);
	expect_refused(header->n_steps, header->n_steps - 1);
	expect_refused(header->n_steps, header->n_steps + 1);
	expect_refused(header->n_steps, UINT32_MAX);
	/* As many as make the product of 32 bits small again. */
	expect_refused(header->n_steps, 0x55555560);
	expect_refused(header->string_size, 0);
	expect_refused(header->string_size, header->string_size - 1);
	expect_refused(header->string_size, header->string_size + 1);
	expect_refused(header->string_size, UINT32_MAX);
	expect_refused(header->timed, 2);
	/* A step to fail with no error would be left out without a word. */
	expect_refused(header->fail_step, 1);
	header->fail_step = 1;
	header->fail_error = 5;
	cr_expect_eq(plan_check(specimen.data, specimen.size), 0);
	expect_refused(header->fail_error, 0);
	expect_refused(header->fail_error, 0xfffffffb);
}

Test(plan_check, refuses_damaged_steps)
{
	struct specimen specimen = specimen_make();
	uint32_t string_size = header_of(&specimen)->string_size;
	for (size_t i = 0; i < header_of(&specimen)->n_steps; i++) {
		struct plan_step *step = step_of(&specimen, i);
		expect_refused(step->op, PLAN_OP_COUNT);
		expect_refused(step->op, UINT16_MAX);
		expect_refused(step->text, string_size);
		expect_refused(step->text, UINT32_MAX);
		expect_refused(step->text2, string_size);
		expect_refused(step->text2, UINT32_MAX);
		expect_refused(step->list_count, UINT32_MAX);
		expect_refused(step->list_count, string_size + 1);
		expect_refused(step->reserved, 1);
		expect_refused(step->flags, 0x8000);
		if (step->list_count) {
			expect_refused(step->list, string_size);
			expect_refused(step->list, UINT32_MAX);
			expect_refused(step->list, string_size - 1);
		}
	}
}

/* What is to be done inside a mount held needs one that is held by then. */
Test(plan_check, refuses_damaged_holds)
{
	struct specimen specimen = specimen_make();
	struct plan_step *mount = step_of(&specimen, 1), *inside = step_of(&specimen, 2);
	expect_refused(inside->flags, PLAN_IN_ROOT | PLAN_IN_HELD);
	expect_refused(inside->flags, PLAN_IN_ROOT | PLAN_HOLD);
	mount->flags |= PLAN_HOLD;
	cr_assert_eq(plan_check(specimen.data, specimen.size), 0);
	inside->flags |= PLAN_IN_HELD;
	cr_assert_eq(plan_check(specimen.data, specimen.size), 0);
	expect_refused(mount->flags, PLAN_IN_ROOT);
	expect_refused(inside->flags, PLAN_IN_HELD);
}

/* A filter is no string: its length is told, and must lie inside. */
Test(plan_check, refuses_damaged_filters)
{
	struct specimen specimen = specimen_make();
	struct plan_step *step = step_of(&specimen, 3);
	cr_assert_eq(step->op, PLAN_SECCOMP);
	expect_refused(step->n[0], 0);
	expect_refused(step->n[0], 1);
	expect_refused(step->n[0], 12);
	expect_refused(step->n[0], 8 * 4097);
	expect_refused(step->n[0], UINT64_MAX - 7);
	expect_refused(step->n[0], header_of(&specimen)->string_size / 8 * 8 + 8);
	expect_refused(step->n[1], 1ULL << 32);
	expect_refused(step->text, header_of(&specimen)->string_size - 8);
	/* Filters are used where they lie. */
	expect_refused(step->text, step->text - 4);
}

Test(plan_check, refuses_damaged_groups)
{
	struct specimen specimen = specimen_make();
	struct plan_step *step = step_of(&specimen, 4);
	cr_assert_eq(step->op, PLAN_USER);
	expect_refused(step->n[2], 65537);
	expect_refused(step->n[2], UINT64_MAX);
	expect_refused(step->n[2], 1ULL << 62 | 1);
	expect_refused(step->n[2], header_of(&specimen)->string_size / sizeof(gid_t));
	expect_refused(step->text, header_of(&specimen)->string_size - 8);
	expect_refused(step->text, step->text + 4);
}

Test(plan_check, refuses_strings_without_an_end)
{
	struct specimen specimen = specimen_make();
	char *strings = (char *)plan_text(header_of(&specimen), 0);
	expect_refused(strings[0], 'x');
	expect_refused(strings[header_of(&specimen)->string_size - 1], 'x');
}

Test(plan_check, wants_exec_at_the_end_and_only_there)
{
	struct specimen specimen = specimen_make();
	expect_refused(step_of(&specimen, 0)->op, PLAN_EXEC);
	expect_refused(step_of(&specimen, 0)->op, PLAN_AWAIT);
	expect_refused(step_of(&specimen, header_of(&specimen)->n_steps - 1)->op, PLAN_CHDIR);
}

Test(plan_check, refuses_every_part_of_a_plan)
{
	struct specimen specimen = specimen_make();
	for (size_t size = 0; size < specimen.size; size++) {
		cr_expect_eq(plan_check(specimen.data, size), -EINVAL, "accepted %zu of %zu bytes", size,
			     specimen.size);
		/* And where the header says so itself; the bytes behind are there, so only the layout can be wrong. */
		uint32_t saved = header_of(&specimen)->size;
		header_of(&specimen)->size = (uint32_t)size;
		cr_expect_eq(plan_check(specimen.data, size), -EINVAL, "accepted a plan that says it has %zu bytes",
			     size);
		header_of(&specimen)->size = saved;
	}
}

/* What init does with a plan that was accepted: reads all of it. Returns something that depends on each byte read. */
static size_t read_all(const struct plan_header *plan)
{
	size_t sum = 0;
	for (uint32_t i = 0; i < plan->n_steps; i++) {
		const struct plan_step *step = &plan_steps(plan)[i];
		uint64_t bytes = step->op == PLAN_SECCOMP ? step->n[0] : 0;
		if (step->op == PLAN_USER)
			bytes = step->n[2] * sizeof(gid_t);
		for (uint64_t j = 0; j < bytes; j++)
			sum += (unsigned char)plan_text(plan, step->text)[j];
		sum += strlen(plan_text(plan, step->text)) + strlen(plan_text(plan, step->text2));
		const char *text = plan_text(plan, step->list);
		for (uint32_t j = 0; j < step->list_count; j++) {
			sum += strlen(text);
			text += strlen(text) + 1;
		}
	}
	return sum;
}

/* Random damage, from a fixed seed: whatever is accepted can be read to its end. */
Test(plan_check, what_it_accepts_can_be_read)
{
	struct specimen specimen = specimen_make();
	cleanup_free char *whole = malloc(specimen.size);
	memcpy(whole, specimen.data, specimen.size);
	unsigned int seed = 20240229, accepted = 0, refused = 0;
	for (int round = 0; round < 200000; round++) {
		int changes = 1 + rand_r(&seed) % 4;
		for (int i = 0; i < changes; i++) {
			size_t at = (size_t)rand_r(&seed) % specimen.size;
			/* Small numbers are more often nearly right. */
			specimen.data[at] = (char)(rand_r(&seed) % (i % 2 ? 256 : 16));
		}
		if (plan_check(specimen.data, specimen.size) == 0) {
			accepted++;
			read_all(header_of(&specimen));
		} else {
			refused++;
		}
		memcpy(specimen.data, whole, specimen.size);
	}
	cr_expect_gt(accepted, 1000, "the damage was always too great to say anything");
	cr_expect_gt(refused, 1000, "the damage was never great enough to say anything");
}
