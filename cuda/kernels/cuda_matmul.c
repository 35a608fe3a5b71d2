/* matmul: products of f32 by kernels of our own where cuda_matmul_way.c says so, the others, and
 * batches, by cuBLASLt. */
#include "cuda/kernels/cuda_matmul_internal.h"

#include <string.h>

/* ---- a product by cuBLAS ---- */

static reel_status multiply(const reel__call *c, const reel__cuda_device *d,
                            const reel__cuda_blas_product *of, const void *x, const void *y,
                            void *z) {
    const void *plan = reel__cuda_blas_plan(c, of, d->blas);
    if (!plan) return reel_error_status();
    const reel__cuda_library_call call = {reel__cuda_blas_send, plan, x, y, z, d->workspace};
    reel__cuda_enqueue_library(
        d->queue, &call, 2.0 * (double)of->count * (double)of->m * (double)of->n * (double)of->k);
    return REEL_OK;
}

/* Of all matrices of a batch, `step` elements apart. */
static int32_t alignment_of(const void *data, int64_t step, reel_dtype dtype) {
    const uintptr_t at = (uintptr_t)data | (uintptr_t)step * reel_dtype_size(dtype),
                    low = at & (~at + 1);
    return low >= 256 ? 256 : (int32_t)low;
}

static reel__cuda_blas_product product_of(const reel__call *c, const reel__cuda_device *d,
                                          const reel__product *p) {
    const reel_dtype dtype = p->x->layout.dtype;
    reel__cuda_blas_product of;
    memset(&of, 0, sizeof of); /* it is compared as bytes */
    of.device = d->index;
    of.dtype = (int32_t)dtype;
    of.precision = dtype == REEL_F32 ? (int32_t)reel__cuda_precision() : 0;
    of.accumulate = c->accumulate;
    of.transpose_a = p->transpose_y;
    of.transpose_b = p->transpose_x;
    of.count = 1;
    of.m = p->n;
    of.n = p->m;
    of.k = p->k;
    of.lda = p->ldy;
    of.ldb = p->ldx;
    return of;
}

/* ---- a product by a kernel of our own ---- */

static reel_status multiply_own(const reel__call *c, const reel__cuda_device *d,
                                const reel__cuda_blas_product *of, const reel__matmul_way *w,
                                const void *x, const void *y, void *z) {
    const reel__cuda_product p = {.x = x,
                                  .y = y,
                                  .z = z,
                                  .m = of->n,
                                  .n = of->m,
                                  .k = of->k,
                                  .ldx = of->ldb,
                                  .ldy = of->lda,
                                  .transpose_x = of->transpose_b,
                                  .transpose_y = of->transpose_a,
                                  .accumulate = of->accumulate};
    cudaError_t (*const launch)(const reel__cuda_product *, int, int, reel__cuda_queue *) =
        w->by == REEL__BY_SPLIT ? reel__cuda_launch_gemm_split : reel__cuda_launch_gemm;
    return reel__cuda_launched(c, launch(&p, w->tiling, w->parts, d->queue));
}

/* Where a product's operands lie. */
typedef struct {
    const char *x, *y;
    char *z;
} place;

static reel_status multiply_at(const reel__call *c, const reel__cuda_device *d,
                               reel__cuda_blas_product *of, place at) {
    const reel_dtype dtype = (reel_dtype)of->dtype;
    of->alignment_a = alignment_of(at.y, of->step_a, dtype);
    of->alignment_b = alignment_of(at.x, of->step_b, dtype);
    of->alignment_z = alignment_of(at.z, of->step_z, dtype);
    const reel__matmul_way w = reel__cuda_matmul_way(d, of);
    return w.by == REEL__BY_BLAS ? multiply(c, d, of, at.x, at.y, at.z)
                                 : multiply_own(c, d, of, &w, at.x, at.y, at.z);
}

/* ---- batches: along the longest axis in one call, and a call for each index of the others ---- */

#define MOST_OF_A_BATCH 65535 /* what a grid counts to along its last axis */

static int longest_axis(const reel__product *p) {
    int longest = p->ndim - 1;
    for (int i = 0; i < p->ndim; i++)
        if (p->dim[i] > p->dim[longest]) longest = i;
    return longest;
}

static void move_along(const reel__product *p, place *at, int axis, int64_t by, size_t size) {
    at->x += by * p->x_step[axis] * (int64_t)size;
    at->y += by * p->y_step[axis] * (int64_t)size;
    at->z += by * p->z_step[axis] * (int64_t)size;
}

static reel_status multiply_along(const reel__call *c, const reel__cuda_device *d,
                                  const reel__product *p, int axis, reel__cuda_blas_product *of,
                                  place at) {
    const size_t size = reel_dtype_size((reel_dtype)of->dtype);
    of->step_a = p->y_step[axis];
    of->step_b = p->x_step[axis];
    of->step_z = p->z_step[axis];
    for (int64_t left = p->dim[axis]; left > 0; left -= MOST_OF_A_BATCH) {
        of->count = left < MOST_OF_A_BATCH ? (int32_t)left : MOST_OF_A_BATCH;
        REEL_TRY(multiply_at(c, d, of, at));
        move_along(p, &at, axis, MOST_OF_A_BATCH, size);
    }
    return REEL_OK;
}

static reel_status multiply_batch(const reel__call *c, const reel__cuda_device *d,
                                  const reel__product *p, reel__cuda_blas_product *of,
                                  place first) {
    const size_t size = reel_dtype_size((reel_dtype)of->dtype);
    const int along = longest_axis(p);
    int64_t calls = 1;
    for (int i = 0; i < p->ndim; i++)
        if (i != along) calls *= p->dim[i];
    for (int64_t k = 0; k < calls; k++) {
        place at = first;
        int64_t rest = k;
        for (int i = p->ndim - 1; i >= 0; i--) {
            if (i == along) continue;
            move_along(p, &at, i, rest % p->dim[i], size);
            rest /= p->dim[i];
        }
        REEL_TRY(multiply_along(c, d, p, along, of, at));
    }
    return REEL_OK;
}

reel_status reel__cuda_matmul(const reel__call *c) {
    reel_tensor *z = c->out[0];
    if (reel_numel(z) == 0) return REEL_OK;
    if (reel_dim(c->in[0], -1) == 0)
        return c->accumulate || reel_fill_at_(c->at, z, 0) ? REEL_OK : reel_error_status();
    REEL_SCOPE;
    reel__product p;
    REEL_TRY(reel__product_make(&p, c));
    const reel__cuda_device *d = reel__cuda_enter(c);
    if (!d) return reel_error_status();
    reel__cuda_blas_product of = product_of(c, d, &p);
    const place at = {reel__data(p.x), reel__data(p.y), reel__data(z)};
    return p.ndim ? multiply_batch(c, d, &p, &of, at) : multiply_at(c, d, &of, at);
}
