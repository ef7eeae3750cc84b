/* proto/arena.c - chunks, each as large as the one before or as what is asked for. */
#include "proto/arena.h"

#include <string.h>

#include "base/mem.h"
#include "base/must.h"

#define CHUNK_SIZE ((size_t)16 * 1024)
#define ALIGNMENT 16

struct arena_chunk {
    struct arena_chunk *next;
    size_t size;
    _Alignas(ALIGNMENT) uint8_t bytes[];
};

static void arena_use(struct arena *arena, struct arena_chunk *chunk)
{
    arena->at = chunk->bytes;
    arena->left = chunk->size;
}

static void arena_add_chunk(struct arena *arena, size_t size)
{
    struct arena_chunk *chunk = mem_alloc(sizeof(*chunk) + size);
    chunk->size = size;
    chunk->next = arena->chunks;
    arena->chunks = chunk;
    arena_use(arena, chunk);
}

void arena_reset(struct arena *arena, size_t limit)
{
    if (arena->chunks == NULL) {
        arena_add_chunk(arena, CHUNK_SIZE);
    }
    while (arena->chunks->next != NULL) {
        struct arena_chunk *chunk = arena->chunks;
        arena->chunks = chunk->next;
        mem_free(chunk);
    }
    arena_use(arena, arena->chunks);
    arena->used = 0;
    arena->limit = limit;
    arena->over = false;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    MUST(arena->used <= arena->limit);
    size_t rounded = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    if (rounded < size || rounded > arena->limit - arena->used) {
        arena->over = true;
        return NULL;
    }
    if (rounded > arena->left) {
        arena_add_chunk(arena, rounded > CHUNK_SIZE ? rounded : CHUNK_SIZE);
    }
    void *piece = arena->at;
    arena->at += rounded;
    arena->left -= rounded;
    arena->used += rounded;
    return piece;
}

void *arena_array(struct arena *arena, size_t count, size_t size)
{
    size_t total = 0;
    if (__builtin_mul_overflow(count, size, &total)) {
        arena->over = true;
        return NULL;
    }
    void *piece = arena_alloc(arena, total);
    if (piece != NULL) {
        memset(piece, 0, total);
    }
    return piece;
}

void arena_close(struct arena *arena)
{
    for (struct arena_chunk *chunk = arena->chunks; chunk != NULL;) {
        struct arena_chunk *next = chunk->next;
        mem_free(chunk);
        chunk = next;
    }
    *arena = (struct arena){0};
}
