/* proto/member.h - who a member is: name, address, kind, site and id, as values and as one line.
 *
 * The line is the text that the membership keeps of a member (struct member.info), the same bytes
 * for the same member, and of no other member because the id is in it:
 *
 *   member/1 name=pg1 address=10.0.0.1:7400 kind=database site=fra id=00c0ffee00c0ffee
 *
 * All fields are there, in this order; no site is "site=". What is in a field never holds a space,
 * so there is one way to write it and one to read it. */
#ifndef PROTO_MEMBER_H_
#define PROTO_MEMBER_H_

#include <stdint.h>

#include "base/err.h"

#define MEMBER_NAME_MAX 63
#define MEMBER_ADDRESS_MAX 263 /* a host name of 255, colon and port, with room for brackets */
#define MEMBER_SITE_MAX 63
/* The longest line and its NUL. */
#define MEMBER_TEXT_SIZE 512

enum member_kind {
    MEMBER_DATABASE = 1, /* a vote and one PostgreSQL */
    MEMBER_WITNESS,      /* a vote, no PostgreSQL */
};

struct member_info {
    char name[MEMBER_NAME_MAX + 1];
    char address[MEMBER_ADDRESS_MAX + 1]; /* of the peers' port: "host:port", "[::1]:port" */
    enum member_kind kind;
    char site[MEMBER_SITE_MAX + 1]; /* "": none was named */
    uint64_t id;                    /* drawn at random; 0 is nobody */
};

/* 0, or ERR_INVALID with a message that names the field and what is allowed in it. */
int member_name_check(const char *name, struct err *err);
int member_address_check(const char *address, struct err *err);
int member_info_check(const struct member_info *info, struct err *err);

const char *member_kind_name(enum member_kind kind);

/* @info passes member_info_check(). Returns @out. */
const char *member_info_encode(const struct member_info *info, char out[MEMBER_TEXT_SIZE]);
/* Strict: what decodes is what would be encoded again. ERR_VERSION: a line of a newer version;
 * ERR_PROTOCOL: not such a line. @out is untouched on failure. */
int member_info_decode(const char *text, struct member_info *out, struct err *err);

#endif /* PROTO_MEMBER_H_ */
