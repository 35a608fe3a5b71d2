/* Attention forward: a block takes a tile of queries through all keys, and keeps its rows of the
 * result in registers.
 *
 * Source: Dao et al., "FlashAttention" (2022), and Dao, "FlashAttention-2" (2023), whose loop over
 * keys lies inside. */
#include "cuda/kernels/attention_tiles_internal.cuh"

/* Over the threads of a row, in each of them. */
template <class C>
static __device__ __forceinline__ typename C::T greatest_of_row(typename C::T x) {
#pragma unroll
    for (int d = C::COLS / 2; d > 0; d /= 2) {
        const typename C::T other = __shfl_xor_sync(0xffffffffu, x, d * C::NEXT);
        x = other > x ? other : x;
    }
    return x;
}
template <class C> static __device__ __forceinline__ typename C::T sum_of_row(typename C::T x) {
#pragma unroll
    for (int d = C::COLS / 2; d > 0; d /= 2) x += __shfl_xor_sync(0xffffffffu, x, d * C::NEXT);
    return x;
}

/* Of each of a thread's queries: the greatest score so far, the thread's share of the sum of
 * e^(score - greatest), and the result before it is divided by the sum. */
template <class C> struct rows_so_far { typename C::T most[C::TM], sum[C::TM], z[C::TM][C::DN]; };

/* s becomes e^(s - greatest); what was summed before is faded. */
template <class C>
static __device__ __forceinline__ void soften(rows_so_far<C> &o, typename C::T s[C::TM][C::TN]) {
    using T = typename C::T;
#pragma unroll
    for (int i = 0; i < C::TM; i++) {
        T most = s[i][0];
#pragma unroll
        for (int j = 1; j < C::TN; j++) most = s[i][j] > most ? s[i][j] : most;
        most = greatest_of_row<C>(most);
        most = most > o.most[i] ? most : o.most[i];
        const T shift = most == -(T)INFINITY ? 0 : most, fade = power(o.most[i] - shift);
        T sum = 0;
#pragma unroll
        for (int j = 0; j < C::TN; j++) sum += s[i][j] = power(s[i][j] - shift);
        o.most[i] = most;
        o.sum[i] = o.sum[i] * fade + sum;
#pragma unroll
        for (int e = 0; e < C::DN; e++) o.z[i][e] *= fade;
    }
}

/* ---- a tile of keys ---- */

template <class C> struct tiles { typename C::T *q, *k, *v, *scores; };

/* Up to this width tiles come while others are computed with, and scores have a tile of their own;
 * wider ones leave no memory for it. */
template <class C> static constexpr bool AHEAD = C::D <= 64;

template <class C> static __device__ __forceinline__ tiles<C> divide_shared(void *memory) {
    typename C::T *q = (typename C::T *)memory, *k = q + C::TILE,
                  *v = k + (C::TILE > C::SCORES ? C::TILE : C::SCORES);
    return {q, k, v, AHEAD<C> ? v + C::TILE : k};
}

template <class C>
static __device__ __forceinline__ void send_queries(const reel__cuda_attention_work &w,
                                                    const place &p, const tiles<C> &t, int from) {
    send_tile<C>(t.q, row_of<typename C::T>(w.q, p.b, p.h, p.query), w.q.row, w.queries - p.query,
                 from, (int)w.width, w.units);
}
template <class C>
static __device__ __forceinline__ void send_keys(const reel__cuda_attention_work &w, const place &p,
                                                 const tiles<C> &t, int from) {
    send_tile<C>(t.k, row_of<typename C::T>(w.k, p.b, p.group, p.key), w.k.row, w.keys - p.key,
                 from, (int)w.width, w.units);
}
template <class C>
static __device__ __forceinline__ void send_values(const reel__cuda_attention_work &w,
                                                   const place &p, const tiles<C> &t, int from) {
    send_tile<C>(t.v, row_of<typename C::T>(w.v, p.b, p.group, p.key), w.v.row, w.keys - p.key,
                 from, (int)w.value_width, w.units);
}

/* Products become weights, and their tile. */
template <class C, bool DROPS>
static __device__ __forceinline__ void
put_weights(const reel__cuda_attention_work &w, const place &p, const tiles<C> &t,
            rows_so_far<C> &o, typename C::T s[C::TM][C::TN], int r, int c) {
    make_scores<C>(w, p, s, r, c);
    soften<C>(o, s);
    if (DROPS) drop<C, false>(w, p, s, r, c);
    put_scores<C>(t.scores, s, r, c);
}

/* All that a block does with the keys from p.key on. Values come during the keys' product, the next
 * keys during the values'. */
template <class C, bool DROPS>
static __device__ __forceinline__ void take_keys_ahead(const reel__cuda_attention_work &w, place &p,
                                                       int64_t end, const tiles<C> &t,
                                                       rows_so_far<C> &o, int r, int c) {
    typename C::T s[C::TM][C::TN] = {};
    have_come();
    __syncthreads();
    send_values<C>(w, p, t, 0);
    add_dots<C>(s, t.q, t.k, r, c);
    put_weights<C, DROPS>(w, p, t, o, s, r, c);
    have_come();
    __syncthreads();
    p.key += C::BN;
    if (p.key < end) send_keys<C>(w, p, t, 0);
    add_values<C>(o.z, t.scores, t.v, r, c);
}

/* The same, of any width, and of the values' columns from `from` on. */
template <class C, bool DROPS>
static __device__ __forceinline__ void take_keys(const reel__cuda_attention_work &w, place &p,
                                                 int from, const tiles<C> &t, rows_so_far<C> &o,
                                                 int r, int c) {
    typename C::T s[C::TM][C::TN] = {};
    const bool several = w.width > C::D;
    for (int e = 0; e < (int)w.width; e += C::D) {
        if (several || p.key == 0) send_queries<C>(w, p, t, e);
        send_keys<C>(w, p, t, e);
        if (e == 0) send_values<C>(w, p, t, from);
        have_come();
        __syncthreads();
        add_dots<C>(s, t.q, t.k, r, c);
        __syncthreads();
    }
    put_weights<C, DROPS>(w, p, t, o, s, r, c);
    __syncwarp(); /* a row's scores are its own threads' */
    add_values<C>(o.z, t.scores, t.v, r, c);
    __syncthreads();
    p.key += C::BN;
}

template <class C, int RESIDENT, bool DROPS>
static __global__ void __launch_bounds__(C::WIDE, RESIDENT)
    attend(const __grid_constant__ reel__cuda_attention_work w, int64_t first, int chunks) {
    using T = typename C::T;
    extern __shared__ float4 aligned[];
    begin();
    const tiles<C> t = divide_shared<C>(aligned);
    /* those with the most keys come first, if it is causal */
    const int64_t at = first + blockIdx.x, heads = w.batch * w.heads,
                  tiles = (w.queries + C::BM - 1) / C::BM, tile = tiles - 1 - at / (heads * chunks);
    const int from = (int)(at % chunks) * C::D, r = C::row_of_thread(threadIdx.x),
              c = C::column_of_thread(threadIdx.x);
    place p = place_of(w, at / chunks % heads);
    p.query = tile * C::BM;
    const int64_t end = w.causal && p.query + C::BM < w.keys ? p.query + C::BM : w.keys;
    rows_so_far<C> o;
#pragma unroll
    for (int i = 0; i < C::TM; i++) {
        o.most[i] = -(T)INFINITY;
        o.sum[i] = 0;
#pragma unroll
        for (int e = 0; e < C::DN; e++) o.z[i][e] = 0;
    }
    if (AHEAD<C>) {
        send_queries<C>(w, p, t, 0);
        send_keys<C>(w, p, t, 0);
        while (p.key < end) take_keys_ahead<C, DROPS>(w, p, end, t, o, r, c);
    } else {
        while (p.key < end) take_keys<C, DROPS>(w, p, from, t, o, r, c);
    }
    T factor[C::TM];
#pragma unroll
    for (int i = 0; i < C::TM; i++) {
        const T sum = sum_of_row<C>(o.sum[i]);
        const int64_t query = p.query + r + i * C::ROWS;
        factor[i] = sum == 0 ? 0 : (T)w.kept / sum;
        if (from == 0 && c == 0 && query < w.queries)
            ((T *)w.lse)[(p.b * w.heads + p.h) * w.queries + query] =
                sum == 0 ? (T)INFINITY : o.most[i] + formula<T>::log(sum);
    }
    store_rows<C, false>(row_of<T>(w.y, p.b, p.h, p.query), w.y.row, w.queries - p.query, from,
                         (int)w.value_width, w.units, o.z, factor, r, c);
}

template <class C, int RESIDENT, bool DROPS>
static cudaError_t launch_attend(const reel__cuda_attention_work *w, reel__cuda_queue *queue) {
    const unsigned shared =
        (2 * C::TILE + (C::TILE > C::SCORES ? C::TILE : C::SCORES) + (AHEAD<C> ? C::SCORES : 0)) *
        sizeof(typename C::T);
    const cudaError_t e = allow_shared(attend<C, RESIDENT, DROPS>, shared);
    if (e != cudaSuccess) return e;
    const int chunks = (int)blocks_for(w->value_width, C::D);
    return launch_pieces(w->batch * w->heads * blocks_for(w->queries, C::BM) * chunks, 1,
                         [&](int64_t first, int64_t count) {
                             return launch_cluster(attend<C, RESIDENT, DROPS>, count, C::WIDE, 1,
                                                   shared, queue, *w, first, chunks);
                         });
}

/* RESIDENT: blocks that a processor has memory and registers for. */
template <class C, int RESIDENT>
static cudaError_t launch_as(const reel__cuda_attention_work *w, reel__cuda_queue *queue) {
    return w->drops ? launch_attend<C, RESIDENT, true>(w, queue)
                    : launch_attend<C, RESIDENT, false>(w, queue);
}

cudaError_t reel__cuda_launch_attention(const reel__cuda_attention_work *w, reel_dtype dtype,
                                        reel__cuda_queue *queue) {
    const int64_t widest = w->width > w->value_width ? w->width : w->value_width;
    if (dtype == REEL_F32)
        return widest <= 32   ? launch_as<tiling<float, 64, 32, 8, 4>, 3>(w, queue)
               : widest <= 64 ? launch_as<tiling<float, 64, 64, 8, 4>, 3>(w, queue)
                              : launch_as<tiling<float, 64, 128, 4, 4>, 2>(w, queue);
    return widest <= 64 ? launch_as<tiling<double, 32, 64, 4, 2>, 2>(w, queue)
                        : launch_as<tiling<double, 32, 128, 4, 2>, 2>(w, queue);
}

/* ---- what is dropped ---- */

template <class T>
static __global__ void __launch_bounds__(THREADS)
    draw_kept(T *out, int64_t rows, int64_t keys, const int64_t *seed, int64_t seed_step,
              uint32_t threshold, double kept) {
    begin();
    const int64_t blocks = (keys + 3) / 4;
    const uint32_t key[2] = {(uint32_t)seed[0], (uint32_t)seed[seed_step]};
    EACH(int64_t, n, rows * blocks) {
        const int64_t row = n / blocks, block = n % blocks;
        uint32_t word[4];
        reel__attention_words(key, (uint64_t)row, (uint64_t)block, word);
#pragma unroll
        for (int k = 0; k < 4; k++)
            if (4 * block + k < keys)
                out[row * keys + 4 * block + k] = word[k] < threshold ? (T)0 : (T)kept;
    }
}

cudaError_t reel__cuda_launch_attention_kept(void *out, int64_t rows, int64_t keys,
                                             const int64_t *seed, int64_t seed_step,
                                             uint32_t threshold, double kept, reel_dtype dtype,
                                             reel__cuda_queue *queue) {
    const int64_t blocks = grid(rows * ((keys + 3) / 4));
    if (dtype == REEL_F32)
        return launch(draw_kept<float>, blocks, THREADS, queue, (float *)out, rows, keys, seed,
                      seed_step, threshold, kept);
    return launch(draw_kept<double>, blocks, THREADS, queue, (double *)out, rows, keys, seed,
                  seed_step, threshold, kept);
}
