/* tests/unit/test_omap.c - the ordered map against a sorted array, on keys that are hard for it:
 * shared beginnings, keys that begin with one another, zero bytes and 0xff at the edges of the
 * heads.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/must.h"
#include "consensus/omap.h"

struct thing {
    struct omap_item item;
    uint8_t bytes[];
};

/* What the map should hold. */
struct array {
    struct thing **things;
    size_t count;
};

static uint64_t seed = 1;

static uint64_t draw(uint64_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (seed >> 11) % below;
}

static struct thing *thing_create(struct kv_slice key)
{
    struct thing *thing = mem_alloc(sizeof(*thing) + key.size);
    if (key.size > 0) {
        memcpy(thing->bytes, key.bytes, key.size);
    }
    thing->item = (struct omap_item){.key = thing->bytes, .key_size = (uint32_t)key.size};
    return thing;
}

static size_t array_slot(const struct array *array, struct kv_slice key, bool *ret_equal)
{
    size_t low = 0;
    size_t high = array->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = kv_slice_compare(omap_key(&array->things[middle]->item), key);
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    *ret_equal = low < array->count && kv_slice_equal(omap_key(&array->things[low]->item), key);
    return low;
}

/* A short alphabet and few lengths, behind one of some prefixes, so that much is shared. */
static struct kv_slice draw_key(uint8_t *room)
{
    static const char *const prefixes[] = {
        "", "/service/demo/members/", "/service/demo/members/pg", "/s",
        "0123456789012345678901234567890123456789012345678901234567890123456789"};
    static const uint8_t alphabet[] = {0x00, 0xff, 'a', 'b', 0x7f, 0x80};
    const char *prefix = prefixes[draw(ARRAY_LEN(prefixes))];
    size_t size = strlen(prefix);
    memcpy(room, prefix, size);
    size_t more = draw(12);
    for (size_t i = 0; i < more; i++) {
        room[size] = alphabet[draw(draw(2) == 0 ? 2 : ARRAY_LEN(alphabet))];
        size++;
    }
    return kv_slice(room, size);
}

static void same_walk(const struct omap *map, const struct array *array, struct kv_slice from)
{
    bool equal = false;
    size_t slot = array_slot(array, from, &equal);
    struct omap_at at;
    struct omap_item *item = omap_seek(map, from, &at);
    assert_int_equal(omap_rank(map, from), slot);
    size_t walked = 0;
    for (; item != NULL && walked < 100; item = omap_next(&at)) {
        assert_ptr_equal(item, &array->things[slot + walked]->item);
        walked++;
    }
    assert_true(walked == 100 || slot + walked == array->count);
}

static void step(struct omap *map, struct array *array, uint64_t delete_of_8)
{
    uint8_t room[128];
    struct kv_slice key = draw_key(room);
    bool equal = false;
    size_t slot = array_slot(array, key, &equal);
    struct omap_at at;
    struct omap_item *found = omap_find_at(map, key, &at);
    assert_ptr_equal(found, equal ? &array->things[slot]->item : NULL);
    assert_ptr_equal(omap_find(map, key), found);
    uint64_t changes = map->changes;
    if (equal && draw(8) < delete_of_8) {
        omap_remove(map, found);
        mem_free(array->things[slot]);
        array->count--;
        memmove(&array->things[slot], &array->things[slot + 1],
                (array->count - slot) * sizeof(struct thing *));
        assert_true(map->changes > changes);
    } else if (equal) {
        struct thing *other = thing_create(key);
        omap_replace_at(&at, &other->item);
        mem_free(array->things[slot]);
        array->things[slot] = other;
        assert_int_equal(map->changes, changes);
    } else if (draw(8) >= delete_of_8) {
        struct thing *thing = thing_create(key);
        memmove(&array->things[slot + 1], &array->things[slot],
                (array->count - slot) * sizeof(struct thing *));
        array->things[slot] = thing;
        array->count++;
        omap_insert(map, &thing->item);
        assert_true(map->changes > changes);
    }
    assert_int_equal(map->count, array->count);
}

static void agrees_with_a_sorted_array(void **state)
{
    (void)state;
    enum { ROOM = 60000 };
    struct omap map = {0};
    struct array array = {.things = mem_array(ROOM, sizeof(struct thing *))};
    uint8_t room[128];
    /* Grow, hold, shrink, and again, so that nodes split and join at every level. */
    static const uint64_t deletes[] = {1, 4, 7, 2, 8, 3, 8};
    for (size_t phase = 0; phase < ARRAY_LEN(deletes); phase++) {
        for (size_t i = 0; i < 20000; i++) {
            step(&map, &array, deletes[phase]);
            if (i % 1000 == 0) {
                omap_verify(&map);
                same_walk(&map, &array, draw_key(room));
            }
        }
    }
    while (array.count > 0) {
        size_t slot = draw(array.count);
        omap_remove(&map, &array.things[slot]->item);
        mem_free(array.things[slot]);
        array.count--;
        memmove(&array.things[slot], &array.things[slot + 1],
                (array.count - slot) * sizeof(struct thing *));
        if (array.count % 500 == 0) {
            omap_verify(&map);
        }
    }
    struct omap_at at;
    assert_null(omap_seek(&map, kv_slice("", 0), &at));
    omap_close(&map);
    mem_free(array.things);
}

static void fill_in_order(struct omap *map, struct thing **things, size_t count, bool backwards)
{
    for (size_t i = 0; i < count; i++) {
        size_t number = backwards ? count - 1 - i : i;
        uint8_t key[4] = {(uint8_t)(number >> 24), (uint8_t)(number >> 16), (uint8_t)(number >> 8),
                          (uint8_t)number};
        things[number] = thing_create(kv_slice(key, sizeof(key)));
        omap_insert(map, &things[number]->item);
    }
}

static void keys_in_order_both_ways(void **state)
{
    (void)state;
    enum { COUNT = 50000 };
    struct thing **things = mem_array(COUNT, sizeof(struct thing *));
    for (unsigned way = 0; way < 2; way++) {
        struct omap map = {0};
        fill_in_order(&map, things, COUNT, way == 1);
        omap_verify(&map);
        struct omap_at at;
        size_t number = 0;
        for (struct omap_item *item = omap_seek(&map, kv_slice("", 0), &at); item != NULL;
             item = omap_next(&at)) {
            assert_ptr_equal(item, &things[number]->item);
            number++;
        }
        assert_int_equal(number, COUNT);
        for (size_t i = 0; i < COUNT; i++) {
            omap_remove(&map, &things[i]->item);
            mem_free(things[i]);
        }
        omap_verify(&map);
        omap_close(&map);
    }
    mem_free(things);
}

static void an_empty_map_answers(void **state)
{
    (void)state;
    struct omap map = {0};
    struct omap_at at;
    assert_null(omap_find(&map, kv_text("a")));
    assert_null(omap_seek(&map, kv_text("a"), &at));
    assert_int_equal(omap_rank(&map, kv_text("a")), 0);
    omap_verify(&map);
    omap_close(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_a_sorted_array),
        cmocka_unit_test(keys_in_order_both_ways),
        cmocka_unit_test(an_empty_map_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
