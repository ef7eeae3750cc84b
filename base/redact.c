/* base/redact.c - names of secrets, and where the value behind one ends. */
#include "base/redact.h"

#include <string.h>
#include <strings.h>

#include "base/must.h"

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
}

/* ---- names ---- */

static bool has_word(const char *name, size_t size, const char *word)
{
    size_t length = strlen(word);
    for (size_t i = 0; i + length <= size; i++) {
        if (strncasecmp(name + i, word, length) == 0) {
            return true;
        }
    }
    return false;
}

static bool ends_with(const char *name, size_t size, const char *tail)
{
    size_t length = strlen(tail);
    return size >= length && strncasecmp(name + size - length, tail, length) == 0;
}

/* One of the words between "-", "_" and "." is this one. */
static bool has_part(const char *name, size_t size, const char *part)
{
    size_t length = strlen(part);
    for (size_t at = 0; at < size;) {
        size_t end = at;
        while (end < size && name[end] != '-' && name[end] != '_' && name[end] != '.') {
            end++;
        }
        if (end - at == length && strncasecmp(name + at, part, length) == 0) {
            return true;
        }
        at = end + 1;
    }
    return false;
}

bool redact_is_secret(const char *name, size_t size)
{
    static const char *const words[] = {"password",  "passwd",     "passphrase",    "secret",
                                        "token",     "credential", "authorization", "apikey",
                                        "accesskey", "privatekey", "sharedkey",     "accountkey"};
    static const char *const parts[] = {"pass", "pwd", "pw", "cookie", "signature", "key"};
    /* Of what is no value but says where or how. */
    static const char *const tails[] = {"file",        "files",    "path",       "dir",
                                        "_encryption", "_reload",  "-generate",  "_iterations",
                                        "key_type",    "key_size", "_retention", "no-password"};
    for (size_t i = 0; i < ARRAY_LEN(tails); i++) {
        if (ends_with(name, size, tails[i])) {
            return false;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (has_word(name, size, words[i])) {
            return true;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        bool is_it = has_part(name, size, parts[i]);
        bool is_plain = strcmp(parts[i], "key") == 0 && size == 3; /* a key of the store */
        if (is_it && !is_plain) {
            return true;
        }
    }
    return false;
}

/* ---- values ---- */

/* A quote, which may stand in a text that is quoted itself: \" . */
static size_t quote_at(const char *at, char *ret_quote)
{
    size_t escapes = strspn(at, "\\");
    bool is_quote = at[escapes] == '"' || at[escapes] == '\'';
    *ret_quote = is_quote ? at[escapes] : '\0';
    return is_quote ? escapes + 1 : 0;
}

/* Where what began behind a quote of @opening bytes ends, the closing one not counted. */
static size_t quoted_size(const char *at, char quote, size_t opening)
{
    size_t size = 0;
    while (at[size] != '\0') {
        size_t escapes = strspn(at + size, "\\");
        bool is_it = at[size + escapes] == quote;
        if (is_it && escapes == 0 && opening == 1 && quote == '\'' && at[size + 1] == quote) {
            size += 2; /* '' */
        } else if (is_it && escapes + 1 <= opening) {
            return size;
        } else {
            size += escapes + (at[size + escapes] != '\0' ? 1 : 0);
        }
    }
    return size;
}

enum ends { AT_A_SPACE, AT_THE_LINE };

/* A backslash takes the next one in, as in a connection string. */
static size_t bare_size(const char *at, enum ends ends)
{
    const char *stops = ends == AT_A_SPACE ? " \t\r\n" : "\r\n";
    size_t size = 0;
    while (at[size] != '\0' && strchr(stops, at[size]) == NULL) {
        size += at[size] == '\\' && at[size + 1] != '\0' ? 2 : 1;
    }
    return size;
}

/* Append the mask for the value at @at; returns where it ends. */
static const char *mask(const char *at, enum ends ends, struct buf *out)
{
    char quote = '\0';
    bool is_escape_string = (at[0] == 'E' || at[0] == 'e') && at[1] == '\'';
    at += is_escape_string ? 1 : 0;
    size_t opening = quote_at(at, &quote);
    if (opening == 0) {
        size_t size = bare_size(at, ends);
        buf_str(out, size > 0 ? REDACT_MASK : "");
        return at + size;
    }
    size_t size = quoted_size(at + opening, quote, opening);
    buf_append(out, at, opening);
    buf_str(out, size > 0 ? REDACT_MASK : "");
    return at + opening + size;
}

/* ---- what stands in a text ---- */

/* "password=x", "password: x", "\"password\": \"x\"", "--password x", "PASSWORD 'x'". At @at a word
 * of @size bytes begins; NULL: it has no value that has to go. */
static const char *named(const char *at, size_t size, struct buf *out)
{
    char quote = '\0';
    const char *end = at + size;
    const char *behind = end + quote_at(end, &quote);
    const char *sign = behind + strspn(behind, " \t");
    bool is_option = size > 2 && strncmp(at, "--", 2) == 0;
    if (!redact_is_secret(at, size)) {
        return NULL;
    }
    if (*sign == '=' || *sign == ':') {
        const char *value = sign + 1 + strspn(sign + 1, " \t");
        bool is_url = strncmp(sign, "://", 3) == 0;
        enum ends ends = *sign == ':' && value > sign + 1 ? AT_THE_LINE : AT_A_SPACE;
        buf_append(out, at, (size_t)(value - at));
        return is_url ? value : mask(value, ends, out);
    }
    char opens = '\0';
    bool is_sql = sign > end && (quote_at(sign, &opens) > 0 ||
                                 ((*sign == 'E' || *sign == 'e') && sign[1] == '\''));
    if (sign > end && *sign != '\0' && *sign != '\n' && (is_option || is_sql)) {
        buf_append(out, at, (size_t)(sign - at));
        return mask(sign, AT_A_SPACE, out);
    }
    return NULL;
}

/* "://user:password@host". What stands where a port belongs and is none is a password, too, whose
 * end was cut off. */
static const char *of_url(const char *at, struct buf *out)
{
    const char *end = at + 3 + strcspn(at + 3, "/ \t\r\n\"'<>?");
    const char *host = NULL;
    for (const char *c = at + 3; c < end; c++) {
        host = *c == '@' ? c : host;
    }
    const char *from = host != NULL ? host : at + 3;
    bool is_none = false;
    for (const char *c = from; c < end && memchr(from, '[', (size_t)(end - from)) == NULL; c++) {
        const char *behind = c + 1 + strspn(c + 1, "0123456789");
        is_none = is_none || (*c == ':' && behind < end && *behind != ',');
    }
    const char *colon = is_none ? at + 2 + strcspn(at + 2, ":") : NULL;
    if (!is_none && host != NULL) {
        colon = memchr(at + 3, ':', (size_t)(host - at - 3));
    }
    if (colon == NULL) {
        return NULL;
    }
    buf_append(out, at, (size_t)(colon + 1 - at));
    buf_str(out, REDACT_MASK);
    return is_none ? end : host;
}

/* "-----BEGIN PRIVATE KEY-----" and what follows, in lines or in one. */
static const char *of_pem(const char *at, struct buf *out)
{
    static const char begins[] = "-----BEGIN ";
    static const char ends[] = "-----END ";
    size_t size = strlen(begins);
    if (strncmp(at, begins, size) != 0) {
        return NULL;
    }
    const char *dash = strchr(at + size, '-');
    size_t title = dash != NULL ? (size_t)(dash - (at + size)) : strlen(at + size);
    if (!has_word(at + size, title, "PRIVATE KEY")) {
        return NULL;
    }
    const char *end = strstr(at, ends);
    buf_append(out, at, size + title);
    buf_str(out, "-----" REDACT_MASK);
    return end != NULL ? end : at + strlen(at);
}

/* What a server keeps of a password, and what follows "Bearer" or "Basic". */
static const char *of_looks(const char *at, struct buf *out)
{
    static const char *const marks[] = {"SCRAM-SHA-256$", "Bearer ", "Basic "};
    for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
        size_t size = strlen(marks[i]);
        if (strncasecmp(at, marks[i], size) == 0 && is_word(at[size])) {
            buf_append(out, at, size);
            buf_str(out, REDACT_MASK);
            return at + size + strcspn(at + size, " \t\r\n\"'`,;)\\");
        }
    }
    bool is_md5 =
        strncmp(at, "md5", 3) == 0 && strspn(at + 3, "0123456789abcdef") == 32 && !is_word(at[35]);
    if (is_md5) {
        buf_str(out, "md5" REDACT_MASK);
        return at + 35;
    }
    return NULL;
}

void redact_text(const char *text, struct buf *out)
{
    for (const char *at = text; *at != '\0';) {
        const char *next = of_pem(at, out);
        next = next != NULL || strncmp(at, "://", 3) != 0 ? next : of_url(at, out);
        if (next == NULL && (at == text || !is_word(at[-1]))) {
            size_t size = 0;
            while (is_word(at[size])) {
                size++;
            }
            next = of_looks(at, out);
            next = next != NULL || size == 0 ? next : named(at, size, out);
        }
        if (next == NULL) {
            buf_char(out, *at);
            next = at + 1;
        }
        at = next;
    }
}
