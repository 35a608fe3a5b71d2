/* matmul: small products of f32 by a kernel of our own (gemm.cu), the others, and batches, by
 * cuBLASLt. What its
 * heuristics choose for a product is kept; they know the device, shapes, strides and alignment, and
 * nothing that changes from run to run. */
#include "cuda/cuda_internal.h"

#include <stdlib.h>
#include <string.h>

/* Row-major z[M,N] = x[M,K] y[K,N] is, column by column, z^T = y^T x^T: so A is y, and B is x. */
typedef struct {
    int32_t device, dtype, precision, accumulate;
    int32_t transpose_a, transpose_b, alignment_a, alignment_b, alignment_z;
    int32_t count;             /* of a batch, whose matrices are so many elements apart */
    int64_t m, n, k, lda, ldb; /* of cuBLAS: m is N, n is M */
    int64_t step_a, step_b, step_z;
} product;

typedef struct plan {
    struct plan *next; /* of those that hash alike */
    product of;
    cublasLtMatmulDesc_t how;
    cublasLtMatrixLayout_t a, b, z;
    cublasLtMatmulAlgo_t algorithm;
} plan;

/* Plans are never taken out: batches on their way and graphs name them. */
#define PLACES 1024
static struct {
    pthread_mutex_t lock;
    plan *first[PLACES];
} plans = {.lock = PTHREAD_MUTEX_INITIALIZER};

static reel_status blas_status(const reel__call *c, cublasStatus_t s, const char *what) {
    if (s == CUBLAS_STATUS_SUCCESS) return REEL_OK;
    return reel__fail_call(s == CUBLAS_STATUS_ALLOC_FAILED ? REEL_ERR_MEMORY : REEL_ERR_DEVICE, c,
                           "cuBLAS: %s: %s", what, cublasLtGetStatusString(s));
}

/* ---- plans ---- */

static void free_plan(plan *p) {
    if (p->how) cublasLtMatmulDescDestroy(p->how);
    if (p->a) cublasLtMatrixLayoutDestroy(p->a);
    if (p->b) cublasLtMatrixLayoutDestroy(p->b);
    if (p->z) cublasLtMatrixLayoutDestroy(p->z);
    free(p);
}

static cublasComputeType_t compute_type(const product *of) {
    if (of->dtype == REEL_F64) return CUBLAS_COMPUTE_64F;
    if (of->precision == REEL_MATMUL_TF32) return CUBLAS_COMPUTE_32F_FAST_TF32;
    if (of->precision == REEL_MATMUL_BF16) return CUBLAS_COMPUTE_32F_FAST_16BF;
    return CUBLAS_COMPUTE_32F;
}

#define TRY(call)                                                                                  \
    do {                                                                                           \
        const cublasStatus_t status_ = (call);                                                     \
        if (status_ != CUBLAS_STATUS_SUCCESS) return status_;                                      \
    } while (0)

/* Rows and columns of a column-major matrix as it lies in memory. */
static cublasStatus_t make_layout(cublasLtMatrixLayout_t *l, cudaDataType_t type, bool transpose,
                                  int64_t rows, int64_t columns, int64_t ld) {
    return transpose ? cublasLtMatrixLayoutCreate(l, type, (uint64_t)columns, (uint64_t)rows, ld)
                     : cublasLtMatrixLayoutCreate(l, type, (uint64_t)rows, (uint64_t)columns, ld);
}

static cublasStatus_t set_batch(cublasLtMatrixLayout_t l, int32_t count, int64_t step) {
    TRY(cublasLtMatrixLayoutSetAttribute(l, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &count,
                                         sizeof count));
    return cublasLtMatrixLayoutSetAttribute(l, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &step,
                                            sizeof step);
}

static cublasStatus_t describe(plan *p) {
    const product *of = &p->of;
    const cudaDataType_t type = of->dtype == REEL_F64 ? CUDA_R_64F : CUDA_R_32F;
    const cublasOperation_t a = of->transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N,
                            b = of->transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N;
    TRY(cublasLtMatmulDescCreate(&p->how, compute_type(of), type));
    TRY(cublasLtMatmulDescSetAttribute(p->how, CUBLASLT_MATMUL_DESC_TRANSA, &a, sizeof a));
    TRY(cublasLtMatmulDescSetAttribute(p->how, CUBLASLT_MATMUL_DESC_TRANSB, &b, sizeof b));
    TRY(make_layout(&p->a, type, of->transpose_a, of->m, of->k, of->lda));
    TRY(make_layout(&p->b, type, of->transpose_b, of->k, of->n, of->ldb));
    TRY(make_layout(&p->z, type, false, of->m, of->n, of->m));
    if (of->count == 1) return CUBLAS_STATUS_SUCCESS;
    TRY(set_batch(p->a, of->count, of->step_a));
    TRY(set_batch(p->b, of->count, of->step_b));
    return set_batch(p->z, of->count, of->step_z);
}

static cublasStatus_t choose(plan *p, cublasLtHandle_t blas, cublasLtMatmulPreference_t wish) {
    const size_t workspace = REEL__CUDA_WORKSPACE;
    const uint32_t a = (uint32_t)p->of.alignment_a, b = (uint32_t)p->of.alignment_b,
                   z = (uint32_t)p->of.alignment_z;
    cublasLtMatmulHeuristicResult_t found;
    int count = 0;
    TRY(cublasLtMatmulPreferenceSetAttribute(wish, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
                                             &workspace, sizeof workspace));
    TRY(cublasLtMatmulPreferenceSetAttribute(wish, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, &a,
                                             sizeof a));
    TRY(cublasLtMatmulPreferenceSetAttribute(wish, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, &b,
                                             sizeof b));
    TRY(cublasLtMatmulPreferenceSetAttribute(wish, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, &z,
                                             sizeof z));
    TRY(cublasLtMatmulPreferenceSetAttribute(wish, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, &z,
                                             sizeof z));
    TRY(cublasLtMatmulAlgoGetHeuristic(blas, p->how, p->a, p->b, p->z, p->z, wish, 1, &found,
                                       &count));
    if (count == 0) return CUBLAS_STATUS_NOT_SUPPORTED;
    p->algorithm = found.algo;
    return found.state;
}

static cublasStatus_t fill_in(plan *p, cublasLtHandle_t blas) {
    cublasLtMatmulPreference_t wish = NULL;
    TRY(describe(p));
    TRY(cublasLtMatmulPreferenceCreate(&wish));
    const cublasStatus_t status = choose(p, blas, wish);
    cublasLtMatmulPreferenceDestroy(wish);
    return status;
}

/* The place of a product: FNV-1a over its bytes. */
static plan **place_of(const product *of) {
    uint32_t hash = 2166136261u;
    const unsigned char *byte = (const unsigned char *)of;
    for (size_t i = 0; i < sizeof *of; i++) hash = (hash ^ byte[i]) * 16777619u;
    return &plans.first[hash % PLACES];
}

/* The plan of a product, made if need be; the plans are locked. NULL, and a failure kept, if there
 * can be none. */
static plan *find_plan(const reel__call *c, const product *of, cublasLtHandle_t blas) {
    plan **first = place_of(of);
    for (plan *p = *first; p; p = p->next)
        if (memcmp(&p->of, of, sizeof *of) == 0) return p;
    plan *p = calloc(1, sizeof *p);
    if (!p) {
        reel__fail_call(REEL_ERR_MEMORY, c, "out of memory");
        return NULL;
    }
    p->of = *of;
    if (blas_status(c, fill_in(p, blas), "no plan") != REEL_OK) {
        free_plan(p);
        return NULL;
    }
    p->next = *first;
    *first = p;
    return p;
}

/* ---- a product by cuBLAS ---- */

cublasStatus_t reel__cuda_blas_send(const reel__cuda_blas_call *call, cudaStream_t stream) {
    const plan *p = call->plan;
    const reel__cuda_device *d = reel__cuda_device_at(p->of.device);
    const float one32 = 1, beta32 = p->of.accumulate ? 1 : 0;
    const double one64 = 1, beta64 = p->of.accumulate ? 1 : 0;
    const bool f64 = p->of.dtype == REEL_F64;
    return cublasLtMatmul(d->blas, p->how, f64 ? (const void *)&one64 : &one32, call->y, p->a,
                          call->x, p->b, f64 ? (const void *)&beta64 : &beta32, call->z, p->z,
                          call->z, p->z, &p->algorithm, d->workspace, REEL__CUDA_WORKSPACE, stream);
}

static reel_status multiply(const reel__call *c, const reel__cuda_device *d, const product *of,
                            const void *x, const void *y, void *z) {
    pthread_mutex_lock(&plans.lock);
    const plan *p = find_plan(c, of, d->blas);
    pthread_mutex_unlock(&plans.lock);
    if (!p) return reel_error_status();
    reel__cuda_enqueue_product(d->queue, &(reel__cuda_blas_call){p, x, y, z},
                               2.0 * (double)of->count * (double)of->m * (double)of->n *
                                   (double)of->k);
    return REEL_OK;
}

/* Of all matrices of a batch, `step` elements apart. */
static int32_t alignment_of(const void *data, int64_t step, reel_dtype dtype) {
    const uintptr_t at = (uintptr_t)data | (uintptr_t)step * reel_dtype_size(dtype),
                    low = at & (~at + 1);
    return low >= 256 ? 256 : (int32_t)low;
}

static product product_of(const reel__call *c, const reel__cuda_device *d, const reel__product *p) {
    const reel_dtype dtype = p->x->layout.dtype;
    product of;
    memset(&of, 0, sizeof of); /* it is compared as bytes */
    of.device = d->index;
    of.dtype = (int32_t)dtype;
    of.precision = dtype == REEL_F32 ? (int32_t)reel__self()->precision : 0;
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

/* How gemm.cu best cuts a product, as measured on an H200: -1 where cuBLAS is better at it. */
static int tiling_of(const product *of, int *parts) {
    const int64_t m = of->n, n = of->m, k = of->k;
    if (!REEL_CUDA_SM90 || of->dtype != REEL_F32 || of->precision != REEL_MATMUL_F32) return -1;
    *parts = k >= 512 ? 8 : k >= 200 ? 4 : 1;
    if (n <= 16 && m * k <= 1 << 18) return REEL__CUDA_TILES_32X16;
    if (k <= 16 && m * n <= 1 << 18)
        return m * n <= 1 << 16 ? REEL__CUDA_TILES_16X32 : REEL__CUDA_TILES_32X64;
    if (m <= 64 && k >= 512 && n <= 512) return REEL__CUDA_TILES_16X32;
    return -1;
}

static reel_status multiply_small(const reel__call *c, const reel__cuda_device *d,
                                  const product *of, int tiling, int parts, const void *x,
                                  const void *y, void *z) {
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
    return reel__cuda_launched(c, reel__cuda_launch_gemm(&p, tiling, parts, d->queue));
}

/* Where a product's operands lie. */
typedef struct {
    const char *x, *y;
    char *z;
} place;

static reel_status multiply_at(const reel__call *c, const reel__cuda_device *d, product *of,
                               place at) {
    const reel_dtype dtype = (reel_dtype)of->dtype;
    int parts = 1;
    of->alignment_a = alignment_of(at.y, of->step_a, dtype);
    of->alignment_b = alignment_of(at.x, of->step_b, dtype);
    of->alignment_z = alignment_of(at.z, of->step_z, dtype);
    const int tiling = of->count > 1 ? -1 : tiling_of(of, &parts);
    return tiling < 0 ? multiply(c, d, of, at.x, at.y, at.z)
                      : multiply_small(c, d, of, tiling, parts, at.x, at.y, at.z);
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
                                  const reel__product *p, int axis, product *of, place at) {
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
                                  const reel__product *p, product *of, place first) {
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
    product of = product_of(c, d, &p);
    const place at = {reel__data(p.x), reel__data(p.y), reel__data(z)};
    return p.ndim ? multiply_batch(c, d, &p, &of, at) : multiply_at(c, d, &of, at);
}
