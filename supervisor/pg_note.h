/* supervisor/pg_note.h - what a data directory remembers of itself, and what stands outside of it
 * while it is being made.
 *
 * The note (safety C1, C3, D2, D3) is a file inside: whose data this is, which copy of it, and the
 * newest epoch that it has promised or seen. pg_basebackup and pg_rewind carry it along as they do
 * every file, so it also says where the directory and its control file were born: in another place,
 * or in one that a backup was restored into, it is the note of another copy, and counts for the
 * cluster and the epochs only. The mark is a file in pgraftd's own
 * directory: a clone or a rewind that was cut off leaves a directory that looks sound to PostgreSQL
 * and is not (reliability 4.9). Both are durable when a function here returns 0. */
#ifndef SUPERVISOR_PG_NOTE_H_
#define SUPERVISOR_PG_NOTE_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define PG_NOTE_FILE "pgraft.note"
#define PG_NOTE_ID_SIZE 33
#define PG_NOTE_NAME_SIZE 64
#define PG_NOTE_PEERS_SIZE 1024

struct pg_note {
    char cluster[PG_NOTE_ID_SIZE]; /* 32 hexadecimal digits */
    char scope[PG_NOTE_NAME_SIZE];
    uint64_t system_id;             /* 0: not known yet */
    uint64_t copy;                  /* random, never 0 (safety C3) */
    uint64_t sealed_epoch;          /* nothing is acknowledged to an older one (safety C1) */
    uint64_t seen_epoch;            /* the highest that was ever heard of (safety D3) */
    char peers[PG_NOTE_PEERS_SIZE]; /* "pg1=10.0.0.1:7400,...", those last known (safety D2) */
};

/* ERR_NOT_FOUND: there is none. ERR_CORRUPT, ERR_VERSION: there is one, and what it says is not
 * known; it counts as a note all the same, so nothing may be formed over it. @ret_is_copy: it was
 * written in another place; then @ret_note->copy and sealed_epoch are of the directory that this
 * one was copied from. */
int pg_note_read(const char *data_dir, struct pg_note *ret_note, bool *ret_is_copy,
                 struct err *err);
/* Writes it as the note of this very directory. ERR_REFUSED: an epoch would go back, or a seal is
 * above what was seen. */
int pg_note_write(const char *data_dir, const struct pg_note *note, struct err *err);
/* The first step of a seal: a promise of @epoch, which is not below the last one. */
int pg_note_seal(const char *data_dir, uint64_t epoch, struct err *err);
/* Before a start: it is still @copy that is here, or ERR_REFUSED and what to do. */
int pg_note_check_copy(const char *data_dir, uint64_t copy, struct err *err);
/* Another copy id than any before. */
int pg_note_new_copy(uint64_t *ret_copy, struct err *err);

/* ---- the mark ---- */

#define PG_MARK_FILE "unfinished"
#define PG_MARK_PATH_SIZE 1024

enum pg_mark_work { PG_MARK_NONE, PG_MARK_INITDB, PG_MARK_CLONE, PG_MARK_REWIND };

struct pg_mark {
    enum pg_mark_work work;
    char data_dir[PG_MARK_PATH_SIZE]; /* "" when it can not be read: then any is meant */
    uint64_t attempts;                /* begun, the one that is marked included */
};

/* Before the first byte of @data_dir is touched; a mark of the same kind counts on. @state_dir is
 * pgraftd's own. ERR_REFUSED: it stands in @data_dir itself. */
int pg_mark_set(const char *state_dir, const char *data_dir, enum pg_mark_work work,
                struct err *err);
/* PG_MARK_NONE: nothing was cut off. A mark that can not be read is one of PG_MARK_CLONE. */
int pg_mark_read(const char *state_dir, struct pg_mark *ret_mark, struct err *err);
/* When all of it is complete, durable and noted. */
int pg_mark_clear(const char *state_dir, struct err *err);
const char *pg_mark_text(enum pg_mark_work work);

#endif /* SUPERVISOR_PG_NOTE_H_ */
