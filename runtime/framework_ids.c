/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose ids the files of a framework's root have: the host's, or those of one user namespace's maps. What its first
 * executor has stays, as long as the root does, in ROOT/idmap; nothing is written to the layers before that is.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "nsutil/base/cleanup.h"
#include "runtime/framework.h"
#include "runtime/idmap.h"
#include "runtime/tree.h"

enum ids { IDS_UNDECIDED, IDS_OF_HOST, IDS_OF_MAPS };

/* One of enum ids, or -errno. */
static int ids_read(int directory, const char *id, struct id_maps *maps, struct error *error)
{
	int code = idmap_read(directory, "idmap", maps);
	if (code == 0)
		return IDS_OF_MAPS;
	if (code != -ENOENT)
		return error_errno(error, -code, "read the maps of framework root %s", id);
	return faccessat(directory, "layers", F_OK, 0) == 0 ? IDS_OF_HOST : IDS_UNDECIDED;
}

static int ids_write(int directory, const char *id, const struct id_maps *maps, struct error *error)
{
	int code = idmap_keep(directory, "idmap", maps);
	return code < 0 ? error_errno(error, -code, "record the maps of framework root %s", id) : 0;
}

static int refuse(const char *id, const char *made, const char *used, struct error *error)
{
	return error_set(error, EINVAL,
			 "framework root %s was made %s, so it can't be used %s: remove it first, or name another", id,
			 made, used);
}

static int refuse_maps(const char *id, struct error *error)
{
	return refuse(id, "without a user namespace", "with one", error);
}

static bool same_map(const struct id_map *a, const struct id_map *b)
{
	return a->count == b->count && memcmp(a->ranges, b->ranges, a->count * sizeof *a->ranges) == 0;
}

int framework_ids_settle(int directory, const struct spec *spec, struct error *error)
{
	struct id_maps maps;
	bool mapped = spec->userns != USERNS_HOST;
	switch (ids_read(directory, spec->framework, &maps, error)) {
	case IDS_UNDECIDED:
		return mapped ? ids_write(directory, spec->framework, &spec->maps, error) : 0;
	case IDS_OF_HOST:
		return mapped ? refuse_maps(spec->framework, error) : 0;
	case IDS_OF_MAPS:
		if (!mapped)
			return refuse(spec->framework, "with a user namespace", "without one", error);
		if (same_map(&maps.uids, &spec->maps.uids) && same_map(&maps.gids, &spec->maps.gids))
			return 0;
		return refuse(spec->framework, "with other maps of ids", "with these", error);
	default:
		return -error->code;
	}
}

/* ---- A range of its own ---- */

static bool is_within(const struct id_map *map, const struct id_map *given)
{
	for (size_t i = 0; i < given->count; i++) {
		uint64_t start = given->ranges[i].outside, end = start + given->ranges[i].length;
		if (map->ranges[0].outside >= start && (uint64_t)map->ranges[0].outside + map->ranges[0].length <= end)
			return true;
	}
	return false;
}

/* Maps that the root has, as one that --userns auto asks for. */
static int range_check(const struct berth *berth, const struct spec *spec, const struct id_maps *maps,
		       const struct id_maps *given, struct error *error)
{
	const struct id_range *uids = &maps->uids.ranges[0];
	if (maps->uids.count != 1 || maps->gids.count != 1 || uids->inside || maps->gids.ranges[0].inside)
		return refuse(spec->framework, "with maps of ids", "with a range that is given out", error);
	if (spec->userns_size && spec->userns_size != uids->length)
		return error_set(error, EINVAL,
				 "framework root %s was made with %u ids, so it can't be used with %u: remove it "
				 "first, or name another",
				 spec->framework, uids->length, spec->userns_size);
	if (!is_within(&maps->uids, &given->uids) || !is_within(&maps->gids, &given->gids))
		return error_set(error, EINVAL,
				 "framework root %s belongs to the ids %u-%u, which %s and %s do not give for "
				 "containers: add them, or remove it",
				 spec->framework, uids->outside, uids->outside + uids->length - 1, berth->subuid,
				 berth->subgid);
	return 0;
}

static int range_claim(const struct berth *berth, int directory, struct spec *spec, uint32_t size,
		       const struct id_maps *given, struct error *error)
{
	cleanup_free char *path = framework_path(berth, spec->framework, "");
	const struct id_holder holder = {directory, path, true};
	struct id_maps maps;
	if (!path)
		return error_errno(error, ENOMEM, "take a range of user ids");
	int ids = ids_read(directory, spec->framework, &maps, error), code = ids < 0 ? ids : 0;
	if (ids == IDS_OF_HOST)
		return refuse_maps(spec->framework, error);
	if (ids == IDS_UNDECIDED)
		code = id_registry_claim(&berth->ids, &given->uids, &given->gids, size, &holder, &maps, error);
	if (code == 0)
		code = range_check(berth, spec, &maps, given, error);
	if (code == 0 && ids == IDS_OF_MAPS && id_registry_keep(&berth->ids, &maps, &holder, error) < 0)
		code = error_wrap(error, "use framework root %s", spec->framework);
	if (code == 0 && ids == IDS_UNDECIDED)
		code = ids_write(directory, spec->framework, &maps, error);
	if (code == 0)
		spec->maps = maps;
	else if (ids == IDS_UNDECIDED)
		id_registry_release(&berth->ids, &maps, &holder);
	return code;
}

int framework_ids_claim(const struct berth *berth, struct spec *spec, uint32_t size, const struct id_maps *given,
			struct error *error)
{
	cleanup_fd int directory = framework_lock(berth, spec->framework, true, error);
	if (directory < 0)
		return directory;
	bool made = faccessat(directory, "id", F_OK, 0) < 0;
	int code = framework_record(directory, spec, error);
	if (code == 0)
		code = range_claim(berth, directory, spec, size, given, error);
	cleanup_free char *path = code < 0 && made ? framework_path(berth, spec->framework, "") : NULL;
	if (path)
		tree_remove(path);
	return code;
}

int framework_ids_look(const struct berth *berth, struct spec *spec, struct error *error)
{
	cleanup_free char *path = framework_path(berth, spec->framework, "");
	cleanup_fd int directory = path ? open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
	struct id_maps maps;
	/* None yet, or not for this caller to see. */
	if (directory < 0)
		return 0;
	switch (ids_read(directory, spec->framework, &maps, error)) {
	case IDS_UNDECIDED:
		return 0;
	case IDS_OF_HOST:
		return refuse_maps(spec->framework, error);
	case IDS_OF_MAPS:
		spec->maps = maps;
		return 1;
	default:
		return -error->code;
	}
}
