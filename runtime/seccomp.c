/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nsutil/base/cleanup.h"
#include "nsutil/base/file.h"
#include "runtime/capabilities.h"
#include "runtime/seccomp_cache.h"
#include "runtime/seccomp_profile.h"
#include "runtime/seccomp_program.h"

enum { PROFILE_LIMIT = 4 << 20 };

/* seccomp_image.S */
extern const struct sock_filter seccomp_image_start[] __attribute__((visibility("hidden")));
extern const struct sock_filter seccomp_image_end[] __attribute__((visibility("hidden")));

static const char by_default[] = "default", unconfined[] = "unconfined";

void seccomp_choice_free(struct seccomp_choice *choice)
{
	free(choice->name);
	free(choice->own);
	free(choice->log);
	*choice = (struct seccomp_choice){0};
}

static int no_memory(struct error *error)
{
	return error_errno(error, ENOMEM, "choose a seccomp filter");
}

static void take_image(struct seccomp_choice *choice)
{
	choice->filters = seccomp_image_start;
	choice->count = (size_t)(((const char *)seccomp_image_end - (const char *)seccomp_image_start) /
				 (ptrdiff_t)sizeof *seccomp_image_start);
}

/* Takes the program over. */
static void take_program(struct seccomp_choice *choice, struct bpf_program *program)
{
	choice->own = program->filters;
	choice->filters = program->filters;
	choice->count = program->count;
	*program = (struct bpf_program){0};
}

static int choose_opened(int state_root, uint64_t opening, struct seccomp_choice *choice, struct error *error)
{
	char text[512];
	int length = snprintf(text, sizeof text, "%s, opened for", by_default);
	for (int i = 0; i < 64; i++) {
		char name[32];
		if (!(opening >> i & 1))
			continue;
		capability_name(i, name, sizeof name);
		length += snprintf(text + length, sizeof text - (size_t)length, " %s", name);
	}
	cleanup_bpf struct bpf_program program = {0};
	/* The filter the build made stands for the table that both are made of. */
	size_t size = (size_t)((const char *)seccomp_image_end - (const char *)seccomp_image_start);
	cleanup_cache_key struct cache_key key = cache_key_make(opening, seccomp_image_start, size);
	if (!cache_find(state_root, &key, &program, &choice->flags)) {
		if (bpf_program_default(opening, &program, error) < 0)
			return -error->code;
		cache_keep(state_root, &key, &program, 0);
	}
	take_program(choice, &program);
	choice->name = strdup(text);
	return choice->name ? 0 : no_memory(error);
}

static int profile_compile(const char *text, size_t length, uint64_t capabilities, struct bpf_program *program,
			   uint32_t *flags, struct error *error)
{
	cleanup_profile struct seccomp_profile profile = {0};
	const struct profile_setting setting = profile_setting_here(capabilities);
	if (seccomp_profile_parse(text, length, architecture_native(), &profile, error) < 0 ||
	    seccomp_profile_compile(&profile, &setting, program, error) < 0)
		return -error->code;
	*flags = profile.flags;
	return 0;
}

static int choose_profile(int state_root, const char *path, uint64_t capabilities, struct seccomp_choice *choice,
			  struct error *error)
{
	cleanup_free char *text = NULL;
	ssize_t length = file_read_all(AT_FDCWD, path, PROFILE_LIMIT, &text);
	if (length < 0)
		return error_errno(error, (int)-length, "seccomp profile %s", path);
	cleanup_bpf struct bpf_program program = {0};
	cleanup_cache_key struct cache_key key = cache_key_make(capabilities, text, (size_t)length);
	if (!cache_find(state_root, &key, &program, &choice->flags)) {
		if (profile_compile(text, (size_t)length, capabilities, &program, &choice->flags, error) < 0)
			return error_wrap(error, "seccomp profile %s", path);
		cache_keep(state_root, &key, &program, choice->flags);
	}
	take_program(choice, &program);
	choice->name = strdup(path);
	return choice->name ? 0 : no_memory(error);
}

int seccomp_choose(int state_root, const char *option, uint64_t capabilities, struct seccomp_choice *choice,
		   struct error *error)
{
	*choice = (struct seccomp_choice){0};
	option = option ? option : by_default;
	bool is_default = strcmp(option, by_default) == 0;
	if (!is_default && strcmp(option, unconfined) != 0)
		return choose_profile(state_root, option, capabilities, choice, error);
	uint64_t opening = capabilities & bpf_program_default_capabilities();
	if (is_default && opening)
		return choose_opened(state_root, opening, choice, error);
	if (is_default)
		take_image(choice);
	choice->name = strdup(option);
	return choice->name ? 0 : no_memory(error);
}

int seccomp_choice_log(struct seccomp_choice *choice, struct error *error)
{
	if (!choice->filters)
		return error_set(error, EINVAL, "there is no seccomp filter to tell of: it is %s", choice->name);
	cleanup_bpf struct bpf_program program = {0};
	int code = bpf_program_add_telling(&program, choice->filters, choice->count, error);
	if (code < 0)
		return code;
	choice->log = program.filters;
	choice->n_log = program.count;
	program = (struct bpf_program){0};
	return 0;
}

bool seccomp_is_kept(const char *name)
{
	return strcmp(name, by_default) != 0 && strcmp(name, unconfined) != 0;
}

/* The file: flags, one word of zero, the filter. */
enum { KEPT_HEAD = 2 * sizeof(uint32_t) };

void *seccomp_choice_bytes(const struct seccomp_choice *choice, size_t *size)
{
	*size = KEPT_HEAD + choice->count * sizeof *choice->filters;
	char *bytes = calloc(1, *size);
	if (!bytes)
		return NULL;
	memcpy(bytes, &choice->flags, sizeof choice->flags);
	memcpy(bytes + KEPT_HEAD, choice->filters, choice->count * sizeof *choice->filters);
	return bytes;
}

int seccomp_choice_load(int directory, const char *file, const char *name, struct seccomp_choice *choice,
			struct error *error)
{
	*choice = (struct seccomp_choice){0};
	name = name ? name : by_default;
	choice->name = strdup(name);
	if (!choice->name)
		return no_memory(error);
	if (strcmp(name, unconfined) == 0)
		return 0;
	if (strcmp(name, by_default) == 0) {
		take_image(choice);
		return 0;
	}
	cleanup_free char *bytes = NULL;
	ssize_t size = file_read_all(directory, file, PROFILE_LIMIT, &bytes);
	if (size < 0)
		return error_errno(error, (int)-size, "read the container's seccomp filter");
	size_t filter_size = (size_t)size - KEPT_HEAD;
	if (size <= KEPT_HEAD || filter_size % sizeof *choice->own)
		return error_set(error, EBADMSG, "the container's seccomp filter is damaged");
	choice->own = malloc(filter_size);
	if (!choice->own)
		return no_memory(error);
	memcpy(&choice->flags, bytes, sizeof choice->flags);
	memcpy(choice->own, bytes + KEPT_HEAD, filter_size);
	choice->filters = choice->own;
	choice->count = filter_size / sizeof *choice->own;
	return 0;
}
