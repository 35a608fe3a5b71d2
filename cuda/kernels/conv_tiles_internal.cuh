/* What the kernels of convolutions that go by tiles share: a block's two buffers in shared memory,
 * steps of depth in one of which are added up while the next one comes into the other. */
#ifndef REEL_CUDA_KERNELS_CONV_TILES_INTERNAL_CUH
#define REEL_CUDA_KERNELS_CONV_TILES_INTERNAL_CUH

#include "cuda/kernels/conv_internal.cuh"

/* Two of each, [depth][row] and [depth][column]. */
template <class T, class TILE> struct buffers {
    alignas(16) T a[2][TILE::BK][TILE::LA];
    alignas(16) T b[2][TILE::BK][TILE::LB];
};

/* sum += a b of a step, of the thread's rows and columns: those from `row` and `column` on. */
template <class T, class TILE>
static __device__ __forceinline__ void
add_step(T sum[TILE::TM][TILE::TN], const buffers<T, TILE> &from, int which, int row, int column) {
#pragma unroll
    for (int k = 0; k < TILE::BK; k++) {
        const unit<T, TILE::TM> a = *(const unit<T, TILE::TM> *)&from.a[which][k][row];
        T b[TILE::TN];
#pragma unroll
        for (int n = 0; n < TILE::TN; n += TILE::RUN) {
            const unit<T, TILE::RUN> u = *(const unit<T, TILE::RUN> *)&from
                                              .b[which][k][column + n / TILE::RUN * TILE::APART];
#pragma unroll
            for (int i = 0; i < TILE::RUN; i++) b[n + i] = u.v[i];
        }
#pragma unroll
        for (int m = 0; m < TILE::TM; m++)
#pragma unroll
            for (int n = 0; n < TILE::TN; n++) sum[m][n] += a.v[m] * b[n];
    }
}

#endif
