/* tests/lib/hosts.h - several nodes of libpgraft in one process, talking over loopback. */
#ifndef TESTS_LIB_HOSTS_H_
#define TESTS_LIB_HOSTS_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "consensus/pgraft.h"
#include "tests/lib/scratch.h"

#define HOSTS_MAX 5

struct hosts;

struct host {
    struct hosts *all;
    struct pgraft *store; /* NULL: it is down */
    char name[8];
    char address[32];
    char directory[96];
    char last_event[512];
    size_t events;
    size_t warnings[PGRAFT_EVENT_LEASE + 1]; /* by kind */
};

struct hosts {
    struct scratch scratch;
    size_t count;
    struct host at[HOSTS_MAX];
    char peers[512];
    void (*settings)(struct pgraft_settings *settings, size_t host); /* NULL: as they are */
};

/* What one request was answered, copied out of its callback. */
struct heard {
    bool done;
    int status;
    char message[256];
    uint64_t revision;
    bool succeeded;
    uint64_t count;
    char value[128]; /* of the first pair of the first operation */
    uint64_t lease;
    uint64_t grant;
    uint64_t epoch;
    uint64_t left_ms;
    enum pgraft_phase phase;
    uint64_t self; /* the id of who was asked */
    uint64_t leader;
    char leader_name[64];
    size_t members;
    size_t answered;
    size_t voters;
    int can_lose;
    bool has_quorum;
    uint64_t level;
    char text[512];
};

/* @count hosts with addresses of their own, not started. */
void hosts_open(struct hosts *hosts, size_t count);
/* Ends what runs and removes the directories. */
void hosts_close(struct hosts *hosts);
void hosts_start(struct hosts *hosts, size_t host);
void hosts_stop(struct hosts *hosts, size_t host);

/* Dispatches on all hosts until @is_so, at most for 30 s; what it said last. */
bool hosts_until(struct hosts *hosts, bool (*is_so)(void *arg), void *arg);
/* A call whose answer goes to @heard. */
struct pgraft_call hosts_call(struct heard *heard, uint32_t timeout_ms);
/* Until it is answered. */
void hosts_wait(struct hosts *hosts, struct heard *heard);
/* All connections of this process, and so all between its nodes. */
void hosts_break_connections(void);

/* The commonest questions, with their answers. */
struct heard hosts_put(struct hosts *hosts, size_t host, const char *key, const char *value);
struct heard hosts_get(struct hosts *hosts, size_t host, const char *key);
struct heard hosts_status(struct hosts *hosts, size_t host, bool ask_all);
/* Until @host is a member of a cluster that has a leader with a quorum and @members members. */
void hosts_until_ready(struct hosts *hosts, size_t host, size_t members);

struct pgraft_slice text_slice(const char *text);

#endif /* TESTS_LIB_HOSTS_H_ */
