"""tests/lint/test_csource.py - the reader of C that the other checks trust: what it takes for what."""
import csource


def words(text):
    return [token.text for token in csource.code(text)]


def functions(text):
    return [(f.name, f.first, f.last) for f in csource.functions(text)]


def test_comments_and_strings_are_one_token_each():
    text = 'a /* "no" \n // */ b // c \\\n still\n"d /* e */ \\" f" \'"\' g\n'
    assert words(text) == ["a", "b", '"d /* e */ \\" f"', "'\"'", "g"]
    assert [t.line for t in csource.code(text)] == [1, 2, 4, 4, 4]


def test_a_comment_without_its_end_swallows_the_rest():
    assert words("a /* b\nc") == ["a"]


def test_a_directive_ends_with_its_last_line():
    text = "#define A(x) \\\n    f(x)\nint a; # not one\n  # include <sys/x.h>\n"
    assert [(t.text, t.directive) for t in csource.code(text)][:4] == [
        ("#", 1), ("define", 1), ("A", 1), ("(", 1)]
    assert [t.directive for t in csource.code(text) if t.text in ("f", "int", "not")] == [1, 0, 0]
    assert csource.includes(text) == [csource.Include(4, "sys/x.h", False)]


def test_includes():
    text = '#include "a/b.h" /* x */\n/* #include "no.h" */\nconst char *s = "#include <no.h>";\n'
    assert csource.includes(text) == [csource.Include(1, "a/b.h", True)]


def test_functions_and_where_they_end():
    text = """struct s { int a; };
static const struct s table[COUNT(2)] = { {F(1)}, {2} };
static __attribute__((noinline)) int
first(void (*cb)(int))
{
    if (cb) { cb(1); }
    return 0;
}
int declared(int a);
LIST_OF(things)
static inline void second(void) PRINTS(1, 2) { }
enum { A = F(1), B };
static void (*third(int a))(int) {
}
extern "C" {
int fourth(void) {
}
}
"""
    assert functions(text) == [("first", 3, 8), ("second", 10, 11), ("third", 13, 14), ("fourth", 16, 17)]


def test_both_sides_of_an_if():
    text = """#if A
int f(int a) {
#else
int f(void) {
#endif
}
#ifdef B
int g(void) {
}
#elif C
int h(void) {

}
#endif
"""
    assert functions(text) == [("f", 2, 6), ("g", 8, 9), ("h", 11, 13)] or \
        functions(text) == [("f", 4, 6), ("g", 8, 9), ("h", 11, 13)]


def test_attributes_are_no_calls():
    kept = csource.without_attributes(csource.code("void *f(int a) __attribute__((malloc(free, 1), cold));"))
    assert [t.text for t in kept] == ["void", "*", "f", "(", "int", "a", ")", ";"]
