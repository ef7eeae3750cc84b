/* consensus/members.c - memberships as bytes, in the form that libraft reads in its log.
 *
 *   u8 format (1)   u64 count   then for each:   u64 id   text and NUL   u8 role
 *   padded with NULs to 8 bytes
 *
 * Numbers are little-endian. libraft's decoder trusts the lengths, so everything from disk or
 * network goes through members_bytes_valid() first (W15). */
#include <string.h>

#include "base/mem.h"
#include "base/must.h"
#include "consensus/cursor.h"
#include "consensus/engine_internal.h"

#define FORMAT 1

const struct member *members_find(const struct members *members, uint64_t id)
{
    for (size_t i = 0; i < members->count; i++) {
        if (members->at[i].id == id) {
            return &members->at[i];
        }
    }
    return NULL;
}

bool members_clash(const struct members *members, uint64_t id, const char *info)
{
    for (size_t i = 0; i < members->count; i++) {
        if (members->at[i].id == id || strcmp(members->at[i].info, info) == 0) {
            return true;
        }
    }
    return false;
}

/* One form only: what is equal has equal bytes, wherever it was encoded. */
static bool is_padding(const struct cursor *c, size_t size)
{
    unsigned char sum = 0;
    for (size_t i = 0; i < c->left; i++) {
        sum |= c->at[i];
    }
    return c->left < 8 && size % 8 == 0 && sum == 0;
}

/* The parse behind both questions; @out points into @bytes. */
static bool parse(const void *bytes, size_t size, struct members *out)
{
    struct cursor c = {bytes, size};
    uint8_t format = 0;
    uint64_t count = 0;
    *out = (struct members){0};
    if (!take_u8(&c, &format) || format != FORMAT || !take_u64(&c, &count) || count == 0 ||
        count > MEMBERS_MAX) {
        return false;
    }
    for (uint64_t i = 0; i < count; i++) {
        struct member m = {0};
        uint8_t role = 0;
        if (!take_u64(&c, &m.id) || !take_text(&c, &m.info) || !take_u8(&c, &role)) {
            return false;
        }
        if (m.id == 0 || role > MEMBER_SPARE || members_clash(out, m.id, m.info)) {
            return false;
        }
        m.role = (enum member_role)role;
        out->at[out->count] = m;
        out->count++;
    }
    return is_padding(&c, size);
}

bool members_bytes_valid(const void *bytes, size_t size)
{
    struct members members;
    return parse(bytes, size, &members);
}

int members_decode(const void *bytes, size_t size, struct members *out, struct buf *keep,
                   struct err *err)
{
    buf_clear(keep);
    buf_append(keep, bytes, size);
    if (!parse(keep->bytes, size, out)) {
        return err_set(err, ERR_PROTOCOL, "a membership of %zu bytes is malformed", size);
    }
    return 0;
}

void members_encode(const struct members *members, struct buf *out)
{
    struct raft_configuration conf;
    members_to_raft(members, &conf);
    struct raft_buffer encoded;
    int rv = raft_configuration_encode(&conf, &encoded);
    MUST(rv == 0); /* fails for lack of memory alone, which does not return */
    buf_append(out, encoded.base, encoded.len);
    raft_free(encoded.base);
    raft_configuration_close(&conf);
}

void members_to_raft(const struct members *members, struct raft_configuration *conf)
{
    MUST(members->count > 0);
    MUST(members->count <= MEMBERS_MAX);
    raft_configuration_init(conf);
    for (size_t i = 0; i < members->count; i++) {
        int rv = raft_configuration_add(conf, members->at[i].id, members->at[i].info,
                                        (int)members->at[i].role);
        MUST(rv == 0); /* ids and texts are unique: checked where they come in */
    }
}

void members_from_raft(const struct raft_configuration *conf, struct members *out)
{
    MUST(conf->n <= MEMBERS_MAX);
    for (unsigned i = 0; i < conf->n; i++) {
        out->at[i] = (struct member){.id = conf->servers[i].id,
                                     .role = (enum member_role)conf->servers[i].role,
                                     .info = conf->servers[i].address};
    }
    out->count = conf->n;
}
_Static_assert(MEMBER_STANDBY == (int)RAFT_STANDBY, "roles are kept as libraft numbers them");
_Static_assert(MEMBER_VOTER == (int)RAFT_VOTER, "roles are kept as libraft numbers them");
_Static_assert(MEMBER_SPARE == (int)RAFT_SPARE, "roles are kept as libraft numbers them");
