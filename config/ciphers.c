/* config/ciphers.c - a list of ciphers as OpenSSL reads it, in the words of GnuTLS.
 *
 * The list is run over a table of all suites that we would offer, as OpenSSL does it: a word adds
 * what it means, "-" takes it away, "!" for good, and "+" between words means both. What remains is
 * then said in parts. TLS 1.2 and 1.3 alone are spoken, and nothing weaker than AES with SHA-1. */
#include "config/ciphers.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "base/nearest.h"

#define WORD_MAX 64

enum kx { KX_ECDHE_ECDSA, KX_ECDHE_RSA, KX_DHE_RSA, KX_RSA, KX_COUNT, KX_ANY /* of TLS 1.3 */ };
enum enc { AES128_GCM, AES256_GCM, CHACHA20, AES128_CBC, AES256_CBC, ENC_COUNT };
enum mac { MAC_AEAD, MAC_SHA256, MAC_SHA384, MAC_SHA1, MAC_COUNT };

static const char *const kx_words[] = {[KX_ECDHE_ECDSA] = "ECDHE-ECDSA",
                                       [KX_ECDHE_RSA] = "ECDHE-RSA",
                                       [KX_DHE_RSA] = "DHE-RSA",
                                       [KX_RSA] = "RSA"};
static const char *const enc_words[] = {[AES128_GCM] = "AES-128-GCM",
                                        [AES256_GCM] = "AES-256-GCM",
                                        [CHACHA20] = "CHACHA20-POLY1305",
                                        [AES128_CBC] = "AES-128-CBC",
                                        [AES256_CBC] = "AES-256-CBC"};
static const char *const mac_words[] = {
    [MAC_AEAD] = "AEAD", [MAC_SHA256] = "SHA256", [MAC_SHA384] = "SHA384", [MAC_SHA1] = "SHA1"};

struct suite {
    const char *name; /* as OpenSSL calls it */
    enum kx kx;
    enum enc enc;
    enum mac mac;
};

/* clang-format off */
static const struct suite suites[] = { /* the best first */
    {"TLS_AES_256_GCM_SHA384",        KX_ANY,         AES256_GCM, MAC_AEAD},
    {"TLS_CHACHA20_POLY1305_SHA256",  KX_ANY,         CHACHA20,   MAC_AEAD},
    {"TLS_AES_128_GCM_SHA256",        KX_ANY,         AES128_GCM, MAC_AEAD},
    {"ECDHE-ECDSA-AES256-GCM-SHA384", KX_ECDHE_ECDSA, AES256_GCM, MAC_AEAD},
    {"ECDHE-RSA-AES256-GCM-SHA384",   KX_ECDHE_RSA,   AES256_GCM, MAC_AEAD},
    {"DHE-RSA-AES256-GCM-SHA384",     KX_DHE_RSA,     AES256_GCM, MAC_AEAD},
    {"ECDHE-ECDSA-CHACHA20-POLY1305", KX_ECDHE_ECDSA, CHACHA20,   MAC_AEAD},
    {"ECDHE-RSA-CHACHA20-POLY1305",   KX_ECDHE_RSA,   CHACHA20,   MAC_AEAD},
    {"DHE-RSA-CHACHA20-POLY1305",     KX_DHE_RSA,     CHACHA20,   MAC_AEAD},
    {"ECDHE-ECDSA-AES128-GCM-SHA256", KX_ECDHE_ECDSA, AES128_GCM, MAC_AEAD},
    {"ECDHE-RSA-AES128-GCM-SHA256",   KX_ECDHE_RSA,   AES128_GCM, MAC_AEAD},
    {"DHE-RSA-AES128-GCM-SHA256",     KX_DHE_RSA,     AES128_GCM, MAC_AEAD},
    {"ECDHE-ECDSA-AES256-SHA384",     KX_ECDHE_ECDSA, AES256_CBC, MAC_SHA384},
    {"ECDHE-RSA-AES256-SHA384",       KX_ECDHE_RSA,   AES256_CBC, MAC_SHA384},
    {"DHE-RSA-AES256-SHA256",         KX_DHE_RSA,     AES256_CBC, MAC_SHA256},
    {"ECDHE-ECDSA-AES128-SHA256",     KX_ECDHE_ECDSA, AES128_CBC, MAC_SHA256},
    {"ECDHE-RSA-AES128-SHA256",       KX_ECDHE_RSA,   AES128_CBC, MAC_SHA256},
    {"DHE-RSA-AES128-SHA256",         KX_DHE_RSA,     AES128_CBC, MAC_SHA256},
    {"ECDHE-ECDSA-AES256-SHA",        KX_ECDHE_ECDSA, AES256_CBC, MAC_SHA1},
    {"ECDHE-RSA-AES256-SHA",          KX_ECDHE_RSA,   AES256_CBC, MAC_SHA1},
    {"DHE-RSA-AES256-SHA",            KX_DHE_RSA,     AES256_CBC, MAC_SHA1},
    {"ECDHE-ECDSA-AES128-SHA",        KX_ECDHE_ECDSA, AES128_CBC, MAC_SHA1},
    {"ECDHE-RSA-AES128-SHA",          KX_ECDHE_RSA,   AES128_CBC, MAC_SHA1},
    {"DHE-RSA-AES128-SHA",            KX_DHE_RSA,     AES128_CBC, MAC_SHA1},
    {"AES256-GCM-SHA384",             KX_RSA,         AES256_GCM, MAC_AEAD},
    {"AES128-GCM-SHA256",             KX_RSA,         AES128_GCM, MAC_AEAD},
    {"AES256-SHA256",                 KX_RSA,         AES256_CBC, MAC_SHA256},
    {"AES128-SHA256",                 KX_RSA,         AES128_CBC, MAC_SHA256},
    {"AES256-SHA",                    KX_RSA,         AES256_CBC, MAC_SHA1},
    {"AES128-SHA",                    KX_RSA,         AES128_CBC, MAC_SHA1},
};

#define ONE(value) (1U << (value))
#define ANY (~0U)
#define ECDHE (ONE(KX_ECDHE_ECDSA) | ONE(KX_ECDHE_RSA))
#define AES_128 (ONE(AES128_GCM) | ONE(AES128_CBC))
#define AES_256 (ONE(AES256_GCM) | ONE(AES256_CBC))
#define GCM (ONE(AES128_GCM) | ONE(AES256_GCM))

/* What a word means: suites whose parts are all in these sets. */
static const struct word {
    const char *name;
    unsigned kx;
    unsigned enc;
    unsigned mac;
} words[] = {
    {"ALL", ANY, ANY, ANY}, {"DEFAULT", ANY, ANY, ANY}, {"HIGH", ANY, ANY, ANY},
    {"ECDHE", ECDHE, ANY, ANY}, {"EECDH", ECDHE, ANY, ANY}, {"ECDH", ECDHE, ANY, ANY},
    {"kECDHE", ECDHE, ANY, ANY}, {"kEECDH", ECDHE, ANY, ANY},
    {"DHE", ONE(KX_DHE_RSA), ANY, ANY}, {"EDH", ONE(KX_DHE_RSA), ANY, ANY},
    {"DH", ONE(KX_DHE_RSA), ANY, ANY}, {"kDHE", ONE(KX_DHE_RSA), ANY, ANY},
    {"kEDH", ONE(KX_DHE_RSA), ANY, ANY},
    {"RSA", ONE(KX_RSA), ANY, ANY}, {"kRSA", ONE(KX_RSA), ANY, ANY},
    {"aRSA", ONE(KX_ECDHE_RSA) | ONE(KX_DHE_RSA) | ONE(KX_RSA), ANY, ANY},
    {"ECDSA", ONE(KX_ECDHE_ECDSA), ANY, ANY}, {"aECDSA", ONE(KX_ECDHE_ECDSA), ANY, ANY},
    {"AES", ANY, AES_128 | AES_256, ANY}, {"AES128", ANY, AES_128, ANY},
    {"AES256", ANY, AES_256, ANY}, {"AESGCM", ANY, GCM, ANY}, {"CHACHA20", ANY, ONE(CHACHA20), ANY},
    {"SHA", ANY, ANY, ONE(MAC_SHA1)}, {"SHA1", ANY, ANY, ONE(MAC_SHA1)},
    {"SHA256", ANY, ANY, ONE(MAC_SHA256)}, {"SHA384", ANY, ANY, ONE(MAC_SHA384)},
    /* Known, and never offered. */
    {"aNULL", 0, 0, 0}, {"eNULL", 0, 0, 0}, {"NULL", 0, 0, 0}, {"COMPLEMENTOFDEFAULT", 0, 0, 0},
    {"COMPLEMENTOFALL", 0, 0, 0}, {"MEDIUM", 0, 0, 0}, {"LOW", 0, 0, 0}, {"EXP", 0, 0, 0},
    {"EXPORT", 0, 0, 0}, {"EXPORT40", 0, 0, 0}, {"EXPORT56", 0, 0, 0}, {"MD5", 0, 0, 0},
    {"RC4", 0, 0, 0}, {"RC2", 0, 0, 0}, {"DES", 0, 0, 0}, {"3DES", 0, 0, 0}, {"IDEA", 0, 0, 0},
    {"SEED", 0, 0, 0}, {"CAMELLIA", 0, 0, 0}, {"CAMELLIA128", 0, 0, 0}, {"CAMELLIA256", 0, 0, 0},
    {"ARIA", 0, 0, 0}, {"ARIA128", 0, 0, 0}, {"ARIA256", 0, 0, 0}, {"ARIAGCM", 0, 0, 0},
    {"AESCCM", 0, 0, 0}, {"AESCCM8", 0, 0, 0}, {"PSK", 0, 0, 0}, {"kPSK", 0, 0, 0},
    {"aPSK", 0, 0, 0}, {"SRP", 0, 0, 0}, {"kSRP", 0, 0, 0}, {"aSRP", 0, 0, 0}, {"DSS", 0, 0, 0},
    {"aDSS", 0, 0, 0}, {"ADH", 0, 0, 0}, {"AECDH", 0, 0, 0}, {"kDHEPSK", 0, 0, 0},
    {"kECDHEPSK", 0, 0, 0}, {"kRSAPSK", 0, 0, 0}, {"GOST94", 0, 0, 0}, {"aGOST", 0, 0, 0},
    {"kGOST", 0, 0, 0},
};
/* clang-format on */

_Static_assert(ARRAY_LEN(suites) <= 64, "a set of suites is a number");

struct list {
    size_t order[ARRAY_LEN(suites)]; /* which, the wanted ones first */
    size_t count;
    uint64_t killed;
    const char *profile; /* of GnuTLS, for @SECLEVEL; or NULL */
};

static bool is_of_gnutls(const char *list)
{
    static const char *const starts[] = {"NORMAL", "SECURE", "SUITEB", "PERFORMANCE",
                                         "PFS",    "LEGACY", "NONE",   "SYSTEM"};
    for (size_t i = 0; i < ARRAY_LEN(starts); i++) {
        if (strncmp(list, starts[i], strlen(starts[i])) == 0) {
            return true;
        }
    }
    return list[0] == '@' && strncmp(list, "@SECLEVEL", 9) != 0 &&
           strncmp(list, "@STRENGTH", 9) != 0;
}

/* ---- what a word means ---- */

static const char *nearest_word(const char *text)
{
    const char *names[ARRAY_LEN(words) + ARRAY_LEN(suites)];
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        names[i] = words[i].name;
    }
    for (size_t i = 0; i < ARRAY_LEN(suites); i++) {
        names[ARRAY_LEN(words) + i] = suites[i].name;
    }
    return nearest(text, names, ARRAY_LEN(names));
}

static bool has_parts(const struct suite *s, const struct word *w)
{
    return (w->kx & ONE(s->kx)) != 0 && (w->enc & ONE(s->enc)) != 0 && (w->mac & ONE(s->mac)) != 0;
}

/* The suites that @text, one word without signs, stands for. */
static int means(const char *text, uint64_t *ret_set, struct err *err)
{
    *ret_set = 0;
    for (size_t i = 0; i < ARRAY_LEN(suites); i++) {
        if (strcmp(suites[i].name, text) == 0) {
            *ret_set = UINT64_C(1) << i;
            return 0;
        }
    }
    for (size_t w = 0; w < ARRAY_LEN(words); w++) {
        if (strcmp(words[w].name, text) != 0) {
            continue;
        }
        for (size_t i = 0; i < ARRAY_LEN(suites); i++) {
            *ret_set |= has_parts(&suites[i], &words[w]) ? UINT64_C(1) << i : 0;
        }
        return 0;
    }
    const char *other = nearest_word(text);
    return err_set(err, ERR_INVALID, "\"%s\" is no cipher that is offered here%s%s%s", text,
                   other != NULL ? "; did you mean " : "", other != NULL ? other : "",
                   other != NULL ? "?" : "");
}

/* "ECDHE+AESGCM": what is in all of them. */
static int means_all(const char *term, uint64_t *ret_set, struct err *err)
{
    uint64_t all = ~UINT64_C(0);
    while (*term != '\0') {
        char word[WORD_MAX];
        size_t size = strcspn(term, "+");
        uint64_t one = 0;
        if (size >= sizeof(word)) {
            return err_set(err, ERR_INVALID, "\"%s\" is no cipher", term);
        }
        (void)snprintf(word, sizeof(word), "%.*s", (int)size, term);
        int code = means(word, &one, err);
        if (code != 0) {
            return code;
        }
        all &= one;
        term += size + (term[size] == '+' ? 1 : 0);
    }
    *ret_set = all;
    return 0;
}

/* ---- the list ---- */

static bool take_out(struct list *list, size_t suite)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->order[i] == suite) {
            list->count--;
            memmove(&list->order[i], &list->order[i + 1],
                    (list->count - i) * sizeof(list->order[0]));
            return true;
        }
    }
    return false;
}

static void apply(struct list *list, char sign, uint64_t set)
{
    list->killed |= sign == '!' ? set : 0;
    for (size_t i = 0; i < ARRAY_LEN(suites); i++) {
        bool is_meant = (set >> i & 1) != 0;
        bool is_killed = (list->killed >> i & 1) != 0;
        if (!is_meant) {
            continue;
        }
        bool was = sign == '\0' ? false : take_out(list, i);
        bool there = false;
        for (size_t at = 0; at < list->count; at++) {
            there = there || list->order[at] == i;
        }
        bool wanted = sign == '\0' || (sign == '+' && was);
        if (wanted && !there && !is_killed) {
            list->order[list->count] = i;
            list->count++;
        }
    }
}

/* "@STRENGTH": our order is that already. */
static int take_command(struct list *list, const char *term, struct err *err)
{
    static const char *const profiles[] = {"", "%PROFILE_LOW", "%PROFILE_MEDIUM", "%PROFILE_HIGH",
                                           "%PROFILE_ULTRA"};
    if (strcmp(term, "@STRENGTH") == 0) {
        return 0;
    }
    const char *level = strncmp(term, "@SECLEVEL=", 10) == 0 ? term + 10 : "";
    if (level[0] < '0' || level[0] > '4' || level[1] != '\0') {
        return err_set(err, ERR_INVALID, "\"%s\" can not be translated for GnuTLS", term);
    }
    list->profile = profiles[level[0] - '0'];
    return 0;
}

static int take_term(struct list *list, const char *term, struct err *err)
{
    uint64_t set = 0;
    if (term[0] == '@') {
        return take_command(list, term, err);
    }
    char sign = strchr("!-+", term[0]) != NULL ? term[0] : '\0';
    int code = means_all(term + (sign != '\0' ? 1 : 0), &set, err);
    if (code == 0 && sign == '\0' && set == 0) {
        return err_set(err, ERR_INVALID, "nothing that is offered here is %s: leave it out", term);
    }
    if (code == 0) {
        apply(list, sign, set);
    }
    return code;
}

static int take_list(struct list *list, const char *text, struct err *err)
{
    const char *between = ":, ";
    for (const char *at = text + strspn(text, between); *at != '\0'; at += strspn(at, between)) {
        char term[2 * WORD_MAX];
        size_t size = strcspn(at, between);
        if (size >= sizeof(term)) {
            return err_set(err, ERR_INVALID, "\"%.*s\" is no cipher", (int)size, at);
        }
        (void)snprintf(term, sizeof(term), "%.*s", (int)size, at);
        int code = take_term(list, term, err);
        if (code != 0) {
            return code;
        }
        at += size;
    }
    return list->count > 0 ? 0 : err_set(err, ERR_INVALID, "no cipher is left of \"%s\"", text);
}

/* ---- in parts ---- */

struct parts {
    unsigned kx;
    unsigned enc;
    unsigned mac;
    struct buf words[3];
};

static void add_part(unsigned *set, unsigned value, const char *word, struct buf *out)
{
    if ((*set & ONE(value)) == 0) {
        *set |= ONE(value);
        buf_printf(out, ":+%s", word);
    }
}

static void take_apart(const struct list *list, struct parts *p)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct suite *s = &suites[list->order[i]];
        if (s->kx != KX_ANY) {
            add_part(&p->kx, s->kx, kx_words[s->kx], &p->words[0]);
        }
        add_part(&p->enc, s->enc, enc_words[s->enc], &p->words[1]);
        add_part(&p->mac, s->mac, mac_words[s->mac], &p->words[2]);
    }
}

/* A suite that the list excludes and the parts of others make up; or NULL. */
static const char *excluded(const struct list *list, const struct parts *p)
{
    const struct word all = {NULL, p->kx | ONE(KX_ANY), p->enc, p->mac};
    for (size_t i = 0; i < ARRAY_LEN(suites); i++) {
        if ((list->killed >> i & 1) != 0 && has_parts(&suites[i], &all)) {
            return suites[i].name;
        }
    }
    return NULL;
}

static void say(const struct list *list, const struct parts *p, struct buf *out)
{
    bool has_13 = (p->mac & ONE(MAC_AEAD)) != 0;
    buf_printf(out, "NORMAL:-VERS-ALL%s%s:-KX-ALL%s:-CIPHER-ALL%s:-MAC-ALL%s",
               has_13 ? ":+VERS-TLS1.3" : "", p->kx != 0 ? ":+VERS-TLS1.2" : "",
               p->kx != 0 ? buf_text(&p->words[0]) : ":+ECDHE-RSA:+ECDHE-ECDSA",
               buf_text(&p->words[1]), buf_text(&p->words[2]));
    if (list->profile != NULL && list->profile[0] != '\0') {
        buf_printf(out, ":%s", list->profile);
    }
}

int ciphers_translate(const char *text, struct buf *out, struct err *err)
{
    struct list list = {.count = 0};
    struct parts parts = {.kx = 0};
    if (is_of_gnutls(text)) {
        buf_printf(out, "%s", text);
        return 0;
    }
    int code = take_list(&list, text, err);
    if (code == 0) {
        take_apart(&list, &parts);
        const char *other = excluded(&list, &parts);
        if (other != NULL) {
            code = err_set(err, ERR_INVALID,
                           "%s is excluded, and is made of parts of suites that are not: GnuTLS "
                           "chooses key exchange, cipher and MAC apart",
                           other);
        } else {
            say(&list, &parts, out);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(parts.words); i++) {
        buf_close(&parts.words[i]);
    }
    return code;
}
