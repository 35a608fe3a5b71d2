/* Which way a product goes: by its shape, how its operands lie, the precision that is asked for
 * and what the device has room for, so that on a device bits are always the same. What is said of
 * speed was measured on an H200. */
#include "cuda/kernels/cuda_matmul_internal.h"

typedef reel__matmul_way way;

/* ---- small ones ---- */

/* How gemm.cu best cuts a product, as measured on an H200, if it is better than cuBLAS at it. */
static bool find_small_tiles(const reel__cuda_blas_product *of, way *w) {
    const int64_t m = of->n, n = of->m, k = of->k;
    *w = (way){REEL__BY_SMALL_TILES, REEL__CUDA_TILES_16X32, k >= 512 ? 8 : k >= 200 ? 4 : 1};
    if (n <= 16 && m * k <= 1 << 18) {
        w->tiling = REEL__CUDA_TILES_32X16;
        return true;
    }
    if (k <= 16 && m * n <= 1 << 18) {
        if (m * n > 1 << 16) w->tiling = REEL__CUDA_TILES_32X64;
        return true;
    }
    return m <= 64 && k >= 512 && k <= 4096 && n <= 512;
}

/* ---- large ones ---- */

static int64_t pieces(int64_t n, int64_t each) {
    return (n + each - 1) / each;
}

/* gemm_split.cu's tilings, by their columns, and what a step of 32 takes them, in us on an H200,
 * where y's elements lie along k and where they don't: then the widest one's feeders have too few
 * registers. */
static const struct {
    int columns;
    double along, across;
} tilings[] = {{64, 0.9, 0.9}, {104, 1.15, 1.15}, {128, 1.3, 2.4}};
#define TILINGS (int)(sizeof tilings / sizeof *tilings)
#define FEWEST_K 10 /* with less, f32's own sums round less */
#define FEWEST_ROWS 100
#define BEGIN_US 3                          /* to begin and end a kernel */
#define TILE_US 3                           /* the same of a tile */
#define JOIN_US 3                           /* to add parts */
#define L2_BYTES 3e7                        /* bytes that the L2 cache is likely to have */
#define FAR_BYTES_A_US 1e6                  /* of the others, in a us */
#define LEAST_US (BEGIN_US + TILE_US + 0.9) /* of any tiling */

static double time_of(const int *room, const reel__cuda_blas_product *of, int tiling, int parts,
                      bool along) {
    const int64_t m = of->n, n = of->m, k = of->k;
    const int64_t tiles = pieces(m, 128) * pieces(n, tilings[tiling].columns);
    const double steps = (double)pieces(pieces(k, parts), 32),
                 step = along ? tilings[tiling].along : tilings[tiling].across,
                 times = (double)pieces(tiles, room[parts]),
                 far = 4.0 * ((double)m * (double)k + (double)k * (double)n) - L2_BYTES;
    return BEGIN_US + times * (steps * step + TILE_US) + (parts > 1 ? JOIN_US : 0) +
           (far > 0 ? far / FAR_BYTES_A_US : 0);
}

/* By cuBLAS, at 46 TFLOP/s: seldom less. */
static double time_of_blas(const reel__cuda_blas_product *of) {
    return 6 + 2.0 * (double)of->n * (double)of->m * (double)of->k / 4.6e7;
}

static bool takes(const int *room, const reel__cuda_blas_product *of, int parts) {
    return room[parts] > 0 && (parts == 1 || of->k >= 64 * parts);
}

/* Whether it is quicker than cuBLAS, and by how many parts: as if y lay across, so that bits do not
 * depend on how operands lie. */
static bool find_parts(const int *room, const reel__cuda_blas_product *of, int *tiling, way *w) {
    double best = time_of_blas(of);
    *tiling = -1;
    for (int t = 0; t < TILINGS; t++)
        for (int parts = 1; parts <= REEL__CUDA_SPLIT_PARTS; parts++) {
            const double time = takes(room, of, parts) ? time_of(room, of, t, parts, false) : best;
            if (time >= best) continue;
            best = time;
            *tiling = t;
            *w = (way){REEL__BY_SPLIT, tilings[t].columns, parts};
        }
    return *tiling >= 0;
}

static bool find_split(const int *room, const reel__cuda_blas_product *of, way *w) {
    const int64_t m = of->n, n = of->m, k = of->k, most = 1 << 28; /* it counts in 32 bits */
    int tiling;
    if (m * n > most * 128 || k > most || of->lda > most || of->ldb > most) return false;
    if (k < FEWEST_K || m < FEWEST_ROWS || !find_parts(room, of, &tiling, w)) return false;
    if (!of->transpose_a) return true;
    for (int t = 0; t < TILINGS; t++)
        if (time_of(room, of, t, w->parts, true) < time_of(room, of, tiling, w->parts, true))
            tiling = t;
    w->tiling = tilings[tiling].columns;
    return true;
}

/* ---- all ---- */

/* What the device has room for (reel__cuda_gemm_split_room), found when it is first asked for. */
static const int *room_of(const reel__cuda_device *d) {
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static struct {
        bool known;
        int parts[REEL__CUDA_SPLIT_PARTS + 1];
    } room[REEL__CUDA_DEVICES];
    pthread_mutex_lock(&lock);
    if (!room[d->index].known) reel__cuda_gemm_split_room(room[d->index].parts);
    room[d->index].known = true;
    pthread_mutex_unlock(&lock);
    return room[d->index].parts;
}

way reel__cuda_matmul_way(const reel__cuda_device *d, const reel__cuda_blas_product *of) {
    way w;
    const bool ours = REEL_CUDA_SM90 && of->count == 1 && of->dtype == REEL_F32 &&
                      of->precision == REEL_MATMUL_F32,
               by_tensor_cores = reel__self()->precision != REEL_MATMUL_F32_STRICT;
    if (ours && find_small_tiles(of, &w)) return w;
    if (ours && by_tensor_cores && time_of_blas(of) > LEAST_US && find_split(room_of(d), of, &w))
        return w;
    return (way){.by = REEL__BY_BLAS};
}
