/* consensus/node/face.h - what the files behind pgraft.h share: the handle is a node. */
#ifndef CONSENSUS_NODE_FACE_H_
#define CONSENSUS_NODE_FACE_H_

#include "consensus/node/node.h"

struct pgraft {
    struct node node;
};

/* 0, or the code of @err with its text in @error, which may be NULL. */
int face_error(const struct err *err, int code, struct pgraft_error *error);
/* Hands @job over to the thread; it is no longer the caller's. ERR_BUSY: too many wait. */
int face_submit(struct pgraft *store, struct job *job, const struct pgraft_call *call,
                uint64_t *ret_request, struct pgraft_error *error);

#endif /* CONSENSUS_NODE_FACE_H_ */
