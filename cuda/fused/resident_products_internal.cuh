/* Tiles in shared memory, the products of two that a block computes, and what optimizers make of
 * these: device code of resident kernels (resident_internal.cuh).
 *
 * A tile is a matrix in shared memory, its rows `pitch_of(columns)` floats apart, an odd number of
 * 16-byte words: then 8 lanes that read 16 bytes of 8 rows meet in no bank. What lies between the
 * columns and the pitch is zero. */
#ifndef REEL_CUDA_FUSED_RESIDENT_PRODUCTS_INTERNAL_CUH
#define REEL_CUDA_FUSED_RESIDENT_PRODUCTS_INTERNAL_CUH

#include "cuda/kernels/formula_internal.cuh"
#include "tensor/formulas/update_step_internal.h"

#include <stdint.h>

typedef unsigned int u32;
typedef unsigned long long u64;

#define DEVICE static __device__ __forceinline__
#define DEVICE_MEMBER __device__ __forceinline__

static __host__ __device__ constexpr int up_to(int n, int step) {
    return (n + step - 1) / step * step;
}
static __host__ __device__ constexpr int parts(int n, int size) {
    return (n + size - 1) / size;
}
static __host__ __device__ constexpr int pitch_of(int columns) {
    return 4 * (parts(columns, 4) | 1);
}
static __host__ __device__ constexpr int least(int a, int b) {
    return a < b ? a : b;
}
static __host__ __device__ constexpr int most(int a, int b) {
    return a > b ? a : b;
}

DEVICE float4 load4(const float *p) {
    return *(const float4 *)p;
}
DEVICE void store4(float *p, float4 x) {
    *(float4 *)p = x;
}
DEVICE void take4(float *x, const float *from) {
    const float4 q = load4(from);
    x[0] = q.x, x[1] = q.y, x[2] = q.z, x[3] = q.w;
}
DEVICE void put4(float *to, const float *x) {
    store4(to, make_float4(x[0], x[1], x[2], x[3]));
}

/* This thread's number, which the compiler takes for another one each time: else it would work out
 * every address before the loop over steps, and have no registers left for anything. */
DEVICE int here() {
    int thread = threadIdx.x;
    asm volatile("" : "+r"(thread));
    return thread;
}

/* ---- products ---- */

/* C[M,N] = A[M,K] B[K,N] of T threads, each of which has a TM x TN tile of the result, or the share
 * of it that KS lanes make, which cut k (resident_ways.c). AK: A lies as A[m][k], PA floats a row,
 * else as A[k][m]; BK: B as B[n][k], else as B[k][n]. Between K and the next multiple of 4 both are
 * finite and one is zero, where AK or BK. Rows past M and N are read, never used. COPIES: of a
 * turn's code, one behind another. */
template <int T, int M, int N, int K, bool AK, int PA, bool BK, int PB, int TM, int TN, int KS,
          int COPIES>
struct product {
    static constexpr int MT = parts(M, TM), NT = parts(N, TN), TILES = MT * NT;
    static constexpr int ROUNDS = parts(TILES * KS, T);
    static constexpr int SIZE = TM * TN, OUT = SIZE / KS, COLUMNS = N;
    /* What a lane has in the end: rows of its tile, or a part of one. Then most of where a number
     * belongs is known when this is compiled. */
    static constexpr bool WHOLE_ROWS = OUT % TN == 0, IN_A_ROW = TN % OUT == 0;
    static constexpr int V = BK ? 1 : OUT % 4 == 0 ? 4 : OUT % 2 == 0 ? 2 : 1; /* neighbours in n */
    static constexpr int STEP = AK || BK ? 4 : 1, TURNS = parts(K, STEP);
    /* About half of them, for products that are done in two goes; none of those with many
     * registers, which would have to be kept in between. */
    static constexpr int HALF = SIZE > 72 ? 0 : TURNS / KS / 2 * KS;
    static constexpr int BUSY = least(T, up_to(TILES *KS, 32)); /* threads that may have a place */

    /* Which of the tile's elements this lane has in the end: OUT from here. */
    static __device__ __forceinline__ int first_of(int lane) {
        int first = 0;
        if constexpr (KS >= 2) first += lane & 1 ? SIZE / 2 : 0;
        if constexpr (KS >= 4) first += lane & 2 ? SIZE / 4 : 0;
        if constexpr (KS >= 8) first += lane & 4 ? SIZE / 8 : 0;
        if constexpr (KS >= 16) first += lane & 8 ? SIZE / 16 : 0;
        return first;
    }
    static __device__ __forceinline__ int row_of(int mt, int i) {
        return AK ? mt + MT * i : 4 * (mt + MT * (i / 4)) + i % 4;
    }
    static __device__ __forceinline__ int column_of(int nt, int j) {
        return BK ? nt + NT * j : 4 * (nt + NT * (j / 4)) + j % 4;
    }

    /* The place of this thread's number o of round r; false: it has none. WIDTH: N, or past it. */
    template <int WIDTH = N>
    static __device__ __forceinline__ bool place(int thread, int r, int o, int *m, int *n) {
        const int tile = (thread + r * T) / KS, first = first_of(thread % KS);
        *m = row_of(tile / NT, WHOLE_ROWS ? first / TN + o / TN
                               : IN_A_ROW ? first / TN
                                          : (first + o) / TN);
        *n = column_of(tile % NT, WHOLE_ROWS ? o % TN
                                  : IN_A_ROW ? first % TN + o
                                             : (first + o) % TN);
        return tile < TILES && *m < M && *n < WIDTH;
    }

    static __device__ __forceinline__ void clear(float *acc) {
#pragma unroll
        for (int i = 0; i < SIZE; i++) acc[i] = 0;
    }

    /* Adds the turns from FIRST up to LAST of round r. */
    template <int FIRST = 0, int LAST = TURNS>
    static __device__ __forceinline__ void add(float *acc, const float *a, const float *b,
                                               int thread, int r) {
        int tile = (thread + r * T) / KS;
        const int lane = thread % KS;
        if (TILES * KS % T && tile >= TILES) {
            if (KS == 1 || TILES * KS % 32 == 0)
                return; /* whole warps, or no lane that others need */
            tile = 0;
        }
        const int mt = tile / NT, nt = tile % NT;
        a += AK ? mt * PA : 4 * mt;
        b += BK ? nt * PB : 4 * nt;
#pragma unroll COPIES
        for (int i = 0; i < parts(LAST - FIRST, KS); i++) {
            const int k = FIRST + lane + i * KS;
            if ((LAST - FIRST) % KS && k >= LAST) break;
            if constexpr (STEP == 1) {
                float x[TM], y[TN];
                load_across<TM, MT>(x, a + k * PA);
                load_across<TN, NT>(y, b + k * PB);
                fold(acc, x, y);
            } else {
                float x[4][TM], y[4][TN];
                load_turn<AK, TM, MT, PA>(x, a, k);
                load_turn<BK, TN, NT, PB>(y, b, k);
#pragma unroll
                for (int j = 0; j < 4; j++) fold(acc, x[j], y[j]);
            }
        }
    }

    /* Gives each of KS lanes the whole sum of its OUT elements, in acc[0] and those behind it. */
    static __device__ __forceinline__ void share(float *acc, int thread) {
        const int lane = thread % KS;
        if constexpr (KS >= 2) halve<SIZE / 2, 1>(acc, lane);
        if constexpr (KS >= 4) halve<SIZE / 4, 2>(acc, lane);
        if constexpr (KS >= 8) halve<SIZE / 8, 4>(acc, lane);
        if constexpr (KS >= 16) halve<SIZE / 16, 8>(acc, lane);
    }

    /* Round r's numbers into the tile that they are of. */
    template <int PITCH>
    static __device__ __forceinline__ void put(float *to, const float *acc, int thread, int r) {
#pragma unroll
        for (int o = 0; o < OUT; o++) {
            int m, n;
            if (place(thread, r, o, &m, &n)) to[m * PITCH + n] = acc[o];
        }
    }

  private:
    template <int W, int TILES_ACROSS>
    static __device__ __forceinline__ void load_across(float *x, const float *from) {
#pragma unroll
        for (int i = 0; i < W; i += 4) {
            const float4 q = load4(from + TILES_ACROSS * i);
            x[i] = q.x, x[i + 1] = q.y, x[i + 2] = q.z, x[i + 3] = q.w;
        }
    }
    template <bool ALONG, int W, int TILES_ACROSS, int P>
    static __device__ __forceinline__ void load_turn(float (*x)[W], const float *from, int k) {
        if constexpr (ALONG) {
#pragma unroll
            for (int i = 0; i < W; i++) {
                const float4 q = load4(from + TILES_ACROSS * P * i + 4 * k);
                x[0][i] = q.x, x[1][i] = q.y, x[2][i] = q.z, x[3][i] = q.w;
            }
        } else {
#pragma unroll
            for (int i = 0; i < 4; i++) load_across<W, TILES_ACROSS>(x[i], from + (4 * k + i) * P);
        }
    }
    static __device__ __forceinline__ void fold(float *acc, const float *x, const float *y) {
#pragma unroll
        for (int i = 0; i < TM; i++)
#pragma unroll
            for (int j = 0; j < TN; j++) acc[i * TN + j] = fmaf(x[i], y[j], acc[i * TN + j]);
    }
    template <int W, int BIT> static __device__ __forceinline__ void halve(float *acc, int lane) {
        const bool upper = lane & BIT;
#pragma unroll
        for (int i = 0; i < W; i++) {
            const float keep = upper ? acc[W + i] : acc[i], give = upper ? acc[i] : acc[W + i];
            acc[i] = keep + __shfl_xor_sync(~0u, give, BIT);
        }
    }
};

/* ---- updates ---- */

/* Moments of the numbers that a product leaves with its threads: as these lie, each thread's own.
 */
template <class P, int MOMENTS> struct kept {
    static constexpr int V = P::V, GROUPS = P::ROUNDS * P::OUT / V;
    static constexpr int size = MOMENTS * GROUPS * P::BUSY * V;
    static constexpr int AT_ONCE = most(1, least(GROUPS, 12 / V));
    static __device__ __forceinline__ int at(int moment, int group, int thread) {
        return ((moment * GROUPS + group) * P::BUSY + thread) * V;
    }
    /* f(m, n, x): for all of this thread's. Neighbours' places are worked out at once: NVRTC 13.0,
     * told to find each of them, takes some from wrong rows, of 8 x 4 tiles that 2 lanes have. */
    template <class F>
    static __device__ __forceinline__ void each(float *moments, int moment, F f) {
        const int thread = here();
        if (thread >= P::BUSY) return;
#pragma unroll 1
        for (int g = 0; g < GROUPS; g++) {
            int m, n;
            const int o = g * V;
            if (!P::place(thread, o / P::OUT, o % P::OUT, &m, &n)) continue;
#pragma unroll
            for (int e = 0; e < V; e++)
                if (n + e < P::COLUMNS) f(m, n + e, moments[at(moment, g, thread) + e]);
        }
    }
    /* f(p, g, moments): the parameter. A few are on their way at once. */
    template <int PITCH, int N, class F>
    static __device__ __forceinline__ void update(float *tile, float *moments,
                                                  const float *gradient, F f) {
        const int thread = here();
        if (thread >= P::BUSY) return;
#pragma unroll
        for (int first = 0; first < GROUPS; first += AT_ONCE) {
            float p[AT_ONCE][V], x[AT_ONCE][V][MOMENTS + 1];
            int to[AT_ONCE], column[AT_ONCE];
            bool is[AT_ONCE];
#pragma unroll
            for (int i = 0; i < AT_ONCE; i++) {
                const int g = first + i, o = g * V;
                if (g >= GROUPS) continue;
                int m, n;
                is[i] = P::place(thread, o / P::OUT, o % P::OUT, &m, &n);
                column[i] = n;
                to[i] = is[i] ? m * PITCH + n : 0;
                take(p[i], 1, tile + to[i]);
#pragma unroll
                for (int k = 0; k < MOMENTS; k++)
                    take(&x[i][0][k], MOMENTS + 1, moments + at(k, g, thread));
            }
#pragma unroll
            for (int i = 0; i < AT_ONCE; i++)
#pragma unroll
                for (int e = 0; e < V; e++) {
                    const int o = (first + i) * V + e;
                    if (first + i >= GROUPS) continue;
                    const float now = f(p[i][e], gradient[o], x[i][e]);
                    p[i][e] = N % V == 0 || column[i] + e < N ? now : 0;
                }
#pragma unroll
            for (int i = 0; i < AT_ONCE; i++) {
                if (first + i >= GROUPS) continue;
#pragma unroll
                for (int k = 0; k < MOMENTS; k++)
                    put(moments + at(k, first + i, thread), &x[i][0][k], MOMENTS + 1);
                if (is[i]) put(tile + to[i], p[i], 1);
            }
        }
    }

  private:
    static __device__ __forceinline__ void take(float *x, int apart, const float *from) {
        if constexpr (V == 4) {
            const float4 q = load4(from);
            x[0] = q.x, x[apart] = q.y, x[2 * apart] = q.z, x[3 * apart] = q.w;
        } else {
#pragma unroll
            for (int e = 0; e < V; e++) x[e * apart] = from[e];
        }
    }
    static __device__ __forceinline__ void put(float *to, const float *x, int apart) {
        if constexpr (V == 4) {
            store4(to, make_float4(x[0], x[apart], x[2 * apart], x[3 * apart]));
        } else {
#pragma unroll
            for (int e = 0; e < V; e++) to[e] = x[e * apart];
        }
    }
};

/* A float whose divisions and roots are the quick ones, right to the last bit or two: of which
 * there is one of each for each parameter. */
struct quick {
    float x;
    quick() = default;
    DEVICE_MEMBER quick(float y) : x(y) {}
    DEVICE_MEMBER quick(double y) : x((float)y) {}
    DEVICE_MEMBER quick(int y) : x((float)y) {}
};
#define QUICK(op)                                                                                  \
    DEVICE quick operator op(quick a, quick b) {                                                   \
        return quick(a.x op b.x);                                                                  \
    }
QUICK(+)
QUICK(-)
QUICK(*)
#undef QUICK
#define QUICK(op)                                                                                  \
    DEVICE bool operator op(quick a, quick b) {                                                    \
        return a.x op b.x;                                                                         \
    }
QUICK(<)
QUICK(>)
QUICK(==)
QUICK(!=)
#undef QUICK
DEVICE quick operator/(quick a, quick b) {
    return quick(__fdividef(a.x, b.x));
}
DEVICE quick operator-(quick a) {
    return quick(-a.x);
}
DEVICE quick &operator-=(quick &a, quick b) {
    return a = a - b;
}
DEVICE quick &operator/=(quick &a, quick b) {
    return a = a / b;
}
DEVICE quick fma(quick a, quick b, quick c) {
    return quick(::fmaf(a.x, b.x, c.x));
}
DEVICE quick quick_root(quick a) {
    float y;
    asm("sqrt.approx.f32 %0, %1;" : "=f"(y) : "f"(a.x));
    return quick(y);
}

#define R(name) name
#define REAL quick
#define SQRT quick_root
struct optimizer {
#include "tensor/formulas/update_formulas_internal.h"
};
#undef R
#undef REAL
#undef SQRT

/* What the next few steps need, for each parameter, worked out by all threads at once. */
enum { AHEAD = 16 };

/* An element's step. */
template <unsigned HAS, auto FORMULA>
DEVICE float stepped(const optimizer::step &s, float p, float g, float *x) {
    quick moment[3] = {0.0f, 0.0f, 0.0f};
    int k = 0;
    optimizer::step now = s;
    now.has = HAS;
#pragma unroll
    for (int i = 0; i < 3; i++)
        if (HAS >> i & 1) moment[i] = x[k++];
    const quick y = FORMULA(&now, p, g, moment);
    k = 0;
#pragma unroll
    for (int i = 0; i < 3; i++)
        if (HAS >> i & 1) x[k++] = moment[i].x;
    return y.x;
}

#endif
