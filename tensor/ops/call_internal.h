/* How the public functions fill in a call and send it through the funnel. Results are borrowed. */
#ifndef REEL_TENSOR_OPS_CALL_INTERNAL_H
#define REEL_TENSOR_OPS_CALL_INTERNAL_H

#include "tensor/core/handles_internal.h"
#include "tensor/ops/ops_internal.h"

/* The first result, which goes to the scope. */
static inline reel_tensor *reel__run_call(reel__call c) {
    if (c.nout == 0) c.nout = 1;
    if (reel__dispatch(&c) != REEL_OK) return NULL;
    return c.given ? c.out[0] : reel__scope_give(c.out[0]);
}

/* The first of two, and the second in *second, unless that is NULL; both NULL on failure. */
static inline reel_tensor *reel__run_two(reel__call c, reel_tensor **second) {
    c.nout = 2;
    if (second) *second = NULL;
    if (reel__dispatch(&c) != REEL_OK) return NULL;
    reel_tensor *y = reel__scope_give(c.out[0]), *found = reel__scope_give(c.out[1]);
    if (!y || !found) return NULL;
    if (second) *second = found;
    return y;
}

static inline reel_tensor *reel__unary(reel__op op, const char *at, reel_tensor *x) {
    return reel__run_call((reel__call){.op = op, .at = at, .nin = 1, .in = {x}});
}

static inline reel_tensor *reel__binary(reel__op op, const char *at, reel_tensor *x,
                                        reel_tensor *y) {
    return reel__run_call((reel__call){.op = op, .at = at, .nin = 2, .in = {x, y}});
}

static inline reel_tensor *reel__ternary(reel__op op, const char *at, reel_tensor *x,
                                         reel_tensor *y, reel_tensor *z) {
    return reel__run_call((reel__call){.op = op, .at = at, .nin = 3, .in = {x, y, z}});
}

/* The same with two constants. */
static inline reel_tensor *reel__binary_with(reel__op op, const char *at, reel_tensor *x,
                                             reel_tensor *y, double a, double b) {
    return reel__run_call(
        (reel__call){.op = op, .at = at, .nin = 2, .in = {x, y}, .with.map = {.a = a, .b = b}});
}

/* x, copied first if it is other elements of the memory that is about to change. One that was let
 * go is returned as it is: reel__dispatch refuses it. */
static inline reel_tensor *reel__apart(const char *at, reel_tensor *x, const reel_tensor *out) {
    const bool same = x && out && x != out && x->storage == out->storage;
    return same && reel__is_alive(x) ? reel__unary(REEL_OP_copy, at, x) : x;
}

/* What calls ask of into.c, which stands above the funnel, where a result waits in their thread. */
typedef struct reel__into_hook {
    /* The result that waits for this call, of those that wait in the thread; NULL: none. */
    reel_into_wait *(*of)(const reel__thread *self, const reel__call *c);
    /* The call, with its result there, which the caller has already. */
    reel_status (*dispatch)(reel__call *c, reel_into_wait *wait);
} reel__into_hook;
/* A call whose result is given; returns it. */
reel_tensor *reel__run_into(reel__call c, reel_tensor *out);

/* sum += x, in place. */
static inline reel_tensor *reel__add_to(const char *at, reel_tensor *sum, reel_tensor *x) {
    REEL_SCOPE;
    x = reel__apart(at, x, sum);
    return reel__run_into((reel__call){.op = REEL_OP_add, .at = at, .nin = 2, .in = {sum, x}}, sum);
}

/* Else a failure is kept: "name: the what is NULL", unless one is, which made it so. */
static inline bool reel__is_there(const char *name, const char *at, const void *it,
                                  const char *what) {
    if (!it && !reel_failed()) reel_fail(REEL_ERR_ARGUMENT, at, "%s: the %s is NULL", name, what);
    return it != NULL;
}

#endif
