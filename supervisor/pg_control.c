/* supervisor/pg_control.c - takes PostgreSQL's control file apart.
 *
 * The members read here stand at the same place in all layouts from 13 to 18: version 17 put the
 * WAL level into a gap, version 18 added one byte near the end, which moves the checksum alone. */
#include "supervisor/pg_control.h"

#include <string.h>

#include "base/crc32c.h"
#include "base/get.h"
#include "base/must.h"

/* Where things stand, in bytes from the beginning. */
enum {
    AT_SYSTEM_ID = 0,
    AT_VERSION = 8,
    AT_CATALOG_VERSION = 12,
    AT_STATE = 16,
    AT_CHECKPOINT = 32,
    AT_REDO = 40,
    AT_TIMELINE = 48, /* of the last checkpoint */
    AT_MIN_RECOVERY = 136,
    AT_MIN_RECOVERY_TIMELINE = 144, /* right after a promotion, the new one stands here alone */
};

static const struct {
    uint32_t version;
    uint32_t at_sum; /* CRC-32C of everything before it */
} layouts[] = {
    {1300, 288}, /* PostgreSQL 13 to 16 */
    {1700, 288}, /* 17 */
    {1800, 292}, /* 18 */
};

/* Where the checksum stands, 0 for a layout that is not known. */
static uint32_t place_of_sum(uint32_t version)
{
    for (size_t i = 0; i < ARRAY_LEN(layouts); i++) {
        if (layouts[i].version == version) {
            return layouts[i].at_sum;
        }
    }
    return 0;
}

enum pg_control_error pg_control_parse(const void *bytes, size_t size,
                                       struct pg_control *ret_control)
{
    const uint8_t *from = (const uint8_t *)bytes;
    if (size < AT_STATE) {
        return PG_CONTROL_SHORT;
    }
    uint32_t at_sum = place_of_sum(get32(from, AT_VERSION));
    if (at_sum == 0) {
        return PG_CONTROL_UNKNOWN;
    }
    if (size < at_sum + sizeof(uint32_t)) {
        return PG_CONTROL_SHORT;
    }
    uint32_t sum = get32(from, at_sum);
    if (crc32c(from, at_sum) != sum) {
        return PG_CONTROL_TORN;
    }
    uint32_t checkpoint_timeline = get32(from, AT_TIMELINE);
    uint32_t recovery_timeline = get32(from, AT_MIN_RECOVERY_TIMELINE);
    *ret_control = (struct pg_control){
        .system_id = get64(from, AT_SYSTEM_ID),
        .version = get32(from, AT_VERSION),
        .catalog_version = get32(from, AT_CATALOG_VERSION),
        .state = get32(from, AT_STATE),
        .timeline =
            recovery_timeline > checkpoint_timeline ? recovery_timeline : checkpoint_timeline,
        .checkpoint_lsn = get64(from, AT_CHECKPOINT),
        .redo_lsn = get64(from, AT_REDO),
        .min_recovery_lsn = get64(from, AT_MIN_RECOVERY),
        .mark = sum,
    };
    return PG_CONTROL_OK;
}

const char *pg_control_state_text(uint32_t state)
{
    static const char *const texts[] = {
        [PG_CONTROL_STARTUP] = "starting up",
        [PG_CONTROL_SHUT_DOWN] = "shut down",
        [PG_CONTROL_SHUT_DOWN_IN_RECOVERY] = "shut down in recovery",
        [PG_CONTROL_SHUTTING_DOWN] = "shutting down",
        [PG_CONTROL_CRASH_RECOVERY] = "in crash recovery",
        [PG_CONTROL_ARCHIVE_RECOVERY] = "in archive recovery",
        [PG_CONTROL_IN_PRODUCTION] = "in production",
    };
    return state < ARRAY_LEN(texts) ? texts[state] : "unrecognized status code";
}

const char *pg_control_error_text(enum pg_control_error error)
{
    switch (error) {
        case PG_CONTROL_OK:
            return "readable";
        case PG_CONTROL_SHORT:
            return "too short to be a control file";
        case PG_CONTROL_UNKNOWN:
            return "of a PostgreSQL that this program does not know (13 to 18 are known)";
        case PG_CONTROL_TORN:
            return "fails its checksum";
    }
    return "unknown";
}
