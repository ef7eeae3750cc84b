/* tests/sim/sim.h - a whole cluster in one process, lived from one seed.
 *
 * The production core runs under a virtual clock, net and disk. Everything that happens is an event
 * at a virtual time; ties go to the order of creation. A seed decides everything: the shape of the
 * cluster, which faults there are and when. After the faults the world heals and must make
 * progress. checks.c judges after each event. */
#ifndef TESTS_SIM_SIM_H_
#define TESTS_SIM_SIM_H_

#include <stdio.h>

#include "consensus/core.h"
#include "consensus/form.h"
#include "proto/peer_codec.h"
#include "tests/lib/random.h"
#include "tests/lib/store_double.h"
#include "tests/sim/clients.h"
#include "tests/sim/operator.h"
#include "tests/sim/restores.h"

#define NS_MS UINT64_C(1000000)

/* How often things happened: no empty lives. */
// clang-format off
#define SIM_COUNTS(X) \
    X(events) \
    X(elections) \
    X(cores) \
    X(outsiders) \
    X(calm_reads) \
    X(crashes) \
    X(pauses) \
    X(cuts) \
    X(messages) \
    X(messages_coded) \
    X(lost) \
    X(duplicated) \
    X(installs) \
    X(changes) \
    X(removals) \
    X(wipes) \
    X(formations) \
    X(formation_kills) \
    X(formation_wipes) \
    X(full_disks) \
    X(stalls) \
    X(full_yields) \
    X(write_errors) \
    X(transfers_asked) \
    X(writes_acked) \
    X(writes_refused) \
    X(writes_unknown) \
    X(reads) \
    X(reads_delayed) \
    X(batches) \
    X(slow_disks) \
    X(hung_disks) \
    X(slow_votes) \
    X(fast_paces) \
    X(wide_paces) \
    X(compactions) \
    X(retries) \
    X(retries_replayed) \
    X(retries_expired) \
    X(transactions) \
    X(cas_missed) \
    X(ranges) \
    X(ranges_bounded) \
    X(ranges_continued) \
    X(span_deletes) \
    X(compares_version) \
    X(compares_existence) \
    X(compares_lease) \
    X(compares_revision) \
    X(leased_puts) \
    X(leased_deletes) \
    X(leases_missed) \
    X(long_values) \
    X(quota_refusals) \
    X(quota_alarms) \
    X(quota_clears) \
    X(bursts) \
    X(busy_answers) \
    X(stale_reads) \
    X(past_reads) \
    X(store_compactions) \
    X(watch_events) \
    X(watches_compacted) \
    X(histories) \
    X(history_operations) \
    X(joins) \
    X(replacements) \
    X(reads_cut) \
    X(restores_moved) \
    X(restores_refused) \
    X(restores_again) \
    X(restores_barred) \
    X(restores_unseen) \
    X(restores_harmless) \
    X(living_removed) \
    X(gone_removed) \
    X(told_removed) \
    X(rebuilt) \
    X(demotions) \
    X(votes_again) \
    X(wishes_refused) \
    X(wishes_sole_voter) \
    X(wishes_passed_on) \
    X(wishes_given_up) \
    X(hosts_lost) \
    X(changes_past_silent) \
    X(witnesses) \
    X(non_voters) \
    X(soft_published) \
    X(soft_seen) \
    X(advices_asked) \
    X(advices) \
    X(advices_lost) \
    X(moves) \
    X(lease_grants) \
    X(lease_handovers) \
    X(lease_expiries) \
    X(lease_deadlines) \
    X(lease_lefts) \
    X(lease_lefts_judged) \
    X(lease_releases) \
    X(lease_changes) \
    X(lease_marks) \
    X(lease_passed_on)
// clang-format on

struct sim_counts {
#define SIM_COUNT_FIELD(name) uint64_t name;
    SIM_COUNTS(SIM_COUNT_FIELD)
#undef SIM_COUNT_FIELD
};

enum sim_event_kind {
    EVENT_TICK,
    EVENT_MESSAGE,
    EVENT_DISK,
    EVENT_CLIENT,
    EVENT_WATCH,
    EVENT_LEASE,
    EVENT_SOFT,
    EVENT_FAULT,
    EVENT_RESTART,
    EVENT_RESUME,
    EVENT_ADMIN,
    EVENT_HEAL,
    EVENT_LED,
    EVENT_BURDEN,
    EVENT_END,
};

struct sim_event {
    uint64_t at_ns;
    uint64_t order;
    enum sim_event_kind kind;
    uint32_t node; /* or client */
    uint64_t life; /* of the node; an event of an earlier life is void */
    struct sim_event *next_idle;
    struct peer_message message;
    struct buf bytes;
};

struct sim_node {
    uint64_t id; /* slot + 1 + 16 * how often it was wiped */
    char info[16];
    struct core *core; /* NULL while down */
    struct form *form; /* instead of a core, until there is a cluster */
    bool blank;        /* of no cluster: starts with a form */
    uint8_t cluster_id[CLUSTER_ID_SIZE];
    struct watch_hub *hub;
    struct store_double *disk;
    uint64_t life;
    double rate; /* of its clock */
    uint64_t offset_ms;
    bool paused;
    uint64_t paused_until_ns;
    uint64_t tick_at_ns; /* of the newest tick event */
    bool disk_busy;
    uint64_t flush_at_ns;               /* it ends then */
    bool told_full;                     /* the core knows that its disk is */
    double disk_ms;                     /* mean time of a flush */
    double hang_ms;                     /* the next one takes so long; 0: as usual */
    uint64_t vote_sequence, vote_at_ns; /* the oldest batch with a term or vote on its way to it */
    struct store_double_reader *readers[8];
    uint64_t reader_names[8];
    /* for the checks */
    uint64_t term;
    uint64_t commit;
    uint64_t applied;
};

/* A node's play for one of the leases. */
#define SIM_LEASES 2
struct sim_contender {
    uint64_t id;
    uint64_t life;
    char attempt[32];  /* the value of the key if it was granted */
    uint64_t tried_ns; /* when it was asked for; another one waits for its outcome */
    bool granted;
    struct core_hold wish;
};

struct sim_faults {
    double drop, duplicate, slow_ms, tail, every_ms;
    bool cuts, crashes, dies_writing, write_errors, pauses, transfers, membership, slow_disks,
        full_disks, reorder, keeps_roles;
};

/* lease_left.c: what a leader has said last of a lease. */
struct sim_said {
    uint64_t lease, generation;
    uint64_t term;
    uint64_t until_ns;
};

/* wire.c */
struct sim_wire {
    struct buf bytes;
    struct peer_decoder decoder;
    struct peer_message message; /* that was decoded last */
};

/* outsiders.c: who is not well when the world heals. */
enum sim_out_state { OUT_NOT, OUT_DOWN, OUT_CUT };
struct sim_out {
    struct test_random random;
    bool plays;
    bool led; /* there was a leader since */
    enum sim_out_state state[SIM_NODES];
};

/* calm.c */
struct sim_calm {
    bool began;
    uint64_t until_ns;
    uint64_t tickets[SIM_NODES]; /* of reads that wait */
    uint64_t floors[SIM_NODES];
};

/* soft_words.c: words that a node said of itself; their number is their place in the book, from 1.
 */
struct sim_words {
    uint64_t member;
    uint64_t life;
    size_t size;
    uint64_t published_ns;
    uint64_t ended_ns; /* it said others, or died; 0: it stands by them */
};

/* What a reader has seen last of a member. */
struct sim_soft_seen {
    uint64_t member;
    uint64_t life; /* of the reader */
    uint64_t number;
    struct soft_version version;
};

struct sim_adviser {
    struct sim *sim;
    bool in_flight;
};

struct sim_soft {
    bool plays, advises, places;
    bool forbidden; /* to move leadership */
    struct sim_words *words;
    size_t count, room;
    uint64_t newest[SIM_NODES];
    uint64_t alive_ns[SIM_NODES];
    struct sim_soft_seen seen[SIM_NODES][SIM_NODES];
    struct sim_adviser advisers[SIM_NODES];
    uint64_t moves[SIM_NODES], moves_life[SIM_NODES], moved_ns[SIM_NODES];
};

/* raft_checks.c, of a slot. */
struct sim_raft {
    uint64_t voter, vote_term, vote;
    uint64_t leads_term, leads_life, leads_last, leads_last_term, leads_commit;
};

/* What is known to be chosen at an index. */
struct sim_chosen {
    uint64_t term;
    uint64_t seen_term;   /* of the node that was the first to know: not below that of the leader */
    struct hash128 chain; /* of the machine that has applied it last */
    struct hash128 state;
};

/* What is not left to the seed, for measurements; 0: it is. */
#define SIM_VOTERS_MAX 7
struct sim_wish {
    uint64_t voters;
    uint64_t seconds;
    bool hashed; /* it is lived twice: sim->trace_hash is to tell one life from another */
};

struct sim {
    uint64_t seed;
    struct sim_wish wish;
    struct test_random cut_dice; /* of readers: its own, lives go on as they would without */
    struct test_random random;
    uint64_t now_ns;
    uint64_t order;
    struct sim_event **heap;
    size_t heap_count, heap_room;
    struct sim_event *idle; /* events to be used again */
    struct sim_node nodes[SIM_NODES];
    size_t nodes_count, voters_at_start, standbys_at_start;
    struct sim_use use;
    uint64_t tickets;
    bool cut[SIM_NODES][SIM_NODES];
    uint64_t link_free_ns[SIM_NODES][SIM_NODES];
    struct sim_faults faults;
    bool healed, over;
    uint64_t cuts_until_ns; /* the net stays as it is */
    uint64_t heal_at_ns, end_at_ns, wiped_at_ns;
    uint64_t heal_order; /* messages of before are not under way for ever */
    uint64_t fault_ms, heal_ms;
    uint32_t election_ms, heartbeat_ms;
    struct sim_counts counts;
    FILE *trace;
    struct hash128 trace_hash;
    struct sim_wire wire;
    struct sim_out out;
    struct sim_calm calm;
    /* formation.c */
    bool forms; /* the first cluster forms itself on blank disks */
    struct buf first_entry;
    uint8_t cluster_id[CLUSTER_ID_SIZE];
    /* joining.c */
    bool joins; /* nodes ask for their place themselves */
    uint64_t placed[SIM_NODES];
    struct sim_operator operator;
    struct sim_roll roll;
    /* leases.c */
    uint64_t lease_ttl_ms; /* 0: nobody plays for leases */
    uint64_t attempts;
    struct sim_contender contenders[SIM_NODES][SIM_LEASES];
    uint64_t held_until_ns[SIM_LEASES][SIM_NODES]; /* in true time */
    uint64_t let_go_ns[SIM_LEASES];
    size_t last_holder[SIM_LEASES]; /* slot + 1 */
    struct sim_said said[SIM_LEASES];
    struct sim_soft soft;
    struct sim_raft raft[SIM_NODES];
    struct sim_restores restores;
    /* checks.c */
    struct sim_chosen *chosen;
    size_t chosen_count, chosen_room;
    uint64_t acked; /* highest acknowledged index */
    uint64_t acked_at_heal;
    uint64_t *leader_of_term;
    size_t terms_room;
    char violation[512];
};

/* One life. 0: no violation; else @sim->violation says which. */
int sim_live(struct sim *sim, uint64_t seed, const struct sim_wish *wish, FILE *trace);
void sim_close(struct sim *sim);

/* sim.c, for the others */
/* The slot of a node, whichever of its lives @id was. */
#define SIM_SLOT(id) (((id)-1) % 16)
void sim_schedule(struct sim *sim, uint64_t at_ns, enum sim_event_kind kind, uint32_t node);
uint64_t sim_local_ms(const struct sim *sim, const struct sim_node *n);
void sim_after(struct sim *sim, struct sim_node *n); /* take and carry out what the core wants */
void sim_send(struct sim *sim, const struct sim_node *from, size_t to,
              const struct peer_message *message);
/* Its disk and its clock go on. */
void sim_go_on(struct sim *sim, struct sim_node *n);
__attribute__((format(printf, 2, 3))) void sim_say(struct sim *sim, const char *fmt, ...);
__attribute__((format(printf, 2, 3))) void sim_violation(struct sim *sim, const char *fmt, ...);
struct sim_node *sim_leader(struct sim *sim);

/* world.c */
void world_draw(struct sim *sim);
void world_format_disk(struct sim *sim, struct sim_node *n);
void world_start_node(struct sim *sim, struct sim_node *n);

/* formation.c */
void form_draw(struct sim *sim);
/* True: the node forms a cluster, and has no core yet. */
bool form_starts(struct sim *sim, struct sim_node *n, const struct store_image *image);
void form_act(struct sim *sim, struct sim_node *n, const struct sim_event *event);
/* A node with a core is asked whether it belongs to a cluster. */
void form_asked(struct sim *sim, struct sim_node *n, const struct peer_message *message);
void form_crashed(struct sim *sim, struct sim_node *n);
void form_close(struct sim *sim);

/* faults.c */
void faults_draw(struct sim *sim);
void faults_crash(struct sim *sim, struct sim_node *n);
void faults_discard(struct sim *sim, struct sim_node *n); /* its identity, with the disk */
void faults_retire(struct sim *sim, struct sim_node *n);  /* it ends, and comes back as another */
void faults_restart(struct sim *sim, struct sim_node *n, uint64_t down_ms); /* ... as itself */
/* One lost disk more, and what is left can still do without it. */
bool faults_may_lose_one(struct sim *sim);
void faults_strike(struct sim *sim);
void faults_heal(struct sim *sim);
bool faults_write_fails(struct sim *sim, struct sim_node *n);
/* It may die in the middle of what it was doing: messages out, writes not done. */
bool faults_dies_now(struct sim *sim, struct sim_node *n);

/* members.c */
void members_act(struct sim *sim);

/* soft_words.c */
void soft_draw(struct sim *sim);
void soft_start(struct sim *sim, struct sim_node *n, struct core_settings *settings);
void soft_act(struct sim *sim);
void soft_check(struct sim *sim, struct sim_node *n);
bool soft_is_well(struct sim *sim);
void soft_check_end(struct sim *sim);
void soft_book_close(struct sim *sim);

/* joining.c */
void join_draw(struct sim *sim);
void join_describe(const struct sim *sim, const struct sim_node *n, struct member_info *out);
void join_start(struct sim *sim, const struct sim_node *n, struct core_settings *settings);
void join_connect(struct sim *sim, struct sim_node *n);
bool join_must_discard(struct sim *sim, const struct sim_node *n, const struct store_image *image);
void join_note(struct sim *sim);
const char *join_missing(struct sim *sim);
/* How long a healed world may take, beyond what every life has, until all have their place. */
uint64_t join_heal_ms(const struct sim *sim);

/* leases.c */
void lease_draw(struct sim *sim);
void lease_act(struct sim *sim, uint32_t node);
void lease_check(struct sim *sim, struct sim_node *n);
bool leases_are_held(const struct sim *sim);
void lease_check_end(struct sim *sim);

/* lease_left.c */
void left_ask(struct sim *sim, const struct sim_node *n, size_t r, uint64_t id);
/* An expiry that a leader of @term has proposed is committed, and ends the lease. */
void left_expired(struct sim *sim, uint64_t term, uint64_t lease, uint64_t generation);

/* wire.c */
/* @message as it arrives; lives until the next one is carried. */
const struct peer_message *wire_carry(struct sim *sim, const struct peer_message *message);
void wire_close(struct sim *sim);
/* wire_same.c */
bool wire_same(const struct peer_message *a, const struct peer_message *b);

/* trace.c */
void trace_open(struct sim *sim);
void trace_line(struct sim *sim, const char *line);
void trace_event(struct sim *sim, const struct sim_event *event);
void trace_node(struct sim *sim, const struct sim_node *n);

/* outsiders.c */
void out_draw(struct sim *sim);
void out_heal(struct sim *sim);
/* Stays down or cut off when the world heals. */
bool out_is(const struct sim *sim, size_t slot);
bool out_is_down(const struct sim *sim, size_t slot);
bool out_breaks(const struct sim *sim, const struct sim_event *event);
void out_note_leader(struct sim *sim, const struct sim_node *n);
void out_tell(struct sim *sim); /* how everybody stands, for the trace */
void out_check_led(struct sim *sim);

/* calm.c */
void calm_act(struct sim *sim);
void calm_done(struct sim *sim, const struct sim_node *n, const struct core_done *done);

/* raft_checks.c */
void raft_check_message(struct sim *sim, const struct peer_message *message);
void raft_check_node(struct sim *sim, const struct sim_node *n); /* before check_node() */
void raft_check_logs(struct sim *sim);

/* checks.c */
void check_node(struct sim *sim, struct sim_node *n);
/* Everything that the end of a life asks for is there: it need not go on. */
bool check_is_well(struct sim *sim);
void check_end(struct sim *sim);
void check_ack(struct sim *sim, uint64_t index);
void check_close(struct sim *sim);

#endif /* TESTS_SIM_SIM_H_ */
