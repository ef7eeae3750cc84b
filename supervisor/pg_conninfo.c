/* supervisor/pg_conninfo.c - texts of libpq and for it. */
#include "supervisor/pg_conninfo.h"

#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "base/utf8.h"

/* --- Connection strings --- */

/* "name=value", quoted where it has to be. */
static void add(struct buf *out, const char *name, const char *value)
{
    if (value == NULL) {
        return;
    }
    bool plain = value[0] != '\0' && strpbrk(value, " \t\n\r\f\v'\\=") == NULL;
    buf_printf(out, "%s%s=%s", out->size > 0 ? " " : "", name, plain ? "" : "'");
    for (const char *at = value; *at != '\0'; at++) {
        buf_str(out, *at == '\'' || *at == '\\' ? "\\" : "");
        buf_char(out, *at);
    }
    buf_str(out, plain ? "" : "'");
}

static const char *or_prefer(const char *value)
{
    return value != NULL ? value : "prefer";
}

void pg_conninfo_print(const struct pg_conninfo *conninfo, struct buf *out)
{
    const struct pg_login *login = conninfo->login;
    unsigned major = conninfo->major;
    struct buf text = {0}; /* so that what @out holds is no part of it */
    char port[16];
    (void)snprintf(port, sizeof(port), "%u", conninfo->port);
    add(&text, "host", conninfo->host);
    add(&text, "port", conninfo->port != 0 ? port : NULL);
    add(&text, "user", login->username);
    add(&text, "dbname", conninfo->database);
    add(&text, "passfile", login->password != NULL ? conninfo->passfile : NULL);
    add(&text, "application_name", conninfo->application_name);
    add(&text, "sslmode", or_prefer(login->sslmode));
    add(&text, "sslkey", login->sslkey);
    add(&text, "sslpassword", login->sslpassword);
    add(&text, "sslcert", login->sslcert);
    add(&text, "sslrootcert", login->sslrootcert);
    add(&text, "sslcrl", login->sslcrl);
    add(&text, "sslcrldir", major >= 14 ? login->sslcrldir : NULL);
    add(&text, "sslnegotiation", major >= 17 ? login->sslnegotiation : NULL);
    add(&text, "gssencmode", or_prefer(login->gssencmode));
    add(&text, "channel_binding", or_prefer(login->channel_binding));
    add(&text, "krbsrvname", conninfo->krbsrvname);
    add(&text, "target_session_attrs", conninfo->target_session_attrs);
    buf_str(out, buf_text(&text));
    buf_close(&text);
}

/* --- Password files --- */

static void add_field(struct buf *out, const char *text)
{
    for (const char *at = text; *at != '\0'; at++) {
        buf_str(out, *at == ':' || *at == '\\' ? "\\" : "");
        buf_char(out, *at);
    }
}

void pg_passfile_print(const struct pg_login *const *logins, size_t count, struct buf *out)
{
    for (size_t i = 0; i < count; i++) {
        const struct pg_login *login = logins[i];
        bool is_line = login->username != NULL && login->password != NULL &&
                       strpbrk(login->username, "\r\n") == NULL &&
                       strpbrk(login->password, "\r\n") == NULL;
        if (is_line) {
            buf_str(out, "*:*:*:");
            add_field(out, login->username);
            buf_char(out, ':');
            add_field(out, login->password);
            buf_char(out, '\n');
        }
    }
}

/* --- Slots --- */

const char *pg_slot_name(const char *member, char out[PG_SLOT_SIZE])
{
    size_t size = 0;
    size_t left = strlen(member);
    while (left > 0) {
        struct utf8_char c = utf8_first(member, left);
        char word[16] = "";
        bool upper = c.code >= 'A' && c.code <= 'Z';
        bool plain =
            (c.code >= 'a' && c.code <= 'z') || (c.code >= '0' && c.code <= '9') || c.code == '_';
        if (plain || upper) {
            word[0] = (char)(upper ? c.code - 'A' + 'a' : c.code);
        } else if (c.code == '-' || c.code == '.') {
            word[0] = '_';
        } else {
            (void)snprintf(word, sizeof(word), "u%04x",
                           c.code != NOT_UTF8 ? (unsigned)c.code : (unsigned char)*member);
        }
        for (const char *at = word; *at != '\0' && size < PG_SLOT_SIZE - 1; at++) {
            out[size++] = *at;
        }
        member += c.size;
        left -= c.size;
    }
    out[size] = '\0';
    return out;
}

/* --- pg_hba.conf --- */

/* A word as the file has it. */
static void add_word(struct buf *out, const char *word)
{
    bool plain =
        word[0] != '\0' &&
        word[strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.")] ==
            '\0';
    buf_str(out, plain ? "" : "\"");
    for (const char *at = word; *at != '\0'; at++) {
        buf_str(out, *at == '"' ? "\"" : "");
        buf_char(out, *at);
    }
    buf_str(out, plain ? "" : "\"");
}

void pg_hba_line(const char *username, const char *address, bool ssl, struct buf *out)
{
    bool is_ip6 = strchr(address, ':') != NULL;
    bool is_ip4 = !is_ip6 && address[strspn(address, "0123456789.")] == '\0';
    buf_str(out, ssl ? "hostssl replication " : "host replication ");
    add_word(out, username);
    buf_printf(out, " %s%s scram-sha-256", address, is_ip6 ? "/128" : is_ip4 ? "/32" : "");
}
