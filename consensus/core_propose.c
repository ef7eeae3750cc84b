/* consensus/core_propose.c - commands on their way into the log, and back.
 *
 * Commands that arrive while the leader's last ones are being written wait and go as one batch:
 * under load a write costs its share of one flush. The queue is bounded in number and bytes. A
 * proposal is answered when the entry at its index is applied: with the result if it is ours, else
 * as lost; and when leadership ends, as unknown. */
#include "base/mem.h"
#include "base/must.h"
#include "consensus/core_internal.h"

/* What goes into the log at once. */
#define SUBMIT_COUNT_MAX 4096
#define SUBMIT_BYTES_MAX (STORE_BATCH_BYTES_MAX / 2)

static void proposal_free(struct core_proposal *p)
{
    list_remove(&p->link);
    mem_free(p->command);
    mem_free(p);
}

static void refuse(struct core *c, struct core_proposal *p, int status)
{
    core_finish(c, CORE_PROPOSE, p->ticket, status, 0, NULL);
    proposal_free(p);
}

void core_propose(struct core *c, uint64_t now_ms, uint64_t ticket, const void *command,
                  size_t size)
{
    c->now_ms = now_ms > c->now_ms ? now_ms : c->now_ms;
    MUST(ticket != CORE_TICKET_ADVICE);
    core_propose_as(c, ticket, command, size);
}

void core_propose_as(struct core *c, uint64_t ticket, const void *command, size_t size)
{
    if (!core_leads(c) || core_refused(c, NULL) != CORE_WELCOME) {
        core_finish(c, CORE_PROPOSE, ticket, ERR_NOT_LEADER, 0, NULL);
        return;
    }
    if (!core_disk_admits(c, command, size)) {
        core_finish(c, CORE_PROPOSE, ticket, ERR_NO_SPACE, 0, NULL);
        return;
    }
    if (c->waiting_count >= c->settings.propose_queue_max ||
        c->waiting_bytes + size > c->settings.propose_bytes_max) {
        core_finish(c, CORE_PROPOSE, ticket, ERR_BUSY, 0, NULL);
        return;
    }
    struct core_proposal *p = mem_zalloc(sizeof(*p));
    list_init(&p->link);
    p->ticket = ticket;
    p->size = size;
    p->command = mem_dup(command, size);
    list_push_back(&c->waiting, &p->link);
    c->waiting_count++;
    c->waiting_bytes += size;
}

/* Take what fits into one batch; the order stays. */
static size_t gather(struct core *c, struct list *taken, struct peer_entry *entries)
{
    size_t count = 0;
    size_t bytes = 0;
    while (!list_empty(&c->waiting) && count < SUBMIT_COUNT_MAX) {
        struct core_proposal *p = CONTAINER_OF(c->waiting.next, struct core_proposal, link);
        if (count > 0 && bytes + p->size > SUBMIT_BYTES_MAX) {
            break;
        }
        entries[count] =
            (struct peer_entry){.type = ENTRY_COMMAND, .data = p->command, .size = p->size};
        count++;
        bytes += p->size;
        list_remove(&p->link);
        list_push_back(taken, &p->link);
    }
    c->waiting_count -= count;
    c->waiting_bytes -= bytes;
    return count;
}

static void submit(struct core *c)
{
    size_t room = c->waiting_count < SUBMIT_COUNT_MAX ? c->waiting_count : SUBMIT_COUNT_MAX;
    struct peer_entry *entries = mem_array(room, sizeof(*entries));
    struct list taken;
    list_init(&taken);
    size_t count = gather(c, &taken, entries);
    uint64_t first = engine_last(c->engine) + 1;
    int code = engine_submit(c->engine, c->now_ms, entries, count, NULL);
    mem_free(entries);
    uint64_t index = first;
    LIST_FOR_EACH_SAFE (struct core_proposal, p, &taken, link) {
        if (code != 0) {
            refuse(c, p, code);
            continue;
        }
        core_lease_proposed(c, index, p->command, p->size);
        mem_free(p->command);
        p->command = NULL;
        p->index = index;
        p->term = engine_term(c->engine);
        index++;
        list_remove(&p->link);
        list_push_back(&c->proposed, &p->link);
    }
    c->propose_sequence = c->sequence;
}

static void refuse_waiting(struct core *c)
{
    LIST_FOR_EACH_SAFE (struct core_proposal, p, &c->waiting, link) {
        refuse(c, p, ERR_NOT_LEADER);
    }
    c->waiting_count = 0;
    c->waiting_bytes = 0;
}

/* What waited when the disk became full. */
static void refuse_ordinary(struct core *c)
{
    LIST_FOR_EACH_SAFE (struct core_proposal, p, &c->waiting, link) {
        if (!core_disk_admits(c, p->command, p->size)) {
            c->waiting_count--;
            c->waiting_bytes -= p->size;
            refuse(c, p, ERR_NO_SPACE);
        }
    }
}

void core_propose_turn(struct core *c)
{
    if (!core_leads(c)) {
        refuse_waiting(c);
        return;
    }
    if (c->disk.is_full || c->disk.too_few_have_room) {
        refuse_ordinary(c);
    }
    /* On a full disk the ones before stand still. */
    bool goes = c->durable >= c->propose_sequence || c->disk.is_full;
    if (c->waiting_count > 0 && goes) {
        submit(c);
    }
}

void core_propose_applied(struct core *c, uint64_t index, uint64_t term,
                          const struct kv_result *result)
{
    while (!list_empty(&c->proposed)) {
        struct core_proposal *p = CONTAINER_OF(c->proposed.next, struct core_proposal, link);
        if (p->index > index) {
            return;
        }
        bool ours = p->index == index && p->term == term;
        core_finish(c, CORE_PROPOSE, p->ticket, ours ? 0 : ERR_LOST_LEADER, index,
                    ours ? result : NULL);
        proposal_free(p);
    }
}

void core_propose_lost(struct core *c, int status)
{
    LIST_FOR_EACH_SAFE (struct core_proposal, p, &c->proposed, link) {
        refuse(c, p, status);
    }
}

void core_propose_end(struct core *c)
{
    core_propose_lost(c, ERR_LOST_LEADER);
    refuse_waiting(c);
}

void core_propose_close(struct core *c)
{
    LIST_FOR_EACH_SAFE (struct core_proposal, p, &c->waiting, link) {
        proposal_free(p);
    }
    LIST_FOR_EACH_SAFE (struct core_proposal, p, &c->proposed, link) {
        proposal_free(p);
    }
}

static void forget_in(struct list *proposals, uint64_t ticket)
{
    LIST_FOR_EACH (struct core_proposal, p, proposals, link) {
        if (p->ticket == ticket) {
            p->ticket = 0;
        }
    }
}

void core_forget(struct core *c, uint64_t ticket)
{
    forget_in(&c->waiting, ticket);
    forget_in(&c->proposed, ticket);
    core_read_forget(c, ticket);
}
