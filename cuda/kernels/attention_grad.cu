/* Attention backward: a block has a tile of keys, takes it through all queries of the heads that
 * share it, and sums up dk and dv in registers, so that each tile of scores is made anew once.
 *
 * A tile of queries gets a share of its dq from each tile of keys. They add theirs one after the
 * other, by rising keys, so the order of sums is the tiles': a block waits for the turn to come to
 * it, and passes it on. Blocks draw lots for what they work on as they start, and wait only for
 * earlier lots, which are at work or done.
 *
 * Source: Dao, "FlashAttention-2" (2023), algorithm 2, but for the turns. */
#include "cuda/kernels/attention_tiles_internal.cuh"

#define WIDEST 128 /* of a tile */

template <class T> static constexpr int ROWS_OF_TILE = sizeof(T) == 4 ? 64 : 32;

int64_t reel__cuda_attention_turns(const reel__cuda_attention_work *w, reel_dtype dtype) {
    const int64_t widest = w->width > w->value_width ? w->width : w->value_width,
                  rows = dtype == REEL_F32 ? ROWS_OF_TILE<float> : ROWS_OF_TILE<double>;
    return 1 + w->batch * w->heads * blocks_for(w->queries, rows) * blocks_for(widest, WIDEST);
}

/* ---- delta[row] = the sum of g y over a value ---- */

#define SUMMERS 16 /* threads of a row */

template <int U, class T>
static __device__ __forceinline__ T add_products(const T *y, const T *g, int64_t width) {
    T sum = 0;
    for (int64_t e = threadIdx.x % SUMMERS * U; e < width; e += SUMMERS * U) {
        const unit<T, U> a = *(const unit<T, U> *)(y + e), b = *(const unit<T, U> *)(g + e);
#pragma unroll
        for (int k = 0; k < U; k++) sum += a.v[k] * b.v[k];
    }
    return sum;
}

/* And lots and turns begin at 0. */
template <class T>
static __global__ void __launch_bounds__(THREADS)
    add_up_delta(const __grid_constant__ reel__cuda_attention_work w, int64_t rows, int64_t turns) {
    begin();
    constexpr int EACH_BLOCK = THREADS / SUMMERS;
    EACH(int64_t, i, turns) w.turns[i] = 0;
    for (int64_t first = blockIdx.x * (int64_t)EACH_BLOCK; first < rows;
         first += gridDim.x * (int64_t)EACH_BLOCK) {
        const int64_t n = first + threadIdx.x / SUMMERS;
        T sum = 0;
        if (n < rows) {
            const place p = place_of(w, n / w.queries);
            const T *y = row_of<T>(w.y, p.b, p.h, n % w.queries),
                    *g = row_of<T>(w.g, p.b, p.h, n % w.queries);
            sum = w.units ? add_products<16 / sizeof(T)>(y, g, w.value_width)
                          : add_products<1>(y, g, w.value_width);
        }
        sum = add_lanes(sum, SUMMERS);
        if (n < rows && threadIdx.x % SUMMERS == 0) ((T *)w.delta)[n] = sum;
    }
}

/* ---- operands ---- */

template <class C> struct tiles { typename C::T *q, *g, *k, *v, *p, *ds; };

template <class C> static __device__ __forceinline__ tiles<C> divide_shared(void *memory) {
    typename C::T *at = (typename C::T *)memory;
    return {at,
            at + C::TILE,
            at + 2 * C::TILE,
            at + 3 * C::TILE,
            at + 4 * C::TILE,
            at + 4 * C::TILE + C::SCORES};
}

/* From column `from` on. */
template <class C>
static __device__ __forceinline__ void send_queries(const reel__cuda_attention_work &w,
                                                    const place &p, const tiles<C> &t, int from) {
    using T = typename C::T;
    send_tile<C>(t.q, row_of<T>(w.q, p.b, p.h, p.query), w.q.row, w.queries - p.query, from,
                 (int)w.width, w.units);
    send_tile<C>(t.g, row_of<T>(w.g, p.b, p.h, p.query), w.g.row, w.queries - p.query, from,
                 (int)w.value_width, w.units);
}
template <class C>
static __device__ __forceinline__ void send_keys(const reel__cuda_attention_work &w, const place &p,
                                                 const tiles<C> &t, int from) {
    using T = typename C::T;
    send_tile<C>(t.k, row_of<T>(w.k, p.b, p.group, p.key), w.k.row, w.keys - p.key, from,
                 (int)w.width, w.units);
    send_tile<C>(t.v, row_of<T>(w.v, p.b, p.group, p.key), w.v.row, w.keys - p.key, from,
                 (int)w.value_width, w.units);
}
template <class C>
static __device__ __forceinline__ void fetch_chunk(const reel__cuda_attention_work &w,
                                                   const place &p, const tiles<C> &t, int chunk) {
    __syncthreads();
    send_queries<C>(w, p, t, chunk * C::D);
    send_keys<C>(w, p, t, chunk * C::D);
    have_come();
    __syncthreads();
}

/* ---- turns ---- */

/* The block's, in all of its threads. */
static __device__ __forceinline__ int64_t draw_lot(const reel__cuda_attention_work &w) {
    __shared__ unsigned long long lot;
    if (threadIdx.x == 0) lot = atomicAdd(w.turns, 1ull);
    __syncthreads();
    return (int64_t)lot;
}

/* Of a chunk of a tile of queries: how many tiles of keys have added their share. */
template <class C>
static __device__ __forceinline__ volatile unsigned long long *
turn_of(const reel__cuda_attention_work &w, const place &p, int chunks, int mine) {
    const int64_t tiles = (w.queries + C::BM - 1) / C::BM,
                  tile = (p.b * w.heads + p.h) * tiles + p.query / C::BM;
    return w.turns + 1 + tile * chunks + mine;
}

/* Then what the blocks before have written is there. */
static __device__ __forceinline__ void wait_for(const volatile unsigned long long *turn,
                                                unsigned long long n) {
    if (threadIdx.x % 32 == 0)
        while (*turn != n) continue;
    __syncwarp();
    __threadfence();
}

/* All threads of the block have written before. */
static __device__ __forceinline__ void pass_on(volatile unsigned long long *turn,
                                               unsigned long long n) {
    __syncthreads();
    if (threadIdx.x > 0) return;
    __threadfence(); /* for all of the block, by the barrier */
    *turn = n;
}

/* ---- a tile of scores ---- */

/* Of the thread's queries. */
template <class C>
static __device__ __forceinline__ void
read_statistic(typename C::T x[C::TM], const reel__cuda_attention_work &w, const place &p,
               const void *from, typename C::T beyond, int r) {
    const typename C::T *rows =
        (const typename C::T *)from + (p.b * w.heads + p.h) * w.queries + p.query;
#pragma unroll
    for (int i = 0; i < C::TM; i++)
        x[i] = r + i * C::ROWS < w.queries - p.query ? rows[r + i * C::ROWS] : beyond;
}

/* Products become weights, in s, and the gradients of scores, in dp; without the factors `kept` and
 * `scale`, by which sums are multiplied in the end. */
template <class C, bool DROPS>
static __device__ __forceinline__ void bend(const reel__cuda_attention_work &w, const place &p,
                                            typename C::T s[C::TM][C::TN],
                                            typename C::T dp[C::TM][C::TN], int r, int c) {
    using T = typename C::T;
    T lse[C::TM], delta[C::TM];
    read_statistic<C>(lse, w, p, w.lse, (T)INFINITY, r);
    read_statistic<C>(delta, w, p, w.delta, 0, r);
    make_scores<C>(w, p, s, r, c);
#pragma unroll
    for (int i = 0; i < C::TM; i++)
#pragma unroll
        for (int j = 0; j < C::TN; j++) {
            const T x = s[i][j] - lse[i];
            s[i][j] = power(x > 0 ? 0 : x);
        }
    if (DROPS) drop<C, true>(w, p, s, r, c);
#pragma unroll
    for (int i = 0; i < C::TM; i++)
#pragma unroll
        for (int j = 0; j < C::TN; j++) {
            const T weight = s[i][j];
            if (DROPS && signbit(weight)) {
                dp[i][j] = weight * delta[i];
                s[i][j] = 0;
            } else {
                dp[i][j] = weight * ((DROPS ? dp[i][j] * (T)w.kept : dp[i][j]) - delta[i]);
            }
        }
}

/* To t.p and t.ds: of operands that are there, or else SEVERAL chunks that come; then `mine` is
 * there. */
template <class C, bool DROPS, bool SEVERAL>
static __device__ __forceinline__ void make_tile(const reel__cuda_attention_work &w, const place &p,
                                                 const tiles<C> &t, int chunks, int mine, int r,
                                                 int c) {
    typename C::T s[C::TM][C::TN] = {}, dp[C::TM][C::TN] = {};
    for (int e = 0; e < (SEVERAL ? chunks : 1); e++) {
        if (SEVERAL) fetch_chunk<C>(w, p, t, e);
        add_dots<C>(s, t.q, t.k, r, c);
        add_dots<C>(dp, t.g, t.v, r, c);
    }
    bend<C, DROPS>(w, p, s, dp, r, c);
    put_scores<C>(t.p, s, r, c);
    put_scores<C>(t.ds, dp, r, c);
    if (SEVERAL && mine < chunks - 1)
        fetch_chunk<C>(w, p, t, mine);
    else
        __syncthreads();
}

/* ---- sums ---- */

template <class C> static __device__ __forceinline__ void clear(typename C::T z[C::TM][C::DN]) {
#pragma unroll
    for (int i = 0; i < C::TM; i++)
#pragma unroll
        for (int e = 0; e < C::DN; e++) z[i][e] = 0;
}

/* z = the thread's rows of x from column `from` on, which another block wrote. */
template <class C>
static __device__ __forceinline__ void read_rows(typename C::T z[C::TM][C::DN],
                                                 const typename C::T *x, int64_t step, int64_t rows,
                                                 int from, int width, bool units, int r, int c) {
    using T = typename C::T;
#pragma unroll
    for (int i = 0; i < C::TM; i++) {
        if (r + i * C::ROWS >= rows) break;
        const T *row = x + (r + i * C::ROWS) * step;
#pragma unroll
        for (int g = 0; g < C::GROUPS; g++) {
            const int e = from + g * C::COLS * C::W + c * C::W;
            unit<T, C::W> u = {};
            if (units && e < width) {
                u = load_written((const unit<T, C::W> *)(row + e));
            } else {
#pragma unroll
                for (int k = 0; k < C::W; k++)
                    if (e + k < width) u.v[k] = __ldcg(row + e + k);
            }
#pragma unroll
            for (int k = 0; k < C::W; k++) z[i][g * C::W + k] = u.v[k];
        }
    }
}

/* The tile's share of dq, in its turn. */
template <class C>
static __device__ __forceinline__ void add_queries(const reel__cuda_attention_work &w,
                                                   const place &p, const tiles<C> &t, int chunks,
                                                   int mine, int r, int c) {
    using T = typename C::T;
    T share[C::TM][C::DN], dq[C::TM][C::DN], one[C::TM], *to = row_of<T>(w.dq, p.b, p.h, p.query);
    const int64_t rows = w.queries - p.query;
    clear<C>(share);
    clear<C>(dq);
    add_values<C>(share, t.ds, t.k, r, c);
    volatile unsigned long long *turn = turn_of<C>(w, p, chunks, mine);
    const unsigned long long before = (unsigned long long)(p.key / C::BN);
    if (before > 0) {
        wait_for(turn, before);
        read_rows<C>(dq, to, w.dq.row, rows, mine * C::D, (int)w.width, w.units_out, r, c);
    }
#pragma unroll
    for (int i = 0; i < C::TM; i++) {
        one[i] = 1;
#pragma unroll
        for (int e = 0; e < C::DN; e++) dq[i][e] += (T)w.scale * share[i][e];
    }
    store_rows<C, false>(to, w.dq.row, rows, mine * C::D, (int)w.width, w.units_out, dq, one, r, c);
    have_come(); /* the next tile's operands, on the way since before */
    pass_on(turn, before + 1);
}

template <class C>
static __device__ __forceinline__ void
store_keys(const reel__cuda_attention_work &w, const place &p,
           const reel__cuda_attention_operand &to, int from, int64_t width, double scale,
           const typename C::T z[C::TM][C::DN], int r, int c) {
    typename C::T factor[C::TM];
#pragma unroll
    for (int i = 0; i < C::TM; i++) factor[i] = (typename C::T)scale;
    store_rows<C, true>(row_of<typename C::T>(to, p.b, p.group, p.key), to.row, w.keys - p.key,
                        from, (int)width, w.units_out, z, factor, r, c);
}

/* ---- a tile of keys through all queries ---- */

/* Of a lot: the chunk, and the tile's first place; tiles of the lowest keys have the first lots. */
template <class C>
static __device__ __forceinline__ place place_of_lot(const reel__cuda_attention_work &w,
                                                     int64_t lot) {
    const int64_t groups = w.batch * w.groups, group = lot % groups;
    place p = {group / w.groups, 0, group % w.groups, 0, lot / groups * C::BN};
    p.h = p.group * (w.heads / w.groups);
    p.query = w.causal ? p.key : 0;
    return p;
}

/* The next tile of queries, of the same head or the next one. */
template <class C>
static __device__ __forceinline__ void step_on(const reel__cuda_attention_work &w, place &p) {
    p.query += C::BM;
    if (p.query < w.queries) return;
    p.query = w.causal ? p.key : 0;
    p.h++;
}

template <class C, int RESIDENT, bool DROPS, bool SEVERAL>
static __global__ void __launch_bounds__(C::WIDE, RESIDENT)
    give(const __grid_constant__ reel__cuda_attention_work w, int chunks) {
    using T = typename C::T;
    extern __shared__ float4 aligned[];
    begin();
    const tiles<C> t = divide_shared<C>(aligned);
    const int64_t lot = draw_lot(w);
    const int mine = (int)(lot % chunks), from = mine * C::D, r = C::row_of_thread(threadIdx.x),
              c = C::column_of_thread(threadIdx.x);
    place p = place_of_lot<C>(w, lot / chunks);
    const int64_t stop = p.query < w.queries ? p.h + w.heads / w.groups : p.h;
    T dk[C::TM][C::DN], dv[C::TM][C::DN];
    clear<C>(dk);
    clear<C>(dv);
    if (!SEVERAL && p.h < stop) {
        send_keys<C>(w, p, t, 0);
        send_queries<C>(w, p, t, 0);
        have_come();
        __syncthreads();
    }
    while (p.h < stop) {
        make_tile<C, DROPS, SEVERAL>(w, p, t, chunks, mine, r, c);
        add_turned<C>(dv, t.p, t.g, r, c);
        add_turned<C>(dk, t.ds, t.q, r, c);
        __syncthreads();
        const place now = p;
        step_on<C>(w, p);
        if (!SEVERAL && p.h < stop) send_queries<C>(w, p, t, 0);
        add_queries<C>(w, now, t, chunks, mine, r, c);
    }
    store_keys<C>(w, p, w.dk, from, w.width, w.scale, dk, r, c);
    store_keys<C>(w, p, w.dv, from, w.value_width, w.kept, dv, r, c);
}

/* ---- which one ---- */

template <class C, int RESIDENT, bool DROPS, bool SEVERAL>
static cudaError_t launch_give(const reel__cuda_attention_work *w, int chunks,
                               reel__cuda_queue *queue) {
    const unsigned shared = (4 * C::TILE + 2 * C::SCORES) * sizeof(typename C::T);
    const cudaError_t e = allow_shared(give<C, RESIDENT, DROPS, SEVERAL>, shared);
    if (e != cudaSuccess) return e;
    return launch_pieces(w->batch * w->groups * blocks_for(w->keys, C::BN) * chunks, 1,
                         [&](int64_t, int64_t count) {
                             return launch_cluster(give<C, RESIDENT, DROPS, SEVERAL>, count,
                                                   C::WIDE, 1, shared, queue, *w, chunks);
                         });
}

/* RESIDENT: blocks that a processor has memory and registers for. */
template <class T, int D, int TM, int TN, int RESIDENT, bool SEVERAL = false>
static cudaError_t launch_as(const reel__cuda_attention_work *w, int chunks,
                             reel__cuda_queue *queue) {
    using C = tiling<T, ROWS_OF_TILE<T>, D, TM, TN>;
    return w->drops ? launch_give<C, RESIDENT, true, SEVERAL>(w, chunks, queue)
                    : launch_give<C, RESIDENT, false, SEVERAL>(w, chunks, queue);
}

template <class T>
static cudaError_t launch_delta(const reel__cuda_attention_work *w, reel_dtype dtype,
                                reel__cuda_queue *queue) {
    const int64_t rows = w->batch * w->heads * w->queries,
                  blocks = blocks_for(rows, THREADS / SUMMERS);
    return launch(add_up_delta<T>, blocks < 1 << 20 ? blocks : 1 << 20, THREADS, queue, *w, rows,
                  reel__cuda_attention_turns(w, dtype));
}

cudaError_t reel__cuda_launch_attention_grad(const reel__cuda_attention_work *w, reel_dtype dtype,
                                             reel__cuda_queue *queue) {
    const int64_t widest = w->width > w->value_width ? w->width : w->value_width;
    const int chunks = (int)blocks_for(widest, WIDEST);
    const bool f32 = dtype == REEL_F32;
    const cudaError_t e =
        f32 ? launch_delta<float>(w, dtype, queue) : launch_delta<double>(w, dtype, queue);
    if (e != cudaSuccess) return e;
    if (f32)
        return widest <= 32       ? launch_as<float, 32, 8, 4, 3>(w, chunks, queue)
               : widest <= 64     ? launch_as<float, 64, 8, 4, 2>(w, chunks, queue)
               : widest <= WIDEST ? launch_as<float, WIDEST, 4, 4, 1>(w, chunks, queue)
                                  : launch_as<float, WIDEST, 4, 4, 1, true>(w, chunks, queue);
    return widest <= 64       ? launch_as<double, 64, 4, 2, 2>(w, chunks, queue)
           : widest <= WIDEST ? launch_as<double, WIDEST, 4, 2, 1>(w, chunks, queue)
                              : launch_as<double, WIDEST, 4, 2, 1, true>(w, chunks, queue);
}
