/* supervisor/act_config.c - the files by which PostgreSQL runs, and who reads them again. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/must.h"
#include "supervisor/act_parts.h"
#include "supervisor/first_data.h"
#include "supervisor/pg_file.h"
#include "supervisor/pg_note.h"
#include "supervisor/probe.h"

#define UPSTREAM_WORD_SIZE (FACTS_NAME_SIZE + 32)

/* ---- whom to follow ---- */

const struct pg_setup_role *act_role(const struct act_order *o)
{
    return o->config.is_primary ? &o->setup->primary
           : o->leads           ? &o->setup->leader
                                : &o->setup->standby;
}

const char *act_session_attrs(const struct act_upstream *upstream)
{
    return strchr(upstream->host, ',') != NULL ? "read-write" : NULL;
}

/* Another cluster has members of its own, whose names count for its commits: the leader of a
 * standby cluster goes there by the name of the whole of it. */
void act_conninfo(const struct act_order *o, const struct act_upstream *upstream, struct buf *out)
{
    char word[UPSTREAM_WORD_SIZE];
    CLEANUP(mem_freep) char *all = mem_printf("standby_cluster_%s", o->setup->scope);
    bool is_remote = name_is(&upstream->name, &o->setup->settings.remote);
    const struct pg_conninfo conninfo = {
        .major = o->home.major,
        .host = upstream->host,
        .port = upstream->port,
        .application_name = is_remote ? all : o->setup->name,
        .passfile = o->setup->passfile,
        .login = &o->setup->replication,
        .krbsrvname = o->setup->krbsrvname,
        .target_session_attrs = act_session_attrs(upstream),
    };
    pg_conninfo_print(&conninfo, out);
    if (probe_upstream_word(&upstream->name, upstream->epoch, word, sizeof(word))) {
        buf_printf(out, " fallback_application_name=%s", word);
    }
}

void act_environment(const struct act_order *o, char *out[ACT_VARIABLES_MAX])
{
    static const char *const names[] = {"PATH=", "HOME=", "LANG=", "LC_ALL=", "TZ=", "TMPDIR="};
    char *const *all = o->setup->environment;
    size_t count = 0;
    _Static_assert(ARRAY_LEN(names) < ACT_VARIABLES_MAX, "each, and the end");
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        for (size_t k = 0; all != NULL && all[k] != NULL; k++) {
            if (strncmp(all[k], names[i], strlen(names[i])) == 0) {
                out[count++] = all[k];
                break; /* the first one counts, as for getenv() */
            }
        }
    }
    out[count] = NULL;
}

char *act_program_path(const struct act_order *o, const char *name)
{
    const struct pg_programs *programs = &o->setup->programs;
    const struct {
        const char *name, *other;
    } others[] = {{"postgres", programs->postgres},
                  {"initdb", programs->initdb},
                  {"pg_basebackup", programs->basebackup},
                  {"pg_rewind", programs->rewind}};
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        if (others[i].other != NULL && strcmp(others[i].name, name) == 0) {
            name = others[i].other;
        }
    }
    return mem_printf("%s/%s", o->home.bin_dir, name);
}

/* ---- files ---- */

int work_put_passwords(const struct pg_setup *setup, struct err *err)
{
    CLEANUP(buf_wipe) struct buf text = {0};
    const struct pg_login *const logins[] = {&setup->superuser, &setup->replication,
                                             &setup->rewind};
    pg_passfile_print(logins, ARRAY_LEN(logins), &text);
    return pg_files_put_passfile(setup->passfile, &text, NULL, err);
}

static int put_lines(const struct act_order *o, struct err *err)
{
    const struct pg_setup *setup = o->setup;
    const struct pg_setup_role *role = act_role(o);
    int code = pg_files_put_hba(&setup->files, role->hba.at, role->hba.count, NULL, err);
    return code != 0
               ? code
               : pg_files_put_ident(&setup->files, role->ident.at, role->ident.count, NULL, err);
}

/* The step between two values, which is the same in every mode (sync_force.h). */
static bool is_between(const struct sync_set *set)
{
    return set->count == 1 && strcmp(set->at[0].name.text, SYNC_BETWEEN_NAME) == 0;
}

static int put_settings(const struct act_order *o, struct err *err)
{
    const struct pg_setup *setup = o->setup;
    const struct act_config *config = &o->config;
    const struct pg_setup_role *role = act_role(o);
    CLEANUP(buf_close) struct buf conninfo = {0};
    char slot[PG_SLOT_SIZE];
    bool follows = !config->is_primary && name_is_set(&config->upstream.name);
    bool is_remote = follows && name_is(&config->upstream.name, &setup->settings.remote);
    struct pg_settings_input input = {
        .major = o->home.major,
        .is_primary = config->is_primary,
        .scope = setup->scope,
        .listen_addresses = setup->listen,
        .port = setup->port,
        .needs = config->is_primary ? (struct pg_needs){0} : o->home.needs,
        .sync = config->is_primary && config->has_sync ? &config->sync : NULL,
        .sync_first = setup->settings.sync_mode == SYNC_ON && !is_between(&config->sync),
    };
    memcpy(input.layers, role->layers, sizeof(input.layers));
    if (follows) {
        act_conninfo(o, &config->upstream, &conninfo);
        input.primary_conninfo = buf_text(&conninfo);
        input.primary_slot_name = is_remote          ? setup->remote.slot
                                  : setup->use_slots ? pg_slot_name(setup->name, slot)
                                                     : NULL;
    }
    struct pg_settings settings = {.count = 0};
    pg_settings_make(&input, &settings);
    int code = pg_files_put_settings(&setup->files, &settings, NULL, err);
    pg_settings_close(&settings);
    return code;
}

/* What stands outside of the data directory is copied into it, where clones find it. */
static int put_backup(const struct pg_files *files, struct err *err)
{
    bool is_elsewhere =
        files->config_dir != NULL && strcmp(files->config_dir, files->data_dir) != 0;
    return is_elsewhere ? pg_files_backup(files, NULL, err) : 0;
}

int work_put_config(struct act_order *o, struct err *err)
{
    int code = work_put_passwords(o->setup, err);
    code = code != 0 ? code : put_lines(o, err);
    code = code != 0 ? code : put_settings(o, err);
    return code != 0 ? code : put_backup(&o->setup->files, err);
}

/* ---- signals ---- */

/* Its working directory is this data directory: no other process that has got the number. */
static bool is_ours(const char *data_dir, uint64_t pid)
{
    char path[64];
    struct stat cwd;
    struct stat data;
    (void)snprintf(path, sizeof(path), "/proc/%llu/cwd", (unsigned long long)pid);
    return stat(path, &cwd) == 0 && stat(data_dir, &data) == 0 && cwd.st_dev == data.st_dev &&
           cwd.st_ino == data.st_ino;
}

static int signal_one(const struct act_order *o, uint64_t pid, int number, struct err *err)
{
    CLEANUP(closep) int fd = pid != 0 ? pidfd_open((pid_t)pid, 0) : -1;
    if (fd < 0 || !is_ours(o->setup->files.data_dir, pid)) {
        return err_set(err, ERR_NOT_FOUND, "process %llu is none of this PostgreSQL",
                       (unsigned long long)pid);
    }
    return pidfd_send_signal(fd, number, NULL, 0) == 0
               ? 0
               : err_errno(err, errno, "signal process %llu", (unsigned long long)pid);
}

/* Between the decision and this moment the whole program may have been frozen, or a disk hung; and
 * perhaps the guard too, which would have ended PostgreSQL by now (safety B2). */
static int check_lease(const struct act_order *o, struct err *err)
{
    uint64_t until_ms = o->lease_until_ms;
    uint64_t budget_ms = o->facts.settings.times.kill_budget_ms;
    bool is_over = clock_boot_ms(clock_system()) + budget_ms >= until_ms;
    return o->needs_lease && is_over
               ? err_set(err, ERR_TIMEOUT,
                         "the lease has run out since this was decided: nothing is let acknowledge "
                         "any more")
               : 0;
}

/* What ALTER SYSTEM has set of ours would win over the file, a fence and an empty primary_conninfo
 * too, for as long as the server runs. */
int work_reload(struct act_order *o, struct err *err)
{
    int code = check_lease(o, err);
    code = code != 0 ? code : work_put_config(o, err);
    code = code != 0 ? code : pg_files_clean_auto(&o->setup->files, NULL, err);
    code = code != 0 ? code : check_lease(o, err);
    return code != 0 ? code : signal_one(o, o->postmaster, SIGHUP, err);
}

/* The note last: with it a PostgreSQL without a guard is ended by the next start of this program.
 * Whom a primary's commits wait for is not ours any more: that too only under a living lease. */
int work_give_back(struct act_order *o, struct err *err)
{
    o->needs_lease = o->decision.epoch != 0;
    CLEANUP(mem_freep) char *note = mem_printf("%s/" PG_NOTE_FILE, o->setup->files.data_dir);
    int code = check_lease(o, err);
    code = code != 0 ? code : pg_files_give_back(&o->setup->files, err);
    code = code != 0 ? code : check_lease(o, err);
    code = code != 0 ? code : signal_one(o, o->postmaster, SIGHUP, err);
    return code != 0 ? code : pg_file_remove(note, err);
}

int work_end_process(struct act_order *o, struct err *err)
{
    int code = signal_one(o, o->pid, SIGTERM, err);
    return code == ERR_NOT_FOUND ? 0 : code; /* it is gone by itself */
}

int work_look(struct act_order *o, struct err *err)
{
    home_look(o->setup, &o->ask, &o->home);
    (void)file_id_of(AT_FDCWD, o->setup->files.data_dir, &o->known.data);
    bool is_recorded = o->ask.system_id != 0 && o->home.system_id == o->ask.system_id &&
                       o->home.data == DATA_USABLE;
    return o->home.is_first && is_recorded ? first_data_settle(o->setup->state_dir, err) : 0;
}
