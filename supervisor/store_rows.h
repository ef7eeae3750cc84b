/* supervisor/store_rows.h - the keys of one moment, decoded, and the facts that follow from them.
 *
 * Pure. The same for a node that follows its copy of the store (store_view.h) and for the advisor
 * that looks at the leader's (advisor.h). What can not be read is never taken for what is absent: a
 * missing row allows things that one which somebody has spoilt must not. */
#ifndef SUPERVISOR_STORE_ROWS_H_
#define SUPERVISOR_STORE_ROWS_H_

#include "supervisor/keys.h"
#include "supervisor/rows.h"

struct store_row {
    bool is_there;
    bool is_sound; /* it was decoded, or is one that nobody decodes */
    uint64_t create_revision;
    uint64_t mod_revision; /* 0: absent */
    uint64_t lease;
};

#define STORE_TROUBLE_SIZE 320

struct store_rows {
    struct store_row row[KEYS];
    struct facts_name leader;
    uint64_t system_id; /* 0: none yet */
    enum fact paused;
    struct row_history history;
    struct sync_value sync;
    struct row_failover failover;
    struct row_grant grant;
    struct row_order order;
    struct buf config;                /* as it is */
    char trouble[STORE_TROUBLE_SIZE]; /* "" or which row can not be read, and why */
};

void store_rows_close(struct store_rows *rows);

/* @pair is what lies there now, or NULL. Decodes only what has changed. True: it has. */
bool store_rows_take(struct store_rows *rows, enum key key, const struct pgraft_pair *pair);

/* The lease of the primary's role stands. A key of that name that is not on it is nobody's. */
bool store_rows_lease_stands(const struct store_rows *rows);

/* All of it but is_current and sync_pending, which are not in the store. */
void store_rows_facts(const struct store_rows *rows, struct store_facts *out);

/* Whom an operator wants to be primary next; "": nobody, or it is for later, or it was said of
 * another primary than the last one. */
struct facts_name store_rows_wanted(const struct store_rows *rows);
/* ... with what that one has, whatever is lost by it. */
bool store_rows_accepts_loss(const struct store_rows *rows);
/* ... and who is to give the role up for that. */
struct facts_name store_rows_unwanted(const struct store_rows *rows);

/* An operator wants the role to leave @self, which has it; to whom stands in store_rows_wanted(),
 * if to anybody. */
bool store_rows_wants_switchover(const struct store_rows *rows, const struct facts_name *self);

/* A row that elections are made by can not be read: nothing may be granted. */
bool store_rows_is_spoilt(const struct store_rows *rows);

#endif /* SUPERVISOR_STORE_ROWS_H_ */
