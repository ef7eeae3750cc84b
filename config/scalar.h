/* config/scalar.h - what the text of one value means: yes or no, numbers, durations, sizes,
 * addresses.
 *
 * Strict, and the same for a file, a variable and a flag. Each returns 0, or ERR_INVALID with what
 * is wrong and how it is written; messages quote the text, so none of these is for a secret. */
#ifndef CONFIG_SCALAR_H_
#define CONFIG_SCALAR_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* true, yes, on; false, no, off; in any case. */
int scalar_bool(const char *text, bool *ret_value, struct err *err);
/* Nothing, where it stands without quotes: as YAML has it, "", ~, null, Null and NULL. */
bool scalar_is_null(const char *text);
/* Decimal digits. */
int scalar_number(const char *text, uint64_t *ret_value, struct err *err);
/* 30, 0.5: seconds, as Patroni has it; 500ms, 30s, 5min, 2h, 1d. */
int scalar_duration_ms(const char *text, uint64_t *ret_ms, struct err *err);
/* 67108864, 64MiB, 1GiB, 512KiB. */
int scalar_size_bytes(const char *text, uint64_t *ret_bytes, struct err *err);
/* The mode of a file: 0640, 0o640; 416 is what YAML makes of 0640, and is refused with a hint. */
int scalar_mode(const char *text, uint64_t *ret_mode, struct err *err);

/* "host:port" as the wire takes it (proto/member.h); a missing port becomes @port. With @wildcard
 * the host may be "*" too: every address. Appends to @out. */
int scalar_address(const char *text, unsigned port, bool wildcard, struct buf *out,
                   struct err *err);
/* The host of such an address means every address: "*", "0.0.0.0", "[::]". */
bool scalar_is_wildcard(const char *address);
/* It is on this machine and nowhere else: 127.0.0.0/8, [::1], "localhost". */
bool scalar_is_loopback(const char *address);

/* A host name, an address, or a network: "10.0.0.0/8", "fd00::/8". No ports, no brackets. */
int scalar_host_or_network(const char *text, struct err *err);

/* The shortest text that means the same: "500ms", "30s", "64MiB". */
void scalar_print_duration(uint64_t ms, struct buf *out);
void scalar_print_size(uint64_t bytes, struct buf *out);

#endif /* CONFIG_SCALAR_H_ */
