/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/capabilities.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/capability.h>

/* What Docker, Podman and containerd leave to root inside a container. */
static const cap_value_t defaults[] = {
	CAP_AUDIT_WRITE,      CAP_CHOWN,   CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_FSETID,  CAP_KILL,   CAP_MKNOD,
	CAP_NET_BIND_SERVICE, CAP_NET_RAW, CAP_SETFCAP,      CAP_SETGID, CAP_SETPCAP, CAP_SETUID, CAP_SYS_CHROOT,
};

static uint64_t all(void)
{
	return (UINT64_C(1) << cap_max_bits()) - 1;
}

/* The set a name stands for; 0 if there is none. */
static uint64_t find(const char *name)
{
	if (strcasecmp(name, "ALL") == 0)
		return all();
	char full[64];
	cap_value_t value;
	snprintf(full, sizeof full, "%s%s", strncasecmp(name, "CAP_", 4) == 0 ? "" : "CAP_", name);
	return cap_from_name(full, &value) == 0 && value < 64 ? UINT64_C(1) << value : 0;
}

static int collect(const char *const *names, uint64_t *set, struct error *error)
{
	*set = 0;
	for (; names && *names; names++) {
		uint64_t found = find(*names);
		if (!found)
			return error_set(error, EINVAL, "there is no capability '%s': see capabilities(7)", *names);
		*set |= found;
	}
	return 0;
}

uint64_t capabilities_bounding(void)
{
	uint64_t set = 0;
	for (cap_value_t i = 0; i < cap_max_bits(); i++)
		if (cap_get_bound(i) == 1)
			set |= UINT64_C(1) << i;
	return set;
}

bool capabilities_all_wanted(const char *const *add)
{
	for (; add && *add; add++)
		if (strcasecmp(*add, "ALL") == 0)
			return true;
	return false;
}

/* What was asked for by name must be there. */
static int named_check(const char *const *add, struct error *error)
{
	for (; add && *add; add++)
		if (strcasecmp(*add, "ALL") != 0 && cap_get_bound(ffsll((long long)find(*add)) - 1) != 1)
			return error_set(
				error, EPERM,
				"capability '%s' can't be given: the caller may not have it itself, it is not in "
				"its bounding set",
				*add);
	return 0;
}

int capabilities_resolve(const char *const *add, const char *const *drop, uint64_t bounding, uint64_t *set,
			 uint64_t *added, struct error *error)
{
	uint64_t dropped;
	if (collect(add, added, error) < 0 || collect(drop, &dropped, error) < 0 || named_check(add, error) < 0)
		return -error->code;
	/* Of a machine that keeps some from its own root "ALL" is all the others. */
	if (capabilities_all_wanted(add))
		*added &= bounding;
	*set = 0;
	for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++)
		*set |= UINT64_C(1) << defaults[i];
	/* Dropping all and adding a few means those few, whichever is said first. */
	*set = dropped == all() ? *added : (*set | *added) & ~dropped;
	*set &= all();
	*added &= *set;
	return 0;
}

void capability_name(int capability, char *name, size_t size)
{
	char *found = cap_to_name(capability);
	snprintf(name, size, "%s", found ? found : "?");
	cap_free(found);
	for (char *c = name; *c; c++)
		*c = (char)toupper(*c);
}
