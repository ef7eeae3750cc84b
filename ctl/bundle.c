/* ctl/bundle.c - signals wait while it is written: whoever hears one then takes it away again. */
#include "ctl/bundle.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/must.h"
#include "ctl/output.h"
#include "ctl/tar.h"

/* ---- filling it ---- */

static void keep_name(char out[FILE_NAME_SIZE], const char *name)
{
    static const char kept[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
    (void)snprintf(out, FILE_NAME_SIZE, "%s", name);
    for (char *at = out; *at != '\0'; at++) {
        *at = strchr(kept, *at) != NULL ? *at : '_';
    }
}

void bundle_text(struct bundle *bundle, const char *name, const char *text)
{
    bundle->files = mem_grow(bundle->files, bundle->count + 1, sizeof(*bundle->files));
    struct file_text *file = &bundle->files[bundle->count++];
    *file = (struct file_text){.text = {0}};
    keep_name(file->name, name);
    clean_text(&bundle->clean, text, &file->text);
}

void bundle_json(struct bundle *bundle, const char *name, json_t *value)
{
    json_auto_t *clean = clean_json(&bundle->clean, value);
    CLEANUP(mem_freep) char *text = json_dumps(clean, JSON_INDENT(1) | JSON_ENCODE_ANY);
    MUST(text != NULL);
    bundle_text(bundle, name, ""); /* cleaned already, value by value */
    buf_printf(&bundle->files[bundle->count - 1].text, "%s\n", text);
}

void bundle_lacks(struct bundle *bundle, const char *name, const char *why)
{
    CLEANUP(buf_close) struct buf clean = {0};
    clean_text(&bundle->clean, why, &clean);
    output_text(&bundle->missing, name);
    buf_str(&bundle->missing, ": ");
    output_text(&bundle->missing, buf_text(&clean));
    buf_char(&bundle->missing, '\n');
}

void bundle_close(struct bundle *bundle)
{
    for (size_t i = 0; i < bundle->count; i++) {
        buf_close(&bundle->files[i].text);
    }
    mem_free(bundle->files);
    buf_close(&bundle->missing);
    clean_close(&bundle->clean);
    *bundle = (struct bundle){.count = 0};
}

/* ---- writing it ---- */

static void wait_for_signals(sigset_t *ret_before)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE};
    sigset_t waits;
    (void)sigemptyset(&waits);
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        (void)sigaddset(&waits, numbers[i]);
    }
    (void)sigprocmask(SIG_BLOCK, &waits, ret_before);
}

static bool is_to_end(void)
{
    sigset_t pending;
    (void)sigemptyset(&pending);
    (void)sigpending(&pending);
    return sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1 ||
           sigismember(&pending, SIGHUP) == 1 || sigismember(&pending, SIGQUIT) == 1;
}

int bundle_write_tar(const struct bundle *bundle, const char *path, const char *folder,
                     uint64_t wall_s, struct err *err)
{
    CLEANUP(buf_close) struct buf tar = {0};
    sigset_t before;
    for (size_t i = 0; i < bundle->count; i++) {
        CLEANUP(mem_freep)
        char *name = mem_printf("%.30s/%s", folder, bundle->files[i].name);
        tar_add(&tar, name, &bundle->files[i].text, wall_s);
    }
    tar_end(&tar);
    wait_for_signals(&before);
    int rc = file_put(path, &tar, false, err);
    if (rc == 0 && is_to_end()) {
        (void)unlink(path);
    }
    (void)sigprocmask(SIG_SETMASK, &before, NULL); /* here it ends, if it was to */
    return rc;
}

static void remove_all(const struct bundle *bundle, const char *dir)
{
    for (size_t i = 0; i < bundle->count; i++) {
        CLEANUP(mem_freep) char *path = mem_printf("%s/%s", dir, bundle->files[i].name);
        (void)unlink(path);
    }
    (void)rmdir(dir);
}

int bundle_write_directory(const struct bundle *bundle, const char *dir, struct err *err)
{
    struct stat st;
    sigset_t before;
    if (lstat(dir, &st) == 0) {
        return err_set(err, ERR_EXISTS, "%s: there is something; nothing is written over", dir);
    }
    wait_for_signals(&before);
    int rc = file_put_dir(dir, bundle->files, bundle->count, false, err);
    if (rc == 0 && is_to_end()) {
        remove_all(bundle, dir);
    }
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    return rc;
}
