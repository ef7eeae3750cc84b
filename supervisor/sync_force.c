/* supervisor/sync_force.c - the proof, walsender by walsender. */
#include "supervisor/sync_force.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/must.h"

/* ---- values ---- */

static const char *skip_blanks(const char *at)
{
    return at + strspn(at, " \t\n\r");
}

static bool is_word_char(char c)
{
    return c != '\0' && strchr(" \t\n\r,()\"", c) == NULL;
}

/* A name, or a number, or a word; with or without quotes. NULL: none, or too long. */
static const char *read_name(const char *at, struct facts_name *ret_name, bool *ret_quoted)
{
    size_t size = 0;
    *ret_name = (struct facts_name){.text = ""};
    *ret_quoted = *at == '"';
    if (*ret_quoted) {
        for (at++; *at != '\0' && (*at != '"' || at[1] == '"'); at++) {
            at += *at == '"' ? 1 : 0;
            if (size + 1 >= FACTS_NAME_SIZE) {
                return NULL;
            }
            ret_name->text[size++] = *at;
        }
        return *at == '"' && size > 0 ? skip_blanks(at + 1) : NULL;
    }
    for (; is_word_char(*at); at++) {
        if (size + 1 >= FACTS_NAME_SIZE) {
            return NULL;
        }
        ret_name->text[size++] = *at;
    }
    return size > 0 ? skip_blanks(at) : NULL;
}

/* a, "b", * up to @end. */
static bool read_list(const char *at, char end, struct sync_text *text)
{
    for (;;) {
        struct facts_name name;
        bool is_quoted;
        at = read_name(at, &name, &is_quoted);
        if (at == NULL || text->count == SYNC_TEXT_NAMES_MAX) {
            return false;
        }
        text->lists_all = text->lists_all || strcmp(name.text, "*") == 0; /* quoted, too */
        text->names[text->count++] = name;
        if (*at == ',') {
            at = skip_blanks(at + 1);
            continue;
        }
        if (*at != end) {
            return false;
        }
        return end == '\0' || *skip_blanks(at + 1) == '\0';
    }
}

/* "FIRST 2 (...)", "ANY 1 (...)", "2 (...)"; @ret_rest: behind the bracket, NULL: no such head. */
static const char *read_head(const char *at, struct sync_text *text)
{
    struct facts_name word;
    bool is_quoted;
    uint64_t needed;
    const char *rest = read_name(at, &word, &is_quoted);
    text->is_priority = true;
    if (rest != NULL && !is_quoted &&
        (strcasecmp(word.text, "ANY") == 0 || strcasecmp(word.text, "FIRST") == 0)) {
        text->is_priority = strcasecmp(word.text, "FIRST") == 0;
        rest = read_name(rest, &word, &is_quoted);
    }
    if (rest == NULL || is_quoted || *rest != '(' || !pg_text_u64(word.text, &needed) ||
        needed == 0 || needed > UINT32_MAX) {
        return NULL;
    }
    text->needed = (uint32_t)needed;
    return skip_blanks(rest + 1);
}

struct sync_text sync_text_parse(const char *from)
{
    struct sync_text text = {.is_valid = true};
    const char *at = skip_blanks(from);
    if (*at == '\0') {
        return text;
    }
    const char *list = read_head(at, &text);
    if (list != NULL) {
        text.is_valid = read_list(list, ')', &text);
    } else { /* a plain list is FIRST 1 */
        text = (struct sync_text){.needed = 1, .is_priority = true};
        text.is_valid = read_list(at, '\0', &text);
    }
    return text;
}

bool sync_text_of_set(const struct sync_set *set, bool is_first, char out[SYNC_TEXT_SIZE])
{
    out[0] = '\0';
    if (set->needed == 0) {
        return true;
    }
    const char *how = is_first ? "FIRST" : "ANY";
    size_t size = (size_t)snprintf(out, SYNC_TEXT_SIZE, "%s %u (", how, set->needed);
    for (uint32_t i = 0; i < set->count; i++) {
        if (strchr(set->at[i].name.text, '"') != NULL || size >= SYNC_TEXT_SIZE) {
            return false;
        }
        size += (size_t)snprintf(out + size, SYNC_TEXT_SIZE - size, "%s\"%s\"", i > 0 ? "," : "",
                                 set->at[i].name.text);
    }
    if (size + 1 >= SYNC_TEXT_SIZE || set->count == 0) {
        return false;
    }
    memcpy(out + size, ")", 2);
    return true;
}

/* As PostgreSQL compares them: without regard to case. */
static uint32_t place_of(const struct sync_text *text, const char *name)
{
    for (uint32_t i = 0; i < text->count; i++) {
        if (strcasecmp(text->names[i].text, name) == 0 ||
            (text->lists_all && strcmp(text->names[i].text, "*") == 0)) {
            return i + 1;
        }
    }
    return 0;
}

/* 0: it is not listed. */
static uint32_t priority_of(const struct sync_text *text, const char *name)
{
    uint32_t place = place_of(text, name);
    return text->is_priority || place == 0 ? place : 1;
}

bool sync_text_equal(const struct sync_text *a, const struct sync_text *b)
{
    if (a->is_valid != b->is_valid || a->needed != b->needed || a->count != b->count ||
        a->is_priority != b->is_priority || a->lists_all != b->lists_all) {
        return false;
    }
    for (uint32_t i = 0; i < a->count; i++) {
        if (strcmp(a->names[i].text, b->names[i].text) != 0) {
            return false;
        }
    }
    return true;
}

bool sync_text_is_only(const struct sync_text *text, const char *name)
{
    return text->is_valid && text->count == 1 && strcmp(text->names[0].text, name) == 0;
}

/* ---- the book ---- */

void sync_force_begin(struct sync_force_book *book)
{
    *book = (struct sync_force_book){.is_former_unknown = true};
}

static void add_former(struct sync_force_book *book, const struct sync_text *text)
{
    for (uint32_t i = 0; i < book->former_count; i++) {
        if (sync_text_equal(&book->formers[i], text)) {
            return;
        }
    }
    if (!text->is_valid || book->former_count == SYNC_FORMERS_MAX) {
        book->is_former_unknown = true;
        return;
    }
    book->formers[book->former_count++] = *text;
}

void sync_force_assume(struct sync_force_book *book, const struct sync_text *texts, uint32_t count)
{
    book->is_former_unknown = false;
    book->former_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        add_former(book, &texts[i]);
    }
}

static bool is_fence(const struct sync_text *text)
{
    return sync_text_is_only(text, SYNC_FENCE_NAME);
}

static void hold(struct sync_force_book *book)
{
    bool is_step = sync_text_is_only(&book->now, SYNC_BETWEEN_NAME); /* nobody is released yet */
    book->is_lifted = !is_fence(&book->now) && (book->is_lifted || !is_step);
    book->proof = SYNC_PROOF_HOLDS;
    if (book->now.needed > 0) { /* an empty one is in force wherever an older one still is */
        book->is_former_unknown = false;
        book->former_count = 0;
    }
    book->waits = book->now.needed > 0 ? FACT_YES : FACT_NO;
    add_former(book, &book->now);
}

void sync_force_door(struct sync_force_book *book, const struct probe_door *door)
{
    struct sync_text text = sync_text_parse(door->sync_names);
    if (book->has_door && book->server_us != door->started_us) {
        sync_force_begin(book); /* another PostgreSQL than the one that was known */
    }
    if (!book->has_door || !sync_text_equal(&book->now, &text)) {
        if (book->has_door) {
            add_former(book, &book->now);
        }
        add_former(book, &text);
        book->session_us = door->session_us;
        book->proof = SYNC_PROOF_WAIT;
        book->waits = FACT_UNKNOWN;
    }
    book->is_lifted = book->is_lifted && !is_fence(&text);
    book->has_door = true;
    book->server_us = door->started_us;
    book->now = text;
    if (!text.is_valid) {
        book->proof = SYNC_PROOF_WAIT;
    } else if (door->loaded_us <= door->started_us && book->proof != SYNC_PROOF_HOLDS) {
        book->lsn = door->lsn; /* never reloaded: all have it from their parent */
        hold(book);
    }
}

static bool may_release(const struct probe_sender *sender)
{
    return strcmp(sender->state, "streaming") == 0 || strcmp(sender->state, "stopping") == 0;
}

/* What the older value @former may still do through @sender. */
static enum sync_proof judge(const struct sync_force_book *book, const struct probe_sender *sender,
                             const struct sync_text *former)
{
    uint32_t then = priority_of(former, sender->name);
    uint32_t now = priority_of(&book->now, sender->name);
    if (then == 0 || sync_text_equal(former, &book->now) ||
        (now != 0 && former->needed >= book->now.needed)) {
        return SYNC_PROOF_HOLDS;
    }
    if (then != now) {
        return sender->flush_known && sender->priority == now ? SYNC_PROOF_HOLDS : SYNC_PROOF_WAIT;
    }
    return SYNC_PROOF_BETWEEN;
}

static enum sync_proof worse(enum sync_proof a, enum sync_proof b)
{
    return a < b ? a : b;
}

static enum sync_proof judge_sender(const struct sync_force_book *book,
                                    const struct probe_sender *sender)
{
    enum sync_proof proof = SYNC_PROOF_HOLDS;
    if (!may_release(sender) || sender->started_us > book->session_us || book->now.needed == 0) {
        return SYNC_PROOF_HOLDS;
    }
    for (uint32_t i = 0; i < book->former_count; i++) {
        proof = worse(proof, judge(book, sender, &book->formers[i]));
    }
    if (book->is_former_unknown && proof == SYNC_PROOF_HOLDS) {
        if (priority_of(&book->now, sender->name) != 0) {
            return SYNC_PROOF_BETWEEN;
        }
        proof = sender->flush_known && sender->priority == 0 ? SYNC_PROOF_HOLDS : SYNC_PROOF_WAIT;
    }
    return proof;
}

static bool is_for_nobody(const struct sync_text *text)
{
    return sync_text_is_only(text, SYNC_BETWEEN_NAME) || is_fence(text);
}

/* The flag may be off: a former value was empty, or is not known. */
static bool may_be_off(const struct sync_force_book *book)
{
    bool off = book->is_former_unknown;
    for (uint32_t i = 0; i < book->former_count; i++) {
        off = off || book->formers[i].needed == 0;
    }
    return off && book->now.needed > 0 && book->waits != FACT_YES;
}

bool sync_force_wants_commit(const struct sync_force_book *book)
{
    return book->has_door && book->proof != SYNC_PROOF_HOLDS && may_be_off(book) &&
           is_for_nobody(&book->now);
}

static enum sync_proof judge_flag(const struct sync_force_book *book)
{
    if (!may_be_off(book)) {
        return SYNC_PROOF_HOLDS;
    }
    return is_for_nobody(&book->now) ? SYNC_PROOF_WAIT : SYNC_PROOF_BETWEEN;
}

void sync_force_watch(struct sync_force_book *book, const struct probe_watch *watch)
{
    if (!book->has_door || watch->started_us != book->server_us || !book->now.is_valid) {
        return;
    }
    struct sync_text text = sync_text_parse(watch->sync_names);
    if (!sync_text_equal(&text, &book->now)) { /* another value is on its way already */
        add_former(book, &text);
        book->is_lifted = book->is_lifted && !is_fence(&text);
        book->proof = SYNC_PROOF_WAIT;
        return;
    }
    if (book->proof == SYNC_PROOF_HOLDS) {
        return;
    }
    if (watch->door_waits) {
        book->waits = FACT_YES;
    }
    enum sync_proof proof = judge_flag(book);
    for (uint32_t i = 0; i < watch->sender_count; i++) {
        proof = worse(proof, judge_sender(book, &watch->senders[i]));
    }
    if (watch->has_more_senders) {
        proof = worse(proof, SYNC_PROOF_WAIT);
    }
    book->proof = proof;
    if (proof == SYNC_PROOF_HOLDS) {
        book->lsn = watch->insert_lsn;
        hold(book);
    }
}

/* ---- the way to a value ---- */

static bool shares_name(const struct sync_text *a, const struct sync_text *b)
{
    for (uint32_t i = 0; i < b->count; i++) {
        if (place_of(a, b->names[i].text) != 0) {
            return true;
        }
    }
    return a->lists_all || b->lists_all;
}

/* Whether @goal could be told from what may be in force now. */
static bool needs_between(const struct sync_force_book *book, const struct sync_text *goal)
{
    bool needs = book->is_former_unknown || book->now.needed == 0 || may_be_off(book);
    for (uint32_t i = 0; i < book->former_count; i++) {
        const struct sync_text *former = &book->formers[i];
        needs = needs || former->needed == 0 ||
                (former->needed < goal->needed && shares_name(former, goal));
    }
    return goal->needed > 0 && needs;
}

enum sync_move sync_force_next(const struct sync_force_book *book, const struct sync_text *goal)
{
    bool is_between = sync_text_is_only(&book->now, SYNC_BETWEEN_NAME);
    if (!book->has_door) {
        return SYNC_MOVE_WAIT;
    }
    if (sync_text_equal(&book->now, goal)) {
        return book->proof == SYNC_PROOF_HOLDS     ? SYNC_MOVE_NONE
               : book->proof == SYNC_PROOF_BETWEEN ? SYNC_MOVE_BETWEEN
                                                   : SYNC_MOVE_WAIT;
    }
    if (is_between) {
        return book->proof == SYNC_PROOF_HOLDS ? SYNC_MOVE_GOAL : SYNC_MOVE_WAIT;
    }
    return needs_between(book, goal) ? SYNC_MOVE_BETWEEN : SYNC_MOVE_GOAL;
}

/* ---- for decide() ---- */

/* A set by its names alone: no copy is known of any. False: it can not be one of ours. */
static bool to_names(const struct sync_text *text, struct sync_set *out)
{
    if (!text->is_valid || text->lists_all || text->count > SYNC_NAMES_MAX ||
        text->needed > text->count) {
        return false;
    }
    out->needed = text->needed;
    out->count = text->count;
    for (uint32_t i = 0; i < text->count; i++) {
        out->at[i] = (struct sync_copy){.name = text->names[i]};
    }
    return true;
}

enum sync_force sync_force_of(const struct sync_force_book *book,
                              const struct sync_value *published, struct sync_set *ret_set)
{
    *ret_set = (struct sync_set){.needed = 0};
    if (book->proof == SYNC_PROOF_NONE || book->proof == SYNC_PROOF_WAIT) {
        return FORCE_UNKNOWN;
    }
    if (book->proof == SYNC_PROOF_BETWEEN || sync_text_is_only(&book->now, SYNC_BETWEEN_NAME)) {
        return FORCE_HALFWAY;
    }
    if (is_fence(&book->now)) {
        return FORCE_FENCE;
    }
    struct sync_set names = {.needed = 0};
    if (!published->is_known || !to_names(&book->now, &names)) {
        return FORCE_FOREIGN;
    }
    const struct sync_set *set = sync_published_as(published, &names);
    if (set != NULL) {
        *ret_set = *set;
        return FORCE_OURS;
    }
    /* While only the primary's own copy proves anything, whatever waits for no one unknown will do:
     * so it is with a server that was adopted, and on the way to the first set. */
    *ret_set = published->count == 0 ? names : *ret_set;
    return published->count == 0 ? FORCE_OURS : FORCE_FOREIGN;
}
