/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/seccomp_profile.h"

#include <errno.h>
#include <jansson.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>

#include "nsutil/base/cleanup.h"
#include "runtime/json.h"
#include "runtime/spec.h"

#ifndef SECCOMP_FILTER_FLAG_SPEC_ALLOW
#define SECCOMP_FILTER_FLAG_SPEC_ALLOW (1UL << 2)
#endif

struct word {
	const char *name;
	uint32_t value;
};

/* clang-format off */
static const struct word architectures[] = {
	{"SCMP_ARCH_X86", SCMP_ARCH_X86}, {"SCMP_ARCH_X86_64", SCMP_ARCH_X86_64}, {"SCMP_ARCH_X32", SCMP_ARCH_X32},
	{"SCMP_ARCH_ARM", SCMP_ARCH_ARM}, {"SCMP_ARCH_AARCH64", SCMP_ARCH_AARCH64},
	{"SCMP_ARCH_MIPS", SCMP_ARCH_MIPS}, {"SCMP_ARCH_MIPS64", SCMP_ARCH_MIPS64},
	{"SCMP_ARCH_MIPS64N32", SCMP_ARCH_MIPS64N32}, {"SCMP_ARCH_MIPSEL", SCMP_ARCH_MIPSEL},
	{"SCMP_ARCH_MIPSEL64", SCMP_ARCH_MIPSEL64}, {"SCMP_ARCH_MIPSEL64N32", SCMP_ARCH_MIPSEL64N32},
	{"SCMP_ARCH_PPC", SCMP_ARCH_PPC}, {"SCMP_ARCH_PPC64", SCMP_ARCH_PPC64},
	{"SCMP_ARCH_PPC64LE", SCMP_ARCH_PPC64LE}, {"SCMP_ARCH_S390", SCMP_ARCH_S390},
	{"SCMP_ARCH_S390X", SCMP_ARCH_S390X}, {"SCMP_ARCH_PARISC", SCMP_ARCH_PARISC},
	{"SCMP_ARCH_PARISC64", SCMP_ARCH_PARISC64}, {"SCMP_ARCH_RISCV64", SCMP_ARCH_RISCV64},
	/* Newer than some libseccomp. */
	{"SCMP_ARCH_LOONGARCH64", AUDIT_ARCH_LOONGARCH64}, {"SCMP_ARCH_M68K", AUDIT_ARCH_M68K},
	{"SCMP_ARCH_SH", AUDIT_ARCH_SHEL}, {"SCMP_ARCH_SHEB", AUDIT_ARCH_SH},
	{NULL, 0},
};
/* The number of an error goes in beside ERRNO and TRACE. */
static const struct word actions[] = {
	{"SCMP_ACT_KILL", SCMP_ACT_KILL_THREAD}, {"SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD},
	{"SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS}, {"SCMP_ACT_TRAP", SCMP_ACT_TRAP},
	{"SCMP_ACT_ERRNO", SCMP_ACT_ERRNO(0)}, {"SCMP_ACT_TRACE", SCMP_ACT_TRACE(0)},
	{"SCMP_ACT_LOG", SCMP_ACT_LOG}, {"SCMP_ACT_ALLOW", SCMP_ACT_ALLOW},
	{NULL, 0},
};
static const struct word operators[] = {
	{"SCMP_CMP_NE", SCMP_CMP_NE}, {"SCMP_CMP_LT", SCMP_CMP_LT}, {"SCMP_CMP_LE", SCMP_CMP_LE},
	{"SCMP_CMP_EQ", SCMP_CMP_EQ}, {"SCMP_CMP_GE", SCMP_CMP_GE}, {"SCMP_CMP_GT", SCMP_CMP_GT},
	{"SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ},
	{NULL, 0},
};
/*
 * TSYNC is for threads that were there before; nothing has any when its filter is loaded. WAIT_KILLABLE_RECV is for
 * calls that an agent answers, of which there are none.
 */
static const struct word flags[] = {
	{"SECCOMP_FILTER_FLAG_TSYNC", 0}, {"SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG},
	{"SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW},
	{"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", 0},
	{NULL, 0},
};
/* clang-format on */

/* Where in the profile something is, for the errors: "syscalls[3].args[0]". */
typedef const char *place;

static int find(const struct word *words, const json_t *json, place where, const char *key, uint32_t *value,
		struct error *error)
{
	const char *text = json_string_value(json);
	if (!text)
		return error_set(error, EINVAL, "%s%s is missing, or no string", where, key);
	for (; words->name; words++)
		if (strcmp(words->name, text) == 0) {
			*value = words->value;
			return 0;
		}
	return error_set(error, EINVAL, "%s%s: '%s' is not known", where, key, text);
}

/* NULL for what is missing or null. */
static const json_t *member(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);
	return json_is_null(value) ? NULL : value;
}

/* A profile that says something not understood must not be taken for one that doesn't. */
static int keys_check(const json_t *object, place where, const char *const *known, struct error *error)
{
	if (!json_is_object(object))
		return error_set(error, EINVAL, "%s is no object", *where ? where : "it");
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)object, key, value)
	{
		const char *const *entry = known;
		while (*entry && strcmp(*entry, key) != 0)
			entry++;
		if (!*entry && !json_is_null(value))
			return error_set(error, EINVAL, "%s%s%s is not known", where, *where ? "." : "", key);
	}
	return 0;
}

static int array_check(const json_t *json, place where, const char *key, struct error *error)
{
	return !json || json_is_array(json) ? 0 : error_set(error, EINVAL, "%s%s is no list", where, key);
}

static int number(const json_t *json, place where, const char *key, uint64_t most, uint64_t *value, struct error *error)
{
	if (!json)
		return 0;
	if (!json_is_integer(json) || json_integer_value(json) < 0)
		return error_set(error, EINVAL, "%s%s is no number from 0 up", where, key);
	*value = (uint64_t)json_integer_value(json);
	if (*value > most)
		return error_set(error, EINVAL, "%s%s is above %llu", where, key, (unsigned long long)most);
	return 0;
}

/* "4.8" */
static int kernel_parse(const json_t *json, place where, unsigned int *kernel, struct error *error)
{
	unsigned int major, minor;
	char more;
	if (!json)
		return 0;
	const char *text = json_string_value(json);
	if (!text || sscanf(text, "%u.%u%c", &major, &minor, &more) != 2 || major > 0x7fff || minor > 0xffff)
		return error_set(error, EINVAL, "%sminKernel is no version like \"4.8\"", where);
	*kernel = major << 16 | minor;
	return 0;
}

/* A list of strings, NULL-terminated, malloc'ed. */
static int words_parse(const json_t *array, place where, const char *key, char ***words, struct error *error)
{
	if (array_check(array, where, key, error) < 0)
		return -error->code;
	*words = calloc(json_array_size(array) + 1, sizeof **words);
	for (size_t i = 0; *words && i < json_array_size(array); i++) {
		const char *text = json_string_value(json_array_get(array, i));
		if (!text)
			return error_set(error, EINVAL, "%s%s[%zu] is no string", where, key, i);
		if (!((*words)[i] = strdup(text)))
			return error_errno(error, ENOMEM, "read the profile");
	}
	return *words ? 0 : error_errno(error, ENOMEM, "read the profile");
}

static int condition_parse(const json_t *json, place where, struct profile_condition *condition, struct error *error)
{
	static const char *const known[] = {"caps", "arches", "minKernel", NULL};
	char inside[96];
	snprintf(inside, sizeof inside, "%.80s.", where);
	if (!json)
		return 0;
	const json_t *arches = member(json, "arches");
	if (keys_check(json, where, known, error) < 0 ||
	    kernel_parse(member(json, "minKernel"), inside, &condition->kernel, error) < 0 ||
	    (json_array_size(arches) && words_parse(arches, inside, "arches", &condition->architectures, error) < 0) ||
	    array_check(arches, inside, "arches", error) < 0)
		return -error->code;
	cleanup_strings char **names = NULL;
	if (words_parse(member(json, "caps"), inside, "caps", &names, error) < 0)
		return -error->code;
	for (size_t i = 0; names[i]; i++) {
		cap_value_t capability;
		if (strncmp(names[i], "CAP_", 4) != 0)
			return error_set(error, EINVAL, "%scaps: '%s' is no capability", inside, names[i]);
		if (cap_from_name(names[i], &capability) == 0 && capability < 64)
			condition->capabilities |= UINT64_C(1) << capability;
		else
			condition->never = true;
	}
	return 0;
}

/* 0: there is none of that name. */
static uint64_t errno_find(const char *name)
{
	for (int errnum = 1; errnum < 256; errnum++) {
		const char *known = strerrorname_np(errnum);
		if (known && strcmp(known, name) == 0)
			return (uint64_t)errnum;
	}
	return 0;
}

/* The error an action ERRNO gives, TRACE tells: by number, or as Podman also has it by name. */
static int action_parse(const json_t *object, place where, const char *key, const char *errno_key,
			const char *errno_name_key, uint32_t *action, struct error *error)
{
	const char *text = json_string_value(json_object_get(object, key));
	if (text && strcmp(text, "SCMP_ACT_NOTIFY") == 0)
		return error_set(error, EINVAL, "%s%s: SCMP_ACT_NOTIFY needs an agent to ask, which berth has not",
				 where, key);
	if (find(actions, json_object_get(object, key), where, key, action, error) < 0)
		return -error->code;
	uint64_t errnum = EPERM;
	const json_t *by_number = member(object, errno_key), *by_name = member(object, errno_name_key);
	if (by_number) {
		if (number(by_number, where, errno_key, 4095, &errnum, error) < 0)
			return -error->code;
	} else if (by_name) {
		const char *name = json_string_value(by_name);
		errnum = errno_find(name ? name : "");
		if (!errnum)
			return error_set(error, EINVAL, "%s%s: there is no error '%s'", where, errno_name_key,
					 name ? name : "");
	}
	if (*action == SCMP_ACT_ERRNO(0) || *action == SCMP_ACT_TRACE(0))
		*action |= (uint32_t)errnum;
	return 0;
}

static int argument_parse(const json_t *json, place where, struct scmp_arg_cmp *argument, struct error *error)
{
	static const char *const known[] = {"index", "value", "valueTwo", "op", NULL};
	char inside[96];
	snprintf(inside, sizeof inside, "%.80s.", where);
	uint64_t index = 0, value = 0, second = 0;
	uint32_t operator;
	if (keys_check(json, where, known, error) < 0 ||
	    number(member(json, "index"), inside, "index", 5, &index, error) < 0 ||
	    number(member(json, "value"), inside, "value", UINT64_MAX, &value, error) < 0 ||
	    number(member(json, "valueTwo"), inside, "valueTwo", UINT64_MAX, &second, error) < 0 ||
	    find(operators, json_object_get(json, "op"), inside, "op", &operator, error) < 0)
		return -error->code;
	*argument = (struct scmp_arg_cmp){(unsigned int)index, (enum scmp_compare) operator, value, second};
	return 0;
}

static int rule_parse(const json_t *json, place where, struct profile_rule *rule, struct error *error)
{
	static const char *const known[] = {"names", "name",    "action",   "errnoRet", "errno",
					    "args",  "comment", "includes", "excludes", NULL};
	char inside[96];
	snprintf(inside, sizeof inside, "%.80s.", where);
	if (keys_check(json, where, known, error) < 0 ||
	    action_parse(json, inside, "action", "errnoRet", "errno", &rule->action, error) < 0)
		return -error->code;
	const json_t *name = member(json, "name"), *arguments = member(json, "args");
	if (!name == !member(json, "names"))
		return error_set(error, EINVAL, "%s must have names (or name, but not both)", where);
	cleanup_json json_t *single = name ? json_pack("[O]", name) : NULL;
	if (words_parse(name ? single : member(json, "names"), inside, "names", &rule->names, error) < 0 ||
	    array_check(arguments, inside, "args", error) < 0)
		return -error->code;
	rule->arguments = calloc(json_array_size(arguments) + 1, sizeof *rule->arguments);
	if (!rule->arguments)
		return error_errno(error, ENOMEM, "read the profile");
	for (size_t i = 0; i < json_array_size(arguments); i++) {
		snprintf(inside, sizeof inside, "%.60s.args[%zu]", where, i);
		if (argument_parse(json_array_get(arguments, i), inside, &rule->arguments[rule->n_arguments++], error) <
		    0)
			return -error->code;
	}
	snprintf(inside, sizeof inside, "%.80s.includes", where);
	if (condition_parse(member(json, "includes"), inside, &rule->includes, error) < 0)
		return -error->code;
	snprintf(inside, sizeof inside, "%.80s.excludes", where);
	return condition_parse(member(json, "excludes"), inside, &rule->excludes, error);
}

/* Adds a list of architectures' names. */
static int architectures_add(const json_t *list, const char *where, struct seccomp_profile *profile,
			     struct error *error)
{
	if (array_check(list, "", where, error) < 0)
		return -error->code;
	for (size_t i = 0; i < json_array_size(list); i++) {
		if (profile->n_architectures == sizeof profile->architectures / sizeof *profile->architectures)
			return error_set(error, EINVAL, "%s names too many architectures", where);
		if (find(architectures, json_array_get(list, i), "", where,
			 &profile->architectures[profile->n_architectures++], error) < 0)
			return -error->code;
	}
	return 0;
}

static int architectures_parse(const json_t *json, uint32_t native, struct seccomp_profile *profile,
			       struct error *error)
{
	static const char *const known[] = {"architecture", "subArchitectures", NULL};
	const json_t *map = member(json, "archMap"), *list = member(json, "architectures");
	if (json_array_size(map) && json_array_size(list))
		return error_set(error, EINVAL, "it has architectures and archMap, which say the same: keep one");
	if (architectures_add(list, "architectures", profile, error) < 0 || array_check(map, "", "archMap", error) < 0)
		return -error->code;
	for (size_t i = 0; i < json_array_size(map); i++) {
		const json_t *entry = json_array_get(map, i);
		uint32_t architecture;
		if (keys_check(entry, "archMap", known, error) < 0 ||
		    find(architectures, json_object_get(entry, "architecture"), "archMap.", "architecture",
			 &architecture, error) < 0)
			return -error->code;
		if (architecture == native && architectures_add(member(entry, "subArchitectures"),
								"archMap.subArchitectures", profile, error) < 0)
			return -error->code;
	}
	return 0;
}

static int flags_parse(const json_t *list, struct seccomp_profile *profile, struct error *error)
{
	if (array_check(list, "", "flags", error) < 0)
		return -error->code;
	for (size_t i = 0; i < json_array_size(list); i++) {
		uint32_t flag;
		if (find(flags, json_array_get(list, i), "", "flags", &flag, error) < 0)
			return -error->code;
		profile->flags |= flag;
	}
	return 0;
}

static int profile_parse(const json_t *json, uint32_t native, struct seccomp_profile *profile, struct error *error)
{
	static const char *const known[] = {"defaultAction", "defaultErrnoRet", "defaultErrno", "archMap",
					    "architectures", "flags",           "syscalls",     NULL};
	if (keys_check(json, "", known, error) < 0 ||
	    action_parse(json, "", "defaultAction", "defaultErrnoRet", "defaultErrno", &profile->default_action,
			 error) < 0 ||
	    architectures_parse(json, native, profile, error) < 0 ||
	    flags_parse(member(json, "flags"), profile, error) < 0)
		return -error->code;
	const json_t *rules = member(json, "syscalls");
	if (array_check(rules, "", "syscalls", error) < 0)
		return -error->code;
	profile->rules = calloc(json_array_size(rules) + 1, sizeof *profile->rules);
	if (!profile->rules)
		return error_errno(error, ENOMEM, "read the profile");
	for (size_t i = 0; i < json_array_size(rules); i++) {
		char where[48];
		snprintf(where, sizeof where, "syscalls[%zu]", i);
		if (rule_parse(json_array_get(rules, i), where, &profile->rules[profile->n_rules++], error) < 0)
			return -error->code;
	}
	return 0;
}

int seccomp_profile_parse(const char *text, size_t length, uint32_t native, struct seccomp_profile *profile,
			  struct error *error)
{
	*profile = (struct seccomp_profile){0};
	json_error_t fault;
	cleanup_json json_t *json = json_loadb(text, length, JSON_REJECT_DUPLICATES, &fault);
	if (!json)
		return error_set(error, EINVAL, "line %d: %s", fault.line, fault.text);
	return profile_parse(json, native, profile, error);
}

void seccomp_profile_free(struct seccomp_profile *profile)
{
	for (size_t i = 0; i < profile->n_rules; i++) {
		struct profile_rule *rule = &profile->rules[i];
		strings_free(rule->names);
		strings_free(rule->includes.architectures);
		strings_free(rule->excludes.architectures);
		free(rule->arguments);
	}
	free(profile->rules);
	*profile = (struct seccomp_profile){0};
}
