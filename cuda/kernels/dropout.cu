/* dropout: a thread takes every so many-th block of four words, and with it four elements. */
#include "cuda/kernels/draw_internal.cuh"

template <class T> struct drop_work {
    T *y;
    const T *x;
    int64_t n;
    unsigned least;
    T scale;
    bool whole; /* units of both are aligned */
};

template <class T>
static __device__ __forceinline__ void drop_block(const drop_work<T> &d, int64_t b, uint4 w) {
    const unsigned word[4] = {w.x, w.y, w.z, w.w};
    if (d.whole && (b + 1) * 4 <= d.n) {
        unit<T, 4> v = ((const unit<T, 4> *)d.x)[b];
#pragma unroll
        for (int k = 0; k < 4; k++) v.v[k] = word[k] < d.least ? (T)0 : d.scale * v.v[k];
        ((unit<T, 4> *)d.y)[b] = v;
        return;
    }
    for (int k = 0; k < 4 && b * 4 + k < d.n; k++)
        d.y[b * 4 + k] = word[k] < d.least ? (T)0 : d.scale * d.x[b * 4 + k];
}

template <class T>
static __global__ void __launch_bounds__(THREADS)
    drop(const drop_work<T> d, int64_t *state, int64_t *used, unsigned *ticket) {
    begin();
    const int64_t blocks = (d.n + 3) / 4;
    const uint64_t seed = state[0];
    const stream s = open_stream(state, blocks, ticket);
    if (blockIdx.x == 0 && threadIdx.x == 0) {
        used[0] = (int64_t)seed;
        used[1] = (int64_t)s.offset;
    }
    EACH(int64_t, b, blocks) drop_block(d, b, s.block(b));
}

template <class T>
static __global__ void __launch_bounds__(THREADS)
    drop_again(const drop_work<T> d, const int64_t *used) {
    begin();
    const uint64_t seed = used[0];
    const stream s = {(uint64_t)used[1], {(unsigned)seed, (unsigned)(seed >> 32)}};
    EACH(int64_t, b, (d.n + 3) / 4) drop_block(d, b, s.block(b));
}

template <class T>
static cudaError_t launch_drop(void *y, const void *x, int64_t n, unsigned least, double scale,
                               int64_t *state, int64_t *used, unsigned *ticket,
                               reel__cuda_queue *queue) {
    const bool whole = ((uintptr_t)y | (uintptr_t)x) % (4 * sizeof(T)) == 0;
    const drop_work<T> d = {(T *)y, (const T *)x, n, least, (T)scale, whole};
    const int64_t blocks = drawing(blocks_for(n, 4));
    if (state) return launch(drop<T>, blocks, THREADS, queue, d, state, used, ticket);
    return launch(drop_again<T>, blocks, THREADS, queue, d, (const int64_t *)used);
}

cudaError_t reel__cuda_launch_dropout(void *y, const void *x, int64_t n, reel_dtype dtype,
                                      unsigned least, double scale, int64_t *state, int64_t *used,
                                      unsigned *ticket, reel__cuda_queue *queue) {
    if (dtype == REEL_F32)
        return launch_drop<float>(y, x, n, least, scale, state, used, ticket, queue);
    return launch_drop<double>(y, x, n, least, scale, state, used, ticket, queue);
}
