/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/seccomp_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "nsutil/base/file.h"
#include "runtime/berth.h"

enum {
	SLOTS = 64,          /* files: what falls on the same one takes its place */
	FILE_LIMIT = 8 << 20 /* bytes; a profile has half of that at the most */
};

static const char magic[8] = "berthbpf";

struct head {
	char magic[sizeof magic];
	uint32_t key_size; /* bytes, behind this head */
	uint32_t flags;    /* SECCOMP_FILTER_FLAG_* */
	uint32_t count;    /* instructions, behind the key */
	uint32_t reserved; /* zero */
	uint64_t checksum; /* of all that is behind the head, going on from flags */
};

/* FNV-1a: picks the slot, and tells a torn file. What decides is the comparison of the key. */
static uint64_t hash(uint64_t state, const void *data, size_t size)
{
	const unsigned char *bytes = data;
	for (size_t i = 0; i < size; i++)
		state = (state ^ bytes[i]) * UINT64_C(0x100000001b3);
	return state;
}

static const uint64_t hash_start = UINT64_C(0xcbf29ce484222325);

struct cache_key cache_key_make(uint64_t capabilities, const void *source, size_t size)
{
	char head[512];
	struct utsname kernel = {0};
	uname(&kernel);
	const struct scmp_version *library = seccomp_version();
	int length = snprintf(head, sizeof head,
			      "berth %s libseccomp %u.%u.%u architecture %x kernel %s capabilities %llx\n",
			      berth_version(), library->major, library->minor, library->micro, architecture_native(),
			      kernel.release, (unsigned long long)capabilities);
	struct cache_key key = {malloc((size_t)length + size), (size_t)length + size};
	if (key.bytes) {
		memcpy(key.bytes, head, (size_t)length);
		memcpy((char *)key.bytes + length, source, size);
	}
	return key;
}

void cache_key_free(struct cache_key *key)
{
	free(key->bytes);
	*key = (struct cache_key){0};
}

/* Whether it belongs to the caller, and nobody else may write to it. */
static bool is_own(const struct stat *status, mode_t type)
{
	return (status->st_mode & S_IFMT) == type && status->st_uid == geteuid() && !(status->st_mode & 022);
}

static int directory_open(int state_root, bool make)
{
	static const char name[] = ".seccomp";
	struct stat status;
	if (state_root < 0 || (make && mkdirat(state_root, name, 0700) < 0 && errno != EEXIST))
		return -1;
	cleanup_fd int fd = openat(state_root, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd >= 0 && fstat(fd, &status) == 0 && is_own(&status, S_IFDIR) ? steal_fd(&fd) : -1;
}

static void slot_name(const struct cache_key *key, char name[16])
{
	snprintf(name, 16, "%02x", (unsigned int)(hash(hash_start, key->bytes, key->size) % SLOTS));
}

static uint64_t checksum(const struct head *head, const void *key, const void *filters)
{
	uint64_t state = hash(hash_start, &head->flags, sizeof head->flags);
	state = hash(state, key, head->key_size);
	return hash(state, filters, head->count * sizeof(struct sock_filter));
}

/* Whether the file is whole and of this key. */
static bool fits(const char *bytes, size_t size, const struct cache_key *key)
{
	struct head head;
	if (size < sizeof head)
		return false;
	memcpy(&head, bytes, sizeof head);
	const char *its_key = bytes + sizeof head, *filters = its_key + key->size;
	return memcmp(head.magic, magic, sizeof magic) == 0 && head.reserved == 0 && head.key_size == key->size &&
	       head.count > 0 && head.count <= BPF_MAXINSNS &&
	       size == sizeof head + key->size + head.count * sizeof(struct sock_filter) &&
	       memcmp(its_key, key->bytes, key->size) == 0 && head.checksum == checksum(&head, its_key, filters);
}

bool cache_find(int state_root, const struct cache_key *key, struct bpf_program *program, uint32_t *flags)
{
	char name[16];
	cleanup_free char *bytes = NULL;
	cleanup_fd int directory = directory_open(state_root, false);
	if (directory < 0 || !key->bytes)
		return false;
	slot_name(key, name);
	/* Nobody else can put another there in between: the directory is the caller's own. */
	struct stat status;
	if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) < 0 || !is_own(&status, S_IFREG))
		return false;
	ssize_t size = file_read_all(directory, name, FILE_LIMIT, &bytes);
	if (size < 0 || !fits(bytes, (size_t)size, key))
		return false;
	struct head head;
	memcpy(&head, bytes, sizeof head);
	program->filters = malloc(head.count * sizeof *program->filters);
	if (!program->filters)
		return false;
	memcpy(program->filters, bytes + sizeof head + key->size, head.count * sizeof *program->filters);
	program->count = head.count;
	*flags = head.flags;
	return true;
}

void cache_keep(int state_root, const struct cache_key *key, const struct bpf_program *program, uint32_t flags)
{
	char name[16];
	cleanup_fd int directory = directory_open(state_root, true);
	size_t filter_size = program->count * sizeof *program->filters;
	struct head head = {.key_size = (uint32_t)key->size, .flags = flags, .count = (uint32_t)program->count};
	size_t size = sizeof head + key->size + filter_size;
	if (directory < 0 || !key->bytes || size > FILE_LIMIT)
		return;
	memcpy(head.magic, magic, sizeof magic);
	head.checksum = checksum(&head, key->bytes, program->filters);
	cleanup_free char *bytes = malloc(size);
	if (!bytes)
		return;
	memcpy(bytes, &head, sizeof head);
	memcpy(bytes + sizeof head, key->bytes, key->size);
	memcpy(bytes + sizeof head + key->size, program->filters, filter_size);
	slot_name(key, name);
	/* Two at a time write to one temporary file, maybe: what comes of that, readers take for torn. */
	file_replace(directory, name, bytes, size, 0600);
}
