/* config/dynamic_slots.c - the entries of `slots`, one by one. Nothing here is an error: Patroni
 * passes over what it can not use, and a file of its own has to run. */
#include "config/dynamic_slots.h"

#include <string.h>

#include "base/must.h"

#define NAME_MAX_BYTES 63 /* of a slot */

static bool is_slot_name(const char *name)
{
    size_t size = strlen(name);
    return size > 0 && size <= NAME_MAX_BYTES &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == size;
}

static void check_entry(const struct tree_entry *entry, struct problems *problems)
{
    const struct tree_node *type = tree_get(entry->value, "type");
    const char *word = type != NULL && type->kind == TREE_SCALAR ? type->text : "physical";
    const char *why = NULL;
    if (!is_slot_name(entry->key)) {
        why = "no name of a slot; it is made of a to z, digits and underscores";
    } else if (strcmp(word, "logical") == 0) {
        why = "logical slots are not made yet; it is left alone where it is";
    } else if (strcmp(word, "physical") != 0) {
        why = "its type is neither physical nor logical";
    }
    if (why != NULL) {
        problems_add(problems, PROBLEM_WARNING, &entry->place, "slots: %s: %s",
                     problems_word(entry->key).text, why);
    }
}

void dynamic_check_slots(const struct tree_node *root, struct problems *problems)
{
    static const char *const names[] = {"slots", "permanent_slots", "permanent_replication_slots"};
    for (size_t n = 0; n < ARRAY_LEN(names); n++) {
        const struct tree_node *slots = tree_get(root, names[n]);
        if (slots == NULL || tree_is_null(slots)) {
            continue;
        }
        if (slots->kind != TREE_MAP) {
            problems_add(problems, PROBLEM_WARNING, &slots->place,
                         "%s: has to be a map of slots, as in {archive: {type: physical}}; ignored",
                         names[n]);
        }
        for (size_t i = 0; slots->kind == TREE_MAP && i < slots->count; i++) {
            check_entry(&slots->entries[i], problems);
        }
        return; /* the first one counts */
    }
}
