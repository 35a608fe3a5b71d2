/* Optimizers' steps and gradient clipping over lists of tensors; formulas in optim.h. */
#include "tensor/cpu/loops/cpu_fold_internal.h"

#include <math.h>

/* For its steps, which are f64's own; the loops that the formulas make are cpu_loops.c's. */
#define REAL double
#define R(name) name##_f64
#define SQRT sqrt
#include "tensor/formulas/update_formulas_internal.h"

/* ---- optimizers' steps ---- */

static reel__step (*const steps[REEL_OP_COUNT])(const reel__rule *o, const reel__now *now) = {
#define REEL_UPDATE(name, first, second, third, carried) [REEL_OP_##name] = R(name##_step),
#include "tensor/ops/ops_update.def"
};

typedef struct {
    reel__update_run run; /* over all of a tensor */
    int64_t size;         /* of an element */
    reel__update_loop loop;
} task;

static void work(void *context, int64_t begin, int64_t end) {
    const task *t = context;
    reel__update_run r = t->run;
    r.n = end - begin;
    r.p = (char *)r.p + begin * t->size;
    r.g = (const char *)r.g + begin * t->size;
    for (int k = 0; k < REEL__MAX_MOMENTS; k++)
        if (r.moment[k]) r.moment[k] = (char *)r.moment[k] + begin * t->size;
    t->loop(&r);
}

/* in: those of one parameter. */
static void update_one(reel__op op, reel_tensor *const *in, unsigned has, const reel__step *step) {
    const reel_dtype dtype = in[0]->layout.dtype;
    task t = {.run = {.p = reel__data(in[0]), .g = reel__data(in[1]), .has = has, .step = step},
              .size = (int64_t)reel_dtype_size(dtype),
              .loop = reel__cpu_loops()->update[op][dtype]};
    for (int k = 0, at = 2; k < REEL__MAX_MOMENTS; k++)
        if (has >> k & 1) t.run.moment[k] = reel__data(in[at++]);
    reel__cpu_parallel(reel_numel(in[0]), 8192, work, &t);
}

static void count(int64_t *n) {
    *n = (int64_t)((uint64_t)*n + 1); /* as add wraps */
}

/* Parameters that have taken as many steps as the one before share what it needed of its own. */
reel_status reel__cpu_update(const reel__call *c) {
    const reel__update_call u = reel__update_of(c);
    reel__now last = {.t = -1};
    reel__step step = {0};
    for (int i = 0; i < u.count; i++) {
        reel_tensor *const *in = c->list + i * u.width;
        int64_t *taken = reel__data(in[u.width - 1]);
        double *carry = u.carries ? reel__data(in[u.width - 2]) : NULL;
        count(taken);
        const reel__now now = {*u.lr, (double)*taken, carry ? *carry : 0};
        if (now.t != last.t || now.carry != last.carry)
            step = steps[c->op](&c->with.update.rule, &now);
        last = now;
        if (carry) *carry = step.carry;
        update_one(c->op, in, u.has, &step);
    }
    count(u.step);
    return REEL_OK;
}

/* ---- clipping ---- */

/* The same where squares overflow, or vanish. */
static double long_norm(const reel__call *c, int count) {
    double norm = 0;
    for (int i = 0; i < count; i++) {
        const int64_t n = reel_numel(c->list[i]);
        const reel_dtype dtype = c->list[i]->layout.dtype;
        double sum = 0, scale = 1;
        const reel__slab s = {.x = reel__data(c->list[i]), .rows = n, .columns = 1, .stride = 1};
        if (n > 0)
            reel__cpu_folds()->fold[REEL__FOLD_squares][dtype].run((reel__tally){{&sum}, {&scale}},
                                                                   &s);
        norm = isnan(sum) ? sum : isnan(norm) ? norm : hypot(norm, scale * sqrt(sum));
    }
    return norm;
}

/* The least sum of squares that no square was missing from because it had vanished. */
static double least_squares(reel_dtype dtype) {
    return dtype == REEL_F32 ? 1e-25 : 1e-280;
}

/* list: gradients, then the norm (written). */
reel_status reel__cpu_clip_norm(const reel__call *c) {
    double squares = 0;
    const int count = c->nin - 1;
    for (int i = 0; i < count; i++)
        squares += reel__cpu_loops()->sum_squares[c->list[i]->layout.dtype](reel__data(c->list[i]),
                                                                            reel_numel(c->list[i]));
    const reel_dtype dtype = c->list[count]->layout.dtype;
    const bool is_exact = squares >= least_squares(dtype) && squares < INFINITY;
    const double norm = is_exact ? sqrt(squares) : long_norm(c, count);
    const double scale = c->with.clip.max_norm / (norm + 1e-6);
    if (!reel_fill_at_(c->at, c->list[count], dtype == REEL_F32 ? (double)(float)norm : norm))
        return reel_error_status();
    if (scale >= 1) return REEL_OK;
    const double constants[2] = {scale, 0};
    for (int i = 0; i < count; i++)
        reel__cpu_map_with(reel__cpu_loops()->map[REEL_OP_affine][c->list[i]->layout.dtype],
                           c->list[i], 1, &c->list[i], constants);
    return REEL_OK;
}

/* list: gradients. NaN stays NaN. */
reel_status reel__cpu_clip_value(const reel__call *c) {
    const double limit = c->with.clip.limit;
    for (int i = 0; i < c->nin; i++) {
        int64_t n = reel_numel(c->list[i]);
        if (c->list[i]->layout.dtype == REEL_F32) {
            float *g = reel__data(c->list[i]), most = (float)limit;
            for (int64_t k = 0; k < n; k++) g[k] = g[k] > most ? most : g[k] < -most ? -most : g[k];
        } else {
            double *g = reel__data(c->list[i]);
            for (int64_t k = 0; k < n; k++)
                g[k] = g[k] > limit ? limit : g[k] < -limit ? -limit : g[k];
        }
    }
    return REEL_OK;
}
