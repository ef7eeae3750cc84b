/* ctl/cmd_recover.c - recover: what one node has left becomes a cluster of its own, when a majority
 * is lost for good (docs/recovery.md).
 *
 *   read all --> show --> may it? --> ask --> a new store beside the old one --> exchanged
 *
 * Until the exchange nothing has changed; every directory is held from the first look to the end.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/cli.h"
#include "base/mem.h"
#include "base/must.h"
#include "config/config.h"
#include "ctl/cmd.h"
#include "ctl/data_dir.h"
#include "ctl/founded.h"
#include "ctl/output.h"
#include "ctl/random_text.h"
#include "ctl/remains.h"

#define DIRS_MAX 9
#define ANSWER_SIZE 128

static const struct output_column columns[] =
    OUTPUT_COLUMNS({"directory", "Directory", OUTPUT_TEXT}, {"node", "Node", OUTPUT_TEXT},
                   {"address", NULL, OUTPUT_TEXT}, {"cluster_id", NULL, OUTPUT_TEXT},
                   {"term", "Term", OUTPUT_NUMBER}, {"index", "Index", OUTPUT_NUMBER},
                   {"applied", "Applied", OUTPUT_NUMBER}, {"revision", "Revision", OUTPUT_NUMBER},
                   {"epoch", NULL, OUTPUT_NUMBER}, {"members", "Members", OUTPUT_NUMBER},
                   {"written", "Last written", OUTPUT_TEXT}, {"trouble", "Trouble", OUTPUT_TEXT});

struct recovery {
    char *own; /* the directory of -c FILE */
    struct remains at[DIRS_MAX];
    size_t count;
    const char *fenced[MEMBERS_MAX];
    struct remains_word word;
    json_t *rows;
};

static void recovery_close(struct recovery *r)
{
    for (size_t i = 0; i < r->count; i++) {
        remains_close(&r->at[i]);
    }
    json_decref(r->rows);
    mem_free(r->own);
}

/* --- which --- */

/* As pgraftd has it; what else is wrong with the file is the node's affair. */
static char *dir_of_config(const struct cli_call *call)
{
    CLEANUP(config_close) struct config config = {0};
    CLEANUP(problems_close) struct problems problems = {0};
    const struct config_input input = {.path = cli_value(call, "config"),
                                       .environment = (const char *const *)environ};
    (void)config_load(&input, &config, &problems);
    return config.raft.data_dir != NULL ? mem_strdup(config.raft.data_dir) : NULL;
}

static int take_words(const struct cli_call *call, struct recovery *r, struct err *err)
{
    const char *name = NULL;
    while ((name = cli_value_at(call, "i-have-fenced", r->word.fenced_count)) != NULL) {
        if (r->word.fenced_count == ARRAY_LEN(r->fenced)) {
            return cli_usage(call, err, "--i-have-fenced: no cluster has so many members");
        }
        r->fenced[r->word.fenced_count++] = name;
    }
    r->word.fenced = r->fenced;
    r->word.accept_loss = cli_given(call, "accept-loss");
    return 0;
}

static int read_all(const struct cli_call *call, struct recovery *r, struct err *err)
{
    const char *dir = cli_argument(call, 0);
    if (dir == NULL && cli_given(call, "config")) {
        r->own = dir_of_config(call);
        dir = r->own;
    }
    if (dir == NULL) {
        return cli_usage(call, err, "which data directory? say DIR, or --config FILE");
    }
    r->rows = json_array();
    for (size_t i = 0; dir != NULL; i++, dir = cli_argument(call, i)) {
        if (i == DIRS_MAX) {
            return cli_usage(call, err, "no more than %d directories", DIRS_MAX);
        }
        remains_open(&r->at[i], dir);
        r->count++;
        int rc = json_array_append_new(r->rows, remains_row(&r->at[i]));
        MUST(rc == 0);
    }
    return 0;
}

/* --- asking --- */

static int ask(const struct cli_call *call, const struct survivor *s, struct err *err)
{
    if (cli_given(call, "yes")) {
        return 0;
    }
    if (isatty(STDIN_FILENO) != 1) {
        return err_set(err, ERR_REFUSED,
                       "this asks before it does anything, and there is no terminal: --yes");
    }
    cmd_warn(call, "%s becomes a cluster of one, with a new id and what it has", s->me.name);
    cmd_warn(call,
             "what only the %zu other members had is lost; their disks must never start again",
             s->other_count);
    (void)fprintf(stderr, "Type %s to go on: ", s->me.name);
    char answer[ANSWER_SIZE] = "";
    if (fgets(answer, sizeof(answer), stdin) == NULL) {
        answer[0] = '\0';
    }
    answer[strcspn(answer, "\n")] = '\0';
    return strcmp(answer, s->me.name) == 0
               ? 0
               : err_set(err, ERR_REFUSED, "not confirmed: nothing was changed");
}

/* --- doing --- */

static int recover(struct remains *chosen, json_t **ret_done, struct err *err)
{
    struct survivor *s = &chosen->survivor;
    uint64_t term = s->hard_term > s->last_term ? s->hard_term : s->last_term;
    struct founding f = {.me = s->me, .term = term, .index = s->last_index};
    CLEANUP(mem_freep) char *backup = NULL;
    char id[FOUNDED_ID_SIZE];
    int code = founded_draw(f.cluster_id, err);
    if (code == 0) {
        code = random_fill(&f.me.id, sizeof(f.me.id), err);
        f.me.id |= 1; /* 0 is nobody */
    }
    if (code == 0) {
        const struct founding_state state = {.image = &chosen->image, .machine = s->machine};
        code = data_dir_found(chosen->dir, &f, &state, chosen->held, &backup, err);
    }
    if (code != 0) {
        return code;
    }
    json_t *done = json_object();
    cmd_set(done, "directory", json_string(chosen->dir));
    cmd_set(done, "node", json_string(s->me.name));
    cmd_set(done, "cluster_id", json_string(founded_id(f.cluster_id, id)));
    uint64_t revision = s->state.revision + FOUNDING_LEAP;
    cmd_set(done, "revision", json_integer((json_int_t)revision));
    cmd_set(done, "backup", json_string(backup));
    *ret_done = done;
    return 0;
}

/* --- telling --- */

/* A table for people comes before the question; a document for programs is one, at the end. */
static int tell(const struct cli_call *call, const struct recovery *r, json_t *done, bool is_end,
                struct err *err)
{
    enum output_format format = output_format(call);
    bool is_document = format == OUTPUT_JSON || format == OUTPUT_YAML;
    CLEANUP(buf_close) struct buf out = {0};
    if (is_document && is_end) {
        json_auto_t *document = json_object();
        cmd_set(document, "directories", json_incref(r->rows));
        cmd_set(document, "recovered", done != NULL ? json_incref(done) : json_null());
        output_document(&out, format, document);
    } else if (!is_document && !is_end) {
        output_list(&out, format, "What is left", columns, r->rows);
    } else if (format == OUTPUT_PRETTY && done != NULL) {
        CLEANUP(buf_close) struct buf text = {0};
        buf_printf(&text, "%s is a cluster of one now, %s; what it was is kept in %s",
                   json_string_value(json_object_get(done, "node")),
                   json_string_value(json_object_get(done, "cluster_id")),
                   json_string_value(json_object_get(done, "backup")));
        output_text(&out, buf_text(&text));
        buf_char(&out, '\n');
    }
    return out.size > 0 ? cli_put(&out, err) : 0;
}

static int run(const struct cli_call *call, struct recovery *r, json_t **ret_done, struct err *err)
{
    int code = remains_check(&r->at[0], &r->at[1], r->count - 1, &r->word, err);
    if (code == 0) {
        code = ask(call, &r->at[0].survivor, err);
    }
    return code == 0 ? recover(&r->at[0], ret_done, err) : code;
}

int cmd_recover(const struct cli_call *call, struct err *err)
{
    CLEANUP(recovery_close) struct recovery r = {.own = NULL};
    json_auto_t *done = NULL;
    int code = take_words(call, &r, err);
    if (code == 0) {
        code = read_all(call, &r, err);
    }
    if (code == 0) {
        code = tell(call, &r, NULL, false, err);
    }
    if (code != 0) {
        return code;
    }
    if (!cli_given(call, "show")) {
        code = run(call, &r, &done, err);
    }
    struct err late = {0};
    int told = tell(call, &r, done, true, &late);
    if (code == 0 && told != 0) {
        *err = late;
        code = told;
    }
    return code;
}
