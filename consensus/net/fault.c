/* consensus/net/fault.c - faults, their names, and their numbers on the wire. */
#include "consensus/net/fault.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/must.h"

int fault_set(struct fault *fault, enum net_event_kind kind, const char *fmt, ...)
{
    *fault = (struct fault){.kind = kind};
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(fault->text, sizeof(fault->text), fmt, args);
    va_end(args);
    return -1;
}

const char *net_event_name(enum net_event_kind kind)
{
    static const char *const names[] = {
#define NET_EVENT_NAME(code, name) [code] = (name),
        NET_EVENT_MAP(NET_EVENT_NAME)
#undef NET_EVENT_NAME
    };
    MUST((unsigned int)kind < ARRAY_LEN(names));
    return names[kind];
}

static const struct {
    enum refusal_reason reason;
    enum net_event_kind kind;
} reasons[] = {
    {REFUSAL_PROTOCOL, NET_OTHER_PROTOCOL},   {REFUSAL_NAMESPACE, NET_OTHER_NAMESPACE},
    {REFUSAL_SCOPE, NET_OTHER_SCOPE},         {REFUSAL_CLUSTER, NET_OTHER_CLUSTER},
    {REFUSAL_SAME_ID, NET_SAME_ID},           {REFUSAL_CERTIFICATE_NAME, NET_CERTIFICATE_NAME},
    {REFUSAL_NOT_ADMITTED, NET_NOT_ADMITTED}, {REFUSAL_GARBAGE, NET_GARBAGE},
    {REFUSAL_TOO_LARGE, NET_TOO_LARGE},       {REFUSAL_DEADLINE, NET_DEADLINE},
    {REFUSAL_TOO_MANY, NET_TOO_MANY},         {REFUSAL_PLAIN, NET_NOT_TLS},
    {REFUSAL_KEYS_GONE, NET_KEYS_GONE},
};

enum refusal_reason fault_reason(enum net_event_kind kind)
{
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
        if (reasons[i].kind == kind) {
            return reasons[i].reason;
        }
    }
    return REFUSAL_OTHER;
}

enum net_event_kind fault_kind(uint32_t reason)
{
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
        if (reasons[i].reason == reason) {
            return reasons[i].kind;
        }
    }
    return NET_REFUSED;
}

bool fault_is_refusal(enum net_event_kind kind)
{
    switch (kind) {
        case NET_UP:
        case NET_DOWN:
        case NET_UNREACHABLE:
        case NET_UNRESOLVED:
        case NET_DEADLINE:
        case NET_SILENT:
        case NET_QUEUE_FULL:
        case NET_TOO_MANY:
        case NET_KEYS_GONE:
            return false;
        case NET_WRONG_SECRET:
        case NET_WRONG_CERTIFICATE:
        case NET_EXPIRED_CERTIFICATE:
        case NET_CERTIFICATE_NAME:
        case NET_NOT_TLS:
        case NET_TLS_FAILED:
        case NET_PLAIN_REFUSED:
        case NET_OTHER_PROTOCOL:
        case NET_OTHER_NAMESPACE:
        case NET_OTHER_SCOPE:
        case NET_OTHER_CLUSTER:
        case NET_SAME_ID:
        case NET_NOT_ADMITTED:
        case NET_GARBAGE:
        case NET_TOO_LARGE:
        case NET_REFUSED:
        case NET_EVENT_KINDS:
            break;
    }
    return true;
}
