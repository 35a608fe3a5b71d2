/* A convolution as cuDNN is told of it. It is compared as bytes: a new one is zeroed. */
#ifndef REEL_CUDA_KERNELS_CUDA_CONV_INTERNAL_H
#define REEL_CUDA_KERNELS_CUDA_CONV_INTERNAL_H

#include "cuda/conv_way_internal.h"
#include "cuda/cuda_internal.h"

typedef enum { REEL__CONV_FORWARD, REEL__CONV_INPUT_GRAD, REEL__CONV_WEIGHT_GRAD } reel__conv_kind;

typedef struct {
    int32_t device, kind;
    int32_t precision, padding_; /* reel_matmul_precision */
    reel__cuda_conv_shape of;    /* as long at each end as before[] says */
} reel__cuda_cudnn_conv;

/* How cuDNN does it, a call's plan, and the workspace that such a call needs; found when it is
 * first asked for, and kept. NULL if it does not: there is none, or it knows no way whose bits are
 * always the same. No failure is kept. */
const void *reel__cuda_cudnn_plan(const reel__cuda_cudnn_conv *of, size_t *workspace);
/* x and y are what the kind reads, in the order of its op. */
const char *reel__cuda_cudnn_send(const reel__cuda_library_call *call, cudaStream_t stream);

#endif
