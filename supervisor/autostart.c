/* supervisor/autostart.c - the places where Debian, Red Hat and systemd keep what starts a
 * PostgreSQL.
 *
 * Debian: /etc/postgresql/VERSION/CLUSTER has postgresql.conf with the data directory, and
 * start.conf; without one it is "auto". A unit postgresql@VERSION-CLUSTER that somebody has enabled
 * starts "manual" ones as well. Red Hat: a unit postgresql*.service that is enabled, whose PGDATA
 * is the data directory. */
#include "supervisor/autostart.h"

#include <dirent.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/must.h"
#include "supervisor/autostart_text.h"
#include "supervisor/pg_file.h"

#define CLUSTERS "/etc/postgresql"
#define UNITS "/etc/systemd/system"
#define FILES_MAX 64 /* of one configuration */

struct search {
    const char *root;
    const char *data_dir;
    struct buf *out;
};

/* ---- directories ---- */

struct names {
    struct dirent **at;
    int count; /* -1: it can not be read, or is not there */
};

static int is_shown(const struct dirent *entry)
{
    return entry->d_name[0] != '.' ? 1 : 0;
}

static struct names names_in(const char *folder)
{
    struct names names = {.at = NULL};
    names.count = scandir(folder, &names.at, is_shown, alphasort);
    return names;
}

static void names_close(struct names *names)
{
    for (int i = 0; i < names->count; i++) {
        mem_free(names->at[i]);
    }
    mem_free(names->at);
}

/* The same by its name, or by another name for it. */
static bool is_ours(const struct search *s, const char *path)
{
    struct stat here;
    struct stat there;
    size_t size = strlen(s->data_dir);
    size_t other = strlen(path);
    while (size > 1 && s->data_dir[size - 1] == '/') {
        size--;
    }
    while (other > 1 && path[other - 1] == '/') {
        other--;
    }
    return (size == other && memcmp(path, s->data_dir, size) == 0) ||
           (other > 0 && stat(s->data_dir, &here) == 0 && stat(path, &there) == 0 &&
            here.st_dev == there.st_dev && here.st_ino == there.st_ino);
}

/* ---- postgresql.conf ---- */

/* Files that are being read: the last one goes first, and then who includes it goes on. */
struct reading {
    struct {
        char *path;
        struct buf text;
        const char *at;
    } open[FILES_MAX];
    size_t count;
    size_t begun; /* more than that is a circle */
};

static void begin_file(struct reading *r, const char *path)
{
    struct buf text = {0};
    if (r->begun >= FILES_MAX || pg_file_read(path, &text, NULL) != 0) {
        buf_close(&text);
        return;
    }
    r->begun++;
    r->open[r->count].path = mem_strdup(path);
    r->open[r->count].text = text;
    r->open[r->count].at = buf_text(&text);
    r->count++;
}

static void end_file(struct reading *r)
{
    MUST(r->count > 0);
    r->count--;
    mem_free(r->open[r->count].path);
    buf_close(&r->open[r->count].text);
}

/* The first by name is the first that is read. */
static void begin_folder(struct reading *r, const char *folder)
{
    CLEANUP(names_close) struct names names = names_in(folder);
    for (int i = names.count - 1; i >= 0; i--) {
        if (fnmatch("*.conf", names.at[i]->d_name, 0) == 0) {
            CLEANUP(mem_freep) char *path = mem_printf("%s/%s", folder, names.at[i]->d_name);
            begin_file(r, path);
        }
    }
}

static void take_setting(struct reading *r, const struct conf_setting *setting,
                         struct buf *data_dir)
{
    const char *file = r->open[r->count - 1].path;
    const char *value = setting->value;
    const char *slash = strrchr(file, '/');
    MUST(slash != NULL);
    CLEANUP(mem_freep)
    char *other = value[0] == '/' ? mem_strdup(value)
                                  : mem_printf("%.*s/%s", (int)(slash - file), file, value);
    if (strcasecmp(setting->name, "data_directory") == 0) {
        buf_clear(data_dir);
        buf_str(data_dir, value);
    } else if (strcasecmp(setting->name, "include_dir") == 0) {
        begin_folder(r, other);
    } else if (strcasecmp(setting->name, "include") == 0 ||
               strcasecmp(setting->name, "include_if_exists") == 0) {
        begin_file(r, other);
    }
}

/* The last data_directory of a postgresql.conf, and of what it includes, to @data_dir. */
static void read_conf(const char *path, struct buf *data_dir)
{
    struct reading r = {.count = 0};
    begin_file(&r, path);
    while (r.count > 0) {
        struct conf_setting setting;
        if (conf_next(&r.open[r.count - 1].at, &setting)) {
            take_setting(&r, &setting, data_dir);
        } else {
            end_file(&r);
        }
    }
}

/* ---- units that are enabled ---- */

/* The folder UNITS/X.wants or X.requires that holds @unit, or NULL. */
static char *enabled_by(const struct search *s, const char *unit)
{
    CLEANUP(mem_freep) char *units = mem_printf("%s" UNITS, s->root);
    CLEANUP(names_close) struct names names = names_in(units);
    for (int i = 0; i < names.count; i++) {
        const char *name = names.at[i]->d_name;
        struct stat st;
        if (fnmatch("*.wants", name, 0) != 0 && fnmatch("*.requires", name, 0) != 0) {
            continue;
        }
        CLEANUP(mem_freep) char *path = mem_printf("%s/%s/%s", units, name, unit);
        if (lstat(path, &st) == 0) {
            return TAKE(path);
        }
    }
    return NULL;
}

static bool tell_unit(const struct search *s, const char *unit)
{
    CLEANUP(mem_freep) char *path = enabled_by(s, unit);
    if (path != NULL) {
        buf_printf(s->out, "the distribution starts it at boot, by %s: systemctl disable %s", path,
                   unit);
    }
    return path != NULL;
}

/* ---- Debian ---- */

static bool look_at_cluster(const struct search *s, const char *version, const char *cluster)
{
    CLEANUP(buf_close) struct buf data_dir = {0};
    CLEANUP(buf_close) struct buf text = {0};
    CLEANUP(mem_freep)
    char *conf = mem_printf("%s" CLUSTERS "/%s/%s/postgresql.conf", s->root, version, cluster);
    CLEANUP(mem_freep)
    char *start = mem_printf("%s" CLUSTERS "/%s/%s/start.conf", s->root, version, cluster);
    CLEANUP(mem_freep) char *unit = mem_printf("postgresql@%s-%s.service", version, cluster);
    read_conf(conf, &data_dir);
    if (!is_ours(s, buf_text(&data_dir))) {
        return false;
    }
    int code = pg_file_read(start, &text, NULL);
    enum start_word word = start_word_of(buf_text(&text));
    if (word == START_AUTO || code == ERR_NOT_FOUND) {
        buf_printf(s->out, "the distribution starts it at boot: %s %s; write manual or disabled %s",
                   start, code == 0 ? "says auto" : "is not there, which means auto",
                   code == 0 ? "instead" : "there");
        return true;
    }
    return word != START_DISABLED && tell_unit(s, unit);
}

static bool look_at_clusters(const struct search *s)
{
    CLEANUP(mem_freep) char *all = mem_printf("%s" CLUSTERS, s->root);
    CLEANUP(names_close) struct names versions = names_in(all);
    for (int i = 0; i < versions.count; i++) {
        const char *version = versions.at[i]->d_name;
        CLEANUP(mem_freep) char *folder = mem_printf("%s/%s", all, version);
        CLEANUP(names_close) struct names clusters = names_in(folder);
        for (int j = 0; j < clusters.count; j++) {
            if (look_at_cluster(s, version, clusters.at[j]->d_name)) {
                return true;
            }
        }
    }
    return false;
}

/* ---- Red Hat ---- */

/* Where systemd looks for a unit, the first place wins; drop-ins of all places count. */
static const char *const places[] = {UNITS, "/usr/lib/systemd/system", "/lib/systemd/system"};

static void read_unit(const struct search *s, const char *name, const char *instance,
                      struct buf *value)
{
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        CLEANUP(buf_close) struct buf text = {0};
        CLEANUP(mem_freep) char *path = mem_printf("%s%s/%s", s->root, places[i], name);
        int code = pg_file_read(path, &text, NULL);
        unit_environment(buf_text(&text), "PGDATA", instance, value);
        if (code != ERR_NOT_FOUND) {
            return; /* also a masked one, which is a link to /dev/null */
        }
    }
}

static void read_drop_ins(const struct search *s, const char *name, const char *instance,
                          struct buf *value)
{
    for (size_t i = ARRAY_LEN(places); i > 0; i--) {
        CLEANUP(mem_freep) char *folder = mem_printf("%s%s/%s.d", s->root, places[i - 1], name);
        CLEANUP(names_close) struct names names = names_in(folder);
        for (int j = 0; j < names.count; j++) {
            CLEANUP(buf_close) struct buf text = {0};
            CLEANUP(mem_freep) char *path = mem_printf("%s/%s", folder, names.at[j]->d_name);
            if (fnmatch("*.conf", names.at[j]->d_name, 0) == 0 &&
                pg_file_read(path, &text, NULL) == 0) {
                unit_environment(buf_text(&text), "PGDATA", instance, value);
            }
        }
    }
}

/* The PGDATA of "postgresql-15.service", or "postgresql@other.service" out of its template. */
static bool look_at_unit(const struct search *s, const char *unit)
{
    CLEANUP(buf_close) struct buf value = {0};
    const char *at = strchr(unit, '@');
    const char *tail = strrchr(unit, '.');
    size_t head = at != NULL ? (size_t)(at - unit) : 0;
    CLEANUP(mem_freep)
    char *instance = at != NULL ? mem_printf("%.*s", (int)(tail - at - 1), at + 1) : mem_strdup("");
    CLEANUP(mem_freep)
    char *name = at != NULL ? mem_printf("%.*s@%s", (int)head, unit, tail) : mem_strdup(unit);
    read_unit(s, name, instance, &value);
    read_drop_ins(s, name, instance, &value);
    if (at != NULL) {
        read_drop_ins(s, unit, instance, &value);
    }
    return value.size > 0 && is_ours(s, buf_text(&value)) && tell_unit(s, unit);
}

static bool look_at_units(const struct search *s)
{
    CLEANUP(mem_freep) char *units = mem_printf("%s" UNITS, s->root);
    CLEANUP(names_close) struct names folders = names_in(units);
    for (int i = 0; i < folders.count; i++) {
        const char *folder = folders.at[i]->d_name;
        CLEANUP(mem_freep) char *path = mem_printf("%s/%s", units, folder);
        if (fnmatch("*.wants", folder, 0) != 0 && fnmatch("*.requires", folder, 0) != 0) {
            continue;
        }
        CLEANUP(names_close) struct names names = names_in(path);
        for (int j = 0; j < names.count; j++) {
            if (fnmatch("postgresql*.service", names.at[j]->d_name, 0) == 0 &&
                look_at_unit(s, names.at[j]->d_name)) {
                return true;
            }
        }
    }
    return false;
}

bool autostart_find(const char *root, const char *data_dir, struct buf *out)
{
    const struct search search = {
        .root = root != NULL ? root : "", .data_dir = data_dir, .out = out};
    return look_at_clusters(&search) || look_at_units(&search);
}
