/* tests/unit/test_ciphers.c - lists of ciphers as OpenSSL reads them: what they become for GnuTLS,
 * which has to take it, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <gnutls/gnutls.h>

#include "base/cleanup.h"
#include "base/must.h"
#include "config/ciphers.h"

#define TLS "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-KX-ALL"
#define ALL_KX ":+ECDHE-ECDSA:+ECDHE-RSA:+DHE-RSA"
#define AEAD_CIPHERS ":+AES-256-GCM:+CHACHA20-POLY1305:+AES-128-GCM"

/* clang-format off */
static const struct {
    const char *list;
    const char *priorities;
} good[] = {
    {"NORMAL:-VERS-TLS1.3", "NORMAL:-VERS-TLS1.3"}, /* one of GnuTLS stays as it is */
    {"SECURE128", "SECURE128"},
    {"ECDHE-RSA-AES128-GCM-SHA256",
     TLS ":+ECDHE-RSA:-CIPHER-ALL:+AES-128-GCM:-MAC-ALL:+AEAD"},
    {"ECDHE+AESGCM:ECDHE+CHACHA20",
     TLS ":+ECDHE-ECDSA:+ECDHE-RSA:-CIPHER-ALL:+AES-256-GCM:+AES-128-GCM:+CHACHA20-POLY1305:-MAC-ALL:+AEAD"},
    {"HIGH:!aNULL:!MD5:!kRSA:!SHA1:!SHA256:!SHA384", /* "!" of what is never offered changes nothing */
     TLS ALL_KX ":-CIPHER-ALL" AEAD_CIPHERS ":-MAC-ALL:+AEAD"},
    {"ALL:-kRSA",
     TLS ALL_KX ":-CIPHER-ALL" AEAD_CIPHERS ":+AES-256-CBC:+AES-128-CBC:-MAC-ALL:+AEAD:+SHA384:+SHA256:+SHA1"},
    {"ECDHE-RSA-AES256-SHA", /* TLS 1.3 has none of it */
     "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+ECDHE-RSA:-CIPHER-ALL:+AES-256-CBC:-MAC-ALL:+SHA1"},
    {"TLS_AES_128_GCM_SHA256", /* and TLS 1.2 none of this */
     "NORMAL:-VERS-ALL:+VERS-TLS1.3:-KX-ALL:+ECDHE-RSA:+ECDHE-ECDSA:-CIPHER-ALL:+AES-128-GCM:-MAC-ALL:+AEAD"},
    {"ECDHE-RSA-CHACHA20-POLY1305, ECDHE-RSA-AES128-GCM-SHA256", /* the order is kept */
     TLS ":+ECDHE-RSA:-CIPHER-ALL:+CHACHA20-POLY1305:+AES-128-GCM:-MAC-ALL:+AEAD"},
    {"ECDHE+AESGCM+aRSA:+AES256", /* "+": to the end */
     TLS ":+ECDHE-RSA:-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:-MAC-ALL:+AEAD"},
    {"ECDHE+aRSA:-SHA1:-SHA256:-SHA384:@STRENGTH:@SECLEVEL=2",
     TLS ":+ECDHE-RSA:-CIPHER-ALL" AEAD_CIPHERS ":-MAC-ALL:+AEAD:%PROFILE_MEDIUM"},
    {"!AES128:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384", /* excluded for good */
     TLS ":+ECDHE-RSA:-CIPHER-ALL:+AES-256-GCM:-MAC-ALL:+AEAD"},
};

static const struct {
    const char *list;
    const char *message;
} bad[] = {
    {"", "no cipher is left of \"\""},
    {"HIGH:!ALL", "no cipher is left of \"HIGH:!ALL\""},
    {"ECDHE-RSA-AES128-GCM-SHA265",
     "\"ECDHE-RSA-AES128-GCM-SHA265\" is no cipher that is offered here; did you mean "
     "ECDHE-RSA-AES128-GCM-SHA256?"},
    {"DES-CBC3-SHA", "\"DES-CBC3-SHA\" is no cipher that is offered here"},
    {"HIGH:!nonsense", "\"nonsense\" is no cipher that is offered here"},
    {"HIGH:MEDIUM", "nothing that is offered here is MEDIUM: leave it out"},
    {"ECDHE+kRSA", "nothing that is offered here is ECDHE+kRSA: leave it out"},
    {"HIGH:@SECLEVEL=9", "\"@SECLEVEL=9\" can not be translated for GnuTLS"},
    {"ECDHE:!ECDHE-RSA-AES128-GCM-SHA256",
     "ECDHE-RSA-AES128-GCM-SHA256 is excluded, and is made of parts of suites that are not: GnuTLS "
     "chooses key exchange, cipher and MAC apart"},
};
/* clang-format on */

static void what_is_translated_is_taken_by_gnutls(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        CLEANUP(buf_close) struct buf out = {0};
        struct err err = {0};
        gnutls_priority_t cache = NULL;
        assert_int_equal(ciphers_translate(good[i].list, &out, &err), 0);
        assert_string_equal(buf_text(&out), good[i].priorities);
        assert_int_equal(gnutls_priority_init(&cache, buf_text(&out), NULL), 0);
        gnutls_priority_deinit(cache);
    }
}

static void what_can_not_be_translated_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        CLEANUP(buf_close) struct buf out = {0};
        struct err err = {0};
        assert_int_equal(ciphers_translate(bad[i].list, &out, &err), ERR_INVALID);
        assert_string_equal(err.msg, bad[i].message);
        assert_int_equal(out.size, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_translated_is_taken_by_gnutls),
        cmocka_unit_test(what_can_not_be_translated_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
