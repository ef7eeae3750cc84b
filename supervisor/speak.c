/* supervisor/speak.c - words into soft state. */
#include "supervisor/speak.h"

#include <stdio.h>

#include "base/cleanup.h"

void speak_open(struct speak *s, struct pgraft *store)
{
    memset(s, 0, sizeof(*s));
    s->store = store;
}

/* An age that only went on is no news; it goes along with the number. */
static bool is_news(const struct words *before, const struct words *now)
{
    struct words x = {.facts = before->facts};
    struct words y = {.facts = now->facts};
    x.facts.seen_age_ms = y.facts.seen_age_ms = 0;
    CLEANUP(buf_close) struct buf left = {0};
    CLEANUP(buf_close) struct buf right = {0};
    (void)words_encode(&x, &left); /* compared as what would be said */
    (void)words_encode(&y, &right);
    return left.size != right.size || memcmp(left.bytes, right.bytes, left.size) != 0 ||
           strcmp(before->card, now->card) != 0;
}

bool speak_say(struct speak *s, uint64_t now_ms, const struct member_facts *facts, const char *card)
{
    struct words words = {.beat = s->words.beat, .facts = *facts};
    bool fits = snprintf(words.card, sizeof(words.card), "%s", card) < (int)sizeof(words.card);
    words.card[0] = fits ? words.card[0] : '\0';
    bool beats = !s->has_said || now_ms - s->beat_ms >= WORDS_BEAT_MS;
    if (!beats && !is_news(&s->words, &words)) {
        return fits;
    }
    words.beat += beats ? 1 : 0;
    CLEANUP(buf_close) struct buf bytes = {0};
    if (words_encode(&words, &bytes) != 0) {
        fits = false;
        words.card[0] = '\0';
        buf_clear(&bytes);
        (void)words_encode(&words, &bytes);
    }
    struct pgraft_slice said = {bytes.bytes, bytes.size};
    if (pgraft_publish(s->store, said, NULL) != 0) {
        return false;
    }
    s->words = words;
    s->has_said = true;
    s->beat_ms = beats ? now_ms : s->beat_ms;
    return fits;
}
