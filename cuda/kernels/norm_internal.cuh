/* What normalization's kernels share: where elements lie, and sums in all threads. */
#ifndef REEL_CUDA_KERNELS_NORM_INTERNAL_CUH
#define REEL_CUDA_KERNELS_NORM_INTERNAL_CUH

#include "cuda/kernels/kernels_norm_internal.h"
#include "cuda/kernels/vector_internal.cuh"

#include <stdint.h>

#define ROW_THREADS 128  /* four rows of a warp each */
#define LONG_THREADS 512 /* one row, or part of a set */
#define SHORT_ROW 1024   /* elements that a warp has registers for */
#define PART 8192        /* elements of a part, at least */
#define MOST_PARTS 256

typedef reel__cuda_norm_work norm_work;

static __device__ __forceinline__ float inverse_root(float x) {
    return 1 / sqrtf(x);
}
static __device__ __forceinline__ double inverse_root(double x) {
    return 1 / sqrt(x);
}

/* Division of 64-bit numbers by 32-bit ones where these are enough. */
static __device__ __forceinline__ int64_t over(int64_t n, int64_t d) {
    return ((n | d) >> 32) == 0 ? (int64_t)((uint32_t)n / (uint32_t)d) : n / d;
}

/* In every lane. */
template <class A> static __device__ __forceinline__ A sum_warp(A a) {
    for (int d = 16; d > 0; d /= 2) a += __shfl_xor_sync(0xffffffffu, a, d);
    return a;
}

/* In every thread of a block of SIZE; `all` is theirs alone until the next barrier but one. */
template <int SIZE, class A> static __device__ __forceinline__ A sum_block(A a, A *all) {
    a = sum_warp(a);
    __syncthreads();
    if (threadIdx.x % 32 == 0) all[threadIdx.x / 32] = a;
    __syncthreads();
    A sum = 0;
#pragma unroll
    for (int i = 0; i < SIZE / 32; i++) sum += all[i];
    return sum;
}

static __host__ __device__ __forceinline__ int64_t statistics_of(const norm_work &n) {
    return n.across ? n.channels : n.outer * n.groups;
}
/* Elements of a statistic. */
static __host__ __device__ __forceinline__ int64_t count_of(const norm_work &n) {
    return n.inner * (n.across ? n.outer : n.channels);
}

/* Where element e of channel c lies. */
static __device__ __forceinline__ int64_t across_at(const norm_work &n, int64_t c, int64_t e) {
    const int64_t o = over(e, n.inner);
    return (o * n.channels + c) * n.inner + (e - o * n.inner);
}

/* A run of a channel's elements: its number, its channel, its statistic. */
typedef struct {
    int64_t channel, statistic;
} place;
static __device__ __forceinline__ place place_of(const norm_work &n, int64_t run) {
    place p;
    p.channel = run - over(run, n.groups * n.channels) * (n.groups * n.channels);
    p.statistic = n.across ? p.channel : over(run, n.channels);
    return p;
}

static inline int64_t elements_of(const norm_work &n) {
    return n.outer * n.groups * n.channels * n.inner;
}

/* As many as keep the GPU busy, of `count` elements each of `sets`. */
static inline int64_t parts_for(int64_t sets, int64_t count) {
    const int64_t worth = count / PART, wanted = (4 * ENOUGH + sets - 1) / sets;
    const int64_t parts = worth < wanted ? worth : wanted;
    return parts < 1 ? 1 : parts < MOST_PARTS ? parts : MOST_PARTS;
}

static inline int64_t rows_grid(int64_t rows, int64_t each) {
    const int64_t blocks = blocks_for(rows, each);
    return blocks < 1 << 20 ? blocks : 1 << 20;
}

/* Units of four along a run, where its length and all pointers allow. */
template <class T> static inline bool in_units(const norm_work &n) {
    const uintptr_t all = (uintptr_t)n.y | (uintptr_t)n.x | (uintptr_t)n.g;
    return n.inner % 4 == 0 && all % 16 == 0;
}

#endif
