/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/context.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "nsutil/base/file.h"
#include "nsutil/blank.h"
#include "nsutil/init_image.h"
#include "runtime/capabilities.h"
#include "runtime/prepare.h"
#include "runtime/spec.h"

int error_export(const struct error *inner, struct berth_error *outer)
{
	if (outer) {
		outer->code = inner->code;
		outer->exit_status = inner->exit_status;
		memcpy(outer->text, inner->text, sizeof outer->text);
	}
	return -inner->code;
}

_Static_assert(sizeof((struct error){0}.text) == sizeof((struct berth_error){0}.text), "the texts are of one size");

int struct_import(void *known, size_t known_size, const void *given, struct error *error, const char *name)
{
	size_t size;
	memcpy(&size, given, sizeof size);
	if (size < sizeof size || size > 1 << 16)
		return error_set(error, EINVAL, "struct %s says it has %zu bytes: initialise it with its _INIT macro",
				 name, size);
	for (size_t i = known_size; i < size; i++)
		if (((const char *)given)[i])
			return error_set(error, E2BIG, "struct %s asks for what this version of libberth does not know",
					 name);
	memset(known, 0, known_size);
	memcpy(known, given, size < known_size ? size : known_size);
	return 0;
}

void struct_export(const void *known, size_t known_size, void *given)
{
	size_t size;
	memcpy(&size, given, sizeof size);
	size_t copied = size < known_size ? size : known_size;
	if (copied > sizeof size)
		memcpy((char *)given + sizeof size, (const char *)known + sizeof size, copied - sizeof size);
}

uint64_t now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

/* Absolute, so that it stays right when the caller changes directory. malloc'ed. */
static char *absolute(const char *path)
{
	if (path[0] == '/')
		return strdup(path);
	cleanup_free char *here = getcwd(NULL, 0);
	char *joined = NULL;
	return here && asprintf(&joined, "%s/%s", here, path) >= 0 ? joined : NULL;
}

static const char system_state_root[] = "/run/berth";

static const char *first_set(const char *given, const char *variable, const char *fallback)
{
	const char *value = given ? given : secure_getenv(variable);
	return value && *value ? value : fallback;
}

/* Root's by default, or the user's own. malloc'ed. */
static char *state_root_path(const char *given)
{
	const char *path = first_set(given, "BERTH_STATE_ROOT", "");
	const char *runtime = geteuid() == 0 ? NULL : secure_getenv("XDG_RUNTIME_DIR");
	char *own;
	if (*path || !runtime || *runtime != '/')
		return absolute(*path ? path : system_state_root);
	return asprintf(&own, "%s/berth", runtime) < 0 ? NULL : own;
}

/* A directory that others could have put things into is not believed. */
static int owner_check(const char *what, const char *path, const struct stat *status, struct error *error)
{
	if (status->st_uid != geteuid())
		return error_set(error, EPERM,
				 "the %s directory %s belongs to user %u, not to user %u: remove it, or choose another",
				 what, path, status->st_uid, geteuid());
	if (status->st_mode & 022)
		return error_set(error, EPERM,
				 "the %s directory %s is writable by others (mode %04o): chmod it to 0700", what, path,
				 status->st_mode & 07777);
	return 0;
}

/*
 * Opens the state root, made 0700 if missing, and refuses one that others could have put things into. A user who has
 * none makes none, and gets along without: -1 in *opened.
 */
static int state_root_open(const char *path, int *opened, struct error *error)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	bool launches = geteuid() == 0 || strcmp(path, system_state_root) != 0;
	cleanup_fd int fd = open(path, flags);
	if (fd < 0 && errno == ENOENT && launches) {
		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			return error_errno(error, errno, "make the state directory %s", path);
		fd = open(path, flags);
	}
	if (fd < 0 && !launches && (errno == EACCES || errno == ENOENT))
		return 0;
	if (fd < 0)
		return error_errno(error, errno, "open the state directory %s", path);
	struct stat status;
	if (fstat(fd, &status) < 0)
		return error_errno(error, errno, "look at the state directory %s", path);
	if (owner_check("state", path, &status, error) < 0)
		return -error->code;
	*opened = steal_fd(&fd);
	return 0;
}

static int data_root_check(const char *path, struct error *error)
{
	struct stat status;
	if (stat(path, &status) < 0 || geteuid() != 0)
		return 0;
	if (!S_ISDIR(status.st_mode))
		return error_errno(error, ENOTDIR, "the data directory %s", path);
	return owner_check("data", path, &status, error);
}

int context_require_state(const struct berth *berth, struct error *error)
{
	if (berth->state_fd >= 0)
		return 0;
	return error_set(
		error, EPERM,
		"the state directory %s is root's: set XDG_RUNTIME_DIR, or BERTH_STATE_ROOT, to a directory of "
		"your own, or run as root",
		berth->state_root);
}

static int context_open(const struct berth_config *config, struct berth *berth, struct error *error)
{
	berth->state_root = state_root_path(config->state_root);
	berth->data_root = absolute(first_set(config->data_root, "BERTH_DATA_ROOT", "/var/lib/berth"));
	berth->subuid = "/etc/subuid";
	berth->subgid = "/etc/subgid";
	berth->ids = (struct id_registry){.path = strdup("/run/berth-ids"), .kept = strdup("/var/lib/berth-ids")};
	if (!berth->state_root || !berth->data_root || !berth->ids.path || !berth->ids.kept ||
	    asprintf(&berth->stage, "%s/.stage", berth->state_root) < 0)
		return error_errno(error, ENOMEM, "open berth");
	if (state_root_open(berth->state_root, &berth->state_fd, error) < 0 ||
	    data_root_check(berth->data_root, error) < 0)
		return -error->code;
	return 0;
}

/* ---- What is made when it is first needed ---- */

int context_require_init(struct berth *berth, struct error *error)
{
	pthread_mutex_lock(&berth->lock);
	int code = 0;
	if (berth->init_fd < 0) {
		int fd = init_image_open(error);
		if (fd < 0)
			code = fd;
		else
			berth->init_fd = fd;
	}
	pthread_mutex_unlock(&berth->lock);
	return code;
}

int context_require_stage(struct berth *berth, struct error *error)
{
	pthread_mutex_lock(&berth->lock);
	int code = 0;
	if (!berth->staged && mkdirat(berth->state_fd, ".stage", 0700) < 0 && errno != EEXIST)
		code = error_errno(error, errno, "make %s", berth->stage);
	berth->staged = code == 0;
	pthread_mutex_unlock(&berth->lock);
	return code;
}

struct context_kept context_kept(struct berth *berth, bool wants_blank)
{
	pthread_mutex_lock(&berth->lock);
	if (berth->has_launched && wants_blank && berth->blank_fd < 0)
		berth->blank_fd = blank_open(berth->stage);
	if (berth->has_launched && !berth->self.page) {
		self_open(&berth->self);
		berth->oom_score_fd = open("/proc/self/oom_score_adj", O_RDONLY | O_CLOEXEC);
	}
	berth->has_launched = true;
	const struct context_kept kept = {
		.blank_fd = wants_blank ? berth->blank_fd : -1,
		.self_pidfd = berth->self_is_useless ? -1 : self_pidfd(&berth->self),
	};
	pthread_mutex_unlock(&berth->lock);
	return kept;
}

void context_drop_self(struct berth *berth)
{
	pthread_mutex_lock(&berth->lock);
	berth->self_is_useless = true;
	pthread_mutex_unlock(&berth->lock);
}

uint64_t context_bounding(struct berth *berth)
{
	pthread_mutex_lock(&berth->lock);
	if (!berth->bounding)
		berth->bounding = capabilities_bounding();
	uint64_t set = berth->bounding;
	pthread_mutex_unlock(&berth->lock);
	return set;
}

int context_oom_score(struct berth *berth)
{
	pthread_mutex_lock(&berth->lock);
	int fd = self_is_this(&berth->self) ? berth->oom_score_fd : -1;
	pthread_mutex_unlock(&berth->lock);
	char text[16] = "";
	return fd >= 0 && pread(fd, text, sizeof text - 1, 0) > 0 ? atoi(text) : oom_score_own();
}

int context_require_layout(struct berth *berth, struct error *error)
{
	pthread_mutex_lock(&berth->lock);
	int code = berth->layout ? 0 : cgroup_layout_open(NULL, &berth->layout, error);
	pthread_mutex_unlock(&berth->lock);
	return code;
}

/* Containers of one machine were mostly launched under the same layout: the first that is recalled is kept. */
static const struct cgroup_layout *layout_recorded(struct berth *berth, const void *packed, size_t size)
{
	if (berth->recorded)
		return size == berth->recorded_size && memcmp(packed, berth->recorded_packed, size) == 0
			       ? berth->recorded
			       : NULL;
	cleanup_free void *copy = malloc(size + 1);
	if (!copy || cgroup_layout_unpack(packed, size, &berth->recorded) < 0)
		return NULL;
	berth->recorded_packed = memcpy(steal_pointer(&copy), packed, size);
	berth->recorded_size = size;
	return berth->recorded;
}

int context_layout_of(struct berth *berth, const void *packed, size_t size, const struct cgroup_layout **layout,
		      struct error *error)
{
	pthread_mutex_lock(&berth->lock);
	*layout = berth->layout ? berth->layout : layout_recorded(berth, packed, size);
	pthread_mutex_unlock(&berth->lock);
	if (*layout)
		return 0;
	int code = context_require_layout(berth, error);
	*layout = berth->layout;
	return code;
}

const char *context_boot_id(struct berth *berth)
{
	pthread_mutex_lock(&berth->lock);
	char text[BOOT_ID_SIZE + 2];
	if (!*berth->boot_id &&
	    file_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id", text, sizeof text) >= BOOT_ID_SIZE)
		memcpy(berth->boot_id, text, BOOT_ID_SIZE);
	pthread_mutex_unlock(&berth->lock);
	return berth->boot_id;
}

int berth_open(const struct berth_config *config, struct berth **berth, struct berth_error *error)
{
	struct error inner = {0};
	struct berth_config known = {0};
	if (config && struct_import(&known, sizeof known, config, &inner, "berth_config") < 0)
		return error_export(&inner, error);
	struct berth *opened = calloc(1, sizeof *opened);
	if (!opened) {
		error_errno(&inner, ENOMEM, "open berth");
		return error_export(&inner, error);
	}
	opened->state_fd = opened->init_fd = opened->blank_fd = opened->oom_score_fd = -1;
	opened->self = (struct self)SELF_NONE;
	pthread_mutex_init(&opened->lock, NULL);
	opened->uid = geteuid();
	if (context_open(&known, opened, &inner) < 0) {
		berth_close(opened);
		return error_export(&inner, error);
	}
	*berth = opened;
	return 0;
}

static void id_registry_free(struct id_registry *registry)
{
	free(registry->path);
	free(registry->kept);
}

void berth_close(struct berth *berth)
{
	if (!berth)
		return;
	prepared_end_all(berth);
	cgroup_layout_free(berth->layout);
	cgroup_layout_free(berth->recorded);
	free(berth->recorded_packed);
	self_close(&berth->self);
	if (berth->blank_fd >= 0)
		close(berth->blank_fd);
	if (berth->oom_score_fd >= 0)
		close(berth->oom_score_fd);
	if (berth->init_fd >= 0)
		close(berth->init_fd);
	if (berth->state_fd >= 0)
		close(berth->state_fd);
	pthread_mutex_destroy(&berth->lock);
	free(berth->stage);
	id_registry_free(&berth->ids);
	free(berth->data_root);
	free(berth->state_root);
	free(berth);
}

const char *berth_version(void)
{
	return BERTH_VERSION;
}

const char *berth_cgroup_layout(const struct berth *berth)
{
	/* To the caller it is the same context as before. */
	return context_require_layout((struct berth *)berth, NULL) == 0 ? cgroup_layout_name(berth->layout) : "unknown";
}

int context_use_ids(struct berth *berth, const char *subuid, const char *subgid, const char *id_registry)
{
	struct id_registry own = {.path = strdup(id_registry)};
	if (!own.path || asprintf(&own.kept, "%s-kept", id_registry) < 0) {
		free(own.path);
		return -ENOMEM;
	}
	id_registry_free(&berth->ids);
	berth->ids = own;
	berth->subuid = subuid;
	berth->subgid = subgid;
	return 0;
}

void context_inject_failure(struct berth *berth, size_t step, int code)
{
	berth->fail_step = step;
	berth->fail_error = code;
}
