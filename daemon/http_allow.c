/* daemon/http_allow.c - the addresses behind names, kept up to date.
 *
 *   timer --> ask the store for the members --> names --> resolve one --> the next --> known
 *     ^                (only if they are meant)              ^----'                      |
 *     '----------------------------------------------------------------------------------'
 *
 * At most one round is under way. A round that became old by a reload ends early, and the next one
 * begins at once. Addresses and networks of the list need no round: http_address_matches() reads
 * them. */
#include "daemon/http_allow.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/must.h"
#include "daemon/http_internal.h"

#define ROUND_MS 30000
#define FIRST_MS 1000 /* between rounds, until the members are known */
#define STATUS_MS 5000
#define NAMES_MAX 256
#define ADDRESSES_MAX 16 /* of one name */

struct name {
    char host[256];
    struct sockaddr_storage at[ADDRESSES_MAX];
    size_t count;
    bool failed; /* it is said that this name can not be resolved */
};

struct names {
    struct name *at[NAMES_MAX];
    size_t count;
};

struct http_allow {
    struct http *http;
    uv_timer_t timer;
    uv_getaddrinfo_t question;
    struct names known;
    struct names fresh; /* of this round */
    size_t next;        /* of @fresh, to be resolved */
    bool is_running;    /* a round is under way */
    bool is_asking;     /* the thread pool has the question */
    bool is_old;        /* and was begun with other settings */
    bool has_members;   /* the store has told of some */
    bool closing;
    bool timer_closed;
};

static void begin(struct http_allow *a);

/* ---- names ---- */

static void clear(struct names *names)
{
    for (size_t i = 0; i < names->count; i++) {
        mem_free(names->at[i]);
    }
    *names = (struct names){.count = 0};
}

static struct name *find(const struct names *names, const char *host)
{
    for (size_t i = 0; i < names->count; i++) {
        if (strcasecmp(names->at[i]->host, host) == 0) {
            return names->at[i];
        }
    }
    return NULL;
}

/* With the addresses that it had. */
static void add(struct http_allow *a, const char *host, size_t size)
{
    struct name name = {.count = 0};
    if (size == 0 || size >= sizeof(name.host) || a->fresh.count == NAMES_MAX) {
        return;
    }
    (void)snprintf(name.host, sizeof(name.host), "%.*s", (int)size, host);
    if (find(&a->fresh, name.host) != NULL) {
        return;
    }
    const struct name *old = find(&a->known, name.host);
    a->fresh.at[a->fresh.count] = mem_dup(old != NULL ? old : &name, sizeof(name));
    a->fresh.count++;
}

/* "http://10.0.0.1:8008/x", "[::1]:7400", "pg1:7400". */
static void add_host_of(struct http_allow *a, const char *url)
{
    const char *scheme = strstr(url, "://");
    const char *host = scheme != NULL ? scheme + 3 : url;
    if (host[0] == '[') {
        add(a, host + 1, strcspn(host + 1, "]"));
    } else {
        add(a, host, strcspn(host, ":/"));
    }
}

static bool is_address_or_network(const char *entry)
{
    unsigned char room[sizeof(struct in6_addr)];
    return strchr(entry, '/') != NULL || inet_pton(AF_INET, entry, room) == 1 ||
           inet_pton(AF_INET6, entry, room) == 1;
}

static void add_listed(struct http_allow *a)
{
    const struct http_settings *s = &a->http->settings;
    for (size_t i = 0; i < s->allowlist_count; i++) {
        if (!is_address_or_network(s->allowlist[i])) {
            add(a, s->allowlist[i], strlen(s->allowlist[i]));
        }
    }
}

/* ---- a round ---- */

static void on_timer(uv_timer_t *timer)
{
    begin(timer->data);
}

static void free_allow(struct http_allow *a)
{
    struct http *http = a->http;
    clear(&a->known);
    clear(&a->fresh);
    mem_free(a);
    http_handle_closed(http);
}

static void end_round(struct http_allow *a)
{
    a->is_running = false;
    if (a->closing) {
        if (a->timer_closed) {
            free_allow(a);
        }
        return;
    }
    struct names old = a->known;
    a->known = a->fresh;
    a->fresh = old;
    clear(&a->fresh);
    bool members = a->http->settings.allow_members;
    uint64_t pause_ms = a->is_old ? 0 : members && !a->has_members ? FIRST_MS : ROUND_MS;
    if (a->is_old || members || a->known.count > 0) {
        (void)uv_timer_start(&a->timer, on_timer, pause_ms, 0);
    }
}

static void take_addresses(struct name *name, const struct addrinfo *found)
{
    name->count = 0;
    for (const struct addrinfo *one = found; one != NULL; one = one->ai_next) {
        if (name->count < ADDRESSES_MAX && one->ai_addrlen <= sizeof(name->at[0])) {
            memcpy(&name->at[name->count], one->ai_addr, one->ai_addrlen);
            name->count++;
        }
    }
    if (name->failed) {
        log_info("http", "a name of the allowlist is resolved again", LOG_STR("host", name->host));
    }
    name->failed = false;
}

static void resolve_next(struct http_allow *a);

static void on_resolved(uv_getaddrinfo_t *question, int status, struct addrinfo *found)
{
    struct http_allow *a = question->data;
    struct name *name = a->fresh.at[a->next];
    a->next++;
    a->is_asking = false;
    if (status == 0) {
        take_addresses(name, found);
    } else if (!name->failed && !a->closing) {
        name->failed = true;
        log_warn("http", "a name of the allowlist can not be resolved", LOG_STR("host", name->host),
                 LOG_STR("reason", uv_strerror(status)));
    }
    uv_freeaddrinfo(found);
    resolve_next(a);
}

static void resolve_next(struct http_allow *a)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    while (!a->is_asking && !a->closing && !a->is_old && a->next < a->fresh.count) {
        a->is_asking = uv_getaddrinfo(a->http->loop, &a->question, on_resolved,
                                      a->fresh.at[a->next]->host, NULL, &hints) == 0;
        a->next += a->is_asking ? 0 : 1;
    }
    if (!a->is_asking) {
        end_round(a);
    }
}

static void on_members(void *ctx, const struct pgraft_result *result)
{
    struct http_allow *a = ctx;
    const struct pgraft_status *s = result->status == 0 ? result->state : NULL;
    for (size_t i = 0; s != NULL && i < s->member_count; i++) {
        add_host_of(a, s->members[i].address);
        add_host_of(a, s->members[i].api_url);
        a->has_members = true;
    }
    resolve_next(a);
}

static void begin(struct http_allow *a)
{
    struct pgraft_call call = {.timeout_ms = STATUS_MS, .done = on_members, .ctx = a};
    MUST(!a->is_running);
    (void)uv_timer_stop(&a->timer);
    a->is_running = true;
    a->is_old = false;
    a->next = 0;
    add_listed(a);
    if (!a->http->settings.allow_members ||
        pgraft_status(a->http->store, false, &call, NULL, NULL) != 0) {
        resolve_next(a);
    }
}

/* ---- open, reload, close ---- */

bool http_allow_is_on(const struct http_allow *allow)
{
    const struct http_settings *s = &allow->http->settings;
    return s->allowlist_count > 0 || s->allow_members;
}

void http_allow_reload(struct http_allow *allow)
{
    allow->is_old = allow->is_running;
    if (!allow->is_running && http_allow_is_on(allow)) {
        begin(allow);
    }
}

struct http_allow *http_allow_open(struct http *http)
{
    struct http_allow *a = mem_zalloc(sizeof(*a));
    a->http = http;
    int rc = uv_timer_init(http->loop, &a->timer);
    MUST(rc == 0);
    a->timer.data = a;
    a->question.data = a;
    http_handle_opened(http);
    http_allow_reload(a);
    return a;
}

static void on_closed(uv_handle_t *handle)
{
    struct http_allow *a = handle->data;
    a->timer_closed = true;
    if (!a->is_running) {
        free_allow(a);
    }
}

void http_allow_close(struct http_allow *allow)
{
    if (allow == NULL) {
        return;
    }
    allow->closing = true;
    if (allow->is_asking) {
        (void)uv_cancel((uv_req_t *)&allow->question); /* fails when it runs already */
    }
    uv_close((uv_handle_t *)&allow->timer, on_closed);
}

static bool is_of(const struct name *name, const struct sockaddr *peer)
{
    char text[INET6_ADDRSTRLEN];
    for (size_t i = 0; i < name->count; i++) {
        const struct sockaddr_storage *at = &name->at[i];
        const void *bytes =
            at->ss_family == AF_INET
                ? (const void *)&((const struct sockaddr_in *)(const void *)at)->sin_addr
                : &((const struct sockaddr_in6 *)(const void *)at)->sin6_addr;
        if (inet_ntop(at->ss_family, bytes, text, sizeof(text)) != NULL &&
            http_address_matches(peer, text)) {
            return true;
        }
    }
    return false;
}

bool http_allow_has(const struct http_allow *allow, const struct sockaddr *peer)
{
    const struct http_settings *s = &allow->http->settings;
    bool has = false;
    for (size_t i = 0; i < s->allowlist_count && !has; i++) {
        has = http_address_matches(peer, s->allowlist[i]);
    }
    for (size_t i = 0; i < allow->known.count && !has; i++) {
        has = is_of(allow->known.at[i], peer);
    }
    return has;
}
