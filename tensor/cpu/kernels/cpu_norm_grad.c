/* standardize_grad: of h = (x - mean) r, r = 1 / sqrt(var + eps), and p = g w,
 *     dx = r (p - mean of p - h mean of p h),  dw = sum of g h,  db = sum of g
 * The sums of a group, or of a channel across, and then its dx. */
#include "tensor/cpu/kernels/cpu_norm_internal.h"

#include <math.h>

#define PARTS 32 /* of rows, each with sums of its own where weights lie along the row */

typedef struct {
    reel__with with;
    reel_dtype dtype;
    int64_t size; /* bytes of an element */
    const reel__norms *norms;
    char *dx;
    const char *g, *x, *w; /* w NULL: none */
    const void *mean, *var;
    double *sum;  /* by run of a channel: of g, and of g (x - mean) r */
    char *part;   /* by part: dw and db of its rows, `wide` elements each */
    int64_t rows; /* statistics that there are */
} backward;

static double mean_at(const backward *b, int64_t i) {
    return reel__real_at(b->mean, b->dtype, i);
}
static double scale_at(const backward *b, int64_t i) {
    return 1 / sqrt(reel__real_at(b->var, b->dtype, i) + b->with.norm.eps);
}

/* From the sums of p and of p (x - mean) over n elements. */
static reel__norm_back back_of(const backward *b, int64_t i, const double sum[2], double n) {
    const double r = scale_at(b, i);
    return (reel__norm_back){mean_at(b, i), r, b->with.norm.uncentred ? 0 : r * sum[0] / n,
                             r * r * r * sum[1] / n};
}

/* In blocks, whose sums are f64. */
static void add_sums(const backward *b, int64_t from, reel__norm_runs r, double mean,
                     double sum[2]) {
    for (int64_t left = r.length; left > 0; left -= r.length, from += r.length) {
        r.length = reel__least(left, REEL__NORM_BLOCK);
        b->norms->sums[b->dtype](b->g + from * b->size, b->x + from * b->size, &r, mean, sum);
    }
}

static double weight_at(const backward *b, int64_t channel) {
    return b->w ? reel__real_at(b->w, b->dtype, channel) : 1;
}

/* Runs of one channel, whose weight is in the scale. */
static void put_runs(const backward *b, int64_t from, reel__norm_runs r, int64_t channel,
                     reel__norm_back how) {
    how.scale *= weight_at(b, channel);
    b->norms->back[b->dtype](b->dx + from * b->size, b->g + from * b->size, b->x + from * b->size,
                             &r, &how);
}

/* ---- weights along the rows ---- */

static void sums_of_row(const backward *b, int64_t i, char *dw, char *db, double sum[2]) {
    const int64_t n = b->with.norm.channels;
    for (int64_t k = 0; k < n; k += REEL__NORM_BLOCK) {
        const int64_t at = k * b->size, from = i * n * b->size + at;
        b->norms->sums_by[b->dtype](b->g + from, b->x + from, b->w ? b->w + at : NULL,
                                    reel__least(n - k, REEL__NORM_BLOCK), mean_at(b, i),
                                    scale_at(b, i), sum, dw ? dw + at : NULL, db ? db + at : NULL);
    }
}

static void put_row(const backward *b, int64_t i, const reel__norm_back *how) {
    const int64_t n = b->with.norm.channels, at = i * n * b->size;
    const reel__norm_runs row = {1, n, n};
    if (b->w)
        b->norms->back_by[b->dtype](b->dx + at, b->g + at, b->x + at, b->w, n, how);
    else
        b->norms->back[b->dtype](b->dx + at, b->g + at, b->x + at, &row, how);
}

static void work_row_parts(void *context, int64_t begin, int64_t end) {
    const backward *b = context;
    const int64_t n = b->with.norm.channels;
    for (int64_t part = begin; part < end; part++) {
        char *dw = b->with.norm.affine > 0 ? b->part + part * 2 * n * b->size : NULL,
             *db = b->with.norm.affine > 1 ? dw + n * b->size : NULL;
        for (int64_t i = b->rows * part / PARTS; i < b->rows * (part + 1) / PARTS; i++) {
            double sum[2] = {0, 0};
            sums_of_row(b, i, dw, db, sum);
            const reel__norm_back how = back_of(b, i, sum, (double)n);
            put_row(b, i, &how);
        }
    }
}

static void work_join_columns(void *context, int64_t begin, int64_t end) {
    const backward *b = context;
    const int64_t n = b->with.norm.channels, first = b->rows * n;
    for (int64_t i = begin; i < end; i++) {
        for (int k = 0; k < b->with.norm.affine; k++) {
            double sum = 0;
            for (int64_t part = 0; part < PARTS; part++)
                sum += reel__real_at(b->part, b->dtype, (part * 2 + k) * n + i);
            reel__real_put(b->dx, b->dtype, first + k * n + i, sum);
        }
    }
}

/* ---- groups of channels ---- */

static void work_groups(void *context, int64_t begin, int64_t end) {
    const backward *b = context;
    const int64_t channels = b->with.norm.channels, inner = b->with.norm.inner;
    for (int64_t i = begin; i < end; i++) {
        const int64_t channel = i % b->with.norm.groups * channels, from = i * channels * inner;
        const double mean = mean_at(b, i), r = scale_at(b, i);
        double all[2] = {0, 0};
        for (int64_t k = 0; k < channels; k++) {
            double *sum = b->sum + (i * channels + k) * 2;
            sum[0] = sum[1] = 0;
            add_sums(b, from + k * inner, (reel__norm_runs){1, inner, inner}, mean, sum);
            for (int j = 0; j < 2; j++) all[j] += sum[j] * weight_at(b, channel + k);
            sum[1] *= r;
        }
        const reel__norm_back how = back_of(b, i, all, (double)(channels * inner));
        for (int64_t k = 0; k < channels; k++)
            put_runs(b, from + k * inner, (reel__norm_runs){1, inner, inner}, channel + k, how);
    }
}

static void work_join_channels(void *context, int64_t begin, int64_t end) {
    const backward *b = context;
    const int64_t all = b->with.norm.groups * b->with.norm.channels,
                  first = b->with.norm.outer * all * b->with.norm.inner;
    for (int64_t i = begin; i < end; i++) {
        double dw = 0, db = 0;
        for (int64_t o = 0; o < b->with.norm.outer; o++) {
            db += b->sum[(o * all + i) * 2];
            dw += b->sum[(o * all + i) * 2 + 1];
        }
        if (b->with.norm.affine > 0) reel__real_put(b->dx, b->dtype, first + i, dw);
        if (b->with.norm.affine > 1) reel__real_put(b->dx, b->dtype, first + all + i, db);
    }
}

/* ---- channels across ---- */

static void work_channels(void *context, int64_t begin, int64_t end) {
    const backward *b = context;
    const int64_t inner = b->with.norm.inner, outer = b->with.norm.outer,
                  step = b->with.norm.channels * inner, first = outer * step;
    for (int64_t i = begin; i < end; i++) {
        double sum[2] = {0, 0};
        for (int64_t o = 0; o < outer;) {
            const reel__norm_runs r = reel__norm_runs_of(&b->with, o);
            add_sums(b, o * step + i * inner, r, mean_at(b, i), sum);
            o += r.runs;
        }
        if (b->with.norm.affine > 0)
            reel__real_put(b->dx, b->dtype, first + i, sum[1] * scale_at(b, i));
        if (b->with.norm.affine > 1)
            reel__real_put(b->dx, b->dtype, first + b->with.norm.channels + i, sum[0]);
        for (int j = 0; j < 2; j++) sum[j] *= weight_at(b, i);
        const reel__norm_back how = back_of(b, i, sum, (double)(outer * inner));
        put_runs(b, i * inner, (reel__norm_runs){outer, inner, step}, i, how);
    }
}

/* ---- which one ---- */

static reel_status run_across(backward *b) {
    const int64_t each = b->with.norm.outer * b->with.norm.inner;
    reel__cpu_parallel(b->rows, REEL__NORM_GRAIN / each + 1, work_channels, b);
    return REEL_OK;
}

static reel_status run_rows(const reel__call *c, backward *b) {
    const int64_t n = b->with.norm.channels;
    reel_tensor *parts = b->with.norm.affine
                             ? reel_zeros_at(c->at, reel_shape(PARTS * 2 * n), b->dtype, c->device)
                             : NULL;
    if (b->with.norm.affine && !parts) return reel_error_status();
    b->part = parts ? reel__data(parts) : NULL;
    reel__cpu_parallel(PARTS, REEL__NORM_GRAIN * PARTS / (b->rows * n) + 1, work_row_parts, b);
    if (parts) reel__cpu_parallel(n, 1024, work_join_columns, b);
    return REEL_OK;
}

static reel_status run_groups(const reel__call *c, backward *b) {
    const int64_t runs = b->rows * b->with.norm.channels,
                  each = b->with.norm.channels * b->with.norm.inner;
    reel_tensor *sums = reel_empty_at(c->at, reel_shape(runs, 2), REEL_F64, c->device);
    if (!sums) return reel_error_status();
    b->sum = reel__data(sums);
    reel__cpu_parallel(b->rows, REEL__NORM_GRAIN / each + 1, work_groups, b);
    if (b->with.norm.affine)
        reel__cpu_parallel(b->with.norm.groups * b->with.norm.channels,
                           REEL__NORM_GRAIN / b->with.norm.outer + 1, work_join_channels, b);
    return REEL_OK;
}

static reel_status run(const reel__call *c, backward *b) {
    if (b->with.norm.across) return run_across(b);
    return b->with.norm.inner == 1 && b->with.norm.groups == 1 ? run_rows(c, b) : run_groups(c, b);
}

/* dx as it is turned, and what follows it. */
static reel_status put_turned(const reel__call *c, const reel_tensor *packed) {
    const int64_t n = reel_numel(c->in[1]), all = reel_numel(packed);
    reel_tensor *from = (reel_tensor *)packed, *out = c->out[0];
    reel_tensor *dx = reel_slice_at(c->at, out, 0, 0, n, 1),
                *rest = reel_slice_at(c->at, out, 0, n, all, 1);
    REEL_TRY(reel__norm_turn_back(c, dx, reel_slice_at(c->at, from, 0, 0, n, 1)));
    if (all == n) return REEL_OK;
    from = reel_slice_at(c->at, from, 0, n, all, 1);
    return reel_copy_at_(c->at, rest, from) ? REEL_OK : reel_error_status();
}

reel_status reel__cpu_standardize_grad(const reel__call *c) {
    reel_tensor *out = c->out[0], *to = out;
    REEL_SCOPE;
    if (reel_numel(c->in[1]) == 0)
        return reel_fill_at_(c->at, out, 0) ? REEL_OK : reel_error_status();
    const bool thin = reel__norm_is_thin(&c->with);
    reel_tensor *in[5] = {NULL};
    for (int i = 0; i < c->nin; i++) {
        in[i] =
            i < 2 && thin ? reel__norm_turned(c, c->in[i]) : reel_contiguous_at(c->at, c->in[i]);
        if (!in[i]) return reel_error_status();
    }
    if (thin) to = reel_empty_like_at(c->at, out);
    if (!to) return reel_error_status();
    backward b = {.with = thin ? reel__norm_turned_with(c) : c->with,
                  .dtype = in[1]->layout.dtype,
                  .size = (int64_t)reel_dtype_size(in[1]->layout.dtype),
                  .norms = reel__cpu_norms(),
                  .dx = reel__data(to),
                  .g = reel__data(in[0]),
                  .x = reel__data(in[1]),
                  .w = in[4] ? reel__data(in[4]) : NULL,
                  .mean = reel__data(in[2]),
                  .var = reel__data(in[3]),
                  .rows = reel_numel(in[2])};
    const reel_status status = run(c, &b);
    return status == REEL_OK && thin ? put_turned(c, to) : status;
}
