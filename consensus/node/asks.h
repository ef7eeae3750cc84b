/* consensus/node/asks.h - what members ask of each other's runtimes, and what the numbers mean. */
#ifndef CONSENSUS_NODE_ASKS_H_
#define CONSENSUS_NODE_ASKS_H_

enum ask_what {
    ASK_COMMAND = 1, /* bytes: a command; answer: ASK_COMMAND_*, bytes: its result */
    ASK_LEASE_LEFT,  /* numbers: the lease; answer: milliseconds */
    ASK_STATUS,      /* answer: ANSWER_STATUS_* */
    ASK_HEALTH,      /* a confirmed read; answer: the revision */
    ASK_TRANSFER,    /* numbers: to whom, 0: somebody */
    ASK_MEMBER,      /* numbers: enum pgraft_change_kind; bytes: the member's name */
};

enum ask_status_number {
    STATUS_TERM,
    STATUS_LAST,
    STATUS_COMMIT,
    STATUS_APPLIED,
    STATUS_FSYNC_P99_US,
    STATUS_STORE_BYTES,
    STATUS_NUMBERS,
};

#endif /* CONSENSUS_NODE_ASKS_H_ */
