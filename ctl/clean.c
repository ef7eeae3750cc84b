/* ctl/clean.c - known values first, then what is called a secret. */
#include "ctl/clean.h"

#include <string.h>

#include "base/base64.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/must.h"
#include "base/redact.h"
#include "config/settings.h"
#include "ctl/file_put.h"

#define SECRET_FILE_MAX 4096

/* ---- what is known ---- */

static void add(struct clean *clean, const char *text, size_t size)
{
    if (size < CLEAN_SECRET_MIN) {
        return;
    }
    clean->at = mem_grow(clean->at, clean->count + 1, sizeof(*clean->at));
    clean->at[clean->count++] =
        (struct clean_secret){.text = mem_printf("%.*s", (int)size, text), .size = size};
}

/* With each of @marks twice, or behind a backslash. */
static void add_quoted(struct clean *clean, const char *secret, const char *marks, char before)
{
    CLEANUP(buf_wipe) struct buf quoted = {0};
    for (const char *at = secret; *at != '\0'; at++) {
        if (strchr(marks, *at) != NULL) {
            buf_char(&quoted, before != '\0' ? before : *at);
        }
        buf_char(&quoted, *at);
    }
    if (quoted.size != strlen(secret)) {
        add(clean, buf_text(&quoted), quoted.size);
    }
}

void clean_learn(struct clean *clean, const char *secret)
{
    if (strlen(secret) < CLEAN_SECRET_MIN) {
        return;
    }
    add_quoted(clean, secret, "\"\\", '\\');
    add_quoted(clean, secret, "'\\", '\\');
    add_quoted(clean, secret, "'", '\0');
    add(clean, secret, strlen(secret));
}

static void learn(struct clean *clean, const struct secret *secret)
{
    if (secret_is_set(secret)) {
        clean_learn(clean, secret_reveal(secret));
    }
}

/* As HTTP carries it. */
static void learn_login(struct clean *clean, const struct config_login *login)
{
    CLEANUP(buf_wipe) struct buf both = {0};
    CLEANUP(buf_wipe) struct buf code = {0};
    if (login->username == NULL || !secret_is_set(&login->password)) {
        return;
    }
    buf_printf(&both, "%s:%s", login->username, secret_reveal(&login->password));
    base64_encode(&code, buf_text(&both), both.size);
    clean_learn(clean, buf_text(&code));
}

/* What peers share: a line of a file that nobody else may read. */
static void learn_file(struct clean *clean, const char *path)
{
    CLEANUP(buf_wipe) struct buf text = {0};
    if (path == NULL || file_get(path, SECRET_FILE_MAX, &text, NULL) != 0 || text.size == 0) {
        return; /* who can not read it can not tell it either */
    }
    text.bytes[strcspn(text.bytes, "\r\n")] = '\0';
    clean_learn(clean, text.bytes);
}

void clean_learn_config(struct clean *clean, const struct config *config)
{
    for (size_t i = 0; i < settings_count; i++) {
        if (settings[i].kind == SETTING_SECRET) {
            learn(clean, setting_value(&settings[i], config));
        }
    }
    for (size_t i = 0; i < config->bootstrap.users.count; i++) {
        learn(clean, &config->bootstrap.users.at[i].password);
    }
    learn_login(clean, &config->restapi.authentication);
    learn_login(clean, &config->ctl.authentication);
    learn_file(clean, config->raft.secret_file);
}

void clean_learn_environment(struct clean *clean, const char *const *environment)
{
    for (size_t i = 0; environment[i] != NULL; i++) {
        size_t size = strcspn(environment[i], "=");
        if (environment[i][size] == '=' && redact_is_secret(environment[i], size)) {
            clean_learn(clean, environment[i] + size + 1);
        }
    }
}

void clean_close(struct clean *clean)
{
    for (size_t i = 0; i < clean->count; i++) {
        explicit_bzero(clean->at[i].text, clean->at[i].size);
        mem_free(clean->at[i].text);
    }
    mem_free(clean->at);
    *clean = (struct clean){.count = 0};
}

/* ---- cleaning ---- */

/* The longest that begins here; 0: none. */
static size_t known_at(const struct clean *clean, const char *at)
{
    size_t longest = 0;
    for (size_t i = 0; i < clean->count; i++) {
        const struct clean_secret *s = &clean->at[i];
        bool is_it = s->size > longest && strncmp(at, s->text, s->size) == 0;
        longest = is_it ? s->size : longest;
    }
    return longest;
}

void clean_text(const struct clean *clean, const char *text, struct buf *out)
{
    CLEANUP(buf_close) struct buf known = {0};
    while (*text != '\0') {
        size_t size = known_at(clean, text);
        if (size > 0) {
            buf_str(&known, REDACT_MASK);
            text += size;
        } else {
            buf_char(&known, *text++);
        }
    }
    redact_text(buf_text(&known), out);
}

/* What stands under the name of a secret: nothing of it is shown, however deep. */
/* NOLINTNEXTLINE(misc-no-recursion) as deep as the value, which jansson bounds */
static json_t *masked(json_t *value)
{
    const char *key = NULL;
    json_t *member = NULL;
    json_t *out = NULL;
    if (json_is_object(value)) {
        out = json_object();
        json_object_foreach(value, key, member)
        {
            int rc = json_object_set_new(out, key, masked(member));
            MUST(rc == 0);
        }
    } else if (json_is_array(value)) {
        out = json_array();
        for (size_t i = 0; i < json_array_size(value); i++) {
            int rc = json_array_append_new(out, masked(json_array_get(value, i)));
            MUST(rc == 0);
        }
    } else if (json_is_string(value) || json_is_number(value)) {
        return json_string(json_is_string(value) && json_string_length(value) == 0 ? ""
                                                                                   : REDACT_MASK);
    } else {
        return json_incref(value);
    }
    return out;
}

/* "--password", whose value is the next word of a list. */
static bool is_option(json_t *word)
{
    const char *text = json_is_string(word) ? json_string_value(word) : "";
    return text[0] == '-' && strchr(text, '=') == NULL && strchr(text, ' ') == NULL &&
           redact_is_secret(text, strlen(text));
}

static json_t *clean_string(const struct clean *clean, const char *text)
{
    CLEANUP(buf_close) struct buf out = {0};
    clean_text(clean, text, &out);
    json_t *made = json_string(buf_text(&out));
    return made != NULL ? made : json_string(REDACT_MASK); /* no UTF-8 any more */
}

/* NOLINTNEXTLINE(misc-no-recursion) as above */
static json_t *clean_list(const struct clean *clean, json_t *list)
{
    json_t *out = json_array();
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *value = json_array_get(list, i);
        bool hides = i > 0 && is_option(json_array_get(list, i - 1));
        int rc = json_array_append_new(out, hides ? masked(value) : clean_json(clean, value));
        MUST(rc == 0);
    }
    return out;
}

/* A setting that is called a secret: {"name": "sslpassword", "value": ...}. */
static bool names_a_secret(json_t *object)
{
    const char *name = json_string_value(json_object_get(object, "name"));
    return name != NULL && json_object_get(object, "value") != NULL &&
           redact_is_secret(name, strlen(name));
}

/* NOLINTNEXTLINE(misc-no-recursion) as above */
json_t *clean_json(const struct clean *clean, json_t *value)
{
    const char *key = NULL;
    json_t *member = NULL;
    if (json_is_string(value)) {
        return clean_string(clean, json_string_value(value));
    }
    if (json_is_array(value)) {
        return clean_list(clean, value);
    }
    if (!json_is_object(value)) {
        return json_incref(value);
    }
    bool is_named = names_a_secret(value);
    json_t *out = json_object();
    json_object_foreach(value, key, member)
    {
        CLEANUP(buf_close) struct buf name = {0};
        bool hides = redact_is_secret(key, strlen(key)) ||
                     (is_named && (strcmp(key, "value") == 0 || strcmp(key, "running") == 0 ||
                                   strcmp(key, "layers") == 0));
        clean_text(clean, key, &name);
        int rc = json_object_set_new(out, buf_text(&name),
                                     hides ? masked(member) : clean_json(clean, member));
        MUST(rc == 0);
    }
    return out;
}
