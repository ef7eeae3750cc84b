/* daemon/http_config_rules.h - what a PATCH or a PUT of /config makes of what is stored.
 *
 * Pure: from what is there and what is wished for to the new text, or to a refusal. */
#ifndef DAEMON_HTTP_CONFIG_RULES_H_
#define DAEMON_HTTP_CONFIG_RULES_H_

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "base/buf.h"

struct config_wish {
    json_t *body;         /* an object */
    bool replaces;        /* PUT */
    const char *if_match; /* the header, NULL: none */
    uint64_t level;       /* the feature level in force (supervisor/level.h) */
};

/* The key `config`. */
struct config_stored {
    const char *text;  /* NULL: there is none */
    uint64_t revision; /* of its last change; 0: there is none */
};

struct config_verdict {
    unsigned status;      /* 200, or that of the refusal */
    int code;             /* ERR_*, of a refusal */
    bool is_same;         /* 200: there is nothing to write */
    bool needs_unchanged; /* ... only if the key is what it was */
    struct buf text;      /* 200: what is to be stored; else why not */
};

/* To be closed with config_verdict_close(). */
void config_judge(const struct config_wish *wish, const struct config_stored *stored,
                  struct config_verdict *ret_verdict);
void config_verdict_close(struct config_verdict *verdict);

/* What is stored, as an object; NULL and @why: it is none, and @text NULL is none either. */
json_t *config_stored_read(const struct config_stored *stored, struct buf *why);

/* The header If-Match names @revision; 0: of what is not there. */
bool config_tag_matches(const char *if_match, uint64_t revision);

#endif /* DAEMON_HTTP_CONFIG_RULES_H_ */
