/* proto/peer_codec_form.c - the messages of formation, between the plain structs and the protobuf
 * ones. */
#include "proto/peer_codec_internal.h"

#include <string.h>

void peer_form_hello_write(const struct peer_form_hello *in, Pgraft__Peer__FormHello *out)
{
    pgraft__peer__form_hello__init(out);
    out->info = wire_data(kv_text(in->info));
    out->list = wire_data(kv_text(in->list));
    out->standing = (uint32_t)in->standing;
    out->answer = in->answer;
    out->may_form = in->may_form;
    out->lists_you = in->lists_you;
    out->floor = in->floor;
    out->cluster_id = wire_data(kv_slice(in->cluster_id, sizeof(in->cluster_id)));
    out->proposer = in->proposer;
    out->number = in->number;
    out->hash_low = in->hash_low;
    out->hash_high = in->hash_high;
}

int peer_form_hello_read(struct arena *arena, const Pgraft__Peer__FormHello *in,
                         struct peer_form_hello *out, struct err *err)
{
    int rv = wire_no_unknown(&in->base, "form_hello", err);
    rv = rv != 0 ? rv : peer_text_read(arena, in->info, "form_hello.info", &out->info, err);
    rv = rv != 0 ? rv : peer_text_read(arena, in->list, "form_hello.list", &out->list, err);
    rv = rv != 0 ? rv
                 : peer_cluster_id_read(in->cluster_id, "form_hello.cluster_id", out->cluster_id,
                                        err);
    if (rv == 0 && (in->standing < FORM_BLANK || in->standing > FORM_MEMBER)) {
        rv = err_set(err, ERR_VERSION, "form_hello.standing: %u is not known to this version",
                     in->standing);
    }
    if (rv != 0) {
        return rv;
    }
    out->standing = (enum peer_form_standing)in->standing;
    out->answer = in->answer;
    out->may_form = in->may_form;
    out->lists_you = in->lists_you;
    out->floor = in->floor;
    out->proposer = in->proposer;
    out->number = in->number;
    out->hash_low = in->hash_low;
    out->hash_high = in->hash_high;
    return 0;
}
