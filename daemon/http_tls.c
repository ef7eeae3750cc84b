/* daemon/http_tls.c - certificates of the HTTP side: the files, and who has one. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "base/cleanup.h"
#include "daemon/http_internal.h"

#define FILE_MAX ((size_t)256 * 1024)

static int read_file(const char *path, struct buf *out, struct err *err)
{
    CLEANUP(fclosep) FILE *file = fopen(path, "re");
    if (file == NULL) {
        return err_errno(err, errno, "restapi: %s", path);
    }
    char piece[4096];
    size_t got = 0;
    do {
        got = fread(piece, 1, sizeof(piece), file);
        buf_append(out, piece, got);
    } while (got > 0 && out->size <= FILE_MAX);
    explicit_bzero(piece, sizeof(piece));
    if (ferror(file) != 0) {
        return err_errno(err, errno, "restapi: %s", path);
    }
    bool is_pem =
        out->size > 0 && out->size <= FILE_MAX && strstr(buf_text(out), "-----BEGIN ") != NULL;
    return is_pem ? 0 : err_set(err, ERR_INVALID, "restapi: %s: is no PEM file", path);
}

int http_tls_read(const struct http_settings *settings, struct http_tls_files *out, struct err *err)
{
    const char *key = settings->keyfile != NULL ? settings->keyfile : settings->certfile;
    int code = read_file(settings->certfile, &out->cert, err);
    code = code != 0 ? code : read_file(key, &out->key, err);
    if (code == 0 && settings->verify != HTTP_VERIFY_NONE) {
        code = settings->cafile == NULL
                   ? err_set(err, ERR_INVALID, "restapi: verify_client needs cafile")
                   : read_file(settings->cafile, &out->ca, err);
    }
    return code;
}

int http_check_priorities(const char *priorities, struct err *err)
{
    gnutls_priority_t cache = NULL;
    const char *at = priorities;
    int rc = gnutls_priority_init(&cache, priorities, &at);
    if (rc == 0) {
        gnutls_priority_deinit(cache);
        return 0;
    }
    size_t size = strcspn(at, ":");
    return err_set(err, ERR_INVALID, "restapi.ciphers: GnuTLS does not take \"%.*s\": %s",
                   (int)size, at, gnutls_strerror(rc));
}

void http_tls_close(struct http_tls_files *files)
{
    if (files->key.size > 0) {
        explicit_bzero(files->key.bytes, files->key.size);
    }
    buf_close(&files->cert);
    buf_close(&files->key);
    buf_close(&files->ca);
}

bool http_tls_has_certificate(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    unsigned status = 0;
    if (info == NULL || info->tls_session == NULL) {
        return false;
    }
    gnutls_typed_vdata_st purpose = {
        .type = GNUTLS_DT_KEY_PURPOSE_OID,
        .data = (unsigned char *)(uintptr_t)GNUTLS_KP_TLS_WWW_CLIENT,
    };
    return gnutls_certificate_verify_peers(info->tls_session, &purpose, 1, &status) == 0 &&
           status == 0;
}
