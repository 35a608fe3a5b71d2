/* Which way a product goes: by its shape, where its operands lie, the precision that is asked for
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
    return m <= 64 && k >= 512 && n <= 512;
}

/* ---- of a thin matrix and a large one ---- */

static int64_t pieces(int64_t n, int64_t each) {
    return (n + each - 1) / each;
}

/* Whether a matrix's lines lie at 16 bytes, and are whole multiples of them. */
static bool lies_in_quads(int32_t alignment, int64_t ld, int64_t length) {
    return alignment >= 16 && ld % 4 == 0 && length % 4 == 0;
}

/* Whether gemm_thin.cu is good at it. room: see room_of. */
static bool find_thin(const int *room, const reel__cuda_blas_product *of, way *w) {
    const int64_t m = of->n, n = of->m, k = of->k, turned = of->transpose_b;
    if (k <= 16 && m * n >= 1 << 18 && lies_in_quads(of->alignment_z, n, n)) {
        *w = (way){REEL__BY_THIN, REEL__CUDA_THIN_K, 1};
        return true;
    }
    if (n > 16 || m * k < 1 << 18 || !lies_in_quads(of->alignment_b, of->ldb, turned ? m : k))
        return false;
    *w = (way){REEL__BY_THIN, REEL__CUDA_THIN_N, 1};
    if (!turned) return m >= 1024;
    while (w->parts < 16 && room[2 * w->parts] >= pieces(m, 128) && k >= 256 * w->parts)
        w->parts *= 2;
    return m * w->parts >= 4096;
}

/* ---- large ones ---- */

/* gemm_split.cu's tilings, by their columns, and what a step of 32 takes them, in us on an H200. */
static const struct {
    int columns;
    double step;
} tilings[] = {{16, 0.65}, {64, 0.9}, {104, 1.15}, {128, 1.3}};
#define FEWEST_K 10         /* with less, f32's own sums round less */
#define FEWEST_PRODUCTS 2e7 /* with less, cuBLAS takes less time */
#define TILE_US 3           /* to begin and end a tile */
#define JOIN_US 3           /* to add parts */

static double time_of(const int *room, const reel__cuda_blas_product *of, int tiling, int parts) {
    const int64_t tiles = pieces(of->n, 128) * pieces(of->m, tilings[tiling].columns);
    const double steps = (double)pieces(pieces(of->k, parts), 32),
                 times = (double)pieces(tiles, room[parts]);
    return times * (steps * tilings[tiling].step + TILE_US) + (parts > 1 ? JOIN_US : 0);
}

static bool find_split(const int *room, const reel__cuda_blas_product *of, way *w) {
    const int64_t m = of->n, n = of->m, k = of->k, most = 1 << 28; /* it counts in 32 bits */
    if (m * n > most * 128 || k > most || of->lda > most || of->ldb > most) return false;
    if (k < FEWEST_K || (double)m * (double)n * (double)k < FEWEST_PRODUCTS || m < 100)
        return false;
    double best = 1e30;
    for (int tiling = 0; tiling < (int)(sizeof tilings / sizeof *tilings); tiling++)
        for (int parts = 1; parts <= REEL__CUDA_SPLIT_PARTS; parts++) {
            if (room[parts] == 0 || (parts > 1 && k < 64 * parts)) continue;
            const double time = time_of(room, of, tiling, parts);
            if (time >= best) continue;
            best = time;
            *w = (way){REEL__BY_SPLIT, tilings[tiling].columns, parts};
        }
    return best < 1e30;
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
    if (ours && by_tensor_cores) {
        const int *room = room_of(d);
        if (find_thin(room, of, &w) || find_split(room, of, &w)) return w;
    }
    return (way){.by = REEL__BY_BLAS};
}
