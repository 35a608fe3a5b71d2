/* multinomial: draws by weights, by their sums (multinomial_internal.h) or by a race. */
#include "tensor/formulas/multinomial_internal.h"

#include "tensor/cpu/cpu_internal.h"
#include "tensor/formulas/philox_internal.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define REAL double
#define R(name) name##_f64
#define WIDE(name) name##_f64
#define REEL_REAL_IS_F64 1
#define SQRT __builtin_sqrt
#include "tensor/formulas/scalar.h"

typedef struct {
    const reel_tensor *weights; /* contiguous */
    int64_t rows, n, draws;
    uint64_t seed, offset;
    int64_t length, chunks; /* of a row */
    double *sum, *base;     /* [rows, n], [rows, chunks + 1] */
    double *time;           /* [rows, n]; their logarithms */
    int64_t *out;
    atomic_bool refused; /* a weight that can't be */
} lots;

/* Below the least normal number there is nothing: kernels flush what lies there. */
static double weight(const lots *l, int64_t i) {
    const void *w = reel__data(l->weights);
    if (l->weights->layout.dtype == REEL_F64) {
        const double x = ((const double *)w)[i];
        return fabs(x) < DBL_MIN ? 0 : x;
    }
    const float x = ((const float *)w)[i];
    return fabsf(x) < FLT_MIN ? 0 : (double)x;
}

static double checked_weight(lots *l, int64_t i) {
    const double w = weight(l, i);
    if (reel__is_weight(w)) return w;
    atomic_store_explicit(&l->refused, true, memory_order_relaxed);
    return 0;
}

static reel_status check_weights(const reel__call *c, const lots *l) {
    if (!l->refused) return REEL_OK;
    for (int64_t i = 0; i < l->rows * l->n; i++) {
        const double w = weight(l, i);
        if (!reel__is_weight(w))
            return reel__fail_call(REEL_ERR_ARGUMENT, c,
                                   "weight %g at position %lld is not a finite number, 0 or more",
                                   w, (long long)i);
    }
    return REEL_OK;
}

/* For draws or weights 2b and 2b + 1, counted over all rows. */
static void uniforms(const lots *l, int64_t b, double u[2]) {
    uint32_t w[4];
    reel__philox_block(l->seed, l->offset + (uint64_t)b, w);
    u[0] = reel__open_uniform(reel__word64(w[0], w[1]));
    u[1] = reel__open_uniform(reel__word64(w[2], w[3]));
}

/* ---- by sums ---- */

static void sum_chunks(void *context, int64_t begin, int64_t end) {
    lots *l = context;
    for (int64_t k = begin; k < end; k++) {
        const int64_t row = k / l->chunks, chunk = k % l->chunks, first = chunk * l->length,
                      last = first + l->length < l->n ? first + l->length : l->n;
        double sum = 0;
        for (int64_t i = first; i < last; i++) {
            sum += checked_weight(l, row * l->n + i);
            l->sum[row * l->n + i] = sum;
        }
        l->base[row * (l->chunks + 1) + chunk + 1] = sum;
    }
}

static reel_status add_bases(const reel__call *c, const lots *l) {
    for (int64_t row = 0; row < l->rows; row++) {
        double *base = l->base + row * (l->chunks + 1);
        base[0] = 0;
        for (int64_t k = 0; k < l->chunks; k++) base[k + 1] += base[k];
        const double all = base[l->chunks];
        if (!(all > 0 && isfinite(all)))
            return reel__fail_call(REEL_ERR_ARGUMENT, c, "the weights of row %lld add up to %g",
                                   (long long)row, all);
    }
    return REEL_OK;
}

static int64_t drawn(const lots *l, int64_t i, double u) {
    const int64_t row = i / l->draws;
    const double *sum = l->sum + row * l->n, *base = l->base + row * (l->chunks + 1);
    return reel__first_above(sum, base, l->n, l->length, u * base[l->chunks]);
}

static void draw_each(void *context, int64_t begin, int64_t end) {
    const lots *l = context;
    for (int64_t b = begin; b < end; b++) {
        double u[2];
        uniforms(l, b, u);
        for (int64_t i = 2 * b; i < 2 * b + 2 && i < l->rows * l->draws; i++)
            l->out[i] = drawn(l, i, u[i - 2 * b]);
    }
}

#define GRAIN 512

static reel_status by_sums(const reel__call *c, lots *l) {
    l->length = reel__chunk_length(l->n);
    l->chunks = (l->n + l->length - 1) / l->length;
    reel_tensor *sum = reel_empty_at(c->at, reel_shape(l->rows, l->n), REEL_F64, c->device),
                *base =
                    reel_empty_at(c->at, reel_shape(l->rows, l->chunks + 1), REEL_F64, c->device);
    if (!sum || !base) return reel_error_status();
    l->sum = reel__data(sum);
    l->base = reel__data(base);
    reel__cpu_parallel(l->rows * l->chunks, 65536 / (l->n < 256 ? l->n : 256), sum_chunks, l);
    REEL_TRY(check_weights(c, l));
    REEL_TRY(add_bases(c, l));
    reel__cpu_parallel((l->rows * l->draws + 1) / 2, GRAIN, draw_each, l);
    return REEL_OK;
}

/* ---- by a race ---- */

static void run_race(void *context, int64_t begin, int64_t end) {
    lots *l = context;
    for (int64_t b = begin; b < end; b++) {
        double u[2];
        uniforms(l, b, u);
        for (int64_t i = 2 * b; i < 2 * b + 2 && i < l->rows * l->n; i++) {
            const double w = checked_weight(l, i);
            l->time[i] = w > 0 ? log_f64(-log_f64(u[i - 2 * b])) - log_f64(w) : INFINITY;
        }
    }
}

/* A weight of 0 never arrives. */
static reel_status check_arrived(const reel__call *c, const lots *l, const reel_tensor *best) {
    const double *time = reel__data(best);
    for (int64_t row = 0; row < l->rows; row++)
        if (time[row * l->draws + l->draws - 1] == INFINITY)
            return reel__fail_call(REEL_ERR_ARGUMENT, c,
                                   "row %lld has fewer than %lld weights above 0", (long long)row,
                                   (long long)l->draws);
    return REEL_OK;
}

static reel_status by_race(const reel__call *c, lots *l) {
    reel_tensor *index = NULL, *best = NULL,
                *time = reel_empty_at(c->at, reel_shape(l->rows, l->n), REEL_F64, c->device);
    if (!time) return reel_error_status();
    l->time = reel__data(time);
    reel__cpu_parallel((l->rows * l->n + 1) / 2, GRAIN, run_race, l);
    REEL_TRY(check_weights(c, l));
    best = reel_topk_at(c->at, time, l->draws, 1, false, &index);
    if (!best) return reel_error_status();
    REEL_TRY(check_arrived(c, l, best));
    memcpy(l->out, reel__data(index), (size_t)(l->rows * l->draws) * sizeof *l->out);
    return REEL_OK;
}

reel_status reel__cpu_multinomial(const reel__call *c) {
    const reel_shape s = c->in[0]->layout.shape;
    int64_t *state = reel__data(c->in[1]);
    reel_status status = REEL_OK;
    if (reel_numel(c->out[0]) == 0) return REEL_OK;
    REEL_SCOPE;
    lots l = {.weights = reel_contiguous_at(c->at, c->in[0]),
              .rows = s.ndim == 2 ? s.dim[0] : 1,
              .n = s.dim[s.ndim - 1],
              .draws = c->with.multinomial.draws,
              .seed = (uint64_t)state[0],
              .offset = (uint64_t)state[1],
              .out = reel__data(c->out[0])};
    const bool race = l.draws > 1 && !c->with.multinomial.replacement;
    if (!l.weights) return reel_error_status();
    status = race ? by_race(c, &l) : by_sums(c, &l);
    if (status == REEL_OK) state[1] += (l.rows * (race ? l.n : l.draws) + 1) / 2;
    return status;
}
