/* supervisor/autostart_text.c - as postgresql-common, PostgreSQL and systemd read their files. */
#include "supervisor/autostart_text.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/must.h"

#define BLANKS " \t\r\f\v"

/* ---- start.conf ---- */

/* The first line that has a word decides; what follows the word does not count. */
enum start_word start_word_of(const char *text)
{
    static const struct {
        const char *word;
        enum start_word is;
    } rows[] = {{"auto", START_AUTO}, {"manual", START_MANUAL}, {"disabled", START_DISABLED}};
    while (*text != '\0') {
        text += strspn(text, BLANKS);
        if (*text != '\0' && *text != '#' && *text != '\n') {
            break;
        }
        text += strcspn(text, "\n");
        text += *text == '\n' ? 1 : 0;
    }
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (strncmp(text, rows[i].word, strlen(rows[i].word)) == 0) {
            return rows[i].is;
        }
    }
    return START_UNKNOWN;
}

/* ---- postgresql.conf ---- */

/* @size bytes of @from as text; false: there is no room. */
static bool put(char *out, size_t room, const char *from, size_t size)
{
    if (size >= room) {
        return false;
    }
    memcpy(out, from, size);
    out[size] = '\0';
    return true;
}

/* 'it''s' or 'it\'s', at the first quote. */
static bool take_quoted(const char *at, char *out, size_t room)
{
    size_t size = 0;
    for (at++; *at != '\0' && *at != '\n'; at++) {
        if (at[0] == '\'' && at[1] != '\'') {
            out[size] = '\0';
            return true;
        }
        if ((at[0] == '\'' || at[0] == '\\') && at[1] != '\0') {
            at++;
        }
        if (size + 1 >= room) {
            return false;
        }
        out[size++] = *at;
    }
    return false; /* it has no end */
}

/* name = value, name value, 'name' in any case. */
static bool take_setting(const char *line, struct conf_setting *s)
{
    size_t size = 0;
    while (isalnum((unsigned char)line[size]) || line[size] == '_' || line[size] == '.') {
        size++;
    }
    if (size == 0 || !put(s->name, sizeof(s->name), line, size)) {
        return false;
    }
    const char *at = line + size;
    at += strspn(at, BLANKS);
    if (*at == '=') {
        at++;
        at += strspn(at, BLANKS);
    }
    return *at == '\'' ? take_quoted(at, s->value, sizeof(s->value))
                       : put(s->value, sizeof(s->value), at, strcspn(at, "#\n" BLANKS));
}

bool conf_next(const char **at, struct conf_setting *ret_setting)
{
    while (**at != '\0') {
        const char *line = *at + strspn(*at, BLANKS);
        *at = line + strcspn(line, "\n");
        *at += **at == '\n' ? 1 : 0;
        if (take_setting(line, ret_setting)) {
            return true;
        }
    }
    return false;
}

/* ---- units ---- */

/* One character of an assignment, with what stands for a specifier. Returns where it goes on. */
static const char *put_char(const char *at, const char *instance, struct buf *out)
{
    if (at[0] == '%' && (at[1] == 'i' || at[1] == 'I')) {
        buf_str(out, instance);
        return at + 2;
    }
    buf_char(out, *at);
    return at + (at[0] == '%' && at[1] == '%' ? 2 : 1);
}

/* The next of several "NAME=value", bare or in quotes, to @out. NULL: there is none left. */
static const char *take_assignment(const char *at, const char *instance, struct buf *out)
{
    char quote = '\0';
    at += strspn(at, BLANKS);
    if (*at == '\0' || *at == '\n') {
        return NULL;
    }
    while (*at != '\0' && *at != '\n' && (quote != '\0' || strchr(BLANKS, *at) == NULL)) {
        if (quote != '\0' ? *at == quote : *at == '"' || *at == '\'') {
            quote = quote != '\0' ? '\0' : *at;
            at++;
            continue;
        }
        at = put_char(at, instance, out);
    }
    return at;
}

static void take_environment(const char *at, const char *name, const char *instance,
                             struct buf *value)
{
    size_t size = strlen(name);
    if (at[strspn(at, BLANKS)] == '\n' || at[strspn(at, BLANKS)] == '\0') {
        buf_clear(value); /* "Environment=" takes back what was said before */
        return;
    }
    struct buf one = {0};
    for (at = take_assignment(at, instance, &one); at != NULL;
         at = take_assignment(at, instance, &one)) {
        const char *text = buf_text(&one);
        if (strncmp(text, name, size) == 0 && text[size] == '=') {
            buf_clear(value);
            buf_str(value, text + size + 1);
        }
        buf_clear(&one);
    }
    buf_close(&one);
}

void unit_environment(const char *text, const char *name, const char *instance, struct buf *value)
{
    static const char key[] = "Environment";
    struct buf whole = {0};
    for (const char *at = text; *at != '\0';) { /* a backslash at its end continues a line */
        bool goes_on = at[0] == '\\' && at[1] == '\n';
        buf_char(&whole, goes_on ? ' ' : *at);
        at += goes_on ? 2 : 1;
    }
    const char *at = buf_text(&whole);
    while (*at != '\0') {
        at += strspn(at, BLANKS);
        if (strncmp(at, key, sizeof(key) - 1) == 0) {
            at += sizeof(key) - 1;
            at += strspn(at, BLANKS);
            if (*at == '=') {
                take_environment(at + 1, name, instance, value);
            }
        }
        at += strcspn(at, "\n");
        at += *at == '\n' ? 1 : 0;
    }
    buf_close(&whole);
}
