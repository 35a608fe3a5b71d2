/* Convolutions, and their transposes, as products of matrices whose right one is never laid out:
 *
 *     out[row, column] = sum over depth of w[row, depth] in[depth, column]
 *
 * Rows are the result's channels in a group. Columns are its elements of all images, of one phase
 * (conv_steps_internal.h). Depth counts the other tensor's channels and the kernel's taps; an
 * element of `in` is looked for where channel, tap and column say, and is 0 beside the image.
 *
 * A block works out a tile of BM x BN, a thread TM x TN of it. While a step, BK deep, is added up
 * from one buffer in shared memory, the next one comes into registers, and then into the other
 * buffer. A thread loads elements of one column alone, so it finds once where that lies.
 *
 * Steps go through the taps for BK channels, and on to the next BK: a tap's place and whether it is
 * beside the image are found once for the step. Of few channels (MIXED), channels and taps are
 * counted together, and found for each element. */
#include "cuda/kernels/conv_tiles_internal.cuh"

template <int BM_, int BN_, int BK_, int TM_, int TN_> struct tiling {
    static constexpr int BM = BM_, BN = BN_, BK = BK_, TM = TM_, TN = TN_;
    static constexpr int WIDE = BM / TM * (BN / TN); /* threads */
    static constexpr int RUN = TN < 4 ? TN : 4;      /* columns of a thread side by side, */
    static constexpr int APART = BN / (TN / RUN);    /* and how far it is to the next ones */
    static constexpr int LA = BM + 4, LB = BN + 4;   /* rows of the buffers */
    static constexpr int EACH_A = (BM * BK + WIDE - 1) / WIDE, EACH_B = BN * BK / WIDE;
    static constexpr int STEP_B = WIDE / BN; /* of depth, between a thread's loads */
    static_assert(WIDE % BN == 0 && WIDE % BK == 0 && BK % STEP_B == 0, "shares are equal");
};

/* What a block does. */
template <class T> struct share {
    unsigned group, row, column; /* the first ones */
    unsigned columns, taps;      /* of the phase */
};

/* The element of the result that a column is, as counted in the phase. */
struct place {
    unsigned image;
    int at[3];
};

static __device__ __forceinline__ place place_of(const axis a[3], unsigned column) {
    place p;
    unsigned rest = column / (unsigned)a[2].count;
    p.at[2] = (int)(column - rest * a[2].count);
    column = rest / (unsigned)a[1].count;
    p.at[1] = (int)(rest - column * a[1].count);
    p.image = column / (unsigned)a[0].count;
    p.at[0] = (int)(column - p.image * a[0].count);
    return p;
}

/* Where a thread loads from: of its column, the image and where tap 0 is looked for. */
template <class T> struct source {
    const T *image;
    int at[3];
    bool is_there;
};

template <class T>
static __device__ __forceinline__ source<T> source_of(const gather_job<T> &j, const share<T> &s,
                                                      const axis a[3], unsigned column) {
    source<T> from = {j.in, {0, 0, 0}, column < s.columns};
    if (!from.is_there) return from;
    const place p = place_of(a, column);
    from.image = j.in + ((int64_t)p.image * j.groups + s.group) * j.chans * j.in_volume;
    for (int i = 0; i < 3; i++) from.at[i] = a[i].in_first + p.at[i] * a[i].in_step;
    return from;
}

/* A tap: its number along each axis. */
struct tap {
    int m[3];
};

/* Where it is in the image; -1 beside it. */
template <class T>
static __device__ __forceinline__ int find(const gather_job<T> &j, const source<T> &from,
                                           const axis a[3], const tap &t) {
    const int x = from.at[0] + t.m[0] * a[0].in_tap, y = from.at[1] + t.m[1] * a[1].in_tap,
              z = from.at[2] + t.m[2] * a[2].in_tap;
    const bool inside = from.is_there && (unsigned)x < (unsigned)j.in_size[0] &&
                        (unsigned)y < (unsigned)j.in_size[1] &&
                        (unsigned)z < (unsigned)j.in_size[2];
    return inside ? (x * j.in_size[1] + y) * j.in_size[2] + z : -1;
}

/* Where it is among the kernel's. */
template <class T>
static __device__ __forceinline__ int w_at(const gather_job<T> &j, const axis a[3], const tap &t) {
    return ((a[0].tap_first + t.m[0] * a[0].tap_step) * j.kernel[1] + a[1].tap_first +
            t.m[1] * a[1].tap_step) *
               j.kernel[2] +
           a[2].tap_first + t.m[2] * a[2].tap_step;
}

static __device__ __forceinline__ void next_tap(tap &t, const axis a[3]) {
    if (++t.m[2] < a[2].taps) return;
    t.m[2] = 0;
    if (++t.m[1] < a[1].taps) return;
    t.m[1] = 0;
    if (++t.m[0] < a[0].taps) return;
    t.m[0] = 0;
}

/* Where the loads of the next step are, of all threads. */
struct cursor {
    unsigned chan; /* the first; MIXED: of depth */
    unsigned step; /* of the taps */
    tap t;
};

template <class TILE, bool MIXED>
static __device__ __forceinline__ void move_on(cursor &c, const axis a[3], unsigned taps) {
    if (MIXED || ++c.step == taps) {
        c.chan += TILE::BK;
        c.step = 0;
    }
    if (!MIXED) next_tap(c.t, a);
}

/* The elements of one step that a thread loads. */
template <class T, class TILE> struct loads { T a[TILE::EACH_A], b[TILE::EACH_B]; };

template <class T, class TILE>
static __device__ __forceinline__ void load_step(loads<T, TILE> &l, const gather_job<T> &j,
                                                 const share<T> &s, const source<T> &from,
                                                 const axis a[3], const T *w, const cursor &c) {
    const int at = find(j, from, a, c.t), w_tap = w_at(j, a, c.t);
#pragma unroll
    for (int i = 0; i < TILE::EACH_B; i++) {
        const unsigned chan = c.chan + threadIdx.x / TILE::BN + i * TILE::STEP_B;
        l.b[i] = at >= 0 && chan < j.chans ? from.image[(int64_t)chan * j.in_volume + at] : 0;
    }
#pragma unroll
    for (int i = 0; i < TILE::EACH_A; i++) {
        const unsigned k = threadIdx.x % TILE::BK,
                       m = threadIdx.x / TILE::BK + i * (TILE::WIDE / TILE::BK);
        const bool inside = m < TILE::BM && s.row + m < j.rows && c.chan + k < j.chans;
        l.a[i] = inside
                     ? w[(int64_t)(s.row + m) * j.w_row + (int64_t)(c.chan + k) * j.w_chan + w_tap]
                     : 0;
    }
}

/* Channel and tap of a depth. */
static __device__ __forceinline__ tap split_depth(const axis a[3], unsigned depth, unsigned taps,
                                                  unsigned *chan) {
    tap t;
    *chan = depth / taps;
    unsigned rest = depth - *chan * taps;
    const unsigned y = rest / a[2].taps;
    t.m[2] = (int)(rest - y * a[2].taps);
    t.m[0] = (int)(y / a[1].taps);
    t.m[1] = (int)(y - t.m[0] * a[1].taps);
    return t;
}

template <class T, class TILE>
static __device__ __forceinline__ void load_mixed(loads<T, TILE> &l, const gather_job<T> &j,
                                                  const share<T> &s, const source<T> &from,
                                                  const axis a[3], const T *w, const cursor &c) {
    const unsigned end = j.chans * s.taps;
    unsigned chan;
#pragma unroll
    for (int i = 0; i < TILE::EACH_B; i++) {
        const unsigned depth = c.chan + threadIdx.x / TILE::BN + i * TILE::STEP_B;
        l.b[i] = 0;
        if (depth >= end) continue;
        const tap t = split_depth(a, depth, s.taps, &chan);
        const int at = find(j, from, a, t);
        if (at >= 0) l.b[i] = from.image[(int64_t)chan * j.in_volume + at];
    }
    const unsigned depth = c.chan + threadIdx.x % TILE::BK;
    const bool inside = depth < end;
    const tap t = inside ? split_depth(a, depth, s.taps, &chan) : tap{};
    const T *from_w = inside ? w + (int64_t)chan * j.w_chan + w_at(j, a, t) : w;
#pragma unroll
    for (int i = 0; i < TILE::EACH_A; i++) {
        const unsigned m = threadIdx.x / TILE::BK + i * (TILE::WIDE / TILE::BK);
        l.a[i] = inside && m < TILE::BM && s.row + m < j.rows
                     ? from_w[(int64_t)(s.row + m) * j.w_row]
                     : 0;
    }
}

template <class T, class TILE>
static __device__ __forceinline__ void put_step(buffers<T, TILE> &to, int which,
                                                const loads<T, TILE> &l) {
#pragma unroll
    for (int i = 0; i < TILE::EACH_B; i++)
        to.b[which][threadIdx.x / TILE::BN + i * TILE::STEP_B][threadIdx.x % TILE::BN] = l.b[i];
#pragma unroll
    for (int i = 0; i < TILE::EACH_A; i++) {
        const int m = threadIdx.x / TILE::BK + i * (TILE::WIDE / TILE::BK);
        if (m < TILE::BM) to.a[which][threadIdx.x % TILE::BK][m] = l.a[i];
    }
}

template <class T, class TILE>
static __device__ __forceinline__ void put_tile(const gather_job<T> &j, const share<T> &s,
                                                const axis a[3], const T sum[TILE::TM][TILE::TN],
                                                unsigned row, unsigned column) {
    const unsigned channel = s.group * j.rows + row; /* of the result */
#pragma unroll
    for (int n = 0; n < TILE::TN; n++) {
        const unsigned c = column + n / TILE::RUN * TILE::APART + n % TILE::RUN;
        if (c >= s.columns) continue;
        const place p = place_of(a, c);
        int at[3];
        for (int i = 0; i < 3; i++) at[i] = a[i].out_first + p.at[i] * a[i].out_step;
        T *out = j.out + ((int64_t)p.image * j.groups * j.rows + channel) * j.out_volume +
                 (at[0] * j.out_size[1] + at[1]) * j.out_size[2] + at[2];
#pragma unroll
        for (int m = 0; m < TILE::TM; m++)
            if (row + m < j.rows)
                out[(int64_t)m * j.out_volume] = sum[m][n] + (j.bias ? j.bias[channel + m] : 0);
    }
}

/* Blocks count tiles of rows fastest, then those of columns, groups and phases: those that run
 * together read the same part of `in`. */
template <class T, class TILE, bool MIXED, bool PHASED>
static __global__ void __launch_bounds__(TILE::WIDE, sizeof(T) == 4 ? 2 : 1)
    conv_tiles(const __grid_constant__ gather_job<T> j, unsigned tiles_m, unsigned tiles_n) {
    begin();
    __shared__ buffers<T, TILE> buffer;
    __shared__ axis shared[3];
    const unsigned at = blockIdx.x / tiles_m;
    const axis *a = axes_of<PHASED>(j, at / tiles_n / j.groups, shared);
    const share<T> s = {at / tiles_n % j.groups, blockIdx.x % tiles_m * TILE::BM,
                        at % tiles_n * TILE::BN, j.images * a[0].count * a[1].count * a[2].count,
                        (unsigned)(a[0].taps * a[1].taps * a[2].taps)};
    if (s.column >= s.columns) return; /* the whole block: the phase is smaller than others */
    const T *w = j.w + (int64_t)s.group * j.rows * j.chans * j.w_taps;
    const source<T> from = source_of(j, s, a, s.column + threadIdx.x % TILE::BN);
    const int row = threadIdx.x / (TILE::BN / TILE::TN) * TILE::TM,
              column = threadIdx.x % (TILE::BN / TILE::TN) * TILE::RUN;
    const unsigned steps = MIXED ? (j.chans * s.taps + TILE::BK - 1) / TILE::BK
                                 : (j.chans + TILE::BK - 1) / TILE::BK * s.taps;
    T sum[TILE::TM][TILE::TN] = {};
    cursor c = {0, 0, {}};
    loads<T, TILE> l;
    for (unsigned k = 0; k <= steps; k++) {
        if (k < steps) {
            if (MIXED)
                load_mixed<T, TILE>(l, j, s, from, a, w, c);
            else
                load_step<T, TILE>(l, j, s, from, a, w, c);
            move_on<TILE, MIXED>(c, a, s.taps);
        }
        if (k > 0) add_step<T, TILE>(sum, buffer, (k - 1) % 2, row, column);
        if (k < steps) put_step<T, TILE>(buffer, k % 2, l);
        __syncthreads(); /* step k is there, and step k - 1 is done with */
    }
    put_tile<T, TILE>(j, s, a, sum, s.row + row, s.column + column);
}

/* ---- which one ---- */

template <class T, class TILE, bool MIXED>
static cudaError_t launch_phases(const gather_job<T> &j, reel__cuda_queue *queue) {
    const int64_t columns = (int64_t)j.images * j.counts[0] * j.counts[1] * j.counts[2];
    const int64_t tiles_m = blocks_for(j.rows, TILE::BM), tiles_n = blocks_for(columns, TILE::BN);
    return launch(phases_of(j) > 1 ? conv_tiles<T, TILE, MIXED, true>
                                   : conv_tiles<T, TILE, MIXED, false>,
                  tiles_m * tiles_n * j.groups * phases_of(j), TILE::WIDE, queue, j,
                  (unsigned)tiles_m, (unsigned)tiles_n);
}

template <class T, class TILE>
static cudaError_t launch_tiles(const gather_job<T> &j, reel__cuda_queue *queue) {
    const bool mixed = j.chans < 2 * TILE::BK && j.chans % TILE::BK != 0;
    return mixed ? launch_phases<T, TILE, true>(j, queue) : launch_phases<T, TILE, false>(j, queue);
}

/* The tiles that leave the least undone: of few rows low ones; large ones where there are enough.
 */
template <class T> static cudaError_t launch_job(const gather_job<T> &j, reel__cuda_queue *queue) {
    const int64_t columns = (int64_t)j.images * j.counts[0] * j.counts[1] * j.counts[2],
                  large =
                      blocks_for(j.rows, 128) * blocks_for(columns, 128) * j.groups * phases_of(j);
    if (j.rows <= 16) return launch_tiles<T, tiling<16, 128, 8, 4, 2>>(j, queue);
    if constexpr (sizeof(T) == 4)
        if (j.rows > 64 && large >= ENOUGH / 4)
            return launch_tiles<T, tiling<128, 128, 8, 8, 8>>(j, queue);
    if (j.rows <= 32) return launch_tiles<T, tiling<32, 128, 8, 4, 4>>(j, queue);
    return launch_tiles<T, tiling<64, 64, 16, 4, 4>>(j, queue);
}

/* As many images a launch as have less than 2^31 columns, and blocks. */
template <class T>
static cudaError_t conv_tiles_of(const reel__cuda_conv_gather &g, reel__cuda_queue *queue) {
    const gather_job<T> one = job_of<T>(g, 0, 1);
    const int64_t columns = (int64_t)one.counts[0] * one.counts[1] * one.counts[2],
                  blocks = blocks_for(columns, 64) * blocks_for(one.rows, 16) * one.groups *
                           phases_of(one),
                  most = MOST_BLOCKS / (columns > blocks ? columns : blocks);
    return launch_by_images(g, most, launch_job<T>, queue);
}

cudaError_t reel__cuda_launch_conv_tiles(const reel__cuda_conv_gather *g, reel_dtype dtype,
                                         reel__cuda_queue *queue) {
    return dtype == REEL_F32 ? conv_tiles_of<float>(*g, queue) : conv_tiles_of<double>(*g, queue);
}
