/* nll and its transpose: at each position one of the classes, which are axis 1. */
#include "tensor/cpu/cpu_internal.h"
#include "tensor/ops/nest_internal.h"

#include <string.h>

#define GRAIN 8192

/* x[outer, classes, inner], target and z [outer, inner]: x is the input of nll, and the result of
 * nll_grad. */
typedef struct {
    reel_dtype dtype;
    const int64_t *target;
    const void *weight, *from;
    void *out, *weights;
    int64_t ignored, outer, classes, inner, weight_stride;
} task;

static double get(const task *t, const void *x, int64_t i) {
    return t->dtype == REEL_F32 ? (double)((const float *)x)[i] : ((const double *)x)[i];
}

static void put(const task *t, void *x, int64_t i, double value) {
    if (t->dtype == REEL_F32)
        ((float *)x)[i] = (float)value;
    else
        ((double *)x)[i] = value;
}

static double weight_of(const task *t, int64_t position) {
    return get(t, t->weight, t->target[position] * t->weight_stride);
}

/* Where the position's class lies in x. */
static int64_t entry_of(const task *t, int64_t position) {
    return (position / t->inner * t->classes + t->target[position]) * t->inner +
           position % t->inner;
}

static void work_positions(void *context, int64_t begin, int64_t end) {
    const task *t = context;
    for (int64_t i = begin; i < end; i++) {
        const bool ignored = t->target[i] == t->ignored;
        const double weight = ignored ? 0 : weight_of(t, i);
        put(t, t->weights, i, weight);
        put(t, t->out, i, weight == 0 ? 0 : -weight * get(t, t->from, entry_of(t, i)));
    }
}

static void work_outer(void *context, int64_t begin, int64_t end) {
    const task *t = context;
    const size_t bytes = (size_t)(t->classes * t->inner) * reel_dtype_size(t->dtype);
    memset((char *)t->out + (size_t)begin * bytes, 0, (size_t)(end - begin) * bytes);
    for (int64_t i = begin * t->inner; i < end * t->inner; i++)
        if (t->target[i] != t->ignored)
            put(t, t->out, entry_of(t, i), -weight_of(t, i) * get(t, t->from, i));
}

/* Each target is a class or ignored, or a failure names the first that is not. */
static reel_status check_targets(const reel__call *c, const task *t) {
    for (int64_t i = 0; i < t->outer * t->inner; i++) {
        const int64_t target = t->target[i];
        if (target != t->ignored && (target < 0 || target >= t->classes))
            return reel__fail_call(REEL_ERR_ARGUMENT, c,
                                   "index %lld at position %lld is not in 0..%lld",
                                   (long long)target, (long long)i, (long long)t->classes - 1);
    }
    return REEL_OK;
}

/* Contiguous operands; the open scope owns copies. */
static reel_status prepare(const reel__call *c, const reel_tensor *x, task *t) {
    const reel_tensor *from = reel_contiguous_at(c->at, c->in[0]), *weight = c->in[1],
                      *target = reel_contiguous_at(c->at, c->in[2]);
    if (!from || !target) return reel_error_status();
    *t = (task){.dtype = from->layout.dtype,
                .target = reel__data(target),
                .weight = reel__data(weight),
                .from = reel__data(from),
                .out = reel__data(c->out[0]),
                .ignored = c->with.nll.ignored,
                .classes = reel_dim(weight, 0),
                .weight_stride = reel_stride(weight, 0)};
    reel__around_axis(x->layout.shape, 1, &t->outer, &t->inner);
    return check_targets(c, t);
}

reel_status reel__cpu_nll(const reel__call *c) {
    REEL_SCOPE;
    task t;
    REEL_TRY(prepare(c, c->in[0], &t));
    t.weights = reel__data(c->out[1]);
    reel__cpu_parallel(t.outer * t.inner, GRAIN, work_positions, &t);
    return REEL_OK;
}

reel_status reel__cpu_nll_grad(const reel__call *c) {
    REEL_SCOPE;
    task t;
    REEL_TRY(prepare(c, c->out[0], &t));
    reel__cpu_parallel(t.outer, GRAIN / (t.classes * t.inner + 1) + 1, work_outer, &t);
    return REEL_OK;
}
