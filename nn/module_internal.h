/* What a module's files share: its entries, and a walk over them. */
#ifndef REEL_NN_MODULE_INTERNAL_H
#define REEL_NN_MODULE_INTERNAL_H

#include "nn/nn.h"
#include "tensor/core/tensor_internal.h"

/* A parameter, a buffer, a child or a generator: the other three are NULL. */
struct reel_module_entry {
    char *name;
    reel_tensor *param, *buffer;
    reel_module *child;
    reel_generator *generator; /* owned */
};

/* A parameter, a buffer, or a generator's state; NULL of a child. */
static inline reel_tensor *reel__entry_tensor(const struct reel_module_entry *e) {
    return e->param ? e->param : e->buffer ? e->buffer : reel_generator_state(e->generator);
}

/* m, whose fields are set, is a module from here on. */
reel_status reel__module_begin(const reel_module *m, const char *who);
/* One more entry, of a name that was checked; its tensors are retained. */
reel_status reel__module_append(reel_module *m, struct reel_module_entry entry, const char *name);
/* The entry of that name, and -1 if there is none; takes one off, which is no child. */
int reel__module_find(const reel_module *m, const char *name);
void reel__module_remove(reel_module *m, int i);

/* A layer of `size` bytes, zeroed but for the reel_module that it begins with; NULL, and a failure
 * in the name of "type_new", without memory. `free` frees what it holds and itself; NULL: it holds
 * nothing more, and can be cloned. One that has a `free` says by reel_module_cloneable how. */
void *reel__module_new(size_t size, const char *type, reel_forward_fn forward,
                       void (*free)(reel_module *m));

/* REEL_OK for a dtype that a layer's parameters may have, f32 or f64; `what` is its constructor. */
reel_status reel__module_check_dtype(const char *what, reel_dtype dtype);
/* At the end of a constructor: m, or where it is not whole NULL, and m is freed. */
reel_module *reel__module_made(reel_module *m, bool whole);

/* Where a layer's first parameters come from: the generator that its options give, which says the
 * device as well, or one of its own, of reel_next_seed on the CPU, so that two layers are never
 * equal. `ok` is false, and a failure kept, without memory. */
typedef struct {
    reel_generator *generator, *own;
    reel_device device;
    bool ok;
} reel__draws;
reel__draws reel__draws_begin(reel_generator *given);
void reel__draws_end(reel__draws *d);
/* A parameter of m from U(-a, a); a parameter, all of it `value`. Borrowed from m; NULL, and a
 * failure. In a scope of the caller's. */
reel_tensor *reel__param_uniform(reel_module *m, const char *name, reel_shape shape, double a,
                                 reel_dtype dtype, const reel__draws *d);
reel_tensor *reel__param_filled(reel_module *m, const char *name, reel_shape shape, double value,
                                reel_dtype dtype, reel_device device);

/* "generator" of m, which draws in training; seed 0: one of reel_next_seed. Borrowed from m; NULL,
 * and a failure. */
reel_generator *reel__module_draws(reel_module *m, uint64_t seed, reel_device device);

/* REEL_OK for a module that was initialised and not freed yet; else a failure in the name of `who`.
 */
reel_status reel__module_check(const reel_module *m, const char *who, const char *at);

/* reel_module_child, for a function that is called `what` in its failures. */
reel_module *reel__module_adopt(const char *what, reel_module *m, const char *name,
                                reel_module *child);

/* Calls visit for each entry of m and of all below it, depth first, in the order registered; stops
 * at the first status other than REEL_OK and returns it. `path` is "encoder.weight", valid during
 * the call. */
typedef reel_status (*reel__module_visit)(const char *path, const struct reel_module_entry *entry,
                                          void *user);
reel_status reel__module_walk(reel_module *m, reel__module_visit visit, void *user);

/* Parameters, buffers and generators' states by path, each tensor once; parameters and buffers, as
 * they are saved; generators' states alone. Owned. `what` names the caller in a failure. */
reel_state *reel__module_tensors(const char *what, reel_module *m);
reel_state *reel__module_weights(const char *what, reel_module *m);
reel_state *reel__module_generators(const char *what, reel_module *m);

/* The path that a list of a module's tensors has t under; NULL if it does not. */
const char *reel__tensor_path(const reel_state *list, const reel_tensor *t);

/* At the head of a layer's forward: failures in it are the layer's, of the x that stands where
 * reel_forward was called. */
#define REEL__LAYER(m, x)                                                                          \
    REEL__COMPOSITE(.name = (m)->type, .at = reel__self()->call.site, .first = 1, .in = {x},       \
                    .given = 1)
/* The same of a layer that has a weight and a bias, either of which may be NULL; they are called as
 * the arguments are. */
#define REEL__LAYER_OF(m, x, weight, bias)                                                         \
    static const char *const called[] = {#x, #weight, #bias};                                      \
    REEL__COMPOSITE(.name = (m)->type, .at = reel__self()->call.site, .first = 1,                  \
                    .in = {x, weight, bias}, .given = 1, .called = called)

#endif
