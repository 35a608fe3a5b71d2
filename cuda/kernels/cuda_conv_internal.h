/* The C side of convolutions: which way they go, and how cuDNN does them. */
#ifndef REEL_CUDA_KERNELS_CUDA_CONV_INTERNAL_H
#define REEL_CUDA_KERNELS_CUDA_CONV_INTERNAL_H

#include "cuda/conv_way_internal.h"
#include "cuda/cuda_internal.h"
#include "cuda/kernels/kernels_conv_internal.h"

typedef enum { REEL__CONV_FORWARD, REEL__CONV_INPUT_GRAD, REEL__CONV_WEIGHT_GRAD } reel__conv_kind;

/* ---- ways (cuda_conv_way.c) ---- */

reel__conv_way reel__cuda_conv_asked(void);
/* TILES, DIRECT or PLAIN. */
reel__conv_way reel__cuda_conv_own_way(reel__conv_kind kind, const reel__cuda_conv_shape *v);
/* Whether cuDNN is faster at a gradient to x as a convolution of g by the kernels turned round. */
bool reel__cuda_conv_is_better_turned(const reel__cuda_conv_shape *v);
/* Whether Fourier's transform may be any good: its memory is then worth having. */
bool reel__cuda_conv_is_for_fourier(const reel__cuda_conv_shape *v);
/* Whether cuDNN is to be asked for a plan, in f32. */
bool reel__cuda_conv_suits_cudnn(reel__conv_kind kind, const reel__cuda_conv_shape *v);

/* ---- cuDNN (cuda_cudnn_conv.c, or cuda_cudnn_none.c) ---- */

/* What it is told of; compared as bytes: a new one is zeroed. */
typedef struct {
    int32_t device, kind;
    int32_t precision, padding_; /* reel_matmul_precision */
    reel__cuda_conv_shape of;    /* as long at each end as before[] says */
} reel__cuda_cudnn_conv;

/* How cuDNN does it; found when it is first asked for, and kept. plan NULL: it does not, there is
 * none, or it knows no way whose bits are always the same. No failure is kept. */
typedef struct {
    const void *plan; /* of a call */
    size_t workspace; /* bytes that a call needs */
} reel__cuda_cudnn_plan;
reel__cuda_cudnn_plan reel__cuda_cudnn_plan_of(const reel__cuda_cudnn_conv *of);
/* x and y are what the kind reads, in the order of its op. */
const char *reel__cuda_cudnn_send(const reel__cuda_library_call *call, cudaStream_t stream);
/* The same, but that a weight's gradient is added to what is there. */
const char *reel__cuda_cudnn_send_more(const reel__cuda_library_call *call, cudaStream_t stream);

#endif
