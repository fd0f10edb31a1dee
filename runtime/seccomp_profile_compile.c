/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "nsutil/base/cleanup.h"
#include "runtime/seccomp_profile.h"

static bool named(char *const *list, const char *name)
{
	for (; name && list && *list; list++)
		if (strcmp(*list, name) == 0)
			return true;
	return false;
}

bool profile_rule_applies(const struct profile_rule *rule, const struct profile_setting *setting)
{
	const struct profile_condition *in = &rule->includes, *out = &rule->excludes;
	if (in->never || (in->capabilities & ~setting->capabilities) || setting->kernel < in->kernel)
		return false;
	if (in->architectures && !named(in->architectures, setting->architecture))
		return false;
	return !(out->capabilities & setting->capabilities) && !named(out->architectures, setting->architecture) &&
	       !(out->kernel && setting->kernel >= out->kernel);
}

struct profile_setting profile_setting_here(uint64_t capabilities)
{
	static const struct {
		uint32_t architecture;
		const char *name; /* as profiles have them: Go's names */
	} names[] = {
		{SCMP_ARCH_X86_64, "amd64"},    {SCMP_ARCH_X86, "x86"},         {SCMP_ARCH_AARCH64, "arm64"},
		{SCMP_ARCH_ARM, "arm"},         {SCMP_ARCH_PPC64LE, "ppc64le"}, {SCMP_ARCH_S390X, "s390x"},
		{SCMP_ARCH_RISCV64, "riscv64"},
	};
	struct profile_setting setting = {.capabilities = capabilities};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (names[i].architecture == architecture_native())
			setting.architecture = names[i].name;
	struct utsname kernel;
	unsigned int major, minor;
	if (uname(&kernel) == 0 && sscanf(kernel.release, "%u.%u", &major, &minor) == 2)
		setting.kernel = major << 16 | minor;
	return setting;
}

static bool repeats_an_argument(const struct profile_rule *rule)
{
	for (size_t i = 0; i < rule->n_arguments; i++)
		for (size_t j = 0; j < i; j++)
			if (rule->arguments[i].arg == rule->arguments[j].arg)
				return true;
	return false;
}

static int call_add(scmp_filter_ctx rules, const struct profile_rule *rule, int call)
{
	/* As runc has it: conditions on one argument, which no rule can hold two of, are alternatives. */
	if (!repeats_an_argument(rule))
		return seccomp_rule_add_array(rules, rule->action, call, (unsigned int)rule->n_arguments,
					      rule->arguments);
	int code = 0;
	for (size_t i = 0; code == 0 && i < rule->n_arguments; i++)
		code = seccomp_rule_add_array(rules, rule->action, call, 1, &rule->arguments[i]);
	return code;
}

static int rules_add(scmp_filter_ctx rules, const struct seccomp_profile *profile,
		     const struct profile_setting *setting, struct error *error)
{
	for (size_t i = 0; i < profile->n_rules; i++) {
		const struct profile_rule *rule = &profile->rules[i];
		/* libseccomp wants no rule that says what holds anyway. */
		if (rule->action == profile->default_action || !profile_rule_applies(rule, setting))
			continue;
		for (char **name = rule->names; *name; name++) {
			int call = seccomp_syscall_resolve_name(*name);
			int code = call == __NR_SCMP_ERROR ? 0 : call_add(rules, rule, call);
			if (code < 0)
				return error_errno(error, -code, "syscalls[%zu]: %s", i, *name);
		}
	}
	return 0;
}

static bool refuses(uint32_t action)
{
	return action != SCMP_ACT_ALLOW && action != SCMP_ACT_LOG && (action & 0x7fff0000) != SCMP_ACT_TRACE(0);
}

/* The highest number in this architecture of all calls that the profile names, whatever it says of them; -1: none. */
static int highest_number(const struct seccomp_profile *profile, uint32_t architecture)
{
	int highest = -1;
	for (size_t i = 0; i < profile->n_rules; i++)
		for (char **name = profile->rules[i].names; *name; name++) {
			int number = seccomp_syscall_resolve_name_arch(architecture, *name);
			/* ARM has private calls far above. */
			if (number > highest && number < 0xf0000)
				highest = number;
		}
	return highest;
}

int seccomp_profile_compile(const struct seccomp_profile *profile, const struct profile_setting *setting,
			    struct bpf_program *program, struct error *error)
{
	*program = (struct bpf_program){0};
	cleanup_bpf struct bpf_program made = {0};
	cleanup_rules scmp_filter_ctx rules = seccomp_init(profile->default_action);
	if (!rules)
		return error_errno(error, ENOMEM, "make a seccomp filter");
	int code = seccomp_attr_set(rules, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	for (size_t i = 0; code == 0 && i < profile->n_architectures; i++) {
		code = seccomp_arch_add(rules, profile->architectures[i]);
		if (code == -EEXIST)
			code = 0;
		else if (code < 0)
			return error_set(error, EINVAL,
					 "this machine's filters can't have all the architectures named "
					 "beside its own");
	}
	if (code < 0)
		return error_errno(error, -code, "make a seccomp filter");
	if (rules_add(rules, profile, setting, error) < 0)
		return -error->code;
	const uint32_t architectures[] = {architecture_native(), architecture_compat()};
	for (size_t i = 0; i < 2 && refuses(profile->default_action); i++) {
		bool covered = architectures[i] && seccomp_arch_exist(rules, architectures[i]) == 0;
		int highest = covered ? highest_number(profile, architectures[i]) : -1;
		if (highest >= 0 && architectures[i] != SCMP_ARCH_ARM &&
		    bpf_program_add_ceiling(&made, architectures[i], highest, error) < 0)
			return -error->code;
	}
	code = bpf_program_add_rules(&made, rules, error);
	if (code < 0)
		return code;
	*program = made;
	made = (struct bpf_program){0};
	return 0;
}
