/* SPDX-License-Identifier: Apache-2.0 */
#include <linux/filter.h>
#include <linux/mount.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "nsutil/plan.h"
#include "nsutil/plan_private.h"

static const char *const words[] = {
#define PLAN_OP_WORD(name, word) [PLAN_##name] = word,
	PLAN_OPS(PLAN_OP_WORD)
#undef PLAN_OP_WORD
};

enum plan_op plan_op(const struct plan *plan, size_t i)
{
	return plan->steps[i].op;
}

const char *plan_word(const struct plan *plan, size_t i)
{
	return words[plan->steps[i].op];
}

/* A phrase that is cut where the buffer ends. */
struct phrase {
	char *buffer;
	size_t size, used;
};

__attribute__((format(printf, 2, 3))) static void say(struct phrase *phrase, const char *format, ...)
{
	if (phrase->used >= phrase->size)
		return;
	va_list arguments;
	va_start(arguments, format);
	int length = vsnprintf(phrase->buffer + phrase->used, phrase->size - phrase->used, format, arguments);
	va_end(arguments);
	if (length > 0)
		phrase->used += (size_t)length;
}

struct bit_name {
	uint64_t bit;
	const char *name;
};

/* Writes the names of the set bits, separated by commas, between opening and closing; nothing where none is set. */
static void say_bits(struct phrase *phrase, const struct bit_name *names, uint64_t bits, const char *opening,
		     const char *closing)
{
	const char *separator = opening;
	for (const struct bit_name *entry = names; entry->name; entry++) {
		if (!(bits & entry->bit))
			continue;
		say(phrase, "%s%s", separator, entry->name);
		separator = ",";
	}
	if (separator != opening)
		say(phrase, "%s", closing);
}

static const struct bit_name attribute_names[] = {
	{MOUNT_ATTR_RDONLY, "ro"},
	{MOUNT_ATTR_NOSUID, "nosuid"},
	{MOUNT_ATTR_NODEV, "nodev"},
	{MOUNT_ATTR_NOEXEC, "noexec"},
	{MOUNT_ATTR_NOATIME, "noatime"},
	{MOUNT_ATTR_NODIRATIME, "nodiratime"},
	{MOUNT_ATTR_NOSYMFOLLOW, "nosymfollow"},
	{0, NULL},
};

static const struct bit_name namespace_names[] = {
	{CLONE_NEWUSER, "user"}, {CLONE_NEWPID, "pid"}, {CLONE_NEWNS, "mount"},      {CLONE_NEWUTS, "uts"},
	{CLONE_NEWIPC, "ipc"},   {CLONE_NEWNET, "net"}, {CLONE_NEWCGROUP, "cgroup"}, {0, NULL},
};

static void say_list(struct phrase *phrase, const char *list, uint32_t count, const char *separator)
{
	for (uint32_t i = 0; i < count; i++) {
		say(phrase, "%s%s", i ? separator : "", list);
		list += strlen(list) + 1;
	}
}

void plan_describe(const struct plan *plan, size_t i, char *buffer, size_t size)
{
	const struct plan_step *step = &plan->steps[i];
	const char *text = plan->strings + step->text;
	const char *text2 = plan->strings + step->text2;
	const char *list = plan->strings + step->list;
	struct phrase out = {buffer, size, 0};
	buffer[0] = '\0';
	switch ((enum plan_op)step->op) {
	case PLAN_PRIVATE:
		say(&out, "cut mount propagation");
		break;
	case PLAN_MOUNT:
		say(&out, "mount %s on %s", text, text2);
		say_bits(&out, attribute_names, step->n[0], " (", ")");
		if (step->list_count) {
			say(&out, " with ");
			say_list(&out, list, step->list_count, ",");
		}
		break;
	case PLAN_BIND:
		say(&out, "bind %s on %s", text, text2);
		say_bits(&out, attribute_names, step->n[0], " (", ")");
		if (step->flags & PLAN_RECURSIVE)
			say(&out, " with what is mounted below");
		if (step->flags & PLAN_IDMAPPED)
			say(&out, ", ids shifted");
		break;
	case PLAN_UNMOUNT:
		say(&out, "unmount what is on %s", text);
		break;
	case PLAN_ATTRIBUTES:
		say(&out, "set");
		say_bits(&out, attribute_names, step->n[0], " ", "");
		say(&out, " on %s", text);
		if (step->flags & PLAN_RECURSIVE)
			say(&out, " and what is mounted below");
		break;
	case PLAN_DEVICE:
		say(&out, "bind device %s, %u:%u, on %s", text, (unsigned int)step->n[1], (unsigned int)step->n[2],
		    text2);
		break;
	case PLAN_READ_ONLY:
		say(&out, "make %s read-only", text);
		break;
	case PLAN_MASK:
		say(&out, "mask %s", text);
		break;
	case PLAN_MKDIR:
		say(&out, "make directory %s, mode %04o", text, (unsigned int)step->n[0]);
		break;
	case PLAN_OWNER:
		say(&out, "make what follows as uid %u, gid %u", (unsigned int)step->n[0], (unsigned int)step->n[1]);
		break;
	case PLAN_FILE:
		say(&out, "make file %s", text);
		break;
	case PLAN_SYMLINK:
		say(&out, "link %s to %s", text2, text);
		break;
	case PLAN_MKNOD:
		say(&out, "make device %s, %u:%u", text, (unsigned int)step->n[1], (unsigned int)step->n[2]);
		break;
	case PLAN_ROOT:
		say(&out, "take %s as the root", text);
		break;
	case PLAN_PIVOT:
		say(&out, "pivot into the root and detach the old one");
		break;
	case PLAN_SETNS:
		say(&out, "enter namespaces");
		say_bits(&out, namespace_names, step->n[0], " ", "");
		break;
	case PLAN_ENTER:
		say(&out, "enter the cgroups that were made meanwhile");
		break;
	case PLAN_UNSHARE:
		say(&out, "make new namespaces");
		say_bits(&out, namespace_names, step->n[0], " ", "");
		break;
	case PLAN_HOSTNAME:
		say(&out, "set the host name %s", text);
		break;
	case PLAN_LOOPBACK:
		say(&out, "bring up the loopback interface");
		break;
	case PLAN_DIE_WITH_PARENT:
		say(&out, "die with the parent");
		break;
	case PLAN_AWAIT:
		say(&out, "wait for a command");
		break;
	case PLAN_FORK:
		say(&out,
		    step->flags & PLAN_JOIN ? "fork: the parent waits for the command" : "fork: PID 1 stays as init");
		break;
	case PLAN_SETSID:
		say(&out, "start a session");
		break;
	case PLAN_TTY:
		say(&out, "open a terminal of %u x %u", (unsigned int)step->n[0], (unsigned int)step->n[1]);
		break;
	case PLAN_RLIMIT:
		if (step->flags & PLAN_RAISE) {
			say(&out, "make room for resource limit %u up to %llu", (unsigned int)step->n[0],
			    (unsigned long long)step->n[2]);
			break;
		}
		say(&out, "set resource limit %u to %llu:%llu", (unsigned int)step->n[0],
		    (unsigned long long)step->n[1], (unsigned long long)step->n[2]);
		break;
	case PLAN_OOM_SCORE:
		say(&out, "set oom_score_adj to %lld", (long long)(int64_t)step->n[0]);
		break;
	case PLAN_BOUNDING:
		say(&out, "limit capabilities to %#llx", (unsigned long long)step->n[0]);
		break;
	case PLAN_CAPABILITIES:
		say(&out, "take capabilities %#llx, ambient %#llx", (unsigned long long)step->n[0],
		    (unsigned long long)step->n[1]);
		break;
	case PLAN_USER:
		say(&out, "become uid %u, gid %u", (unsigned int)step->n[0], (unsigned int)step->n[1]);
		for (uint64_t group = 0; group < step->n[2]; group++)
			say(&out, "%s%u", group ? "," : ", groups ", ((const gid_t *)(const void *)text)[group]);
		break;
	case PLAN_CHDIR:
		say(&out, "change directory to %s", text);
		break;
	case PLAN_KEYRING:
		say(&out, "leave the caller's session keyring for a new one");
		break;
	case PLAN_NO_NEW_PRIVILEGES:
		say(&out, "gain no privileges by exec (no_new_privs)");
		break;
	case PLAN_SECCOMP:
		say(&out, "load the seccomp filter %s, %zu instructions%s%s", text2,
		    (size_t)step->n[0] / sizeof(struct sock_filter),
		    step->flags & PLAN_AT_EXEC ? ", right before the command" : "",
		    step->n[1] & SECCOMP_FILTER_FLAG_NEW_LISTENER ? ", to tell what it would refuse" : "");
		break;
	case PLAN_ENVIRONMENT:
		say(&out, "take an environment of %u variables", step->list_count);
		break;
	case PLAN_EXEC:
		say(&out, "execute ");
		say_list(&out, list, step->list_count, " ");
		break;
	case PLAN_OP_COUNT:
		break;
	}
}

const char *plan_calls(const struct plan *plan, size_t i)
{
	switch ((enum plan_op)plan->steps[i].op) {
	case PLAN_PRIVATE:
		return "mount_setattr";
	case PLAN_MOUNT:
		return "fsopen, fsconfig, fsmount, openat2, move_mount, mount";
	case PLAN_BIND:
	case PLAN_DEVICE:
		return "open_tree, mount_setattr, openat2, move_mount";
	case PLAN_ATTRIBUTES:
		return "openat2, mount_setattr";
	case PLAN_MKDIR:
	case PLAN_FILE:
	case PLAN_SYMLINK:
	case PLAN_MKNOD:
		return "openat2";
	case PLAN_PIVOT:
		return "pivot_root";
	case PLAN_KEYRING:
		return "keyctl";
	case PLAN_SECCOMP:
		return "seccomp";
	case PLAN_SETNS:
		return "setns with a pidfd";
	default:
		return "";
	}
}
