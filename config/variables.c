/* config/variables.c - names of variables. Only what looks like a setting is worth a word: an
 * orchestrator may set variables of its own, made of the name of a service. */
#include "config/variables.h"

#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/must.h"
#include "base/nearest.h"
#include "config/patroni.h"
#include "config/settings.h"
#include "config/unused.h"

#define OURS "PGRAFT_"
#define PATRONIS "PATRONI_"
#define WHOLE "CONFIGURATION"

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* --- Names that are known --- */

struct names {
    const char **at;
    size_t count;
    char (*texts)[SETTINGS_VARIABLE_MAX];
};

/* Without their prefix; all, or those that Patroni has too. */
static void names_open(struct names *names, bool patronis)
{
    names->at = mem_array(settings_count + 1, sizeof(*names->at));
    names->texts = mem_array(settings_count, sizeof(*names->texts));
    for (size_t i = 0; i < settings_count; i++) {
        if (settings[i].patroni || !patronis) {
            names->at[names->count++] = setting_variable(&settings[i], NULL, names->texts[i]);
        }
    }
    names->at[names->count++] = WHOLE;
}

static void names_close(struct names *names)
{
    mem_free(names->at);
    mem_free(names->texts);
}

static bool names_have(const struct names *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++) {
        if (strcmp(names->at[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* --- Patroni's own --- */

/* "ETCD3_HOSTS": of a section that is ignored in a file too. */
static bool is_of_store(const char *name)
{
    for (size_t i = 0; i < patroni_stores_count; i++) {
        size_t size = strlen(patroni_stores[i]);
        if (strncasecmp(name, patroni_stores[i], size) == 0 && name[size] == '_') {
            return true;
        }
    }
    return begins(name, "RAFT_");
}

/* The "_PASSWORD" or "_OPTIONS" of a user; NULL: it is another one's. */
static const char *user_tail(const char *name, size_t size)
{
    static const char *const tails[] = {"_PASSWORD", "_OPTIONS"};
    CLEANUP(names_close) struct names names = {0};
    CLEANUP(mem_freep) char *copy = mem_printf("%.*s", (int)size, name);
    names_open(&names, true);
    if (names_have(&names, copy) || is_of_store(copy)) {
        return NULL;
    }
    for (size_t i = 0; i < ARRAY_LEN(tails); i++) {
        size_t length = strlen(tails[i]);
        if (size > length && strcmp(copy + size - length, tails[i]) == 0) {
            return name + size - length;
        }
    }
    return NULL;
}

char *variables_user_path(const char *variable)
{
    if (!begins(variable, PATRONIS)) {
        return NULL;
    }
    const char *name = variable + strlen(PATRONIS);
    const char *tail = user_tail(name, strcspn(name, "="));
    if (tail == NULL || memchr(name, '.', (size_t)(tail - name)) != NULL) {
        return NULL;
    }
    return mem_printf("bootstrap.users.%.*s.%s", (int)(tail - name), name,
                      begins(tail, "_PASSWORD") ? "password" : "options");
}

/* --- What is told --- */

static void tell(struct problems *problems, enum problem_level level, const char *prefix,
                 const char *name, const char *guess)
{
    CLEANUP(mem_freep) char *full = mem_printf("%s%s", prefix, name);
    const struct tree_place place = {.source = full};
    problems_add(problems, level, &place, "unknown variable, ignored%s%s%s%s",
                 guess != NULL ? "; did you mean " : "", guess != NULL ? prefix : "",
                 guess != NULL ? guess : "", guess != NULL ? "?" : "");
}

/* The known name whose part before @tail comes near that of @name; NULL: it is somebody's name. */
static const char *meant_by_user(const struct names *names, const char *name, const char *tail)
{
    CLEANUP(mem_freep) char *user = mem_printf("%.*s", (int)(tail - name), name);
    const char *found = NULL;
    for (size_t i = 0; found == NULL && i < names->count; i++) {
        size_t size = strlen(names->at[i]);
        size_t length = strlen(tail);
        if (size <= length || strcmp(names->at[i] + size - length, tail) != 0) {
            continue;
        }
        CLEANUP(mem_freep) char *own = mem_printf("%.*s", (int)(size - length), names->at[i]);
        const char *const one[] = {own};
        found = nearest(user, one, 1) != NULL ? names->at[i] : NULL;
    }
    return found;
}

/* A password of ours, misspelt, would be the password of somebody new. */
static void check_user(const struct names *names, const char *name, const char *tail,
                       const struct tree_place *place, struct problems *problems)
{
    const char *meant = meant_by_user(names, name, tail);
    if (meant != NULL) {
        problems_add(problems, PROBLEM_WARNING, place,
                     "makes the user %.*s of bootstrap.users; did you mean " PATRONIS "%s?",
                     (int)(tail - name), name, meant);
    }
}

static void check_ours(const char *name, struct problems *problems)
{
    CLEANUP(names_close) struct names names = {0};
    names_open(&names, false);
    const char *guess = nearest(name, names.at, names.count);
    if (!names_have(&names, name) && (guess != NULL || begins(name, "RAFT_"))) {
        tell(problems, PROBLEM_WARNING, OURS, name, guess);
    }
}

static void check_patronis(const char *name, struct problems *problems)
{
    CLEANUP(mem_freep) char *full = mem_printf(PATRONIS "%s", name);
    const struct tree_place place = {.source = full};
    const struct unused_key *unused = unused_variable(name);
    CLEANUP(names_close) struct names names = {0};
    names_open(&names, true);
    if (unused != NULL && !names_have(&names, name)) {
        problems_add(problems, unused->is_missed ? PROBLEM_WARNING : PROBLEM_NOTE, &place,
                     "no effect: %s", unused->why);
    } else if (is_of_store(name)) {
        problems_add(problems, PROBLEM_NOTE, &place,
                     "ignored; the store is part of pgraft, see section raft");
    } else if (!names_have(&names, name)) {
        const char *tail = user_tail(name, strlen(name));
        const char *guess = tail == NULL ? nearest(name, names.at, names.count) : NULL;
        if (tail != NULL) {
            check_user(&names, name, tail, &place, problems);
        } else if (guess != NULL) {
            tell(problems, PROBLEM_WARNING, PATRONIS, name, guess);
        }
    }
}

void variables_check(const char *const *environment, struct problems *problems)
{
    for (size_t i = 0; environment != NULL && environment[i] != NULL; i++) {
        const char *variable = environment[i];
        bool ours = begins(variable, OURS);
        if (!ours && !begins(variable, PATRONIS)) {
            continue;
        }
        const char *name = variable + strlen(ours ? OURS : PATRONIS);
        CLEANUP(mem_freep) char *copy = mem_printf("%.*s", (int)strcspn(name, "="), name);
        if (ours) {
            check_ours(copy, problems);
        } else {
            check_patronis(copy, problems);
        }
    }
}
