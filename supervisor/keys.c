/* supervisor/keys.c - the names of the keys, and back. */
#include "supervisor/keys.h"

#include <stdio.h>
#include <string.h>

#include "base/must.h"

static const char *const names[KEYS] = {
    [KEY_LEADER] = "leader",      [KEY_INITIALIZE] = "initialize",
    [KEY_CONFIG] = "config",      [KEY_HISTORY] = "history",
    [KEY_SYNC] = "sync",          [KEY_FAILOVER] = "failover",
    [KEY_GRANT] = "pgraft/grant", [KEY_ORDER] = "pgraft/order",
    [KEY_HOLD] = "pgraft/hold",   [KEY_LIFE] = "pgraft/life",
};

bool keys_init(struct keys *keys, const char *space, const char *scope)
{
    memset(keys, 0, sizeof(*keys));
    size_t first = strspn(space, "/");
    size_t size = strlen(space + first);
    while (size > 0 && space[first + size - 1] == '/') {
        size--;
    }
    int n = snprintf(keys->prefix, sizeof(keys->prefix), "/%.*s%s%s/", (int)size, space + first,
                     size > 0 ? "/" : "", scope);
    if (n < 0 || (size_t)n >= sizeof(keys->prefix)) {
        return false;
    }
    for (int i = 0; i < KEYS; i++) {
        (void)snprintf(keys->text[i], sizeof(keys->text[i]), "%s%s", keys->prefix, names[i]);
    }
    return true;
}

static struct pgraft_slice slice_of(const char *text)
{
    return (struct pgraft_slice){text, strlen(text)};
}

struct pgraft_slice keys_prefix(const struct keys *keys)
{
    return slice_of(keys->prefix);
}

struct pgraft_slice keys_slice(const struct keys *keys, enum key key)
{
    MUST((int)key >= 0 && (int)key < KEYS);
    return slice_of(keys->text[key]);
}

bool keys_find(const struct keys *keys, struct pgraft_slice text, enum key *ret_key)
{
    for (int i = 0; i < KEYS; i++) {
        size_t size = strlen(keys->text[i]);
        if (size == text.size && memcmp(keys->text[i], text.bytes, size) == 0) {
            *ret_key = (enum key)i;
            return true;
        }
    }
    return false;
}

#define ANSWERS "pgraft/answers/"
#define FENCES "pgraft/fence/"

static struct pgraft_slice key_of(const struct keys *keys, const char *folder, const char *name,
                                  char out[KEYS_ANSWER_SIZE])
{
    (void)snprintf(out, KEYS_ANSWER_SIZE, "%s%s%s", keys->prefix, folder, name);
    return slice_of(out);
}

static bool find_name(const struct keys *keys, const char *folder, struct pgraft_slice text,
                      struct facts_name *ret_name)
{
    char head[KEYS_ANSWER_SIZE];
    size_t size = key_of(keys, folder, "", head).size;
    bool is_one = text.size > size && text.size - size < sizeof(ret_name->text) &&
                  memcmp(text.bytes, head, size) == 0;
    if (is_one) {
        memset(ret_name, 0, sizeof(*ret_name));
        memcpy(ret_name->text, (const char *)text.bytes + size, text.size - size);
    }
    return is_one;
}

struct pgraft_slice keys_answer(const struct keys *keys, const struct facts_name *name,
                                char out[KEYS_ANSWER_SIZE])
{
    return key_of(keys, ANSWERS, name->text, out);
}

bool keys_find_answer(const struct keys *keys, struct pgraft_slice text,
                      struct facts_name *ret_name)
{
    return find_name(keys, ANSWERS, text, ret_name);
}

struct pgraft_slice keys_fence(const struct keys *keys, const struct facts_name *name,
                               char out[KEYS_FENCE_SIZE])
{
    return key_of(keys, FENCES, name->text, out);
}

struct pgraft_slice keys_fences(const struct keys *keys, char out[KEYS_FENCE_SIZE])
{
    return key_of(keys, FENCES, "", out);
}

bool keys_find_fence(const struct keys *keys, struct pgraft_slice text, struct facts_name *ret_name)
{
    return find_name(keys, FENCES, text, ret_name);
}

const char *keys_name(enum key key)
{
    MUST((int)key >= 0 && (int)key < KEYS);
    return names[key];
}
