/* How kernels come into the queue. */
#ifndef REEL_CUDA_KERNELS_LAUNCH_INTERNAL_CUH
#define REEL_CUDA_KERNELS_LAUNCH_INTERNAL_CUH

#include "cuda/kernels/kernels_internal.h"
#include "cuda/kernels/threads_internal.cuh"

#include <stdint.h>

#define MOST_BLOCKS INT32_MAX /* of a launch */

template <class... P>
static cudaError_t launch_list(reel__cuda_queue *queue, const void *kernel, int64_t blocks,
                               dim3 threads, unsigned cluster, unsigned shared,
                               const P &...arguments) {
    if (blocks > MOST_BLOCKS) return cudaErrorInvalidConfiguration;
    const reel__cuda_launch l = {kernel, (unsigned)blocks, threads.x,       threads.y,     cluster,
                                 shared, sizeof...(P),     {&arguments...}, {sizeof(P)...}};
    return reel__cuda_enqueue(queue, &l);
}

/* Enqueues a kernel; `cluster` blocks share their memory, of which each has `shared` bytes. */
template <class... P, class... A>
static cudaError_t launch_cluster(void (*kernel)(P...), int64_t blocks, dim3 threads,
                                  unsigned cluster, unsigned shared, reel__cuda_queue *queue,
                                  A... arguments) {
    static_assert(sizeof...(P) <= REEL__CUDA_ARGUMENTS, "too many arguments");
    return launch_list(queue, (const void *)kernel, blocks, threads, cluster, shared,
                       P(arguments)...);
}

template <class... P, class... A>
static cudaError_t launch(void (*kernel)(P...), int64_t blocks, dim3 threads,
                          reel__cuda_queue *queue, A... arguments) {
    return launch_cluster(kernel, blocks, threads, 1, 0, queue, arguments...);
}

/* Before a launch of blocks that have more shared memory than 48 KB. */
template <class... P> static cudaError_t allow_shared(void (*kernel)(P...), unsigned bytes) {
    return cudaFuncSetAttribute((const void *)kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                (int)bytes);
}

static inline int64_t blocks_for(int64_t n, int64_t each) {
    return (n + each - 1) / each;
}

/* Of n things that take `blocks` each, as many a time as one launch can have: launch_piece(first,
 * count). */
template <class F> static cudaError_t launch_pieces(int64_t n, int64_t blocks, F launch_piece) {
    const int64_t most = MOST_BLOCKS / blocks;
    if (most == 0) return cudaErrorInvalidConfiguration;
    for (int64_t first = 0; first < n; first += most) {
        const cudaError_t e = launch_piece(first, n - first < most ? n - first : most);
        if (e != cudaSuccess) return e;
    }
    return cudaSuccess;
}

#endif
