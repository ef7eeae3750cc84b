/* tests/sim/soft_words.c - what members say of themselves, the advisor, and where leadership goes;
 * judged in true time.
 *
 * Now and then a node publishes words that nobody has published before; the book of all words knows
 * when, and until when their node stood by them. Whatever any node reads must be words of that
 * member, never older ones than before, and must not be told younger than they are, by more than
 * the rate of a clock can be wrong. When all is well everybody has everybody's newest words soon.
 *
 * In a part of the lives an advisor writes the newest words of one member into the store, and in a
 * part leadership is placed: away from the primary and from slow disks, while the owner allows it.
 */
#include <string.h>

#include "base/mem.h"
#include "proto/kv_codec.h"
#include "tests/sim/sim.h"

#define RATE_ERROR 0.0005
/* When all is well words are not told older than this. */
#define YOUNG_MS 1500
/* So long after the healing nobody says anything new, and everybody gets to know it all. */
#define QUIET_AFTER_NS (1000 * NS_MS)

static const char advice_key[] = "advice";

static uint64_t *newest_of(struct sim *sim, const struct sim_node *n)
{
    return &sim->soft.newest[n - sim->nodes];
}

/* --- publishing --- */

/* Each byte of the words follows from their number. */
static void words_of(uint64_t number, size_t size, unsigned char *out)
{
    memcpy(out, &number, sizeof(number));
    for (size_t i = sizeof(number); i < size; i++) {
        out[i] = (unsigned char)(number * 31 + i);
    }
}

static uint64_t new_words(struct sim *sim, const struct sim_node *n, size_t size)
{
    struct sim_soft *s = &sim->soft;
    if (s->count == s->room) {
        s->room = s->room > 0 ? s->room * 2 : 64;
        s->words = mem_grow(s->words, s->room, sizeof(*s->words));
    }
    s->words[s->count] = (struct sim_words){
        .member = n->id, .life = n->life, .size = size, .published_ns = sim->now_ns};
    s->count++;
    return s->count; /* the number: 0 is none */
}

static void publish(struct sim *sim, struct sim_node *n)
{
    struct test_random *r = &sim->random;
    unsigned char bytes[SOFT_BYTES_MAX + 1];
    size_t size = 8 + random_below(r, random_chance(r, 0.3) ? SOFT_BYTES_MAX - 7 : 100);
    if (random_chance(r, 0.02)) {
        memset(bytes, 0, sizeof(bytes));
        int code = core_publish(n->core, sim_local_ms(sim, n), bytes, sizeof(bytes));
        if (code != ERR_TOO_LARGE) {
            sim_violation(sim, "n%u published too much: %d", (unsigned)n->id, code);
        }
        return;
    }
    uint64_t *newest = newest_of(sim, n);
    if (*newest != 0 && sim->soft.words[*newest - 1].ended_ns == 0) {
        sim->soft.words[*newest - 1].ended_ns = sim->now_ns;
    }
    *newest = new_words(sim, n, size);
    words_of(*newest, size, bytes);
    sim->counts.soft_published++;
    (void)core_publish(n->core, sim_local_ms(sim, n), bytes, size);
}

/* --- judging what is read --- */

static bool is_member(const struct core *core, uint64_t id)
{
    struct members members;
    engine_members(core_engine(core), &members);
    for (size_t i = 0; i < members.count; i++) {
        if (members.at[i].id == id) {
            return members.at[i].role != MEMBER_SPARE;
        }
    }
    return false;
}

static uint64_t number_of(const struct soft_view *view)
{
    uint64_t number = 0;
    if (view->size >= sizeof(number)) {
        memcpy(&number, view->bytes, sizeof(number));
    }
    return number;
}

static bool are_words_of(const struct sim *sim, const struct soft_view *view)
{
    uint64_t number = number_of(view);
    unsigned char bytes[SOFT_BYTES_MAX];
    if (number == 0 || number > sim->soft.count) {
        return false;
    }
    const struct sim_words *w = &sim->soft.words[number - 1];
    if (w->member != view->member || w->size != view->size) {
        return false;
    }
    words_of(number, w->size, bytes);
    return memcmp(bytes, view->bytes, view->size) == 0;
}

/* The last moment at which their node stood by them. */
static uint64_t stood_ns(const struct sim *sim, const struct sim_words *w)
{
    return w->ended_ns != 0 ? w->ended_ns : sim->soft.alive_ns[SIM_SLOT(w->member)];
}

static void judge_age(struct sim *sim, const struct sim_node *n, const struct soft_view *view)
{
    const struct sim_words *w = &sim->soft.words[number_of(view) - 1];
    double true_ms = (double)(sim->now_ns - stood_ns(sim, w)) / 1e6;
    if ((double)view->age_ms < true_ms * (1 - RATE_ERROR) - 0.001) {
        sim_violation(sim, "n%u tells words of n%u %.3f ms younger than they are (%.3f ms)",
                      (unsigned)n->id, (unsigned)view->member, true_ms - (double)view->age_ms,
                      true_ms);
    }
}

static void judge_order(struct sim *sim, const struct sim_node *n, const struct soft_view *view)
{
    struct sim_soft_seen *seen = &sim->soft.seen[n - sim->nodes][SIM_SLOT(view->member)];
    bool same = seen->member == view->member && seen->life == n->life;
    bool back = same && soft_version_compare(&view->version, &seen->version) < 0;
    bool older = same && number_of(view) < seen->number;
    if (back || older) {
        sim_violation(sim, "n%u had words %u of n%u, and now %u", (unsigned)n->id,
                      (unsigned)seen->number, (unsigned)view->member, (unsigned)number_of(view));
    }
    sim->counts.soft_seen += !same || seen->number != number_of(view) ? 1 : 0;
    *seen = (struct sim_soft_seen){.member = view->member,
                                   .life = n->life,
                                   .number = number_of(view),
                                   .version = view->version};
}

static void judge_table(struct sim *sim, struct sim_node *n)
{
    struct soft_view view = {0};
    uint64_t now_ms = sim_local_ms(sim, n);
    while (core_soft_next(n->core, now_ms, view.member, &view)) {
        if (!are_words_of(sim, &view)) {
            sim_violation(sim, "n%u tells words of n%u that it has never said", (unsigned)n->id,
                          (unsigned)view.member);
            return;
        }
        judge_age(sim, n, &view);
        judge_order(sim, n, &view);
    }
}

/* A member that a reader has forgotten may come back with words from before. */
static void forget_gone(struct sim *sim, const struct sim_node *n)
{
    struct soft_view view;
    for (size_t slot = 0; slot < sim->nodes_count; slot++) {
        struct sim_soft_seen *seen = &sim->soft.seen[n - sim->nodes][slot];
        bool gone = seen->member != 0 && seen->life == n->life &&
                    !core_soft_get(n->core, sim_local_ms(sim, n), seen->member, &view);
        if (gone) {
            *seen = (struct sim_soft_seen){0};
        }
    }
}

/* --- judging placement --- */

static void judge_moves(struct sim *sim, struct sim_node *n)
{
    size_t slot = (size_t)(n - sim->nodes);
    struct sim_soft *s = &sim->soft;
    uint64_t moves = 0;
    struct placement last = core_placement(n->core, &moves);
    if (s->moves_life[slot] != n->life) {
        s->moves_life[slot] = n->life;
        s->moves[slot] = 0;
        s->moved_ns[slot] = 0;
        core_allow_moves(n->core, !s->forbidden);
    }
    if (moves == s->moves[slot]) {
        return;
    }
    sim->counts.moves++;
    s->moves[slot] = moves;
    sim_say(sim, "n%u hands leadership to n%u: %s", (unsigned)n->id, (unsigned)last.to, last.rule);
    double pause_ms = (double)(sim->now_ns - s->moved_ns[slot]) / 1e6;
    bool early = s->moved_ns[slot] != 0 && pause_ms < 30000 * (1 - RATE_ERROR) - 1;
    if (early || s->forbidden || !s->places) {
        sim_violation(sim, "n%u moves leadership %s", (unsigned)n->id,
                      early ? "again too early" : "though it may not");
    }
    s->moved_ns[slot] = sim->now_ns;
}

/* After each event of a node. */
void soft_check(struct sim *sim, struct sim_node *n)
{
    struct sim_soft *s = &sim->soft;
    size_t slot = (size_t)(n - sim->nodes);
    if (!s->plays && !s->places) {
        return;
    }
    uint64_t newest = s->newest[slot];
    if (newest != 0 && s->words[newest - 1].life != n->life && s->words[newest - 1].ended_ns == 0) {
        s->words[newest - 1].ended_ns = s->alive_ns[slot]; /* it died at its last event, or after */
    }
    s->alive_ns[slot] = sim->now_ns;
    judge_moves(sim, n);
    forget_gone(sim, n);
    if (random_chance(&sim->random, 0.05)) {
        judge_table(sim, n);
    }
}

/* --- the advisor --- */

/* The newest words of the lowest member that has any. */
static uint64_t advice_of(const struct core *core, uint64_t now_ms)
{
    struct soft_view view;
    return core_soft_next(core, now_ms, 0, &view) ? number_of(&view) : 0;
}

static bool advice_stands(const struct core *core, const char *text)
{
    struct kv_pair pair;
    return machine_get(core_machine(core), kv_text(advice_key), &pair) &&
           kv_slice_equal(pair.value, kv_text(text));
}

static uint64_t advise(void *ctx, const struct core_view *view, struct buf *command)
{
    struct sim_adviser *a = ctx;
    struct sim *sim = a->sim;
    const struct engine *e = core_engine(view->core);
    if (!engine_is_established(e) || core_applied(view->core) < engine_established_at(e)) {
        sim_violation(sim, "an advisor is asked that does not lead, or not yet");
    }
    if (a->in_flight) {
        sim_violation(sim, "an advisor is asked while its command is under way");
    }
    sim->counts.advices_asked++;
    char text[32];
    uint64_t number = advice_of(view->core, view->now_ms);
    (void)snprintf(text, sizeof(text), "words %u", (unsigned)number);
    if (number == 0 || advice_stands(view->core, text)) {
        return number == 0 ? 700 : 0;
    }
    struct kv_command put = {
        .kind = KV_OP,
        .system = true,
        .op = {.kind = KV_OP_PUT, .put = {.key = kv_text(advice_key), .value = kv_text(text)}}};
    if (kv_command_encode(&put, command, NULL) != 0) {
        sim_violation(sim, "an advice does not encode");
    }
    a->in_flight = true;
    return 0;
}

static void advised(void *ctx, const struct core_done *done)
{
    struct sim_adviser *a = ctx;
    if (!a->in_flight) {
        sim_violation(a->sim, "an advisor hears of a command that it has not given");
    }
    a->in_flight = false;
    a->sim->counts.advices += done->status == 0 ? 1 : 0;
    a->sim->counts.advices_lost += done->status != 0 ? 1 : 0;
}

/* --- all is well --- */

/* What @slot says of itself in this life; 0: nothing. */
static uint64_t words_now(const struct sim *sim, size_t slot)
{
    const struct sim_node *n = &sim->nodes[slot];
    uint64_t newest = sim->soft.newest[slot];
    const struct sim_words *w = newest != 0 ? &sim->soft.words[newest - 1] : NULL;
    return n->core != NULL && w != NULL && w->life == n->life && w->member == n->id ? newest : 0;
}

static bool knows(const struct sim *sim, const struct sim_node *n, size_t slot)
{
    struct soft_view view;
    return core_soft_get(n->core, sim_local_ms(sim, n), sim->nodes[slot].id, &view) &&
           number_of(&view) == words_now(sim, slot) && view.age_ms <= YOUNG_MS;
}

/* Every member has the newest words of every other; nobody says new ones any more. */
static bool everybody_knows(const struct sim *sim, const struct sim_node *leader)
{
    for (size_t reader = 0; reader < sim->nodes_count; reader++) {
        const struct sim_node *n = &sim->nodes[reader];
        for (size_t slot = 0; slot < sim->nodes_count; slot++) {
            bool matters = n->core != NULL && !out_is(sim, reader) && !out_is(sim, slot) &&
                           is_member(leader->core, n->id) &&
                           is_member(leader->core, sim->nodes[slot].id) &&
                           words_now(sim, slot) != 0;
            if (matters && !knows(sim, n, slot)) {
                return false;
            }
        }
    }
    return true;
}

static bool advice_is_done(const struct sim *sim, const struct sim_node *leader)
{
    char text[32];
    uint64_t number = advice_of(leader->core, sim_local_ms(sim, leader));
    (void)snprintf(text, sizeof(text), "words %u", (unsigned)number);
    return number == 0 || advice_stands(leader->core, text);
}

bool soft_is_well(struct sim *sim)
{
    const struct sim_node *leader = sim_leader(sim);
    if (!sim->soft.plays) {
        return true;
    }
    return leader != NULL && everybody_knows(sim, leader) &&
           (!sim->soft.advises || advice_is_done(sim, leader));
}

void soft_check_end(struct sim *sim)
{
    if (!soft_is_well(sim)) {
        sim_violation(sim,
                      "what the members say is not known, or the advice not taken, after all "
                      "was well");
    }
}

/* --- acting --- */

void soft_start(struct sim *sim, struct sim_node *n, struct core_settings *settings)
{
    struct sim_soft *s = &sim->soft;
    struct sim_adviser *a = &s->advisers[n - sim->nodes];
    *a = (struct sim_adviser){.sim = sim};
    if (s->advises) {
        settings->advisor = (struct core_advisor){.advise = advise, .advised = advised, .ctx = a};
    }
    settings->place_leadership = s->places;
}

static void act_on_node(struct sim *sim, struct sim_node *n)
{
    core_slow_disk(n->core, sim->faults.slow_disks && n->disk_ms > 60);
    core_allow_moves(n->core, !sim->soft.forbidden);
    bool is_quiet = sim->healed && sim->now_ns > sim->heal_at_ns + QUIET_AFTER_NS;
    if (sim->soft.plays && !is_quiet && random_chance(&sim->random, 0.3)) {
        publish(sim, n);
    }
    sim_after(sim, n);
    if (n->core != NULL) {
        judge_table(sim, n);
    }
}

void soft_act(struct sim *sim)
{
    struct test_random *r = &sim->random;
    if (random_chance(r, 0.01)) {
        sim->soft.forbidden = !sim->soft.forbidden;
        for (size_t i = 0; i < sim->nodes_count; i++) {
            if (sim->nodes[i].core != NULL) {
                core_allow_moves(sim->nodes[i].core, !sim->soft.forbidden);
            }
        }
    }
    struct sim_node *n = &sim->nodes[random_below(r, sim->nodes_count)];
    if (n->core != NULL && !n->paused) {
        act_on_node(sim, n);
    }
    sim_schedule(sim, sim->now_ns + (uint64_t)(random_exp(r, 60) * 1e6), EVENT_SOFT, 0);
}

void soft_draw(struct sim *sim)
{
    struct test_random *r = &sim->random;
    sim->soft.plays = random_chance(r, 0.5);
    sim->soft.advises = sim->soft.plays && random_chance(r, 0.5);
    sim->soft.places = random_chance(r, 0.3);
    if (sim->soft.plays || sim->soft.places) {
        sim_schedule(sim, sim->now_ns + 300 * NS_MS, EVENT_SOFT, 0);
    }
}

void soft_book_close(struct sim *sim)
{
    mem_free(sim->soft.words);
}
