/* ctl/http.c - libcurl, with everything switched off that is not wanted. */
#include "ctl/http.h"

#include <stdio.h>
#include <string.h>

#include <curl/curl.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/must.h"
#include "ctl/http_fault.h"

struct http {
    CURL *curl;
    char *socket;
    char *base; /* what paths are appended to */
    char *name;
    char detail[CURL_ERROR_SIZE];
};

/* One exchange: where the bytes of the answer go. */
struct exchange {
    struct http *http;
    struct buf *body;
    const struct http_sink *sink; /* NULL: all into @body */
    uint64_t heard_ms;            /* when the last bytes came */
    uint64_t answer_ms;           /* of a stream: so long may its answer take to begin */
    bool too_large;
    bool enough;
};

/* Fails only for an option that this libcurl does not have or a value it can not take. */
#define SET(http, option, value)                                                 \
    do {                                                                         \
        CURLcode set_ = curl_easy_setopt((http)->curl, CURLOPT_##option, value); \
        MUST(set_ == CURLE_OK);                                                  \
    } while (0)

static void set_access(struct http *http, const struct http_access *access)
{
    if (access->user != NULL) {
        SET(http, HTTPAUTH, (long)CURLAUTH_BASIC);
        SET(http, USERNAME, access->user);
        SET(http, PASSWORD, access->password != NULL ? secret_reveal(access->password) : "");
    }
    if (access->cacert != NULL) {
        SET(http, CAINFO, access->cacert);
        SET(http, CAPATH, NULL);
    }
    if (access->cert != NULL) {
        SET(http, SSLCERT, access->cert);
        SET(http, SSLKEY, access->key != NULL ? access->key : access->cert);
    }
    if (access->key_password != NULL && secret_is_set(access->key_password)) {
        SET(http, KEYPASSWD, secret_reveal(access->key_password));
    }
    SET(http, SSL_VERIFYPEER, access->insecure ? 0L : 1L);
    SET(http, SSL_VERIFYHOST, access->insecure ? 0L : 2L);
}

static size_t take_bytes(char *bytes, size_t one, size_t size, void *context)
{
    struct exchange *e = context;
    MUST(one == 1);
    e->heard_ms = clock_mono_ms(clock_system());
    long status = 0;
    (void)curl_easy_getinfo(e->http->curl, CURLINFO_RESPONSE_CODE, &status);
    if (e->sink != NULL && status == 200) {
        e->enough = e->sink->piece_cb(e->sink->context, bytes, size) != 0;
        return e->enough ? 0 : size; /* less than was given ends the transfer */
    }
    if (e->body->size + size > HTTP_BODY_MAX) {
        e->too_large = true;
        return 0;
    }
    buf_append(e->body, bytes, size);
    return size;
}

/* libcurl asks about once a second whether to go on. */
static int is_too_silent(void *context, curl_off_t down_all, curl_off_t down, curl_off_t up_all,
                         curl_off_t up)
{
    const struct exchange *e = context;
    (void)down_all;
    (void)down;
    (void)up_all;
    (void)up;
    if (e->sink == NULL) {
        return 0;
    }
    long status = 0;
    (void)curl_easy_getinfo(e->http->curl, CURLINFO_RESPONSE_CODE, &status);
    uint64_t limit_ms = status == 0 ? e->answer_ms : e->sink->silence_ms;
    return clock_mono_ms(clock_system()) - e->heard_ms > limit_ms;
}

struct http *http_open(const struct http_place *place, const struct http_access *access)
{
    MUST((place->socket == NULL) != (place->url == NULL));
    struct http *http = mem_zalloc(sizeof(*http));
    CURLcode rc = curl_global_init(CURL_GLOBAL_DEFAULT);
    MUST(rc == CURLE_OK);
    http->curl = curl_easy_init();
    MUST(http->curl != NULL);
    http->socket = place->socket != NULL ? mem_strdup(place->socket) : NULL;
    http->base = mem_strdup(place->url != NULL ? place->url : "http://pgraft");
    http->name = mem_strdup(place->url != NULL ? place->url : place->socket);
    SET(http, ERRORBUFFER, http->detail);
    SET(http, NOSIGNAL, 1L);
    SET(http, PROXY, ""); /* what the environment says of proxies is about another network */
    SET(http, PROTOCOLS_STR, "http,https");
    SET(http, HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(http, USERAGENT, "pgraftctl");
    SET(http, TCP_KEEPALIVE, 1L);
    SET(http, WRITEFUNCTION, take_bytes);
    SET(http, XFERINFOFUNCTION, is_too_silent);
    SET(http, NOPROGRESS, 0L);
    SET(http, SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (http->socket != NULL) {
        SET(http, UNIX_SOCKET_PATH, http->socket);
    }
    set_access(http, access);
    return http;
}

void http_close(struct http *http)
{
    if (http == NULL) {
        return;
    }
    curl_easy_cleanup(http->curl);
    curl_global_cleanup();
    mem_free(http->socket);
    mem_free(http->base);
    mem_free(http->name);
    mem_free(http);
}

void http_closep(struct http **http)
{
    http_close(*http);
    *http = NULL;
}

const char *http_name(const struct http *http)
{
    return http->name;
}

static void set_request(struct http *http, const struct http_request *request, const char *url,
                        struct curl_slist *headers)
{
    bool puts = strcmp(request->method, "PUT") == 0;
    bool deletes = strcmp(request->method, "DELETE") == 0;
    bool has_body = puts || strcmp(request->method, "POST") == 0;
    const char *body = request->body != NULL ? request->body : "{}";
    MUST(has_body || deletes || strcmp(request->method, "GET") == 0);
    SET(http, URL, url);
    SET(http, HTTPHEADER, headers);
    SET(http, CUSTOMREQUEST, puts || deletes ? request->method : NULL);
    if (has_body) {
        SET(http, POST, 1L);
        SET(http, POSTFIELDS, body);
        SET(http, POSTFIELDSIZE_LARGE, (curl_off_t)strlen(body));
    } else {
        SET(http, HTTPGET, 1L);
    }
}

static struct curl_slist *add_header(struct curl_slist *headers, const char *line)
{
    struct curl_slist *longer = curl_slist_append(headers, line);
    MUST(longer != NULL);
    return longer;
}

static struct curl_slist *headers_of(const struct http_request *request)
{
    struct curl_slist *headers = add_header(NULL, "Content-Type: application/json");
    headers = add_header(headers, "Expect:"); /* no waiting for leave to send the body */
    if (request->if_match != NULL) {
        CLEANUP(mem_freep) char *line = mem_printf("If-Match: %s", request->if_match);
        headers = add_header(headers, line);
    }
    return headers;
}

/* Of the answer that has just come; one that does not fit is none of ours. What compresses an
 * answer on its way calls its tag weak (W/), and the revision is the same. */
static void take_tag(const struct http *http, char out[HTTP_TAG_SIZE])
{
    struct curl_header *header = NULL;
    CURLHcode code = curl_easy_header(http->curl, "ETag", 0, CURLH_HEADER, -1, &header);
    const char *tag = code == CURLHE_OK ? header->value : "";
    tag += strncmp(tag, "W/", 2) == 0 ? 2 : 0;
    bool is_ours = tag[0] == '"' && strlen(tag) < HTTP_TAG_SIZE;
    (void)snprintf(out, HTTP_TAG_SIZE, "%s", is_ours ? tag : "");
}

static int perform(struct http *http, const struct http_request *request, struct exchange *e,
                   int *ret_status, struct err *err)
{
    CLEANUP(mem_freep) char *url = mem_printf("%s%s", http->base, request->path);
    struct curl_slist *headers = headers_of(request);
    http->detail[0] = '\0';
    set_request(http, request, url, headers);
    e->heard_ms = clock_mono_ms(clock_system());
    SET(http, WRITEDATA, e);
    SET(http, XFERINFODATA, e);
    CURLcode code = curl_easy_perform(http->curl);
    SET(http, HTTPHEADER, NULL);
    curl_slist_free_all(headers);
    long status = 0;
    long os_errno = 0;
    long sent = 0;
    (void)curl_easy_getinfo(http->curl, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_easy_getinfo(http->curl, CURLINFO_OS_ERRNO, &os_errno);
    (void)curl_easy_getinfo(http->curl, CURLINFO_REQUEST_SIZE, &sent);
    *ret_status = (int)status;
    if (code == CURLE_OK || e->enough) {
        return 0;
    }
    if (e->too_large) {
        return err_set(err, ERR_TOO_LARGE, "%s: its answer is larger than %zu bytes", http->name,
                       HTTP_BODY_MAX);
    }
    bool never_began = code == CURLE_ABORTED_BY_CALLBACK && status == 0;
    const struct http_fault fault = {
        .code = (int)(never_began ? CURLE_OPERATION_TIMEDOUT : code),
        .os_errno = (int)os_errno,
        .detail = http->detail,
        .name = http->name,
        .is_socket = http->socket != NULL,
        .sent = sent > 0,
        .changes = request->changes,
        .timeout_ms = request->told_ms != 0 ? request->told_ms : request->timeout_ms,
    };
    return http_fault(&fault, err);
}

int http_ask(struct http *http, const struct http_request *request, struct http_answer *ret_answer,
             struct err *err)
{
    struct http_answer answer = {0};
    struct exchange e = {.http = http, .body = &answer.body};
    SET(http, TIMEOUT_MS, (long)request->timeout_ms);
    SET(http, CONNECTTIMEOUT_MS, (long)request->connect_ms);
    int rc = perform(http, request, &e, &answer.status, err);
    if (rc < 0) {
        buf_close(&answer.body);
        return rc;
    }
    take_tag(http, answer.tag);
    *ret_answer = answer;
    return 0;
}

int http_stream(struct http *http, const struct http_request *request, const struct http_sink *sink,
                struct http_answer *ret_answer, struct err *err)
{
    struct http_answer answer = {0};
    struct exchange e = {
        .http = http, .body = &answer.body, .sink = sink, .answer_ms = request->timeout_ms};
    SET(http, TIMEOUT_MS, 0L);
    SET(http, CONNECTTIMEOUT_MS, (long)request->connect_ms);
    int rc = perform(http, request, &e, &answer.status, err);
    if (rc < 0) {
        buf_close(&answer.body);
        return rc;
    }
    *ret_answer = answer;
    return 0;
}
