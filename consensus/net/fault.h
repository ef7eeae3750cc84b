/* consensus/net/fault.h - what went wrong with a connection: a kind for programs, a text for
 * people.
 */
#ifndef CONSENSUS_NET_FAULT_H_
#define CONSENSUS_NET_FAULT_H_

#include <stdbool.h>

#include "consensus/net/net.h"

#define FAULT_TEXT_SIZE 320

struct fault {
    enum net_event_kind kind;
    bool told; /* the other side said so */
    char text[FAULT_TEXT_SIZE];
};

/* Fill @fault and return -1. */
int fault_set(struct fault *fault, enum net_event_kind kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The number under which the other side is told, and back; an unknown one is NET_REFUSED. */
enum refusal_reason fault_reason(enum net_event_kind kind);
enum net_event_kind fault_kind(uint32_t reason);

/* An answer to one's attempt that trying again soon does not change. */
bool fault_is_refusal(enum net_event_kind kind);

#endif /* CONSENSUS_NET_FAULT_H_ */
