/* sum and mean. The order of addition depends on the shape and strides alone.
 *
 * Any reduction is brought into one of two forms (nest.c): each result is the sum of one contiguous
 * run (rows), or of the same column of several contiguous rows (columns). */
#include "tensor/cpu/cpu_internal.h"
#include "tensor/nest_internal.h"

#include <string.h>

#define RUN 16384 /* a full sum is cut into runs of this length, whatever the number of threads */

/* ---- integers: any strides, exact in any order ---- */

static int64_t load_int(const reel_tensor *x, int64_t offset) {
    return x->layout.dtype == REEL_U8 ? ((const uint8_t *)reel__data(x))[offset]
                                      : ((const int64_t *)reel__data(x))[offset];
}

static void sum_integers(const reel_tensor *x, reel_tensor *out, int64_t axes) {
    const reel__layout *l = &x->layout;
    int64_t *sum = reel__data(out), at[REEL_MAX_DIMS] = {0}, step[REEL_MAX_DIMS];
    int64_t from = 0, to = 0, stride = 1, n = reel_numel(x);
    memset(sum, 0, (size_t)reel_numel(out) * sizeof *sum);
    /* out's strides along x's axes: 0 where reduced */
    for (int i = l->shape.ndim - 1; i >= 0; i--) {
        step[i] = axes >> i & 1 ? 0 : stride;
        if (step[i]) stride *= l->shape.dim[i];
    }
    for (int64_t done = 0; done < n; done++) {
        sum[to] = (int64_t)((uint64_t)sum[to] + (uint64_t)load_int(x, from));
        for (int i = l->shape.ndim - 1; i >= 0; i--) {
            from += l->stride[i];
            to += step[i];
            if (++at[i] < l->shape.dim[i]) break;
            from -= l->stride[i] * at[i];
            to -= step[i] * at[i];
            at[i] = 0;
        }
    }
}

/* ---- floats ---- */

typedef struct {
    reel__reduction form;
    const char *x;
    char *out;
    double divisor;
    int dtype;
    size_t size;
    double *partial; /* of the runs of one full sum */
} reduction;

static void store(const reduction *r, int64_t i, double sum) {
    if (r->dtype == REEL_F32)
        ((float *)(void *)r->out)[i] = (float)(sum / r->divisor);
    else
        ((double *)(void *)r->out)[i] = sum / r->divisor;
}

static const char *at(const reduction *r, int64_t element) {
    return r->x + element * (int64_t)r->size;
}

static void work_runs(void *context, int64_t begin, int64_t end) {
    const reduction *r = context;
    for (int64_t i = begin; i < end; i++) {
        int64_t left = r->form.rows - i * RUN;
        r->partial[i] = reel__cpu_loops()->sum[r->dtype](at(r, i * RUN), left < RUN ? left : RUN);
    }
}

static reel_status full_sum(const reel__call *c, reduction *r) {
    int64_t runs = (r->form.rows + RUN - 1) / RUN;
    double few[64], sum = 0;
    r->partial = runs <= 64 ? few : reel__cpu_alloc(0, (size_t)runs * sizeof(double));
    if (!r->partial) return reel__fail_call(REEL_ERR_MEMORY, c, "out of memory");
    reel__cpu_parallel(runs, 1, work_runs, r);
    for (int64_t i = 0; i < runs; i++) sum += r->partial[i];
    store(r, 0, sum);
    if (r->partial != few) reel__cpu_free(0, r->partial, (size_t)runs * sizeof(double));
    return REEL_OK;
}

static void work_rows(void *context, int64_t begin, int64_t end) {
    const reduction *r = context;
    for (int64_t i = begin; i < end; i++)
        store(r, i,
              reel__cpu_loops()->sum[r->dtype](at(r, i * r->form.outer_stride), r->form.rows));
}

static void work_columns(void *context, int64_t begin, int64_t end) {
    const reduction *r = context;
    for (int64_t i = 0; i < r->form.outer; i++)
        reel__cpu_loops()->sum_rows[r->dtype](r->out +
                                                  (i * r->form.columns + begin) * (int64_t)r->size,
                                              at(r, i * r->form.outer_stride + begin), r->form.rows,
                                              end - begin, r->form.row_stride, r->divisor);
}

static reel_status run(const reel__call *c, reduction *r) {
    int64_t work = r->form.outer * r->form.rows * r->form.columns;
    if (r->form.columns != 1)
        reel__cpu_parallel(r->form.columns, work > 32768 ? 256 : r->form.columns, work_columns, r);
    else if (r->form.outer == 1)
        return full_sum(c, r);
    else
        reel__cpu_parallel(r->form.outer, 32768 / (r->form.rows + 1) + 1, work_rows, r);
    return REEL_OK;
}

static reel_status reduce_floats(const reel__call *c, double divisor) {
    const reel_dtype dtype = c->in[0]->layout.dtype;
    reduction r = {.out = reel__data(c->out[0]),
                   .divisor = divisor,
                   .dtype = (int)dtype,
                   .size = reel_dtype_size(dtype)};
    reel_status status = REEL_OK;
    REEL_SCOPE {
        status = reel__reduction_make(&r.form, c, c->attr.i[0]);
        if (status == REEL_OK) {
            r.x = reel__data(r.form.x);
            status = run(c, &r);
        }
    }
    return status;
}

static int64_t reduced_count(const reel__call *c) {
    int64_t n = 1;
    for (int i = 0; i < c->in[0]->layout.shape.ndim; i++)
        if (c->attr.i[0] >> i & 1) n *= c->in[0]->layout.shape.dim[i];
    return n;
}

reel_status reel__cpu_sum(const reel__call *c) {
    if (reel_numel(c->out[0]) == 0) return REEL_OK;
    if (reel_dtype_is_float(c->in[0]->layout.dtype)) {
        if (reel_numel(c->in[0]) == 0)
            return reel_fill_at_(c->at, c->out[0], 0) ? REEL_OK : reel_error_status();
        return reduce_floats(c, 1);
    }
    sum_integers(c->in[0], c->out[0], c->attr.i[0]);
    return REEL_OK;
}

reel_status reel__cpu_mean(const reel__call *c) {
    if (reel_numel(c->out[0]) == 0) return REEL_OK;
    if (reel_numel(c->in[0]) == 0)
        return reel_fill_at_(c->at, c->out[0], __builtin_nan("")) ? REEL_OK : reel_error_status();
    return reduce_floats(c, (double)reduced_count(c));
}
