/* tests/lib/kv_model.h - what the state machine should do, said in the plainest way.
 *
 * A second implementation of consensus/machine.h to compare the first one with: arrays that are
 * searched from the front, a state that is copied before a transaction and put back if it fails, no
 * rows, no hashes. It shares with the machine the structs of kv.h and the numbers of the bounds. */
#ifndef TESTS_LIB_KV_MODEL_H_
#define TESTS_LIB_KV_MODEL_H_

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "proto/arena.h"
#include "proto/kv.h"

#define MODEL_KEYS_MAX 800
#define MODEL_LEASES_MAX 64
#define MODEL_EVENTS_MAX 1024
#define MODEL_CLIENTS_ROOM 1100

struct model_lease {
    uint64_t id;
    uint64_t ttl_ms;
    uint64_t generation;
    uint64_t granted_index;
    uint64_t holder;
    uint64_t epoch;
    uint64_t marked_index;
    bool is_protected;
};

struct model_state {
    uint64_t revision;
    uint64_t compacted;
    uint64_t epoch;
    uint64_t quota_bytes;
    uint64_t feature_level;
    bool hold_epochs;
    bool quota_alarm;
    size_t key_count;
    size_t lease_count;
    struct kv_pair keys[MODEL_KEYS_MAX]; /* in order */
    struct model_lease leases[MODEL_LEASES_MAX];
};

struct model_event {
    uint64_t revision;
    bool is_delete;
    struct kv_pair pair;
};

struct model_result {
    uint64_t sequence;
    uint64_t index;
    size_t cost;
    bool is_cut;
    struct buf bytes; /* the encoded result */
};

struct model_client {
    uint64_t id;
    uint64_t floor;
    uint64_t last_index;
    struct model_result *results;
    size_t result_count;
};

struct model {
    struct model_state now;
    struct model_state saved;
    uint64_t horizon;
    struct model_client clients[MODEL_CLIENTS_ROOM];
    size_t client_count;
    size_t result_bytes;
    /* Of the last command. */
    struct model_event events[MODEL_EVENTS_MAX];
    size_t event_count;
    struct buf result; /* encoded */
    /* ... and for it alone. */
    struct arena arena;
    struct kv_op_result ops[KV_TXN_OPS_MAX];
    uint64_t answer_bytes;
    uint64_t index;
    struct arena pool; /* bytes of keys and values, for ever */
};

void model_init(struct model *model);
void model_close(struct model *model);
/* Apply @command as entry @index; the answer is in @result, the events in @events. */
void model_apply(struct model *model, uint64_t index, const struct kv_command *command);
uint64_t model_used_bytes(const struct model *model);
struct model_lease *model_find_lease(struct model *model, uint64_t id);
const struct kv_pair *model_find_key(const struct model *model, struct kv_slice key);

#endif /* TESTS_LIB_KV_MODEL_H_ */
