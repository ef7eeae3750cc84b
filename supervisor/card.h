/* supervisor/card.h - what a member shows people and their tools of itself, beside its words: the
 * part of a view that only the member knows (GET /cluster, `pgraftctl list`).
 *
 * Pure. Travels as the card of the member's words (words.h) and decides nothing, so what can not be
 * read of it is left out. What does not fit is left out too: reasons of a restart first, then
 * tags. */
#ifndef SUPERVISOR_CARD_H_
#define SUPERVISOR_CARD_H_

#include "supervisor/cluster_view.h"
#include "supervisor/words.h"

/* @member: of this node's own view; its name, and what facts say of it, are not in the card. */
void card_encode(const struct view_member *member, char out[WORDS_CARD_SIZE]);
/* Fills in what the card of @text says. False: it says nothing that can be read. */
bool card_decode(const char *text, struct view_member *member);

#endif /* SUPERVISOR_CARD_H_ */
