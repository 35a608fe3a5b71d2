/* Which of the users' objects are alive: a set of addresses, each with what lies there.
 *
 * A pointer to a loader that was freed, or to no loader at all, is looked up before anything is
 * read through it, and so is refused in words, whatever lies there by now:
 *
 *     reel_loader_new    reel__alive_add(l, "a loader")
 *     reel_loader_next   REEL_TRY(reel__alive_check(l, "a loader", "loader_next", NULL))
 *     reel_loader_free   REEL_TRY(reel__alive_end(l, "a loader", "loader_free", NULL))
 *
 * A pointer whose address has become another object of its kind is that object's, but to who kept
 * the number of the one that was. To look an object up takes some 20 ns: it is for calls that are
 * made once a batch or a step. Any thread may call any of these at any time. */
#ifndef REEL_TENSOR_CORE_ALIVE_INTERNAL_H
#define REEL_TENSOR_CORE_ALIVE_INTERNAL_H

#include "tensor/error.h"

#include <stdbool.h>
#include <stdint.h>

/* `object`, which is not NULL and not in the set, is `kind` (a literal with its article: "a
 * module") from here on. REEL_ERR_MEMORY, in the name of `who`, where there is no room. */
reel_status reel__alive_add(const void *object, const char *kind, const char *who);
bool reel__alive_is(const void *object, const char *kind);
/* Which of all objects that ever were it is; 0: not alive. */
uint64_t reel__alive_number(const void *object, const char *kind);
/* REEL_OK, or a failure: "loader_next: not a loader, or freed already", and of NULL "loader_next:
 * loader is NULL". */
reel_status reel__alive_check(const void *object, const char *kind, const char *who,
                              const char *at);
/* The same, and takes it out of the set: of two threads that free one object, one gets a REEL_OK.
 */
reel_status reel__alive_end(const void *object, const char *kind, const char *who, const char *at);

#endif
