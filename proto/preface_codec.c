/* proto/preface_codec.c - prefaces and refusals as bytes and back, strictly. */
#include <string.h>

#include "base/cleanup.h"
#include "base/must.h"
#include "proto/kv_wire.h"
#include "proto/preface.h"
#include "proto/preface.pb-c.h"

/* Decoding costs no more than the bytes, the struct and a handful of fields that are not known. */
#define DECODE_COST_MAX ((size_t)16 * PREFACE_BODY_MAX)

static bool is_printable(const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < size; i++) {
        if (at[i] < 0x20 || at[i] == 0x7f) {
            return false;
        }
    }
    return true;
}

static int check_text(const char *what, const char *text, size_t max, struct err *err)
{
    size_t size = strnlen(text, max + 1);
    if (size > max) {
        return err_set(err, ERR_INVALID, "%s: longer than %zu bytes", what, max);
    }
    if (!is_printable(text, size)) {
        return err_set(err, ERR_INVALID, "%s: holds a control character", what);
    }
    return 0;
}

int preface_check(const struct preface *p, struct err *err)
{
    if (p->protocol == 0 || p->oldest == 0 || p->oldest > p->protocol) {
        return err_set(err, ERR_INVALID, "protocol: from %u to %u", p->oldest, p->protocol);
    }
    if (p->node_id == 0 || p->instance == 0) {
        return err_set(err, ERR_INVALID, "%s: 0 is nobody",
                       p->node_id == 0 ? "node_id" : "instance");
    }
    if (p->scope[0] == '\0') {
        return err_set(err, ERR_INVALID, "scope: empty");
    }
    int rv = check_text("namespace", p->namespace, PREFACE_NAMESPACE_MAX, err);
    rv = rv != 0 ? rv : check_text("scope", p->scope, PREFACE_SCOPE_MAX, err);
    rv = rv != 0 ? rv : member_name_check(p->name, err);
    return rv != 0 ? rv : member_address_check(p->address, err);
}

static ProtobufCBinaryData text_data(const char *text)
{
    return wire_data(kv_slice(text, strlen(text)));
}

void preface_encode(const struct preface *p, struct buf *out)
{
    MUST(preface_check(p, NULL) == 0);
    Pgraft__Preface__Preface wire = PGRAFT__PREFACE__PREFACE__INIT;
    wire.protocol = p->protocol;
    wire.oldest = p->oldest;
    wire.namespace_ = text_data(p->namespace);
    wire.scope = text_data(p->scope);
    wire.cluster_id = wire_data(kv_slice(p->cluster_id, sizeof(p->cluster_id)));
    wire.node_id = p->node_id;
    wire.instance = p->instance;
    wire.name = text_data(p->name);
    wire.address = text_data(p->address);
    wire_pack(&wire.base, out);
}

void refusal_encode(const struct refusal *refusal, struct buf *out)
{
    char text[PREFACE_REASON_TEXT_MAX + 1];
    size_t size = strnlen(refusal->text, PREFACE_REASON_TEXT_MAX);
    for (size_t i = 0; i < size; i++) {
        text[i] = (char)(is_printable(refusal->text + i, 1) ? refusal->text[i] : '?');
    }
    Pgraft__Preface__Refusal wire = PGRAFT__PREFACE__REFUSAL__INIT;
    wire.reason = refusal->reason;
    wire.text = wire_data(kv_slice(text, size));
    wire_pack(&wire.base, out);
}

/* A text of at most @max bytes into the @max + 1 at @ret. */
static int read_text(ProtobufCBinaryData in, const char *where, size_t max, char *ret,
                     struct err *err)
{
    if (in.len > max || !is_printable(in.data, in.len)) {
        return err_set(err, ERR_PROTOCOL, "%s: no text of at most %zu bytes", where, max);
    }
    if (in.len > 0) {
        memcpy(ret, in.data, in.len);
    }
    ret[in.len] = '\0';
    return 0;
}

static int read_preface(const Pgraft__Preface__Preface *wire, struct preface *out, struct err *err)
{
    int rv = wire->protocol > PREFACE_PROTOCOL ? 0 : wire_no_unknown(&wire->base, "preface", err);
    if (rv != 0) {
        return rv;
    }
    if (wire->cluster_id.len != PEER_CLUSTER_ID_SIZE) {
        return err_set(err, ERR_PROTOCOL, "preface.cluster_id: %zu bytes, must be %d",
                       wire->cluster_id.len, PEER_CLUSTER_ID_SIZE);
    }
    memcpy(out->cluster_id, wire->cluster_id.data, PEER_CLUSTER_ID_SIZE);
    out->protocol = wire->protocol;
    out->oldest = wire->oldest;
    out->node_id = wire->node_id;
    out->instance = wire->instance;
    rv = read_text(wire->namespace_, "preface.namespace", PREFACE_NAMESPACE_MAX, out->namespace,
                   err);
    rv = rv != 0 ? rv : read_text(wire->scope, "preface.scope", PREFACE_SCOPE_MAX, out->scope, err);
    rv = rv != 0 ? rv : read_text(wire->name, "preface.name", MEMBER_NAME_MAX, out->name, err);
    return rv != 0
               ? rv
               : read_text(wire->address, "preface.address", MEMBER_ADDRESS_MAX, out->address, err);
}

int preface_decode(const void *bytes, size_t size, struct preface *ret, struct err *err)
{
    if (size >= PREFACE_BODY_MAX) {
        return err_set(err, ERR_TOO_LARGE, "preface: %zu bytes", size);
    }
    CLEANUP(arena_close) struct arena arena = {0};
    arena_reset(&arena, DECODE_COST_MAX);
    ProtobufCAllocator allocator = wire_allocator(&arena);
    const Pgraft__Preface__Preface *wire =
        pgraft__preface__preface__unpack(&allocator, size, bytes);
    if (wire == NULL) {
        return wire_unpack_error(&arena, "preface", err);
    }
    struct preface preface = {0};
    int rv = read_preface(wire, &preface, err);
    if (rv != 0) {
        return rv;
    }
    if (preface_check(&preface, err) != 0) {
        err_wrap(err, "preface");
        if (err != NULL) {
            err->code = ERR_PROTOCOL;
        }
        return ERR_PROTOCOL;
    }
    *ret = preface;
    return 0;
}

int refusal_decode(const void *bytes, size_t size, struct refusal *ret, struct err *err)
{
    if (size >= PREFACE_BODY_MAX) {
        return err_set(err, ERR_TOO_LARGE, "refusal: %zu bytes", size);
    }
    CLEANUP(arena_close) struct arena arena = {0};
    arena_reset(&arena, DECODE_COST_MAX);
    ProtobufCAllocator allocator = wire_allocator(&arena);
    const Pgraft__Preface__Refusal *wire =
        pgraft__preface__refusal__unpack(&allocator, size, bytes);
    if (wire == NULL) {
        return wire_unpack_error(&arena, "refusal", err);
    }
    struct refusal refusal = {.reason = wire->reason};
    int rv = wire_no_unknown(&wire->base, "refusal", err);
    rv = rv != 0
             ? rv
             : read_text(wire->text, "refusal.text", PREFACE_REASON_TEXT_MAX, refusal.text, err);
    if (rv == 0) {
        *ret = refusal;
    }
    return rv;
}
