/* Generators, and tensors drawn from them. */
#include "tensor/random.h"

#include "tensor/formulas/philox_internal.h"
#include "tensor/ops/call_internal.h"

#include <float.h>
#include <stdatomic.h>
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
    {
        REEL_SCOPE;
        reel_tensor *state = reel_from_at(NULL, start, reel_shape(2), REEL_I64);
        g->state = reel_retain(reel_to_at(NULL, state, device));
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

/* Philox's words for the seed of the process, one after the other. */
static _Atomic uint64_t process_seed, seeds_given;

void reel_manual_seed(uint64_t seed) {
    atomic_store(&process_seed, seed);
    atomic_store(&seeds_given, 0);
}

uint64_t reel_next_seed(void) {
    const uint64_t seed = atomic_load(&process_seed), n = atomic_fetch_add(&seeds_given, 1);
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    const uint32_t counter[4] = {(uint32_t)n, (uint32_t)(n >> 32), 0, 0};
    uint32_t word[4];
    reel__philox(counter, key, word);
    return (uint64_t)word[1] << 32 | word[0];
}

reel_tensor *reel_generator_state(reel_generator *g) {
    return g ? g->state : NULL;
}

/* ---- what is drawn into ---- */

static bool are_there(const char *name, const char *at, const reel_tensor *t,
                      const reel_generator *g) {
    return reel__is_there(name, at, t, "tensor") && reel__live(at, name, NULL, t) &&
           reel__is_there(name, at, g, "generator");
}

static reel_tensor *draw_into(reel__op op, const char *at, reel_tensor *t, reel_generator *g,
                              reel__with with) {
    with.made.shape = t->layout.shape;
    with.made.dtype = t->layout.dtype;
    return reel__run_into(
        (reel__call){.op = op, .at = at, .first = 1, .nin = 1, .in = {g->state}, .with = with}, t);
}

static reel_tensor *draw(reel__op op, const char *at, reel_tensor *t, reel_generator *g,
                         reel__with with) {
    const char *name = reel__called(at, reel__ops[op].name);
    if (!are_there(name, at, t, g)) return NULL;
    if (!reel__dtype_is_full(t->layout.dtype)) {
        reel_fail(REEL_ERR_DTYPE, at, "%s: takes f32 or f64, not %s", name,
                  reel_dtype_name(t->layout.dtype));
        return NULL;
    }
    return draw_into(op, at, t, g, with);
}

reel_tensor *reel_uniform_at_(const char *at, reel_tensor *t, reel_generator *g, double low,
                              double high) {
    REEL__COMPOSITE(.name = "uniform_", .at = at, .in = {t}, .given = 1);
    if (t && g && !(low <= high && high - low <= DBL_MAX)) {
        reel__fail_composite(REEL_ERR_ARGUMENT, "from %g to %g is no interval", low, high);
        return NULL;
    }
    return draw(REEL_OP_uniform, at, t, g, (reel__with){.uniform = {.low = low, .high = high}});
}

reel_tensor *reel_normal_at_(const char *at, reel_tensor *t, reel_generator *g, double mean,
                             double std) {
    REEL__COMPOSITE(.name = "normal_", .at = at, .in = {t}, .given = 1);
    if (t && g && !(std >= 0)) {
        reel__fail_composite(REEL_ERR_ARGUMENT, "std must be 0 or more, not %g", std);
        return NULL;
    }
    return draw(REEL_OP_normal, at, t, g, (reel__with){.normal = {.mean = mean, .std = std}});
}

reel_tensor *reel_rand_at(const char *at, reel_shape shape, reel_dtype dtype, reel_generator *g) {
    REEL__COMPOSITE(.name = "rand", .at = at);
    if (!reel__is_there(reel__called(at, "rand"), at, g, "generator")) return NULL;
    reel_tensor *t = reel_empty_at(at, shape, dtype, g->state->storage->device);
    return draw(REEL_OP_uniform, at, t, g, (reel__with){.uniform = {.low = 0, .high = 1}});
}

reel_tensor *reel_randn_at(const char *at, reel_shape shape, reel_dtype dtype, reel_generator *g) {
    REEL__COMPOSITE(.name = "randn", .at = at);
    if (!reel__is_there(reel__called(at, "randn"), at, g, "generator")) return NULL;
    reel_tensor *t = reel_empty_at(at, shape, dtype, g->state->storage->device);
    return draw(REEL_OP_normal, at, t, g, (reel__with){.normal = {.mean = 0, .std = 1}});
}

reel_tensor *reel_bernoulli_at_(const char *at, reel_tensor *t, reel_generator *g, double p) {
    if (!are_there("bernoulli_", at, t, g)) return NULL;
    if (!(p >= 0 && p <= 1)) {
        reel_fail(REEL_ERR_ARGUMENT, at, "bernoulli_: probability %g is not in 0..1", p);
        return NULL;
    }
    REEL__COMPOSITE(.name = "bernoulli_", .at = at, .in = {t}, .given = 1);
    return draw_into(REEL_OP_bernoulli_fill, at, t, g, (reel__with){.bernoulli.p = p});
}

/* ---- what is made by drawing ---- */

static reel_tensor *make(reel__op op, const char *at, reel_tensor *x, reel_generator *g,
                         reel__with with) {
    return reel__run_call((reel__call){.op = op,
                                       .at = at,
                                       .first = x ? 0 : 1,
                                       .nin = x ? 2 : 1,
                                       .in = {x ? x : g->state, x ? g->state : NULL},
                                       .with = with});
}

/* The whole numbers from which each dtype is exact to which. */
static const struct {
    int64_t low, high;
} whole[] = {
    [REEL_F32] = {-(1 << 24), 1 << 24},
    [REEL_F64] = {-((int64_t)1 << 53), (int64_t)1 << 53},
    [REEL_I64] = {INT64_MIN, INT64_MAX},
    [REEL_U8] = {0, UINT8_MAX},
};

static bool can_hold(const char *at, int64_t low, int64_t high, reel_dtype dtype) {
    if (high <= low) {
        reel_fail(REEL_ERR_ARGUMENT, at, "randint: high %lld is not above low %lld",
                  (long long)high, (long long)low);
        return false;
    }
    if ((size_t)dtype >= sizeof whole / sizeof *whole) {
        reel_fail(REEL_ERR_DTYPE, at, "randint: gives f32, f64, i64 or u8, not %s",
                  reel_dtype_name(dtype));
        return false;
    }
    if (low >= whole[dtype].low && high - 1 <= whole[dtype].high) return true;
    reel_fail(REEL_ERR_DTYPE, at, "randint: %s does not hold all of %lld..%lld",
              reel_dtype_name(dtype), (long long)low, (long long)high - 1);
    return false;
}

reel_tensor *reel_randint_at(const char *at, int64_t low, int64_t high, reel_shape shape,
                             reel_dtype dtype, reel_generator *g) {
    REEL__COMPOSITE(.name = "randint", .at = at);
    if (!reel__is_there("randint", at, g, "generator")) return NULL;
    if (!can_hold(at, low, high, dtype)) return NULL;
    REEL_SCOPE;
    const reel__with with = {.randint = {.shape = shape,
                                         .dtype = REEL_I64,
                                         .low = low,
                                         .count = (uint64_t)high - (uint64_t)low}};
    reel_tensor *y = make(REEL_OP_randint, at, NULL, g, with);
    return reel_scope_return(reel_cast_at(at, y, dtype));
}

reel_tensor *reel_randperm_at(const char *at, int64_t n, reel_generator *g) {
    if (!reel__is_there("randperm", at, g, "generator")) return NULL;
    return make(REEL_OP_randperm, at, NULL, g,
                (reel__with){.made = {.shape = reel_shape(n), .dtype = REEL_I64}});
}

reel_tensor *reel_bernoulli_at(const char *at, reel_tensor *p, reel_generator *g) {
    if (!are_there("bernoulli", at, p, g)) return NULL;
    REEL__COMPOSITE(.name = "bernoulli", .at = at, .in = {p}, .given = 1);
    return make(REEL_OP_bernoulli, at, p, g, (reel__with){0});
}

reel_tensor *reel_multinomial_at(const char *at, reel_tensor *weights, int64_t count,
                                 bool replacement, reel_generator *g) {
    if (!are_there("multinomial", at, weights, g)) return NULL;
    REEL__COMPOSITE(.name = "multinomial", .at = at, .in = {weights}, .given = 1);
    return make(REEL_OP_multinomial, at, weights, g,
                (reel__with){.multinomial = {.draws = count, .replacement = replacement}});
}
