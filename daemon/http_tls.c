/* daemon/http_tls.c - certificates of the HTTP side: the files, and who has one. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "base/cleanup.h"
#include "daemon/http_internal.h"

#define FILE_MAX ((size_t)256 * 1024)

static int read_file(const char *setting, const char *path, struct buf *out, struct err *err)
{
    CLEANUP(fclosep) FILE *file = fopen(path, "re");
    if (file == NULL) {
        return err_errno(err, errno, "%s: %s", setting, path);
    }
    char piece[4096];
    size_t got = 0;
    do {
        got = fread(piece, 1, sizeof(piece), file);
        buf_append(out, piece, got);
    } while (got > 0 && out->size <= FILE_MAX);
    explicit_bzero(piece, sizeof(piece));
    if (ferror(file) != 0) {
        return err_errno(err, errno, "%s: %s", setting, path);
    }
    bool is_pem =
        out->size > 0 && out->size <= FILE_MAX && strstr(buf_text(out), "-----BEGIN ") != NULL;
    return is_pem ? 0 : err_set(err, ERR_INVALID, "%s: %s: is no PEM file", setting, path);
}

static const char *key_path(const struct http_settings *s)
{
    return s->keyfile != NULL ? s->keyfile : s->certfile;
}

static const char *key_setting(const struct http_settings *s)
{
    return s->keyfile != NULL ? "restapi.keyfile" : "restapi.certfile";
}

int http_tls_read(const struct http_settings *settings, struct http_tls_files *out, struct err *err)
{
    int code = read_file("restapi.certfile", settings->certfile, &out->cert, err);
    code = code != 0 ? code : read_file(key_setting(settings), key_path(settings), &out->key, err);
    if (code == 0 && settings->verify != HTTP_VERIFY_NONE) {
        code =
            settings->cafile == NULL
                ? err_set(err, ERR_INVALID, "restapi.cafile: missing, and verify_client needs it")
                : read_file("restapi.cafile", settings->cafile, &out->ca, err);
    }
    return code;
}

/* ---- do they fit together ---- */

static gnutls_datum_t datum_of(const struct buf *b)
{
    return (gnutls_datum_t){.data = (unsigned char *)b->bytes, .size = (unsigned)b->size};
}

/* An error of GnuTLS. */
static int check_certificates(const gnutls_datum_t *pem)
{
    gnutls_x509_crt_t *list = NULL;
    unsigned count = 0;
    int rc = gnutls_x509_crt_list_import2(&list, &count, pem, GNUTLS_X509_FMT_PEM, 0);
    for (unsigned i = 0; rc >= 0 && i < count; i++) {
        gnutls_x509_crt_deinit(list[i]);
    }
    gnutls_free(list);
    return rc < 0 ? rc : 0;
}

static int check_key(const gnutls_datum_t *pem, const char *password)
{
    gnutls_x509_privkey_t key = NULL;
    int rc = gnutls_x509_privkey_init(&key);
    rc = rc < 0 ? rc : gnutls_x509_privkey_import2(key, pem, GNUTLS_X509_FMT_PEM, password, 0);
    gnutls_x509_privkey_deinit(key);
    return rc < 0 ? rc : 0;
}

static int check_pair(const struct http_tls_files *files, const char *password)
{
    gnutls_datum_t cert = datum_of(&files->cert);
    gnutls_datum_t key = datum_of(&files->key);
    gnutls_certificate_credentials_t both = NULL;
    int rc = gnutls_certificate_allocate_credentials(&both);
    if (rc < 0) {
        return rc;
    }
    rc = gnutls_certificate_set_x509_key_mem2(both, &cert, &key, GNUTLS_X509_FMT_PEM, password, 0);
    gnutls_certificate_free_credentials(both);
    return rc < 0 ? rc : 0;
}

static int refuse(struct err *err, const char *setting, const char *path, int rc)
{
    return err_set(err, ERR_INVALID, "%s: %s: %s", setting, path, gnutls_strerror(rc));
}

int http_tls_check(const struct http_tls_files *files, const struct http_settings *settings,
                   struct err *err)
{
    const struct secret *secret = settings->key_password;
    const char *password = secret != NULL && secret_is_set(secret) ? secret_reveal(secret) : NULL;
    gnutls_datum_t cert = datum_of(&files->cert);
    gnutls_datum_t key = datum_of(&files->key);
    gnutls_datum_t ca = datum_of(&files->ca);
    int rc = check_certificates(&cert);
    if (rc != 0) {
        return refuse(err, "restapi.certfile", settings->certfile, rc);
    }
    rc = check_key(&key, password);
    if (rc != 0) {
        return refuse(err, key_setting(settings), key_path(settings), rc);
    }
    rc = check_pair(files, password);
    if (rc == GNUTLS_E_CERTIFICATE_KEY_MISMATCH) {
        return err_set(err, ERR_INVALID, "%s: %s: is not the key of the certificate in %s",
                       key_setting(settings), key_path(settings), settings->certfile);
    }
    if (rc != 0) {
        return refuse(err, "restapi.certfile", settings->certfile, rc);
    }
    rc = files->ca.size > 0 ? check_certificates(&ca) : 0;
    return rc == 0 ? 0 : refuse(err, "restapi.cafile", settings->cafile, rc);
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
    buf_close(&files->cert);
    buf_wipe(&files->key);
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
