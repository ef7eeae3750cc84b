/* config/ciphers.h - a list of ciphers as OpenSSL reads it, in the words of GnuTLS.
 *
 * Patroni hands restapi.ciphers to OpenSSL; here GnuTLS speaks TLS. OpenSSL names whole suites,
 * GnuTLS key exchange, cipher and MAC apart, so suites that are made of the same parts come along,
 * but never one that the list excludes with "!": such a list is refused. */
#ifndef CONFIG_CIPHERS_H_
#define CONFIG_CIPHERS_H_

#include "base/buf.h"
#include "base/err.h"

/* Append the priority string of GnuTLS for @list: that of OpenSSL, or one of GnuTLS as it is.
 * ERR_INVALID: something in it is not known, not offered, or can not be said. */
int ciphers_translate(const char *list, struct buf *out, struct err *err);

#endif /* CONFIG_CIPHERS_H_ */
