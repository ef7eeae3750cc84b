/* ctl/patroni_file.c - from the last line to the first, so that the places that were read stay
 * true. */
#include "ctl/patroni_file.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "config/keys.h"
#include "config/tree_json.h"
#include "config/yaml_tree.h"
#include "ctl/output.h"

#define SECTION "bootstrap"
#define DYNAMIC "dcs"
#define RAFT "raft"

/* Where line @line begins; the end of the text if it has no such line. */
static size_t line_at(const struct buf *text, unsigned line)
{
    size_t at = 0;
    for (unsigned i = 1; i < line && at < text->size; i++) {
        const char *end = memchr(text->bytes + at, '\n', text->size - at);
        at = end != NULL ? (size_t)(end - text->bytes) + 1 : text->size;
    }
    return at;
}

static bool is_remark(const char *line, size_t size)
{
    size_t begin = 0;
    while (begin < size && strchr(" \t\r\n", line[begin]) != NULL) {
        begin++;
    }
    return begin == size || line[begin] == '#';
}

/* Where what begins with line @first ends, @next being the line of what follows it: remarks and
 * empty lines in between are about that. */
static size_t end_of(const struct buf *text, unsigned first, size_t end)
{
    size_t begin = line_at(text, first + 1);
    while (end > begin) {
        size_t last = end - 1;
        while (last > begin && text->bytes[last - 1] != '\n') {
            last--;
        }
        if (!is_remark(text->bytes + last, end - last)) {
            break;
        }
        end = last;
    }
    return end;
}

static const struct tree_entry *entry_of(const struct tree_node *map, const char *key)
{
    const struct tree_entry *found = NULL;
    for (size_t i = 0; map != NULL && map->kind == TREE_MAP && i < map->count; i++) {
        found = strcmp(map->entries[i].key, key) == 0 ? &map->entries[i] : found;
    }
    return found;
}

/* The line of the first entry of @map below @line; 0: there is none. */
static unsigned next_line(const struct tree_node *map, unsigned line)
{
    unsigned next = 0;
    for (size_t i = 0; i < map->count; i++) {
        unsigned other = map->entries[i].place.line;
        next = other > line && (next == 0 || other < next) ? other : next;
    }
    return next;
}

static size_t section_end(const struct buf *text, const struct tree_node *root, unsigned line)
{
    unsigned next = next_line(root, line);
    return end_of(text, line, next != 0 ? line_at(text, next) : text->size);
}

static void replace(struct buf *text, size_t begin, size_t end, const struct buf *with)
{
    struct buf whole = {0};
    buf_append(&whole, text->bytes, begin);
    if (begin > 0 && text->bytes[begin - 1] != '\n') {
        buf_char(&whole, '\n');
    }
    buf_append(&whole, buf_text(with), with->size);
    if (end < text->size) {
        buf_append(&whole, text->bytes + end, text->size - end);
    }
    buf_wipe(text);
    *text = whole;
}

/* "key:" and @value below it, all of it @indent further to the right. */
static void put_section(struct buf *out, unsigned indent, const char *key, json_t *value)
{
    CLEANUP(buf_close) struct buf yaml = {0};
    bool is_empty = json_object_size(value) == 0;
    buf_printf(out, "%*s%s:%s # by pgraftctl adopt\n", (int)indent, "", key, is_empty ? " {}" : "");
    if (is_empty) {
        return;
    }
    output_document(&yaml, OUTPUT_YAML, value);
    for (const char *line = buf_text(&yaml); *line != '\0';) {
        size_t size = strcspn(line, "\n");
        if (strncmp(line, "---", 3) != 0) {
            buf_printf(out, "%*s%.*s\n", (int)indent + 2, "", (int)size, line);
        }
        line += size + (line[size] == '\n' ? 1 : 0);
    }
}

static void put_dynamic(struct buf *text, const struct tree_node *root, json_t *dynamic)
{
    CLEANUP(buf_close) struct buf lines = {0};
    const struct tree_entry *section = entry_of(root, SECTION);
    if (section == NULL) {
        buf_str(&lines, "\n" SECTION ":\n");
        put_section(&lines, 2, DYNAMIC, dynamic);
        replace(text, text->size, text->size, &lines);
        return;
    }
    const struct tree_node *below = section->value;
    const struct tree_entry *old = entry_of(below, DYNAMIC);
    bool has_more = below->kind == TREE_MAP && below->count > 0;
    unsigned column = has_more ? below->entries[0].place.column : 3;
    put_section(&lines, column > 0 ? column - 1 : 0, DYNAMIC, dynamic);
    size_t begin = line_at(text, old != NULL ? old->place.line : section->place.line + 1);
    size_t end = begin;
    if (old != NULL) {
        unsigned next = next_line(below, old->place.line);
        end = next != 0 ? end_of(text, old->place.line, line_at(text, next))
                        : section_end(text, root, section->place.line);
    }
    replace(text, begin, end, &lines);
}

static void drop_section(struct buf *text, const struct tree_node *root,
                         const struct tree_entry *section)
{
    const struct buf nothing = {0};
    unsigned line = section->place.line;
    replace(text, line_at(text, line), section_end(text, root, line), &nothing);
}

/* --- What came of it --- */

static bool is_same_value(const struct tree_node *a, const struct tree_node *b)
{
    struct buf left = {0};
    struct buf right = {0};
    tree_json(a, &left);
    tree_json(b, &right);
    bool is_same = left.size == right.size && memcmp(left.bytes, right.bytes, left.size) == 0;
    buf_wipe(&left);
    buf_wipe(&right);
    return is_same;
}

/* Every entry of @a but @one and @other is in @b with the same value. */
static bool is_within(const struct tree_node *a, const struct tree_node *b, const char *one,
                      const char *other)
{
    bool is_map = a != NULL && a->kind == TREE_MAP;
    for (size_t i = 0; is_map && i < a->count; i++) {
        const char *key = a->entries[i].key;
        const struct tree_entry *there = entry_of(b, key);
        if (strcmp(key, one) != 0 && strcmp(key, other) != 0 &&
            (there == NULL || !is_same_value(a->entries[i].value, there->value))) {
            return false;
        }
    }
    return true;
}

static bool is_same_map(const struct tree_node *a, const struct tree_node *b, const char *one,
                        const char *other)
{
    return is_within(a, b, one, other) && is_within(b, a, one, other);
}

static bool says(const struct tree_node *node, json_t *wanted)
{
    CLEANUP(buf_close) struct buf text = {0};
    if (node == NULL) {
        return false;
    }
    tree_json(node, &text);
    json_auto_t *value = json_loadb(buf_text(&text), text.size, JSON_DECODE_ANY, NULL);
    return json_equal(value, wanted) == 1;
}

static int check(const struct patroni_file *file, const struct tree_node *old,
                 const struct buf *text, json_t *raft, json_t *dynamic, struct err *err)
{
    CLEANUP(tree_close) struct tree tree = {0};
    CLEANUP(problems_close) struct problems problems = {0};
    const struct tree_node *new = tree_parse(&tree, file->name, text->bytes, text->size, &problems);
    bool is_good = new != NULL &&new->kind == TREE_MAP &&is_same_map(old, new, RAFT, SECTION) &&
                   is_same_map(tree_get(old, SECTION), tree_get(new, SECTION), DYNAMIC, DYNAMIC) &&
                   says(tree_get(new, RAFT), raft) &&
                   says(tree_find(new, SECTION "." DYNAMIC), dynamic);
    return is_good ? 0
                   : err_set(err, ERR_INVALID,
                             "%s: its sections bootstrap and raft can not be replaced as they are "
                             "written: put each of their keys on a line of its own, without braces "
                             "and anchors",
                             file->name);
}

/* --- The whole --- */

/* Which of the two comes first in the file may be either: the text is read anew between them. */
static int change(const struct patroni_file *file, struct buf *text, json_t *dynamic,
                  struct err *err)
{
    CLEANUP(tree_close) struct tree tree = {0};
    CLEANUP(problems_close) struct problems problems = {0};
    const struct tree_node *root =
        tree_parse(&tree, file->name, buf_text(text), text->size, &problems);
    if (root == NULL || root->kind != TREE_MAP) {
        return root == NULL ? problems_err(&problems, err)
                            : err_set(err, ERR_INVALID, "%s: no map of sections", file->name);
    }
    if (dynamic != NULL) {
        put_dynamic(text, root, dynamic);
        return 0;
    }
    const struct tree_entry *raft = entry_of(root, RAFT);
    if (raft != NULL && raft->value->count > 0 && !keys_raft_is_patronis(root)) {
        return err_set(err, ERR_EXISTS, "%s has a section raft of pgraft's already", file->name);
    }
    if (raft != NULL) {
        drop_section(text, root, raft);
    }
    return 0;
}

int patroni_file_make(const struct patroni_file *file, json_t *raft, json_t *dynamic,
                      struct buf *out, struct err *err)
{
    CLEANUP(tree_close) struct tree tree = {0};
    CLEANUP(problems_close) struct problems problems = {0};
    struct buf text = {0};
    struct buf lines = {0};
    buf_append(&text, file->text, file->size);
    int rc = change(file, &text, NULL, err);
    rc = rc == 0 ? change(file, &text, dynamic, err) : rc;
    if (rc == 0) {
        buf_char(&lines, '\n');
        put_section(&lines, 0, RAFT, raft);
        replace(&text, text.size, text.size, &lines);
        const struct tree_node *old =
            tree_parse(&tree, file->name, file->text, file->size, &problems);
        rc = check(file, old, &text, raft, dynamic, err);
    }
    if (rc == 0) {
        buf_append(out, text.bytes, text.size);
    }
    buf_wipe(&text);
    buf_close(&lines);
    return rc;
}
