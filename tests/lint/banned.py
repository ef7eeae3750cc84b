"""tests/lint/banned.py - functions of C that nobody calls here, each with what to use instead.

Looks at calls and at names handed on as a value (CLEANUP(free)); a member, a comment or a string of
the same name is not meant."""
import csource
from tree import Problem

HEAP = "mem_alloc(), mem_grow(), mem_strdup(), mem_printf(), mem_free() of base/mem.h"
BANNED = {
    "strcpy": "snprintf(), or struct buf of base/buf.h",
    "strcat": "snprintf(), or struct buf of base/buf.h",
    "stpcpy": "snprintf(), or struct buf of base/buf.h",
    "sprintf": "snprintf(), or mem_printf() of base/mem.h",
    "vsprintf": "vsnprintf(), or struct buf of base/buf.h",
    "gets": "getline() or fgets()",
    "strtok": "strcspn(), or strtok_r()",
    "atoi": "strtol() with its end and errno checked",
    "atol": "strtol() with its end and errno checked",
    "atoll": "strtoll() with its end and errno checked",
    "atof": "strtod() with its end and errno checked",
    "sleep": "a timer of the loop with a deadline",
    "usleep": "a timer of the loop with a deadline",
    "system": "uv_spawn() with a list of arguments",
    "popen": "uv_spawn() with a list of arguments",
    "exit": "return the error to main()",
    "signal": "sigaction() or uv_signal_start()",
    "rand": "getrandom(), or the seeded generator that is handed in",
    "srand": "getrandom(), or the seeded generator that is handed in",
    "random": "getrandom(), or the seeded generator that is handed in",
    "srandom": "getrandom(), or the seeded generator that is handed in",
    "localtime": "localtime_r()",
    "gmtime": "gmtime_r()",
    "ctime": "gmtime_r() and strftime()",
    "asctime": "gmtime_r() and strftime()",
    "strerror": "err_errno() of base/err.h, or strerrordesc_np()",
    "strsignal": "sigdescr_np()",
    "gethostbyname": "uv_getaddrinfo()",
    "inet_ntoa": "inet_ntop()",
    "tmpnam": "mkstemp()",
    "mktemp": "mkstemp()",
    "alloca": "a buffer of fixed size, or " + HEAP,
    "assert": "MUST() of base/must.h: it stays on in every build",
    "getenv": "a setting: only a program's main.c and config.c read the environment",
    "secure_getenv": "a setting: only a program's main.c and config.c read the environment",
    **dict.fromkeys(("malloc", "calloc", "realloc", "reallocarray", "free", "strdup", "strndup",
                     "asprintf", "vasprintf"), HEAP),
}

# Where a name may be used all the same: a file, or a folder with its '/' at the end.
ALLOWED = {
    **dict.fromkeys(("malloc", "calloc", "realloc", "free", "strdup", "vasprintf"),
                    ("base/mem.c",)),
    **dict.fromkeys(("getenv", "secure_getenv"),
                    ("daemon/main.c", "daemon/config.c", "ctl/main.c", "ctl/config.c", "tests/",
                     "base/log.c")),  # the service manager's JOURNAL_STREAM
    "popen": ("tests/",),  # a test may ask a shell
}


def problems(tree):
    found = []
    for path, text in tree.of_language("c"):
        for token in uses(text):
            if not allowed(token.text, path):
                found.append(Problem(path, token.line, f"{token.text}() is banned",
                                     f"use {BANNED[token.text]}"))
    return found


def allowed(name, path):
    return any(path == place or (place.endswith("/") and path.startswith(place))
               for place in ALLOWED.get(name, ()))


def uses(text):
    """The tokens that use a banned function."""
    words = csource.without_attributes(csource.code(text))
    parameters = macro_parameters(text)
    found = [t for at, t in enumerate(words)
             if t.text in BANNED and t.text not in parameters.get(t.directive, ())
             and _is_use(words, at)]
    if any(t.text == "exit" for t in found):
        mains = [f for f in csource.functions(text) if f.name == "main"]
        found = [t for t in found
                 if t.text != "exit" or not any(f.first <= t.line <= f.last for f in mains)]
    return found


def macro_parameters(text):
    """{line of the #define: names}: inside, such a name is whatever the macro is given."""
    found = {}
    for words in csource.directives(text):
        said = [t.text for t in words]
        if said[:1] == ["define"] and said[2:3] == ["("] and ")" in said:
            found[words[0].directive] = set(said[3:said.index(")")])
    return found


def _is_use(words, at):
    before = words[at - 1].text if at else ""
    after = words[at + 1].text if at + 1 < len(words) else ""
    if words[at].kind != "word" or before in (".", "->"):
        return False
    if words[at].text == "signal" and _installs_no_handler(words[at + 1:]):
        return False
    handed_on = before in ("(", ",", "=", "&", ":", "?", "return") and after in (")", ",", ";", "}", ":")
    return after == "(" or handed_on


def _installs_no_handler(words):
    """(NUMBER, SIG_IGN) and (NUMBER, SIG_DFL) mean the same everywhere."""
    end = next((at for at, t in enumerate(words) if t.text == ")"), 0)
    return words[end - 2].text == "," and words[end - 1].text in ("SIG_IGN", "SIG_DFL")
