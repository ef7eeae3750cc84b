/* supervisor/act_home.c - a directory, its note, its mark, its control file, its programs. */
#include "supervisor/act_home.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "supervisor/first_data.h"
#include "supervisor/pg_control.h"
#include "supervisor/pg_find.h"
#include "supervisor/pg_setup.h"

#define VERSION_MS 30000 /* in a thread: nobody waits for it */
#define TORN_MAX 20

static void say(struct home *home, const struct err *err)
{
    (void)snprintf(home->why, sizeof(home->why), "%s", err->msg);
}

/* Where the control file has what the parser does not read, in all versions from 13 to 18 on 64-bit
 * machines. */
enum {
    NEEDS_CONNECTIONS = 180,
    NEEDS_WORKERS = 184,
    NEEDS_SENDERS = 188,
    NEEDS_PREPARED = 192,
    NEEDS_LOCKS = 196,
    AT_WAL_LOG_HINTS = 176,
    AT_SEGMENT_SIZE = 228,
    AT_CHECKSUMS = 252,
};

static uint64_t number_at(const uint8_t *bytes, size_t at)
{
    int32_t number;
    memcpy(&number, bytes + at, sizeof(number));
    return number > 0 ? (uint64_t)number : 0;
}

static void read_more(const uint8_t *bytes, const struct pg_control *control, struct home *home)
{
    home->timeline = control->timeline;
    home->segment_size = (uint32_t)number_at(bytes, AT_SEGMENT_SIZE);
    home->may_rewind = bytes[AT_WAL_LOG_HINTS] != 0 || number_at(bytes, AT_CHECKSUMS) != 0;
    home->was_open = control->state == PG_CONTROL_SHUT_DOWN;
    home->is_clean = home->was_open || control->state == PG_CONTROL_SHUT_DOWN_IN_RECOVERY;
    home->needs = (struct pg_needs){
        .max_connections = number_at(bytes, NEEDS_CONNECTIONS),
        .max_worker_processes = number_at(bytes, NEEDS_WORKERS),
        .max_wal_senders = number_at(bytes, NEEDS_SENDERS),
        .max_prepared_transactions = number_at(bytes, NEEDS_PREPARED),
        .max_locks_per_transaction = number_at(bytes, NEEDS_LOCKS),
    };
}

/* 0: it can not be read now. @home, to be filled, may be NULL. */
static uint64_t read_control(const char *data_dir, struct home *home)
{
    CLEANUP(mem_freep) char *path = mem_printf("%s/global/pg_control", data_dir);
    for (int i = 0; i < TORN_MAX; i++) {
        uint8_t bytes[PG_CONTROL_BYTES];
        struct pg_control control;
        CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t size = fd >= 0 ? read(fd, bytes, sizeof(bytes)) : -1;
        if (size < 0) {
            return 0;
        }
        enum pg_control_error error = pg_control_parse(bytes, (size_t)size, &control);
        if (error == PG_CONTROL_OK && home != NULL) {
            read_more(bytes, &control, home);
        }
        if (error != PG_CONTROL_TORN) {
            return error == PG_CONTROL_OK ? control.system_id : 0;
        }
    }
    return 0;
}

static bool has_file(const char *data_dir, const char *name)
{
    CLEANUP(mem_freep) char *path = mem_printf("%s/%s", data_dir, name);
    return access(path, F_OK) == 0;
}

/* What is in the way of taking over what somebody has restored here; NULL: nothing. What was let
 * out of recovery by hand has a timeline of its own, and must not be taken for one of that number
 * that others have: they would follow it from within what they never had (history.h). */
static const char *restored_lacks(const char *data_dir, const struct home_ask *ask,
                                  const struct home *home)
{
    bool has_label = has_file(data_dir, "backup_label"); /* it was never started */
    if (ask->system_id == 0 || home->system_id != ask->system_id) {
        return "it is of another PostgreSQL than this cluster's";
    }
    if (!has_label && !home->is_clean) {
        return "stop the PostgreSQL on it in order (pg_ctl stop)";
    }
    if (has_file(data_dir, "recovery.signal")) {
        return "have it recover to its end by hand (pg_ctl start), and stop it then";
    }
    return home->was_open && !has_label && home->timeline <= ask->timeline_max
               ? "its timeline is one that others have: put standby.signal into it, promote it by "
                 "hand, stop it"
               : NULL;
}

#define WAS_RESTORED "a backup that was restored here, or a copy: remove it to have it cloned;"

/* The copy of another directory of this cluster, or a backup: for whoever follows it is of no use
 * as it is, but an operator may want the cluster to go on with it. */
static void judge_copied(const struct pg_setup *setup, const struct home_ask *ask,
                         struct home *home)
{
    const char *lacks = restored_lacks(setup->files.data_dir, ask, home);
    home->data = DATA_FOREIGN;
    home->restored = lacks == NULL ? RESTORED_FIT : RESTORED_UNFIT;
    if (lacks == NULL) {
        (void)snprintf(home->why, sizeof(home->why),
                       "%s or to make it the primary: pgraftctl failover --candidate %.40s "
                       "--accept-data-loss",
                       WAS_RESTORED, setup->name);
    } else {
        (void)snprintf(home->why, sizeof(home->why), "%s before it could be made the primary: %s",
                       WAS_RESTORED, lacks);
    }
}

static void look_note(const struct pg_setup *setup, const struct home_ask *ask, struct home *home)
{
    const char *data_dir = setup->files.data_dir;
    bool is_copy = false;
    struct err err;
    int code = pg_note_read(data_dir, &home->note, &is_copy, &err);
    if (code == ERR_NOT_FOUND) {
        memset(&home->note, 0, sizeof(home->note));
        home->is_noted = FACT_NO;
        return;
    }
    home->is_noted = FACT_YES;
    if (code != 0) {
        memset(&home->note, 0, sizeof(home->note));
        home->data = DATA_FOREIGN; /* whose it is can not be said: it is left alone */
        say(home, &err);
    } else if (ask->cluster[0] != '\0' && strcmp(home->note.cluster, ask->cluster) != 0) {
        home->data = DATA_FOREIGN;
        (void)snprintf(home->why, sizeof(home->why), "its note is of the cluster %s",
                       home->note.cluster);
    } else if (is_copy) {
        judge_copied(setup, ask, home);
    }
}

#define BEGUN_ELSEWHERE                                                                   \
    "the cluster began with the data of another node while these were made: nothing was " \
    "acknowledged on them, and they are discarded"

/* Its system identifier is that of every other restore of the same backup. Nobody records a
 * timeline but the holder of its epoch: so who began the cluster is told by that (first_data.h). */
static void judge_restored(const struct home_ask *ask, uint64_t epoch, struct home *home)
{
    bool is_ours = epoch != 0 && epoch == ask->first_epoch;
    bool is_theirs = epoch == 0 || (ask->has_first && ask->first_epoch != 0);
    if (is_ours) {
        return;
    }
    home->data = is_theirs ? DATA_EMPTY : DATA_FOREIGN;
    (void)snprintf(home->why, sizeof(home->why), "%s",
                   is_theirs ? BEGUN_ELSEWHERE
                             : "it was restored for a new cluster, and whether this one began with "
                               "it can not be said any more: if it did not, remove it, and it is "
                               "cloned");
}

static void look_data(const struct pg_setup *setup, const struct home_ask *ask, struct home *home)
{
    const char *data_dir = setup->files.data_dir;
    home->data = DATA_USABLE;
    home->system_id = read_control(data_dir, home);
    look_note(setup, ask, home);
    uint64_t epoch = 0;
    enum first_data first = home->data == DATA_USABLE
                                ? first_data_look(setup->state_dir, home->note.copy, &epoch)
                                : FIRST_DATA_NONE;
    home->is_first = first != FIRST_DATA_NONE;
    uint64_t wanted = ask->system_id;
    if (home->data != DATA_USABLE || home->is_noted != FACT_YES || wanted == 0) {
        return;
    }
    if (home->system_id != 0 && home->system_id != wanted) {
        home->data = home->is_first ? DATA_EMPTY : DATA_FOREIGN;
        (void)snprintf(
            home->why, sizeof(home->why), "%s",
            home->is_first ? BEGUN_ELSEWHERE : "its system identifier is not that of this cluster");
    } else if (first == FIRST_DATA_RESTORED) {
        judge_restored(ask, epoch, home);
    }
}

static void look_cut(const struct pg_setup *setup, struct home *home)
{
    struct pg_mark mark = {.work = PG_MARK_NONE};
    struct err err;
    if (pg_mark_read(setup->state_dir, &mark, &err) != 0) {
        home->data = DATA_UNKNOWN;
        say(home, &err);
        return;
    }
    bool is_here = mark.data_dir[0] == '\0' || strcmp(mark.data_dir, setup->files.data_dir) == 0;
    home->cut = is_here ? mark.work : PG_MARK_NONE;
    if (home->cut == PG_MARK_INITDB) {
        home->data = DATA_EMPTY; /* nothing was ever in it; initdb begins by removing the rest */
    } else if (home->cut != PG_MARK_NONE) {
        home->data = DATA_BROKEN;
    }
}

static void look_programs(const struct pg_setup *setup, struct home *home)
{
    bool is_ours = home->data == DATA_USABLE || home->restored != RESTORED_NOT;
    CLEANUP(buf_close) struct buf dir = {0};
    struct pg_version version = {0};
    struct err err;
    struct pg_find find = {.given = setup->bin_dir,
                           .postgres = setup->programs.postgres,
                           .major = is_ours ? home->major : 0,
                           .wait_ms = VERSION_MS};
    if (pg_find_bin_dir(&find, &dir, &version, &err) != 0 || dir.size >= sizeof(home->bin_dir)) {
        home->bin_dir[0] = '\0';
        say(home, &err);
        return;
    }
    memcpy(home->bin_dir, buf_text(&dir), dir.size + 1);
    home->major = version.major;
}

/* Whose a noted directory is can not be said before the cluster is known; that one without a note
 * is nobody's can, and what runs on it is left alone from the first look on. */
static void wait_for_cluster(const struct home_ask *ask, struct home *home)
{
    bool is_nobodys = home->data == DATA_USABLE && home->is_noted == FACT_NO;
    if (ask->cluster[0] == '\0' && !is_nobodys) {
        home->data = DATA_UNKNOWN;
    }
}

void home_look(const struct pg_setup *setup, const struct home_ask *ask, struct home *home)
{
    struct pg_dir_found found;
    struct err err;
    memset(home, 0, sizeof(*home));
    if (pg_find_dir(setup->files.data_dir, &found, &err) != 0) {
        say(home, &err);
        return;
    }
    home->major = found.major;
    home->asked = ask->system_id;
    switch (found.kind) {
        case PG_DIR_UNKNOWN:
            break;
        case PG_DIR_MISSING:
        case PG_DIR_EMPTY:
            home->data = DATA_EMPTY;
            break;
        case PG_DIR_DATA:
            look_data(setup, ask, home);
            break;
        case PG_DIR_OTHER:
            home->data = DATA_FOREIGN;
            (void)snprintf(home->why, sizeof(home->why),
                           "other things than a PostgreSQL are in it");
            break;
    }
    look_cut(setup, home);
    look_programs(setup, home);
    wait_for_cluster(ask, home);
}

int home_note(const struct pg_setup *setup, const struct home_ask *ask, uint64_t epoch,
              struct err *err)
{
    struct pg_note note;
    bool is_copy = false;
    int code = pg_note_read(setup->files.data_dir, &note, &is_copy, err);
    if (code != 0) { /* what a clone has brought need not be readable: it is replaced */
        memset(&note, 0, sizeof(note));
    }
    (void)snprintf(note.cluster, sizeof(note.cluster), "%s", ask->cluster);
    (void)snprintf(note.scope, sizeof(note.scope), "%s", setup->scope);
    (void)snprintf(note.peers, sizeof(note.peers), "%s", setup->peers);
    note.system_id = read_control(setup->files.data_dir, NULL);
    note.seen_epoch = note.seen_epoch > epoch ? note.seen_epoch : epoch;
    code = pg_note_new_copy(&note.copy, err);
    return code != 0 ? code : pg_note_write(setup->files.data_dir, &note, err);
}
