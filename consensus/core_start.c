/* consensus/core_start.c - may a node start as who it was, and what its disk keeps of its starts
 * (safety D5).
 *
 * Two rows of the state table that are the core's own and never travel:
 *
 *   \0start    the starts since the last life that was clear (start_note.h)
 *   \0refused  this disk is an old copy, and why: no start goes on from it
 *
 * The second spares the members the question, and tells the operator at each start what to do. It
 * may be missing: the node may have died before it was durable. The first holds without it. */
#include <string.h>

#include "base/must.h"
#include "consensus/core_internal.h"
#include "proto/kv_check.h"

static const char start_key[] = "\0start";
#define START_KEY_SIZE 6
static const char refused_key[] = "\0refused";
#define REFUSED_KEY_SIZE 8

static bool has_key(const struct store_row *row, const char *key, size_t size)
{
    return row->key_size == size && memcmp(row->key, key, size) == 0;
}

/* --- before a start --- */

/* Why the members refused an earlier start from these files; false: they did not. */
static bool was_refused(const struct store_image *image, struct store_row *ret_row)
{
    struct store_row row;
    size_t at = 0;
    /* By size of key: the machine's rows are not walked, but for the shortest. */
    while (image->content != NULL && store_batch_next_row(image->content, &at, &row) &&
           row.key_size <= REFUSED_KEY_SIZE) {
        if (has_key(&row, refused_key, REFUSED_KEY_SIZE)) {
            *ret_row = row;
            return true;
        }
    }
    return false;
}

/* The state on disk is that of a program that knows no less than this one. What the log behind it
 * says is found when it is applied. */
static int check_level(const struct store_image *image, struct err *err)
{
    struct store_row row;
    struct machine_facts facts;
    size_t at = 0;
    /* As above: the row that says so has one of the shortest keys. */
    while (image->content != NULL && store_batch_next_row(image->content, &at, &row) &&
           row.key_size <= 1) {
        if (machine_facts_of_row(&row, &facts)) {
            return kv_level_check(facts.feature_level, err);
        }
    }
    return 0;
}

int core_may_start(const struct store_image *image, struct err *err)
{
    if (image->moved) {
        return err_set(err, ERR_REFUSED,
                       "these files are a copy, or were moved or restored (%s): this node can not "
                       "go on as the member that wrote them; it has to join as a new one",
                       image->moved_text);
    }
    if (image->identity.incarnation >= UINT32_MAX) {
        return err_set(err, ERR_REFUSED,
                       "this node has been started too often; it has to join as a new member");
    }
    struct store_row row;
    if (was_refused(image, &row)) {
        return err_set(err, ERR_REFUSED,
                       "the members refused an earlier start from these files (%.*s): this node "
                       "can not go on as the member that wrote them; it has to join as a new one",
                       (int)row.value_size, (const char *)row.value);
    }
    return check_level(image, err);
}

/* --- the rows --- */

bool core_start_owns_row(const struct store_row *row)
{
    return has_key(row, start_key, START_KEY_SIZE);
}

int core_start_load_row(struct core *c, const struct store_row *row, struct err *err)
{
    return start_note_decode(row->value, row->value_size, &c->hello.note, err);
}

void core_start_save(struct core *c, struct store_batch *batch)
{
    struct buf value = {0};
    start_note_encode(&c->hello.note, &value);
    struct store_row row = {.key = start_key,
                            .key_size = START_KEY_SIZE,
                            .value = value.bytes,
                            .value_size = value.size};
    store_batch_add_row(batch, &row);
    buf_close(&value);
}

/* Nothing leaves before it is durable. */
static void write_note(struct core *c)
{
    struct store_batch *batch = core_batch(c);
    core_start_save(c, batch);
    batch->essential = true; /* a few bytes, once or twice in a life */
    c->hard_sequence = batch->sequence;
}

void core_start_begin(struct core *c, const struct store_image *image)
{
    struct core_hello *h = &c->hello;
    struct start_note *note = &h->note;
    if (!note->is_open) {
        *note = (struct start_note){.clear_life = note->clear_life,
                                    .is_open = true,
                                    .term = image->hard.term,
                                    .vote = image->hard.vote,
                                    .last = image->log_last,
                                    .counter = image->batch_counter};
        write_note(c);
    }
    h->found = (struct peer_hello){.name = "",
                                   .start_term = note->term,
                                   .start_vote = note->vote,
                                   .start_last = note->last,
                                   .start_counter = note->counter,
                                   .clear_life = note->clear_life};
}

void core_start_clear(struct core *c)
{
    struct core_hello *h = &c->hello;
    h->note = (struct start_note){.clear_life = h->life};
    h->found.clear_life = h->life;
    write_note(c);
}

void core_start_refused(struct core *c, const char *why)
{
    struct store_row row = {
        .key = refused_key, .key_size = REFUSED_KEY_SIZE, .value = why, .value_size = strlen(why)};
    core_close_batch(c); /* alone, so that nothing else uses what is kept for it on a full disk */
    struct store_batch *batch = core_batch(c);
    store_batch_add_row(batch, &row);
    batch->essential = true;
    core_close_batch(c); /* there is no turn after this one */
}
