/* supervisor/speak.h - says this node's words to all others, when there is something new.
 *
 * Soft state: no log, no disk. The number in it goes on twice a second as long as this is called,
 * so the others see that the supervisor is well. Same thread and life as store_view.h. */
#ifndef SUPERVISOR_SPEAK_H_
#define SUPERVISOR_SPEAK_H_

#include "supervisor/words.h"

struct speak {
    struct pgraft *store;
    struct words words; /* as they were said last */
    bool has_said;
    uint64_t beat_ms;
};

void speak_open(struct speak *s, struct pgraft *store);

/* @card: a JSON object or "". False: it was too long and went without it, or the store did not take
 * it: then with the next call. */
bool speak_say(struct speak *s, uint64_t now_ms, const struct member_facts *facts,
               const char *card);

#endif /* SUPERVISOR_SPEAK_H_ */
