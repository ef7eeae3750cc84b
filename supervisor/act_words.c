/* supervisor/act_words.c - the words that a program is started with, one after the other. */
#include "supervisor/act_words.h"

#include "base/mem.h"
#include "base/must.h"

/* The last place is for the NULL. */
static bool has_room(const struct act_words *words)
{
    return words->count + 1 < ACT_WORDS_MAX;
}

void act_words_take(struct act_words *words, char *word)
{
    MUST(has_room(words));
    words->at[words->count++] = word;
}

void act_words_option(struct act_words *words, const struct pg_pair *option)
{
    if (has_room(words)) {
        act_words_take(words, option->value[0] == '\0'
                                  ? mem_printf("--%s", option->name)
                                  : mem_printf("--%s=%s", option->name, option->value));
    }
}

void act_words_options(struct act_words *words, const struct pg_pairs *options)
{
    for (size_t i = 0; i < options->count; i++) {
        act_words_option(words, &options->at[i]);
    }
}

void act_words_close(struct act_words *words)
{
    for (size_t i = 0; i < words->count; i++) {
        mem_free(words->at[i]);
    }
    *words = (struct act_words){.count = 0};
}
