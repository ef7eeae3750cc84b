/* consensus/form_say.c - where formation stands, for programs and for people. */
#include <string.h>

#include "base/must.h"
#include "consensus/form_internal.h"

static bool is_refusal(enum form_trouble trouble)
{
    switch (trouble) {
        case TROUBLE_TWO_NODES:
        case TROUBLE_SAME_ID:
        case TROUBLE_OTHER_LIST:
        case TROUBLE_NEVER_FORMS:
        case TROUBLE_WE_ARE_OLD:
            return true;
        case TROUBLE_NONE:
        case TROUBLE_NEVER_HEARD:
        case TROUBLE_SILENT:
        case TROUBLE_MEMBER:
        case TROUBLE_PROMISED:
            break;
    }
    return false;
}

static bool has_refusal(const struct form *f)
{
    if (form_barred(f) != NULL || form_has_namesake(f)) {
        return true;
    }
    for (size_t i = 0; i < f->peers_count; i++) {
        const struct form_peer *p = &f->peers[i];
        if (p->listed && form_is_wanted(f, p->is.name) && is_refusal(form_trouble(f, p))) {
            return true;
        }
    }
    return false;
}

enum form_state form_state(const struct form *f)
{
    if (f->formed) {
        return FORM_FORMED;
    }
    if (f->pending != 0) {
        return FORM_WRITING;
    }
    bool two = false;
    if (form_joinable(f, &two) != NULL) {
        return FORM_JOIN;
    }
    if (two || (!f->record.promised && has_refusal(f))) {
        return FORM_REFUSED;
    }
    if (f->record.promised) {
        return form_own_proposal(f) ? FORM_PROPOSING : FORM_BOUND;
    }
    return FORM_WAITING;
}

const char *form_state_name(enum form_state state)
{
    static const char *const names[] = {
        [FORM_WAITING] = "waiting", [FORM_PROPOSING] = "proposing", [FORM_BOUND] = "promised",
        [FORM_WRITING] = "writing", [FORM_REFUSED] = "refused",     [FORM_FORMED] = "formed",
        [FORM_JOIN] = "join",
    };
    return names[state];
}

bool form_found(const struct form *f, struct form_found *out)
{
    memset(out, 0, sizeof(*out));
    enum form_state state = form_state(f);
    if (state == FORM_FORMED) {
        memcpy(out->cluster_id, f->identity.cluster_id, CLUSTER_ID_SIZE);
        return true;
    }
    if (state == FORM_JOIN) {
        const struct form_peer *p = form_joinable(f, NULL);
        memcpy(out->cluster_id, p->key.cluster_id, CLUSTER_ID_SIZE);
        out->peer = p->info;
        return true;
    }
    return false;
}

/* --- for whom --- */

/* Bound: for the proposer alone. Own proposal: for who has not promised. Else: for who can not be
 * proposed to. */
static bool waits_for(const struct form *f, const struct form_peer *p)
{
    if (f->record.promised && !form_own_proposal(f)) {
        return strcmp(p->is.name, f->record.promise.at[0].name) == 0;
    }
    if (!p->listed || !form_is_wanted(f, p->is.name)) {
        return false;
    }
    if (form_own_proposal(f)) {
        return !form_has_promised(f, p);
    }
    enum form_trouble trouble = form_trouble(f, p);
    /* Who promised itself to its own proposal is about to offer it to us. */
    bool proposes = trouble == TROUBLE_PROMISED && p->key.proposer == p->info.id;
    return trouble != TROUBLE_NONE && (!proposes || form_is_proposer(f));
}

size_t form_waits_for(const struct form *f, const char *names[FORM_LIST_MAX])
{
    size_t count = 0;
    enum form_state state = form_state(f);
    bool over = state == FORM_FORMED || state == FORM_JOIN;
    for (size_t i = 0; !over && i < f->peers_count && count < FORM_LIST_MAX; i++) {
        if (waits_for(f, &f->peers[i])) {
            names[count] = f->peers[i].is.name;
            count++;
        }
    }
    /* All is well, and it is the first's turn. */
    if (!over && count == 0 && !f->record.promised && !form_is_proposer(f)) {
        for (size_t i = 0; i < f->settings.list.count && count == 0; i++) {
            if (form_is_wanted(f, f->settings.list.at[i].name)) {
                names[0] = f->settings.list.at[i].name;
                count = 1;
            }
        }
    }
    return count;
}

/* --- in words --- */

static void say_silence(const struct form *f, const struct form_peer *p, struct buf *out)
{
    uint64_t ms = f->now_ms - p->heard_ms;
    buf_printf(out, "%s (%s) was last heard %llu.%llu s ago", p->is.name, p->is.address,
               (unsigned long long)(ms / 1000), (unsigned long long)(ms % 1000 / 100));
}

static void say_trouble(const struct form *f, const struct form_peer *p, struct buf *out)
{
    const char *name = p->is.name;
    switch (form_trouble(f, p)) {
        case TROUBLE_NONE:
            buf_printf(out, "%s has not promised yet", name);
            return;
        case TROUBLE_NEVER_HEARD:
            buf_printf(out, "%s (%s) was not heard yet", name, p->is.address);
            return;
        case TROUBLE_SILENT:
            say_silence(f, p, out);
            return;
        case TROUBLE_TWO_NODES:
            buf_printf(out, "two nodes use the name %s: %016llx and %016llx", name,
                       (unsigned long long)p->info.id, (unsigned long long)p->other_id);
            return;
        case TROUBLE_SAME_ID:
            buf_printf(out, "%s has the id of another node: its directory is a copy, remove it",
                       name);
            return;
        case TROUBLE_MEMBER:
            buf_printf(out, "%s belongs to a cluster", name);
            return;
        case TROUBLE_OTHER_LIST:
            buf_printf(out, "the lists differ: ");
            form_list_difference(&f->settings.list, &p->list, name, out);
            return;
        case TROUBLE_NEVER_FORMS:
            buf_printf(out, "%s has a PGDATA and forms no cluster: see there", name);
            return;
        case TROUBLE_PROMISED:
            buf_printf(out, "%s is promised to another proposal, of %016llx: see there", name,
                       (unsigned long long)p->key.proposer);
            return;
        case TROUBLE_WE_ARE_OLD:
            buf_printf(out,
                       "%s has promised to a proposal of this node that its disk does not know: "
                       "it is an old copy, remove the directory",
                       name);
            return;
    }
}

static void say_bound(const struct form *f, struct buf *out)
{
    const struct form_proposal *p = &f->record.promise;
    buf_printf(out, "promised to proposal %llu of %s (%016llx), waits for it to form the cluster",
               (unsigned long long)p->number, p->at[0].name, (unsigned long long)p->at[0].id);
    for (size_t i = 0; i < f->peers_count; i++) {
        const struct form_peer *peer = &f->peers[i];
        if (strcmp(peer->is.name, p->at[0].name) != 0) {
            continue;
        }
        if (form_present(f, peer) && peer->info.id != p->at[0].id) {
            buf_printf(out,
                       ": %s came back as another node, %016llx; if what it was is lost for good: "
                       "pgraftctl raft forget",
                       peer->is.name, (unsigned long long)peer->info.id);
        } else if (form_trouble(f, peer) != TROUBLE_NONE &&
                   form_trouble(f, peer) != TROUBLE_PROMISED) {
            buf_str(out, ": ");
            say_trouble(f, peer, out);
        }
    }
}

static void say_waiting(const struct form *f, struct buf *out)
{
    const char *names[FORM_LIST_MAX];
    const char *lead = form_state(f) == FORM_REFUSED ? "no cluster can be formed: "
                       : form_own_proposal(f)        ? "proposed, waits: "
                                                     : "waits: ";
    size_t said = 0;
    for (size_t i = 0; i < f->peers_count; i++) {
        if (waits_for(f, &f->peers[i])) {
            buf_str(out, said == 0 ? lead : "; ");
            say_trouble(f, &f->peers[i], out);
            said++;
        }
    }
    if (said == 0 && form_waits_for(f, names) > 0) {
        buf_printf(out, "waits for %s to propose", names[0]);
    } else if (said == 0) {
        buf_str(out, "about to propose");
    }
}

static void say_strangers(const struct form *f, struct buf *out)
{
    for (size_t i = 0; i < FORM_STRANGERS_MAX; i++) {
        const struct form_peer *p = &f->strangers[i];
        if (form_present(f, p) && p->standing != FORM_MEMBER) {
            buf_printf(out, "; %s (%s) has us in its list and is not in ours", p->is.name,
                       p->is.address);
        }
    }
}

void form_say(const struct form *f, struct buf *out)
{
    enum form_state state = form_state(f);
    bool two = false;
    (void)form_joinable(f, &two);
    if (state == FORM_FORMED || state == FORM_JOIN) {
        return;
    }
    if (state == FORM_WRITING) {
        buf_str(out, "waits for the disk");
    } else if (two) {
        buf_str(out, "the peers belong to different clusters: this node joins neither");
    } else if (form_barred(f) != NULL && !f->record.promised) {
        buf_str(out, form_barred(f));
    } else if (form_has_namesake(f)) {
        buf_printf(out, "another node uses the name %s: %016llx", f->settings.name,
                   (unsigned long long)f->namesake_id);
    } else if (f->record.promised && !form_own_proposal(f)) {
        say_bound(f, out);
    } else {
        say_waiting(f, out);
    }
    say_strangers(f, out);
}

bool form_peer_at(const struct form *f, size_t at, struct form_seen *out, struct buf *trouble)
{
    if (at >= f->peers_count) {
        return false;
    }
    const struct form_peer *p = &f->peers[at];
    *out = (struct form_seen){.name = p->is.name,
                              .address = p->is.address,
                              .id = p->heard ? p->info.id : 0,
                              .heard_ms = p->heard ? f->now_ms - p->heard_ms : UINT64_MAX,
                              .info = &p->info};
    enum form_trouble what = form_trouble(f, p);
    if (what != TROUBLE_NONE && what != TROUBLE_NEVER_HEARD && what != TROUBLE_SILENT) {
        say_trouble(f, p, trouble);
    }
    return true;
}

void form_advise(size_t voters, struct buf *out)
{
    if (voters == 1) {
        buf_str(out,
                "one voter: there is no copy of the store, and the cluster is down when the "
                "node is");
    } else if (voters == 2) {
        buf_str(out,
                "two voters: the cluster stands still when one of them is gone, and nothing "
                "can be replaced meanwhile; a witness makes it three");
    } else if (voters % 2 == 0) {
        buf_printf(out, "%zu voters: the cluster survives the loss of %zu, no more than with %zu",
                   voters, voters / 2 - 1, voters - 1);
    }
}
