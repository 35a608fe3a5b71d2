/* What a resident kernel is made of: a training step, or many, as one kernel whose tensors stay in
 * shared memory. NVRTC compiles this text with what resident_text.c writes behind it.
 *
 * The blocks form clusters. One axis of the model is cut over the blocks of a cluster (their
 * ranks), another one, the batch's or one of the model's, over the clusters. A sum over the first
 * is exchanged within the cluster (`exchange`), one over the second through L2 among the blocks of
 * one rank (`join`). Each sum has an order that depends on nothing but the sizes; so a run's bits
 * do not depend on which block came first. */
#ifndef REEL_CUDA_FUSED_RESIDENT_INTERNAL_CUH
#define REEL_CUDA_FUSED_RESIDENT_INTERNAL_CUH

#include "cuda/fused/resident_products_internal.cuh"
#include "cuda/kernels/errors_internal.cuh"

/* ---- clusters: ranks, messages, barriers ---- */

DEVICE u32 shared_address(const void *p) {
    return (u32)__cvta_generic_to_shared(p);
}

DEVICE int rank_in_cluster() {
    u32 r;
    asm("mov.u32 %0, %%cluster_ctarank;" : "=r"(r));
    return (int)r;
}

/* The address of the same place in the block of another rank. */
DEVICE u32 address_in(u32 address, int rank) {
    u32 there;
    asm("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(there) : "r"(address), "r"(rank));
    return there;
}

/* V floats into another block's memory, whose barrier counts their bytes. */
template <int V> DEVICE void send(u32 to, const float *x, u32 barrier) {
    if constexpr (V == 4)
        asm volatile("st.async.shared::cluster.mbarrier::complete_tx::bytes.v4.f32 [%0], {%1, %2, "
                     "%3, %4}, [%5];" ::"r"(to),
                     "f"(x[0]), "f"(x[1]), "f"(x[2]), "f"(x[3]), "r"(barrier)
                     : "memory");
    else if constexpr (V == 2)
        asm volatile(
            "st.async.shared::cluster.mbarrier::complete_tx::bytes.v2.f32 [%0], {%1, %2}, [%3];" ::
                "r"(to),
            "f"(x[0]), "f"(x[1]), "r"(barrier)
            : "memory");
    else
        asm volatile(
            "st.async.shared::cluster.mbarrier::complete_tx::bytes.f32 [%0], %1, [%2];" ::"r"(to),
            "f"(x[0]), "r"(barrier)
            : "memory");
}

DEVICE void barrier_make(u32 barrier) {
    asm volatile("mbarrier.init.shared::cta.b64 [%0], 1;" ::"r"(barrier) : "memory");
}

/* So many bytes will come before the barrier opens. */
DEVICE void barrier_expect(u32 barrier, u32 bytes) {
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier), "r"(bytes)
                 : "memory");
}

DEVICE void barrier_wait(u32 barrier, u32 parity) {
    u32 open;
    do {
        asm volatile("{ .reg .pred p; mbarrier.try_wait.parity.acquire.cluster.shared::cta.b64 p, "
                     "[%1], %2; selp.u32 %0, 1, 0, p; }"
                     : "=r"(open)
                     : "r"(barrier), "r"(parity)
                     : "memory");
    } while (!open);
}

/* By all threads: what came is there, and the same number of bytes is expected anew. If nothing
 * comes there is nothing to wait for: a barrier that opens at once would have opened twice for
 * some. */
DEVICE void barrier_pass(u32 barrier, u32 parity, u32 bytes) {
    if (bytes == 0) return;
    barrier_wait(barrier, parity);
    if (threadIdx.x == 0) barrier_expect(barrier, bytes);
}

DEVICE void cluster_meet() {
    asm volatile("barrier.cluster.arrive.aligned;\nbarrier.cluster.wait.aligned;" ::: "memory");
}

/* ---- exchange: a sum over the ranks of a cluster ---- */

/* Each block has a part of x[M,N]; each gets what a function makes of the sum. The numbers are cut
 * over the blocks in groups of 4, items: their owner gets all parts, adds them up in the order of
 * the ranks' numbers, and sends what it made to all. ALL: each owns every item; one message less to
 * wait for, CL times as many to send, which pays for very few.
 *
 * In shared memory: `parts_size` floats that parts arrive in, and two barriers. */
template <int T, int CL, int M, int N, bool ALL> struct exchange {
    static constexpr int N4 = parts(N, 4), ITEMS = M * N4, SHARE = ALL ? ITEMS : parts(ITEMS, CL);
    static constexpr int parts_size = CL * SHARE * 4;
    /* lanes that add up one item */
    static constexpr int LANES = SHARE * 16 <= T && CL >= 16 ? 16
                                 : SHARE * 8 <= T && CL >= 8 ? 8
                                 : SHARE * 4 <= T && CL >= 4 ? 4
                                 : SHARE * 2 <= T && CL >= 2 ? 2
                                                             : 1;
    static constexpr int ROUNDS = parts(SHARE * LANES, T);

    static __device__ __forceinline__ int owned(int rank) {
        return ALL ? ITEMS : most(0, least(SHARE, ITEMS - rank * SHARE));
    }
    static __device__ __forceinline__ u32 bytes_of_parts(int rank) {
        return CL * owned(rank) * 16;
    }
    static constexpr u32 bytes_of_results = ALL ? 0 : ITEMS * 16;

    /* V neighbours of this block's part, x[m][n], to their owner. */
    template <int V>
    static __device__ __forceinline__ void give(const float *x, int m, int n, int rank, u32 in,
                                                u32 barrier) {
        const int item = m * N4 + n / 4;
        if constexpr (ALL) {
#pragma unroll 4
            for (int to = 0; to < CL; to++)
                send<V>(address_in(in + (rank * SHARE + item) * 16 + n % 4 * 4, to), x,
                        address_in(barrier, to));
        } else {
            const int owner = item / SHARE;
            send<V>(address_in(in + (rank * SHARE + item - owner * SHARE) * 16 + n % 4 * 4, owner),
                    x, address_in(barrier, owner));
        }
    }

    /* The whole product's part, round by round; of each item all 4 numbers, those past N too. */
    template <class P>
    static __device__ __forceinline__ void give_product(const float *a, const float *b, int rank,
                                                        u32 in, u32 barrier) {
        const int thread = here();
#pragma unroll
        for (int r = 0; r < P::ROUNDS; r++) {
            float acc[P::SIZE];
            P::clear(acc);
            P::add(acc, a, b, thread, r);
            P::share(acc, thread);
#pragma unroll
            for (int o = 0; o < P::OUT; o += P::V) {
                int m, n;
                if (P::template place<4 * N4>(thread, r, o, &m, &n))
                    give<P::V>(acc + o, m, n, rank, in, barrier);
            }
        }
    }

    /* f(m, n, x): of 4 neighbours' sums makes what all blocks get into their out[M][P], zero past
     * N. */
    template <int P, class F>
    static __device__ __forceinline__ void finish(const float *in, int rank, float *out,
                                                  u32 barrier, F f) {
        const int thread = here(), lane = thread % LANES, count = owned(rank);
#pragma unroll
        for (int r = 0; r < ROUNDS; r++) {
            const int i = (thread + r * T) / LANES;
            const bool mine = i < count;
            float x[4] = {0, 0, 0, 0};
            if (mine)
#pragma unroll 4
                for (int k = 0; k < CL / LANES; k++) {
                    const float4 q = load4(in + ((k * LANES + lane) * SHARE + i) * 4);
                    x[0] += q.x, x[1] += q.y, x[2] += q.z, x[3] += q.w;
                }
#pragma unroll
            for (int bit = 1; bit < LANES; bit *= 2)
#pragma unroll
                for (int e = 0; e < 4; e++) x[e] += __shfl_xor_sync(~0u, x[e], bit);
            if (!mine) continue;
            const int item = ALL ? i : rank * SHARE + i, m = item / N4, n = item % N4 * 4;
            f(m, n, x, lane == 0);
            if constexpr (ALL) {
                if (lane == 0) store4(out + m * P + n, make_float4(x[0], x[1], x[2], x[3]));
            } else {
                const u32 at = shared_address(out + m * P + n);
#pragma unroll
                for (int k = 0; k < CL / LANES; k++)
                    send<4>(address_in(at, k * LANES + lane), x,
                            address_in(barrier, k * LANES + lane));
            }
        }
    }
};

/* Up to 4 sums over all threads of a cluster, which travel with another message: each warp's go to
 * all ranks. */
template <int T, int CL> struct totals {
    static constexpr int WARPS = T / 32, size = CL * WARPS * 4;
    static constexpr u32 bytes = size * 4;
    static __device__ __forceinline__ void give(float *x, int rank, u32 in, u32 barrier) {
        const int thread = here(), lane = thread & 31, warp = thread >> 5;
#pragma unroll
        for (int bit = 16; bit; bit >>= 1)
#pragma unroll
            for (int e = 0; e < 4; e++) x[e] += __shfl_xor_sync(~0u, x[e], bit);
        if (lane < CL)
            send<4>(address_in(in + (rank * WARPS + warp) * 16, lane), x,
                    address_in(barrier, lane));
    }
    /* By one warp, all of whose lanes get what was there and the sums. */
    static __device__ __forceinline__ void take(float *to, const float *in) {
        float x[4] = {0, 0, 0, 0};
        for (int i = threadIdx.x & 31; i < CL * WARPS; i += 32) {
            const float4 q = load4(in + 4 * i);
            x[0] += q.x, x[1] += q.y, x[2] += q.z, x[3] += q.w;
        }
#pragma unroll
        for (int bit = 16; bit; bit >>= 1)
#pragma unroll
            for (int e = 0; e < 4; e++) x[e] += __shfl_xor_sync(~0u, x[e], bit);
#pragma unroll
        for (int e = 0; e < 4; e++) to[e] += x[e];
    }
};

/* ---- join: a sum over the clusters ---- */

/* Through L2, among the blocks of one rank. A message is two numbers, each with the number of the
 * step beside it: whoever sees the step's number has the number too, and no flag is waited for.
 * Slots of even and odd steps differ: a block that writes its next but one has seen all others
 * write the next, after they had read this one. */
struct alignas(16) message {
    u64 x, y;
};
DEVICE u64 with_step(float x, u32 step) {
    return (u64)step << 32 | __float_as_uint(x);
}
DEVICE float number_of(u64 x) {
    return __uint_as_float((u32)x);
}
DEVICE void post(message *slot, float x, float y, u32 step) {
    asm volatile("st.relaxed.gpu.global.v2.b64 [%0], {%1, %2};" ::"l"(slot),
                 "l"(with_step(x, step)), "l"(with_step(y, step))
                 : "memory");
}
DEVICE message peek(const message *slot) {
    message q;
    asm volatile("ld.relaxed.gpu.global.v2.b64 {%0, %1}, [%2];"
                 : "=l"(q.x), "=l"(q.y)
                 : "l"(slot)
                 : "memory");
    return q;
}
DEVICE bool is_of(message q, u32 step) {
    return (u32)(q.x >> 32) == step && (u32)(q.y >> 32) == step;
}

/* Numbers that threads of the same index hold, COUNT each, in all clusters: of the first BUSY. */
template <int BUSY, int NC, int COUNT, int ROUNDS = 1> struct join {
    static constexpr int PAIRS = parts(COUNT, 2);
    static constexpr int of_round = NC * PAIRS * BUSY;
    static constexpr int slots = ROUNDS * of_round; /* of one rank and one parity */
    static __device__ __forceinline__ void give(message *slot, const float *x, int cluster,
                                                u32 step, int thread) {
        if (thread >= BUSY) return;
#pragma unroll
        for (int v = 0; v < PAIRS; v++)
            post(slot + (cluster * PAIRS + v) * BUSY + thread, x[2 * v],
                 2 * v + 1 < COUNT ? x[2 * v + 1] : 0, step);
    }
    /* x becomes the sum, added in the order of the clusters: of SOME at once, and AT_ONCE pairs. */
    static constexpr int SOME = least(NC, 16), AT_ONCE = most(1, least(PAIRS, 20 / SOME));
    static __device__ __forceinline__ void take(const message *slot, float *x, u32 step,
                                                int thread) {
        if (thread >= BUSY) return;
#pragma unroll
        for (int first = 0; first < PAIRS; first += AT_ONCE) {
            float sum[AT_ONCE][2] = {};
#pragma unroll 1
            for (int c = 0; c < NC; c += SOME)
                add_some(sum, slot + (c * PAIRS + first) * BUSY + thread, NC - c, PAIRS - first,
                         step);
#pragma unroll
            for (int v = 0; v < AT_ONCE; v++)
#pragma unroll
                for (int e = 0; e < 2; e++)
                    if (2 * (first + v) + e < COUNT) x[2 * (first + v) + e] = sum[v][e];
        }
    }

  private:
    /* Of the next clusters and the next pairs, of which there are so many. */
    static __device__ __forceinline__ void add_some(float (*sum)[2], const message *slot,
                                                    int clusters, int pairs, u32 step) {
        message q[AT_ONCE][SOME];
        bool there;
        do {
            there = true;
#pragma unroll
            for (int v = 0; v < AT_ONCE; v++)
#pragma unroll
                for (int c = 0; c < SOME; c++)
                    if (v < pairs && c < clusters) q[v][c] = peek(slot + (c * PAIRS + v) * BUSY);
#pragma unroll
            for (int v = 0; v < AT_ONCE; v++)
#pragma unroll
                for (int c = 0; c < SOME; c++)
                    if (v < pairs && c < clusters) there = there && is_of(q[v][c], step);
        } while (!there);
#pragma unroll
        for (int v = 0; v < AT_ONCE; v++)
#pragma unroll
            for (int c = 0; c < SOME; c++)
                if (v < pairs && c < clusters)
                    sum[v][0] += number_of(q[v][c].x), sum[v][1] += number_of(q[v][c].y);
    }
};

/* All blocks of one rank have come here, and see what the others wrote before. */
template <int NC> DEVICE void rank_meet(u32 *counter, u32 round) {
    __syncthreads();
    if (threadIdx.x == 0) {
        u32 seen;
        asm volatile("fence.acq_rel.gpu;\nred.release.gpu.global.add.u32 [%0], 1;" ::"l"(counter)
                     : "memory");
        do {
            asm volatile("ld.acquire.gpu.global.u32 %0, [%1];"
                         : "=r"(seen)
                         : "l"(counter)
                         : "memory");
        } while ((int)(seen - NC * round) < 0);
    }
    __syncthreads();
}

/* An update of what product P leaves with its threads, where the clusters' sums are many numbers:
 * items of 4 are cut over the clusters, and whoever owns one adds up its parts and makes the
 * parameters of them, which all get. So moments are there once, and a number crosses L2 three
 * times however many clusters there are. Blocks of a rank meet before `own` and behind it.
 *
 * Slots are of float4: parts by cluster, then the parameters. */
template <int T, class P, int NC, int MOMENTS> struct owned {
    static_assert(P::V == 4, "items of neighbours");
    static constexpr int VECTORS = P::ROUNDS * P::OUT / 4, ITEMS = VECTORS * P::BUSY;
    static constexpr int SHARE = parts(ITEMS, NC), ROUNDS = parts(SHARE, T);
    static constexpr int slots = (NC + 1) * ITEMS;        /* of one rank */
    static constexpr int size = MOMENTS * ROUNDS * T * 4; /* of moments */
    static constexpr int AT_ONCE = least(NC, 16);         /* parts on their way together */

    static __device__ __forceinline__ int at(int moment, int round, int thread) {
        return ((moment * ROUNDS + round) * T + thread) * 4;
    }
    /* The place of this block's item of a round; false: there is none. */
    static __device__ __forceinline__ bool place(int round, int thread, int cluster, int *m,
                                                 int *n) {
        const int k = thread + round * T, item = cluster * SHARE + k;
        const int v = item / P::BUSY, o = v * 4;
        return k < SHARE && item < ITEMS && P::place(item % P::BUSY, o / P::OUT, o % P::OUT, m, n);
    }
    /* f(m, n, x): for all of this block's moments. */
    template <int N, class F>
    static __device__ __forceinline__ void each(float *moments, int cluster, int moment, F f) {
        const int thread = here();
        for (int r = 0; r < ROUNDS; r++)
            for (int e = 0; e < 4; e++) {
                int m, n;
                if (place(r, thread, cluster, &m, &n) && n + e < N)
                    f(m, n + e, moments[at(moment, r, thread) + e]);
            }
    }
    static __device__ __forceinline__ void give(message *slot, const float *x, int cluster) {
        const int thread = here();
        if (thread >= P::BUSY) return;
#pragma unroll
        for (int v = 0; v < VECTORS; v++)
            __stcg((float4 *)slot + cluster * ITEMS + v * P::BUSY + thread, load4_of(x + 4 * v));
    }
    /* f(p, g, moments): the parameter. */
    template <int PITCH, int N, class F>
    static __device__ __forceinline__ void own(message *slot, const float *tile, float *moments,
                                               int cluster, F f) {
        const int thread = here();
#pragma unroll
        for (int r = 0; r < ROUNDS; r++) {
            int m, n;
            const int item = cluster * SHARE + thread + r * T;
            if (!place(r, thread, cluster, &m, &n)) continue;
            float g[4] = {0, 0, 0, 0}, p[4], x[4][MOMENTS + 1];
#pragma unroll 1
            for (int first = 0; first < NC; first += AT_ONCE) {
                float4 part[AT_ONCE];
#pragma unroll
                for (int c = 0; c < AT_ONCE; c++)
                    if (first + c < NC)
                        part[c] = __ldcg((const float4 *)slot + (first + c) * ITEMS + item);
#pragma unroll
                for (int c = 0; c < AT_ONCE; c++)
                    if (first + c < NC)
                        g[0] += part[c].x, g[1] += part[c].y, g[2] += part[c].z, g[3] += part[c].w;
            }
            split(p, 1, load4(tile + m * PITCH + n));
#pragma unroll
            for (int k = 0; k < MOMENTS; k++)
                split(&x[0][k], MOMENTS + 1, load4(moments + at(k, r, thread)));
#pragma unroll
            for (int e = 0; e < 4; e++) {
                const float now = f(p[e], g[e], x[e]);
                p[e] = N % 4 == 0 || n + e < N ? now : 0;
            }
#pragma unroll
            for (int k = 0; k < MOMENTS; k++)
                store4(moments + at(k, r, thread), make_float4(x[0][k], x[1][k], x[2][k], x[3][k]));
            __stcg((float4 *)slot + NC * ITEMS + item, load4_of(p));
        }
    }
    template <int PITCH>
    static __device__ __forceinline__ void take(const message *slot, float *tile) {
        const int thread = here();
        if (thread >= P::BUSY) return;
#pragma unroll
        for (int first = 0; first < VECTORS; first += 6) {
            float4 p[6];
#pragma unroll
            for (int i = 0; i < 6; i++)
                if (first + i < VECTORS)
                    p[i] =
                        __ldcg((const float4 *)slot + NC * ITEMS + (first + i) * P::BUSY + thread);
#pragma unroll
            for (int i = 0; i < 6; i++) {
                int m, n;
                const int o = (first + i) * 4;
                if (first + i < VECTORS && P::place(thread, o / P::OUT, o % P::OUT, &m, &n))
                    store4(tile + m * PITCH + n, p[i]);
            }
        }
    }

  private:
    static __device__ __forceinline__ float4 load4_of(const float *x) {
        return make_float4(x[0], x[1], x[2], x[3]);
    }
    static __device__ __forceinline__ void split(float *x, int apart, float4 q) {
        x[0] = q.x, x[apart] = q.y, x[2 * apart] = q.z, x[3 * apart] = q.w;
    }
};

/* ---- what comes from memory and goes back: this block's part of a matrix ---- */

template <int T, int ROWS, int COLUMNS, int P>
DEVICE void load_tile(float *tile, const float *from, int64_t down, int64_t across) {
    for (int i = threadIdx.x; i < ROWS * COLUMNS; i += T)
        tile[i / COLUMNS * P + i % COLUMNS] = from[i / COLUMNS * down + i % COLUMNS * across];
}
template <int T, int ROWS, int COLUMNS, int P>
DEVICE void store_tile(const float *tile, float *to, int64_t down, int64_t across) {
    for (int i = threadIdx.x; i < ROWS * COLUMNS; i += T)
        to[i / COLUMNS * down + i % COLUMNS * across] = tile[i / COLUMNS * P + i % COLUMNS];
}

/* f(m, n): for each four neighbours of a tile, n and those behind it. */
template <int T, int M, int N, class F> DEVICE void by_fours(F f) {
    constexpr int N4 = parts(N, 4);
#pragma unroll 1
    for (int i = threadIdx.x; i < M * N4; i += T) f(i / N4, i % N4 * 4);
}

/* Of a tile's column or row `i`. */
template <int ROWS, int P> DEVICE float column_sum(const float *tile, int i) {
    float s = 0;
#pragma unroll 8
    for (int k = 0; k < ROWS; k++) s += tile[k * P + i];
    return s;
}
template <int COLUMNS, int P> DEVICE float row_sum(const float *tile, int i) {
    float s = 0;
#pragma unroll 8
    for (int k = 0; k < COLUMNS; k += 4) {
        const float4 q = load4(tile + i * P + k);
        s += (q.x + q.y) + (q.z + q.w);
    }
    return s;
}

/* ---- rows of bytes, picked by index ---- */

/* Of ROWS rows this block's R bytes, which become x[r][row], P floats a row, scaled. Their numbers
 * are fetched a turn ahead, the bytes while products run: W side by side, 4 or 1. */
template <int T, int R, int ROWS, int P, int W> struct gather {
    /* Lanes side by side have a row, each every LANES-th of its words of W. */
    static constexpr int LANES = T / ROWS, EACH = parts(R / W, LANES);
    static_assert(ROWS <= T && R % W == 0, "a row's number a thread");
    /* This thread's row, of `count` from `order` on; it is looked at later. */
    static __device__ __forceinline__ int64_t find(const int64_t *order, int count) {
        return (int)threadIdx.x < count ? __ldg((const long long *)order + threadIdx.x) : 0;
    }
    /* -1: none, or not one of `all`, which is said once, by the blocks whose `says` is true. */
    static __device__ __forceinline__ void keep(int *row, int64_t found, int count, int64_t all,
                                                int first, const reel__cuda_error_slot &errors,
                                                bool says) {
        if (threadIdx.x >= ROWS) return;
        const bool is = (int)threadIdx.x < count, good = (uint64_t)found < (uint64_t)all;
        if (is && !good && says)
            report_error(errors, REEL__CUDA_WRONG_INDEX, 0, found, first + threadIdx.x, all);
        row[threadIdx.x] = is && good ? (int)found : -1;
    }
    static __device__ __forceinline__ void fetch(unsigned *x, const int *row,
                                                 const unsigned char *data, int64_t width) {
        const int thread = here(), lane = thread % LANES, at = thread / LANES;
        const int from = at < ROWS ? row[at] : -1;
        const unsigned char *p = data + (from < 0 ? 0 : from) * width + lane * W;
#pragma unroll
        for (int i = 0; i < EACH; i++) {
            x[i] = 0;
            if (from < 0 || lane + LANES * i >= R / W) continue;
            x[i] = W == 4 ? __ldg((const unsigned *)p + LANES * i) : __ldg(p + LANES * i);
        }
    }
    static __device__ __forceinline__ void put(float *to, const unsigned *x, float scale) {
        const int thread = here(), lane = thread % LANES, at = thread / LANES;
        if (at >= ROWS) return;
#pragma unroll
        for (int i = 0; i < EACH; i++)
#pragma unroll
            for (int e = 0; e < W; e++)
                if (lane + LANES * i < R / W)
                    to[((lane + LANES * i) * W + e) * P + at] =
                        (float)(x[i] >> 8 * e & 255) * scale;
    }
};

/* ---- formulas ---- */

/* Those of scalar.h, but for the one that each element of an autoencoder's step has, and whose
 * division takes as long as all else. */
struct quickly : formula<float> {
    static __device__ __forceinline__ float sigmoid(float x) {
        return __fdividef(1.0f, 1.0f + __expf(-x));
    }
};

#endif
