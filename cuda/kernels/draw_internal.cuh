/* Words of a generator, in blocks of four: cuRAND's Philox4x32-10. What becomes of them is the
 * CPU's code, compiled without fused multiply-adds, so that both devices draw the same bits. */
#ifndef REEL_CUDA_KERNELS_DRAW_INTERNAL_CUH
#define REEL_CUDA_KERNELS_DRAW_INTERNAL_CUH

#include "cuda/kernels/formula_internal.cuh"
#include "cuda/kernels/kernels_random_internal.h"
#include "cuda/kernels/vector_internal.cuh"

#include <curand_kernel.h>

#include "tensor/formulas/philox_internal.h"

struct stream {
    uint64_t offset;
    uint2 key;

    __device__ __forceinline__ uint4 block(uint64_t number) const {
        const uint64_t at = offset + number;
        const uint4 counter = {(unsigned)at, (unsigned)(at >> 32), 0, 0};
        return curand_Philox4x32_10(counter, key);
    }
};

/* For all threads of all blocks, once. The last block of threads to have read the generator's state
 * moves it on by so many blocks of words. */
static __device__ __forceinline__ stream open_stream(int64_t *state, int64_t blocks,
                                                     unsigned *ticket) {
    const uint64_t seed = state[0], offset = state[1];
    __syncthreads(); /* all of this block have read the state */
    if (threadIdx.x == 0 && comes_last(ticket, gridDim.x)) state[1] = (int64_t)(offset + blocks);
    return {offset, {(unsigned)seed, (unsigned)(seed >> 32)}};
}

/* Threads for so many blocks of words: several blocks a thread where there are many. */
static inline int64_t drawing(int64_t blocks) {
    const int64_t all = blocks_for(blocks, THREADS);
    return all < 1 << 16 ? all : 1 << 16;
}

#endif
