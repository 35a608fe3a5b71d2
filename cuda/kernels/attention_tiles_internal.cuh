/* What attention's kernels share: tiles of operands in shared memory, products of tiles in
 * registers, and scores.
 *
 * A block works on BM queries and BN keys. Its threads are ROWS by COLS; thread (r, c) has the
 * scores of queries r TM + 0..TM-1 and of keys c, c + COLS, ...: so 16 neighbours share a row, and
 * what they read of different keys' rows lies in different banks, since a row has 16 bytes more
 * than it needs. All operands lie as in memory, a row of D elements (what they lack is 0) for each
 * query or key. Of a width beyond D there are several chunks, one after the other. */
#ifndef REEL_CUDA_KERNELS_ATTENTION_TILES_INTERNAL_CUH
#define REEL_CUDA_KERNELS_ATTENTION_TILES_INTERNAL_CUH

#include "cuda/kernels/formula_internal.cuh"
#include "cuda/kernels/vector_internal.cuh"

#include "tensor/formulas/attention_words_internal.h"

template <class T_, int B_, int D_, int TM_, int TN_> struct tiling {
    using T = T_;
    static constexpr int BM = B_, BN = B_, D = D_, TM = TM_, TN = TN_;
    static constexpr int COLS = BN / TN, ROWS = BM / TM, WIDE = ROWS * COLS;
    static constexpr int U = 16 / sizeof(T);      /* elements that move at once */
    static constexpr int LD = D + U, LP = BN + U; /* from row to row */
    static constexpr int DN = D / COLS;           /* a thread's columns of a value */
    static constexpr int W = DN < U ? DN : U;     /* of which so many lie together, */
    static constexpr int GROUPS = DN / W;         /* so often, COLS W apart */
    static constexpr int TILE = BM * LD, SCORES = BM * LP;
    static_assert(COLS == 16 && TM % 4 == 0 && DN % W == 0 && BM % U == 0, "see above");
};

/* ---- loads ---- */

/* tile = `rows` rows of x from column `from` on, as far as `width` reaches; zeros beyond. */
template <class C>
static __device__ __forceinline__ void load_tile(typename C::T *tile, const typename C::T *x,
                                                 int64_t step, int64_t rows, int from, int width,
                                                 bool units) {
    using T = typename C::T;
    constexpr int EACH_ROW = C::D / C::U;
#pragma unroll 4
    for (int n = threadIdx.x; n < C::BM * EACH_ROW; n += C::WIDE) {
        const int row = n / EACH_ROW, at = n % EACH_ROW * C::U, e = from + at;
        unit<T, C::U> u = {};
        if (row < rows && e < width) {
            const T *p = x + row * step + e;
            if (units) {
                u = *(const unit<T, C::U> *)p;
            } else {
#pragma unroll
                for (int k = 0; k < C::U; k++)
                    if (e + k < width) u.v[k] = p[k];
            }
        }
        *(unit<T, C::U> *)(tile + row * C::LD + at) = u;
    }
}

/* ---- products: sums stay in registers ---- */

/* s[i][j] += x[i] y[j] over D */
template <class C>
static __device__ __forceinline__ void add_dots(typename C::T s[C::TM][C::TN],
                                                const typename C::T *x, const typename C::T *y,
                                                int r, int c) {
    using T = typename C::T;
    x += r * C::TM * C::LD;
    y += c * C::LD;
#pragma unroll 2
    for (int e = 0; e < C::D; e += C::U) {
        unit<T, C::U> a[C::TM], b[C::TN];
#pragma unroll
        for (int i = 0; i < C::TM; i++) a[i] = *(const unit<T, C::U> *)(x + i * C::LD + e);
#pragma unroll
        for (int j = 0; j < C::TN; j++)
            b[j] = *(const unit<T, C::U> *)(y + j * C::COLS * C::LD + e);
#pragma unroll
        for (int k = 0; k < C::U; k++)
#pragma unroll
            for (int i = 0; i < C::TM; i++)
#pragma unroll
                for (int j = 0; j < C::TN; j++) s[i][j] += a[i].v[k] * b[j].v[k];
    }
}

/* z[i][e] += the sum over j of p[i][j] y[j][e], for the thread's rows i and columns e */
template <class C>
static __device__ __forceinline__ void add_values(typename C::T z[C::TM][C::DN],
                                                  const typename C::T *p, const typename C::T *y,
                                                  int r, int c) {
    using T = typename C::T;
    p += r * C::TM * C::LP;
    y += c * C::W;
#pragma unroll 2
    for (int j = 0; j < C::BN; j += C::U) {
        unit<T, C::U> a[C::TM];
#pragma unroll
        for (int i = 0; i < C::TM; i++) a[i] = *(const unit<T, C::U> *)(p + i * C::LP + j);
#pragma unroll
        for (int k = 0; k < C::U; k++)
#pragma unroll
            for (int g = 0; g < C::GROUPS; g++) {
                const unit<T, C::W> b =
                    *(const unit<T, C::W> *)(y + (j + k) * C::LD + g * C::COLS * C::W);
#pragma unroll
                for (int i = 0; i < C::TM; i++)
#pragma unroll
                    for (int w = 0; w < C::W; w++) z[i][g * C::W + w] += a[i].v[k] * b.v[w];
            }
    }
}

/* z[j][e] += the sum over i of p[i][j] y[i][e]: rows are keys here */
template <class C>
static __device__ __forceinline__ void add_turned(typename C::T z[C::TM][C::DN],
                                                  const typename C::T *p, const typename C::T *y,
                                                  int r, int c) {
    using T = typename C::T;
    p += r * C::TM;
    y += c * C::W;
#pragma unroll 4
    for (int i = 0; i < C::BM; i++) {
        unit<T, C::U> a[C::TM / C::U];
#pragma unroll
        for (int j = 0; j < C::TM / C::U; j++)
            a[j] = *(const unit<T, C::U> *)(p + i * C::LP + j * C::U);
#pragma unroll
        for (int g = 0; g < C::GROUPS; g++) {
            const unit<T, C::W> b = *(const unit<T, C::W> *)(y + i * C::LD + g * C::COLS * C::W);
#pragma unroll
            for (int j = 0; j < C::TM; j++)
#pragma unroll
                for (int w = 0; w < C::W; w++)
                    z[j][g * C::W + w] += a[j / C::U].v[j % C::U] * b.v[w];
        }
    }
}

/* ---- stores ---- */

/* Thread's rows z[row][e], times factor[row], to rows of x from column `from` on. */
template <class C>
static __device__ __forceinline__ void
store_rows(typename C::T *x, int64_t step, int64_t rows, int from, int width, bool units,
           const typename C::T z[C::TM][C::DN], const typename C::T factor[C::TM], int r, int c) {
    using T = typename C::T;
#pragma unroll
    for (int i = 0; i < C::TM; i++) {
        if (r * C::TM + i >= rows) break;
        T *row = x + (r * C::TM + i) * step;
#pragma unroll
        for (int g = 0; g < C::GROUPS; g++) {
            const int e = from + g * C::COLS * C::W + c * C::W;
            unit<T, C::W> u;
#pragma unroll
            for (int w = 0; w < C::W; w++) u.v[w] = z[i][g * C::W + w] * factor[i];
            if (units && e < width) {
                *(unit<T, C::W> *)(row + e) = u;
            } else {
#pragma unroll
                for (int w = 0; w < C::W; w++)
                    if (e + w < width) row[e + w] = u.v[w];
            }
        }
    }
}

template <class C>
static __device__ __forceinline__ void
put_scores(typename C::T *p, const typename C::T s[C::TM][C::TN], int r, int c) {
#pragma unroll
    for (int i = 0; i < C::TM; i++)
#pragma unroll
        for (int j = 0; j < C::TN; j++) p[(r * C::TM + i) * C::LP + c + j * C::COLS] = s[i][j];
}

/* ---- scores ---- */

/* Of one head of the batch, and one tile's first query and key. */
struct place {
    int64_t b, h, group, query, key;
};

static __device__ __forceinline__ place place_of(const reel__cuda_attention_work &w, int64_t head) {
    place p;
    p.b = head / w.heads;
    p.h = head % w.heads;
    p.group = p.h / (w.heads / w.groups);
    p.query = p.key = 0;
    return p;
}

template <class T>
static __device__ __forceinline__ T *row_of(const reel__cuda_attention_operand &o, int64_t b,
                                            int64_t h, int64_t i) {
    return (T *)o.data + b * o.batch + h * o.head + i * o.row;
}

/* Products become scores; minus infinity where there is no such key, or it may not be looked at. */
template <class C>
static __device__ __forceinline__ void make_scores(const reel__cuda_attention_work &w,
                                                   const place &p, typename C::T s[C::TM][C::TN],
                                                   int r, int c) {
    using T = typename C::T;
    const T scale = (T)w.scale;
    const T *bias = (const T *)w.bias;
    const bool whole = p.key + C::BN <= w.keys && p.query + C::BM <= w.queries &&
                       !(w.causal && p.key + C::BN - 1 > p.query);
    if (whole && !bias) {
#pragma unroll
        for (int i = 0; i < C::TM; i++)
#pragma unroll
            for (int j = 0; j < C::TN; j++) s[i][j] *= scale;
        return;
    }
    if (bias) bias += p.b * w.bias_step[0] + p.h * w.bias_step[1];
#pragma unroll
    for (int i = 0; i < C::TM; i++) {
        const int64_t query = p.query + r * C::TM + i;
#pragma unroll
        for (int j = 0; j < C::TN; j++) {
            const int64_t key = p.key + c + j * C::COLS;
            const bool there = key < w.keys && query < w.queries && !(w.causal && key > query);
            T x = s[i][j] * scale;
            if (bias && there) x += bias[query * w.bias_step[2] + key * w.bias_step[3]];
            s[i][j] = there ? x : -(T)INFINITY;
        }
    }
}

/* What is dropped becomes 0. Four neighbours draw the words of the same four keys, each for another
 * query, and exchange them. */
template <class C>
static __device__ __forceinline__ void drop(const reel__cuda_attention_work &w, const place &p,
                                            typename C::T s[C::TM][C::TN], int r, int c) {
    const uint32_t seed[2] = {(uint32_t)w.seed[0], (uint32_t)w.seed[w.seed_step]};
    const uint64_t row = (uint64_t)((p.b * w.heads + p.h) * w.queries + p.query + r * C::TM);
#pragma unroll
    for (int i = 0; i < C::TM; i += 4)
#pragma unroll
        for (int j = 0; j < C::TN; j++) {
            uint32_t word[4];
            reel__attention_words(seed, row + i + c % 4, (uint64_t)(p.key + c + j * C::COLS) / 4,
                                  word);
#pragma unroll
            for (int d = 1; d < 4; d *= 2)
#pragma unroll
                for (int k = 0; k < 4; k++) {
                    if (k & d) continue;
                    const uint32_t mine = c & d ? word[k] : word[k + d];
                    const uint32_t other = __shfl_xor_sync(0xffffffffu, mine, d);
                    if (c & d)
                        word[k] = other;
                    else
                        word[k + d] = other;
                }
#pragma unroll
            for (int k = 0; k < 4; k++)
                if (word[k] < w.threshold) s[i + k][j] = 0;
        }
}

/* e^x, x not above 0 */
static __device__ __forceinline__ float power(float x) {
    return exp2f(x * 1.44269504088896340736f);
}
static __device__ __forceinline__ double power(double x) {
    return formula<double>::exp_down(x);
}

#endif
