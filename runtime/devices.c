/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/devices.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define RULE(allowed, kind, major_number, minor_number, accesses)                                                      \
	{                                                                                                              \
		.allow = (allowed), .type = (kind), .major = (major_number), .minor = (minor_number),                  \
		.access = (accesses)                                                                                   \
	}
#define NODE(major_number, minor_number) RULE(true, 'c', major_number, minor_number, CGROUP_DEVICE_ALL)

/*
 * Numbers as in Documentation/admin-guide/devices.txt. Nodes can be made of these alone: elsewhere root inside may make
 * any, and one that it leaves in a volume serves whoever finds it there on the host.
 */
static const struct cgroup_device_rule by_default[] = {
	RULE(false, 'a', CGROUP_DEVICE_ANY, CGROUP_DEVICE_ANY, CGROUP_DEVICE_ALL),
	NODE(1, 3),                                                                        /* null */
	NODE(1, 5),                                                                        /* zero */
	NODE(1, 7),                                                                        /* full */
	NODE(1, 8),                                                                        /* random */
	NODE(1, 9),                                                                        /* urandom */
	NODE(5, 0),                                                                        /* tty */
	NODE(5, 2),                                                                        /* ptmx */
	RULE(true, 'c', 136, CGROUP_DEVICE_ANY, CGROUP_DEVICE_READ | CGROUP_DEVICE_WRITE), /* pts */
};

/* What berth itself makes in /dev, from inside the cgroup. Whoever denies these may still be given the dead nodes. */
static const struct cgroup_device_rule own_nodes[] = {
	RULE(true, 'c', 1, 3, CGROUP_DEVICE_MKNOD), RULE(true, 'c', 1, 5, CGROUP_DEVICE_MKNOD),
	RULE(true, 'c', 1, 7, CGROUP_DEVICE_MKNOD), RULE(true, 'c', 1, 8, CGROUP_DEVICE_MKNOD),
	RULE(true, 'c', 1, 9, CGROUP_DEVICE_MKNOD), RULE(true, 'c', 5, 0, CGROUP_DEVICE_MKNOD),
};

enum { N_DEFAULT = sizeof by_default / sizeof *by_default, N_OWN = sizeof own_nodes / sizeof *own_nodes };

const char devices_fallback[] = "no cgroup hierarchy has the devices controller: there are no rules on device nodes, "
				"and CAP_MKNOD is taken away instead\n";

static const char allow_key[] = "devices.allow=", deny_key[] = "devices.deny=";

bool devices_is_rule(const char *cgroup_file)
{
	return strncmp(cgroup_file, allow_key, sizeof allow_key - 1) == 0 ||
	       strncmp(cgroup_file, deny_key, sizeof deny_key - 1) == 0;
}

void devices_free(struct spec *spec)
{
	for (size_t i = 0; i < spec->n_devices; i++) {
		free(spec->devices[i].source);
		free(spec->devices[i].target);
	}
	free(spec->devices);
	free((struct cgroup_device_rule *)spec->limits.devices);
}

static int no_memory(struct error *error)
{
	return error_errno(error, ENOMEM, "take in the devices");
}

static int device_copy(const struct berth_device *given, struct device *device, struct error *error)
{
	const char *target = given->target ? given->target : given->source;
	if (!given->source || given->source[0] != '/')
		return error_set(error, EINVAL, "a device's source '%s' must be an absolute path",
				 given->source ? given->source : "");
	if (path_inside_check(target, "a device's target", error) < 0)
		return -error->code;
	if (!cgroup_device_access_parse(given->access ? given->access : "rwm", &device->access))
		return error_set(error, EINVAL, "device %s: '%s' is no access: give letters of r, w and m",
				 given->source, given->access);
	/* What is there when the container is made must be this very node: links are followed here alone. */
	device->source = realpath(given->source, NULL);
	struct stat status;
	if (!device->source || stat(device->source, &status) < 0)
		return error_errno(error, errno, "device %s", given->source);
	if (!S_ISCHR(status.st_mode) && !S_ISBLK(status.st_mode))
		return error_set(error, ENODEV, "device %s is neither a character nor a block device", given->source);
	device->type = status.st_mode & S_IFMT;
	device->major = major(status.st_rdev);
	device->minor = minor(status.st_rdev);
	device->target = strdup(target);
	return device->target ? 0 : no_memory(error);
}

static int rules_make(const struct berth_options *options, struct spec *spec, struct error *error)
{
	size_t n_given = 0;
	for (size_t i = 0; options->cgroup_files && options->cgroup_files[i]; i++)
		n_given += devices_is_rule(options->cgroup_files[i]);
	/* In an ordinary user's namespace no nodes can be made, and the user can open what it can. */
	bool without = spec->flags & (BERTH_FEW_CGROUPS | BERTH_BARE_ROOT) || geteuid() != 0;
	if (without && n_given == 0)
		return 0;
	size_t room = N_DEFAULT + spec->n_devices + n_given + N_OWN, n = 0;
	struct cgroup_device_rule *rules = calloc(room, sizeof *rules);
	if (!rules)
		return no_memory(error);
	spec->limits.devices = rules;
	if (!without) {
		memcpy(rules, by_default, sizeof by_default);
		n = N_DEFAULT;
	}
	for (size_t i = 0; i < spec->n_devices && !without; i++) {
		const struct device *device = &spec->devices[i];
		rules[n++] = (struct cgroup_device_rule)RULE(true, S_ISBLK(device->type) ? 'b' : 'c', device->major,
							     device->minor, device->access);
	}
	for (const char *const *entry = options->cgroup_files; n_given && *entry; entry++) {
		if (!devices_is_rule(*entry))
			continue;
		rules[n].allow = strncmp(*entry, allow_key, sizeof allow_key - 1) == 0;
		if (cgroup_device_rule_parse(strchr(*entry, '=') + 1, &rules[n++], error) < 0)
			return -error->code;
	}
	if (n_given) {
		memcpy(rules + n, own_nodes, sizeof own_nodes);
		n += N_OWN;
	}
	spec->limits.n_devices = n;
	spec->default_devices = n == N_DEFAULT;
	spec->device_rules_given = n_given;
	return 0;
}

int devices_copy(const struct berth_options *options, struct spec *spec, struct error *error)
{
	if (options->n_devices && options->flags & BERTH_BARE_ROOT)
		return error_set(error, EINVAL, "devices need /dev, which a bare root has not");
	spec->devices = calloc(options->n_devices + 1, sizeof *spec->devices);
	if (!spec->devices)
		return no_memory(error);
	for (size_t i = 0; i < options->n_devices; i++)
		if (device_copy(&options->devices[i], &spec->devices[spec->n_devices++], error) < 0)
			return -error->code;
	return rules_make(options, spec, error);
}

int devices_settle(const struct cgroup_layout *layout, struct spec *spec, struct error *error)
{
	const uint64_t mknod = UINT64_C(1) << CAP_MKNOD;
	if (!spec->limits.n_devices || cgroup_layout_version(layout, CGROUP_DEVICES))
		return 0;
	if (spec->device_rules_given)
		return error_set(error, ENOENT,
				 "no mounted cgroup hierarchy has the devices controller, which the rules need");
	spec->limits.n_devices = 0;
	spec->devices_unruled = true;
	if (!(spec->ambient & mknod))
		spec->capabilities &= ~mknod;
	return 0;
}

static void rules_write(struct json_text *text, const struct spec *spec)
{
	const struct cgroup_limits *limits = &spec->limits;
	/* Nearly always the default ones; and a launch is not to pay for a list that says no more. */
	if (spec->default_devices || !limits->n_devices) {
		json_text_bytes(text, "device_rules", limits->n_devices ? "default" : NULL);
		return;
	}
	json_text_open(text, "device_rules", '[');
	for (size_t i = 0; i < limits->n_devices; i++) {
		char rule[CGROUP_DEVICE_TEXT], line[CGROUP_DEVICE_TEXT + 8];
		cgroup_device_rule_format(&limits->devices[i], rule);
		snprintf(line, sizeof line, "%s %s", limits->devices[i].allow ? "allow" : "deny", rule);
		json_text_bytes(text, NULL, line);
	}
	json_text_close(text, ']');
}

void devices_write(struct json_text *text, const struct spec *spec)
{
	json_text_open(text, "devices", '[');
	for (size_t i = 0; i < spec->n_devices; i++) {
		const struct device *device = &spec->devices[i];
		const struct cgroup_device_rule rule =
			RULE(true, S_ISBLK(device->type) ? 'b' : 'c', device->major, device->minor, device->access);
		char rule_text[CGROUP_DEVICE_TEXT];
		cgroup_device_rule_format(&rule, rule_text);
		json_text_open(text, NULL, '{');
		json_text_bytes(text, "source", device->source);
		json_text_bytes(text, "target", device->target);
		json_text_bytes(text, "rule", rule_text);
		json_text_close(text, '}');
	}
	json_text_close(text, ']');
	rules_write(text, spec);
}
