/* consensus/net/judge.h - may these two nodes talk? By what they say of themselves. Pure.
 *
 * Both sides judge by the same rules, so that either may refuse first. */
#ifndef CONSENSUS_NET_JUDGE_H_
#define CONSENSUS_NET_JUDGE_H_

#include "consensus/net/fault.h"
#include "proto/preface.h"

/* Both name a cluster, and not the same one. */
bool judge_clusters_differ(const uint8_t a[PEER_CLUSTER_ID_SIZE],
                           const uint8_t b[PEER_CLUSTER_ID_SIZE]);

/* 0: nothing against it; 1: @theirs is this very process; -1: @fault is what both are told. */
int judge_preface(const struct preface *ours, const struct preface *theirs, struct fault *fault);

/* Of two connections between the nodes @own and @other, is one that this side has dialled, or not,
 * to be preferred to the one that stands? The node with the lower id dials; among equals the newer
 * one is the better. */
bool judge_newer_is_better(uint64_t own, uint64_t other, bool stands_dialled, bool newer_dialled);

#endif /* CONSENSUS_NET_JUDGE_H_ */
