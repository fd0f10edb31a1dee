/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the library itself needs of a container's record, in the machine's own form: for all that is done with a
 * container it is read first, and reading JSON takes longer than most of what is done then.
 *
 *     struct numbers | strings, NUL-terminated, in the order of TEXTS | the command's words | layout of the cgroups
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/name.h"
#include "runtime/record.h"

struct numbers {
	uint64_t namespaces, capabilities, ambient, started_ns;
	struct berth_memory_policy memory_policy;
	uint32_t controllers, flags;
	int32_t oom_score_adj;
	uint32_t words;
};

enum { NAME, WORKDIR, CGROUP_PARENT, CGROUP_NAME, SECCOMP, FRAMEWORK, ROOT_PATH, USER, TEXTS };

int record_pack(const struct spec *spec, const struct cgroup_layout *layout, unsigned int controllers,
		uint64_t started_ns, struct record *record)
{
	char cgroup_name[NAME_ENCODED_SIZE];
	spec_cgroup_name(spec, cgroup_name);
	const char *const texts[TEXTS] = {
		[NAME] = spec->name,
		[WORKDIR] = spec->workdir,
		[CGROUP_PARENT] = spec->cgroup_parent,
		[CGROUP_NAME] = cgroup_name,
		[SECCOMP] = spec->seccomp.name,
		[FRAMEWORK] = spec->framework,
		[ROOT_PATH] = spec->root_directory,
		[USER] = spec->user,
	};
	struct numbers numbers = {
		.namespaces = spec_namespaces(spec),
		.capabilities = spec->capabilities,
		.ambient = spec->ambient,
		.started_ns = started_ns,
		.memory_policy = spec->memory_policy,
		.controllers = controllers,
		.flags = spec->flags,
		.oom_score_adj = spec->oom_score_adj,
	};
	size_t size = sizeof numbers;
	for (size_t i = 0; i < TEXTS; i++)
		size += texts[i] ? strlen(texts[i]) + 1 : 1;
	for (; spec->argv[numbers.words]; numbers.words++)
		size += strlen(spec->argv[numbers.words]) + 1;
	if (layout)
		size += cgroup_layout_pack(layout, NULL);
	char *packed = malloc(size), *next = packed;
	if (!packed)
		return -ENOMEM;
	next = mempcpy(next, &numbers, sizeof numbers);
	for (size_t i = 0; i < TEXTS; i++)
		next = stpcpy(next, texts[i] ? texts[i] : "") + 1;
	for (size_t i = 0; i < numbers.words; i++)
		next = stpcpy(next, spec->argv[i]) + 1;
	if (layout)
		cgroup_layout_pack(layout, next);
	return record_unpack(packed, size, record);
}

/* The string at *next, which moves behind it; NULL where none ends before the end. */
static const char *text_take(const char **next, const char *end)
{
	const char *text = *next, *nul = memchr(text, '\0', (size_t)(end - text));
	*next = nul ? nul + 1 : end;
	return nul ? text : NULL;
}

static const char *unless_empty(const char *text)
{
	return *text ? text : NULL;
}

static int unpack(struct record *record)
{
	struct numbers numbers;
	if (record->packed_size < sizeof numbers)
		return -EBADMSG;
	memcpy(&numbers, record->packed, sizeof numbers);
	const char *next = (const char *)record->packed + sizeof numbers;
	const char *end = (const char *)record->packed + record->packed_size;
	const char *texts[TEXTS];
	for (size_t i = 0; i < TEXTS; i++)
		if (!(texts[i] = text_take(&next, end)))
			return -EBADMSG;
	/* Each takes a byte at least. */
	if (!numbers.words || numbers.words > (size_t)(end - next))
		return -EBADMSG;
	record->argv = calloc(numbers.words + 1, sizeof *record->argv);
	if (!record->argv)
		return -ENOMEM;
	for (size_t i = 0; i < numbers.words; i++)
		if (!(record->argv[i] = text_take(&next, end)))
			return -EBADMSG;
	record->name = texts[NAME];
	record->workdir = texts[WORKDIR];
	record->cgroup_parent = texts[CGROUP_PARENT];
	record->cgroup_name = texts[CGROUP_NAME];
	record->seccomp = texts[SECCOMP];
	record->framework = unless_empty(texts[FRAMEWORK]);
	record->root_directory = unless_empty(texts[ROOT_PATH]);
	record->user = unless_empty(texts[USER]);
	record->namespaces = numbers.namespaces;
	record->capabilities = numbers.capabilities;
	record->ambient = numbers.ambient;
	record->started_ns = numbers.started_ns;
	record->memory_policy = numbers.memory_policy;
	record->controllers = numbers.controllers;
	record->layout = next;
	record->layout_size = (size_t)(end - next);
	record->flags = numbers.flags;
	record->oom_score_adj = numbers.oom_score_adj;
	return 0;
}

int record_unpack(void *packed, size_t size, struct record *record)
{
	*record = (struct record){.packed = packed, .packed_size = size};
	int code = unpack(record);
	if (code < 0)
		record_free(record);
	return code;
}

void record_free(struct record *record)
{
	free(record->argv);
	free(record->packed);
	*record = (struct record){0};
}
