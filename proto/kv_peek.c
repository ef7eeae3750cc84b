/* proto/kv_peek.c - a walk over the outermost fields of a command (kv.proto). */
#include "proto/kv_peek.h"

#include <stdint.h>

/* Numbers of kv.proto's Command. */
#define FIELD_SYSTEM 5
#define FIELD_LEASE_END 10
#define FIELD_LEASE_CHANGE 11

enum wire_type { WIRE_VARINT = 0, WIRE_64_BIT = 1, WIRE_BYTES = 2 };

struct walk {
    const uint8_t *at;
    size_t left;
};

static bool skip(struct walk *walk, uint64_t count)
{
    if (count > walk->left) {
        return false;
    }
    walk->at += count;
    walk->left -= (size_t)count;
    return true;
}

static bool read_varint(struct walk *walk, uint64_t *ret)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && walk->left > 0; shift += 7) {
        uint8_t byte = *walk->at;
        walk->at++;
        walk->left--;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *ret = value;
            return true;
        }
    }
    return false;
}

static bool read_field(struct walk *walk, struct kv_peek *peek)
{
    uint64_t tag = 0;
    uint64_t value = 0;
    if (!read_varint(walk, &tag)) {
        return false;
    }
    switch (tag & 7) {
        case WIRE_VARINT:
            peek->system = peek->system || tag >> 3 == FIELD_SYSTEM;
            return read_varint(walk, &value);
        case WIRE_64_BIT:
            return skip(walk, 8);
        case WIRE_BYTES:
            peek->ends_lease = peek->ends_lease || tag >> 3 == FIELD_LEASE_END;
            peek->changes_lease = peek->changes_lease || tag >> 3 == FIELD_LEASE_CHANGE;
            return read_varint(walk, &value) && skip(walk, value);
        default:
            return false;
    }
}

struct kv_peek kv_peek(const void *bytes, size_t size)
{
    struct kv_peek peek = {0};
    struct walk walk = {.at = bytes, .left = size};
    while (walk.left > 0) {
        if (!read_field(&walk, &peek)) {
            return (struct kv_peek){0};
        }
    }
    return peek;
}
