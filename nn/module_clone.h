/* Copies of modules, and functions on every part of one.
 *
 *     reel_module *teacher = reel_module_clone(student);      // with parameters of its own
 *     reel_module_apply(student, initialise, &generator);     // on each part, children first
 *
 * A copy has its own parameters (tracked where the first's are), buffers, generators, children and
 * struct; a tensor that is registered twice is one in the copy too. It computes what the first
 * does, and draws what it draws. Gradients, hooks and optimizers stay with the first.
 *
 * The struct around a reel_module is copied byte by byte, and those of its pointers that are
 * registered tensors, generators or modules, of any part of what is copied, become the copy's. So a
 * module of one's own is cloneable once its size is known:
 *
 *     typedef struct { reel_module base; reel_tensor *W; int heads; } mine;
 *     reel_module_init(&m->base, "mine", forward);
 *     reel_module_cloneable(&m->base, sizeof *m, NULL);
 *
 * What else a struct points to is shared by both, unless `copied` does something about it: it is
 * called on the copy when all of it is there, its parts before itself. A copy lies on the heap. If
 * the first has a `free`, that frees the copy too, struct and all; else its memory is freed. */
#ifndef REEL_NN_MODULE_CLONE_H
#define REEL_NN_MODULE_CLONE_H

#include "../tensor/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct reel_module reel_module; /* nn.h */

/* Gives the copy what it is to own apart from `from`; not REEL_OK: a failure is kept, and the copy
 * is freed. What it has not yet replaced when it fails must be set to NULL, since `free` comes by.
 */
typedef reel_status (*reel_module_copied_fn)(reel_module *copy, const reel_module *from);
/* m is the head of `size` bytes; copied may be NULL. After reel_module_init. */
REEL_API void reel_module_cloneable(reel_module *m, size_t size, reel_module_copied_fn copied);

/* Owned; NULL, and a failure, if a part is not cloneable, or without memory. */
REEL_API reel_module *reel_module_clone(reel_module *m);

/* Calls f on every part of m, children before those they belong to, m last, as torch's apply. Ends
 * at the first status other than REEL_OK, which it returns. */
typedef reel_status (*reel_module_fn)(reel_module *m, void *user);
REEL_API reel_status reel_module_apply(reel_module *m, reel_module_fn f, void *user);

/* ---- call sites: see error.h ---- */

#define reel_module_cloneable(...) REEL__CALL(reel_module_cloneable(__VA_ARGS__))
#define reel_module_clone(...) REEL__CALL(reel_module_clone(__VA_ARGS__))
#define reel_module_apply(...) REEL__CALL(reel_module_apply(__VA_ARGS__))

#ifdef __cplusplus
}
#endif
#endif
