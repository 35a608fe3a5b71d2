/* sgd, adam and gradient clipping over lists of tensors; formulas in optim.h. */
#include "tensor/cpu/cpu_internal.h"

#include <math.h>

typedef struct {
    void *p, *v, *m;
    const void *g;
    size_t size;
    int dtype;
    const reel__adam_step *adam;
    const reel__sgd_step *sgd;
} task;

static void *skip(void *data, const task *t, int64_t n) {
    return data ? (char *)data + n * (int64_t)t->size : NULL;
}

static void adam_work(void *context, int64_t begin, int64_t end) {
    const task *t = context;
    reel__cpu_loops()->adam[t->dtype](
        skip(t->p, t, begin), (const char *)t->g + begin * (int64_t)t->size, skip(t->m, t, begin),
        skip(t->v, t, begin), end - begin, t->adam);
}

static void sgd_work(void *context, int64_t begin, int64_t end) {
    const task *t = context;
    reel__cpu_loops()->sgd[t->dtype](skip(t->p, t, begin),
                                     (const char *)t->g + begin * (int64_t)t->size,
                                     skip(t->v, t, begin), end - begin, t->sgd);
}

#define GRAIN 8192

/* The number of the step being taken, from 1, which is left in the last input. */
static int64_t count_step(const reel__call *c) {
    int64_t *step = reel__data(c->in[c->nin - 1]);
    *step = (int64_t)((uint64_t)*step + 1); /* as add wraps */
    return *step;
}

/* in: p, g, m, v of each parameter, then lr and step (counted up). f: beta1, beta2, eps,
 * weight_decay; i[0]: decoupled. */
reel_status reel__cpu_adam(const reel__call *c) {
    const double lr = *(const double *)reel__data(c->in[c->nin - 2]);
    const double step = (double)count_step(c);
    const bool decoupled = c->attr.i[0] != 0;
    reel__adam_step s = {.beta1 = c->attr.f[0], .beta2 = c->attr.f[1], .eps = c->attr.f[2]};
    s.weight_decay = decoupled ? 0 : c->attr.f[3];
    s.shrink = decoupled ? 1 - lr * c->attr.f[3] : 1;
    s.step_size = lr / (1 - pow(s.beta1, step));
    s.root_correction = 1 / sqrt(1 - pow(s.beta2, step));
    for (int i = 0; i + 4 <= c->nin - 2; i += 4) {
        task t = {.p = reel__data(c->in[i]),
                  .g = reel__data(c->in[i + 1]),
                  .m = reel__data(c->in[i + 2]),
                  .v = reel__data(c->in[i + 3]),
                  .size = reel_dtype_size(c->in[i]->layout.dtype),
                  .dtype = (int)c->in[i]->layout.dtype,
                  .adam = &s};
        reel__cpu_parallel(reel_numel(c->in[i]), GRAIN, adam_work, &t);
    }
    return REEL_OK;
}

/* in: p, g (and v if i[1]) of each parameter, then lr and step (counted up). f: momentum,
 * dampening, weight_decay; i[0]: nesterov. */
reel_status reel__cpu_sgd(const reel__call *c) {
    const int width = c->attr.i[1] ? 3 : 2;
    const int64_t step = count_step(c);
    reel__sgd_step s = {.lr = *(const double *)reel__data(c->in[c->nin - 2]),
                        .momentum = c->attr.f[0],
                        .dampening = c->attr.f[1],
                        .weight_decay = c->attr.f[2],
                        .nesterov = c->attr.i[0] != 0,
                        .first = step == 1};
    for (int i = 0; i + width <= c->nin - 2; i += width) {
        task t = {.p = reel__data(c->in[i]),
                  .g = reel__data(c->in[i + 1]),
                  .v = width == 3 ? reel__data(c->in[i + 2]) : NULL,
                  .size = reel_dtype_size(c->in[i]->layout.dtype),
                  .dtype = (int)c->in[i]->layout.dtype,
                  .sgd = &s};
        reel__cpu_parallel(reel_numel(c->in[i]), GRAIN, sgd_work, &t);
    }
    return REEL_OK;
}

/* in: gradients, then the norm (written). f[0]: the largest norm. */
reel_status reel__cpu_clip_norm(const reel__call *c) {
    double squares = 0;
    const int count = c->nin - 1;
    for (int i = 0; i < count; i++)
        squares += reel__cpu_loops()->sum_squares[c->in[i]->layout.dtype](reel__data(c->in[i]),
                                                                          reel_numel(c->in[i]));
    const double norm = sqrt(squares), scale = c->attr.f[0] / (norm + 1e-6);
    if (!reel_fill_at_(c->at, c->in[count], norm)) return reel_error_status();
    if (scale >= 1) return REEL_OK;
    const double constants[2] = {scale, 0};
    for (int i = 0; i < count; i++)
        reel__cpu_map_with(reel__cpu_loops()->map[REEL_OP_affine][c->in[i]->layout.dtype], c->in[i],
                           1, &c->in[i], constants);
    return REEL_OK;
}

/* in: gradients. f[0]: the limit. NaN stays NaN. */
reel_status reel__cpu_clip_value(const reel__call *c) {
    const double limit = c->attr.f[0];
    for (int i = 0; i < c->nin; i++) {
        int64_t n = reel_numel(c->in[i]);
        if (c->in[i]->layout.dtype == REEL_F32) {
            float *g = reel__data(c->in[i]), most = (float)limit;
            for (int64_t k = 0; k < n; k++) g[k] = g[k] > most ? most : g[k] < -most ? -most : g[k];
        } else {
            double *g = reel__data(c->in[i]);
            for (int64_t k = 0; k < n; k++)
                g[k] = g[k] > limit ? limit : g[k] < -limit ? -limit : g[k];
        }
    }
    return REEL_OK;
}
