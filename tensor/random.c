/* Generators, and tensors drawn from them. */
#include "tensor/random.h"

#include "tensor/ops_internal.h"
#include "tensor/philox_internal.h"

#include <stdlib.h>

struct reel_generator {
    reel_tensor *state; /* i64 {seed, offset}: block `offset` is the next to be used */
};

void reel_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]) {
    reel__philox(counter, key, out);
}

reel_generator *reel_generator_new(uint64_t seed, reel_device device) {
    reel_generator *g = malloc(sizeof *g);
    const int64_t start[2] = {(int64_t)seed, 0};
    if (!g) {
        reel_fail(REEL_ERR_MEMORY, NULL, "generator: out of memory");
        return NULL;
    }
    REEL_SCOPE {
        g->state = reel_retain(reel_to(reel_from(start, reel_shape(2), REEL_I64), device));
    }
    if (g->state) return g;
    free(g);
    return NULL;
}

void reel_generator_free(reel_generator *g) {
    if (!g) return;
    reel_release(g->state);
    free(g);
}

reel_tensor *reel_generator_state(reel_generator *g) {
    return g ? g->state : NULL;
}

static reel_tensor *draw(reel__op op, const char *at, reel_tensor *t, reel_generator *g, double a,
                         double b) {
    if (!t || !g) {
        if (!reel_failed())
            reel_fail(REEL_ERR_ARGUMENT, at, "%s: the %s is NULL", reel__ops[op].name,
                      t ? "generator" : "tensor");
        return NULL;
    }
    reel__call c = {.op = op,
                    .at = at,
                    .first = 1,
                    .nin = 1,
                    .nout = 1,
                    .in = &g->state,
                    .out = {t},
                    .attr = {.f = {a, b}, .shape = t->layout.shape, .dtype = t->layout.dtype}};
    if (!reel_dtype_is_float(t->layout.dtype)) {
        reel_fail(REEL_ERR_DTYPE, at, "%s: takes f32 or f64, not %s", reel__ops[op].name,
                  reel_dtype_name(t->layout.dtype));
        return NULL;
    }
    return reel__dispatch(&c) == REEL_OK ? t : NULL;
}

reel_tensor *reel_uniform_at_(const char *at, reel_tensor *t, reel_generator *g, double low,
                              double high) {
    return draw(REEL_OP_uniform, at, t, g, low, high);
}

reel_tensor *reel_normal_at_(const char *at, reel_tensor *t, reel_generator *g, double mean,
                             double std) {
    return draw(REEL_OP_normal, at, t, g, mean, std);
}

reel_tensor *reel_rand_at(const char *at, reel_shape shape, reel_dtype dtype, reel_generator *g) {
    reel_tensor *t = reel_empty_at(at, shape, dtype, g ? g->state->storage->device : reel_cpu());
    return draw(REEL_OP_uniform, at, t, g, 0, 1);
}

reel_tensor *reel_randn_at(const char *at, reel_shape shape, reel_dtype dtype, reel_generator *g) {
    reel_tensor *t = reel_empty_at(at, shape, dtype, g ? g->state->storage->device : reel_cpu());
    return draw(REEL_OP_normal, at, t, g, 0, 1);
}
