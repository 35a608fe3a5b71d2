/* Products by cuBLASLt. What its heuristics choose for a product, its plan, is kept; they know the
 * device, shapes, strides and alignment, and nothing that changes from run to run. */
#include "cuda/kernels/cuda_blas_internal.h"

#include <stdlib.h>
#include <string.h>

typedef struct plan {
    struct plan *next; /* of those that hash alike */
    reel__cuda_blas_product of;
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

static void free_plan(plan *p) {
    if (p->how) cublasLtMatmulDescDestroy(p->how);
    if (p->a) cublasLtMatrixLayoutDestroy(p->a);
    if (p->b) cublasLtMatrixLayoutDestroy(p->b);
    if (p->z) cublasLtMatrixLayoutDestroy(p->z);
    free(p);
}

static cublasComputeType_t compute_type(const reel__cuda_blas_product *of) {
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
    const reel__cuda_blas_product *of = &p->of;
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

static plan **place_of(const reel__cuda_blas_product *of) {
    return &plans.first[reel__cuda_hash(REEL__CUDA_HASH_BASIS, of, sizeof *of) % PLACES];
}

/* The plan of a product, made if need be; the plans are locked. NULL, and a failure kept, if there
 * can be none. */
static plan *find_plan(const reel__call *c, const reel__cuda_blas_product *of,
                       cublasLtHandle_t blas) {
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

const void *reel__cuda_blas_plan(const reel__call *c, const reel__cuda_blas_product *of,
                                 cublasLtHandle_t blas) {
    pthread_mutex_lock(&plans.lock);
    const plan *p = find_plan(c, of, blas);
    pthread_mutex_unlock(&plans.lock);
    return p;
}

const char *reel__cuda_blas_send(const reel__cuda_library_call *call, cudaStream_t stream) {
    const plan *p = call->plan;
    const reel__cuda_device *d = reel__cuda_device_at(p->of.device); /* its handle */
    const float one32 = 1, beta32 = p->of.accumulate ? 1 : 0;
    const double one64 = 1, beta64 = p->of.accumulate ? 1 : 0;
    const bool f64 = p->of.dtype == REEL_F64;
    const cublasStatus_t status =
        cublasLtMatmul(d->blas, p->how, f64 ? (const void *)&one64 : &one32, call->y, p->a, call->x,
                       p->b, f64 ? (const void *)&beta64 : &beta32, call->z, p->z, call->z, p->z,
                       &p->algorithm, call->workspace, REEL__CUDA_WORKSPACE, stream);
    return status == CUBLAS_STATUS_SUCCESS ? NULL : cublasLtGetStatusString(status);
}
