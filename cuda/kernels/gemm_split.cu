/* Products of f32 matrices by the tensor cores, no less exact than f32's own. A number is the sum
 * of three bf16, a = a0 + a1 + a2, each what is left rounded, and of the nine products of two such
 * sums the six largest are made; the others are below 2^-26 of the whole. What tensor cores add
 * they cut off, not round: so they sum a step of k, small products first, and sums of steps are
 * added as f32. Sources: Henry, Tang and Heinecke, "Leveraging the bfloat16 Artificial Intelligence
 * Datatype For Higher-Precision Computations", ARITH 2019; Ootomo and Yokota, "Recovering single
 * precision accuracy from Tensor Cores while surpassing the FP32 theoretical peak performance",
 * 2022.
 *
 * A block makes tiles of z[M,N]. Its multipliers, two warpgroups of 64 rows each, read x into their
 * registers, where wgmma takes it from. Its feeders split y and put it into a ring in shared
 * memory, some steps ahead. k may be cut into parts, each a block of a cluster, whose sums are
 * added in their order.
 *
 * An infinity, a NaN or a number that bf16 rounds to infinity leaves a NaN: a tile whose sums are
 * not finite is made again, by plain multiplications. Of numbers below 2^-110 the last bits are
 * lost, those worth less than 2^-134. */
#include "cuda/kernels/launch_internal.cuh"

#if !REEL_CUDA_WGMMA
cudaError_t reel__cuda_launch_gemm_split(const reel__cuda_product *, int, int, reel__cuda_queue *) {
    return cudaErrorNotSupported;
}
void reel__cuda_gemm_split_room(int room[REEL__CUDA_SPLIT_PARTS + 1]) {
    memset(room, 0, (REEL__CUDA_SPLIT_PARTS + 1) * sizeof *room);
}
#else

#include "cuda/kernels/gemm_split_internal.cuh"

#define BAND 8 /* tiles of rows that blocks go through side by side, for the L2 cache */

/* ---- feeding ---- */

/* What a feeder reads of y in a step: units, each of 8 elements of a column. wgmma sums 16 of k in
 * any order, as long as x's is the same: unit 0 has k = 0, 1, 4, 5, 8, 9, 12, 13, and unit 1 the
 * others, so that a multiplier reads 4 in a row.
 * VECTOR: 2 if pairs lie together, 1 if elements lie along k, 0 across. */
template <class T, int VECTOR> struct y_units {
    static constexpr bool ALONG = VECTOR > 0;
    static constexpr int ROUND = T::N <= 64 ? 64 : 128;
    static constexpr int COLUMNS = ALONG ? T::FEEDERS / T::UNITS : ROUND; /* at a time */
    static constexpr int DEEP = T::FEEDERS / COLUMNS;                     /* units, at a time */
    static constexpr int COUNT =
        ALONG ? (T::N + COLUMNS - 1) / COLUMNS : (T::UNITS + DEEP - 1) / DEEP;
    static_assert(ALONG || DEEP % 2 == 0 || T::FEEDERS == ROUND, "see first_k");

    float v[T::AHEAD_Y][COUNT][8];
    const float *at;
    int64_t line_step;
    int k_step, column, unit, last, left;

    static __device__ __forceinline__ constexpr int first_k(int unit) {
        return unit / 2 * 16 + unit % 2 * 2;
    }
    __device__ __forceinline__ y_units(const lines &y, int length) {
        const int thread = threadIdx.x - MULTIPLIERS;
        column = ALONG ? thread / T::UNITS : thread % ROUND;
        unit = ALONG ? thread % T::UNITS : thread / ROUND;
        last = min(y.count, T::N) - 1;
        line_step = y.line_step;
        k_step = y.k_step;
        const int first = first_k(min(unit, T::UNITS - 1));
        at = y.at + (int64_t)first * k_step + (ALONG ? 0 : min(column, last) * line_step);
        left = length - first;
    }
    /* Columns past the last are the last: nobody looks at them. */
    template <bool WHOLE> __device__ __forceinline__ void read_unit(float (&w)[8], int i) {
        const float *p = ALONG ? at + min(column + i * COLUMNS, last) * line_step
                               : at + (int64_t)k_step * first_k(i * DEEP);
        const int from = ALONG ? 0 : first_k(i * DEEP);
#pragma unroll
        for (int e = 0; e < 8; e += 2, p += 4 * (ALONG ? 1 : k_step)) {
            const int k = from + 2 * e;
            if (VECTOR == 2) {
                const float2 pair = WHOLE || left > k ? __ldg((const float2 *)p) : float2{0, 0};
                w[e] = pair.x, w[e + 1] = pair.y;
            } else {
                w[e] = WHOLE || left > k ? __ldg(p) : 0;
                w[e + 1] = WHOLE || left > k + 1 ? __ldg(p + (ALONG ? 1 : k_step)) : 0;
            }
        }
    }
    template <bool WHOLE> __device__ __forceinline__ void read_all(int ahead) {
#pragma unroll
        for (int i = 0; i < COUNT; i++) read_unit<WHOLE>(v[ahead][i], i);
    }
    /* The next step's, of which `rest` are left. */
    __device__ __forceinline__ void read(int ahead, int rest) {
        if (rest >= T::STEP)
            read_all<true>(ahead);
        else if (rest > 0)
            read_all<false>(ahead);
        at += (int64_t)k_step * T::STEP;
        left -= T::STEP;
    }
    template <bool PLAIN>
    static __device__ __forceinline__ void put_unit(float (&w)[8], unsigned stage, unsigned to) {
#pragma unroll
        for (int p = 0; p < (PLAIN ? 2 : 3); p++) {
            uint32_t q[4];
#pragma unroll
            for (int e = 0; e < 4; e++)
                q[e] = PLAIN ? __float_as_uint(w[4 * p % 8 + e]) : peel(w[2 * e], w[2 * e + 1]);
            asm volatile(
                "st.shared.v4.b32 [%0], {%1, %2, %3, %4};" ::"r"(stage + p * T::PLANE + to),
                "r"(q[0]), "r"(q[1]), "r"(q[2]), "r"(q[3])
                : "memory");
        }
    }
    template <bool PLAIN> __device__ __forceinline__ void put(int ahead, unsigned stage) {
#pragma unroll
        for (int i = 0; i < COUNT; i++) {
            const int c = column + (ALONG ? i * COLUMNS : 0), u = unit + (ALONG ? 0 : i * DEEP);
            if (c < T::N && u < T::UNITS) put_unit<PLAIN>(v[ahead][i], stage, u * T::ROW + c * 16);
        }
    }
};

template <class T, int VECTOR, bool PLAIN>
static __device__ __forceinline__ void feed(const ring &r, const lines &y, int left, int steps,
                                            unsigned &turn) {
    y_units<T, VECTOR> units(y, left);
    for (int s = -T::AHEAD_Y; s < steps; s += T::AHEAD_Y)
#pragma unroll
        for (int a = 0; a < T::AHEAD_Y; a++) {
            if (s >= 0) {
                if (s + a >= steps) break;
                const unsigned slot = slot_of<T>(turn);
                await(r.free + 8 * slot, parity_of<T>(turn) ^ 1);
                units.template put<PLAIN>(a, r.at + slot * T::STAGE);
                arrive(r.full + 8 * slot);
                turn++;
            }
            units.read(a, left);
            left -= T::STEP;
        }
}

template <class T, bool PLAIN>
static __device__ __forceinline__ void feed_tile(const reel__cuda_product &p, const tile &t,
                                                 const ring &r, unsigned &turn) {
    const lines y = y_of(p, t);
    const int left = (int)(t.k_end - t.k), steps = steps_of<T>(t);
    if (PLAIN || !p.transpose_y)
        feed<T, 0, PLAIN>(r, y, left, steps, turn);
    else if (y.vector == 1)
        feed<T, 1, PLAIN>(r, y, left, steps, turn);
    else
        feed<T, 2, PLAIN>(r, y, left, steps, turn);
}

/* ---- multiplying ---- */

/* A multiplier's rows of the tile are this and the one 8 on; its columns this and the next, and
 * those 8, 16, ... on. */
static __device__ __forceinline__ int row_of() {
    return threadIdx.x / 32 * 16 + threadIdx.x % 32 / 4;
}
static __device__ __forceinline__ int column_of() {
    return threadIdx.x % 4 * 2;
}

/* What a multiplier reads of x in a step: of two rows, 4 elements of each 16. */
template <class T, bool QUADS> struct x_units {
    float v[T::AHEAD_X][T::HALVES][2][4];
    const float *at[2];
    int k_step, left;

    __device__ __forceinline__ x_units(const lines &x, int length) {
        const int first = threadIdx.x % 4 * 4;
        k_step = x.k_step;
#pragma unroll
        for (int i = 0; i < 2; i++)
            at[i] =
                x.at + min(row_of() + 8 * i, x.count - 1) * x.line_step + (int64_t)first * k_step;
        left = length - first;
    }
    template <bool WHOLE> __device__ __forceinline__ void read_row(float (&w)[4], int i, int k) {
        const float *p = at[i] + (int64_t)k_step * k;
        if (QUADS) {
            const float4 quad = WHOLE || left > k ? __ldg((const float4 *)p) : float4{0, 0, 0, 0};
            w[0] = quad.x, w[1] = quad.y, w[2] = quad.z, w[3] = quad.w;
        } else {
#pragma unroll
            for (int e = 0; e < 4; e++, p += k_step) w[e] = WHOLE || left > k + e ? __ldg(p) : 0;
        }
    }
    template <bool WHOLE> __device__ __forceinline__ void read_all(int ahead) {
#pragma unroll
        for (int h = 0; h < T::HALVES; h++)
#pragma unroll
            for (int i = 0; i < 2; i++) read_row<WHOLE>(v[ahead][h][i], i, 16 * h);
    }
    __device__ __forceinline__ void read(int ahead, int rest) {
        if (rest >= T::STEP)
            read_all<true>(ahead);
        else if (rest > 0)
            read_all<false>(ahead);
#pragma unroll
        for (int i = 0; i < 2; i++) at[i] += (int64_t)k_step * T::STEP;
        left -= T::STEP;
    }
    /* As wgmma takes it: pairs of the one row and of the other, twice. */
    __device__ __forceinline__ void split(uint32_t (&x)[3][T::HALVES][4], int ahead) {
#pragma unroll
        for (int p = 0; p < 3; p++)
#pragma unroll
            for (int h = 0; h < T::HALVES; h++)
#pragma unroll
                for (int i = 0; i < 4; i++) {
                    float(&w)[4] = v[ahead][h][i % 2];
                    x[p][h][i] = peel(w[i / 2 * 2], w[i / 2 * 2 + 1]);
                }
    }
};

/* sum += x y of a step, and its stage is free again. */
template <class T>
static __device__ __forceinline__ void multiply_step(float (&sum)[T::SUMS],
                                                     const uint32_t (&x)[3][T::HALVES][4],
                                                     unsigned stage, unsigned free) {
    constexpr int X[6] = {2, 0, 1, 1, 0, 0}, Y[6] = {0, 2, 1, 0, 1, 0};
    const uint64_t y = describe(stage, T::ROW);
    float d[T::SUMS];
    /* what feeders wrote is there for wgmma, and what this thread wrote to registers */
    asm volatile("fence.proxy.async.shared::cta;\nwgmma.fence.sync.aligned;" ::: "memory");
#pragma unroll
    for (int i = 0; i < 6; i++)
#pragma unroll
        for (int h = 0; h < T::HALVES; h++)
            wgmma<T::N>::send(d, x[X[i]][h], y + (Y[i] * T::PLANE + 2 * h * T::ROW) / 16,
                              i + h > 0);
    asm volatile("wgmma.commit_group.sync.aligned;\nwgmma.wait_group.sync.aligned 0;" ::: "memory");
#pragma unroll
    for (int i = 0; i < T::SUMS; i++) asm volatile("" : "+f"(d[i])::"memory"); /* not before */
    if (threadIdx.x % 32 == 0) arrive(free);
#pragma unroll
    for (int i = 0; i < T::SUMS; i++) sum[i] += d[i];
}

template <class T, bool QUADS>
static __device__ __forceinline__ void multiply(float (&sum)[T::SUMS], const ring &r,
                                                const lines &x, int left, int steps,
                                                unsigned &turn) {
    x_units<T, QUADS> units(x, left);
    for (int s = -T::AHEAD_X; s < steps; s += T::AHEAD_X)
#pragma unroll
        for (int a = 0; a < T::AHEAD_X; a++) {
            uint32_t split[3][T::HALVES][4];
            if (s >= 0) {
                if (s + a >= steps) break;
                units.split(split, a);
            }
            units.read(a, left);
            left -= T::STEP;
            if (s >= 0) {
                const unsigned slot = slot_of<T>(turn);
                await(r.full + 8 * slot, parity_of<T>(turn));
                multiply_step<T>(sum, split, r.at + slot * T::STAGE, r.free + 8 * slot);
                turn++;
            }
        }
}

/* The same without tensor cores: y is in the ring as it is, in the order of its units. */
template <class T>
static __device__ __forceinline__ void multiply_plain(float (&sum)[T::SUMS], const ring &r,
                                                      const lines &x, int left, int steps,
                                                      unsigned &turn) {
    const float *a = x.at + min(row_of(), x.count - 1) * x.line_step,
                *a8 = x.at + min(row_of() + 8, x.count - 1) * x.line_step;
    for (int s = 0; s < steps; s++, turn++, left -= T::STEP) {
        const unsigned slot = slot_of<T>(turn);
        await(r.full + 8 * slot, parity_of<T>(turn));
#pragma unroll 1
        for (int k = 0; k < T::STEP && k < left; k++, a += x.k_step, a8 += x.k_step) {
            const int unit = k / 16 * 2 + k / 2 % 2, e = k % 16 / 4 * 2 + k % 2;
            const char *y = r.memory + slot * T::STAGE + e / 4 * T::PLANE + unit * T::ROW +
                            column_of() * 16 + e % 4 * 4;
            const float x0 = *a, x8 = *a8;
#pragma unroll
            for (int i = 0; i < T::N / 8; i++, y += 8 * 16) {
                const float y0 = *(const float *)y, y1 = *(const float *)(y + 16);
                sum[4 * i] += x0 * y0, sum[4 * i + 1] += x0 * y1;
                sum[4 * i + 2] += x8 * y0, sum[4 * i + 3] += x8 * y1;
            }
        }
        __syncwarp();
        if (threadIdx.x % 32 == 0) arrive(r.free + 8 * slot);
    }
}

template <class T, bool PLAIN>
static __device__ __forceinline__ void multiply_tile(float (&sum)[T::SUMS],
                                                     const reel__cuda_product &p, const tile &t,
                                                     const ring &r, unsigned &turn) {
    const lines x = x_of(p, t);
    const int left = (int)(t.k_end - t.k), steps = steps_of<T>(t);
#pragma unroll
    for (int i = 0; i < T::SUMS; i++) sum[i] = 0;
    if (PLAIN)
        multiply_plain<T>(sum, r, x, left, steps, turn);
    else if (x.vector == 4)
        multiply<T, true>(sum, r, x, left, steps, turn);
    else
        multiply<T, false>(sum, r, x, left, steps, turn);
}

/* ---- what becomes of the sums ---- */

template <class T> static __device__ __forceinline__ bool is_finite(const float (&sum)[T::SUMS]) {
    float zero = 0;
#pragma unroll
    for (int i = 0; i < T::SUMS; i++) zero += sum[i] * 0.0f;
    return zero == 0;
}

static __device__ __forceinline__ bool takes_quads(const reel__cuda_product &p) {
    return p.n % 4 == 0 && (uintptr_t)p.z % 16 == 0;
}
static __device__ __forceinline__ void put_quad(const reel__cuda_product &p, float *z, float4 v) {
    if (p.accumulate) {
        const float4 w = *(const float4 *)z;
        v.x += w.x, v.y += w.y, v.z += w.z, v.w += w.w;
    }
    *(float4 *)z = v;
}

/* columns .. + 7 of a row, in pairs: where they come from, and where they go to. */
template <class T>
static __device__ __forceinline__ void leave(float *to, int row_step, const float (&sum)[T::SUMS],
                                             int i) {
#pragma unroll
    for (int h = 0; h < 2; h++)
        *(float2 *)(to + 8 * h * row_step) = float2{sum[4 * i + 2 * h], sum[4 * i + 2 * h + 1]};
}

/* A warp's 16 rows go through its chunk, 32 columns at a time, so that it writes whole lines. */
template <class T>
static __device__ __forceinline__ void put_tile(const reel__cuda_product &p, const tile &t,
                                                float *chunks, const float (&sum)[T::SUMS]) {
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    float *chunk = chunks + warp * 16 * T::CHUNK;
    const int rows = (int)min((int64_t)16, p.m - t.m - warp * 16);
    const bool quads = takes_quads(p);
    const int row = quads ? lane / 8 : 0, column = quads ? lane % 8 * 4 : lane;
#pragma unroll
    for (int first = 0; first < T::N; first += 32) {
        __syncwarp();
#pragma unroll
        for (int i = first / 8; i < first / 8 + 4 && i < T::SUMS / 4; i++)
            leave<T>(chunk + lane / 4 * T::CHUNK + 8 * i - first + column_of(), T::CHUNK, sum, i);
        __syncwarp();
        if (column >= T::N - first || t.n + first + column >= p.n) continue;
        float *z = p.z + (t.m + warp * 16 + row) * p.n + t.n + first + column;
        const float *from = chunk + row * T::CHUNK + column;
        if (quads) {
#pragma unroll
            for (int i = 0; i < 16; i += 4)
                if (row + i < rows)
                    put_quad(p, z + i * p.n, *(const float4 *)(from + i * T::CHUNK));
        } else {
#pragma unroll 1
            for (int i = 0; i < rows; i++, z += p.n)
                *z = p.accumulate ? *z + from[i * T::CHUNK] : from[i * T::CHUNK];
        }
    }
}

/* ---- parts ---- */

template <class T>
static __device__ __forceinline__ void park(float *parked, const float (&sum)[T::SUMS]) {
    any_multiplier(false); /* all are done with the ring */
#pragma unroll
    for (int i = 0; i < T::SUMS / 4; i++)
        leave<T>(parked + row_of() * T::PARKED + 8 * i + column_of(), T::PARKED, sum, i);
}

static __device__ __forceinline__ float4 read_of(unsigned block, unsigned at) {
    unsigned there;
    float4 v;
    asm("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(there) : "r"(at), "r"(block));
    asm volatile("ld.shared::cluster.v4.f32 {%0, %1, %2, %3}, [%4];"
                 : "=f"(v.x), "=f"(v.y), "=f"(v.z), "=f"(v.w)
                 : "r"(there));
    return v;
}

static __device__ __forceinline__ float4 add_parts(unsigned at, unsigned parts) {
    float4 sum = {0, 0, 0, 0};
    for (unsigned first = 0; first < parts; first += 8) {
        float4 part[8]; /* all on their way at once */
#pragma unroll
        for (unsigned i = 0; i < 8; i++)
            part[i] = first + i < parts ? read_of(first + i, at) : float4{0, 0, 0, 0};
#pragma unroll
        for (unsigned i = 0; i < 8; i++)
            sum.x += part[i].x, sum.y += part[i].y, sum.z += part[i].z, sum.w += part[i].w;
    }
    return sum;
}

/* Each block does a share of the tile's rows. */
template <class T>
static __device__ __forceinline__ void join(const reel__cuda_product &p, const tile &t,
                                            unsigned parked, int parts, int part) {
    const int each = (ROWS + parts - 1) / parts, first = part * each;
    const int rows = (int)min((int64_t)min(each, ROWS - first), p.m - t.m - first);
    const bool quads = takes_quads(p);
    for (int i = threadIdx.x; i < rows * (T::N / 4); i += MULTIPLIERS) {
        const int row = first + i / (T::N / 4), column = i % (T::N / 4) * 4;
        if (t.n + column >= p.n) continue;
        const float4 sum = add_parts(parked + (row * T::PARKED + column) * 4, parts);
        float *z = p.z + (t.m + row) * p.n + t.n + column;
        const float v[4] = {sum.x, sum.y, sum.z, sum.w};
        if (quads) {
            put_quad(p, z, sum);
        } else {
#pragma unroll
            for (int e = 0; e < 4; e++)
                if (t.n + column + e < p.n) z[e] = p.accumulate ? z[e] + v[e] : v[e];
        }
    }
}

/* ---- a block's work ---- */

/* It has every stride-th tile, from the first on, and a part of k. */
template <class T> struct work {
    unsigned tiles_m, tiles_n, first, stride;
    int64_t k, k_end;

    __device__ __forceinline__ work(const reel__cuda_product &p, unsigned parts, unsigned m,
                                    unsigned n)
        : tiles_m(m), tiles_n(n), first(blockIdx.x / parts), stride(gridDim.x / parts) {
        const unsigned part = blockIdx.x % parts, all = (unsigned)(p.k + 15) / 16,
                       each = all / parts, longer = all % parts;
        k = (int64_t)(each * part + min(part, longer)) * 16;
        k_end = min(k + (each + (part < longer)) * 16, p.k);
    }
    __device__ __forceinline__ unsigned count() const {
        return (tiles_m * tiles_n - first + stride - 1) / stride;
    }
    __device__ __forceinline__ tile at(unsigned i) const {
        const unsigned place = first + i * stride, band = place / (BAND * tiles_n),
                       rest = place % (BAND * tiles_n), high = min(tiles_m - band * BAND, BAND);
        return {(int64_t)(band * BAND + rest % high) * ROWS, (int64_t)(rest / high) * T::N, k,
                k_end};
    }
};

/* `again` has a bit for each tile of the block that has to be made again. */
template <class T>
static __device__ __forceinline__ void be_feeder(const reel__cuda_product &p, const work<T> &w,
                                                 const ring &r, const unsigned *again) {
    unsigned turn = 0;
    for (unsigned i = 0; i < w.count(); i++) feed_tile<T, false>(p, w.at(i), r, turn);
    meet_block();
    for (unsigned left = *again; left; left &= left - 1)
        feed_tile<T, true>(p, w.at(__ffs(left) - 1), r, turn);
}

template <class T>
static __device__ __forceinline__ void be_multiplier(const reel__cuda_product &p, const work<T> &w,
                                                     const ring &r, unsigned *again, unsigned parts,
                                                     float *shared) {
    float sum[T::SUMS], *chunks = shared + T::RING / 4;
    unsigned turn = 0;
    for (unsigned i = 0; i < w.count(); i++) {
        const tile t = w.at(i);
        multiply_tile<T, false>(sum, p, t, r, turn);
        if (any_multiplier(!is_finite<T>(sum))) {
            if (threadIdx.x == 0) *again |= 1u << i;
        } else if (parts == 1) {
            put_tile<T>(p, t, chunks, sum);
        }
    }
    meet_block();
    for (unsigned left = *again; left; left &= left - 1) {
        const tile t = w.at(__ffs(left) - 1);
        multiply_tile<T, true>(sum, p, t, r, turn);
        if (parts == 1) put_tile<T>(p, t, chunks, sum);
    }
    if (parts > 1) park<T>(shared, sum);
}

template <class T>
static __global__ void __launch_bounds__(T::THREADS, 1)
    gemm_split(const __grid_constant__ reel__cuda_product p, unsigned parts, unsigned tiles_m,
               unsigned tiles_n) {
    extern __shared__ float4 aligned[];
    __shared__ unsigned again;
    float *shared = (float *)aligned;
    const unsigned at = (unsigned)__cvta_generic_to_shared(shared),
                   barriers = at + T::RING + T::CHUNKS;
    const ring r = {(const char *)shared, at, barriers, barriers + 8 * T::STAGES};
    if (threadIdx.x == 0) {
        for (int i = 0; i < T::STAGES; i++) {
            make_barrier(r.full + 8 * i, T::FEEDERS);
            make_barrier(r.free + 8 * i, MULTIPLIERS / 32);
        }
        asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
        again = 0;
    }
    meet_block();
    const work<T> w(p, parts, tiles_m, tiles_n);
    begin(); /* nothing of the other kernels' has been touched before */
    if (threadIdx.x >= MULTIPLIERS) {
        if (T::MOVES) asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(T::FEW));
        be_feeder<T>(p, w, r, &again);
        if (parts > 1) meet_cluster();
    } else {
        if (T::MOVES) asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(T::MANY));
        be_multiplier<T>(p, w, r, &again, parts, shared);
        if (parts > 1) {
            meet_cluster();
            join<T>(p, w.at(0), at, (int)parts, (int)(blockIdx.x % parts));
        }
    }
    if (parts > 1) part_from_cluster();
}

/* ---- launches ---- */

#define MOST_TILES 32 /* of a block: the bits of `again` */
#define PROCESSORS 132

/* More shared memory than 48 KB, and clusters of more than 8. */
template <class T> static cudaError_t allow_tiles() {
    const cudaError_t e = allow_shared(gemm_split<T>, T::SHARED);
    return e != cudaSuccess
               ? e
               : cudaFuncSetAttribute((const void *)gemm_split<T>,
                                      cudaFuncAttributeNonPortableClusterSizeAllowed, 1);
}

template <class T>
static cudaError_t launch_tiles(const reel__cuda_product &p, int parts, reel__cuda_queue *queue) {
    static_assert(T::FEW >= 24 && T::SHARED <= 227 << 10, "there is not more");
    const int64_t tiles_m = blocks_for(p.m, ROWS), tiles_n = blocks_for(p.n, T::N);
    int64_t blocks = tiles_m * tiles_n * parts;
    if (parts == 1 && blocks > PROCESSORS)
        blocks = max((int64_t)PROCESSORS, blocks_for(blocks, MOST_TILES));
    const cudaError_t e = allow_tiles<T>();
    if (e != cudaSuccess) return e;
    return launch_cluster(gemm_split<T>, blocks, T::THREADS, parts, T::SHARED, queue, p, parts,
                          tiles_m, tiles_n);
}

using tiles_64 = tiling<64, 32, 6, 1, 1, 256>;
using tiles_104 = tiling<104, 32, 6, 1, 1, 256>;
using tiles_128 = tiling<128, 32, 6, 1, 1, 256>;

cudaError_t reel__cuda_launch_gemm_split(const reel__cuda_product *p, int columns, int parts,
                                         reel__cuda_queue *queue) {
    switch (columns) {
    case 64:
        return launch_tiles<tiles_64>(*p, parts, queue);
    case 104:
        return launch_tiles<tiles_104>(*p, parts, queue);
    default:
        return launch_tiles<tiles_128>(*p, parts, queue);
    }
}

/* The tilings have a processor to themselves, each of them: so one speaks for all. */
static int room_for(int parts) {
    using T = tiles_128;
    cudaLaunchAttribute cluster = {};
    cluster.id = cudaLaunchAttributeClusterDimension;
    cluster.val.clusterDim = {(unsigned)parts, 1, 1};
    cudaLaunchConfig_t c = {};
    c.gridDim = parts, c.blockDim = T::THREADS, c.dynamicSmemBytes = T::SHARED;
    c.attrs = &cluster, c.numAttrs = 1;
    int clusters = 0;
    return cudaOccupancyMaxActiveClusters(&clusters, gemm_split<T>, &c) == cudaSuccess ? clusters
                                                                                       : 0;
}

void reel__cuda_gemm_split_room(int room[REEL__CUDA_SPLIT_PARTS + 1]) {
    int device = 0, major = 0, minor = 0;
    memset(room, 0, (REEL__CUDA_SPLIT_PARTS + 1) * sizeof *room);
    cudaGetDevice(&device);
    cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device);
    cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device);
    if (major == 9 && minor == 0 && allow_tiles<tiles_128>() == cudaSuccess)
        for (int parts = 1; parts <= REEL__CUDA_SPLIT_PARTS; parts++) room[parts] = room_for(parts);
    cudaGetLastError(); /* what can't be is no failure */
}

#endif
