/* arange and linspace, compiled without fused multiply-adds: the CPU's bits. */
#include "cuda/kernels/vector_internal.cuh"

#include <stdint.h>

template <class T>
static __global__ void __launch_bounds__(THREADS) ramp(const __grid_constant__ reel__cuda_ramp r) {
    begin();
    EACH(int64_t, i, r.n) {
        const double up = r.first + (double)i * r.step,
                     down = r.last - (double)(r.n - 1 - i) * r.step, y = i < r.half ? up : down;
        if constexpr (sizeof(T) == 1)
            ((T *)r.out)[i] = (T)(int64_t)y; /* wraps around */
        else
            ((T *)r.out)[i] = (T)y;
    }
}

cudaError_t reel__cuda_launch_ramp(const reel__cuda_ramp *r, reel_dtype dtype,
                                   reel__cuda_queue *queue) {
    if (dtype == REEL_F32) return launch(ramp<float>, grid(r->n), THREADS, queue, *r);
    if (dtype == REEL_F64) return launch(ramp<double>, grid(r->n), THREADS, queue, *r);
    if (dtype == REEL_I64) return launch(ramp<int64_t>, grid(r->n), THREADS, queue, *r);
    return launch(ramp<uint8_t>, grid(r->n), THREADS, queue, *r);
}
