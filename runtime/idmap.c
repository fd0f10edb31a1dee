/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/idmap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "nsutil/base/file.h"
#include "nsutil/userns.h"
#include "runtime/framework.h"
#include "runtime/id_registry.h"
#include "runtime/name.h"
#include "runtime/parse.h"
#include "runtime/state.h"
#include "runtime/subid.h"
#include "runtime/users.h"

enum { SIZE_DEFAULT = 65536, MAPS_SIZE = 2 * ID_RANGES_MAX * 40 };

static const char *const owner = "berth"; /* whose lines in /etc/subuid and /etc/subgid root's containers take */

/* ---- Options ---- */

static bool overlap(uint32_t one, uint32_t one_length, uint32_t other, uint32_t other_length)
{
	return (uint64_t)one < (uint64_t)other + other_length && (uint64_t)other < (uint64_t)one + one_length;
}

static int map_import(const struct berth_id_range *given, size_t count, const char *what, struct id_map *map,
		      struct error *error)
{
	if (count > ID_RANGES_MAX)
		return error_set(error, E2BIG, "a map of %ss has %d ranges at the most, not %zu", what, ID_RANGES_MAX,
				 count);
	uint32_t root;
	for (size_t i = 0; i < count; i++) {
		struct id_range range = {given[i].inside, given[i].outside, given[i].length};
		if (!range.length || range.length > UINT32_MAX - range.inside ||
		    range.length > UINT32_MAX - range.outside)
			return error_set(error, EINVAL, "the range %u:%u:%u of %ss can't be: ids lie below 4294967295",
					 range.inside, range.outside, range.length, what);
		for (size_t j = 0; j < i; j++)
			if (overlap(range.inside, range.length, map->ranges[j].inside, map->ranges[j].length) ||
			    overlap(range.outside, range.length, map->ranges[j].outside, map->ranges[j].length))
				return error_set(error, EINVAL, "the ranges %u:%u:%u and %u:%u:%u of %ss overlap",
						 map->ranges[j].inside, map->ranges[j].outside, map->ranges[j].length,
						 range.inside, range.outside, range.length, what);
		map->ranges[map->count++] = range;
	}
	if (!id_map_outside(map, 0, &root))
		return error_set(error, EINVAL, "the map of %ss must map id 0: the container is set up as that", what);
	return 0;
}

static int size_import(const char *text, uint32_t *size, struct error *error)
{
	uint64_t number;
	int code = parse_number(text, "number of ids in userns", UINT32_MAX - 1, &number, error);
	if (code == 0 && number == 0)
		code = error_set(error, ERANGE, "'%s' is no number of ids in userns: one at the least", text);
	*size = (uint32_t)number;
	return code;
}

int idmap_from_options(const struct berth_options *options, struct spec *spec, struct error *error)
{
	const char *userns = options->userns;
	spec->rootless = geteuid() != 0;
	if (options->n_gid_map && !options->n_uid_map)
		return error_set(error, EINVAL, "a map of group ids needs one of user ids beside it");
	if (options->n_uid_map) {
		if (userns)
			return error_set(error, EINVAL, "userns '%s' and maps of ids exclude each other", userns);
		spec->userns = USERNS_MAPS;
		if (map_import(options->uid_map, options->n_uid_map, "user id", &spec->maps.uids, error) < 0)
			return -error->code;
		if (!options->n_gid_map)
			spec->maps.gids = spec->maps.uids;
		else if (map_import(options->gid_map, options->n_gid_map, "group id", &spec->maps.gids, error) < 0)
			return -error->code;
	} else if (userns ? strcmp(userns, "host") == 0 : !spec->rootless) {
		spec->userns = USERNS_HOST;
		if (spec->rootless)
			return error_set(error, EPERM,
					 "only root can run containers without a user namespace: leave userns 'host' "
					 "out, or run as root");
	} else if (!userns || strcmp(userns, "auto") == 0) {
		spec->userns = USERNS_AUTO;
	} else if (strncmp(userns, "auto:", 5) == 0) {
		spec->userns = USERNS_AUTO;
		if (size_import(userns + 5, &spec->userns_size, error) < 0)
			return -error->code;
		if (spec->rootless)
			return error_set(
				error, EPERM,
				"only root can give a container %u ids of its own: an ordinary user's have all "
				"those of the user: leave the number out",
				spec->userns_size);
	} else {
		return error_set(error, EINVAL, "userns '%s' is none of host, auto, and auto:SIZE", userns);
	}
	uint32_t uid = 0, gid = 0;
	id_map_outside(&spec->maps.uids, 0, &uid);
	id_map_outside(&spec->maps.gids, 0, &gid);
	/* Anybody else could not even come to the user's files. */
	if (spec->rootless && spec->userns == USERNS_MAPS && (uid != geteuid() || gid != getegid()))
		return error_set(error, EINVAL,
				 "an ordinary user's maps must map id 0 to the user itself, uid %u and gid %u",
				 geteuid(), getegid());
	if (spec->rootless && spec->root_kind == ROOT_FRAMEWORK)
		return error_set(
			error, EPERM,
			"framework roots need root: an ordinary user's are host, host-rw, DIR and overlay:DIR");
	return 0;
}

/* ---- Maps ---- */

static int ranges_of_root(const struct berth *berth, struct id_map *uids, struct id_map *gids, struct error *error)
{
	static const struct {
		const char *name;
		uid_t uid;
	} users[] = {{owner, (uid_t)-1}, {"root", 0}};
	for (size_t i = 0; i < 2 && !(uids->count && gids->count); i++) {
		uids->count = gids->count = 0;
		if (subid_read(berth->subuid, users[i].name, users[i].uid, uids, error) < 0 ||
		    subid_read(berth->subgid, users[i].name, users[i].uid, gids, error) < 0)
			return -error->code;
	}
	return 0;
}

static int ranges_of_user(const struct berth *berth, struct id_map *uids, struct id_map *gids, struct error *error)
{
	cleanup_free char *name = users_name("/", geteuid());
	if (!userns_has_helpers())
		return 0;
	int code = subid_read(berth->subuid, name, geteuid(), uids, error);
	return code < 0 ? code : subid_read(berth->subgid, name, geteuid(), gids, error);
}

int idmap_ranges(const struct berth *berth, struct id_map *uids, struct id_map *gids, struct error *error)
{
	uids->count = gids->count = 0;
	int code = (geteuid() == 0 ? ranges_of_root : ranges_of_user)(berth, uids, gids, error);
	/* Both or none: users without groups of theirs are of little use. */
	if (!uids->count || !gids->count)
		uids->count = gids->count = 0;
	return code;
}

/* The user is looked for before anything is taken, in the maps that the framework's root has or else in new ones. */
static int check_user_first(const struct berth *berth, struct spec *spec, uint32_t size, struct error *error)
{
	int known = spec->root_kind == ROOT_FRAMEWORK ? framework_ids_look(berth, spec, error) : 0;
	if (known < 0)
		return known;
	if (!known) {
		spec->maps.uids = (struct id_map){.ranges = {{0, 0, size}}, .count = 1};
		spec->maps.gids = spec->maps.uids;
	}
	int code = idmap_check_user(&spec->maps, spec, error);
	return code < 0 ? code : known;
}

static int take_range(const struct berth *berth, struct spec *spec, uint32_t size, const struct id_maps *given,
		      const struct id_holder *holder, struct error *error)
{
	if (spec->root_kind != ROOT_FRAMEWORK || !holder)
		return id_registry_claim(&berth->ids, &given->uids, &given->gids, size, holder, &spec->maps, error);
	int code = framework_ids_claim(berth, spec, size, given, error);
	return code < 0 ? code : id_registry_share(&berth->ids, &spec->maps, holder, error);
}

static int resolve_range(const struct berth *berth, struct spec *spec, int record, struct error *error)
{
	uint32_t size = spec->userns_size ? spec->userns_size : SIZE_DEFAULT;
	struct id_maps given;
	int code = idmap_ranges(berth, &given.uids, &given.gids, error);
	if (code < 0)
		return code;
	if (!given.uids.count)
		return error_set(error, ENOENT,
				 "there are no ids for user namespaces: give %s some, with a line like "
				 "%s:1000000:65536000 in both %s and %s",
				 owner, owner, berth->subuid, berth->subgid);
	int known = check_user_first(berth, spec, size, error);
	if (known < 0 || (known && record < 0))
		return known < 0 ? known : 0;
	char encoded[NAME_ENCODED_SIZE];
	cleanup_free char *path = NULL;
	name_encode(spec->name, encoded);
	if (asprintf(&path, "%s/%s", berth->state_root, encoded) < 0)
		return path = NULL, error_errno(error, ENOMEM, "take a range of user ids");
	const struct id_holder holder = {.fd = record, .path = path};
	return take_range(berth, spec, size, &given, record < 0 ? NULL : &holder, error);
}

/* Root inside is the user itself; the ids from 1 on are those that the file gives it. */
static void map_append(const struct id_map *given, uint32_t self, struct id_map *map)
{
	*map = (struct id_map){.ranges = {{0, self, 1}}, .count = 1};
	uint32_t next = 1;
	for (size_t i = 0; i < given->count && map->count < ID_RANGES_MAX; i++) {
		struct id_range range = given->ranges[i];
		range.inside = next;
		if (range.length > UINT32_MAX - next)
			range.length = UINT32_MAX - next;
		/* A user may have been given its own id too. */
		if (!range.length || overlap(range.outside, range.length, self, 1))
			continue;
		map->ranges[map->count++] = range;
		next += range.length;
	}
}

static int resolve_rootless(const struct berth *berth, struct spec *spec, struct error *error)
{
	struct id_map uids, gids;
	int code = idmap_ranges(berth, &uids, &gids, error);
	map_append(&uids, geteuid(), &spec->maps.uids);
	map_append(&gids, getegid(), &spec->maps.gids);
	return code;
}

int idmap_resolve(const struct berth *berth, struct spec *spec, int record, struct error *error)
{
	int code = 0;
	if (spec->userns == USERNS_AUTO)
		code = spec->rootless ? resolve_rootless(berth, spec, error)
				      : resolve_range(berth, spec, record, error);
	return code == 0 && spec->userns != USERNS_HOST ? idmap_check_user(&spec->maps, spec, error) : code;
}

/* The ids a map has inside, as "0, 1-65536". */
static void inside_format(const struct id_map *map, char *text, size_t size)
{
	size_t used = 0;
	for (size_t i = 0; i < map->count && used < size; i++) {
		const struct id_range *range = &map->ranges[i];
		int length = range->length == 1
				     ? snprintf(text + used, size - used, "%s%u", i ? ", " : "", range->inside)
				     : snprintf(text + used, size - used, "%s%u-%u", i ? ", " : "", range->inside,
						range->inside + range->length - 1);
		used += length > 0 ? (size_t)length : 0;
	}
}

static int unmapped(const struct id_map *map, const char *what, uint32_t id, struct error *error)
{
	char inside[200];
	inside_format(map, inside, sizeof inside);
	return error_set(error, EINVAL, "%s %u is not among the ids of the container's user namespace, which are %s",
			 what, id, inside);
}

int idmap_check_user(const struct id_maps *maps, const struct spec *spec, struct error *error)
{
	uint32_t outside;
	if (!id_map_outside(&maps->uids, spec->uid, &outside))
		return unmapped(&maps->uids, "user", spec->uid, error);
	if (!id_map_outside(&maps->gids, spec->gid, &outside))
		return unmapped(&maps->gids, "group", spec->gid, error);
	for (size_t i = 0; i < spec->n_groups; i++)
		if (!id_map_outside(&maps->gids, spec->groups[i], &outside))
			return unmapped(&maps->gids, "group", spec->groups[i], error);
	return 0;
}

/* ---- State ---- */

/* The length of the text, or -errno. */
static int maps_format(const struct id_maps *maps, char text[MAPS_SIZE])
{
	int uids = id_map_format(&maps->uids, "u ", text, MAPS_SIZE);
	int gids = uids < 0 ? uids : id_map_format(&maps->gids, "g ", text + uids, MAPS_SIZE - (size_t)uids);
	return gids < 0 ? gids : uids + gids;
}

int idmap_write(int directory, const char *file, const struct id_maps *maps)
{
	char text[MAPS_SIZE];
	int length = maps_format(maps, text);
	return length < 0 ? length : file_create(directory, file, text, (size_t)length);
}

int idmap_keep(int directory, const char *file, const struct id_maps *maps)
{
	char text[MAPS_SIZE];
	int length = maps_format(maps, text);
	int code = length < 0 ? length : file_replace(directory, file, text, (size_t)length, 0600);
	if (code < 0)
		return code;
	cleanup_fd int fd = openat(directory, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

int idmap_read(int directory, const char *file, struct id_maps *maps)
{
	char text[MAPS_SIZE];
	ssize_t length = file_read(directory, file, text, sizeof text);
	*maps = (struct id_maps){0};
	if (length < 0)
		return (int)length;
	char *rest = text;
	for (const char *line; (line = strsep(&rest, "\n")) && *line;) {
		char kind;
		struct id_range range;
		if (sscanf(line, "%c %u %u %u", &kind, &range.inside, &range.outside, &range.length) != 4)
			return -EBADMSG;
		struct id_map *map = kind == 'u' ? &maps->uids : &maps->gids;
		if (map->count == ID_RANGES_MAX)
			return -EBADMSG;
		map->ranges[map->count++] = range;
	}
	return maps->uids.count && maps->gids.count ? 0 : -EBADMSG;
}

int idmap_of_container(const struct berth *berth, int record, struct id_maps *maps)
{
	char name[STATE_BESIDE_SIZE];
	state_beside_name(record, STATE_IDMAP, name);
	return idmap_read(berth->state_fd, name, maps);
}

void idmap_release(const struct berth *berth, int record)
{
	struct id_maps maps;
	const struct id_holder holder = {.fd = record};
	if (idmap_of_container(berth, record, &maps) == 0)
		id_registry_release(&berth->ids, &maps, &holder);
}
