"""tests/lint/test_banned.py - no banned function in the tree; each is caught with its replacement, and
what only looks like one is left alone."""
import pytest

import banned


def found_in(plant, text, path="daemon/x.c"):
    return banned.problems(plant({path: text}))


def test_the_tree(real, clean):
    clean(banned.problems(real))


@pytest.mark.parametrize("name", sorted(banned.BANNED))
def test_a_call_is_caught_and_the_replacement_named(plant, name):
    found = found_in(plant, f"/* x */\nint f(void)\n{{\n    return {name} (1);\n}}\n", "base/x.c")
    assert [str(p) for p in found] == [
        f"base/x.c:4: {name}() is banned; use {banned.BANNED[name]}"]


@pytest.mark.parametrize("text", [
    "CLEANUP(free) char *a = b();", "hooks_set(&h, malloc, g);", "static struct h h = {.free_it = free};",
    "#define COPY(a, b) strcpy(a, b)\n", "int f(void) { exit(1); }\nint main(void) { return f(); }",
    "void f(void) { signal(SIGUSR1, on_signal); }", "void f(void) { x->y = atoi(p->sleep); }"])
def test_caught(plant, text):
    assert len(found_in(plant, text)) == 1


@pytest.mark.parametrize("text", [
    "/* strcpy(a, b) */ // system(a)\nconst char *a = \"sprintf(x)\"; char b = 'x';",
    "void f(struct q *q) { q->free(q); q->ops.system(1); }",
    "struct q { void (*free)(void *); int sleep; };", "static struct q q = {.free = q_free};",
    "int f(int exit, const char *system) { return exit + g(1); }",
    "#include <signal.h>\n#include <assert.h>\n",
    "void f(void) { assert_true(a); my_free(a); strcpy_s(a); nanosleep(&t, 0); _exit(1); }",
    "static_assert(1, \"\"); _Static_assert(1, \"\");",
    "void *f(void) __attribute__((malloc(mem_free, 1), assert(x)));",
    "int main(void) { exit(1); }",
    "void f(void) { (void)signal(SIGPIPE, SIG_IGN); signal(SIGTERM, SIG_DFL); }",
    "#define X(code, exit, text) {code, exit, text}\n"])
def test_near_misses(plant, text):
    assert found_in(plant, text) == []


@pytest.mark.parametrize("name, path, fine", [
    ("malloc", "base/mem.c", True), ("malloc", "base/buf.c", False), ("strcpy", "base/mem.c", False),
    ("free", "tests/unit/test_a.c", False), ("getenv", "daemon/main.c", True),
    ("getenv", "daemon/http.c", False), ("getenv", "tests/unit/test_a.c", True),
    ("getenv", "supervisor/main.c", False), ("popen", "tests/unit/test_a.c", True)])
def test_where_a_name_is_allowed(plant, name, path, fine):
    assert (found_in(plant, f"void f(void) {{ {name}(1); }}", path) == []) == fine
