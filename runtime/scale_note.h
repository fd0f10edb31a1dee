/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is noted in a container's record of the lowering of its memory limit, for whoever comes next: a newer request,
 * in whatever process, replaces the one under way; and what a scaler that died left frozen or unfinished can be seen.
 * While there is no note, no limit was lowered step by step, none of swap was set, and the kernel was not kept from
 * killing (oom_guard.h).
 */
#ifndef RUNTIME_SCALE_NOTE_H
#define RUNTIME_SCALE_NOTE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* All zero: nothing was under way yet. */
struct scale_note {
	uint64_t token;     /* of the request under way; 0: none */
	uint64_t memory;    /* what it asked for, as in struct cgroup_limits; also of the last one that is over */
	uint64_t swap;      /* the same, of the one under way */
	pid_t pid;          /* who works on it */
	uint8_t frozen;     /* 1: and has frozen the container for the time of one step */
	uint64_t start_ms;  /* monotonic */
	uint64_t oom_kills; /* there had been by then */
};

/*
 * The note of the record (made if missing), locked: no other request starts or gets on until the descriptor that it
 * returns, another one of the record, is closed. -EBUSY when another held it for longer than patience_ms.
 */
int scale_note_lock(int file, int patience_ms);

/*
 * For who sets a limit of swap by other ways than scale_start, or keeps the kernel from killing: makes the note, empty,
 * unless there is one. 0 or -errno.
 */
int scale_note_make(int file);
/* Whether a file of cgroups, "memory.memsw.limit_in_bytes" or "NAME=VALUE", is one that limits swap. */
bool scale_note_is_swap(const char *file);

/* As scale_note_lock, for who has nothing to note: -ENOENT where nobody has noted anything yet. */
int scale_note_look(int file, int patience_ms);

/*
 * What is noted, and noting something else: locked, or for a look at it when nobody works on it any more. Reading what
 * can't be read gives an empty note.
 */
void scale_note_read(int file, struct scale_note *note);
int scale_note_write(int file, const struct scale_note *note);

/* A number that no other request has. */
uint64_t scale_note_token(void);

#endif
