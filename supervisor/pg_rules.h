/* supervisor/pg_rules.h - who may set which parameter, and to what; for supervisor/pg_settings.c.
 */
#ifndef SUPERVISOR_PG_RULES_H_
#define SUPERVISOR_PG_RULES_H_

#include <stdbool.h>
#include <stddef.h>

enum pg_rule_kind {
    PG_RULE_OURS,   /* nobody sets it */
    PG_RULE_NUMBER, /* shared: from the shared configuration alone */
    PG_RULE_BOOL,
    PG_RULE_LEVEL, /* wal_level */
    PG_RULE_SIZE,  /* with a unit; @min in MiB */
};

struct pg_rule {
    const char *name;
    enum pg_rule_kind kind;
    const char *value;   /* ours, or the default; NULL: it depends on the input, or is left out */
    const char *instead; /* of ours: what to use */
    unsigned min;
    unsigned max;
    bool is_argument;
};

extern const struct pg_rule pg_rules[];
extern const size_t pg_rules_count;

#define PG_RULE_TEXT 32
#define PG_RULE_WORDS 64

/* NULL: whoever likes may set it to whatever PostgreSQL takes. */
const struct pg_rule *pg_rule_of(const char *name);
/* @value is one that this shared parameter may have; @out gets it as it is written to the file. */
bool pg_rule_takes(const struct pg_rule *rule, const char *value, char out[PG_RULE_TEXT]);
/* What it may be instead, in words; @out. */
const char *pg_rule_expects(const struct pg_rule *rule, char out[PG_RULE_WORDS]);

#endif /* SUPERVISOR_PG_RULES_H_ */
