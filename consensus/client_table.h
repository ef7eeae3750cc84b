/* consensus/client_table.h - which requests were applied already, and what they were answered.
 *
 * A retry must not be applied twice, and what is remembered for that must be bounded, equally on
 * every node. Of each client the results are kept from a floor on; the client itself raises the
 * floor ("I have all answers below @acked"), and so does the bound, oldest result first. A request
 * below the floor is answered "expired, outcome unknown" and never applied.
 *
 * A client that was silent longest is forgotten altogether when there are too many. The horizon
 * says up to which index forgotten clients had requests applied: a client that nobody knows, and
 * that says it began (`since`) before the horizon, may be one of those, so its request is expired;
 * one that began at or behind it is new. A client takes `since` from an index that was applied
 * before it drew its id, so all its own entries stand behind it, and if any client whose entries
 * ran up to U was forgotten, then since < U <= horizon. */
#ifndef CONSENSUS_CLIENT_TABLE_H_
#define CONSENSUS_CLIENT_TABLE_H_

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "consensus/lease_table.h"
#include "consensus/rowbook.h"
#include "proto/kv.h"

#define CLIENTS_MAX 1024
#define CLIENT_RESULTS_MAX 1024 /* results of one client */
/* Results of all clients, what they take of memory. */
#define CLIENT_BYTES_MAX ((size_t)4 * 1024 * 1024)
/* A longer result is remembered as applied, no more. */
#define CLIENT_RESULT_BYTES_MAX ((size_t)64 * 1024)

struct client {
    struct omap_item item;
    uint8_t id_key[ID_KEY_SIZE];
    struct row row;
    struct list by_age;  /* among the clients, the one silent longest first */
    struct list results; /* by sequence */
    uint64_t result_count;
    uint64_t id;
    uint64_t floor;      /* requests below are forgotten */
    uint64_t last_index; /* of its newest request; 0 while its row was not loaded */
};

struct client_result {
    struct row row;
    struct list by_age;    /* among the results of all clients, oldest first */
    struct list link;      /* among those of its client */
    struct client *client; /* gone with it: only to be followed while in the table */
    uint64_t client_id;
    uint64_t sequence;
    struct kv_result result; /* without its ops, unless there is one without pairs: then @op */
    struct kv_op_result op;
    bool is_cut;   /* the result was too long to be remembered */
    uint32_t size; /* of @bytes: the encoded result, where it has more than fits above */
    uint8_t bytes[];
};

struct client_table {
    struct omap clients;
    struct list by_age;
    struct list results_by_age;
    uint64_t result_count;
    uint64_t result_bytes;
    uint64_t horizon;
    struct buf scratch;
};

enum client_verdict {
    CLIENT_FRESH,   /* apply it, then client_table_remember() */
    CLIENT_REPLAY,  /* answer with what is remembered */
    CLIENT_EXPIRED, /* perhaps applied, long ago: do not apply it */
};

void client_table_init(struct client_table *table);
/* Changes nothing. */
enum client_verdict client_table_look(const struct client_table *table,
                                      const struct kv_command *command,
                                      struct client_result **ret_result);
/* @result answers @command, which was fresh. */
void client_table_remember(struct client_table *table, struct rowbook *book,
                           const struct kv_command *command, const struct kv_result *result);

/* For loading rows in any order. False: there is one like it already. */
bool client_table_load_client(struct client_table *table, struct rowbook *book, uint64_t id,
                              uint64_t floor, uint64_t last_index);
/* @result was made with client_result_create() and filled; it is the table's if true comes back. */
bool client_table_load_result(struct client_table *table, struct rowbook *book,
                              struct client_result *result);
/* All is loaded: bring it in order. False: the rows do not fit together. */
bool client_table_load_done(struct client_table *table);

struct client_result *client_result_create(uint64_t sequence, size_t size);
void client_free(struct client *client);
void client_result_free(struct client_result *result);
struct hash128 client_hash(const struct client *client);
struct hash128 client_result_hash(const struct client_result *result);

void client_table_close(struct client_table *table);

static inline struct client *client_of_item(struct omap_item *item)
{
    return item == NULL ? NULL : CONTAINER_OF(item, struct client, item);
}

#endif /* CONSENSUS_CLIENT_TABLE_H_ */
