/* SPDX-License-Identifier: Apache-2.0 */
#include "nsutil/plan.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/mount.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "nsutil/plan_private.h"

enum { STRING_LIMIT = 64 << 20 };

struct plan *plan_new(void)
{
	struct plan *plan = calloc(1, sizeof *plan);
	if (!plan)
		return NULL;
	plan->strings = calloc(1, 1);
	plan->string_size = 1; /* offset 0: the empty string */
	plan->failed = !plan->strings;
	return plan;
}

void plan_free(struct plan *plan)
{
	if (!plan)
		return;
	free(plan->steps);
	free(plan->strings);
	free(plan);
}

/* What a plan of defaults takes, so that it does not grow step by step. */
enum { FIRST_STEPS = 64, FIRST_BYTES = 8192 };

/* Makes room for one more of size bytes, doubling. */
static void *grow(struct plan *plan, void *array, size_t needed, size_t *room, size_t size, size_t first)
{
	if (needed <= *room)
		return array;
	size_t wanted = *room ? *room * 2 : first;
	while (wanted < needed)
		wanted *= 2;
	void *grown = realloc(array, wanted * size);
	if (!grown) {
		plan->failed = true;
		return array;
	}
	*room = wanted;
	return grown;
}

static uint32_t bytes_append(struct plan *plan, const void *bytes, size_t length, size_t alignment)
{
	size_t padding = -plan->string_size % alignment;
	size_t offset = plan->string_size + padding;
	if (plan->failed || offset + length > STRING_LIMIT) {
		plan->failed = true;
		return 0;
	}
	plan->strings = grow(plan, plan->strings, offset + length, &plan->string_room, 1, FIRST_BYTES);
	if (plan->failed)
		return 0;
	memset(plan->strings + plan->string_size, 0, padding);
	memcpy(plan->strings + offset, bytes, length);
	plan->string_size = offset + length;
	return (uint32_t)offset;
}

static uint32_t string_append(struct plan *plan, const char *text)
{
	return bytes_append(plan, text, strlen(text) + 1, 1);
}

/* What is no text; 0 for nothing. */
static uint32_t data_add(struct plan *plan, const void *data, size_t size)
{
	if (size == 0)
		return 0;
	uint32_t offset = bytes_append(plan, data, size, PLAN_ALIGNMENT);
	/* The area must end in a NUL, whatever is added last. */
	string_append(plan, "");
	return offset;
}

static uint32_t string_add(struct plan *plan, const char *text)
{
	return *text ? string_append(plan, text) : 0;
}

/* A list may hold empty strings, so each of its strings is written out. */
static void list_add(struct plan *plan, struct plan_step *step, const char *const *list)
{
	for (size_t i = 0; list && list[i]; i++) {
		uint32_t offset = string_append(plan, list[i]);
		if (i == 0)
			step->list = offset;
		step->list_count++;
	}
}

static void step_add(struct plan *plan, struct plan_step step)
{
	plan->steps = grow(plan, plan->steps, plan->n_steps + 1, &plan->step_room, sizeof *plan->steps, FIRST_STEPS);
	if (!plan->failed)
		plan->steps[plan->n_steps++] = step;
}

static uint16_t root_flag(bool in_root)
{
	return in_root ? PLAN_IN_ROOT : 0;
}

static uint16_t recursive_flag(bool recursive)
{
	return recursive ? PLAN_RECURSIVE : 0;
}

static void flag_last(struct plan *plan, uint16_t flag)
{
	if (!plan->failed)
		plan->steps[plan->n_steps - 1].flags |= flag;
}

void plan_hold(struct plan *plan)
{
	flag_last(plan, PLAN_HOLD);
}

void plan_optional(struct plan *plan)
{
	flag_last(plan, PLAN_OPTIONAL);
}

void plan_in_held(struct plan *plan)
{
	flag_last(plan, PLAN_IN_HELD);
}

void plan_add_private(struct plan *plan)
{
	step_add(plan, (struct plan_step){.op = PLAN_PRIVATE});
}

void plan_add_mount(struct plan *plan, bool in_root, const char *type, const char *target, uint64_t attributes,
		    const char *const *options)
{
	struct plan_step step = {
		.op = PLAN_MOUNT,
		.flags = root_flag(in_root),
		.text = string_add(plan, type),
		.text2 = string_add(plan, target),
		.n = {attributes},
	};
	list_add(plan, &step, options);
	step_add(plan, step);
}

void plan_add_bind(struct plan *plan, bool in_root, const char *source, const char *target, uint64_t attributes,
		   bool recursive)
{
	step_add(plan, (struct plan_step){
			       .op = PLAN_BIND,
			       .flags = root_flag(in_root) | recursive_flag(recursive),
			       .text = string_add(plan, source),
			       .text2 = string_add(plan, target),
			       .n = {attributes},
		       });
}

void plan_add_idmapped_bind(struct plan *plan, bool in_root, const char *source, const char *target,
			    uint64_t attributes, bool recursive)
{
	step_add(plan, (struct plan_step){
			       .op = PLAN_BIND,
			       .flags = root_flag(in_root) | recursive_flag(recursive) | PLAN_IDMAPPED,
			       .text = string_add(plan, source),
			       .text2 = string_add(plan, target),
			       .n = {attributes},
		       });
}

void plan_add_host_bind(struct plan *plan, const char *path)
{
	uint32_t text = string_add(plan, path);
	step_add(plan, (struct plan_step){
			       .op = PLAN_BIND,
			       .flags = PLAN_IN_ROOT | PLAN_OPTIONAL,
			       .text = text,
			       .text2 = text,
			       .n = {MOUNT_ATTR_RDONLY},
		       });
}

void plan_add_unmount(struct plan *plan, const char *target)
{
	step_add(plan, (struct plan_step){.op = PLAN_UNMOUNT, .text = string_add(plan, target)});
}

void plan_add_attributes(struct plan *plan, bool in_root, const char *target, uint64_t attributes, bool recursive)
{
	step_add(plan, (struct plan_step){
			       .op = PLAN_ATTRIBUTES,
			       .flags = root_flag(in_root) | recursive_flag(recursive),
			       .text = string_add(plan, target),
			       .n = {attributes},
		       });
}

void plan_add_read_only(struct plan *plan, const char *path)
{
	step_add(plan, (struct plan_step){.op = PLAN_READ_ONLY, .flags = PLAN_IN_ROOT, .text = string_add(plan, path)});
}

void plan_add_mask(struct plan *plan, const char *path, const char *empty)
{
	step_add(plan, (struct plan_step){
			       .op = PLAN_MASK,
			       .flags = PLAN_IN_ROOT,
			       .text = string_add(plan, path),
			       .text2 = empty ? string_add(plan, empty) : 0,
		       });
}

void plan_add_owner(struct plan *plan, uid_t uid, gid_t gid)
{
	step_add(plan, (struct plan_step){.op = PLAN_OWNER, .n = {uid, gid}});
}

void plan_add_mkdir(struct plan *plan, bool in_root, const char *path, mode_t mode)
{
	step_add(plan, (struct plan_step){
			       .op = PLAN_MKDIR,
			       .flags = root_flag(in_root),
			       .text = string_add(plan, path),
			       .n = {mode},
		       });
}

void plan_add_owned_mkdir(struct plan *plan, bool in_root, const char *path, mode_t mode, uid_t uid, gid_t gid)
{
	step_add(plan, (struct plan_step){
			       .op = PLAN_MKDIR,
			       .flags = root_flag(in_root) | PLAN_OWNED,
			       .text = string_add(plan, path),
			       .n = {mode, uid, gid},
		       });
}

void plan_add_file(struct plan *plan, bool in_root, const char *path)
{
	step_add(plan, (struct plan_step){
			       .op = PLAN_FILE,
			       .flags = root_flag(in_root),
			       .text = string_add(plan, path),
		       });
}

void plan_add_symlink(struct plan *plan, bool in_root, const char *points_to, const char *path)
{
	step_add(plan, (struct plan_step){
			       .op = PLAN_SYMLINK,
			       .flags = root_flag(in_root),
			       .text = string_add(plan, points_to),
			       .text2 = string_add(plan, path),
		       });
}

void plan_add_mknod(struct plan *plan, bool in_root, const char *path, mode_t mode, unsigned int major,
		    unsigned int minor)
{
	step_add(plan, (struct plan_step){
			       .op = PLAN_MKNOD,
			       .flags = root_flag(in_root),
			       .text = string_add(plan, path),
			       .n = {mode, major, minor},
		       });
}

void plan_add_device(struct plan *plan, const char *source, const char *target, mode_t type, unsigned int major,
		     unsigned int minor)
{
	step_add(plan, (struct plan_step){
			       .op = PLAN_DEVICE,
			       .flags = PLAN_IN_ROOT,
			       .text = string_add(plan, source),
			       .text2 = string_add(plan, target),
			       .n = {type, major, minor},
		       });
}

void plan_add_root(struct plan *plan, const char *path)
{
	step_add(plan, (struct plan_step){.op = PLAN_ROOT, .text = string_add(plan, path)});
}

void plan_add_pivot(struct plan *plan, bool may_cover)
{
	step_add(plan, (struct plan_step){.op = PLAN_PIVOT, .flags = may_cover ? PLAN_COVER : 0});
}

void plan_add_setns(struct plan *plan, uint64_t namespaces)
{
	step_add(plan, (struct plan_step){.op = PLAN_SETNS, .n = {namespaces}});
}

void plan_add_unshare(struct plan *plan, uint64_t namespaces)
{
	step_add(plan, (struct plan_step){.op = PLAN_UNSHARE, .n = {namespaces}});
}

void plan_add_hostname(struct plan *plan, const char *name)
{
	step_add(plan, (struct plan_step){.op = PLAN_HOSTNAME, .text = string_add(plan, name)});
}

void plan_add_loopback(struct plan *plan)
{
	step_add(plan, (struct plan_step){.op = PLAN_LOOPBACK});
}

void plan_add_die_with_parent(struct plan *plan)
{
	step_add(plan, (struct plan_step){.op = PLAN_DIE_WITH_PARENT});
}

void plan_add_fork(struct plan *plan, bool join)
{
	step_add(plan, (struct plan_step){.op = PLAN_FORK, .flags = join ? PLAN_JOIN : 0});
}

void plan_add_setsid(struct plan *plan)
{
	step_add(plan, (struct plan_step){.op = PLAN_SETSID});
}

void plan_add_tty(struct plan *plan, unsigned short rows, unsigned short columns)
{
	step_add(plan, (struct plan_step){.op = PLAN_TTY, .n = {rows, columns}});
}

void plan_add_rlimit(struct plan *plan, int resource, uint64_t soft, uint64_t hard)
{
	step_add(plan, (struct plan_step){.op = PLAN_RLIMIT, .n = {(uint64_t)resource, soft, hard}});
}

void plan_add_rlimit_room(struct plan *plan, int resource, uint64_t hard)
{
	step_add(plan,
		 (struct plan_step){.op = PLAN_RLIMIT, .flags = PLAN_RAISE, .n = {(uint64_t)resource, hard, hard}});
}

void plan_add_oom_score(struct plan *plan, int adjustment)
{
	step_add(plan, (struct plan_step){.op = PLAN_OOM_SCORE, .n = {(uint64_t)(int64_t)adjustment}});
}

void plan_add_bounding(struct plan *plan, uint64_t kept)
{
	step_add(plan, (struct plan_step){.op = PLAN_BOUNDING, .n = {kept}});
}

void plan_add_capabilities(struct plan *plan, uint64_t permitted, uint64_t ambient)
{
	step_add(plan, (struct plan_step){.op = PLAN_CAPABILITIES, .n = {permitted, ambient}});
}

void plan_add_user(struct plan *plan, uid_t uid, gid_t gid, const gid_t *groups, size_t n_groups,
		   bool keep_capabilities)
{
	step_add(plan, (struct plan_step){
			       .op = PLAN_USER,
			       .flags = keep_capabilities ? PLAN_KEEP_CAPABILITIES : 0,
			       .text = data_add(plan, groups, n_groups * sizeof *groups),
			       .n = {uid, gid, n_groups},
		       });
}

void plan_add_user_keep_groups(struct plan *plan, uid_t uid, gid_t gid, bool keep_capabilities)
{
	step_add(plan, (struct plan_step){
			       .op = PLAN_USER,
			       .flags = PLAN_KEEP_GROUPS | (keep_capabilities ? PLAN_KEEP_CAPABILITIES : 0),
			       .n = {uid, gid},
		       });
}

void plan_add_chdir(struct plan *plan, const char *path)
{
	step_add(plan, (struct plan_step){.op = PLAN_CHDIR, .text = string_add(plan, path)});
}

void plan_add_keyring(struct plan *plan)
{
	step_add(plan, (struct plan_step){.op = PLAN_KEYRING});
}

void plan_add_no_new_privileges(struct plan *plan)
{
	step_add(plan, (struct plan_step){.op = PLAN_NO_NEW_PRIVILEGES});
}

void plan_add_seccomp(struct plan *plan, const char *name, const struct sock_filter *filters, size_t count,
		      uint32_t flags, bool at_exec)
{
	step_add(plan, (struct plan_step){
			       .op = PLAN_SECCOMP,
			       .flags = at_exec ? PLAN_AT_EXEC : 0,
			       .text = data_add(plan, filters, count * sizeof *filters),
			       .text2 = string_add(plan, name),
			       .n = {count * sizeof *filters, flags},
		       });
}

void plan_add_environment(struct plan *plan, const char *const *environment)
{
	struct plan_step step = {.op = PLAN_ENVIRONMENT};
	list_add(plan, &step, environment);
	step_add(plan, step);
}

void plan_add_exec(struct plan *plan, const char *command, const char *path, const char *const *argv)
{
	struct plan_step step = {
		.op = PLAN_EXEC,
		.text = string_add(plan, command),
		.text2 = string_add(plan, path),
	};
	list_add(plan, &step, argv);
	step_add(plan, step);
}

void plan_add_enter(struct plan *plan)
{
	step_add(plan, (struct plan_step){.op = PLAN_ENTER});
}

void plan_add_await(struct plan *plan)
{
	step_add(plan, (struct plan_step){.op = PLAN_AWAIT});
}

size_t plan_count(const struct plan *plan)
{
	return plan->n_steps;
}

bool plan_continues(const struct plan *plan, const struct plan *waiting)
{
	/* What is added in the same order lies at the same place. */
	size_t n_steps = waiting->n_steps - 1, size = waiting->string_size;
	return plan->n_steps > n_steps && plan->string_size >= size &&
	       memcmp(plan->steps, waiting->steps, n_steps * sizeof *plan->steps) == 0 &&
	       memcmp(plan->strings, waiting->strings, size) == 0;
}

void plan_time(struct plan *plan)
{
	plan->timed = 1;
}

void plan_inject_failure(struct plan *plan, size_t step, int code)
{
	plan->fail_step = (uint32_t)step + 1;
	plan->fail_error = (uint32_t)code;
}

int plan_view(const struct plan *plan, struct plan_view *view, struct error *error)
{
	if (plan->failed)
		return error_errno(error, ENOMEM, "build the plan");
	if (plan->n_steps == 0 || !plan_op_is_last(plan->steps[plan->n_steps - 1].op))
		return error_set(error, EINVAL, "the plan does not end with a command");
	*view = (struct plan_view){
		.steps = plan->steps,
		.n_steps = (uint32_t)plan->n_steps,
		.strings = plan->strings,
		.fail_step = plan->fail_step,
		.fail_error = plan->fail_error,
		.timed = plan->timed,
	};
	return 0;
}

int plan_seal(const struct plan *plan, struct error *error)
{
	if (plan->failed)
		return error_errno(error, ENOMEM, "build the plan");
	size_t steps_size = plan->n_steps * sizeof *plan->steps;
	struct plan_header header = {
		.magic = PLAN_MAGIC,
		.version = PLAN_VERSION,
		.size = (uint32_t)(sizeof header + steps_size + plan->string_size),
		.n_steps = (uint32_t)plan->n_steps,
		.string_size = (uint32_t)plan->string_size,
		.fail_step = plan->fail_step,
		.fail_error = plan->fail_error,
		.timed = plan->timed,
	};
	struct iovec parts[] = {
		{&header, sizeof header},
		{plan->steps, steps_size},
		{plan->strings, plan->string_size},
	};
	cleanup_fd int fd = memfd_create("berth-plan", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return error_errno(error, errno, "make a memfd for the plan");
	ssize_t written = writev(fd, parts, sizeof parts / sizeof *parts);
	if (written < 0)
		return error_errno(error, errno, "write the plan");
	if ((size_t)written != header.size)
		return error_set(error, ENOSPC, "write the plan: only %zd of %u bytes fitted", written, header.size);
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return error_errno(error, errno, "seal the plan");
	return steal_fd(&fd);
}
