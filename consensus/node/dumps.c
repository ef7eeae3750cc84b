/* consensus/node/dumps.c - the whole state, handed out slice by slice as the disk has it at one
 * moment: for snapshots that are kept in files.
 *
 * The store's readers do the work, on the storage thread; here is only who asked. A caller asks for
 * one slice at a time. A dump ends with its last slice, with an error, or when its caller says so;
 * a caller that is too slow is cut by the store, as any reader (storage/store.h). */
#include <string.h>

#include "base/must.h"
#include "consensus/node/node.h"

#define SLICE_BYTES ((size_t)256 * 1024)
/* The state follows what was applied within a second or so; longer than this it is not waited for:
 * the disk may be full. */
#define BEHIND_MS 3000
#define LOOK_MS 50

static struct node_dump *find(struct node *n, uint64_t reader)
{
    for (size_t i = 0; i < ARRAY_LEN(n->dumps); i++) {
        if (n->dumps[i].reader == reader) {
            return &n->dumps[i];
        }
    }
    return NULL;
}

static void end(struct node *n, struct node_dump *dump)
{
    if (n->store != NULL) {
        store_reader_close(n->store, dump->reader);
    }
    *dump = (struct node_dump){.reader = 0};
}

void dumps_try(struct node *n, struct job *job)
{
    struct node_dump *dump = find(n, job->subject);
    if (dump == NULL) {
        jobs_finish(
            n, job, job->subject == 0 ? ERR_BUSY : ERR_EXPIRED,
            job->subject == 0 ? "two snapshots are being taken already" : "this snapshot is over");
        return;
    }
    if (dump->job != NULL) {
        jobs_finish(n, job, ERR_BUSY, "the slice before is on its way");
        return;
    }
    uint64_t now_ms = node_now_ms();
    job->revision = job->revision != 0 ? job->revision : core_applied(n->core);
    bool is_behind = dump->reader == 0 && !core_state_is_durable(n->core, job->revision);
    if (is_behind && now_ms - job->began_ms < BEHIND_MS) {
        jobs_wait(n, job, now_ms + LOOK_MS);
        return;
    }
    job->state = JOB_IN_CORE; /* until the store has answered */
    if (dump->reader == 0) {
        dump->reader = store_reader_open(n->store);
    } else {
        store_reader_next(n->store, dump->reader, SLICE_BYTES);
    }
    dump->job = job;
}

void dumps_drop(struct node *n, const struct job *job)
{
    for (size_t i = 0; i < ARRAY_LEN(n->dumps); i++) {
        if (n->dumps[i].job == job) {
            end(n, &n->dumps[i]);
        }
    }
}

void dumps_end(struct node *n, uint64_t reader)
{
    struct node_dump *dump = reader != 0 ? find(n, reader) : NULL;
    if (dump == NULL) {
        return;
    }
    struct job *job = dump->job;
    if (job != NULL) {
        jobs_finish(n, job, ERR_CANCELED, NULL); /* which ends it */
    } else {
        end(n, dump);
    }
}

static void note_facts(const struct store_row *row, struct pgraft_dump *out)
{
    struct machine_facts facts;
    if (!machine_facts_of_row(row, &facts)) {
        return;
    }
    out->has_facts = true;
    out->revision = facts.revision;
    out->epoch = facts.epoch;
    (void)snprintf(out->state_hash, sizeof(out->state_hash), "%016llx%016llx",
                   (unsigned long long)facts.hash_high, (unsigned long long)facts.hash_low);
}

static void copy_rows(struct job *job, const struct store_event *event)
{
    struct pgraft_dump *out = job_room(job, sizeof(*out));
    struct pgraft_row *rows = job_room(job, (event->rows->row_count + 1) * sizeof(*rows));
    struct store_row row;
    size_t at = 0;
    *out = (struct pgraft_dump){.id = event->reader,
                                .rows = rows,
                                .is_last = event->is_last,
                                .index = event->applied_index,
                                .term = event->applied_term};
    while (store_batch_next_row(event->rows, &at, &row)) {
        if (!machine_owns_row(row.key, row.key_size)) {
            continue;
        }
        struct kv_slice key = job_room_slice(job, kv_slice(row.key, row.key_size));
        struct kv_slice value = job_room_slice(job, kv_slice(row.value, row.value_size));
        rows[out->row_count] =
            (struct pgraft_row){.key = {key.bytes, key.size}, .value = {value.bytes, value.size}};
        out->row_count++;
        note_facts(&row, out);
    }
    job->dump = out;
}

bool dumps_receive(struct node *n, const struct store_event *event)
{
    struct node_dump *dump = event->reader != 0 ? find(n, event->reader) : NULL;
    struct job *job = dump != NULL ? dump->job : NULL;
    if (job == NULL) {
        return dump != NULL;
    }
    if (event->status != 0) {
        jobs_finish(n, job, event->status, "%s", event->err.msg);
        return true;
    }
    if (event->rows == NULL) { /* it is open */
        store_reader_next(n->store, dump->reader, SLICE_BYTES);
        return true;
    }
    copy_rows(job, event);
    dump->job = NULL;
    if (event->is_last) {
        end(n, dump);
    }
    jobs_finish(n, job, 0, NULL);
    return true;
}
