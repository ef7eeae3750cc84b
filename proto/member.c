/* proto/member.c - a member as one line, and what may stand in it. */
#include "proto/member.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/must.h"

#define VERSION "member/1"

/* No isalnum(): what is a letter must not depend on a locale. */
static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_word(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Letters, digits and what stands in @more. */
static bool is_made_of(const char *text, size_t size, const char *more)
{
    for (size_t i = 0; i < size; i++) {
        if (!is_word(text[i]) && strchr(more, text[i]) == NULL) {
            return false;
        }
    }
    return true;
}

static int check_word(const char *what, const char *word, size_t max, struct err *err)
{
    size_t size = strnlen(word, max + 1);
    if (size > max) {
        return err_set(err, ERR_INVALID, "%s: longer than %zu bytes", what, max);
    }
    if (!is_made_of(word, size, "._-") || word[0] == '-' || word[0] == '.') {
        return err_set(err, ERR_INVALID,
                       "%s: only letters, digits, '.', '_' and '-' can stand in it, and '.' and "
                       "'-' not first",
                       what);
    }
    return 0;
}

int member_name_check(const char *name, struct err *err)
{
    if (name[0] == '\0') {
        return err_set(err, ERR_INVALID, "name: empty");
    }
    return check_word("name", name, MEMBER_NAME_MAX, err);
}

static bool is_port(const char *text)
{
    size_t size = strlen(text);
    unsigned value = 0;
    for (size_t i = 0; i < size && i < 6; i++) {
        value = is_digit(text[i]) ? value * 10 + (unsigned)(text[i] - '0') : 65536;
        if (value > 65535) {
            return false;
        }
    }
    return size > 0 && size < 6 && text[0] != '0';
}

int member_address_check(const char *address, struct err *err)
{
    size_t size = strnlen(address, MEMBER_ADDRESS_MAX + 1);
    if (size > MEMBER_ADDRESS_MAX) {
        return err_set(err, ERR_INVALID, "address: longer than %d bytes", MEMBER_ADDRESS_MAX);
    }
    const char *colon = strrchr(address, ':');
    if (colon == NULL || !is_port(colon + 1)) {
        return err_set(err, ERR_INVALID,
                       "address: has to end in a port from 1 to 65535: \"host:7400\"");
    }
    size_t host = (size_t)(colon - address);
    bool bracketed = host > 2 && address[0] == '[' && address[host - 1] == ']' &&
                     is_made_of(address + 1, host - 2, ":.%");
    if (!bracketed && (host == 0 || !is_made_of(address, host, "._-") || address[0] == '-')) {
        return err_set(err, ERR_INVALID,
                       "address: before the port stands a host name, an IPv4 address or, in "
                       "brackets, an IPv6 address");
    }
    return 0;
}

int member_info_check(const struct member_info *info, struct err *err)
{
    int code = member_name_check(info->name, err);
    if (code == 0) {
        code = member_address_check(info->address, err);
    }
    if (code == 0) {
        code = check_word("site", info->site, MEMBER_SITE_MAX, err);
    }
    if (code != 0) {
        return code;
    }
    if (info->kind != MEMBER_DATABASE && info->kind != MEMBER_WITNESS) {
        return err_set(err, ERR_INVALID, "kind: neither database nor witness");
    }
    return info->id != 0 ? 0 : err_set(err, ERR_INVALID, "id: 0 is nobody");
}

const char *member_kind_name(enum member_kind kind)
{
    return kind == MEMBER_WITNESS ? "witness" : "database";
}

const char *member_info_encode(const struct member_info *info, char out[MEMBER_TEXT_SIZE])
{
    MUST(member_info_check(info, NULL) == 0);
    int size = snprintf(
        out, MEMBER_TEXT_SIZE, VERSION " name=%s address=%s kind=%s site=%s id=%016llx", info->name,
        info->address, member_kind_name(info->kind), info->site, (unsigned long long)info->id);
    MUST(size > 0);
    MUST(size < MEMBER_TEXT_SIZE);
    return out;
}

/* Takes "@name=VALUE" and the space after it, or the end, off *@text. */
static int take(const char **text, const char *name, char *out, size_t out_size, struct err *err)
{
    size_t name_size = strlen(name);
    if (strncmp(*text, name, name_size) != 0 || (*text)[name_size] != '=') {
        return err_set(err, ERR_PROTOCOL, "a member's line: no \"%s=\" where it belongs", name);
    }
    const char *value = *text + name_size + 1;
    size_t size = strcspn(value, " ");
    if (size >= out_size) {
        return err_set(err, ERR_PROTOCOL, "a member's line: %s: longer than %zu bytes", name,
                       out_size - 1);
    }
    memcpy(out, value, size);
    out[size] = '\0';
    *text = value + size + (value[size] == ' ' ? 1 : 0);
    return 0;
}

static int take_kind(const char *kind, enum member_kind *out, struct err *err)
{
    for (int k = MEMBER_DATABASE; k <= MEMBER_WITNESS; k++) {
        if (strcmp(kind, member_kind_name((enum member_kind)k)) == 0) {
            *out = (enum member_kind)k;
            return 0;
        }
    }
    return err_set(err, ERR_PROTOCOL, "a member's line: kind: neither database nor witness");
}

static int take_id(const char *id, uint64_t *out, struct err *err)
{
    uint64_t value = 0;
    if (strlen(id) != 16) {
        return err_set(err, ERR_PROTOCOL, "a member's line: id: not 16 hexadecimal digits");
    }
    for (size_t i = 0; i < 16; i++) {
        bool letter = id[i] >= 'a' && id[i] <= 'f';
        if (!letter && !is_digit(id[i])) {
            return err_set(err, ERR_PROTOCOL, "a member's line: id: not 16 hexadecimal digits");
        }
        value = value << 4 | (uint64_t)(letter ? id[i] - 'a' + 10 : id[i] - '0');
    }
    *out = value;
    return 0;
}

static int check_version(const char **text, struct err *err)
{
    size_t size = strlen(VERSION);
    if (strncmp(*text, VERSION " ", size + 1) == 0) {
        *text += size + 1;
        return 0;
    }
    if (strncmp(*text, "member/", 7) == 0 && is_digit((*text)[7])) {
        return err_set(err, ERR_VERSION, "a member's line of a newer version than " VERSION);
    }
    return err_set(err, ERR_PROTOCOL, "a member's line does not begin with \"" VERSION "\"");
}

int member_info_decode(const char *text, struct member_info *out, struct err *err)
{
    struct member_info info;
    memset(&info, 0, sizeof(info));
    char kind[16] = "";
    char id[24] = "";
    const char *at = text;
    int code = check_version(&at, err);
    code = code != 0 ? code : take(&at, "name", info.name, sizeof(info.name), err);
    code = code != 0 ? code : take(&at, "address", info.address, sizeof(info.address), err);
    code = code != 0 ? code : take(&at, "kind", kind, sizeof(kind), err);
    code = code != 0 ? code : take(&at, "site", info.site, sizeof(info.site), err);
    code = code != 0 ? code : take(&at, "id", id, sizeof(id), err);
    code = code != 0 ? code : take_kind(kind, &info.kind, err);
    code = code != 0 ? code : take_id(id, &info.id, err);
    if (code != 0) {
        return code;
    }
    if (member_info_check(&info, err) != 0) {
        err_wrap(err, "a member's line");
        if (err != NULL) {
            err->code = ERR_PROTOCOL;
        }
        return ERR_PROTOCOL;
    }
    char again[MEMBER_TEXT_SIZE];
    if (strcmp(member_info_encode(&info, again), text) != 0) {
        return err_set(err, ERR_PROTOCOL, "a member's line: something follows the id");
    }
    *out = info;
    return 0;
}
