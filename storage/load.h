/* storage/load.h - everything on disk, verified, as one image. */
#ifndef STORAGE_LOAD_H_
#define STORAGE_LOAD_H_

#include "base/err.h"
#include "storage/batch.h"
#include "storage/env.h"
#include "storage/ledger.h"

/* A store that has a ledger: read it all. On failure @ret_image is zeroed. */
int store_load(struct env *env, struct ledger *ret_ledger, struct store_image *ret_image,
               struct err *err);
/* A new one: write its first ledger and make it a store. */
int store_format(struct env *env, struct ledger *ret_ledger, struct store_image *ret_image,
                 struct err *err);

#endif /* STORAGE_LOAD_H_ */
