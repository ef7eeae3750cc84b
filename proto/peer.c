/* proto/peer.c - a message with everything it points to. */
#include "proto/peer.h"

#include <string.h>

#include "base/mem.h"
#include "base/must.h"

static const void *put(struct buf *bytes, const void *data, size_t size)
{
    /* The caller has reserved the room: the place does not move any more. */
    const char *before = bytes->bytes;
    size_t at = bytes->size;
    buf_append(bytes, data, size);
    MUST(bytes->bytes == before || before == NULL);
    return bytes->bytes + at;
}

static void reserve(struct buf *bytes, size_t size)
{
    buf_clear(bytes);
    (void)buf_extend(bytes, size + 1);
    buf_clear(bytes);
}

static void copy_append(struct peer_append *out, const struct peer_append *in, struct buf *bytes)
{
    if (in->count == 0) {
        out->entries = NULL;
        return;
    }
    size_t size = in->count * sizeof(*in->entries);
    for (size_t i = 0; i < in->count; i++) {
        size += in->entries[i].size;
    }
    reserve(bytes, size);
    struct peer_entry *entries =
        (struct peer_entry *)(uintptr_t)put(bytes, in->entries, in->count * sizeof(*in->entries));
    for (size_t i = 0; i < in->count; i++) {
        entries[i].data = put(bytes, in->entries[i].data, in->entries[i].size);
    }
    out->entries = entries;
}

static void copy_chunk(struct peer_chunk *out, const struct peer_chunk *in, struct buf *bytes)
{
    size_t size = in->count * sizeof(*in->rows);
    for (size_t i = 0; i < in->count; i++) {
        size += in->rows[i].key_size + in->rows[i].value_size;
    }
    reserve(bytes, size);
    if (in->count == 0) {
        out->rows = NULL;
        return;
    }
    struct peer_row *rows =
        (struct peer_row *)(uintptr_t)put(bytes, in->rows, in->count * sizeof(*in->rows));
    for (size_t i = 0; i < in->count; i++) {
        rows[i].key = put(bytes, in->rows[i].key, in->rows[i].key_size);
        rows[i].value = put(bytes, in->rows[i].value, in->rows[i].value_size);
    }
    out->rows = rows;
}

static void copy_soft(struct peer_soft *out, const struct peer_soft *in, struct buf *bytes)
{
    size_t size = in->count * sizeof(*in->states);
    for (size_t i = 0; i < in->count; i++) {
        size += in->states[i].size;
    }
    reserve(bytes, size);
    out->states = NULL;
    if (in->count == 0) {
        return;
    }
    struct peer_soft_state *states = (struct peer_soft_state *)(uintptr_t)put(
        bytes, in->states, in->count * sizeof(*in->states));
    for (size_t i = 0; i < in->count; i++) {
        states[i].bytes = put(bytes, in->states[i].bytes, in->states[i].size);
    }
    out->states = states;
}

static const char *copy_text(const char *text, struct buf *bytes)
{
    size_t size = strlen(text) + 1;
    reserve(bytes, size);
    return put(bytes, text, size);
}

static void copy_form_hello(struct peer_form_hello *out, const struct peer_form_hello *in,
                            struct buf *bytes)
{
    size_t info = strlen(in->info) + 1;
    size_t list = strlen(in->list) + 1;
    reserve(bytes, info + list);
    out->info = put(bytes, in->info, info);
    out->list = put(bytes, in->list, list);
}

static void copy_answer(struct peer_answer *out, const struct peer_answer *in, struct buf *bytes)
{
    size_t reason = strlen(in->reason) + 1;
    reserve(bytes, reason + in->size);
    out->reason = put(bytes, in->reason, reason);
    out->bytes = put(bytes, in->bytes, in->size);
}

void peer_message_copy(struct peer_message *out, const struct peer_message *in, struct buf *bytes)
{
    *out = *in;
    switch (in->kind) {
        case PEER_APPEND:
            copy_append(&out->append, &in->append, bytes);
            return;
        case PEER_SNAPSHOT:
            reserve(bytes, in->snapshot.conf_size + in->snapshot.gone_size);
            out->snapshot.conf = put(bytes, in->snapshot.conf, in->snapshot.conf_size);
            out->snapshot.gone = put(bytes, in->snapshot.gone, in->snapshot.gone_size);
            return;
        case PEER_CHUNK:
            copy_chunk(&out->chunk, &in->chunk, bytes);
            return;
        case PEER_SOFT:
        case PEER_SOFT_RESULT:
            copy_soft(&out->soft, &in->soft, bytes);
            return;
        case PEER_HELLO:
            out->hello.name = copy_text(in->hello.name, bytes);
            return;
        case PEER_JOIN:
            out->join.text = copy_text(in->join.text, bytes);
            return;
        case PEER_JOIN_RESULT:
            out->join_result.reason = copy_text(in->join_result.reason, bytes);
            return;
        case PEER_FORM_HELLO:
            copy_form_hello(&out->form_hello, &in->form_hello, bytes);
            return;
        case PEER_FORM_PROPOSAL:
            reserve(bytes, in->form_proposal.size);
            out->form_proposal.bytes = put(bytes, in->form_proposal.bytes, in->form_proposal.size);
            return;
        case PEER_ASK:
            reserve(bytes, in->ask.size);
            out->ask.bytes = put(bytes, in->ask.bytes, in->ask.size);
            return;
        case PEER_ANSWER:
            copy_answer(&out->answer, &in->answer, bytes);
            return;
        case PEER_APPEND_RESULT:
        case PEER_VOTE:
        case PEER_VOTE_RESULT:
        case PEER_TIMEOUT_NOW:
        case PEER_CHUNK_RESULT:
        case PEER_READ_INDEX:
        case PEER_READ_INDEX_RESULT:
        case PEER_KEEP_ALIVE:
        case PEER_KEEP_ALIVE_RESULT:
        case PEER_HELLO_RESULT:
            return;
    }
    UNREACHABLE("every kind has a row");
}
