/* consensus/form_list.c - sets of names with addresses. */
#include "consensus/form_list.h"

#include <string.h>

int form_list_add(struct form_list *list, const char *name, const char *address, struct err *err)
{
    int code = member_name_check(name, err);
    code = code != 0 ? code : member_address_check(address, err);
    if (code != 0) {
        return code;
    }
    size_t place = 0;
    for (size_t i = 0; i < list->count; i++) {
        int order = strcmp(list->at[i].name, name);
        if (order == 0) {
            return err_set(err, ERR_INVALID, "%s is in the list twice", name);
        }
        if (strcmp(list->at[i].address, address) == 0) {
            return err_set(err, ERR_INVALID, "%s and %s have one address", list->at[i].name, name);
        }
        place = order < 0 ? i + 1 : place;
    }
    if (list->count == FORM_LIST_MAX) {
        return err_set(err, ERR_INVALID, "a cluster is formed with at most %d members",
                       FORM_LIST_MAX);
    }
    struct form_listed listed;
    memset(&listed, 0, sizeof(listed));
    memcpy(listed.name, name, strlen(name));
    memcpy(listed.address, address, strlen(address));
    memmove(list->at + place + 1, list->at + place, (list->count - place) * sizeof(list->at[0]));
    list->at[place] = listed;
    list->count++;
    return 0;
}

static int add_text(struct form_list *list, const char *text, size_t size, struct err *err)
{
    struct form_listed listed;
    memset(&listed, 0, sizeof(listed));
    const char *equals = memchr(text, '=', size);
    if (equals == NULL) {
        return err_set(err, ERR_INVALID, "peers: an item has no \"=\" between name and address");
    }
    size_t name = (size_t)(equals - text);
    size_t address = size - name - 1;
    if (name > MEMBER_NAME_MAX || address > MEMBER_ADDRESS_MAX) {
        return err_set(err, ERR_INVALID, "peers: a name or an address is too long");
    }
    memcpy(listed.name, text, name);
    memcpy(listed.address, equals + 1, address);
    int code = form_list_add(list, listed.name, listed.address, err);
    if (code != 0) {
        err_wrap(err, "peers");
    }
    return code;
}

int form_list_parse(const char *text, struct form_list *out, struct err *err)
{
    struct form_list list;
    memset(&list, 0, sizeof(list));
    while (*text != '\0') {
        size_t size = strcspn(text, ",");
        int code = add_text(&list, text, size, err);
        if (code != 0) {
            return code;
        }
        text += size;
        if (*text == ',' && text[1] == '\0') {
            return err_set(err, ERR_INVALID, "peers: nothing follows the last \",\"");
        }
        text += *text == ',' ? 1 : 0;
    }
    *out = list;
    return 0;
}

void form_list_text(const struct form_list *list, struct buf *out)
{
    for (size_t i = 0; i < list->count; i++) {
        buf_printf(out, "%s%s=%s", i > 0 ? "," : "", list->at[i].name, list->at[i].address);
    }
}

const struct form_listed *form_list_find(const struct form_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->at[i].name, name) == 0) {
            return &list->at[i];
        }
    }
    return NULL;
}

bool form_list_equal(const struct form_list *a, const struct form_list *b)
{
    if (a->count != b->count) {
        return false;
    }
    for (size_t i = 0; i < a->count; i++) {
        if (strcmp(a->at[i].name, b->at[i].name) != 0 ||
            strcmp(a->at[i].address, b->at[i].address) != 0) {
            return false;
        }
    }
    return true;
}

static void begin_item(struct buf *out, size_t from)
{
    if (out->size > from) {
        buf_str(out, "; ");
    }
}

void form_list_difference(const struct form_list *ours, const struct form_list *theirs,
                          const char *who, struct buf *out)
{
    size_t from = out->size;
    for (size_t i = 0; i < ours->count; i++) {
        const struct form_listed *mine = &ours->at[i];
        const struct form_listed *other = form_list_find(theirs, mine->name);
        if (other == NULL) {
            begin_item(out, from);
            buf_printf(out, "%s is in ours and not in %s's", mine->name, who);
        } else if (strcmp(other->address, mine->address) != 0) {
            begin_item(out, from);
            buf_printf(out, "%s is %s in ours and %s in %s's", mine->name, mine->address,
                       other->address, who);
        }
    }
    for (size_t i = 0; i < theirs->count; i++) {
        if (form_list_find(ours, theirs->at[i].name) == NULL) {
            begin_item(out, from);
            buf_printf(out, "%s is in %s's and not in ours", theirs->at[i].name, who);
        }
    }
}
