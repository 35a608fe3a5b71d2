/* standardize: statistics of a group, or of a channel across, and then all of its elements, which
 * are in a cache still. */
#include "tensor/cpu/kernels/cpu_norm_internal.h"

#include <math.h>

/* ---- what is done ---- */

typedef struct {
    reel__with with;
    reel_dtype dtype;
    int64_t size; /* bytes of an element */
    const reel__norms *norms;
    char *y;
    const char *x, *w, *b; /* w, b: NULL without */
    void *mean, *var;
} standardize;

/* Two sets of elements as one. Source: Chan, Golub and LeVeque (1979). */
static void join(reel__norm_moments *m, double *count, reel__norm_moments more, double added) {
    const double all = *count + added, d = more.mean - m->mean;
    m->mean += d * added / all;
    m->squares += more.squares + d * d * (*count * added / all);
    *count = all;
}

static void add_runs(const standardize *s, reel__norm_moments *m, double *count, const char *x,
                     reel__norm_runs r) {
    int64_t left = r.length;
    for (r.length = reel__least(left, REEL__NORM_BLOCK); left > 0;
         r.length = reel__least(left, REEL__NORM_BLOCK)) {
        join(m, count, s->norms->moments[s->dtype](x, &r), (double)(r.runs * r.length));
        x += r.length * s->size;
        left -= r.length;
    }
}

/* The mean, as it is kept, and 1 / sqrt(var + eps). */
static void keep(const standardize *s, int64_t i, reel__norm_moments m, double count, double *mean,
                 double *scale) {
    if (s->with.norm.uncentred) {
        m.squares += m.mean * m.mean * count;
        m.mean = 0;
    }
    reel__real_put(s->mean, s->dtype, i, m.mean);
    reel__real_put(s->var, s->dtype, i, m.squares / count);
    *mean = reel__real_at(s->mean, s->dtype, i);
    *scale = 1 / sqrt(m.squares / count + s->with.norm.eps);
}

/* Runs of one channel. */
static void put_runs(const standardize *s, int64_t from, reel__norm_runs r, int64_t channel,
                     double mean, double scale) {
    const double w = s->w ? reel__real_at(s->w, s->dtype, channel) : 1,
                 b = s->b ? reel__real_at(s->b, s->dtype, channel) : 0;
    s->norms->put[s->dtype](s->y + from * s->size, s->x + from * s->size, &r, mean, scale * w, b);
}

static void work_groups(void *context, int64_t begin, int64_t end) {
    const standardize *s = context;
    const int64_t channels = s->with.norm.channels, inner = s->with.norm.inner,
                  n = channels * inner;
    for (int64_t i = begin; i < end; i++) {
        reel__norm_moments m = {0, 0};
        double count = 0, mean, scale;
        add_runs(s, &m, &count, s->x + i * n * s->size, (reel__norm_runs){1, n, n});
        keep(s, i, m, count, &mean, &scale);
        const int64_t channel = i % s->with.norm.groups * channels, offset = i * n * s->size;
        if (inner == 1)
            s->norms->put_by[s->dtype](s->y + offset, s->x + offset, n, mean, scale,
                                       s->w ? s->w + channel * s->size : NULL,
                                       s->b ? s->b + channel * s->size : NULL);
        else
            for (int64_t k = 0; k < channels; k++)
                put_runs(s, i * n + k * inner, (reel__norm_runs){1, inner, inner}, channel + k,
                         mean, scale);
    }
}

static void work_channels(void *context, int64_t begin, int64_t end) {
    const standardize *s = context;
    const int64_t inner = s->with.norm.inner, step = s->with.norm.channels * inner;
    for (int64_t i = begin; i < end; i++) {
        reel__norm_moments m = {0, 0};
        double count = 0, mean, scale;
        for (int64_t o = 0; o < s->with.norm.outer;) {
            const reel__norm_runs r = reel__norm_runs_of(&s->with, o);
            add_runs(s, &m, &count, s->x + (o * step + i * inner) * s->size, r);
            o += r.runs;
        }
        keep(s, i, m, count, &mean, &scale);
        put_runs(s, i * inner, (reel__norm_runs){s->with.norm.outer, inner, step}, i, mean, scale);
    }
}

static void run(standardize *s) {
    const int64_t many = s->with.norm.across ? s->with.norm.channels
                                             : s->with.norm.outer * s->with.norm.groups,
                  each = s->with.norm.inner *
                         (s->with.norm.across ? s->with.norm.outer : s->with.norm.channels);
    reel__cpu_parallel(many, REEL__NORM_GRAIN / each + 1,
                       s->with.norm.across ? work_channels : work_groups, s);
}

reel_status reel__cpu_standardize(const reel__call *c) {
    reel_tensor *out = c->out[0], *y = out;
    REEL_SCOPE;
    if (reel_numel(out) == 0) { /* of nothing: mean 0 and variance 1 */
        const bool done = reel_fill_at_(c->at, c->out[1], 0) && reel_fill_at_(c->at, c->out[2], 1);
        return done ? REEL_OK : reel_error_status();
    }
    const bool thin = reel__norm_is_thin(&c->with);
    const reel_tensor *x =
        thin ? reel__norm_turned(c, c->in[0]) : reel_contiguous_at(c->at, c->in[0]);
    const reel_tensor *w = c->nin > 1 ? reel_contiguous_at(c->at, c->in[1]) : NULL,
                      *b = c->nin > 2 ? reel_contiguous_at(c->at, c->in[2]) : NULL;
    if (thin || !reel_is_contiguous(out)) y = x ? reel_empty_like_at(c->at, x) : NULL;
    if (!x || !y || (c->nin > 1 && !w) || (c->nin > 2 && !b)) return reel_error_status();
    standardize s = {.with = thin ? reel__norm_turned_with(c) : c->with,
                     .dtype = x->layout.dtype,
                     .size = (int64_t)reel_dtype_size(x->layout.dtype),
                     .norms = reel__cpu_norms(),
                     .y = reel__data(y),
                     .x = reel__data(x),
                     .w = w ? reel__data(w) : NULL,
                     .b = b ? reel__data(b) : NULL,
                     .mean = reel__data(c->out[1]),
                     .var = reel__data(c->out[2])};
    run(&s);
    if (thin) return reel__norm_turn_back(c, out, y);
    if (y == out) return REEL_OK;
    return reel_copy_at_(c->at, out, y) ? REEL_OK : reel_error_status();
}

/* ---- what went by: as many numbers as channels ---- */

static void move(const reel_tensor *running, const reel_tensor *value, double factor,
                 double share) {
    const reel_dtype dtype = running->layout.dtype;
    void *to = reel__data(running);
    for (int64_t i = 0; i < reel_numel(running); i++) {
        const double before = reel__real_at(to, dtype, i),
                     step = reel__real_at(reel__data(value), dtype, i) * factor - before;
        reel__real_put(to, dtype, i, before + share * step);
    }
}

reel_status reel__cpu_track_statistics(const reel__call *c) {
    int64_t *count = reel__data(c->in[4]);
    const double share = c->with.track.cumulative ? 1 / (double)(*count + 1) : c->with.track.share;
    *count += 1;
    move(c->in[0], c->in[2], 1, share);
    move(c->in[1], c->in[3], c->with.track.factor, share);
    return REEL_OK;
}
