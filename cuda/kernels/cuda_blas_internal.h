/* A product as cuBLASLt is told of it. It is compared as bytes: a new one is zeroed. */
#ifndef REEL_CUDA_KERNELS_CUDA_BLAS_INTERNAL_H
#define REEL_CUDA_KERNELS_CUDA_BLAS_INTERNAL_H

#include "cuda/cuda_internal.h"

/* Row-major z[M,N] = x[M,K] y[K,N] is, column by column, z^T = y^T x^T: so A is y, and B is x. */
typedef struct {
    int32_t device, dtype, precision, accumulate;
    int32_t transpose_a, transpose_b, alignment_a, alignment_b, alignment_z;
    int32_t count;             /* of a batch, whose matrices are so many elements apart */
    int64_t m, n, k, lda, ldb; /* of cuBLAS: m is N, n is M */
    int64_t step_a, step_b, step_z;
} reel__cuda_blas_product;

/* How cuBLAS does it: a call's plan; found when it is first asked for, and kept. NULL,
 * and a failure kept, if it can't be done. */
const void *reel__cuda_blas_plan(const reel__call *c, const reel__cuda_blas_product *of,
                                 cublasLtHandle_t blas);
/* z = x y; the workspace is the device's. */
const char *reel__cuda_blas_send(const reel__cuda_library_call *call, cudaStream_t stream);

#endif
