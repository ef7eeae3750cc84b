/* tests/sim/clients.h - who uses the store: clients that ask, watchers that listen, and what is
 * known to be true.
 *
 * Keys and values are numbers with texts. The keys of a window are used together for a while, then
 * those of the next, so that the history of one key stays short. Every value is written by one
 * request alone. */
#ifndef TESTS_SIM_CLIENTS_H_
#define TESTS_SIM_CLIENTS_H_

#include "base/buf.h"
#include "consensus/machine.h"
#include "consensus/watch.h"
#include "tests/lib/linear.h"

#define SIM_CLIENTS 6
#define SIM_WATCHERS 4
#define SIM_KEYS 6 /* of a window */
#define SIM_KEY_SIZE 24

enum sim_ask_kind {
    ASK_GET,
    ASK_RANGE,
    ASK_PUT,
    ASK_DELETE,
    ASK_CAS_VALUE,
    ASK_CAS_REVISION,
    ASK_TWO_PUTS,
    ASK_TWO_IF, /* two puts, if the first key has the value expected */
    ASK_COMPACT,
    ASK_LEASE,
    ASK_DELETE_SPAN, /* all keys of a window, or some that follow each other */
    ASK_IF,          /* a put, if a compare holds */
};

/* A request, as its client thinks of it. */
struct sim_ask {
    enum sim_ask_kind kind;
    uint64_t key, other_key;
    uint64_t value, other_value; /* to write */
    uint64_t expected;
    bool want_previous;
    uint64_t limit; /* of a range; of a compaction: the revision */
    uint64_t lease; /* of a put; 0: none */
    /* Of a span: its kind, and which keys of the window. */
    enum kv_span_kind span;
    uint64_t from, upto;
    bool goes_on;              /* a range: from behind the last key of the page before */
    struct kv_compare compare; /* ASK_IF: without its key */
};

struct sim_client {
    /* A session with the store: its requests are numbered. */
    uint64_t session, sequence, since;
    bool is_loyal; /* stays with a node that answers */
    bool answered; /* the last attempt was */
    bool busy;     /* the request is open */
    struct sim_ask ask;
    struct sim_ask rest; /* the next page of a range; ASK_GET: there is none */
    struct buf command;  /* a retry repeats it to the byte */
    uint64_t invoked;    /* a moment */
    unsigned attempts;
    bool doubt;            /* an attempt may have been applied, or may be still */
    struct buf stray;      /* an abandoned request, which may be sent once more ... */
    uint64_t stray_ticket; /* ... and is on its way; nobody waits */
    /* The attempt. */
    uint64_t ticket; /* 0: none is under way */
    uint32_t node;
    uint64_t begun_ns;
    uint64_t floor; /* the highest acknowledged index when it began */
    uint64_t deadline_ns;
};

/* One change of one key. */
struct sim_change {
    uint64_t revision;
    char key[SIM_KEY_SIZE];
    uint64_t value;  /* a hash; 0: the key was deleted */
    uint64_t before; /* likewise; 0: there was no such key */
    uint64_t created, version, lease;
};

/* Of an entry that is a membership. */
struct sim_membership {
    uint64_t index;
    size_t at, size; /* where it stands */
};

/* What the committed log does to the store, entry by entry, seen by a machine that nothing ever
 * happens to. */
struct sim_truth {
    struct watch_hub *hub;
    struct watch *watch;
    struct machine *machine;
    uint64_t index;
    uint64_t revision;
    struct sim_change *changes;
    size_t count, room;
    struct buf members; /* encoded, one after the other */
    struct sim_membership *memberships;
    size_t memberships_count, memberships_room;
    uint64_t *written; /* by value: the revision at which it was */
    size_t written_room;
};

/* Somebody who wants to miss nothing, on one node or another. */
struct sim_watcher {
    struct watch *watch; /* gone with the life of its node */
    uint32_t node;
    uint64_t life;
    struct kv_span span;
    char key[SIM_KEY_SIZE];
    bool no_puts, no_deletes, want_previous;
    uint64_t next; /* everything before it was fetched */
    double pause_ms;
};

/* burdens.c: a burst of proposals, and the account of the quota. */
#define SIM_BURST_MAX 64
struct sim_burden {
    struct test_random random;
    bool bursts;
    uint32_t node; /* that was asked last */
    uint64_t first_ticket, first_value;
    size_t count, open;
    bool was_busy[SIM_BURST_MAX];
    uint64_t used; /* by the keys, counted from what happened to them */
    bool alarm;
};

/* What somebody found out last about a key. */
struct sim_known {
    uint64_t key, value, revision;
};

struct sim_use {
    struct sim_client clients[SIM_CLIENTS];
    size_t clients_count;
    double ask_ms; /* between two requests of a client */
    struct sim_watcher watchers[SIM_WATCHERS];
    struct sim_truth truth;
    struct history history;
    uint64_t moments, values, txns, sessions;
    uint64_t window, window_asks;
    uint64_t lease; /* the newest that a client was granted; nobody keeps it alive */
    bool long_values, has_quota;
    struct buf long_text;
    struct sim_burden burden;
    struct sim_known known[SIM_KEYS];
    size_t hub_events;    /* what a node keeps for watchers */
    uint64_t log_entries; /* a node's log is compacted at 40 to so many more */
    struct arena arena;
};

struct sim;
struct sim_node;
struct core_done;
struct core_settings;
struct store_entry;

/* clients.c */
void clients_draw(struct sim *sim);
void clients_act(struct sim *sim, uint32_t client);
void clients_done(struct sim *sim, struct sim_node *n, struct core_done *done);
/* A node wakes from a pause. */
void clients_woken(struct sim *sim, struct sim_node *n);
/* Who has waited for longer than it wanted to asks for no answer any more. */
void clients_lose_patience(struct sim *sim);
void clients_crashed(struct sim *sim, uint32_t node);
/* The history of the whole life, judged. */
void clients_check_end(struct sim *sim);
void clients_close(struct sim *sim);

/* values.c */
#define VALUE_ROOM 24
void values_draw(struct sim *sim);
bool value_is_long(const struct sim *sim, uint64_t value);
struct kv_slice value_text(struct sim *sim, uint64_t value, char room[VALUE_ROOM]);
/* The number of a value of ours, 0 if it is none. */
uint64_t value_number(struct sim *sim, struct kv_slice text);

/* spans.c */
struct span_texts {
    char key[SIM_KEY_SIZE], end[SIM_KEY_SIZE];
};
void span_draw(struct sim *sim, struct sim_client *c);
/* @out points into @t. */
void span_fill(const struct sim_ask *ask, struct span_texts *t, struct kv_span *out);
void span_note_range(struct sim *sim, struct sim_client *c, const struct history_op *all,
                     const struct machine *machine);
void span_note_delete(struct sim *sim, const struct sim_ask *ask, const struct history_op *all,
                      const struct kv_result *result);

/* compares.c */
void compare_draw(struct sim *sim, struct sim_ask *ask);
void compare_note(struct sim *sim, const struct sim_ask *ask, struct history_op *op,
                  const struct kv_result *result);

/* burdens.c */
void burden_draw(struct sim *sim);
void burden_act(struct sim *sim);
void burden_settings(const struct sim *sim, struct core_settings *settings);
bool burden_done(struct sim *sim, const struct core_done *done);
void burden_crashed(struct sim *sim, uint32_t node);
/* The second machine has applied @entry. */
void burden_applied(struct sim *sim, const struct store_entry *entry,
                    const struct kv_result *result);
void burden_event(struct sim *sim, const struct watch_event *event);

/* asks.c */
void ask_draw(struct sim *sim, struct sim_client *c, const struct sim_node *n);
void ask_encode(struct sim *sim, struct sim_client *c);
bool ask_reads(const struct sim_ask *ask);
void ask_key_text(uint64_t key, char text[SIM_KEY_SIZE]);
/* False: it is no key of a window. */
bool ask_key_read(const char *text, uint64_t *ret_window, uint64_t *ret_slot);

/* ask_notes.c */
/* The pair that @op found, judged by what is known to be true; NULL: there was none. */
void ask_found(struct sim *sim, struct history_op *op, const struct kv_pair *pair);
/* NULL: the outcome is unknown. */
void ask_note_write(struct sim *sim, const struct sim_client *c, const struct kv_result *result);
/* The answer is @n's state. */
void ask_note_read(struct sim *sim, struct sim_client *c, const struct sim_node *n, bool stale);

/* truth.c */
void truth_open(struct sim *sim);
/* Take in what @n knows to be committed. */
void truth_follow(struct sim *sim, const struct sim_node *n);
/* A snapshot that is sent or written: the term and the membership are those of its index. */
void truth_check_snapshot(struct sim *sim, const struct sim_node *n,
                          const struct peer_snapshot *snapshot);
/* The first change at or after @revision. */
size_t truth_find(const struct sim_truth *truth, uint64_t revision);
uint64_t truth_hash(struct kv_slice value);
/* A pair that somebody was shown is what it was when it was written. */
void truth_check_pair(struct sim *sim, const struct kv_pair *pair);
/* Every write that was acknowledged is among the changes, and nobody is behind. */
void truth_check_end(struct sim *sim);
void truth_close(struct sim *sim);

/* watchers.c */
void watchers_draw(struct sim *sim);
void watchers_act(struct sim *sim, uint32_t watcher);

#endif /* TESTS_SIM_CLIENTS_H_ */
