/* ctl/plan_words.c - what a layout means, as sentences, as tables and as a document. */
#include "ctl/plan_words.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/must.h"

static const struct output_column node_columns[] = OUTPUT_COLUMNS(
    {"layout", NULL, OUTPUT_TEXT}, {"node", "Node", OUTPUT_TEXT}, {"site", "Site", OUTPUT_TEXT},
    {"runs", "Runs", OUTPUT_TEXT}, {"vote", "Vote", OUTPUT_BOOL});
/* Where there are no sites. */
static const struct output_column plain_node_columns[] = OUTPUT_COLUMNS(
    {"node", "Node", OUTPUT_TEXT}, {"runs", "Runs", OUTPUT_TEXT}, {"vote", "Vote", OUTPUT_BOOL});
static const struct output_column loss_columns[] =
    OUTPUT_COLUMNS({"lost", "Lost", OUTPUT_TEXT}, {"votes_left", "Votes left", OUTPUT_NUMBER},
                   {"databases_left", "Databases left", OUTPUT_NUMBER},
                   {"works", "Works", OUTPUT_BOOL}, {"spare", "Votes to spare", OUTPUT_NUMBER});

static const char *plural(unsigned count)
{
    return count == 1 ? "" : "s";
}

/* --- Sentences --- */

static void say_note(json_t *notes, struct buf *text)
{
    int rc = json_array_append_new(notes, json_string(buf_text(text)));
    MUST(rc == 0);
    buf_clear(text);
}

static void note_number(json_t *notes, const struct plan_layout *l, struct buf *text)
{
    unsigned n = l->votes;
    unsigned more = (n + 1) / 2; /* what n + 1 votes survive, when n is even */
    if (n == 1) {
        buf_str(text, "1 vote: there is no other copy of the store, and nothing may fail.");
    } else if (n == 2) {
        buf_str(text,
                "Warning: with 2 votes both are needed. When one node is gone nothing can be "
                "written, and the lost one can not be replaced. A witness makes 3 votes, which "
                "survive 1 loss.");
    } else if (n % 2 == 0) {
        buf_printf(text,
                   "%u is an even number: a majority is %u, so %u votes survive %u loss%s, no more "
                   "than %u votes do.",
                   n, l->quorum, n, l->survives, l->survives == 1 ? "" : "es", n - 1);
        if (n < PLAN_VOTES_MAX) {
            buf_printf(text, " One witness more makes %u, which survive %u.", n + 1, more);
        }
    } else if (n == PLAN_VOTES_MAX) {
        buf_printf(text, "%u votes are the most that a cluster can have.", n);
    } else {
        buf_printf(text,
                   "One vote more would be an even number: a majority of %u is %u, and no more "
                   "losses are survived.",
                   n + 1, l->quorum + 1);
    }
    say_note(notes, text);
}

static void note_non_voters(json_t *notes, const struct plan_layout *l, struct buf *text)
{
    for (size_t i = 0, named = 0; i < l->node_count; i++) {
        if (!l->nodes[i].votes) {
            buf_printf(text, "%s%s", named++ > 0 ? ", " : "", l->nodes[i].name);
        }
    }
    buf_printf(
        text,
        " %s no vote: a copy of the store and a PostgreSQL that can become primary, but not "
        "counted above. When a voter is removed for good one of them gets its vote%s.",
        l->non_voters == 1 ? "has" : "have",
        l->votes_per_site > 0 ? "; see then that each site still has as many votes as here" : "");
    say_note(notes, text);
}

static void note_setting(json_t *notes, const struct plan_layout *l, struct buf *text)
{
    buf_printf(text, "Needs raft.max_voters: %u in the configuration of every node, ",
               l->set_max_voters);
    if (l->set_max_voters > PLAN_VOTES_DEFAULT) {
        buf_printf(text, "since the default is %d.", PLAN_VOTES_DEFAULT);
    } else {
        buf_str(text, "so that no other database gets a vote.");
    }
    say_note(notes, text);
}

static void note_places(json_t *notes, const struct plan_layout *l, struct buf *text)
{
    if (l->witnesses == 1) {
        buf_str(text,
                "The witness has to be outside of all sites: it must not fail together with one.");
    } else {
        buf_str(text,
                "The witnesses have to be outside of all sites, each in a place of its own: two in "
                "one place are lost together.");
    }
    say_note(notes, text);
}

static json_t *notes_of(const struct plan *plan, const struct plan_layout *l)
{
    json_t *notes = json_array();
    CLEANUP(buf_close) struct buf text = {0};
    note_number(notes, l, &text);
    if (l->set_max_voters != 0) {
        note_setting(notes, l, &text);
    }
    if (l->non_voters > 0) {
        note_non_voters(notes, l, &text);
    }
    if (plan->wish.by_sites && l->witnesses > 0) {
        note_places(notes, l, &text);
    }
    bool last = l == &plan->layouts[plan->layout_count - 1];
    if (last && plan->full_votes != 0) {
        buf_printf(&text, "A vote for every database is no layout here: %u votes, %s.",
                   plan->full_votes,
                   plan->wish.votes_max != 0 ? "more than --max-voters allows"
                                             : "more than a cluster can have");
        say_note(notes, &text);
    }
    return notes;
}

static void say_layout(const struct plan *plan, const struct plan_layout *l, struct buf *out)
{
    buf_printf(out, "%u vote%s: ", l->votes, plural(l->votes));
    unsigned survives = plan->wish.by_sites ? l->survives_sites : l->survives;
    const char *what = plan->wish.by_sites ? "site" : "node";
    unsigned voting = l->votes - l->witnesses;
    if (plan->wish.by_sites) {
        buf_printf(out, "%u in each of %u sites", l->votes_per_site, plan->wish.sites);
    } else {
        buf_printf(out, "%u database%s", voting, plural(voting));
    }
    if (l->witnesses > 0) {
        buf_printf(out, " and %u witness%s%s", l->witnesses, l->witnesses == 1 ? "" : "es",
                   plan->wish.by_sites ? " outside" : "");
    }
    buf_printf(out, ". A majority is %u, so ", l->quorum);
    if (survives == 0) {
        buf_printf(out, "no %s may fail.", what);
        return;
    }
    buf_printf(out, "any %u %s%s", survives, what, plural(survives));
    if (plan->wish.by_sites) {
        buf_printf(out, ", or any %u node%s,", l->survives, plural(l->survives));
    }
    buf_str(out, " may fail.");
}

/* "2 sites and 1 witness" */
static void say_loss(const struct plan *plan, const struct plan_loss *loss, struct buf *out)
{
    const char *what = plan->wish.by_sites ? "witness" : "node";
    const char *many = plan->wish.by_sites ? "es" : "s";
    buf_str(out, "any ");
    if (loss->sites > 0) {
        buf_printf(out, "%u site%s%s", loss->sites, plural(loss->sites),
                   loss->nodes > 0 ? " and " : "");
    }
    if (loss->nodes > 0) {
        buf_printf(out, "%u %s%s", loss->nodes, what, loss->nodes == 1 ? "" : many);
    }
}

/* --- The document --- */

static void put(json_t *object, const char *key, json_t *value)
{
    int rc = json_object_set_new(object, key, value);
    MUST(rc == 0);
}

static void put_count(json_t *object, const char *key, unsigned count)
{
    put(object, key, json_integer(count));
}

static json_t *nodes_of(const struct plan_layout *l)
{
    json_t *nodes = json_array();
    for (size_t i = 0; i < l->node_count; i++) {
        const struct plan_node *node = &l->nodes[i];
        json_t *row = json_object();
        put(row, "layout", json_string(l->name));
        put(row, "node", json_string(node->name));
        put(row, "site", node->site[0] != '\0' ? json_string(node->site) : json_null());
        put(row, "runs", json_string(node->is_database ? "database" : "witness"));
        put(row, "vote", json_boolean(node->votes));
        int rc = json_array_append_new(nodes, row);
        MUST(rc == 0);
    }
    return nodes;
}

static json_t *losses_of(const struct plan *plan, const struct plan_layout *l)
{
    json_t *losses = json_array();
    for (size_t i = 0; i < l->loss_count; i++) {
        const struct plan_loss *loss = &l->losses[i];
        CLEANUP(buf_close) struct buf lost = {0};
        say_loss(plan, loss, &lost);
        json_t *row = json_object();
        put(row, "lost", json_string(buf_text(&lost)));
        put_count(row, "lost_sites", loss->sites);
        put_count(row, "lost_nodes", loss->nodes);
        put_count(row, "votes_left", loss->votes_left);
        put_count(row, "databases_left", loss->databases_left);
        put(row, "works", json_boolean(loss->works));
        put_count(row, "spare", loss->spare);
        int rc = json_array_append_new(losses, row);
        MUST(rc == 0);
    }
    return losses;
}

static json_t *layout_document(const struct plan *plan, const struct plan_layout *l)
{
    CLEANUP(buf_close) struct buf summary = {0};
    say_layout(plan, l, &summary);
    json_t *document = json_object();
    put(document, "layout", json_string(l->name));
    put(document, "summary", json_string(buf_text(&summary)));
    put_count(document, "votes", l->votes);
    put_count(document, "majority", l->quorum);
    put_count(document, "survives_nodes", l->survives);
    put(document, "survives_sites",
        plan->wish.by_sites ? json_integer(l->survives_sites) : json_null());
    put_count(document, "databases", l->databases);
    put_count(document, "witnesses", l->witnesses);
    put_count(document, "non_voters", l->non_voters);
    put(document, "max_voters",
        l->set_max_voters != 0 ? json_integer(l->set_max_voters) : json_null());
    put(document, "nodes", nodes_of(l));
    put(document, "losses", losses_of(plan, l));
    put(document, "notes", notes_of(plan, l));
    return document;
}

/* --- For a person --- */

static void print_layout(struct buf *out, const struct plan *plan, json_t *document)
{
    static const struct {
        const char *name;
        const char *title;
    } titles[] = {{"cheapest", "The cheapest layout"},
                  {"full", "Every database with a vote"},
                  {"fullest", "As many votes in each site as there can be"}};
    const char *name = json_string_value(json_object_get(document, "layout"));
    for (size_t i = 0; i < ARRAY_LEN(titles); i++) {
        if (strcmp(titles[i].name, name) == 0) {
            buf_printf(out, "%s (--layout %s)\n", titles[i].title, name);
        }
    }
    buf_printf(out, "%s\n\n", json_string_value(json_object_get(document, "summary")));
    output_list(out, OUTPUT_PRETTY, "Nodes",
                plan->wish.by_sites ? node_columns : plain_node_columns,
                json_object_get(document, "nodes"));
    buf_char(out, '\n');
    output_list(out, OUTPUT_PRETTY, "What the worst loss leaves", loss_columns,
                json_object_get(document, "losses"));
    buf_char(out, '\n');
    json_t *notes = json_object_get(document, "notes");
    for (size_t i = 0; i < json_array_size(notes); i++) {
        buf_printf(out, "- %s\n", json_string_value(json_array_get(notes, i)));
    }
}

void plan_print(struct buf *out, enum output_format format, const struct plan *plan)
{
    json_auto_t *layouts = json_array();
    json_auto_t *nodes = json_array();
    for (size_t i = 0; i < plan->layout_count; i++) {
        json_t *document = layout_document(plan, &plan->layouts[i]);
        int rc = json_array_append_new(layouts, document);
        MUST(rc == 0);
        rc = json_array_extend(nodes, json_object_get(document, "nodes"));
        MUST(rc == 0);
        if (format == OUTPUT_PRETTY) {
            buf_str(out, i > 0 ? "\n" : "");
            print_layout(out, plan, document);
        }
    }
    if (format == OUTPUT_TSV) {
        output_list(out, format, NULL, node_columns, nodes);
    } else if (format != OUTPUT_PRETTY) {
        output_document(out, format, layouts);
    }
}
