/* base/crc32c.h - CRC-32C (Castagnoli), the checksum of every record and frame.
 *
 * Uses the processor's instruction where there is one (SSE4.2, ARMv8), else tables; the choice is
 * made at run time and gives the same values. Finds accidents, not attackers. */
#ifndef BASE_CRC32C_H_
#define BASE_CRC32C_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of all of @bytes. crc32c("123456789") = 0xe3069283. */
uint32_t crc32c(const void *bytes, size_t size);
/* Continue: crc32c_extend(crc32c(a), b) = crc32c(a ++ b); the CRC of nothing is 0. */
uint32_t crc32c_extend(uint32_t crc, const void *bytes, size_t size);

/* The two ways, for tests and bench/: the tables, and the instruction if crc32c_has_instruction().
 */
uint32_t crc32c_extend_by_table(uint32_t crc, const void *bytes, size_t size);
uint32_t crc32c_extend_by_instruction(uint32_t crc, const void *bytes, size_t size);
bool crc32c_has_instruction(void);

#endif /* BASE_CRC32C_H_ */
