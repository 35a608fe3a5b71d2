/* mse: one pass over prediction and target, whose difference is never in memory. As in
 * cpu_reduce.c, the order of addition depends on the length alone. */
#include "tensor/cpu/cpu_internal.h"

#define RUN 16384 /* the sum is cut into runs of this length, whatever the number of threads */

typedef struct {
    const char *y, *t;
    int64_t n;
    int dtype;
    size_t size;
    double *partial; /* of the runs */
} pair;

static void work_runs(void *context, int64_t begin, int64_t end) {
    const pair *p = context;
    for (int64_t i = begin; i < end; i++) {
        const int64_t left = p->n - i * RUN, at = i * RUN * (int64_t)p->size;
        p->partial[i] = reel__cpu_loops()->sum_square_differences[p->dtype](
            p->y + at, p->t + at, left < RUN ? left : RUN);
    }
}

static reel_status sum_squares(const reel__call *c, pair *p, double *sum) {
    const int64_t runs = (p->n + RUN - 1) / RUN;
    double few[64];
    p->partial = runs <= 64 ? few : reel__cpu_alloc(0, (size_t)runs * sizeof(double));
    if (!p->partial) return reel__fail_call(REEL_ERR_MEMORY, c, "out of memory");
    reel__cpu_parallel(runs, 1, work_runs, p);
    for (int64_t i = 0; i < runs; i++) *sum += p->partial[i];
    if (p->partial != few) reel__cpu_free(0, p->partial, (size_t)runs * sizeof(double));
    return REEL_OK;
}

reel_status reel__cpu_mse(const reel__call *c) {
    REEL_SCOPE;
    const reel_tensor *y = reel_contiguous_at(c->at, c->in[0]),
                      *t = reel_contiguous_at(c->at, c->in[1]);
    if (!y || !t) return reel_error_status();
    pair p = {.y = reel__data(y),
              .t = reel__data(t),
              .n = reel_numel(y),
              .dtype = (int)y->layout.dtype,
              .size = reel_dtype_size(y->layout.dtype)};
    double sum = 0;
    REEL_TRY(sum_squares(c, &p, &sum));
    const double mean = p.n ? sum / (double)p.n : __builtin_nan("");
    if (p.dtype == REEL_F32)
        *(float *)reel__data(c->out[0]) = (float)mean;
    else
        *(double *)reel__data(c->out[0]) = mean;
    return REEL_OK;
}
