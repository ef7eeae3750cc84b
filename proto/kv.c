/* proto/kv.c - the order of keys, and which keys a span holds. */
#include "proto/kv.h"

#include <string.h>

#include "base/must.h"

struct kv_slice kv_text(const char *text)
{
    return kv_slice(text, strlen(text));
}

int kv_slice_compare(struct kv_slice a, struct kv_slice b)
{
    size_t common = a.size < b.size ? a.size : b.size;
    int order = common > 0 ? memcmp(a.bytes, b.bytes, common) : 0;
    if (order != 0) {
        return order;
    }
    return a.size < b.size ? -1 : a.size > b.size;
}

bool kv_slice_equal(struct kv_slice a, struct kv_slice b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.bytes, b.bytes, a.size) == 0);
}

bool kv_slice_begins_with(struct kv_slice whole, struct kv_slice begin)
{
    return begin.size == 0 ||
           (whole.size >= begin.size && memcmp(whole.bytes, begin.bytes, begin.size) == 0);
}

bool kv_span_is_past(const struct kv_span *span, struct kv_slice key)
{
    switch (span->kind) {
        case KV_SPAN_KEY:
            return !kv_slice_equal(key, span->key);
        case KV_SPAN_PREFIX:
            return !kv_slice_begins_with(key, span->key);
        case KV_SPAN_RANGE:
            return span->end.size > 0 && kv_slice_compare(key, span->end) >= 0;
    }
    UNREACHABLE("a span has one of three kinds");
}

bool kv_span_holds(const struct kv_span *span, struct kv_slice key)
{
    return kv_slice_compare(key, span->key) >= 0 && !kv_span_is_past(span, key);
}
