/* Windows (window.cu): launchers, of which kernels_internal.h says what they do. */
#ifndef REEL_CUDA_KERNELS_KERNELS_WINDOW_INTERNAL_H
#define REEL_CUDA_KERNELS_KERNELS_WINDOW_INTERNAL_H

#include "cuda/kernels/kernels_internal.h"

#ifdef __cplusplus
extern "C" {
#endif

/* x[outer, A, B, C] and y[outer, A', B', C'], contiguous; axis[i].in and .out are their lengths. */
typedef struct {
    const void *x; /* going back: of y's lengths */
    void *y;       /* of x's */
    int64_t *index;
    int64_t outer;
    reel__span axis[3];
    double value, times;
} reel__cuda_windows;
cudaError_t reel__cuda_launch_resample(const reel__cuda_windows *w, bool back, reel_dtype dtype,
                                       reel__cuda_queue *queue);
/* With the places in index; back: from them. */
cudaError_t reel__cuda_launch_max_pool(const reel__cuda_windows *w, bool back, reel_dtype dtype,
                                       reel__cuda_queue *queue);
/* x[N,C,A,B] to its columns, of elements of so many bytes, and back; outer is N C, axis[0] A. */
cudaError_t reel__cuda_launch_unfold(const reel__cuda_windows *w, int size,
                                     reel__cuda_queue *queue);
cudaError_t reel__cuda_launch_fold(const reel__cuda_windows *w, reel_dtype dtype,
                                   reel__cuda_queue *queue);

#ifdef __cplusplus
}
#endif
#endif
