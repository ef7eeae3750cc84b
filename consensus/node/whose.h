/* consensus/node/whose.h - which scope and namespace a data directory belongs to, beside its store:
 * one that is started for another cluster by mistake would bring that cluster's keys along. */
#ifndef CONSENSUS_NODE_WHOSE_H_
#define CONSENSUS_NODE_WHOSE_H_

#include "base/err.h"

struct whose {
    const char *scope;
    const char *space;
};

/* 1: @directory says that it is ours; 0: it says nothing. ERR_REFUSED: it is of another scope or
 * namespace; ERR_CORRUPT: what it says can not be read. */
int whose_check(const char *directory, const struct whose *ours, struct err *err);

/* From now on @directory says that it is ours, whatever it said. */
int whose_note(const char *directory, const struct whose *ours, struct err *err);

#endif /* CONSENSUS_NODE_WHOSE_H_ */
