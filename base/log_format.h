/* base/log_format.h - how one event looks: a line of text or a line of JSON. Pure.
 *
 *     2026-11-20T22:17:03.412Z info  supervisor decide: rule=lease-held lease_remaining_ms=8400
 *     {"time":"2026-11-20T22:17:03.412Z","level":"info","module":"supervisor","event":"decide",...}
 *
 * Whatever bytes a value holds, the result is exactly one line that a terminal can show:
 *   text   a value of other than plain characters is quoted; control characters, quotes, bytes that
 *          are not UTF-8 (\xff) and invisible or direction-changing characters (\u202e) are escaped
 *   JSON   valid for every input; bytes that are not UTF-8 become U+FFFD
 * A value over LOG_VALUE_MAX bytes is cut and ends in "...". Modules and events are our own words:
 * what does not belong there is shown as '?'. */
#ifndef BASE_LOG_FORMAT_H_
#define BASE_LOG_FORMAT_H_

#include <stdint.h>

#include "base/buf.h"
#include "base/log.h"

#define LOG_VALUE_MAX 4096
#define LOG_FIELDS_MAX 24

struct log_record {
    uint64_t wall_ns;
    enum log_level level;
    const char *module;
    const char *event;
    const struct log_field *fields; /* ends with LOG_END */
};

/* Append the line and its newline. A bad key ends the process (base/log.h). */
void log_format_plain(struct buf *out, const struct log_record *record);
void log_format_json(struct buf *out, const struct log_record *record);

#endif /* BASE_LOG_FORMAT_H_ */
