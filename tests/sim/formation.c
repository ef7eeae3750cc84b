/* tests/sim/formation.c - in half of the lives the first cluster forms itself, on blank disks.
 *
 * The same net, disks and misfortunes as for cores, and some more: while a cluster forms its nodes
 * die often, and one of them may lose its disk. What is judged: one cluster, one entry 1; the life
 * goes on with what was formed, so that a cluster that never came shows as one without progress. */
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "consensus/form_record.h"
#include "tests/sim/sim.h"

void form_draw(struct sim *sim)
{
    struct test_random own = {sim->seed *
                              UINT64_C(0xd1342543de82ef95)}; /* leaves other lives alone */
    sim->forms = random_chance(&own, 0.5);
    for (size_t i = 0; sim->forms && i < sim->voters_at_start; i++) {
        struct sim_node *n = &sim->nodes[i];
        n->blank = true;
        store_double_destroy(n->disk);
        n->disk = store_double_create();
    }
}

static bool has_cluster(const uint8_t *cluster_id)
{
    static const uint8_t none[CLUSTER_ID_SIZE];
    return memcmp(cluster_id, none, CLUSTER_ID_SIZE) != 0;
}

/* --- what was formed --- */

/* On its disk: a promise to this cluster, or the cluster. */
static bool has_promised(const struct sim_node *n, const uint8_t *cluster_id)
{
    struct store_double *copy = store_double_clone(n->disk);
    struct store_image image;
    struct form_record record;
    store_double_load(copy, &image);
    int code = form_record_load(&image, &record, NULL);
    MUST(code == 0);
    bool has =
        memcmp(image.identity.cluster_id, cluster_id, CLUSTER_ID_SIZE) == 0 ||
        (record.promised && memcmp(record.promise.cluster_id, cluster_id, CLUSTER_ID_SIZE) == 0);
    store_image_close(&image);
    store_double_destroy(copy);
    return has;
}

/* The first member there is has the promises of all, but for a disk that was lost since. */
static void check_promises(struct sim *sim, const struct sim_node *n)
{
    struct members members;
    struct buf keep = {0};
    if (members_decode(sim->first_entry.bytes, sim->first_entry.size, &members, &keep, NULL) != 0) {
        sim_violation(sim, "n%u formed a cluster of malformed members", (unsigned)n->id);
    }
    for (size_t i = 0; i < members.count; i++) {
        const struct sim_node *m = &sim->nodes[SIM_SLOT(members.at[i].id)];
        if (m->id == members.at[i].id && !has_promised(m, n->cluster_id)) {
            sim_violation(sim, "n%u formed a cluster without the promise of n%u", (unsigned)n->id,
                          (unsigned)m->id);
        }
    }
    buf_close(&keep);
}

static void note_cluster(struct sim *sim, struct sim_node *n, const struct store_image *image)
{
    struct store_entry first;
    size_t at = 0;
    memcpy(n->cluster_id, image->identity.cluster_id, CLUSTER_ID_SIZE);
    if (!has_cluster(sim->cluster_id)) {
        sim->counts.formations++;
        memcpy(sim->cluster_id, n->cluster_id, CLUSTER_ID_SIZE);
        if (image->hard.term != 1 || !store_batch_next_entry(image->content, &at, &first)) {
            sim_violation(sim, "n%u is the first member, and has no entry 1", (unsigned)n->id);
            return;
        }
        buf_append(&sim->first_entry, first.data, first.size);
        check_promises(sim, n);
    }
    if (memcmp(sim->cluster_id, n->cluster_id, CLUSTER_ID_SIZE) != 0) {
        sim_violation(sim, "two clusters: n%u belongs to another one", (unsigned)n->id);
    }
    if (image->log_first == 1 && store_batch_next_entry(image->content, &at, &first) &&
        first.index == 1 &&
        (first.term != 1 || first.size != sim->first_entry.size ||
         memcmp(first.data, sim->first_entry.bytes, first.size) != 0)) {
        sim_violation(sim, "n%u has another entry 1", (unsigned)n->id);
    }
}

/* --- nodes --- */

static void on_outcome(struct sim *sim, struct sim_node *n)
{
    n->blank = form_state(n->form) != FORM_JOIN;
    sim_say(sim, "n%u: %s", (unsigned)n->id, form_state_name(form_state(n->form)));
    form_destroy(n->form);
    n->form = NULL;
    world_start_node(sim, n);
}

static void after(struct sim *sim, struct sim_node *n)
{
    struct store_batch *batch = form_next_batch(n->form);
    if (batch != NULL) {
        sim->counts.batches++;
        store_double_submit(n->disk, batch);
    }
    struct form_message m;
    while (form_next_message(n->form, &m)) {
        sim_send(sim, n, (size_t)strtoul(m.name + 1, NULL, 10) - 1, &m.message);
    }
    enum form_state state = form_state(n->form);
    if (state == FORM_FORMED || state == FORM_JOIN) {
        on_outcome(sim, n);
        return;
    }
    if (sim->faults.crashes && !sim->healed && random_chance(&sim->random, 0.02)) {
        faults_crash(sim, n);
        return;
    }
    sim_go_on(sim, n);
}

bool form_starts(struct sim *sim, struct sim_node *n, const struct store_image *image)
{
    if (sim->forms && has_cluster(image->identity.cluster_id)) {
        note_cluster(sim, n, image);
        n->blank = false;
    }
    if (!n->blank) {
        return false;
    }
    struct form_settings s = form_settings_default();
    struct member_info info;
    for (size_t i = 0; i < sim->voters_at_start; i++) {
        join_describe(sim, &sim->nodes[i], &info);
        int code = form_list_add(&s.list, info.name, info.address, NULL);
        MUST(code == 0);
    }
    join_describe(sim, n, &info);
    memcpy(s.name, info.name, sizeof(s.name));
    s.node_id = n->id;
    s.kind = info.kind;
    s.seed = random_u64(&sim->random);
    struct err err = {0};
    if (form_create(&s, sim_local_ms(sim, n), image, &n->form, &err) != 0) {
        sim_violation(sim, "n%u does not start: %s", (unsigned)n->id, err.msg);
        return true;
    }
    sim_say(sim, "n%u starts without a cluster", (unsigned)n->id);
    after(sim, n);
    return true;
}

void form_act(struct sim *sim, struct sim_node *n, const struct sim_event *event)
{
    uint64_t now_ms = sim_local_ms(sim, n);
    switch ((int)event->kind) {
        case EVENT_TICK:
            form_tick(n->form, now_ms);
            break;
        case EVENT_MESSAGE:
            form_receive(n->form, now_ms, &event->message);
            break;
        case EVENT_DISK: {
            if (!n->disk_busy || sim->now_ns < n->flush_at_ns || faults_write_fails(sim, n)) {
                return;
            }
            n->disk_busy = false;
            uint64_t sequence = store_double_commit(n->disk, store_double_may_commit(n->disk));
            if (sequence > 0) {
                form_durable(n->form, now_ms, sequence);
            }
            break;
        }
        default:
            n->paused = false;
            break;
    }
    after(sim, n);
}

void form_asked(struct sim *sim, struct sim_node *n, const struct peer_message *message)
{
    bool asks = message->kind == PEER_FORM_HELLO || message->kind == PEER_FORM_PROPOSAL;
    if (!asks || !has_cluster(n->cluster_id) || core_refused(n->core, NULL) != CORE_WELCOME) {
        return;
    }
    struct members members;
    (void)engine_committed_members(core_engine(n->core), &members);
    struct form_member me = {.members = &members};
    memcpy(me.cluster_id, n->cluster_id, CLUSTER_ID_SIZE);
    join_describe(sim, n, &me.info);
    struct peer_message answer;
    struct buf keep = {0};
    if (form_answer(&me, message, &answer, &keep)) {
        sim_send(sim, n, (size_t)SIM_SLOT(answer.to), &answer);
    }
    buf_close(&keep);
}

/* The disk of one that does not propose may be lost while nobody is a member yet, or no majority of
 * the members might be left. */
static bool may_wipe(struct sim *sim, const struct sim_node *n)
{
    bool may = sim->faults.membership && sim->voters_at_start >= 3 && n != &sim->nodes[0] &&
               sim->wiped_at_ns == 0 && !has_cluster(sim->cluster_id);
    return may && random_chance(&sim->random, 0.3);
}

void form_crashed(struct sim *sim, struct sim_node *n)
{
    sim->counts.formation_kills++;
    form_destroy(n->form);
    n->form = NULL;
    if (may_wipe(sim, n)) {
        sim->wiped_at_ns = sim->now_ns;
        sim->counts.formation_wipes++;
        n->id += 16;
        (void)snprintf(n->info, sizeof(n->info), "n%u", (unsigned)n->id);
        sim_say(sim, "wiped: now n%u", (unsigned)n->id);
        store_double_destroy(n->disk);
        n->disk = store_double_create();
    }
}

void form_close(struct sim *sim)
{
    for (size_t i = 0; i < SIM_NODES; i++) {
        form_destroy(sim->nodes[i].form);
    }
    buf_close(&sim->first_entry);
}
