/* cuRAND's Philox by its device functions, a thread a block of four words. */
#include "tests/curand_reference.h"

#include <cuda_runtime.h>
#include <curand_kernel.h>

__global__ static void draw(unsigned long long seed, unsigned long long block, int64_t n,
                            uint4 *words, float4 *uniform) {
    const int64_t i = (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= n) return;
    curandStatePhilox4_32_10_t state;
    const unsigned long long first = 4 * (block + (unsigned long long)i); /* counted in words */
    curand_init(seed, 0, first, &state);
    words[i] = curand4(&state);
    curand_init(seed, 0, first, &state);
    uniform[i] = curand_uniform4(&state);
}

extern "C" bool curand_is_here(void) {
    return true;
}

extern "C" bool curand_reference(uint64_t seed, uint64_t block, int64_t n, uint32_t *words,
                                 float *uniform) {
    const int threads = 128;
    const size_t bytes = (size_t)n * sizeof(uint4);
    uint4 *w = NULL;
    float4 *u = NULL;
    bool good = cudaMalloc((void **)&w, bytes) == cudaSuccess &&
                cudaMalloc((void **)&u, bytes) == cudaSuccess;
    if (good) draw<<<(unsigned)((n + threads - 1) / threads), threads>>>(seed, block, n, w, u);
    good = good && cudaGetLastError() == cudaSuccess &&
           cudaMemcpy(words, w, bytes, cudaMemcpyDeviceToHost) == cudaSuccess &&
           cudaMemcpy(uniform, u, bytes, cudaMemcpyDeviceToHost) == cudaSuccess;
    cudaFree(w);
    cudaFree(u);
    return good;
}
