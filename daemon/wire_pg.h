/* daemon/wire_pg.h - the PostgreSQL of a node, as its configuration wants it. */
#ifndef DAEMON_WIRE_PG_H_
#define DAEMON_WIRE_PG_H_

#include "config/config.h"
#include "config/dynamic.h"
#include "consensus/pgraft.h"
#include "supervisor/pg_setup.h"

/* What the nodes share: the key `config`, or what takes its place until that is known. */
struct wire_shared {
    const char *name; /* for messages: "bootstrap.dcs", "the key config" */
    const char *text; /* NULL: all defaults */
    uint64_t revision;
    bool is_guess;
};

struct wire_pg {
    struct pg_setup setup;
    struct config dynamic;
    struct config view; /* borrows from the node's configuration and from dynamic */
    struct config_layers standby;
    struct config_layers primary;
    struct config_layers leader;
    struct pg_pair *leader_pairs;
    struct buf listen;
    struct buf reach_host;
    struct buf host;
    struct buf peers;
    struct buf api_url;
    char times_warning[TIMING_SENTENCE_SIZE];
    char *guard;
    char *helper;
    struct pg_account *first_users;
    struct pg_pair *initdb;
    struct pg_pair *basebackup;
    struct pg_pair *rewind;
    struct pg_method *methods;
    struct pg_pair **method_arguments; /* of each of them */
    size_t method_count;
    struct pg_pair *bootstrap_arguments;
    struct pg_pair *bootstrap_recovery;
    char *guard_options[3];
    struct buf data_peers; /* of the note in the data directory */
};

/* This node has a PostgreSQL to supervise. */
bool wire_pg_supervises(const struct config *config);
/* What @config holds outlives @wire. ERR_INVALID: what is shared has errors, which stand in
 * @problems. It is to be closed in any case. */
int wire_pg_fill(struct wire_pg *wire, const struct config *config,
                 const struct wire_shared *shared, struct problems *problems, struct err *err);
void wire_pg_close(struct wire_pg *wire);

/* How the store beats: as the configuration says; where it says nothing, and the lease that the
 * cluster begins with is a short one, fast enough for that. */
void wire_pg_beats(const struct config *config, uint64_t *ret_heartbeat_ms,
                   uint64_t *ret_election_timeout_ms);
/* What the data directory says of itself, for the store's start (safety D2): whether it carries a
 * note, and which peers that names. Reads its files, so before the loop runs. */
void wire_pg_note(struct wire_pg *wire, struct pgraft_settings *settings);

/* As root: become the owner of the data directory, with the directories of both made his. ERR_*:
 * says what to do. */
int wire_pg_become_owner(const struct config *config, struct err *err);

#endif /* DAEMON_WIRE_PG_H_ */
