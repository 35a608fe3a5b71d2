/* matmul by cuBLASLt. What its heuristics choose for a product is kept, so that the same product
 * costs one call; they know the device and the shapes alone, so two runs compute the same way. */
#include "cuda/cuda_internal.h"

#include <stdlib.h>
#include <string.h>

#define PLANS 512 /* a power of two; more products than this are planned anew */

/* Row-major z[M,N] = x[M,K] y[K,N] is, column by column, z^T = y^T x^T: so A is y, and B is x. */
typedef struct {
    int32_t device, dtype, precision, accumulate;
    int32_t transpose_a, transpose_b, alignment_a, alignment_b, alignment_z, unused;
    int64_t m, n, k, lda, ldb; /* of cuBLAS: m is N, n is M */
} product;

typedef struct {
    bool used;
    product of;
    cublasLtMatmulDesc_t how;
    cublasLtMatrixLayout_t a, b, z;
    cublasLtMatmulAlgo_t algorithm;
} plan;

static plan plans[PLANS];

static reel_status blas_status(const reel__call *c, cublasStatus_t s, const char *what) {
    if (s == CUBLAS_STATUS_SUCCESS) return REEL_OK;
    return reel__fail_call(s == CUBLAS_STATUS_ALLOC_FAILED ? REEL_ERR_MEMORY : REEL_ERR_DEVICE, c,
                           "cuBLAS: %s: %s", what, cublasLtGetStatusString(s));
}

/* ---- plans ---- */

static void forget(plan *p) {
    if (p->how) cublasLtMatmulDescDestroy(p->how);
    if (p->a) cublasLtMatrixLayoutDestroy(p->a);
    if (p->b) cublasLtMatrixLayoutDestroy(p->b);
    if (p->z) cublasLtMatrixLayoutDestroy(p->z);
    *p = (plan){.used = false};
}

static cublasComputeType_t compute_type(const product *of) {
    if (of->dtype == REEL_F64) return CUBLAS_COMPUTE_64F;
    if (of->precision == REEL_MATMUL_TF32) return CUBLAS_COMPUTE_32F_FAST_TF32;
    if (of->precision == REEL_MATMUL_BF16) return CUBLAS_COMPUTE_32F_FAST_16BF;
    return CUBLAS_COMPUTE_32F;
}

/* Rows and columns of a column-major matrix as it lies in memory. */
static cublasStatus_t make_layout(cublasLtMatrixLayout_t *l, cudaDataType_t type, bool transpose,
                                  int64_t rows, int64_t columns, int64_t ld) {
    return transpose ? cublasLtMatrixLayoutCreate(l, type, (uint64_t)columns, (uint64_t)rows, ld)
                     : cublasLtMatrixLayoutCreate(l, type, (uint64_t)rows, (uint64_t)columns, ld);
}

#define TRY(call)                                                                                  \
    do {                                                                                           \
        const cublasStatus_t status_ = (call);                                                     \
        if (status_ != CUBLAS_STATUS_SUCCESS) return status_;                                      \
    } while (0)

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
    return make_layout(&p->z, type, false, of->m, of->n, of->m);
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

static cublasStatus_t make_plan(plan *p, const product *of, cublasLtHandle_t blas) {
    cublasLtMatmulPreference_t wish = NULL;
    *p = (plan){.of = *of};
    TRY(describe(p));
    TRY(cublasLtMatmulPreferenceCreate(&wish));
    const cublasStatus_t status = choose(p, blas, wish);
    cublasLtMatmulPreferenceDestroy(wish);
    p->used = status == CUBLAS_STATUS_SUCCESS;
    return status;
}

/* Where a product's plan is, or would be: FNV-1a over its bytes. */
static plan *place_of(const product *of) {
    uint32_t hash = 2166136261u;
    const unsigned char *byte = (const unsigned char *)of;
    for (size_t i = 0; i < sizeof *of; i++) hash = (hash ^ byte[i]) * 16777619u;
    return &plans[hash % PLANS];
}

/* ---- a product ---- */

static int32_t alignment_of(const void *data) {
    const uintptr_t at = (uintptr_t)data, low = at & (~at + 1);
    return low >= 256 ? 256 : (int32_t)low;
}

/* One at a time, since they share plans and workspace. */
static reel_status multiply(const reel__call *c, reel__cuda_device *d, const product *of,
                            const void *x, const void *y, void *z) {
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    const float one32 = 1, beta32 = of->accumulate ? 1 : 0;
    const double one64 = 1, beta64 = of->accumulate ? 1 : 0;
    const bool f64 = of->dtype == REEL_F64;
    reel_status status = REEL_OK;
    pthread_mutex_lock(&lock);
    plan *p = place_of(of);
    if (!p->used || memcmp(&p->of, of, sizeof *of) != 0) {
        forget(p);
        const cublasStatus_t made = make_plan(p, of, d->blas);
        if (made != CUBLAS_STATUS_SUCCESS) forget(p);
        status = blas_status(c, made, "no plan");
    }
    if (status == REEL_OK) {
        atomic_fetch_add_explicit(&d->launches, 1, memory_order_relaxed);
        status = blas_status(c,
                             cublasLtMatmul(d->blas, p->how, f64 ? (const void *)&one64 : &one32, y,
                                            p->a, x, p->b, f64 ? (const void *)&beta64 : &beta32, z,
                                            p->z, z, p->z, &p->algorithm, d->workspace,
                                            REEL__CUDA_WORKSPACE, d->stream),
                             "the product failed");
    }
    pthread_mutex_unlock(&lock);
    return status;
}

static product product_of(const reel__call *c, const reel__cuda_device *d, const reel_tensor *x,
                          const reel_tensor *y) {
    bool tx, ty;
    product of;
    memset(&of, 0, sizeof of); /* it is compared as bytes */
    reel__blas_operand(y, &ty, &of.lda);
    reel__blas_operand(x, &tx, &of.ldb);
    of.device = d->index;
    of.dtype = (int32_t)x->layout.dtype;
    of.precision = x->layout.dtype == REEL_F32 ? (int32_t)reel__self()->precision : 0;
    of.accumulate = c->accumulate;
    of.transpose_a = ty;
    of.transpose_b = tx;
    of.alignment_a = alignment_of(reel__data(y));
    of.alignment_b = alignment_of(reel__data(x));
    of.alignment_z = alignment_of(reel__data(c->out[0]));
    of.m = y->layout.shape.dim[1];
    of.n = x->layout.shape.dim[0];
    of.k = x->layout.shape.dim[1];
    return of;
}

/* The operand as cuBLAS takes it, copied if need be. */
static reel_tensor *operand(const reel__call *c, reel_tensor *t) {
    bool transposed;
    int64_t ld;
    return reel__blas_operand(t, &transposed, &ld) ? t : reel_contiguous_at(c->at, t);
}

reel_status reel__cuda_matmul(const reel__call *c) {
    reel_tensor *z = c->out[0];
    reel_status status = REEL_OK;
    if (reel_numel(z) == 0) return REEL_OK;
    if (c->in[0]->layout.shape.dim[1] == 0)
        return c->accumulate || reel_fill_at_(c->at, z, 0) ? REEL_OK : reel_error_status();
    REEL_SCOPE {
        reel_tensor *x = operand(c, c->in[0]), *y = operand(c, c->in[1]);
        reel__cuda_device *d = x && y ? reel__cuda_enter(c) : NULL;
        if (!d) return reel_error_status();
        const product of = product_of(c, d, x, y);
        status = multiply(c, d, &of, reel__data(x), reel__data(y), reel__data(z));
    }
    return status;
}
