/* consensus/rowbook.c - the sum of the hashes and the list of what the disk does not have yet. */
#include "consensus/rowbook.h"

#include "base/must.h"

void rowbook_init(struct rowbook *book)
{
    *book = (struct rowbook){0};
    list_init(&book->dirty);
}

static void mark_dirty(struct rowbook *book, struct row *row)
{
    if (list_empty(&row->dirty)) {
        list_push_back(&book->dirty, &row->dirty);
        book->dirty_bytes += row->bytes;
    }
}

static void mark_clean(struct rowbook *book, struct row *row)
{
    if (!list_empty(&row->dirty)) {
        list_remove(&row->dirty);
        MUST(book->dirty_bytes >= row->bytes);
        book->dirty_bytes -= row->bytes;
    }
}

static void row_init(struct rowbook *book, struct row *row, enum row_kind kind,
                     const struct hash128 *hash, size_t bytes)
{
    MUST(bytes <= UINT32_MAX);
    *row = (struct row){.hash = *hash, .bytes = (uint32_t)bytes, .kind = (uint8_t)kind};
    list_init(&row->dirty);
    hash128_add(&book->sum, hash);
}

void row_enter(struct rowbook *book, struct row *row, enum row_kind kind,
               const struct hash128 *hash, size_t bytes)
{
    row_init(book, row, kind, hash, bytes);
    mark_dirty(book, row);
}

void row_load(struct rowbook *book, struct row *row, enum row_kind kind, const struct hash128 *hash,
              size_t bytes)
{
    row_init(book, row, kind, hash, bytes);
    row->is_stored = true;
}

void row_change(struct rowbook *book, struct row *row, const struct hash128 *hash)
{
    MUST(!row->is_gone);
    hash128_subtract(&book->sum, &row->hash);
    hash128_add(&book->sum, hash);
    row->hash = *hash;
    mark_dirty(book, row);
}

void row_replace(struct rowbook *book, struct row *before, struct row *after,
                 const struct hash128 *hash, size_t bytes)
{
    MUST(!before->is_gone);
    hash128_subtract(&book->sum, &before->hash);
    row_init(book, after, (enum row_kind)before->kind, hash, bytes);
    after->is_stored = before->is_stored;
    mark_clean(book, before);
    mark_dirty(book, after);
}

bool row_leave(struct rowbook *book, struct row *row)
{
    MUST(!row->is_gone);
    hash128_subtract(&book->sum, &row->hash);
    mark_clean(book, row);
    if (!row->is_stored) {
        return true;
    }
    row->is_gone = true;
    row->bytes = 0; /* a deletion writes next to nothing */
    mark_dirty(book, row);
    return false;
}

void row_flushed(struct rowbook *book, struct row *row)
{
    mark_clean(book, row);
    row->is_stored = !row->is_gone;
}
