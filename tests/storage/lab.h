/* tests/storage/lab.h - what the storage tests share: a directory, a store in it, images as bytes.
 */
#ifndef TESTS_STORAGE_LAB_H_
#define TESTS_STORAGE_LAB_H_

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "storage/store.h"

/* A seeded stream of numbers (splitmix64). */
uint64_t lab_random(uint64_t *seed);
/* 0 to @below - 1. */
uint64_t lab_below(uint64_t *seed, uint64_t below);

struct lab {
    char root[64]; /* in memory if there is such a place, else in TMPDIR */
    char path[96]; /* of the store, in root */
    struct store_settings settings;
    struct store *store;
    struct store_image image; /* of the last lab_open() */
};

/* A small store: reserve 64 KiB, limit 64 MiB. */
void lab_init(struct lab *lab);
/* Closes the store and removes the directory. */
void lab_close(struct lab *lab);

/* 0 or what store_open() says. */
int lab_open(struct lab *lab, struct err *err);
/* The same, and the test fails if it does not work. */
void lab_must_open(struct lab *lab);
void lab_shut(struct lab *lab);

/* The next event; fails the test after 20 s without one. */
void lab_event(struct lab *lab, struct store_event *event);
/* Wait for the report of @sequence. Other kinds of events fail the test. */
void lab_wait(struct lab *lab, uint64_t sequence);
/* Until there is no garbage left. */
void lab_wait_clean(struct lab *lab);

/* Every field and byte of @image but `formatted`. Two images are the same when these are. */
void lab_describe(const struct store_image *image, struct buf *text);
/* A number made from that. */
uint64_t lab_digest(const struct store_image *image);
void lab_describe_rows(const struct store_batch *rows, struct buf *text);

/* Copy data.mdb over, or into, a store's directory. */
void lab_copy_file(const char *from, const char *to);

#endif /* TESTS_STORAGE_LAB_H_ */
