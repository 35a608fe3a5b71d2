/* The C side of products: which way they go. */
#ifndef REEL_CUDA_KERNELS_CUDA_MATMUL_INTERNAL_H
#define REEL_CUDA_KERNELS_CUDA_MATMUL_INTERNAL_H

#include "cuda/kernels/cuda_blas_internal.h"

/* By which of its tilings a kernel does it, and into how many parts k is cut: gemm.cu small ones,
 * gemm_split.cu large ones. */
typedef struct {
    enum { REEL__BY_BLAS, REEL__BY_SMALL_TILES, REEL__BY_SPLIT } by;
    int tiling, parts;
} reel__matmul_way;

reel__matmul_way reel__cuda_matmul_way(const reel__cuda_device *d,
                                       const reel__cuda_blas_product *of);

#endif
