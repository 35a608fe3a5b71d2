/* What attention's kernels share: tiles of operands in shared memory, products of tiles in
 * registers, and scores.
 *
 * A block works on BM queries and BN keys. Its threads are ROWS by COLS; thread (r, c) has the
 * scores of queries r, r + ROWS, ... and of keys c, c + COLS, .... A warp has two rows, whose
 * threads take turns: so eight neighbours, that is who reads 16 bytes each at once, ask for 2
 * queries and 4 keys, which are fewer rows than 1 and 8. Rows lie in different banks, since each
 * has 16 bytes more than it needs. All operands lie as in memory, a row of D elements (what they
 * lack is 0) for each query or key. Of a width beyond D there are several chunks, one after the
 * other. */
#ifndef REEL_CUDA_KERNELS_ATTENTION_TILES_INTERNAL_CUH
#define REEL_CUDA_KERNELS_ATTENTION_TILES_INTERNAL_CUH

#include "cuda/kernels/formula_internal.cuh"
#include "cuda/kernels/vector_internal.cuh"

#include "tensor/formulas/attention_words_internal.h"

#include <cuda_pipeline.h>

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
    static constexpr int NEXT = 2; /* lanes from a row's thread to its next one */
    static_assert(COLS == 16 && BM == BN && TM % 4 == 0 && DN % W == 0, "see above");

    /* Thread n's place. */
    static __device__ __forceinline__ int row_of_thread(int n) {
        return n / 32 * 2 + n % 2;
    }
    static __device__ __forceinline__ int column_of_thread(int n) {
        return n % 32 / 2;
    }
    /* The thread's j-th key, where rows are keys: those of a unit lie together. */
    static __device__ __forceinline__ int key_of(int r, int j) {
        return j / U * ROWS * U + r * U + j % U;
    }
};

/* ---- loads ---- */

/* tile = `rows` rows of x from column `from` on, as far as `width` reaches; zeros beyond. What
 * moves in units is on its way afterwards: it is there after have_come() and a barrier. */
template <class C>
static __device__ __forceinline__ void send_tile(typename C::T *tile, const typename C::T *x,
                                                 int64_t step, int64_t rows, int from, int width,
                                                 bool units) {
    using T = typename C::T;
    constexpr int EACH_ROW = C::D / C::U;
#pragma unroll 4
    for (int n = threadIdx.x; n < C::BM * EACH_ROW; n += C::WIDE) {
        const int row = n / EACH_ROW, at = n % EACH_ROW * C::U, e = from + at;
        const bool there = row < rows && e < width;
        T *to = tile + row * C::LD + at;
        if (units) {
            __pipeline_memcpy_async(to, there ? x + row * step + e : x, 16, there ? 0 : 16);
            continue;
        }
        unit<T, C::U> u = {};
#pragma unroll
        for (int k = 0; k < C::U; k++)
            if (there && e + k < width) u.v[k] = x[row * step + e + k];
        *(unit<T, C::U> *)to = u;
    }
}

static __device__ __forceinline__ void have_come() {
    __pipeline_commit();
    __pipeline_wait_prior(0);
}

/* ---- products: sums stay in registers ---- */

/* s[i][j] += x[i] y[j] over D */
template <class C>
static __device__ __forceinline__ void add_dots(typename C::T s[C::TM][C::TN],
                                                const typename C::T *x, const typename C::T *y,
                                                int r, int c) {
    using T = typename C::T;
    x += r * C::LD;
    y += c * C::LD;
#pragma unroll 1
    for (int e = 0; e < C::D; e += C::U) {
        unit<T, C::U> a[C::TM], b[C::TN];
#pragma unroll
        for (int i = 0; i < C::TM; i++)
            a[i] = *(const unit<T, C::U> *)(x + i * C::ROWS * C::LD + e);
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
    p += r * C::LP;
    y += c * C::W;
#pragma unroll 2
    for (int j = 0; j < C::BN; j += C::U) {
        unit<T, C::U> a[C::TM];
#pragma unroll
        for (int i = 0; i < C::TM; i++)
            a[i] = *(const unit<T, C::U> *)(p + i * C::ROWS * C::LP + j);
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

/* z[j][e] += the sum over i of p[i][j] y[i][e]: rows are keys here, as key_of says */
template <class C>
static __device__ __forceinline__ void add_turned(typename C::T z[C::TM][C::DN],
                                                  const typename C::T *p, const typename C::T *y,
                                                  int r, int c) {
    using T = typename C::T;
    p += r * C::U;
    y += c * C::W;
#pragma unroll 4
    for (int i = 0; i < C::BM; i++) {
        unit<T, C::U> a[C::TM / C::U];
#pragma unroll
        for (int j = 0; j < C::TM / C::U; j++)
            a[j] = *(const unit<T, C::U> *)(p + i * C::LP + j * C::ROWS * C::U);
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

/* The thread's rows z[row][e], times factor[row], to rows of x from column `from` on; they are
 * queries, or else KEYS. */
template <class C, bool KEYS>
static __device__ __forceinline__ void
store_rows(typename C::T *x, int64_t step, int64_t rows, int from, int width, bool units,
           const typename C::T z[C::TM][C::DN], const typename C::T factor[C::TM], int r, int c) {
    using T = typename C::T;
#pragma unroll
    for (int i = 0; i < C::TM; i++) {
        const int at = KEYS ? C::key_of(r, i) : r + i * C::ROWS;
        if (at >= rows) break;
        T *row = x + at * step;
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
        for (int j = 0; j < C::TN; j++) p[(r + i * C::ROWS) * C::LP + c + j * C::COLS] = s[i][j];
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

template <int MOST> static __device__ __forceinline__ int up_to(int64_t n) {
    return n < MOST ? (int)n : MOST;
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
    /* all are counted from the tile's first; `ahead`: keys beyond its own that a query sees */
    const int queries = up_to<C::BM>(w.queries - p.query), keys = up_to<C::BN>(w.keys - p.key),
              ahead = w.causal ? up_to<C::BN>(p.query - p.key) : C::BN;
    if (bias)
        bias += p.b * w.bias_step[0] + p.h * w.bias_step[1] + p.query * w.bias_step[2] +
                p.key * w.bias_step[3];
#pragma unroll
    for (int i = 0; i < C::TM; i++) {
        const int query = r + i * C::ROWS;
#pragma unroll
        for (int j = 0; j < C::TN; j++) {
            const int key = c + j * C::COLS;
            const bool there = key < keys && query < queries && key <= query + ahead;
            T x = s[i][j] * scale;
            if (bias && there) x += bias[query * w.bias_step[2] + key * w.bias_step[3]];
            s[i][j] = there ? x : -(T)INFINITY;
        }
    }
}

/* What is dropped becomes 0, or, to be MARKED, gets a minus. Four neighbours draw the words of the
 * same four keys, each for another query, and exchange them. */
template <class C, bool MARKED>
static __device__ __forceinline__ void drop(const reel__cuda_attention_work &w, const place &p,
                                            typename C::T s[C::TM][C::TN], int r, int c) {
    const uint32_t seed[2] = {(uint32_t)w.seed[0], (uint32_t)w.seed[w.seed_step]};
    const uint64_t row = (uint64_t)((p.b * w.heads + p.h) * w.queries + p.query + r);
#pragma unroll
    for (int i = 0; i < C::TM; i += 4)
#pragma unroll
        for (int j = 0; j < C::TN; j++) {
            uint32_t word[4];
            reel__attention_words(seed, row + (i + c % 4) * C::ROWS,
                                  (uint64_t)(p.key + c + j * C::COLS) / 4, word);
#pragma unroll
            for (int d = 1; d < 4; d *= 2)
#pragma unroll
                for (int k = 0; k < 4; k++) {
                    if (k & d) continue;
                    const uint32_t mine = c & d ? word[k] : word[k + d];
                    const uint32_t other = __shfl_xor_sync(0xffffffffu, mine, d * C::NEXT);
                    if (c & d)
                        word[k] = other;
                    else
                        word[k + d] = other;
                }
#pragma unroll
            for (int k = 0; k < 4; k++)
                if (word[k] < w.threshold) s[i + k][j] = MARKED ? -s[i + k][j] : 0;
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
