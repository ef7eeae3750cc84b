/* proto/arena.h - memory that is handed out piece by piece and taken back all at once.
 *
 * For what lives as long as one message: decoding bounds what it may cost before it trusts a byte
 * of it, and gives nothing back piece by piece. Pieces stay where they are until arena_reset(). */
#ifndef PROTO_ARENA_H_
#define PROTO_ARENA_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena_chunk;

/* A zeroed struct is an empty arena with nothing to give: reset it first. */
struct arena {
    struct arena_chunk *chunks; /* the one in use first; the last one stays for ever */
    uint8_t *at;
    size_t left;  /* in the chunk in use */
    size_t used;  /* since the last reset */
    size_t limit; /* of @used */
    bool over;    /* somebody asked for more than the limit since the last reset */
};

/* Take everything back; from now on at most @limit bytes are handed out. */
void arena_reset(struct arena *arena, size_t limit);
/* Aligned for any type, not cleared. NULL when it would pass the limit, which is remembered. */
void *arena_alloc(struct arena *arena, size_t size);
/* As above, cleared, and for @count things of @size bytes; the product is checked. */
void *arena_array(struct arena *arena, size_t count, size_t size);
void arena_close(struct arena *arena);

#endif /* PROTO_ARENA_H_ */
