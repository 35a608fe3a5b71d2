/* The kernels of a convolution turned round, as its gradient to x, a convolution of g, takes them.
 */
#include "cuda/kernels/kernels_conv_internal.h"
#include "cuda/kernels/vector_internal.cuh"

static __global__ void __launch_bounds__(THREADS)
    conv_turn(float *out, const float *w, int64_t n, int64_t small, int64_t big, int64_t taps) {
    begin();
    EACH(int64_t, i, n) {
        const int64_t tap = i % taps, o = i / taps % small, c = i / taps / small % big,
                      group = i / taps / small / big;
        out[i] = w[((group * small + o) * big + c) * taps + taps - 1 - tap];
    }
}

cudaError_t reel__cuda_launch_conv_turn(float *out, const float *w, const reel__cuda_conv_shape *v,
                                        reel__cuda_queue *queue) {
    const int64_t taps = v->kernel[0] * v->kernel[1] * v->kernel[2],
                  n = v->groups * v->small_channels * v->big_channels * taps;
    return launch(conv_turn, grid(n), THREADS, queue, out, w, n, v->small_channels, v->big_channels,
                  taps);
}
