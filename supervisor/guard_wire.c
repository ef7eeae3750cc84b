/* supervisor/guard_wire.c - the bytes of the messages between pgraftd and the guard.
 *
 * Head: version (2 bytes), kind (2), id (4), count of numbers (4), count of bytes of strings (4).
 * Then the numbers, then the strings, each with its NUL. In the machine's own byte order. */
#include "supervisor/guard_wire.h"

#include <string.h>

#include "base/must.h"

struct head {
    uint16_t version;
    uint16_t kind;
    uint32_t id;
    uint32_t numbers;
    uint32_t text;
};

_Static_assert(sizeof(struct head) == 16, "no padding");

#define REQUEST_NUMBERS 6 /* epoch, how, arguments, variables, watchdog: timeout, margin */
#define EVENT_NUMBERS 19
#define NUMBERS_MAX 64 /* of a newer version */
#define NUMBERS_BEGIN offsetof(struct guard_event, at_ns)

_Static_assert(sizeof(struct guard_event) == (EVENT_NUMBERS + 1) * sizeof(uint64_t),
               "every member of an event is a number on the wire");

static bool is_request(uint16_t kind)
{
    switch (kind) {
#define CASE(code, value, text) case (value):
        GUARD_REQUEST_MAP(CASE)
        return true;
        default:
            return false;
    }
}

static bool is_event(uint16_t kind)
{
    switch (kind) {
        GUARD_EVENT_MAP(CASE)
#undef CASE
        return true;
        default:
            return false;
    }
}

size_t guard_request_encode(const struct guard_request *request, void *out, size_t room)
{
    MUST(is_request(request->kind));
    uint64_t numbers[REQUEST_NUMBERS] = {request->epoch,
                                         request->how,
                                         request->argument_count,
                                         request->variable_count,
                                         request->watchdog_timeout_ns,
                                         request->watchdog_margin_ns};
    size_t at = sizeof(struct head) + sizeof(numbers);
    size_t begin = at;
    size_t count = request->argument_count + request->variable_count;
    if (count > GUARD_WORDS_MAX || room < at) {
        return 0;
    }
    uint8_t *bytes = (uint8_t *)out;
    for (size_t i = 0; i < count; i++) {
        /* The NULL that ends the arguments stands between the two lists. */
        const char *word = request->words[i < request->argument_count ? i : i + 1];
        size_t size = strlen(word) + 1;
        if (size > room - at) {
            return 0;
        }
        memcpy(bytes + at, word, size);
        at += size;
    }
    struct head head = {GUARD_WIRE_VERSION, request->kind, request->id, REQUEST_NUMBERS,
                        (uint32_t)(at - begin)};
    memcpy(bytes, &head, sizeof(head));
    memcpy(bytes + sizeof(head), numbers, sizeof(numbers));
    return at;
}

size_t guard_event_encode(const struct guard_event *event, void *out, size_t room)
{
    MUST(is_event(event->kind));
    struct head head = {GUARD_WIRE_VERSION, event->kind, event->id, EVENT_NUMBERS, 0};
    size_t size = sizeof(head) + EVENT_NUMBERS * sizeof(uint64_t);
    if (room < size) {
        return 0;
    }
    uint8_t *bytes = (uint8_t *)out;
    memcpy(bytes, &head, sizeof(head));
    memcpy(bytes + sizeof(head), (const uint8_t *)event + NUMBERS_BEGIN,
           EVENT_NUMBERS * sizeof(uint64_t));
    return size;
}

/* Copy the head and up to @want numbers; what a shorter message lacks is zero. */
static bool open_message(const void *bytes, size_t size, struct head *head, uint64_t *numbers,
                         size_t want)
{
    if (size < sizeof(*head) || size > GUARD_MESSAGE_MAX) {
        return false;
    }
    memcpy(head, bytes, sizeof(*head));
    if (head->version != GUARD_WIRE_VERSION || head->numbers > NUMBERS_MAX ||
        head->text > GUARD_MESSAGE_MAX ||
        size != sizeof(*head) + head->numbers * sizeof(uint64_t) + head->text) {
        return false;
    }
    memset(numbers, 0, want * sizeof(uint64_t));
    size_t have = head->numbers < want ? head->numbers : want;
    memcpy(numbers, (const uint8_t *)bytes + sizeof(*head), have * sizeof(uint64_t));
    return true;
}

bool guard_request_decode(void *bytes, size_t size, struct guard_request *ret_request)
{
    struct head head;
    uint64_t numbers[REQUEST_NUMBERS];
    if (!open_message(bytes, size, &head, numbers, REQUEST_NUMBERS) || !is_request(head.kind)) {
        return false;
    }
    if (numbers[2] > GUARD_WORDS_MAX || numbers[3] > GUARD_WORDS_MAX - numbers[2]) {
        return false;
    }
    struct guard_request request = {.kind = head.kind,
                                    .id = head.id,
                                    .epoch = numbers[0],
                                    .how = numbers[1],
                                    .watchdog_timeout_ns = numbers[4],
                                    .watchdog_margin_ns = numbers[5],
                                    .argument_count = (size_t)numbers[2],
                                    .variable_count = (size_t)numbers[3]};
    char *at = (char *)bytes + size - head.text;
    char *end = (char *)bytes + size;
    size_t count = request.argument_count + request.variable_count;
    for (size_t i = 0; i < count; i++) {
        char *nul = (char *)memchr(at, '\0', (size_t)(end - at));
        if (nul == NULL) {
            return false;
        }
        request.words[i < request.argument_count ? i : i + 1] = at;
        at = nul + 1;
    }
    if (at != end) {
        return false;
    }
    *ret_request = request;
    return true;
}

bool guard_event_decode(const void *bytes, size_t size, struct guard_event *ret_event)
{
    struct head head;
    uint64_t numbers[EVENT_NUMBERS];
    if (!open_message(bytes, size, &head, numbers, EVENT_NUMBERS) || !is_event(head.kind)) {
        return false;
    }
    ret_event->kind = head.kind;
    ret_event->id = head.id;
    memcpy((uint8_t *)ret_event + NUMBERS_BEGIN, numbers, sizeof(numbers));
    return true;
}

#define TEXT(code, value, text) \
    case (value):               \
        return text;

const char *guard_kind_text(uint16_t kind)
{
    switch (kind) {
        GUARD_REQUEST_MAP(TEXT)
        GUARD_EVENT_MAP(TEXT)
        default:
            return "unknown";
    }
}

const char *guard_reason_text(uint64_t reason)
{
    switch (reason) {
        GUARD_REASON_MAP(TEXT)
        default:
            return "a reason of a newer version";
    }
}
#undef TEXT

const char *guard_phase_text(uint64_t phase)
{
    static const char *const texts[] = {
        [GUARD_IDLE] = "idle",   [GUARD_PREPARE] = "preparing", [GUARD_LAUNCH] = "starting",
        [GUARD_RUN] = "running", [GUARD_END] = "ending",
    };
    return phase < ARRAY_LEN(texts) ? texts[phase] : "unknown";
}
