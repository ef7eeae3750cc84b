/* supervisor/config_key.h - the key `config` is made once, and put back where somebody deleted it.
 *
 * A cluster begins with what its first voter with a database has in bootstrap.dcs: created if it is
 * not there, in one transaction, and never overwritten. Nobody is elected before, for what an
 * election goes by stands in it. The others wait for the first one, each a little longer, for it
 * may not be there. From the first primary on a key that is not there was deleted: then whoever
 * knows what it was puts that back, the primary first; bootstrap.dcs counts for nothing any more.
 *
 * Same thread and life as store_view.h. */
#ifndef SUPERVISOR_CONFIG_KEY_H_
#define SUPERVISOR_CONFIG_KEY_H_

#include "base/buf.h"
#include "supervisor/store_view.h"

/* ---- pure ---- */

struct config_key_facts {
    bool is_current; /* the store was read, and a majority was heard lately */
    bool is_absent;
    bool has_begun; /* the cluster has had a primary */
    bool knows;     /* this node has seen a sound value since its start */
    bool is_holder; /* of the primary's lease */
    bool may_write; /* a voter with a database */
    uint32_t rank;  /* among those, by name; from 0 on */
    uint64_t absent_ms;
};

enum config_key_step { CONFIG_KEY_NOTHING, CONFIG_KEY_CREATE, CONFIG_KEY_RESTORE };
enum config_key_step config_key_next(const struct config_key_facts *f);

/* Among the voters with a database, by name. False: @roster's own member is none. */
bool config_key_rank(const struct roster *roster, uint32_t *ret_rank);

/* ---- the write ---- */

struct config_key {
    struct pgraft *store;
    const struct keys *keys;
    struct buf first; /* the text that a cluster begins with */
    struct buf good;  /* the newest sound text that was seen */
    bool knows;
    bool is_absent;
    uint64_t absent_since_ms;
    bool is_asking;
    uint64_t again_ms;
    enum config_key_step step; /* that is under way */
};

void config_key_open(struct config_key *k, struct pgraft *store, const struct keys *keys,
                     const char *first);
/* After pgraft_close(). */
void config_key_close(struct config_key *k);
/* A sound value was seen. */
void config_key_good(struct config_key *k, const char *text);
/* To be called every 100 ms or so; @is_current as of store_facts. */
void config_key_tick(struct config_key *k, const struct store_view *view, bool is_current,
                     uint64_t now_ms);

#endif /* SUPERVISOR_CONFIG_KEY_H_ */
