/* supervisor/act_home.h - what the data directory is, and which programs it needs: looked at in a
 * thread, when something has been done to it. */
#ifndef SUPERVISOR_ACT_HOME_H_
#define SUPERVISOR_ACT_HOME_H_

#include "base/err.h"
#include "supervisor/facts.h"
#include "supervisor/pg_note.h"
#include "supervisor/pg_settings.h"

#define HOME_PATH_SIZE 1024

/* Which cluster it has to be of. */
struct home_ask {
    char cluster[PG_NOTE_ID_SIZE]; /* "": this node has no place in one yet */
    uint64_t system_id;            /* 0: the store knows none yet */
    uint64_t first_epoch;  /* of the oldest timeline that the store has a record of; 0: of none */
    bool has_first;        /* ... and that is the first of all */
    uint32_t timeline_max; /* that anybody in this cluster has, or may have */
};

struct home {
    enum pg_data data;
    enum fact is_noted;
    enum pg_restored restored;
    struct pg_note note;   /* of this very directory; zeroed: none */
    enum pg_mark_work cut; /* what was cut off here */
    uint64_t system_id;    /* of the control file */
    uint64_t asked;        /* the cluster's, when this was looked at; 0: it was not known */
    bool is_first;         /* it was made here for a new cluster, and its record was not seen yet */
    struct pg_needs needs; /* of the control file: less, and a standby does not start */
    uint32_t segment_size; /* of its WAL; 0: not known */
    uint32_t timeline;     /* the newest that the control file knows of; 0: not known */
    bool is_clean;         /* the control file says that it was shut down in order ... */
    bool was_open;         /* ... as a primary */
    bool may_rewind;       /* checksums, or hint bits are logged: pg_rewind can tell what changed */
    unsigned major;
    char bin_dir[HOME_PATH_SIZE]; /* "": not found */
    char why[ERR_MSG_MAX];        /* for people: why it can not be used, or "" */
};

struct pg_setup;
/* Total: what can not be found out is said in @ret_home. */
void home_look(const struct pg_setup *setup, const struct home_ask *ask, struct home *ret_home);
/* Write the note of a directory that is this cluster's from now on, as another copy than before. */
int home_note(const struct pg_setup *setup, const struct home_ask *ask, uint64_t epoch,
              struct err *err);

#endif /* SUPERVISOR_ACT_HOME_H_ */
