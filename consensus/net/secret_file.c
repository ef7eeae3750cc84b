/* consensus/net/secret_file.c - lines of a file into keys for TLS. */
#include "consensus/net/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/must.h"

#define FILE_BYTES_MAX 4096
#define LINE_BYTES_MAX 1024

/* Changing any of these makes another key of every secret. */
#define SALT "pgraft peers 1"
#define KEY_INFO "key"
#define NAME_INFO "name"
#define NAME_PREFIX "pgraft1-"
#define NAME_BYTES 8

/* Of GnuTLS's data, which has no const: it only reads. */
static gnutls_datum_t datum(const void *bytes, size_t size)
{
    union {
        const void *in;
        unsigned char *out;
    } data = {.in = bytes};
    return (gnutls_datum_t){.data = data.out, .size = (unsigned int)size};
}

/* These fail only for arguments that are wrong. */
static void expand(const unsigned char *root, const char *info, void *out, size_t size)
{
    gnutls_datum_t key = datum(root, SECRET_KEY_SIZE);
    gnutls_datum_t what = datum(info, strlen(info));
    int rc = gnutls_hkdf_expand(GNUTLS_MAC_SHA256, &key, &what, out, size);
    MUST(rc == 0);
}

static void derive(const char *secret, size_t size, struct secret_key *out)
{
    unsigned char root[SECRET_KEY_SIZE];
    unsigned char key[SECRET_KEY_SIZE];
    unsigned char name[NAME_BYTES];
    gnutls_datum_t from = datum(secret, size);
    gnutls_datum_t salt = datum(SALT, strlen(SALT));
    int rc = gnutls_hkdf_extract(GNUTLS_MAC_SHA256, &from, &salt, root);
    MUST(rc == 0);
    expand(root, KEY_INFO, key, sizeof(key));
    expand(root, NAME_INFO, name, sizeof(name));
    secret_set(&out->key, key, sizeof(key));
    size_t at = (size_t)snprintf(out->name, sizeof(out->name), NAME_PREFIX);
    for (size_t i = 0; i < NAME_BYTES; i++) {
        (void)snprintf(out->name + at + 2 * i, sizeof(out->name) - at - 2 * i, "%02x", name[i]);
    }
    explicit_bzero(root, sizeof(root));
    explicit_bzero(key, sizeof(key));
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static int add_line(const char *line, size_t size, const char *where, struct secret_keys *keys,
                    struct err *err)
{
    while (size > 0 && is_blank(line[size - 1])) {
        size--;
    }
    while (size > 0 && is_blank(line[0])) {
        line++;
        size--;
    }
    if (size == 0 || line[0] == '#') {
        return 0;
    }
    if (size < SECRET_LENGTH_MIN) {
        return err_set(err, ERR_INVALID,
                       "%s: a secret of %zu bytes, at least %d are needed: make one with "
                       "\"pgraftctl secret generate\"",
                       where, size, SECRET_LENGTH_MIN);
    }
    if (size > LINE_BYTES_MAX) {
        return err_set(err, ERR_INVALID, "%s: a secret of %zu bytes, at most %d", where, size,
                       LINE_BYTES_MAX);
    }
    if (keys->count == SECRET_KEYS_MAX) {
        return err_set(err, ERR_INVALID,
                       "%s: more than %d secrets: the one in use stands first, and beside it one "
                       "that is accepted, too",
                       where, SECRET_KEYS_MAX);
    }
    derive(line, size, &keys->at[keys->count]);
    keys->count++;
    return 0;
}

int secret_file_parse(const char *text, size_t size, const char *where, struct secret_keys *ret,
                      struct err *err)
{
    CLEANUP(secret_keys_close) struct secret_keys keys = {0};
    for (size_t at = 0; at < size;) {
        const char *end = memchr(text + at, '\n', size - at);
        size_t length = end != NULL ? (size_t)(end - (text + at)) : size - at;
        int rv = add_line(text + at, length, where, &keys, err);
        if (rv != 0) {
            return rv;
        }
        at += length + 1;
    }
    if (keys.count == 0) {
        return err_set(err, ERR_INVALID,
                       "%s: holds no secret: make one with \"pgraftctl secret generate\", the same "
                       "file for all nodes",
                       where);
    }
    *ret = keys;
    keys = (struct secret_keys){0};
    return 0;
}

static int read_all(int fd, const char *path, char *text, size_t *ret_size, struct err *err)
{
    size_t size = 0;
    while (size <= FILE_BYTES_MAX) {
        ssize_t got = read(fd, text + size, FILE_BYTES_MAX + 1 - size);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return err_errno(err, errno, "secret file %s", path);
        }
        if (got == 0) {
            *ret_size = size;
            return 0;
        }
        size += (size_t)got;
    }
    return err_set(err, ERR_INVALID, "secret file %s: more than %d bytes: no secret file", path,
                   FILE_BYTES_MAX);
}

int secret_file_read(const char *path, struct secret_keys *ret, struct buf *warnings,
                     struct err *err)
{
    CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0) {
        return err_errno(err, errno, "secret file %s", path);
    }
    if (!S_ISREG(st.st_mode)) {
        return err_set(err, ERR_INVALID, "secret file %s: is no file", path);
    }
    char text[FILE_BYTES_MAX + 1];
    size_t size = 0;
    int rv = read_all(fd, path, text, &size, err);
    if (rv == 0) {
        char where[ERR_MSG_MAX];
        (void)snprintf(where, sizeof(where), "secret file %s", path);
        rv = secret_file_parse(text, size, where, ret, err);
    }
    explicit_bzero(text, sizeof(text));
    if (rv == 0 && warnings != NULL && (st.st_mode & (S_IRWXO | S_IWGRP)) != 0) {
        buf_printf(warnings,
                   "secret file %s: its mode is %04o, so others can read or change it: "
                   "chmod 0600, or 0640 with a group of its own\n",
                   path, st.st_mode & 07777U);
    }
    return rv;
}

void secret_keys_close(struct secret_keys *keys)
{
    for (size_t i = 0; i < keys->count; i++) {
        secret_close(&keys->at[i].key);
    }
    *keys = (struct secret_keys){0};
}
