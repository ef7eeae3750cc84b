/* consensus/net/judge.c - the questions in the order in which the answers help most. */
#include "consensus/net/judge.h"

#include <stdio.h>
#include <string.h>

#include "base/must.h"

#define CLUSTER_TEXT_SIZE (2 * PEER_CLUSTER_ID_SIZE + 1)

static bool is_known(const uint8_t id[PEER_CLUSTER_ID_SIZE])
{
    for (size_t i = 0; i < PEER_CLUSTER_ID_SIZE; i++) {
        if (id[i] != 0) {
            return true;
        }
    }
    return false;
}

bool judge_clusters_differ(const uint8_t a[PEER_CLUSTER_ID_SIZE],
                           const uint8_t b[PEER_CLUSTER_ID_SIZE])
{
    return is_known(a) && is_known(b) && memcmp(a, b, PEER_CLUSTER_ID_SIZE) != 0;
}

static const char *cluster_text(const uint8_t id[PEER_CLUSTER_ID_SIZE], char out[CLUSTER_TEXT_SIZE])
{
    for (size_t i = 0; i < PEER_CLUSTER_ID_SIZE; i++) {
        (void)snprintf(out + 2 * i, 3, "%02x", id[i]);
    }
    return out;
}

static int judge_place(const struct preface *ours, const struct preface *theirs,
                       struct fault *fault)
{
    if (strcmp(ours->namespace, theirs->namespace) != 0) {
        return fault_set(fault, NET_OTHER_NAMESPACE,
                         "%s is of namespace \"%.80s\", %s of \"%.80s\": one of the two "
                         "configurations is wrong",
                         ours->name, ours->namespace, theirs->name, theirs->namespace);
    }
    if (strcmp(ours->scope, theirs->scope) != 0) {
        return fault_set(fault, NET_OTHER_SCOPE,
                         "%s is of scope \"%.80s\", %s of \"%.80s\": one of the two configurations "
                         "is wrong",
                         ours->name, ours->scope, theirs->name, theirs->scope);
    }
    if (judge_clusters_differ(ours->cluster_id, theirs->cluster_id)) {
        char our_id[CLUSTER_TEXT_SIZE];
        char their_id[CLUSTER_TEXT_SIZE];
        return fault_set(fault, NET_OTHER_CLUSTER,
                         "%s belongs to cluster %s, %s to %s: empty the data directory of the one "
                         "that is in the wrong cluster, or correct its peers",
                         ours->name, cluster_text(ours->cluster_id, our_id), theirs->name,
                         cluster_text(theirs->cluster_id, their_id));
    }
    return 0;
}

int judge_preface(const struct preface *ours, const struct preface *theirs, struct fault *fault)
{
    if (theirs->oldest > ours->protocol || ours->oldest > theirs->protocol) {
        bool newer = theirs->protocol > ours->protocol;
        return fault_set(fault, NET_OTHER_PROTOCOL,
                         "%s speaks protocol %u to %u, %s %u to %u: upgrade %s", ours->name,
                         ours->oldest, ours->protocol, theirs->name, theirs->oldest,
                         theirs->protocol, newer ? ours->name : theirs->name);
    }
    int rv = judge_place(ours, theirs, fault);
    if (rv != 0 || theirs->node_id != ours->node_id) {
        return rv;
    }
    if (theirs->instance == ours->instance) {
        return 1;
    }
    return fault_set(
        fault, NET_SAME_ID,
        "%s at %s and %s at %s have the same node id %016llx: one was set up by copying "
        "the data directory of the other: stop the copy and empty its directory",
        ours->name, ours->address, theirs->name, theirs->address,
        (unsigned long long)ours->node_id);
}

bool judge_newer_is_better(uint64_t own, uint64_t other, bool stands_dialled, bool newer_dialled)
{
    MUST(own != other);
    bool we_dial = own < other;
    return stands_dialled == newer_dialled || newer_dialled == we_dial;
}
