/* proto/peer_codec_beside.c - leases, soft state, hellos, joining and formation, between the plain
 * structs and the protobuf ones. */
#include <string.h>

#include "base/must.h"
#include "proto/peer_codec_internal.h"

/* ---- texts and ids ---- */

static int read_text(struct arena *arena, ProtobufCBinaryData in, const char *where,
                     const char **ret_text, struct err *err)
{
    if (in.len > PEER_TEXT_MAX || (in.len > 0 && memchr(in.data, '\0', in.len) != NULL)) {
        return err_set(err, ERR_PROTOCOL, "%s: no text of at most %d bytes", where, PEER_TEXT_MAX);
    }
    char *text = arena_alloc(arena, in.len + 1);
    if (text == NULL) {
        return wire_unpack_error(arena, where, err);
    }
    if (in.len > 0) {
        memcpy(text, in.data, in.len);
    }
    text[in.len] = '\0';
    *ret_text = text;
    return 0;
}

static ProtobufCBinaryData id_data(const uint8_t id[PEER_CLUSTER_ID_SIZE])
{
    return wire_data(kv_slice(id, PEER_CLUSTER_ID_SIZE));
}

static int read_id(ProtobufCBinaryData in, const char *where, uint8_t ret_id[PEER_CLUSTER_ID_SIZE],
                   struct err *err)
{
    if (in.len != PEER_CLUSTER_ID_SIZE) {
        return err_set(err, ERR_PROTOCOL, "%s: %zu bytes, must be %d", where, in.len,
                       PEER_CLUSTER_ID_SIZE);
    }
    memcpy(ret_id, in.data, PEER_CLUSTER_ID_SIZE);
    return 0;
}

/* ---- leases ---- */

static void write_lease(const struct peer_message *in, union wire_part *part, wire_message *wire)
{
    if (in->kind == PEER_KEEP_ALIVE) {
        (void)WIRE_PART(keep_alive, KEEP_ALIVE);
        part->keep_alive.holder = in->keep_alive.holder;
        part->keep_alive.name = in->keep_alive.name;
        part->keep_alive.lease = in->keep_alive.lease;
        part->keep_alive.grant = in->keep_alive.grant;
        part->keep_alive.epoch = in->keep_alive.epoch;
        part->keep_alive.passed_on = in->keep_alive.passed_on;
        part->keep_alive.urgent = in->keep_alive.urgent;
        return;
    }
    (void)WIRE_PART(keep_alive_result, KEEP_ALIVE_RESULT);
    part->keep_alive_result.holder = in->keep_alive_result.holder;
    part->keep_alive_result.name = in->keep_alive_result.name;
    part->keep_alive_result.lease = in->keep_alive_result.lease;
    part->keep_alive_result.status = in->keep_alive_result.status;
    part->keep_alive_result.ttl_ms = in->keep_alive_result.ttl_ms;
}

static int read_keep_alive(const Pgraft__Peer__KeepAlive *in, struct peer_message *out,
                           struct err *err)
{
    out->kind = PEER_KEEP_ALIVE;
    out->keep_alive = (struct peer_keep_alive){.holder = in->holder,
                                               .name = in->name,
                                               .lease = in->lease,
                                               .grant = in->grant,
                                               .epoch = in->epoch,
                                               .passed_on = in->passed_on,
                                               .urgent = in->urgent};
    return wire_no_unknown(&in->base, "keep_alive", err);
}

static int read_keep_alive_result(const Pgraft__Peer__KeepAliveResult *in, struct peer_message *out,
                                  struct err *err)
{
    out->kind = PEER_KEEP_ALIVE_RESULT;
    out->keep_alive_result = (struct peer_keep_alive_result){.holder = in->holder,
                                                             .name = in->name,
                                                             .lease = in->lease,
                                                             .status = in->status,
                                                             .ttl_ms = in->ttl_ms};
    return wire_no_unknown(&in->base, "keep_alive_result", err);
}

/* ---- soft state ---- */

static void write_soft(struct arena *arena, const struct peer_message *in, union wire_part *part,
                       wire_message *wire)
{
    const struct peer_soft *soft = &in->soft;
    (void)WIRE_PART(soft, SOFT);
    part->soft.token = soft->token;
    part->soft.sent_ms = soft->sent_ms;
    part->soft.echo_token = soft->echo_token;
    part->soft.echo_ms = soft->echo_ms;
    part->soft.slow_disk = soft->slow_disk;
    part->soft.moved = soft->moved;
    part->soft.moved_age_ms = soft->moved_age_ms;
    part->soft.is_result = in->kind == PEER_SOFT_RESULT;
    Pgraft__Peer__SoftState *states = arena_array(arena, soft->count, sizeof(*states));
    part->soft.states = arena_array(arena, soft->count, sizeof(*part->soft.states));
    part->soft.n_states = soft->count;
    for (size_t i = 0; i < soft->count; i++) {
        const struct peer_soft_state *one = &soft->states[i];
        pgraft__peer__soft_state__init(&states[i]);
        states[i].member = one->member;
        states[i].life = one->life;
        states[i].token = one->token;
        states[i].counter = one->counter;
        states[i].age_ms = one->age_ms;
        states[i].has_bytes = one->has_bytes;
        states[i].state = wire_data(kv_slice(one->bytes, one->size));
        part->soft.states[i] = &states[i];
    }
}

static int read_soft_state(const Pgraft__Peer__SoftState *in, struct peer_soft_state *out,
                           struct err *err)
{
    *out = (struct peer_soft_state){.member = in->member,
                                    .life = in->life,
                                    .token = in->token,
                                    .counter = in->counter,
                                    .age_ms = in->age_ms,
                                    .has_bytes = in->has_bytes,
                                    .bytes = in->state.data,
                                    .size = in->state.len};
    return wire_no_unknown(&in->base, "soft.state", err);
}

static int read_soft(struct arena *arena, const Pgraft__Peer__Soft *in, struct peer_message *out,
                     struct err *err)
{
    if (in->n_states > PEER_SOFT_STATES_MAX) {
        return peer_too_many("soft.states", in->n_states, PEER_SOFT_STATES_MAX, err);
    }
    struct peer_soft_state *states = arena_array(arena, in->n_states, sizeof(*states));
    if (states == NULL) {
        return wire_unpack_error(arena, "soft", err);
    }
    int rv = wire_no_unknown(&in->base, "soft", err);
    for (size_t i = 0; i < in->n_states && rv == 0; i++) {
        rv = read_soft_state(in->states[i], &states[i], err);
    }
    out->kind = in->is_result ? PEER_SOFT_RESULT : PEER_SOFT;
    out->soft = (struct peer_soft){.token = in->token,
                                   .sent_ms = in->sent_ms,
                                   .echo_token = in->echo_token,
                                   .echo_ms = in->echo_ms,
                                   .slow_disk = in->slow_disk,
                                   .moved = in->moved,
                                   .moved_age_ms = in->moved_age_ms,
                                   .count = in->n_states,
                                   .states = in->n_states > 0 ? states : NULL};
    return rv;
}

/* ---- hellos ---- */

static void write_hello(const struct peer_hello *in, union wire_part *part, wire_message *wire)
{
    (void)WIRE_PART(hello, HELLO);
    part->hello.cluster_id = id_data(in->cluster_id);
    part->hello.name = wire_data(kv_text(in->name));
    part->hello.start_term = in->start_term;
    part->hello.start_vote = in->start_vote;
    part->hello.start_last = in->start_last;
    part->hello.start_counter = in->start_counter;
    part->hello.counter = in->counter;
    part->hello.conf_index = in->conf_index;
    part->hello.clear_life = in->clear_life;
}

static int read_hello(struct arena *arena, const Pgraft__Peer__Hello *in, struct peer_message *out,
                      struct err *err)
{
    out->kind = PEER_HELLO;
    out->hello = (struct peer_hello){.start_term = in->start_term,
                                     .start_vote = in->start_vote,
                                     .start_last = in->start_last,
                                     .start_counter = in->start_counter,
                                     .counter = in->counter,
                                     .conf_index = in->conf_index,
                                     .clear_life = in->clear_life};
    int rv = wire_no_unknown(&in->base, "hello", err);
    rv = rv != 0 ? rv : read_id(in->cluster_id, "hello.cluster_id", out->hello.cluster_id, err);
    return rv != 0 ? rv : read_text(arena, in->name, "hello.name", &out->hello.name, err);
}

static void write_hello_result(const struct peer_hello_result *in, union wire_part *part,
                               wire_message *wire)
{
    (void)WIRE_PART(hello_result, HELLO_RESULT);
    part->hello_result.cluster_id = id_data(in->cluster_id);
    part->hello_result.life = in->life;
    part->hello_result.verdict = in->verdict;
}

static int read_hello_result(const Pgraft__Peer__HelloResult *in, struct peer_message *out,
                             struct err *err)
{
    out->kind = PEER_HELLO_RESULT;
    out->hello_result = (struct peer_hello_result){.life = in->life};
    out->hello_result.verdict = (uint8_t)in->verdict;
    int rv = wire_no_unknown(&in->base, "hello_result", err);
    rv = rv != 0 ? rv : wire_enum(in->verdict, HELLO_OLD_LOG + 1, "hello_result.verdict", err);
    return rv != 0 ? rv
                   : read_id(in->cluster_id, "hello_result.cluster_id",
                             out->hello_result.cluster_id, err);
}

/* ---- joining ---- */

static int check_wish(uint32_t wish, const char *where, struct err *err)
{
    return wish == 0 ? err_set(err, ERR_PROTOCOL, "%s: none", where)
                     : wire_enum(wish, JOIN_DEMOTE + 1, where, err);
}

static void write_join(const struct peer_join *in, union wire_part *part, wire_message *wire)
{
    (void)WIRE_PART(join, JOIN);
    part->join.subject = in->subject;
    part->join.wisher = in->wisher;
    part->join.wish = in->wish;
    part->join.wants_vote = in->wants_vote;
    part->join.at_once = in->at_once;
    part->join.passed_on = in->passed_on;
    part->join.text = wire_data(kv_text(in->text));
}

static int read_join(struct arena *arena, const Pgraft__Peer__Join *in, struct peer_message *out,
                     struct err *err)
{
    out->kind = PEER_JOIN;
    out->join = (struct peer_join){.subject = in->subject,
                                   .wisher = in->wisher,
                                   .wish = (uint8_t)in->wish,
                                   .wants_vote = in->wants_vote,
                                   .at_once = in->at_once,
                                   .passed_on = in->passed_on};
    int rv = wire_no_unknown(&in->base, "join", err);
    rv = rv != 0 ? rv : check_wish(in->wish, "join.wish", err);
    return rv != 0 ? rv : read_text(arena, in->text, "join.text", &out->join.text, err);
}

static void write_join_result(const struct peer_join_result *in, union wire_part *part,
                              wire_message *wire)
{
    (void)WIRE_PART(join_result, JOIN_RESULT);
    part->join_result.subject = in->subject;
    part->join_result.wisher = in->wisher;
    part->join_result.wish = in->wish;
    part->join_result.cluster_id = id_data(in->cluster_id);
    part->join_result.done = in->done;
    part->join_result.status = in->status;
    part->join_result.reason = wire_data(kv_text(in->reason));
}

static int read_join_result(struct arena *arena, const Pgraft__Peer__JoinResult *in,
                            struct peer_message *out, struct err *err)
{
    struct peer_join_result *result = &out->join_result;
    out->kind = PEER_JOIN_RESULT;
    *result = (struct peer_join_result){.subject = in->subject,
                                        .wisher = in->wisher,
                                        .wish = (uint8_t)in->wish,
                                        .done = in->done,
                                        .status = in->status};
    int rv = wire_no_unknown(&in->base, "join_result", err);
    rv = rv != 0 ? rv : check_wish(in->wish, "join_result.wish", err);
    rv = rv != 0 ? rv : read_id(in->cluster_id, "join_result.cluster_id", result->cluster_id, err);
    return rv != 0 ? rv : read_text(arena, in->reason, "join_result.reason", &result->reason, err);
}

/* ---- formation ---- */

static void write_form_hello(const struct peer_form_hello *in, union wire_part *part,
                             wire_message *wire)
{
    (void)WIRE_PART(form_hello, FORM_HELLO);
    part->form_hello.info = wire_data(kv_text(in->info));
    part->form_hello.list = wire_data(kv_text(in->list));
    part->form_hello.standing = (uint32_t)in->standing;
    part->form_hello.answer = in->answer;
    part->form_hello.may_form = in->may_form;
    part->form_hello.lists_you = in->lists_you;
    part->form_hello.floor = in->floor;
    part->form_hello.cluster_id = id_data(in->cluster_id);
    part->form_hello.proposer = in->proposer;
    part->form_hello.number = in->number;
    part->form_hello.hash_low = in->hash_low;
    part->form_hello.hash_high = in->hash_high;
}

static int read_form_hello(struct arena *arena, const Pgraft__Peer__FormHello *in,
                           struct peer_message *out, struct err *err)
{
    struct peer_form_hello *hello = &out->form_hello;
    out->kind = PEER_FORM_HELLO;
    *hello = (struct peer_form_hello){.standing = (enum peer_form_standing)in->standing,
                                      .answer = in->answer,
                                      .may_form = in->may_form,
                                      .lists_you = in->lists_you,
                                      .floor = in->floor,
                                      .proposer = in->proposer,
                                      .number = in->number,
                                      .hash_low = in->hash_low,
                                      .hash_high = in->hash_high};
    int rv = wire_no_unknown(&in->base, "form_hello", err);
    if (rv == 0 && in->standing == 0) {
        rv = err_set(err, ERR_PROTOCOL, "form_hello.standing: none");
    }
    rv = rv != 0 ? rv : wire_enum(in->standing, FORM_MEMBER + 1, "form_hello.standing", err);
    rv = rv != 0 ? rv : read_id(in->cluster_id, "form_hello.cluster_id", hello->cluster_id, err);
    rv = rv != 0 ? rv : read_text(arena, in->info, "form_hello.info", &hello->info, err);
    return rv != 0 ? rv : read_text(arena, in->list, "form_hello.list", &hello->list, err);
}

static int read_form_proposal(const Pgraft__Peer__FormProposal *in, struct peer_message *out,
                              struct err *err)
{
    out->kind = PEER_FORM_PROPOSAL;
    out->form_proposal =
        (struct peer_form_proposal){.bytes = in->proposal.data, .size = in->proposal.len};
    return wire_no_unknown(&in->base, "form_proposal", err);
}

/* ---- questions from runtime to runtime ---- */

static void write_ask(const struct peer_ask *in, union wire_part *part, wire_message *wire)
{
    MUST(in->number_count <= PEER_NUMBERS_MAX);
    (void)WIRE_PART(ask, ASK);
    part->ask.question = in->question;
    part->ask.what = in->what;
    part->ask.wait_ms = in->wait_ms;
    part->ask.n_numbers = in->number_count;
    part->ask.numbers = (uint64_t *)(uintptr_t)in->numbers;
    part->ask.body = wire_data(kv_slice(in->bytes, in->size));
}

static void write_answer(const struct peer_answer *in, union wire_part *part, wire_message *wire)
{
    MUST(in->number_count <= PEER_NUMBERS_MAX);
    (void)WIRE_PART(answer, ANSWER);
    part->answer.question = in->question;
    part->answer.status = in->status;
    part->answer.reason = wire_data(kv_text(in->reason));
    part->answer.n_numbers = in->number_count;
    part->answer.numbers = (uint64_t *)(uintptr_t)in->numbers;
    part->answer.body = wire_data(kv_slice(in->bytes, in->size));
}

static int read_numbers(const uint64_t *in, size_t count, const char *where, uint64_t *out,
                        struct err *err)
{
    if (count > PEER_NUMBERS_MAX) {
        return peer_too_many(where, count, PEER_NUMBERS_MAX, err);
    }
    if (count > 0) {
        memcpy(out, in, count * sizeof(*in));
    }
    return 0;
}

static int read_ask(const Pgraft__Peer__Ask *in, struct peer_message *out, struct err *err)
{
    out->kind = PEER_ASK;
    out->ask = (struct peer_ask){.question = in->question,
                                 .what = in->what,
                                 .wait_ms = in->wait_ms,
                                 .number_count = in->n_numbers,
                                 .bytes = in->body.data,
                                 .size = in->body.len};
    int rv = wire_no_unknown(&in->base, "ask", err);
    return rv != 0 ? rv
                   : read_numbers(in->numbers, in->n_numbers, "ask.numbers", out->ask.numbers, err);
}

static int read_answer(struct arena *arena, const Pgraft__Peer__Answer *in,
                       struct peer_message *out, struct err *err)
{
    struct peer_answer *answer = &out->answer;
    out->kind = PEER_ANSWER;
    *answer = (struct peer_answer){.question = in->question,
                                   .status = in->status,
                                   .number_count = in->n_numbers,
                                   .bytes = in->body.data,
                                   .size = in->body.len};
    int rv = wire_no_unknown(&in->base, "answer", err);
    if (rv == 0 && in->status > 0) {
        rv = err_set(err, ERR_PROTOCOL, "answer.status: %d", (int)in->status);
    }
    rv = rv != 0 ? rv
                 : read_numbers(in->numbers, in->n_numbers, "answer.numbers", answer->numbers, err);
    return rv != 0 ? rv : read_text(arena, in->reason, "answer.reason", &answer->reason, err);
}

/* ---- all of them ---- */

static void write_index(const struct peer_message *in, union wire_part *part, wire_message *wire)
{
    (void)WIRE_PART(read_index, READ_INDEX);
    part->read_index.question = in->read_index.question;
    part->read_index.index = in->read_index.index;
    part->read_index.is_result = in->kind == PEER_READ_INDEX_RESULT;
}

static int read_read_index(const Pgraft__Peer__ReadIndex *in, struct peer_message *out,
                           struct err *err)
{
    out->kind = in->is_result ? PEER_READ_INDEX_RESULT : PEER_READ_INDEX;
    out->read_index = (struct peer_read_index){.question = in->question, .index = in->index};
    return wire_no_unknown(&in->base, "read_index", err);
}

void peer_beside_write(struct arena *arena, const struct peer_message *in, union wire_part *part,
                       wire_message *wire)
{
    switch ((int)in->kind) {
        case PEER_READ_INDEX:
        case PEER_READ_INDEX_RESULT:
            write_index(in, part, wire);
            return;
        case PEER_KEEP_ALIVE:
        case PEER_KEEP_ALIVE_RESULT:
            write_lease(in, part, wire);
            return;
        case PEER_SOFT:
        case PEER_SOFT_RESULT:
            write_soft(arena, in, part, wire);
            return;
        case PEER_HELLO:
            write_hello(&in->hello, part, wire);
            return;
        case PEER_HELLO_RESULT:
            write_hello_result(&in->hello_result, part, wire);
            return;
        case PEER_JOIN:
            write_join(&in->join, part, wire);
            return;
        case PEER_JOIN_RESULT:
            write_join_result(&in->join_result, part, wire);
            return;
        case PEER_FORM_HELLO:
            write_form_hello(&in->form_hello, part, wire);
            return;
        case PEER_ASK:
            write_ask(&in->ask, part, wire);
            return;
        case PEER_ANSWER:
            write_answer(&in->answer, part, wire);
            return;
        default:
            MUST(in->kind == PEER_FORM_PROPOSAL);
            (void)WIRE_PART(form_proposal, FORM_PROPOSAL);
            part->form_proposal.proposal =
                wire_data(kv_slice(in->form_proposal.bytes, in->form_proposal.size));
            return;
    }
}

int peer_beside_read(struct arena *arena, const wire_message *wire, struct peer_message *out,
                     struct err *err)
{
    switch ((int)wire->body_case) {
        case PGRAFT__PEER__MESSAGE__BODY_READ_INDEX:
            return read_read_index(wire->read_index, out, err);
        case PGRAFT__PEER__MESSAGE__BODY_KEEP_ALIVE:
            return read_keep_alive(wire->keep_alive, out, err);
        case PGRAFT__PEER__MESSAGE__BODY_KEEP_ALIVE_RESULT:
            return read_keep_alive_result(wire->keep_alive_result, out, err);
        case PGRAFT__PEER__MESSAGE__BODY_SOFT:
            return read_soft(arena, wire->soft, out, err);
        case PGRAFT__PEER__MESSAGE__BODY_HELLO:
            return read_hello(arena, wire->hello, out, err);
        case PGRAFT__PEER__MESSAGE__BODY_HELLO_RESULT:
            return read_hello_result(wire->hello_result, out, err);
        case PGRAFT__PEER__MESSAGE__BODY_JOIN:
            return read_join(arena, wire->join, out, err);
        case PGRAFT__PEER__MESSAGE__BODY_JOIN_RESULT:
            return read_join_result(arena, wire->join_result, out, err);
        case PGRAFT__PEER__MESSAGE__BODY_FORM_HELLO:
            return read_form_hello(arena, wire->form_hello, out, err);
        case PGRAFT__PEER__MESSAGE__BODY_ASK:
            return read_ask(wire->ask, out, err);
        case PGRAFT__PEER__MESSAGE__BODY_ANSWER:
            return read_answer(arena, wire->answer, out, err);
        default:
            return read_form_proposal(wire->form_proposal, out, err);
    }
}
