/* config/yaml_parse.c - from libyaml's events to the tree; the only file that knows libyaml.
 *
 * Lists and maps that are still open stand on a stack of their own. A value goes to the innermost
 * one; a map takes a key and a value in turn. "<<" is resolved when its map ends: what it brings in
 * never replaces what the map says itself. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/must.h"
#include "config/yaml_tree.h"

#define ANCHORS_MAX 1000
#define INDENTS_SHOWN_MAX 4 /* of the lines before a mistake, the nearest ones */
/* Keys are values too, and every list and map has an end. */
#define VALUES_MAX (size_t)(4 * TREE_NODES_MAX)

/* A list or map that has not ended. */
struct open_node {
    struct tree_node *node;
    struct tree_entry *entries;
    size_t count;
    bool has_key; /* of a map: the value comes next */
    bool is_merge;
    struct tree_entry next; /* its key and place */
    struct tree_entry *merges;
    size_t merge_count;
};

struct anchor {
    char *name;
    const struct tree_node *node;
    bool is_open;
};

struct reader {
    yaml_parser_t parser;
    struct tree *tree;
    struct problems *problems;
    const char *source;
    const char *bytes;
    size_t size;
    struct open_node open[TREE_DEPTH_MAX];
    size_t depth;
    struct anchor *anchors;
    size_t anchor_count;
    size_t value_count; /* taken so far, those that "<<" brought in among them */
    const struct tree_node *root;
};

static struct tree_place place_of(const struct reader *r, yaml_mark_t mark)
{
    return (struct tree_place){
        .source = r->source, .line = (unsigned)mark.line + 1, .column = (unsigned)mark.column + 1};
}

static struct tree_place place_of_byte(const struct reader *r, size_t offset)
{
    struct tree_place place = {.source = r->source, .line = 1, .column = 1};
    for (size_t i = 0; i < offset && i < r->size; i++) {
        place.line += r->bytes[i] == '\n' ? 1 : 0;
        place.column = r->bytes[i] == '\n' ? 1 : place.column + 1;
    }
    return place;
}

static int fail(struct reader *r, struct tree_place place, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static int fail(struct reader *r, struct tree_place place, const char *fmt, ...)
{
    char text[256];
    va_list args;
    va_start(args, fmt);
    int length = vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    MUST(length > 0);
    problems_add(r->problems, PROBLEM_ERROR, &place, "%s", text);
    return ERR_INVALID;
}

/* --- Errors of libyaml --- */

/* How far the line that begins at @at is indented. False: there is nothing on it. */
static bool line_indent(const struct reader *r, size_t at, size_t *ret_indent)
{
    size_t start = at;
    while (at < r->size && r->bytes[at] == ' ') {
        at++;
    }
    *ret_indent = at - start;
    return at < r->size && strchr("#\r\n", r->bytes[at]) == NULL;
}

/* Where a line begins, from 0; the end of the text, if there is none. */
static size_t line_begin(const struct reader *r, size_t line)
{
    size_t at = 0;
    while (line > 0 && at < r->size) {
        const char *end = memchr(r->bytes + at, '\n', r->size - at);
        at = end != NULL ? (size_t)(end - r->bytes) + 1 : r->size;
        line--;
    }
    return at;
}

/* ... and the one before that which begins at @at, which is not the first. */
static size_t line_before(const struct reader *r, size_t at)
{
    const char *end = memrchr(r->bytes, '\n', at - 1);
    return end != NULL ? (size_t)(end - r->bytes) + 1 : 0;
}

/* Append how far the line of a mistake is indented, and how far it might be: as the lines before it
 * that are still open. Nothing when it stands like one of them. */
static void explain_indent(const struct reader *r, size_t line, struct buf *out)
{
    CLEANUP(buf_close) struct buf levels = {0};
    size_t own = 0;
    size_t level = SIZE_MAX;
    size_t indent = 0;
    size_t shown = 0;
    size_t at = line_begin(r, line);
    bool is_known = !line_indent(r, at, &own);
    for (size_t i = line; i > 0 && level > 0 && at > 0; i--) {
        at = line_before(r, at);
        if (!line_indent(r, at, &indent) || indent >= level) {
            continue;
        }
        is_known = is_known || indent == own;
        level = indent;
        if (shown++ < INDENTS_SHOWN_MAX) {
            buf_printf(&levels, "%s%zu as on line %zu", levels.size > 0 ? ", or " : "", indent, i);
        }
    }
    if (!is_known && levels.size > 0) {
        buf_printf(out, "; this line is indented by %zu space%s, expected was %s", own,
                   own == 1 ? "" : "s", buf_text(&levels));
    }
}

/* What a line that is indented too far, or not far enough, comes out as. */
static bool is_of_indent(const char *problem)
{
    static const char *const texts[] = {"mapping values are not allowed in this context",
                                        "did not find expected key",
                                        "did not find expected '-' indicator",
                                        "block sequence entries are not allowed in this context"};
    bool is_it = false;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        is_it = is_it || strcmp(texts[i], problem) == 0;
    }
    return is_it;
}

static int parser_failed(struct reader *r)
{
    const yaml_parser_t *p = &r->parser;
    MUST(p->error != YAML_MEMORY_ERROR); /* docs/decisions/0002 */
    const char *problem = p->problem != NULL ? p->problem : "it can not be read";
    if (p->error == YAML_READER_ERROR) {
        return fail(r, place_of_byte(r, p->problem_offset), "not valid YAML: %s", problem);
    }
    struct tree_place place = place_of(r, p->problem_mark);
    if (strcmp(problem, "found character that cannot start any token") == 0) {
        problem =
            "a character that can not begin anything here: a tab does not indent, and text "
            "that begins with @, ` or % needs quotes";
    }
    CLEANUP(buf_close) struct buf more = {0};
    if (p->context != NULL) {
        buf_printf(&more, " (%s at line %u)", p->context, (unsigned)p->context_mark.line + 1);
    }
    if (is_of_indent(problem)) {
        explain_indent(r, p->problem_mark.line, &more);
    }
    return fail(r, place, "not valid YAML: %s%s", problem, buf_text(&more));
}

/* --- Values --- */

static int check_tag(struct reader *r, const char *tag, struct tree_place place)
{
    static const char standard[] = "tag:yaml.org,2002:";
    if (tag == NULL || strcmp(tag, "!") == 0 || strncmp(tag, standard, sizeof(standard) - 1) == 0) {
        return 0;
    }
    return fail(r, place, "the tag %s means nothing here", problems_word(tag).text);
}

/* Put @node into the innermost open one. */
static int take_value(struct reader *r, const struct tree_node *node, struct tree_place place)
{
    if (r->depth == 0) {
        r->root = node;
        return 0;
    }
    struct open_node *open = &r->open[r->depth - 1];
    struct tree_entry entry = {.place = place, .value = node};
    if (open->node->kind == TREE_MAP && !open->has_key) {
        if (node->kind != TREE_SCALAR || node->text[0] == '\0') {
            return fail(r, place, "a key has to be text");
        }
        open->is_merge = node->plain && strcmp(node->text, "<<") == 0;
        open->has_key = true;
        open->next = (struct tree_entry){.key = node->text, .place = place};
        return 0;
    }
    if (open->node->kind == TREE_MAP) {
        entry.key = open->next.key;
        entry.place = open->next.place;
        open->has_key = false;
        if (open->is_merge) {
            open->merges = mem_grow(open->merges, open->merge_count + 1, sizeof(*open->merges));
            open->merges[open->merge_count++] = entry;
            return 0;
        }
    }
    open->entries = mem_grow(open->entries, open->count + 1, sizeof(*open->entries));
    open->entries[open->count++] = entry;
    return 0;
}

/* A node under its anchor, if it has one; the last of a name counts. */
static int note_anchor(struct reader *r, const char *name, const struct tree_node *node,
                       bool is_open)
{
    if (name == NULL) {
        return 0;
    }
    if (r->anchor_count == ANCHORS_MAX) {
        return fail(r, node->place, "more than %d anchors", ANCHORS_MAX);
    }
    r->anchors = mem_grow(r->anchors, r->anchor_count + 1, sizeof(*r->anchors));
    r->anchors[r->anchor_count++] =
        (struct anchor){.name = mem_strdup(name), .node = node, .is_open = is_open};
    return 0;
}

static int take_alias(struct reader *r, const yaml_event_t *event)
{
    const char *name = (const char *)event->data.alias.anchor;
    struct tree_place place = place_of(r, event->start_mark);
    for (size_t i = r->anchor_count; i > 0; i--) {
        const struct anchor *anchor = &r->anchors[i - 1];
        if (strcmp(anchor->name, name) != 0) {
            continue;
        }
        return anchor->is_open
                   ? fail(r, place, "*%s stands inside of what it names", problems_word(name).text)
                   : take_value(r, anchor->node, place);
    }
    return fail(r, place, "*%s: no anchor has this name", problems_word(name).text);
}

static int take_scalar(struct reader *r, const yaml_event_t *event)
{
    struct tree_place place = place_of(r, event->start_mark);
    const char *tag = (const char *)event->data.scalar.tag;
    const char *text = (const char *)event->data.scalar.value;
    size_t size = event->data.scalar.length;
    int rc = check_tag(r, tag, place);
    if (rc == 0 && memchr(text, '\0', size) != NULL) {
        rc = fail(r, place, "a NUL byte can not stand in a text");
    }
    if (rc != 0) {
        return rc;
    }
    struct tree_node *node = tree_node_new(r->tree, TREE_SCALAR, place);
    node->text = tree_text(r->tree, text, size);
    node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && tag == NULL;
    rc = note_anchor(r, (const char *)event->data.scalar.anchor, node, false);
    return rc == 0 ? take_value(r, node, place) : rc;
}

/* --- Lists and maps --- */

static int begin(struct reader *r, const yaml_event_t *event, enum tree_kind kind)
{
    struct tree_place place = place_of(r, event->start_mark);
    bool is_map = kind == TREE_MAP;
    const yaml_char_t *tag =
        is_map ? event->data.mapping_start.tag : event->data.sequence_start.tag;
    const yaml_char_t *anchor =
        is_map ? event->data.mapping_start.anchor : event->data.sequence_start.anchor;
    int rc = check_tag(r, (const char *)tag, place);
    if (rc == 0 && r->depth == TREE_DEPTH_MAX) {
        rc = fail(r, place, "more than %d levels deep", TREE_DEPTH_MAX);
    }
    if (rc != 0) {
        return rc;
    }
    struct tree_node *node = tree_node_new(r->tree, kind, place);
    r->open[r->depth++] = (struct open_node){.node = node};
    return note_anchor(r, (const char *)anchor, node, true);
}

static bool has_key(const struct open_node *open, const char *key)
{
    for (size_t i = 0; i < open->count; i++) {
        if (strcmp(open->entries[i].key, key) == 0) {
            return true;
        }
    }
    return false;
}

static int merge_map(struct reader *r, struct open_node *open, const struct tree_node *map,
                     struct tree_place place)
{
    if (map->kind != TREE_MAP) {
        return fail(r, place, "<< takes a map, or a list of maps");
    }
    for (size_t i = 0; i < map->count; i++) {
        if (!has_key(open, map->entries[i].key)) {
            open->entries = mem_grow(open->entries, open->count + 1, sizeof(*open->entries));
            open->entries[open->count++] = map->entries[i];
            r->value_count++;
        }
    }
    return r->value_count > VALUES_MAX ? fail(r, place, "<< brings in too much") : 0;
}

static int merge(struct reader *r, struct open_node *open)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < open->merge_count; i++) {
        const struct tree_entry *entry = &open->merges[i];
        const struct tree_node *value = entry->value;
        if (value->kind != TREE_LIST) {
            rc = merge_map(r, open, value, entry->place);
        }
        for (size_t j = 0; rc == 0 && value->kind == TREE_LIST && j < value->count; j++) {
            rc = merge_map(r, open, value->entries[j].value, entry->place);
        }
    }
    return rc;
}

static int end(struct reader *r)
{
    struct open_node *open = &r->open[r->depth - 1];
    struct tree_node *node = open->node;
    int rc = merge(r, open);
    if (rc != 0) {
        return rc;
    }
    size_t weight = 1;
    for (size_t i = 0; i < open->count; i++) {
        weight += open->entries[i].value->weight;
    }
    if (weight > TREE_NODES_MAX) {
        return fail(r, node->place, "more than %d values, aliases unfolded", TREE_NODES_MAX);
    }
    struct tree_entry *entries = tree_alloc(r->tree, open->count * sizeof(*entries));
    if (open->count > 0) {
        memcpy(entries, open->entries, open->count * sizeof(*entries));
    }
    node->entries = entries;
    node->count = open->count;
    node->weight = weight;
    for (size_t i = 0; i < r->anchor_count; i++) {
        r->anchors[i].is_open = r->anchors[i].is_open && r->anchors[i].node != node;
    }
    mem_free(open->entries);
    mem_free(open->merges);
    r->depth--;
    return take_value(r, node, node->place);
}

/* --- The document --- */

static int take_event(struct reader *r, const yaml_event_t *event)
{
    switch (event->type) {
        case YAML_SCALAR_EVENT:
            return take_scalar(r, event);
        case YAML_ALIAS_EVENT:
            return take_alias(r, event);
        case YAML_SEQUENCE_START_EVENT:
            return begin(r, event, TREE_LIST);
        case YAML_MAPPING_START_EVENT:
            return begin(r, event, TREE_MAP);
        case YAML_SEQUENCE_END_EVENT:
        case YAML_MAPPING_END_EVENT:
            return end(r);
        case YAML_DOCUMENT_START_EVENT:
            return r->root == NULL ? 0
                                   : fail(r, place_of(r, event->start_mark),
                                          "a second document begins here; a file holds one");
        case YAML_NO_EVENT:
        case YAML_STREAM_START_EVENT:
        case YAML_STREAM_END_EVENT:
        case YAML_DOCUMENT_END_EVENT:
            return 0;
    }
    UNREACHABLE("every event has a case");
}

static int take_all(struct reader *r)
{
    int rc = 0;
    bool ended = false;
    while (rc == 0 && !ended) {
        yaml_event_t event;
        if (yaml_parser_parse(&r->parser, &event) == 0) {
            return parser_failed(r);
        }
        ended = event.type == YAML_STREAM_END_EVENT;
        rc = take_event(r, &event);
        if (rc == 0 && ++r->value_count > VALUES_MAX) {
            rc = fail(r, place_of(r, event.start_mark), "more than %d values", TREE_NODES_MAX);
        }
        yaml_event_delete(&event);
    }
    return rc;
}

const struct tree_node *tree_parse_value(struct tree *tree, const char *source, const char *bytes,
                                         size_t size, struct problems *problems)
{
    struct reader r = {.tree = tree, .problems = problems, .bytes = bytes, .size = size};
    r.source = source != NULL ? tree_text(tree, source, strlen(source)) : NULL;
    const struct tree_place start = {.source = r.source, .line = 1, .column = 1};
    if (size > TREE_BYTES_MAX) {
        (void)fail(&r, (struct tree_place){.source = r.source}, "larger than %u KiB",
                   TREE_BYTES_MAX >> 10);
        return NULL;
    }
    int made = yaml_parser_initialize(&r.parser);
    MUST(made == 1); /* else there is no memory */
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)bytes, size);
    int rc = take_all(&r);
    yaml_parser_delete(&r.parser);
    for (; r.depth > 0; r.depth--) {
        mem_free(r.open[r.depth - 1].entries);
        mem_free(r.open[r.depth - 1].merges);
    }
    for (size_t i = 0; i < r.anchor_count; i++) {
        mem_free(r.anchors[i].name);
    }
    mem_free(r.anchors);
    if (rc == 0 && r.root == NULL) {
        struct tree_node *nothing = tree_node_new(tree, TREE_SCALAR, start);
        nothing->plain = true;
        r.root = nothing;
    }
    return rc == 0 ? r.root : NULL;
}

const struct tree_node *tree_parse(struct tree *tree, const char *source, const char *bytes,
                                   size_t size, struct problems *problems)
{
    const struct tree_node *root = tree_parse_value(tree, source, bytes, size, problems);
    bool is_nothing = root != NULL && tree_is_null(root);
    return is_nothing ? tree_node_new(tree, TREE_MAP, root->place) : root;
}

/* --- Files --- */

/* Append what can be read, and one byte more than a tree may have at most. */
static int read_all(int fd, struct buf *out)
{
    while (out->size <= TREE_BYTES_MAX) {
        char bytes[8192];
        ssize_t n = read(fd, bytes, sizeof(bytes));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n == 0 ? 0 : errno;
        }
        buf_append(out, bytes, (size_t)n);
        explicit_bzero(bytes, sizeof(bytes));
    }
    return 0;
}

const struct tree_node *tree_parse_file(struct tree *tree, const char *path,
                                        struct problems *problems)
{
    const struct tree_place place = {.source = path};
    CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
    CLEANUP(buf_wipe) struct buf text = {0};
    int errnum = fd < 0 ? errno : read_all(fd, &text);
    const struct tree_node *root = NULL;
    if (errnum == 0) {
        root = tree_parse(tree, path, buf_text(&text), text.size, problems);
    } else {
        problems_add(problems, PROBLEM_ERROR, &place, "can not be read: %s",
                     strerrordesc_np(errnum));
    }
    return root;
}
