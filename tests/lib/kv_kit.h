/* tests/lib/kv_kit.h - short ways to say commands, and a machine to say them to.
 *
 *     kit_init(&kit);
 *     kit_ok(&kit, kv_put("/a", "1"));            revision 1
 *     kit_fails(&kit, kv_put_on("/a", "1", 7), ERR_NOT_FOUND);
 *     assert_string_equal(kit_value(&kit, "/a"), "1"); */
#ifndef TESTS_LIB_KV_KIT_H_
#define TESTS_LIB_KV_KIT_H_

#include <stdint.h>

#include "base/buf.h"
#include "consensus/machine.h"
#include "consensus/watch.h"
#include "proto/kv.h"

/* Rows as a disk would keep them: sorted, each key once. */
struct kit_row {
    uint8_t *key;
    size_t key_size;
    uint8_t *value;
    size_t value_size;
};
struct kit_disk {
    struct kit_row *rows;
    size_t count;
    size_t room;
};
/* A machine_emit_cb on a struct kit_disk. */
void kit_disk_write(void *disk, const struct store_row *row);
const struct kit_row *kit_disk_find(const struct kit_disk *disk, const void *key, size_t key_size);
/* 0 or what loading said. */
int kit_disk_load(const struct kit_disk *disk, struct machine *machine, struct err *err);
void kit_disk_close(struct kit_disk *disk);

struct kit {
    struct watch_hub *hub;
    struct machine *machine;
    struct kit_disk disk;
    uint64_t index;
    const struct kv_result *result; /* of the last command */
    struct buf bytes;
    char text[256];
    /* What the machine told about leases, counted, and the last one. */
    unsigned lease_events[MACHINE_LEASE_REMOVED + 1];
    struct machine_lease last_lease;
};

void kit_init(struct kit *kit);
void kit_close(struct kit *kit);
/* Flush, throw the machine away and load another one from the disk. */
void kit_reload(struct kit *kit);

/* Apply, as the next entry; the test fails if the machine does not take it. */
const struct kv_result *kit_apply(struct kit *kit, struct kv_command command);
const struct kv_result *kit_ok(struct kit *kit, struct kv_command command);
const struct kv_result *kit_fails(struct kit *kit, struct kv_command command, int code);
uint64_t kit_revision(const struct kit *kit);
struct machine_status kit_status(const struct kit *kit);
/* The value as a text, NULL if there is no such key. */
const char *kit_value(struct kit *kit, const char *key);
struct kv_pair kit_pair(const struct kit *kit, const char *key);
/* The keys of @span, joined with spaces. */
const char *kit_keys(struct kit *kit, struct kv_span span);

struct kv_span kv_one(const char *key);
struct kv_span kv_prefix(const char *prefix);
struct kv_span kv_from_to(const char *from, const char *to);

struct kv_op op_put(const char *key, const char *value);
struct kv_op op_put_on(const char *key, const char *value, uint64_t lease);
struct kv_op op_delete(struct kv_span span);
struct kv_op op_range(struct kv_span span);
struct kv_op op_grant(uint64_t id, uint64_t ttl_ms);
struct kv_op op_grant_protected(uint64_t id, uint64_t epoch);

struct kv_command kv_do(struct kv_op op);
struct kv_command kv_put(const char *key, const char *value);
struct kv_command kv_put_on(const char *key, const char *value, uint64_t lease);
struct kv_command kv_delete(const char *key);
struct kv_command kv_delete_all(struct kv_span span);
struct kv_command kv_grant(uint64_t id, uint64_t ttl_ms);
struct kv_command kv_grant_protected(uint64_t id, uint64_t epoch);
struct kv_command kv_revoke(uint64_t id);
struct kv_command kv_release(uint64_t id, uint64_t epoch);
struct kv_command kv_expire(uint64_t id, uint64_t generation);
struct kv_command kv_set(enum kv_setting_kind kind, uint64_t value);
struct kv_command kv_compact(uint64_t revision);
/* The lists live as long as the command. */
struct kv_command kv_if(const struct kv_compare *compares, size_t compare_count,
                        const struct kv_op *then_ops, size_t then_count,
                        const struct kv_op *else_ops, size_t else_count);
/* The same command, said by a client, by the holder of a lease, or by the system. */
struct kv_command by_client(struct kv_command command, uint64_t client, uint64_t sequence);
struct kv_command by_holder(struct kv_command command, uint64_t lease, uint64_t epoch);
struct kv_command by_system(struct kv_command command);

struct kv_compare compare_number(const char *key, enum kv_target target, enum kv_relation relation,
                                 uint64_t number);
struct kv_compare compare_value(const char *key, enum kv_relation relation, const char *value);

#endif /* TESTS_LIB_KV_KIT_H_ */
