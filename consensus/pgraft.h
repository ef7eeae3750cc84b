/* consensus/pgraft.h - the public interface of libpgraft, a replicated key-value store to embed.
 *
 * The only header that is installed. Everything it declares starts with pgraft_ or PGRAFT_; nothing
 * else of the library can be seen or relied on. This version tells what it is; there is no
 * interface to the store yet. */
#ifndef PGRAFT_H_
#define PGRAFT_H_

#ifdef __cplusplus
extern "C" {
#endif

#define PGRAFT_API __attribute__((visibility("default")))

/* The version of this header. */
#define PGRAFT_VERSION_MAJOR 0
#define PGRAFT_VERSION_MINOR 1
#define PGRAFT_VERSION_PATCH 0

/* The version of the library in use, "0.1.0"; it may be newer than the header the program was built
 * with. */
PGRAFT_API const char *pgraft_version(void);

#ifdef __cplusplus
}
#endif

#endif /* PGRAFT_H_ */
