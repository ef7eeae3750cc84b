/* storage/verify.c - walks the two meta pages, the trees and the list of free pages of LMDB 0.9.
 *
 * The layout is LMDB's; the offsets below are of its MDB_page, MDB_node, MDB_db and MDB_meta. */
#include "storage/verify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/must.h"

#define META_COUNT 2
#define META_MAGIC UINT32_C(0xBEEFC0DE)
#define META_VERSION 1
#define PAGE_SIZE_MIN 512
#define PAGE_SIZE_MAX 65536 /* LMDB's own limit is half of it */
#define HEADER_SIZE 16
#define NODE_SIZE 8
#define DEPTH_MAX 32 /* LMDB's CURSOR_STACK */
#define PAGE_NONE UINT64_MAX

enum page_flag { PAGE_BRANCH = 1, PAGE_LEAF = 2, PAGE_OVERFLOW = 4, PAGE_META = 8 };
enum node_flag { NODE_BIG = 1, NODE_TREE = 2 };
#define TREE_INTEGER_KEYS 8

struct tree {
    uint32_t pad; /* of the first tree: the page size */
    uint16_t flags;
    uint16_t depth;
    uint64_t branch_pages;
    uint64_t leaf_pages;
    uint64_t overflow_pages;
    uint64_t entries;
    uint64_t root;
};
_Static_assert(sizeof(struct tree) == 48, "as LMDB lays it out");

struct meta {
    uint32_t magic;
    uint32_t version;
    uint64_t address;
    uint64_t map_size;
    struct tree free;
    struct tree main;
    uint64_t last_page;
    uint64_t transaction;
};
_Static_assert(sizeof(struct meta) == 136, "as LMDB lays it out");

struct header {
    uint64_t number;
    uint16_t pad;
    uint16_t flags;
    uint16_t lower; /* lower and upper of an overflow page: the count of pages */
    uint16_t upper;
};
_Static_assert(sizeof(struct header) == HEADER_SIZE, "as LMDB lays it out");

struct bytes {
    const uint8_t *at;
    size_t size;
};

struct node {
    struct bytes key;
    uint16_t flags;
    uint32_t data_size;
    uint64_t child; /* on a branch page */
    const uint8_t *data;
};

enum tree_kind { TREE_FREE, TREE_MAIN, TREE_TABLE };

struct verify {
    int fd;
    size_t page_size;
    uint64_t last_page;
    uint64_t transaction;
    uint8_t *seen; /* a bit a page */
    uint64_t used;
    uint64_t free;
    struct err *err;
};

/* One tree on its way: what was counted, and the pages from the root down, one a level. */
struct walk {
    struct verify *v;
    enum tree_kind kind;
    const struct tree *tree;
    struct tree counted;
    uint8_t *levels;
    struct bytes last_key; /* copied: in key */
    uint8_t key[PAGE_SIZE_MIN];
};

static int bad(struct verify *v, uint64_t page, const char *what)
{
    return err_set(v->err, ERR_CORRUPT, "page %" PRIu64 " of the file: %s", page, what);
}

static int read_at(int fd, void *to, size_t size, uint64_t offset, struct err *err)
{
    size_t done = 0;
    while (done < size) {
        ssize_t got = pread(fd, (char *)to + done, size - done, (off_t)(offset + done));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return err_errno(err, errno, "read the store");
        }
        if (got == 0) {
            return err_set(err, ERR_CORRUPT, "the file ends too early");
        }
        done += (size_t)got;
    }
    return 0;
}

/* Every page has one owner. */
static int mark(struct verify *v, uint64_t page)
{
    if (page < META_COUNT || page > v->last_page) {
        return bad(v, page, "there is no such page");
    }
    uint8_t bit = (uint8_t)(1u << (page % 8));
    if ((v->seen[page / 8] & bit) != 0) {
        return bad(v, page, "it is used twice");
    }
    v->seen[page / 8] |= bit;
    return 0;
}

static int read_page(struct verify *v, uint64_t page, uint8_t *to)
{
    int r = mark(v, page);
    if (r == 0) {
        r = read_at(v->fd, to, v->page_size, page * v->page_size, v->err);
    }
    if (r == 0) {
        v->used++;
        struct header header;
        memcpy(&header, to, sizeof(header));
        if (header.number != page) {
            r = bad(v, page, "it is another page");
        }
    }
    return r;
}

/* Node @i of a page whose header was checked. */
static int read_node(struct verify *v, const uint8_t *page, size_t i, bool is_branch,
                     struct node *node)
{
    struct header header;
    memcpy(&header, page, sizeof(header));
    uint16_t at = 0;
    memcpy(&at, page + HEADER_SIZE + 2 * i, sizeof(at));
    if (at < header.upper || (size_t)at + NODE_SIZE > v->page_size) {
        return bad(v, header.number, "a node lies outside the page");
    }
    uint16_t words[4]; /* low and high half of size or child, flags, key size */
    memcpy(words, page + at, sizeof(words));
    size_t end = (size_t)at + NODE_SIZE + words[3];
    node->key = (struct bytes){page + at + NODE_SIZE, words[3]};
    node->data_size = words[0] | (uint32_t)words[1] << 16;
    node->flags = is_branch ? 0 : words[2];
    node->child = node->data_size | (is_branch ? (uint64_t)words[2] << 32 : 0);
    node->data = page + end;
    if (!is_branch) {
        end += (node->flags & NODE_BIG) != 0 ? sizeof(uint64_t) : node->data_size;
    }
    if (end > v->page_size) {
        return bad(v, header.number, "a node is larger than the page");
    }
    return 0;
}

static size_t node_room(const struct node *node, bool is_branch)
{
    size_t data = is_branch                       ? 0
                  : (node->flags & NODE_BIG) != 0 ? sizeof(uint64_t)
                                                  : node->data_size;
    return (NODE_SIZE + node->key.size + data + 1) & ~(size_t)1;
}

static int compare(const struct walk *w, struct bytes a, struct bytes b)
{
    if (w->kind == TREE_FREE) {
        uint64_t x = 0;
        uint64_t y = 0;
        memcpy(&x, a.at, sizeof(x));
        memcpy(&y, b.at, sizeof(y));
        return (x > y) - (x < y);
    }
    int r = memcmp(a.at, b.at, a.size < b.size ? a.size : b.size);
    return r != 0 ? r : (a.size > b.size) - (a.size < b.size);
}

/* Keys grow strictly over the whole tree. */
static int check_key(struct walk *w, uint64_t page, const struct node *node)
{
    if (node->key.size == 0 || node->key.size > sizeof(w->key) ||
        (w->kind == TREE_FREE && node->key.size != sizeof(uint64_t))) {
        return bad(w->v, page, "a key has a size that none has");
    }
    if (w->last_key.size > 0 && compare(w, w->last_key, node->key) >= 0) {
        return bad(w->v, page, "keys are out of order");
    }
    memcpy(w->key, node->key.at, node->key.size);
    w->last_key = (struct bytes){w->key, node->key.size};
    return 0;
}

/* A record of the list of free pages: a count and that many page numbers. */
static int check_free_list(struct walk *w, uint64_t page, const struct node *node,
                           const uint8_t *data)
{
    struct verify *v = w->v;
    uint64_t transaction = 0;
    memcpy(&transaction, node->key.at, sizeof(transaction));
    uint64_t count = 0;
    if (node->data_size < sizeof(count) || transaction == 0 || transaction > v->transaction) {
        return bad(v, page, "a list of free pages is damaged");
    }
    memcpy(&count, data, sizeof(count));
    if (count > node->data_size / sizeof(count) - 1) {
        return bad(v, page, "a list of free pages is damaged");
    }
    for (uint64_t i = 1; i <= count; i++) {
        uint64_t number = 0;
        memcpy(&number, data + i * sizeof(number), sizeof(number));
        int r = mark(v, number);
        if (r != 0) {
            return r;
        }
        v->free++;
    }
    return 0;
}

/* A value on pages of its own. */
static int check_big(struct walk *w, uint64_t page, const struct node *node)
{
    struct verify *v = w->v;
    uint64_t first = 0;
    memcpy(&first, node->data, sizeof(first));
    uint64_t count = (HEADER_SIZE - 1 + (uint64_t)node->data_size) / v->page_size + 1;
    if (first > v->last_page || count > v->last_page - first + 1) {
        return bad(v, page, "a value lies outside the file");
    }
    CLEANUP(mem_freep) uint8_t *run = mem_alloc(count * v->page_size);
    int r = read_page(v, first, run);
    for (uint64_t i = 1; r == 0 && i < count; i++) {
        r = mark(v, first + i);
        v->used++;
    }
    if (r == 0 && count > 1) {
        r = read_at(v->fd, run + v->page_size, (count - 1) * v->page_size,
                    (first + 1) * v->page_size, v->err);
    }
    if (r != 0) {
        return r;
    }
    struct header header;
    memcpy(&header, run, sizeof(header));
    if (header.flags != PAGE_OVERFLOW ||
        (header.lower | (uint32_t)header.upper << 16) != (uint32_t)count) {
        return bad(v, first, "it does not hold the value it should");
    }
    w->counted.overflow_pages += count;
    return w->kind == TREE_FREE ? check_free_list(w, page, node, run + HEADER_SIZE) : 0;
}

static int check_tree(struct verify *v, enum tree_kind kind, const struct tree *tree);

// The calls go as deep as two trees are, DEPTH_MAX levels each: NOLINTNEXTLINE(misc-no-recursion)
static int check_leaf_node(struct walk *w, uint64_t page, const struct node *node)
{
    int r = check_key(w, page, node);
    if (r != 0) {
        return r;
    }
    w->counted.entries++;
    if (w->kind == TREE_MAIN) {
        struct tree tree;
        if (node->flags != NODE_TREE || node->data_size != sizeof(tree)) {
            return bad(w->v, page, "something lies among the tables that is none");
        }
        memcpy(&tree, node->data, sizeof(tree));
        return check_tree(w->v, TREE_TABLE, &tree);
    }
    if (node->flags == NODE_BIG) {
        return check_big(w, page, node);
    }
    if (node->flags != 0) {
        return bad(w->v, page, "a node has flags that none has");
    }
    return w->kind == TREE_FREE ? check_free_list(w, page, node, node->data) : 0;
}

static int check_header(struct walk *w, uint64_t page, const uint8_t *bytes, bool is_branch,
                        size_t *ret_count)
{
    struct header header;
    memcpy(&header, bytes, sizeof(header));
    if (header.flags != (is_branch ? PAGE_BRANCH : PAGE_LEAF)) {
        return bad(w->v, page, "it is of another kind");
    }
    if (header.lower <= HEADER_SIZE || header.lower % 2 != 0 || header.lower > header.upper ||
        header.upper > w->v->page_size) {
        return bad(w->v, page, "its header makes no sense");
    }
    *ret_count = (header.lower - HEADER_SIZE) / 2u;
    size_t room = 0;
    for (size_t i = 0; i < *ret_count; i++) {
        struct node node = {.flags = 0};
        int r = read_node(w->v, bytes, i, is_branch, &node);
        if (r != 0) {
            return r;
        }
        room += node_room(&node, is_branch);
    }
    return room == w->v->page_size - header.upper ? 0 : bad(w->v, page, "its nodes do not fill it");
}

/* The keys below a page lie in [low, high); an empty one is no bound. */
struct range {
    struct bytes low;
    struct bytes high;
};

// The calls go as deep as two trees are, DEPTH_MAX levels each: NOLINTNEXTLINE(misc-no-recursion)
static int check_leaf(struct walk *w, uint64_t page, const uint8_t *bytes, size_t count,
                      const struct range *range)
{
    w->counted.leaf_pages++;
    for (size_t i = 0; i < count; i++) {
        struct node node = {.flags = 0};
        int r = read_node(w->v, bytes, i, false, &node);
        if (r == 0) {
            r = check_leaf_node(w, page, &node);
        }
        if (r != 0) {
            return r;
        }
        if ((range->low.size > 0 && compare(w, node.key, range->low) < 0) ||
            (range->high.size > 0 && compare(w, node.key, range->high) >= 0)) {
            return bad(w->v, page, "a key lies where nobody would look for it");
        }
    }
    return 0;
}

static int check_page(struct walk *w, uint64_t page, unsigned level, const struct range *range);

/* LMDB ignores the first key of a branch page: what is below it begins where the page does. */
// The calls go as deep as two trees are, DEPTH_MAX levels each: NOLINTNEXTLINE(misc-no-recursion)
static int check_branch(struct walk *w, uint64_t page, unsigned level, size_t count,
                        const struct range *range)
{
    const uint8_t *bytes = w->levels + level * w->v->page_size;
    w->counted.branch_pages++;
    for (size_t i = 0; i < count; i++) {
        struct node node = {.flags = 0};
        struct node next = {.key = range->high};
        int r = read_node(w->v, bytes, i, true, &node);
        if (r == 0 && i + 1 < count) {
            r = read_node(w->v, bytes, i + 1, true, &next);
            if (r == 0 && (next.key.size == 0 || next.key.size > sizeof(w->key) ||
                           (w->kind == TREE_FREE && next.key.size != sizeof(uint64_t)))) {
                r = bad(w->v, page, "a key has a size that none has");
            }
        }
        if (r == 0) {
            struct range below = {.low = i > 0 ? node.key : range->low, .high = next.key};
            r = check_page(w, node.child, level + 1, &below);
        }
        if (r != 0) {
            return r;
        }
    }
    return 0;
}

// The calls go as deep as two trees are, DEPTH_MAX levels each: NOLINTNEXTLINE(misc-no-recursion)
static int check_page(struct walk *w, uint64_t page, unsigned level, const struct range *range)
{
    uint8_t *bytes = w->levels + level * w->v->page_size;
    bool is_branch = level + 1u < w->tree->depth;
    size_t count = 0;
    int r = read_page(w->v, page, bytes);
    if (r == 0) {
        r = check_header(w, page, bytes, is_branch, &count);
    }
    if (r != 0) {
        return r;
    }
    return is_branch ? check_branch(w, page, level, count, range)
                     : check_leaf(w, page, bytes, count, range);
}

// The calls go as deep as two trees are, DEPTH_MAX levels each: NOLINTNEXTLINE(misc-no-recursion)
static int check_tree(struct verify *v, enum tree_kind kind, const struct tree *tree)
{
    uint16_t flags = kind == TREE_FREE ? TREE_INTEGER_KEYS : 0;
    if (tree->flags != flags || tree->depth > DEPTH_MAX ||
        (tree->depth == 0) != (tree->root == PAGE_NONE)) {
        return bad(v, tree->root, "the table it is the root of makes no sense");
    }
    struct walk w = {.v = v, .kind = kind, .tree = tree};
    int r = 0;
    if (tree->depth > 0) {
        CLEANUP(mem_freep) uint8_t *levels = mem_array(tree->depth, v->page_size);
        w.levels = levels;
        struct range all = {{NULL, 0}, {NULL, 0}};
        r = check_page(&w, tree->root, 0, &all);
    }
    if (r != 0) {
        return r;
    }
    if (w.counted.branch_pages != tree->branch_pages || w.counted.leaf_pages != tree->leaf_pages ||
        w.counted.overflow_pages != tree->overflow_pages || w.counted.entries != tree->entries) {
        return bad(v, tree->root, "the table it is the root of has lost or found something");
    }
    return 0;
}

/* One meta page: 0, ERR_REFUSED for something that is not LMDB's, ERR_CORRUPT. */
static int read_meta(int fd, uint64_t offset, struct meta *meta, struct err *err)
{
    uint8_t bytes[HEADER_SIZE + sizeof(*meta)];
    int r = read_at(fd, bytes, sizeof(bytes), offset, err);
    if (r != 0) {
        return r;
    }
    struct header header;
    memcpy(&header, bytes, sizeof(header));
    memcpy(meta, bytes + HEADER_SIZE, sizeof(*meta));
    if (meta->magic != META_MAGIC || (header.flags & PAGE_META) == 0) {
        return err_set(err, ERR_REFUSED, "the file is not an LMDB environment");
    }
    if (meta->version != META_VERSION) {
        return err_set(err, ERR_REFUSED, "LMDB data version %" PRIu32 " is not %d", meta->version,
                       META_VERSION);
    }
    uint32_t size = meta->free.pad;
    if (size < PAGE_SIZE_MIN || size > PAGE_SIZE_MAX || (size & (size - 1)) != 0) {
        return err_set(err, ERR_CORRUPT, "a page size of %" PRIu32 " is none", size);
    }
    return 0;
}

/* Both meta pages, and which holds. Page 0 has the even transactions, page 1 the odd ones, and they
 * follow each other: anything else is not how a crash looks. */
static int read_metas(int fd, struct meta *ret_meta, struct err *err)
{
    struct meta metas[META_COUNT] = {{.magic = 0}};
    int r = read_meta(fd, 0, &metas[0], err);
    if (r == 0) {
        r = read_meta(fd, metas[0].free.pad, &metas[1], err);
    }
    if (r != 0) {
        return r;
    }
    uint64_t even = metas[0].transaction;
    uint64_t odd = metas[1].transaction;
    bool is_new = even == 0 && odd == 0;
    bool follow = even % 2 == 0 && odd % 2 == 1 && (even + 1 == odd || odd + 1 == even);
    if (metas[0].free.pad != metas[1].free.pad || (!is_new && !follow)) {
        return err_set(err, ERR_CORRUPT, "the two beginnings of the file do not belong together");
    }
    *ret_meta = metas[odd > even];
    return 0;
}

static int check_meta(int fd, const struct meta *meta, struct err *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return err_errno(err, errno, "look at the store");
    }
    if (meta->free.flags != TREE_INTEGER_KEYS || meta->last_page < META_COUNT - 1 ||
        meta->last_page >= (uint64_t)st.st_size / meta->free.pad) {
        return err_set(err, ERR_CORRUPT, "the beginning of the file makes no sense");
    }
    return 0;
}

static uint64_t count_lost(const struct verify *v)
{
    return v->last_page + 1 - META_COUNT - v->used - v->free;
}

int verify_file(int fd, struct verify_result *ret_result, struct err *err)
{
    struct meta meta = {.magic = 0};
    int r = read_metas(fd, &meta, err);
    if (r == 0) {
        r = check_meta(fd, &meta, err);
    }
    if (r != 0) {
        return r;
    }
    CLEANUP(mem_freep) uint8_t *seen = mem_array(meta.last_page / 8 + 1, 1);
    struct verify v = {
        .fd = fd,
        .page_size = meta.free.pad,
        .last_page = meta.last_page,
        .transaction = meta.transaction,
        .seen = seen,
        .err = err,
    };
    r = check_tree(&v, TREE_FREE, &meta.free);
    if (r == 0) {
        r = check_tree(&v, TREE_MAIN, &meta.main);
    }
    if (r == 0 && ret_result != NULL) {
        *ret_result = (struct verify_result){v.used, v.free, count_lost(&v), v.transaction};
    }
    return r;
}

int verify_newest(int fd, uint64_t *ret_transaction, struct err *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return err_errno(err, errno, "look at the store");
    }
    struct meta meta = {.magic = 0};
    struct err ignored; /* what is not whole yet was never committed to */
    *ret_transaction = 0;
    if (st.st_size == 0) {
        return 0;
    }
    int r = read_meta(fd, 0, &meta, err);
    if (r == 0 && read_metas(fd, &meta, &ignored) == 0) {
        *ret_transaction = meta.transaction;
    }
    return r == ERR_CORRUPT ? 0 : r;
}
