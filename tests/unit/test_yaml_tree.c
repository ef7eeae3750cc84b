/* tests/unit/test_yaml_tree.c - YAML as a tree: places, aliases, limits, every error with its text;
 * trees laid on each other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/must.h"
#include "config/yaml_tree.h"

struct world {
    struct tree tree;
    struct problems problems;
    struct buf said;
    const struct tree_node *root;
};

static void world_close(struct world *w)
{
    tree_close(&w->tree);
    problems_close(&w->problems);
    buf_close(&w->said);
}

/* Parse @size bytes and print what is wrong. */
static const struct tree_node *parse_bytes(struct world *w, const char *bytes, size_t size)
{
    w->root = tree_parse(&w->tree, "f.yml", bytes, size, &w->problems);
    buf_clear(&w->said);
    problems_print(&w->problems, &w->said);
    return w->root;
}

static const struct tree_node *parse(struct world *w, const char *text)
{
    return parse_bytes(w, text, strlen(text));
}

static const char *text_at(const struct world *w, const char *path)
{
    const struct tree_node *node = tree_find(w->root, path);
    assert_non_null(node);
    assert_int_equal(node->kind, TREE_SCALAR);
    return node->text;
}

/* --- What is read --- */

static void test_places_begin_at_one(void **state)
{
    (void)state;
    CLEANUP(world_close) struct world w = {0};
    assert_non_null(parse(&w, "a: 1\nb:\n  - x\n  - {c: 'd', e: [f]}\n"));
    assert_string_equal(text_at(&w, "a"), "1");
    const struct tree_node *list = tree_find(w.root, "b");
    assert_int_equal(list->kind, TREE_LIST);
    assert_int_equal(list->count, 2);
    assert_int_equal(list->entries[0].value->place.line, 3);
    assert_int_equal(list->entries[0].value->place.column, 5);
    const struct tree_node *map = list->entries[1].value;
    assert_string_equal(map->entries[0].key, "c");
    assert_int_equal(map->entries[0].place.line, 4);
    assert_int_equal(map->entries[0].place.column, 6);
    assert_string_equal(tree_get(map, "c")->text, "d");
    assert_false(tree_get(map, "c")->plain);
    assert_string_equal(map->place.source, "f.yml");
    assert_null(tree_get(map, "x"));
    assert_null(tree_find(w.root, "a.b"));
    assert_null(tree_find(w.root, "b.c"));
}

static void test_nothing_is_an_empty_map(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "# only a comment\n", "---\n", "~", "null\n", "{}"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        CLEANUP(world_close) struct world w = {0};
        assert_non_null(parse(&w, texts[i]));
        assert_int_equal(w.root->kind, TREE_MAP);
        assert_int_equal(w.root->count, 0);
    }
}

static void test_null_is_plain(void **state)
{
    (void)state;
    CLEANUP(world_close) struct world w = {0};
    assert_non_null(parse(&w, "a:\nb: ~\nc: NULL\nd: ''\ne: 'null'\nf: nUll\ng: !!str ~\n"));
    static const char *const nulls[] = {"a", "b", "c"};
    static const char *const others[] = {"d", "e", "f", "g"};
    for (size_t i = 0; i < ARRAY_LEN(nulls); i++) {
        assert_true(tree_is_null(tree_get(w.root, nulls[i])));
    }
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        assert_false(tree_is_null(tree_get(w.root, others[i])));
    }
}

static void test_aliases_and_merges(void **state)
{
    (void)state;
    CLEANUP(world_close) struct world w = {0};
    assert_non_null(parse(&w,
                          "one: &a {x: 1, y: 2}\n"
                          "two: &b {y: 3, z: 4}\n"
                          "same: *a\n"
                          "both: {<<: [*a, *b], x: own}\n"
                          "quoted: {'<<': 1}\n"
                          "again: &a text\n"
                          "last: *a\n"));
    assert_ptr_equal(tree_find(w.root, "same"), tree_find(w.root, "one"));
    assert_string_equal(text_at(&w, "both.x"), "own");
    assert_string_equal(text_at(&w, "both.y"), "2"); /* of two merged maps the first counts */
    assert_string_equal(text_at(&w, "both.z"), "4");
    assert_int_equal(tree_find(w.root, "both")->count, 3);
    assert_int_equal(tree_find(w.root, "both.z")->place.line, 2);
    assert_string_equal(text_at(&w, "quoted.<<"), "1");
    assert_string_equal(text_at(&w, "last"), "text");
}

static void test_the_last_of_a_repeated_key_counts(void **state)
{
    (void)state;
    CLEANUP(world_close) struct world w = {0};
    assert_non_null(parse(&w, "a: 1\nb: 2\na: 3\n"));
    assert_string_equal(text_at(&w, "a"), "3");
    assert_null(tree_repeated(w.root, 0));
    assert_null(tree_repeated(w.root, 1));
    assert_int_equal(tree_repeated(w.root, 2)->place.line, 1);
}

/* --- What is refused --- */

static const struct {
    const char *text;
    const char *says;
} mistakes[] = {
    {"a: [1\n",
     "f.yml:2:1: not valid YAML: did not find expected ',' or ']' (while parsing a flow sequence "
     "at line 1)\n"},
    {"a: b: c\n", "f.yml:1:5: not valid YAML: mapping values are not allowed in this context\n"},
    {"a:\n  # no\n\n  b: c\n   d: e\n",
     "f.yml:5:5: not valid YAML: mapping values are not allowed in this context; this line is "
     "indented by 3 spaces, expected was 2 as on line 4, or 0 as on line 1\n"},
    {"a:\n    b:\n      - c\n  d: e\n",
     "f.yml:4:3: not valid YAML: did not find expected key (while parsing a block mapping at line "
     "1); this line is indented by 2 spaces, expected was 6 as on line 3, or 4 as on line 2, or 0 "
     "as on line 1\n"},
    {"a: 1\nb:\n  c: d\n  e: f\n   g: h\n",
     "f.yml:5:5: not valid YAML: mapping values are not allowed in this context; this line is "
     "indented by 3 spaces, expected was 2 as on line 4, or 0 as on line 2\n"},
    {"a:\n b:\n  c:\n   d:\n    e:\n     f: g\n      h: i\n",
     "f.yml:7:8: not valid YAML: mapping values are not allowed in this context; this line is "
     "indented by 6 spaces, expected was 5 as on line 6, or 4 as on line 5, or 3 as on line 4, or "
     "2 "
     "as on line 3\n"},
    {"a:\n  - b\n - c\n",
     "f.yml:3:2: not valid YAML: did not find expected key (while parsing a block mapping at line "
     "1); this line is indented by 1 space, expected was 2 as on line 2, or 0 as on line 1\n"},
    {"a: b\n\tc: d\n",
     "f.yml:2:1: not valid YAML: found a tab character that violates indentation (while scanning a "
     "plain scalar at line 1)\n"},
    {"a: @x\n",
     "f.yml:1:4: not valid YAML: a character that can not begin anything here: a tab does not "
     "indent, and text that begins with @, ` or % needs quotes (while scanning for the next token "
     "at line 1)\n"},
    {"a: \xff\n", "f.yml:1:4: not valid YAML: invalid leading UTF-8 octet\n"},
    {"a: \"x\\0y\"\n", "f.yml:1:4: a NUL byte can not stand in a text\n"},
    {"? [a]\n: b\n", "f.yml:1:3: a key has to be text\n"},
    {"'': b\n", "f.yml:1:1: a key has to be text\n"},
    {"a: !vault x\n", "f.yml:1:4: the tag \"!vault\" means nothing here\n"},
    {"a: !x [1]\n", "f.yml:1:4: the tag \"!x\" means nothing here\n"},
    {"a: *b\n", "f.yml:1:4: *b: no anchor has this name\n"},
    {"a: &b [*b]\n", "f.yml:1:8: *b stands inside of what it names\n"},
    {"a: {<<: 1}\n", "f.yml:1:5: << takes a map, or a list of maps\n"},
    {"a: {<<: [[1]]}\n", "f.yml:1:5: << takes a map, or a list of maps\n"},
    {"a: 1\n---\nb: 2\n", "f.yml:2:1: a second document begins here; a file holds one\n"},
};

static void test_every_mistake_has_its_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(mistakes); i++) {
        CLEANUP(world_close) struct world w = {0};
        assert_null(parse(&w, mistakes[i].text));
        assert_string_equal(buf_text(&w.said), mistakes[i].says);
    }
}

static void test_depth_is_bounded(void **state)
{
    (void)state;
    for (int depth = TREE_DEPTH_MAX; depth <= TREE_DEPTH_MAX + 1; depth++) {
        CLEANUP(world_close) struct world w = {0};
        CLEANUP(buf_close) struct buf text = {0};
        for (int i = 0; i < depth; i++) {
            buf_char(&text, '[');
        }
        for (int i = 0; i < depth; i++) {
            buf_char(&text, ']');
        }
        assert_int_equal(parse(&w, buf_text(&text)) != NULL, depth == TREE_DEPTH_MAX);
    }
}

static void test_aliases_can_not_explode(void **state)
{
    (void)state;
    CLEANUP(world_close) struct world w = {0};
    assert_null(parse(&w,
                      "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
                      "b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
                      "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
                      "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n"));
    assert_string_equal(buf_text(&w.said), "f.yml:4:4: more than 10000 values, aliases unfolded\n");
}

static void test_merges_can_not_explode(void **state)
{
    (void)state;
    CLEANUP(world_close) struct world w = {0};
    CLEANUP(buf_close) struct buf text = {0};
    buf_str(&text, "a: &a {");
    for (int i = 0; i < 500; i++) {
        buf_printf(&text, "k%d: 1, ", i);
    }
    buf_str(&text, "}\nb: [");
    for (int i = 0; i < 500; i++) {
        buf_str(&text, "{<<: *a}, ");
    }
    buf_str(&text, "]\n");
    assert_null(parse(&w, buf_text(&text)));
    assert_non_null(strstr(buf_text(&w.said), ": << brings in too much\n"));
}

static void test_size_and_number_are_bounded(void **state)
{
    (void)state;
    CLEANUP(buf_close) struct buf text = {0};
    buf_str(&text, "a: ");
    for (size_t i = 0; i <= TREE_BYTES_MAX; i++) {
        buf_char(&text, 'x');
    }
    CLEANUP(world_close) struct world w = {0};
    assert_null(parse(&w, buf_text(&text)));
    assert_string_equal(buf_text(&w.said), "f.yml: larger than 1024 KiB\n");

    CLEANUP(buf_close) struct buf many = {0};
    buf_char(&many, '[');
    for (size_t i = 0; i < (size_t)5 * TREE_NODES_MAX; i++) {
        buf_str(&many, "x,");
    }
    buf_char(&many, ']');
    CLEANUP(world_close) struct world v = {0};
    assert_null(parse(&v, buf_text(&many)));
    assert_non_null(strstr(buf_text(&v.said), ": more than 10000 values\n"));
}

/* Each line before it is looked at once: if it were not, this would not end. */
static void test_a_mistake_after_many_lines(void **state)
{
    (void)state;
    CLEANUP(buf_close) struct buf text = {0};
    buf_str(&text, "a:\n  b: 1\n");
    while (text.size < TREE_BYTES_MAX - 16) {
        buf_str(&text, "#\n");
    }
    buf_str(&text, " c: 1\n");
    CLEANUP(world_close) struct world w = {0};
    assert_null(parse(&w, buf_text(&text)));
    assert_non_null(strstr(buf_text(&w.said),
                           "; this line is indented by 1 space, expected was 2 as on line 2, or 0 "
                           "as on line 1\n"));
}

static void test_a_file_that_can_not_be_read(void **state)
{
    (void)state;
    CLEANUP(world_close) struct world w = {0};
    assert_null(tree_parse_file(&w.tree, "/nonexistent/f.yml", &w.problems));
    assert_null(tree_parse_file(&w.tree, "/", &w.problems));
    problems_print(&w.problems, &w.said);
    assert_string_equal(buf_text(&w.said),
                        "/nonexistent/f.yml: can not be read: No such file or directory\n"
                        "/: can not be read: Is a directory\n");
}

/* --- Trees made of others --- */

static void test_overlay_merges_maps_and_replaces_the_rest(void **state)
{
    (void)state;
    CLEANUP(world_close) struct world w = {0};
    const struct tree_node *under = parse(&w, "a: {x: 1, y: 2}\nb: [1, 2]\nc: 1\nd: {z: 1}\n");
    const struct tree_node *over = parse(&w, "a: {y: 3, z: 4}\nb: [3]\nd: text\ne: 5\n");
    w.root = tree_overlay(&w.tree, under, over);
    assert_string_equal(text_at(&w, "a.x"), "1");
    assert_string_equal(text_at(&w, "a.y"), "3");
    assert_string_equal(text_at(&w, "a.z"), "4");
    assert_int_equal(tree_find(w.root, "b")->count, 1);
    assert_string_equal(text_at(&w, "c"), "1");
    assert_string_equal(text_at(&w, "d"), "text");
    assert_string_equal(text_at(&w, "e"), "5");
    assert_ptr_equal(tree_overlay(&w.tree, under, NULL), under);
    assert_ptr_equal(tree_overlay(&w.tree, NULL, over), over);
}

static void test_put_makes_the_way(void **state)
{
    (void)state;
    CLEANUP(world_close) struct world w = {0};
    const struct tree_node *before = parse(&w, "raft: {listen: a, site: fra}\nname: x\n");
    const struct tree_node *value = tree_scalar(&w.tree, "--listen", "b");
    w.root = tree_put(&w.tree, before, "raft.listen", value);
    w.root = tree_put(&w.tree, w.root, "log.level", value);
    w.root = tree_put(&w.tree, w.root, "name.first", value); /* a scalar gives way */
    assert_string_equal(text_at(&w, "raft.listen"), "b");
    assert_string_equal(text_at(&w, "raft.site"), "fra");
    assert_string_equal(text_at(&w, "log.level"), "b");
    assert_string_equal(text_at(&w, "name.first"), "b");
    assert_string_equal(tree_find(w.root, "raft.listen")->place.source, "--listen");
    assert_int_equal(tree_find(w.root, "raft.listen")->place.line, 0);
    w.root = before;
    assert_string_equal(text_at(&w, "raft.listen"), "a"); /* nodes do not change */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places_begin_at_one),
        cmocka_unit_test(test_nothing_is_an_empty_map),
        cmocka_unit_test(test_null_is_plain),
        cmocka_unit_test(test_aliases_and_merges),
        cmocka_unit_test(test_the_last_of_a_repeated_key_counts),
        cmocka_unit_test(test_every_mistake_has_its_place),
        cmocka_unit_test(test_depth_is_bounded),
        cmocka_unit_test(test_aliases_can_not_explode),
        cmocka_unit_test(test_merges_can_not_explode),
        cmocka_unit_test(test_size_and_number_are_bounded),
        cmocka_unit_test(test_a_mistake_after_many_lines),
        cmocka_unit_test(test_a_file_that_can_not_be_read),
        cmocka_unit_test(test_overlay_merges_maps_and_replaces_the_rest),
        cmocka_unit_test(test_put_makes_the_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
