/* consensus/form_record.c - proposals as bytes, and the row and the batch that come of them.
 *
 *   proposal   u8 format (1)   16 bytes cluster id   u64 number   u8 count
 *              count * (a member's line and NUL)   the list of those left out and NUL
 *   row        u8 format (1)   u64 floor   u8 promised   the proposal, if promised
 *
 * Numbers are little-endian. */
#include "consensus/form_record.h"

#include <string.h>

#include "base/must.h"
#include "consensus/cursor.h"
#include "consensus/engine.h"

#define FORMAT 1

static const char row_key[] = "\0form";
#define ROW_KEY_SIZE 5

/* --- proposals --- */

void form_proposal_encode(const struct form_proposal *p, struct buf *out)
{
    MUST(p->count > 0);
    MUST(p->count <= FORM_LIST_MAX);
    buf_char(out, FORMAT);
    buf_append(out, p->cluster_id, sizeof(p->cluster_id));
    put_u64(out, p->number);
    buf_char(out, (char)p->count);
    for (size_t i = 0; i < p->count; i++) {
        char text[MEMBER_TEXT_SIZE];
        buf_str(out, member_info_encode(&p->at[i], text));
        buf_char(out, '\0');
    }
    form_list_text(&p->without, out);
    buf_char(out, '\0');
}

static bool is_zero(const uint8_t *bytes, size_t size)
{
    uint8_t any = 0;
    for (size_t i = 0; i < size; i++) {
        any |= bytes[i];
    }
    return any == 0;
}

/* Sorted by name, no name, address or id twice, and nobody both in it and left out. */
static bool is_sound(const struct form_proposal *p)
{
    struct form_list all = p->without;
    for (size_t i = 0; i < p->count; i++) {
        if (i > 0 && strcmp(p->at[i - 1].name, p->at[i].name) >= 0) {
            return false;
        }
        for (size_t j = 0; j < i; j++) {
            if (p->at[j].id == p->at[i].id) {
                return false;
            }
        }
        if (form_list_add(&all, p->at[i].name, p->at[i].address, NULL) != 0) {
            return false;
        }
    }
    return p->number > 0 && !is_zero(p->cluster_id, sizeof(p->cluster_id));
}

static int take_members(struct cursor *c, struct form_proposal *p, struct err *err)
{
    for (size_t i = 0; i < p->count; i++) {
        const char *text = NULL;
        if (!take_text(c, &text)) {
            return err_set(err, ERR_PROTOCOL, "a proposal is cut short");
        }
        int code = member_info_decode(text, &p->at[i], err);
        if (code != 0) {
            return code;
        }
    }
    return 0;
}

int form_proposal_decode(const void *bytes, size_t size, struct form_proposal *out, struct err *err)
{
    struct cursor c = {bytes, size};
    struct form_proposal p;
    memset(&p, 0, sizeof(p));
    uint8_t format = 0;
    uint8_t count = 0;
    if (take_bytes(&c, &format, 1) && format != FORMAT) {
        return err_set(err, format == 0 ? ERR_PROTOCOL : ERR_VERSION,
                       "a proposal of format %u, not %d", format, FORMAT);
    }
    if (!take_bytes(&c, p.cluster_id, sizeof(p.cluster_id)) || !take_u64(&c, &p.number) ||
        !take_bytes(&c, &count, 1) || count == 0 || count > FORM_LIST_MAX) {
        return err_set(err, ERR_PROTOCOL, "a proposal of %zu bytes is malformed", size);
    }
    p.count = count;
    int code = take_members(&c, &p, err);
    if (code != 0) {
        return code;
    }
    const char *without = NULL;
    if (!take_text(&c, &without) || c.left > 0 || form_list_parse(without, &p.without, NULL) != 0 ||
        !is_sound(&p)) {
        return err_set(err, ERR_PROTOCOL, "a proposal of %zu bytes contradicts itself", size);
    }
    *out = p;
    return 0;
}

void form_proposal_name(struct form_proposal *p, uint64_t seed)
{
    memset(p->cluster_id, 0, sizeof(p->cluster_id));
    struct buf bytes = {0};
    form_proposal_encode(p, &bytes);
    struct hash128 hash = hash128_start(seed);
    hash128_bytes(&hash, bytes.bytes, bytes.size);
    hash = hash128_finish(&hash);
    buf_close(&bytes);
    for (size_t i = 0; i < 8; i++) {
        p->cluster_id[i] = (uint8_t)(hash.low >> (8 * i));
        p->cluster_id[i + 8] = (uint8_t)(hash.high >> (8 * i));
    }
    p->cluster_id[0] |= 1; /* all zero is no cluster */
}

void form_proposal_key(const struct form_proposal *p, struct form_key *out)
{
    struct buf bytes = {0};
    form_proposal_encode(p, &bytes);
    struct hash128 hash = hash128_start(0);
    hash128_bytes(&hash, bytes.bytes, bytes.size);
    *out = (struct form_key){
        .proposer = p->at[0].id, .number = p->number, .hash = hash128_finish(&hash)};
    memcpy(out->cluster_id, p->cluster_id, sizeof(out->cluster_id));
    buf_close(&bytes);
}

bool form_key_equal(const struct form_key *a, const struct form_key *b)
{
    return memcmp(a->cluster_id, b->cluster_id, sizeof(a->cluster_id)) == 0 &&
           a->proposer == b->proposer && a->number == b->number &&
           hash128_equal(&a->hash, &b->hash);
}

const struct member_info *form_proposal_find(const struct form_proposal *p, const char *name)
{
    for (size_t i = 0; i < p->count; i++) {
        if (strcmp(p->at[i].name, name) == 0) {
            return &p->at[i];
        }
    }
    return NULL;
}

void form_proposal_list(const struct form_proposal *p, struct form_list *out)
{
    *out = p->without;
    for (size_t i = 0; i < p->count; i++) {
        int code = form_list_add(out, p->at[i].name, p->at[i].address, NULL);
        MUST(code == 0); /* is_sound() */
    }
}

/* --- what is on disk --- */

void form_record_write(const struct form_record *record, struct store_batch *batch)
{
    struct buf value = {0};
    buf_char(&value, FORMAT);
    put_u64(&value, record->floor);
    buf_char(&value, record->promised ? 1 : 0);
    if (record->promised) {
        form_proposal_encode(&record->promise, &value);
    }
    struct store_row row = {
        .key = row_key, .key_size = ROW_KEY_SIZE, .value = value.bytes, .value_size = value.size};
    store_batch_add_row(batch, &row);
    batch->essential = true; /* no client's data */
    buf_close(&value);
}

/* For whoever gives the node a cluster: whatever was promised is over. */
static void form_record_erase(struct store_batch *batch)
{
    struct store_row row = {.key = row_key, .key_size = ROW_KEY_SIZE};
    store_batch_add_row(batch, &row);
}

static int load(const struct store_row *row, struct form_record *out, struct err *err)
{
    struct cursor c = {row->value, row->value_size};
    uint8_t format = 0;
    uint8_t promised = 0;
    if (!take_bytes(&c, &format, 1) || !take_u64(&c, &out->floor) ||
        !take_bytes(&c, &promised, 1) || promised > 1 || (promised == 0 && c.left > 0)) {
        return err_set(err, ERR_CORRUPT, "the promise on disk is malformed");
    }
    if (format != FORMAT) {
        return err_set(err, ERR_VERSION, "the promise on disk is of format %u, not %d", format,
                       FORMAT);
    }
    out->promised = promised == 1;
    if (!out->promised) {
        return 0;
    }
    int code = form_proposal_decode(c.at, c.left, &out->promise, err);
    if (code != 0) {
        err_wrap(err, "the promise on disk");
    }
    return code;
}

int form_record_load(const struct store_image *image, struct form_record *out, struct err *err)
{
    memset(out, 0, sizeof(*out));
    struct store_row row;
    size_t at = 0;
    while (image->content != NULL && store_batch_next_row(image->content, &at, &row)) {
        if (row.key_size == ROW_KEY_SIZE && memcmp(row.key, row_key, ROW_KEY_SIZE) == 0) {
            return load(&row, out, err);
        }
    }
    return 0;
}

void form_record_found(const struct form_proposal *p, const struct store_identity *identity,
                       struct store_batch *batch)
{
    struct members members = {.count = p->count};
    char texts[FORM_LIST_MAX][MEMBER_TEXT_SIZE];
    for (size_t i = 0; i < p->count; i++) {
        members.at[i] = (struct member){.id = p->at[i].id,
                                        .role = MEMBER_VOTER,
                                        .info = member_info_encode(&p->at[i], texts[i])};
    }
    struct buf conf = {0};
    members_encode(&members, &conf);
    struct store_entry first = {
        .index = 1, .term = 1, .type = ENTRY_CHANGE, .data = conf.bytes, .size = conf.size};
    store_batch_add_entry(batch, &first);
    buf_close(&conf);
    batch->has_identity = true;
    batch->identity = *identity;
    memcpy(batch->identity.cluster_id, p->cluster_id, sizeof(p->cluster_id));
    batch->has_hard = true;
    batch->hard = (struct store_hard){.term = 1};
    form_record_erase(batch);
}
