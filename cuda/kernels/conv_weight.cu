/* The weights' gradients of convolutions, dw[row, column] = sum over depth of
 * small[row, depth] big[depth, column]: rows are small's channels in a group, columns big's with
 * the kernel's taps, and depth counts small's elements of all images.
 *
 * Depth is cut into parts, by shape alone, each of which has a partial result; those are added up
 * in their order. */
#include "cuda/kernels/conv_tiles_internal.cuh"

template <class T> struct weight_job {
    T *out; /* [parts, groups, rows, columns] */
    const T *big, *small;
    unsigned images, groups, rows, chans, columns, taps;
    int size[3], kernel[3], stride[3], before[3], dilation[3];
    reel__cuda_divisor small_volume, small_size[3];
    unsigned big_volume, depth, parts, each; /* depth: below 2^31 */
};

/* Where a part begins, and the one before it ends. */
template <class T>
static __device__ __forceinline__ uint32_t first_of(const weight_job<T> &j, unsigned part) {
    const uint64_t first = (uint64_t)part * j.each;
    return first < j.depth ? (uint32_t)first : j.depth;
}

/* An element of small, and where tap 0 is looked for in big. */
template <class T> struct element {
    const T *small, *big; /* those of the group's first channels */
    int at[3];
};

template <class T>
static __device__ __forceinline__ element<T> element_of(const weight_job<T> &j, unsigned group,
                                                        uint32_t depth) {
    element<T> e;
    const uint32_t image = divide(depth, j.small_volume), at = depth - image * j.small_volume.d,
                   row = divide(at, j.small_size[2]), x = divide(row, j.small_size[1]);
    const int p[3] = {(int)x, (int)(row - x * j.small_size[1].d),
                      (int)(at - row * j.small_size[2].d)};
    const int64_t first = (int64_t)image * j.groups + group;
    e.small = j.small + first * j.rows * j.small_volume.d + at;
    e.big = j.big + first * j.chans * j.big_volume;
#pragma unroll
    for (int i = 0; i < 3; i++) e.at[i] = p[i] * j.stride[i] - j.before[i];
    return e;
}

/* What a tap adds to that. */
struct shift {
    int by[3];
};

template <class T>
static __device__ __forceinline__ shift shift_of(const weight_job<T> &j, unsigned tap) {
    const unsigned row = tap / j.kernel[2], x = row / j.kernel[1];
    return {{(int)x * j.dilation[0], (int)(row - x * j.kernel[1]) * j.dilation[1],
             (int)(tap - row * j.kernel[2]) * j.dilation[2]}};
}

template <class T>
static __device__ __forceinline__ T read_big(const weight_job<T> &j, const element<T> &e,
                                             const T *big, const shift &s) {
    const int x = e.at[0] + s.by[0], y = e.at[1] + s.by[1], z = e.at[2] + s.by[2];
    const bool inside = (unsigned)x < (unsigned)j.size[0] && (unsigned)y < (unsigned)j.size[1] &&
                        (unsigned)z < (unsigned)j.size[2];
    return inside ? big[(x * j.size[1] + y) * j.size[2] + z] : 0;
}

/* ---- by tiles, as in conv_gather.cu: a thread's loads are of one depth ---- */

template <int BM_, int BN_, int BK_, int TM_, int TN_> struct tiling {
    static constexpr int BM = BM_, BN = BN_, BK = BK_, TM = TM_, TN = TN_;
    static constexpr int WIDE = BM / TM * (BN / TN);
    static constexpr int RUN = TN < 4 ? TN : 4, APART = BN / (TN / RUN);
    static constexpr int LA = BM + 4, LB = BN + 4;
    static constexpr int STEP = WIDE / BK; /* rows, or columns, between a thread's loads */
    static constexpr int EACH_A = (BM + STEP - 1) / STEP, EACH_B = BN / STEP;
    static_assert(WIDE % BK == 0 && BN % STEP == 0, "shares are equal");
};

/* The columns that a thread loads. */
template <class TILE> struct sources {
    unsigned chan[TILE::EACH_B];
    shift by[TILE::EACH_B];
    bool is_there[TILE::EACH_B];
};

template <class TILE, class T>
static __device__ __forceinline__ sources<TILE> sources_of(const weight_job<T> &j,
                                                           unsigned column) {
    sources<TILE> s;
#pragma unroll
    for (int i = 0; i < TILE::EACH_B; i++) {
        const unsigned n = column + threadIdx.x / TILE::BK + i * TILE::STEP;
        s.is_there[i] = n < j.columns;
        s.chan[i] = s.is_there[i] ? n / j.taps : 0;
        s.by[i] = shift_of(j, s.is_there[i] ? n % j.taps : 0);
    }
    return s;
}

template <class T, class TILE> struct loads { T a[TILE::EACH_A], b[TILE::EACH_B]; };

template <class T, class TILE>
static __device__ __forceinline__ void load_step(loads<T, TILE> &l, const weight_job<T> &j,
                                                 const sources<TILE> &s, unsigned group,
                                                 unsigned row, uint32_t depth, uint32_t end) {
    depth += threadIdx.x % TILE::BK;
    const bool inside = depth < end;
    const element<T> e = element_of(j, group, inside ? depth : 0);
#pragma unroll
    for (int i = 0; i < TILE::EACH_A; i++) {
        const unsigned m = threadIdx.x / TILE::BK + i * TILE::STEP;
        l.a[i] = inside && m < TILE::BM && row + m < j.rows
                     ? e.small[(int64_t)(row + m) * j.small_volume.d]
                     : 0;
    }
#pragma unroll
    for (int i = 0; i < TILE::EACH_B; i++)
        l.b[i] = inside && s.is_there[i]
                     ? read_big(j, e, e.big + (int64_t)s.chan[i] * j.big_volume, s.by[i])
                     : 0;
}

template <class T, class TILE>
static __device__ __forceinline__ void put_step(buffers<T, TILE> &to, int which,
                                                const loads<T, TILE> &l) {
    const int k = threadIdx.x % TILE::BK;
#pragma unroll
    for (int i = 0; i < TILE::EACH_A; i++) {
        const int m = threadIdx.x / TILE::BK + i * TILE::STEP;
        if (m < TILE::BM) to.a[which][k][m] = l.a[i];
    }
#pragma unroll
    for (int i = 0; i < TILE::EACH_B; i++)
        to.b[which][k][threadIdx.x / TILE::BK + i * TILE::STEP] = l.b[i];
}

/* Blocks count tiles of rows fastest, then those of columns, groups and parts. */
template <class T, class TILE>
static __global__ void __launch_bounds__(TILE::WIDE, sizeof(T) == 4 ? 2 : 1)
    weight_tiles(const __grid_constant__ weight_job<T> j, unsigned tiles_m, unsigned tiles_n) {
    begin();
    __shared__ buffers<T, TILE> buffer;
    const unsigned rest = blockIdx.x / tiles_m, at = rest / tiles_n, group = at % j.groups,
                   part = at / j.groups;
    const unsigned row0 = blockIdx.x % tiles_m * TILE::BM, column0 = rest % tiles_n * TILE::BN;
    const uint32_t first = first_of(j, part), end = first_of(j, part + 1);
    const unsigned steps = (end - first + TILE::BK - 1) / TILE::BK;
    const int row = threadIdx.x / (TILE::BN / TILE::TN) * TILE::TM,
              column = threadIdx.x % (TILE::BN / TILE::TN) * TILE::RUN;
    const sources<TILE> s = sources_of<TILE>(j, column0);
    T sum[TILE::TM][TILE::TN] = {};
    loads<T, TILE> l;
    for (unsigned k = 0; k <= steps; k++) {
        if (k < steps) load_step<T, TILE>(l, j, s, group, row0, first + k * TILE::BK, end);
        if (k > 0) add_step<T, TILE>(sum, buffer, (k - 1) % 2, row, column);
        if (k < steps) put_step<T, TILE>(buffer, k % 2, l);
        __syncthreads(); /* step k is there, and step k - 1 is done with */
    }
#pragma unroll
    for (int m = 0; m < TILE::TM; m++) {
        if (row0 + row + m >= j.rows) break;
        T *out = j.out + (((int64_t)part * j.groups + group) * j.rows + row0 + row + m) * j.columns;
#pragma unroll
        for (int n = 0; n < TILE::TN; n++) {
            const unsigned c = column0 + column + n / TILE::RUN * TILE::APART + n % TILE::RUN;
            if (c < j.columns) out[c] = sum[m][n];
        }
    }
}

/* ---- of few channels in a group: a block for some taps of a channel with another ---- */

/* In thread 0: the sums over the block. */
template <class T, int COUNT> static __device__ __forceinline__ void add_all(T sum[COUNT]) {
    __shared__ T warp[COUNT][THREADS / 32];
#pragma unroll
    for (int i = 0; i < COUNT; i++) {
        sum[i] = add_lanes(sum[i], 32);
        if (threadIdx.x % 32 == 0) warp[i][threadIdx.x / 32] = sum[i];
    }
    __syncthreads();
    if (threadIdx.x > 0) return;
#pragma unroll
    for (int i = 0; i < COUNT; i++)
        for (int k = 1; k < THREADS / 32; k++) sum[i] += warp[i][k];
}

/* What a block adds up: ROWS by TAPS taps from (x, y, z) on. */
struct corner {
    int x, y, z;
    unsigned chan, row, group, part;
};

/* Blocks count pieces of a row of taps fastest, then those of rows, planes, channels of big in a
 * group, channels of small, groups and parts. */
template <class T, int ROWS, int TAPS>
static __device__ __forceinline__ corner corner_of(const weight_job<T> &j) {
    const unsigned pieces_z = (j.kernel[2] + TAPS - 1) / TAPS,
                   pieces_y = (j.kernel[1] + ROWS - 1) / ROWS;
    corner c;
    unsigned rest = blockIdx.x / pieces_z;
    c.z = (int)(blockIdx.x - rest * pieces_z) * TAPS;
    c.y = (int)(rest % pieces_y) * ROWS;
    rest /= pieces_y;
    c.x = (int)(rest % j.kernel[0]);
    rest /= j.kernel[0];
    c.chan = rest % j.chans;
    rest /= j.chans;
    c.row = rest % j.rows;
    rest /= j.rows;
    c.group = rest % j.groups;
    c.part = rest / j.groups;
    return c;
}

template <class T, int ROWS, int TAPS>
static __global__ void __launch_bounds__(THREADS)
    weight_direct(const __grid_constant__ weight_job<T> j) {
    begin();
    const corner c = corner_of<T, ROWS, TAPS>(j);
    const uint32_t end = first_of(j, c.part + 1);
    T sum[ROWS * TAPS] = {};
    for (uint32_t k = first_of(j, c.part) + threadIdx.x; k < end; k += THREADS) {
        const element<T> e = element_of(j, c.group, k);
        const int at_x = e.at[0] + c.x * j.dilation[0];
        if ((unsigned)at_x >= (unsigned)j.size[0]) continue;
        const T *plane = e.big + (int64_t)c.chan * j.big_volume + at_x * j.size[1] * j.size[2];
        const T small = e.small[(int64_t)c.row * j.small_volume.d];
#pragma unroll
        for (int r = 0; r < ROWS; r++) {
            const int at_y = e.at[1] + (c.y + r) * j.dilation[1];
            const bool has_row = c.y + r < j.kernel[1] && (unsigned)at_y < (unsigned)j.size[1];
            const T *big = plane + at_y * j.size[2];
#pragma unroll
            for (int i = 0; i < TAPS; i++) {
                const int at = e.at[2] + (c.z + i) * j.dilation[2];
                if (has_row && c.z + i < j.kernel[2] && (unsigned)at < (unsigned)j.size[2])
                    sum[r * TAPS + i] += small * big[at];
            }
        }
    }
    add_all<T, ROWS * TAPS>(sum);
    if (threadIdx.x > 0) return;
    T *out = j.out + (((int64_t)c.part * j.groups + c.group) * j.rows + c.row) * j.columns +
             (int64_t)c.chan * j.taps;
#pragma unroll
    for (int i = 0; i < ROWS * TAPS; i++) {
        const int y = c.y + i / TAPS, z = c.z + i % TAPS;
        if (y < j.kernel[1] && z < j.kernel[2])
            out[(c.x * j.kernel[1] + y) * j.kernel[2] + z] = sum[i];
    }
}

/* ---- the parts together ---- */

template <class T>
static __global__ void __launch_bounds__(THREADS)
    join_parts(T *out, const T *partial, int64_t n, int64_t parts) {
    begin();
    EACH(int64_t, i, n) {
        T sum = partial[i];
        for (int64_t k = 1; k < parts; k++) sum += partial[k * n + i];
        out[i] = sum;
    }
}

/* Of many parts: a block has 32 elements, each warp every eighth part of them. */
#define JOINERS 8 /* warps */
#define MANY 16

template <class T>
static __global__ void __launch_bounds__(32 * JOINERS)
    join_many(T *out, const T *partial, int64_t n, int64_t parts) {
    begin();
    __shared__ T all[JOINERS][32];
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    const int64_t i = (int64_t)blockIdx.x * 32 + lane;
    T sum = 0;
    if (i < n) {
#pragma unroll 8
        for (int64_t k = warp; k < parts; k += JOINERS) sum += partial[k * n + i];
    }
    all[warp][lane] = sum;
    __syncthreads();
    if (warp > 0 || i >= n) return;
#pragma unroll
    for (int k = 1; k < JOINERS; k++) sum += all[k][lane];
    out[i] = sum;
}

template <class T>
static cudaError_t join(T *out, const T *partial, int64_t n, int64_t parts,
                        reel__cuda_queue *queue) {
    if (parts < MANY || blocks_for(n, 32) > MOST_BLOCKS)
        return launch(join_parts<T>, grid(n), THREADS, queue, out, partial, n, parts);
    return launch(join_many<T>, blocks_for(n, 32), 32 * JOINERS, queue, out, partial, n, parts);
}

/* ---- which one ---- */

#define WORTH 256           /* elements of depth that make a part */
#define WAVE (ENOUGH / 2)   /* blocks of tiles that an H200 runs at once */
#define DIRECT (4 * ENOUGH) /* direct blocks, which are small, that keep it busy */

/* The sides of the tiles for so many rows and columns. */
enum { LOW_128, TILES_32, TILES_64_32, TILES_64, TILES_128 };
static int tiles_for(int64_t rows, int64_t columns, bool f32) {
    if (rows <= 16 && columns > 32) return LOW_128;
    if (columns <= 32) return rows <= 32 ? TILES_32 : TILES_64_32;
    return f32 && rows > 64 && columns > 64 ? TILES_128 : TILES_64;
}

static int64_t count_tiles(int64_t rows, int64_t columns) {
    static const int high[] = {16, 32, 64, 64, 128}, wide[] = {128, 32, 32, 64, 128};
    const int t = tiles_for(rows, columns, true);
    return blocks_for(rows, high[t]) * blocks_for(columns, wide[t]);
}

/* Rows and taps of a row that a direct block adds up. */
static void direct_taps(const int64_t kernel[3], int *rows, int *taps) {
    *rows = kernel[1] == 3 && kernel[2] == 3 ? 3 : 1;
    *taps = kernel[2] <= 3 ? 3 : kernel[2] == 5 ? 5 : kernel[2] == 7 ? 7 : 8;
}

static int64_t count_direct(const reel__cuda_conv_shape *of) {
    int rows, taps;
    direct_taps(of->kernel, &rows, &taps);
    return of->small_channels * of->big_channels * of->kernel[0] * blocks_for(of->kernel[1], rows) *
           blocks_for(of->kernel[2], taps);
}

void reel__cuda_conv_weight_parts(reel__cuda_conv_weight *g) {
    const reel__cuda_conv_shape *of = &g->of;
    const int64_t volume = reel__cuda_volume(of->small_size),
                  columns = of->big_channels * reel__cuda_volume(of->kernel);
    const int64_t images = volume > 0 ? MOST_BLOCKS / volume : of->images; /* of a piece */
    g->pieces = of->images > images ? blocks_for(of->images, images) : 1;
    const int64_t depth = blocks_for(of->images, g->pieces) * volume, worth = depth / WORTH;
    const int64_t blocks =
        of->groups * (g->direct ? count_direct(of) : count_tiles(of->small_channels, columns));
    const int64_t wanted = (g->direct ? DIRECT : WAVE) / (blocks > 0 ? blocks : 1);
    g->parts = worth < wanted ? worth : wanted;
    if (g->parts < 1) g->parts = 1;
}

/* Images `first` on, `images` of them, to `out`. */
template <class T>
static weight_job<T> job_of(const reel__cuda_conv_weight &g, T *out, int64_t first,
                            int64_t images) {
    const reel__cuda_conv_shape &of = g.of;
    weight_job<T> j = {};
    j.images = (unsigned)images;
    j.groups = (unsigned)of.groups;
    j.rows = (unsigned)of.small_channels;
    j.chans = (unsigned)of.big_channels;
    j.taps = (unsigned)reel__cuda_volume(of.kernel);
    j.columns = j.chans * j.taps;
    for (int i = 0; i < 3; i++) {
        j.size[i] = (int)of.size[i];
        j.kernel[i] = (int)of.kernel[i];
        j.stride[i] = (int)of.stride[i];
        j.before[i] = (int)of.before[i];
        j.dilation[i] = (int)of.dilation[i];
        j.small_size[i] = reel__cuda_divisor_of(of.small_size[i] > 0 ? of.small_size[i] : 1);
    }
    const int64_t volume = reel__cuda_volume(of.small_size);
    j.small_volume = reel__cuda_divisor_of(volume > 0 ? volume : 1);
    j.big_volume = (unsigned)reel__cuda_volume(of.size);
    j.depth = (unsigned)(images * volume);
    j.parts = (unsigned)g.parts;
    j.each = (unsigned)blocks_for(j.depth, g.parts);
    j.out = out;
    j.big = (const T *)g.big + first * of.groups * of.big_channels * j.big_volume;
    j.small = (const T *)g.small + first * of.groups * of.small_channels * volume;
    return j;
}

template <class T, class TILE>
static cudaError_t launch_tiles(const weight_job<T> &j, reel__cuda_queue *queue) {
    const int64_t tiles_m = blocks_for(j.rows, TILE::BM), tiles_n = blocks_for(j.columns, TILE::BN);
    return launch(weight_tiles<T, TILE>, tiles_m * tiles_n * j.groups * j.parts, TILE::WIDE, queue,
                  j, (unsigned)tiles_m, (unsigned)tiles_n);
}

template <class T, int ROWS, int TAPS>
static cudaError_t launch_direct(const weight_job<T> &j, int64_t blocks, reel__cuda_queue *queue) {
    return launch(weight_direct<T, ROWS, TAPS>, blocks * j.groups * j.parts, THREADS, queue, j);
}

template <class T>
static cudaError_t launch_direct_job(const weight_job<T> &j, const reel__cuda_conv_shape &of,
                                     reel__cuda_queue *queue) {
    const int64_t blocks = count_direct(&of);
    int rows, taps;
    direct_taps(of.kernel, &rows, &taps);
    if (rows == 3) return launch_direct<T, 3, 3>(j, blocks, queue);
    if (taps == 3) return launch_direct<T, 1, 3>(j, blocks, queue);
    if (taps == 5) return launch_direct<T, 1, 5>(j, blocks, queue);
    if (taps == 7) return launch_direct<T, 1, 7>(j, blocks, queue);
    return launch_direct<T, 1, 8>(j, blocks, queue);
}

template <class T>
static cudaError_t launch_tiles_job(const weight_job<T> &j, reel__cuda_queue *queue) {
    switch (tiles_for(j.rows, j.columns, sizeof(T) == 4)) {
    case LOW_128:
        return launch_tiles<T, tiling<16, 128, 8, 4, 2>>(j, queue);
    case TILES_32:
        return launch_tiles<T, tiling<32, 32, 16, 2, 2>>(j, queue);
    case TILES_64_32:
        return launch_tiles<T, tiling<64, 32, 16, 4, 2>>(j, queue);
    case TILES_128:
        if constexpr (sizeof(T) == 4) return launch_tiles<T, tiling<128, 128, 8, 8, 8>>(j, queue);
    }
    return launch_tiles<T, tiling<64, 64, 16, 4, 4>>(j, queue);
}

template <class T>
static cudaError_t conv_weight(const reel__cuda_conv_weight &g, reel__cuda_queue *queue) {
    const reel__cuda_conv_shape &of = g.of;
    const int64_t n = of.groups * of.small_channels * of.big_channels *
                      reel__cuda_volume(of.kernel),
                  all = g.pieces * g.parts, each = blocks_for(of.images, g.pieces);
    T *to = (T *)(all > 1 ? g.partial : g.out);
    for (int64_t k = 0; k < g.pieces; k++) {
        const int64_t first = k * each < of.images ? k * each : of.images,
                      images = of.images - first < each ? of.images - first : each;
        const weight_job<T> j = job_of<T>(g, to + k * g.parts * n, first, images);
        const cudaError_t e =
            g.direct ? launch_direct_job(j, of, queue) : launch_tiles_job(j, queue);
        if (e != cudaSuccess) return e;
    }
    if (all == 1) return cudaSuccess;
    return join((T *)g.out, (const T *)g.partial, n, all, queue);
}

cudaError_t reel__cuda_launch_conv_weight(const reel__cuda_conv_weight *g, reel_dtype dtype,
                                          reel__cuda_queue *queue) {
    return dtype == REEL_F32 ? conv_weight<float>(*g, queue) : conv_weight<double>(*g, queue);
}
