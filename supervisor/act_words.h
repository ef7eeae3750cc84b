/* supervisor/act_words.h - the words that a program is started with, one after the other. */
#ifndef SUPERVISOR_ACT_WORDS_H_
#define SUPERVISOR_ACT_WORDS_H_

#include <stddef.h>

#include "supervisor/pg_settings.h"

#define ACT_WORDS_MAX 40

/* {.count = 0} is empty. */
struct act_words {
    char *at[ACT_WORDS_MAX]; /* NULL at the end; each owned */
    size_t count;
};

/* @word, of mem_printf() and its like, is owned from here on. */
void act_words_take(struct act_words *words, char *word);
/* "--NAME=VALUE", or "--NAME" where the value is "". One that there is no room for is left out. */
void act_words_option(struct act_words *words, const struct pg_pair *option);
void act_words_options(struct act_words *words, const struct pg_pairs *options);
void act_words_close(struct act_words *words);

#endif /* SUPERVISOR_ACT_WORDS_H_ */
