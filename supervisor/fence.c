/* supervisor/fence.c - the row of a fence, and what it makes of a member. */
#include "supervisor/fence.h"

#include "base/cleanup.h"
#include "base/must.h"
#include "supervisor/json.h"

#define FENCE_VERSION 1

void fence_encode(const struct fence *fence, struct buf *out)
{
    json_t *object = json_object();
    MUST(object != NULL);
    json_put_u64(object, "version", FENCE_VERSION);
    json_put_string(object, "by", fence->by);
    json_put_string(object, "at", fence->at);
    json_put_string(object, "why", fence->why);
    json_write(object, out);
}

/* Nothing but the name is left of what can not be read: it fences whatever it says. */
static void decode(const void *bytes, size_t size, struct fence *out)
{
    CLEANUP(json_closep) json_t *json = json_read(bytes, size, FENCE_BYTES_MAX, JSON_OBJECT, NULL);
    if (json == NULL) {
        return;
    }
    struct json_take t;
    struct fence fence = {.name = out->name};
    uint64_t version = 0;
    json_take_begin(&t, json, "fence");
    json_take_number(&t, "version", INT64_MAX, &version);
    if (t.err.code == 0 && version != FENCE_VERSION) {
        err_set(&t.err, ERR_VERSION, "fence: of a version that this program does not know");
    }
    json_take_text(&t, "by", fence.by, sizeof(fence.by));
    json_take_text(&t, "at", fence.at, sizeof(fence.at));
    json_take_text(&t, "why", fence.why, sizeof(fence.why));
    if (t.err.code == 0) {
        *out = fence;
    }
}

/* ---- the book ---- */

static uint32_t place_of(const struct fence_book *book, const struct facts_name *name)
{
    uint32_t at = 0;
    while (at < book->count && !name_is(&book->at[at].name, name)) {
        at++;
    }
    return at;
}

void fence_take(struct fence_book *book, const struct facts_name *name, const void *bytes,
                size_t size)
{
    uint32_t at = place_of(book, name);
    if (bytes == NULL) {
        if (at < book->count) {
            memmove(&book->at[at], &book->at[at + 1], (book->count - at - 1) * sizeof(book->at[0]));
            book->count--;
        }
        return;
    }
    if (at == FENCES_MAX) {
        return;
    }
    book->count += at == book->count ? 1 : 0;
    book->at[at] = (struct fence){.name = *name};
    decode(bytes, size, &book->at[at]);
}

const struct fence *fence_of(const struct fence_book *book, const struct facts_name *name)
{
    uint32_t at = place_of(book, name);
    return at < book->count ? &book->at[at] : NULL;
}

/* ---- what it means ---- */

void fence_mark_all(const struct fence_book *book, struct member_facts *members, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (fence_of(book, &members[i].name) != NULL) {
            fence_mark(&members[i]);
        }
    }
}
