/* daemon/lease_change.c - a command of the store that pgraft.h has no function for: it is handed to
 * the library as that does with its own. */
#include "daemon/lease_change.h"

#include "consensus/node/face.h"
#include "supervisor/keys.h"

int lease_change(struct pgraft *store, uint64_t epoch, uint64_t ttl_ms,
                 const struct pgraft_call *call, uint64_t *ret_request, struct pgraft_error *error)
{
    struct err err = {.code = 0};
    struct kv_command command = {
        .kind = KV_LEASE_CHANGE,
        .holder_lease = KEYS_PRIMARY_LEASE,
        .holder_epoch = epoch,
        .system = true,
        .lease_change = {.id = KEYS_PRIMARY_LEASE, .epoch = epoch, .ttl_ms = ttl_ms}};
    struct job *job = job_create(JOB_COMMAND);
    if (call->session != NULL) {
        job->has_session = true;
        command.client = call->session->client;
        command.sequence = call->session->sequence;
        command.since = call->session->since;
        command.acked = call->session->acked;
    }
    int code = job_set_command(job, &command, &err);
    if (code != 0) {
        job_free(job);
        return face_error(&err, code, error);
    }
    return face_submit(store, job, call, ret_request, error);
}
