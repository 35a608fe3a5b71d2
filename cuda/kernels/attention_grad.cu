/* Attention backward: the tiles of scores are made anew, once by blocks that have a tile of queries
 * and sum up dq, and once by blocks that have a tile of keys and sum up dk and dv; so nothing is
 * added by two blocks to one place, and the order of sums is the tiles'.
 *
 * Source: Dao et al., "FlashAttention" (2022), algorithm 4. */
#include "cuda/kernels/attention_tiles_internal.cuh"

/* delta[row] = the sum of g y over a value: a warp a row. */
template <class T>
static __global__ void __launch_bounds__(THREADS)
    add_up_delta(const __grid_constant__ reel__cuda_attention_work w, int64_t rows) {
    begin();
    const int lane = threadIdx.x % 32;
    for (int64_t n = blockIdx.x * (int64_t)(THREADS / 32) + threadIdx.x / 32; n < rows;
         n += gridDim.x * (int64_t)(THREADS / 32)) {
        const place p = place_of(w, n / w.queries);
        const T *y = row_of<T>(w.y, p.b, p.h, n % w.queries),
                *g = row_of<T>(w.g, p.b, p.h, n % w.queries);
        T sum = 0;
        for (int64_t e = lane; e < w.value_width; e += 32) sum += y[e] * g[e];
        sum = add_lanes(sum, 32);
        if (lane == 0) ((T *)w.delta)[n] = sum;
    }
}

/* ---- a tile of scores ---- */

template <class C> struct tiles { typename C::T *q, *k, *v, *g, *p, *ds; };

/* Chunk e of the queries' operands, of the keys'. */
template <class C>
static __device__ __forceinline__ void load_queries(const reel__cuda_attention_work &w,
                                                    const place &p, const tiles<C> &t, int e) {
    using T = typename C::T;
    load_tile<C>(t.q, row_of<T>(w.q, p.b, p.h, p.query), w.q.row, w.queries - p.query, e,
                 (int)w.width, w.units);
    load_tile<C>(t.g, row_of<T>(w.g, p.b, p.h, p.query), w.g.row, w.queries - p.query, e,
                 (int)w.value_width, w.units);
}
template <class C>
static __device__ __forceinline__ void load_keys(const reel__cuda_attention_work &w, const place &p,
                                                 const tiles<C> &t, int e) {
    using T = typename C::T;
    load_tile<C>(t.k, row_of<T>(w.k, p.b, p.group, p.key), w.k.row, w.keys - p.key, e, (int)w.width,
                 w.units);
    load_tile<C>(t.v, row_of<T>(w.v, p.b, p.group, p.key), w.v.row, w.keys - p.key, e,
                 (int)w.value_width, w.units);
}

/* Products become weights, in s, and the gradients of products, in dp. */
template <class C, bool DROPS>
static __device__ __forceinline__ void bend(const reel__cuda_attention_work &w, const place &p,
                                            typename C::T s[C::TM][C::TN],
                                            typename C::T dp[C::TM][C::TN], int r, int c) {
    using T = typename C::T;
    const T scale = (T)w.scale, kept = (T)w.kept;
    make_scores<C>(w, p, s, r, c);
    if (DROPS) drop<C>(w, p, dp, r, c);
#pragma unroll
    for (int i = 0; i < C::TM; i++) {
        const int64_t query = p.query + r * C::TM + i,
                      row = (p.b * w.heads + p.h) * w.queries + query;
        const bool there = query < w.queries;
        const T lse = there ? ((const T *)w.lse)[row] : (T)INFINITY;
        const T delta = there ? ((const T *)w.delta)[row] : 0;
#pragma unroll
        for (int j = 0; j < C::TN; j++) {
            const T x = s[i][j] - lse, weight = power(x > 0 ? 0 : x);
            dp[i][j] = weight * scale * (dp[i][j] * kept - delta);
            s[i][j] = weight * kept;
        }
    }
    if (DROPS) drop<C>(w, p, s, r, c);
}

/* Of operands in shared memory, or, where there are several chunks, that come there; then `mine` is
 * there. */
template <class C, bool DROPS>
static __device__ __forceinline__ void
make_tile(const reel__cuda_attention_work &w, const place &p, const tiles<C> &t, int chunks,
          int mine, typename C::T s[C::TM][C::TN], typename C::T dp[C::TM][C::TN], int r, int c) {
    for (int e = 0; e < chunks; e++) {
        if (chunks > 1) {
            __syncthreads();
            load_queries<C>(w, p, t, e * C::D);
            load_keys<C>(w, p, t, e * C::D);
            __syncthreads();
        }
        add_dots<C>(s, t.q, t.k, r, c);
        add_dots<C>(dp, t.g, t.v, r, c);
    }
    bend<C, DROPS>(w, p, s, dp, r, c);
    if (chunks == 1 || mine == chunks - 1) return;
    __syncthreads();
    load_queries<C>(w, p, t, mine * C::D);
    load_keys<C>(w, p, t, mine * C::D);
    __syncthreads();
}

template <class C> static __device__ __forceinline__ tiles<C> divide_shared(void *memory) {
    typename C::T *at = (typename C::T *)memory;
    return {at,
            at + C::TILE,
            at + 2 * C::TILE,
            at + 3 * C::TILE,
            at + 4 * C::TILE,
            at + 4 * C::TILE + C::SCORES};
}

template <class C> static __device__ __forceinline__ void clear(typename C::T z[C::TM][C::DN]) {
#pragma unroll
    for (int i = 0; i < C::TM; i++)
#pragma unroll
        for (int e = 0; e < C::DN; e++) z[i][e] = 0;
}

template <class C>
static __device__ __forceinline__ void
store(const reel__cuda_attention_operand &to, int64_t b, int64_t h, int64_t row, int64_t rows,
      int from, int width, bool units, const typename C::T z[C::TM][C::DN], int r, int c) {
    typename C::T one[C::TM];
#pragma unroll
    for (int i = 0; i < C::TM; i++) one[i] = 1;
    store_rows<C>(row_of<typename C::T>(to, b, h, row), to.row, rows - row, from, width, units, z,
                  one, r, c);
}

/* ---- dq: a tile of queries through all keys ---- */

template <class C, int RESIDENT, bool DROPS>
static __global__ void __launch_bounds__(C::WIDE, RESIDENT)
    give_queries(const __grid_constant__ reel__cuda_attention_work w, int64_t first, int chunks) {
    using T = typename C::T;
    extern __shared__ float4 aligned[];
    begin();
    const tiles<C> t = divide_shared<C>(aligned); /* ds lies where p would */
    const int64_t at = first + blockIdx.x, heads = w.batch * w.heads,
                  tiles = (w.queries + C::BM - 1) / C::BM, tile = tiles - 1 - at / (heads * chunks);
    const int mine = (int)(at % chunks), r = threadIdx.x / C::COLS, c = threadIdx.x % C::COLS;
    place p = place_of(w, at / chunks % heads);
    p.query = tile * C::BM;
    const int64_t end = w.causal && p.query + C::BM < w.keys ? p.query + C::BM : w.keys;
    T dq[C::TM][C::DN];
    clear<C>(dq);
    if (chunks == 1) load_queries<C>(w, p, t, 0);
    for (; p.key < end; p.key += C::BN) {
        T s[C::TM][C::TN] = {}, dp[C::TM][C::TN] = {};
        if (chunks == 1) load_keys<C>(w, p, t, 0);
        __syncthreads();
        make_tile<C, DROPS>(w, p, t, chunks, mine, s, dp, r, c);
        put_scores<C>(t.p, dp, r, c);
        __syncwarp(); /* a row is its own threads' */
        add_values<C>(dq, t.p, t.k, r, c);
        __syncthreads();
    }
    store<C>(w.dq, p.b, p.h, p.query, w.queries, mine * C::D, (int)w.width, w.units_out, dq, r, c);
}

/* ---- dk, dv: a tile of keys through all queries of the heads that share it ---- */

template <class C, int RESIDENT, bool DROPS>
static __global__ void __launch_bounds__(C::WIDE, RESIDENT)
    give_keys(const __grid_constant__ reel__cuda_attention_work w, int64_t first, int chunks) {
    using T = typename C::T;
    extern __shared__ float4 aligned[];
    begin();
    const tiles<C> t = divide_shared<C>(aligned);
    const int64_t at = first + blockIdx.x, groups = w.batch * w.groups,
                  sharing = w.heads / w.groups, group = at / chunks % groups;
    const int mine = (int)(at % chunks), r = threadIdx.x / C::COLS, c = threadIdx.x % C::COLS;
    place p = {group / w.groups, 0, group % w.groups, 0, at / (groups * chunks) * C::BN};
    T dk[C::TM][C::DN], dv[C::TM][C::DN];
    clear<C>(dk);
    clear<C>(dv);
    if (chunks == 1) load_keys<C>(w, p, t, 0);
    for (p.h = p.group * sharing; p.h < (p.group + 1) * sharing; p.h++)
        for (p.query = w.causal ? p.key : 0; p.query < w.queries; p.query += C::BM) {
            T s[C::TM][C::TN] = {}, dp[C::TM][C::TN] = {};
            if (chunks == 1) load_queries<C>(w, p, t, 0);
            __syncthreads();
            make_tile<C, DROPS>(w, p, t, chunks, mine, s, dp, r, c);
            put_scores<C>(t.p, s, r, c);
            put_scores<C>(t.ds, dp, r, c);
            __syncthreads();
            add_turned<C>(dv, t.p, t.g, r, c);
            add_turned<C>(dk, t.ds, t.q, r, c);
            __syncthreads();
        }
    store<C>(w.dk, p.b, p.group, p.key, w.keys, mine * C::D, (int)w.width, w.units_out, dk, r, c);
    store<C>(w.dv, p.b, p.group, p.key, w.keys, mine * C::D, (int)w.value_width, w.units_out, dv, r,
             c);
}

/* ---- which one ---- */

template <class C, int RESIDENT, bool DROPS>
static cudaError_t launch_back(const reel__cuda_attention_work *w, int64_t widest,
                               reel__cuda_queue *queue) {
    const unsigned of_queries = (4 * C::TILE + C::SCORES) * sizeof(typename C::T),
                   of_keys = of_queries + C::SCORES * sizeof(typename C::T);
    const int chunks = (int)blocks_for(widest, C::D);
    cudaError_t e = allow_shared(give_queries<C, RESIDENT, DROPS>, of_queries);
    if (e == cudaSuccess) e = allow_shared(give_keys<C, RESIDENT, DROPS>, of_keys);
    if (e != cudaSuccess) return e;
    e = launch_pieces(w->batch * w->heads * blocks_for(w->queries, C::BM) * chunks, 1,
                      [&](int64_t first, int64_t count) {
                          return launch_cluster(give_queries<C, RESIDENT, DROPS>, count, C::WIDE, 1,
                                                of_queries, queue, *w, first, chunks);
                      });
    if (e != cudaSuccess) return e;
    return launch_pieces(w->batch * w->groups * blocks_for(w->keys, C::BN) * chunks, 1,
                         [&](int64_t first, int64_t count) {
                             return launch_cluster(give_keys<C, RESIDENT, DROPS>, count, C::WIDE, 1,
                                                   of_keys, queue, *w, first, chunks);
                         });
}

template <class C, int RESIDENT>
static cudaError_t launch_as(const reel__cuda_attention_work *w, int64_t widest,
                             reel__cuda_queue *queue) {
    return w->drops ? launch_back<C, RESIDENT, true>(w, widest, queue)
                    : launch_back<C, RESIDENT, false>(w, widest, queue);
}

template <class T>
static cudaError_t launch_delta(const reel__cuda_attention_work *w, reel__cuda_queue *queue) {
    const int64_t rows = w->batch * w->heads * w->queries, blocks = blocks_for(rows, THREADS / 32);
    return launch(add_up_delta<T>, blocks < 1 << 20 ? blocks : 1 << 20, THREADS, queue, *w, rows);
}

cudaError_t reel__cuda_launch_attention_grad(const reel__cuda_attention_work *w, reel_dtype dtype,
                                             reel__cuda_queue *queue) {
    const int64_t widest = w->width > w->value_width ? w->width : w->value_width;
    const cudaError_t e =
        dtype == REEL_F32 ? launch_delta<float>(w, queue) : launch_delta<double>(w, queue);
    if (e != cudaSuccess) return e;
    if (dtype == REEL_F32)
        return widest <= 32   ? launch_as<tiling<float, 64, 32, 4, 4>, 2>(w, widest, queue)
               : widest <= 64 ? launch_as<tiling<float, 64, 64, 4, 4>, 2>(w, widest, queue)
                              : launch_as<tiling<float, 64, 128, 4, 4>, 1>(w, widest, queue);
    return widest <= 64 ? launch_as<tiling<double, 32, 64, 4, 2>, 1>(w, widest, queue)
                        : launch_as<tiling<double, 32, 128, 4, 2>, 1>(w, widest, queue);
}
