/* matmul: products of f32 by kernels of our own (gemm.cu: small ones; gemm_thin.cu: of a thin
 * matrix and a large one; gemm_split.cu: large ones), the others, and batches, by cuBLASLt. */
#include "cuda/kernels/cuda_blas_internal.h"

#include <string.h>

/* ---- a product by cuBLAS ---- */

static reel_status multiply(const reel__call *c, const reel__cuda_device *d,
                            const reel__cuda_blas_product *of, const void *x, const void *y,
                            void *z) {
    const void *plan = reel__cuda_blas_plan(c, of, d->blas);
    if (!plan) return reel_error_status();
    const reel__cuda_library_call call = {reel__cuda_blas_send, plan, x, y, z, d->workspace};
    reel__cuda_enqueue_library(
        d->queue, &call, 2.0 * (double)of->count * (double)of->m * (double)of->n * (double)of->k);
    return REEL_OK;
}

/* Of all matrices of a batch, `step` elements apart. */
static int32_t alignment_of(const void *data, int64_t step, reel_dtype dtype) {
    const uintptr_t at = (uintptr_t)data | (uintptr_t)step * reel_dtype_size(dtype),
                    low = at & (~at + 1);
    return low >= 256 ? 256 : (int32_t)low;
}

static reel__cuda_blas_product product_of(const reel__call *c, const reel__cuda_device *d,
                                          const reel__product *p) {
    const reel_dtype dtype = p->x->layout.dtype;
    reel__cuda_blas_product of;
    memset(&of, 0, sizeof of); /* it is compared as bytes */
    of.device = d->index;
    of.dtype = (int32_t)dtype;
    of.precision = dtype == REEL_F32 ? (int32_t)reel__cuda_precision() : 0;
    of.accumulate = c->accumulate;
    of.transpose_a = p->transpose_y;
    of.transpose_b = p->transpose_x;
    of.count = 1;
    of.m = p->n;
    of.n = p->m;
    of.k = p->k;
    of.lda = p->ldy;
    of.ldb = p->ldx;
    return of;
}

/* ---- a product by a kernel of our own ---- */

/* By which of its tilings a kernel does it, and into how many parts k is cut. */
typedef struct {
    enum { BY_BLAS, BY_SMALL_TILES, BY_THIN, BY_SPLIT } by;
    int tiling, parts;
} way;

/* How gemm.cu best cuts a product, as measured on an H200, if it is better than cuBLAS at it. */
static bool find_small_tiles(const reel__cuda_blas_product *of, way *w) {
    const int64_t m = of->n, n = of->m, k = of->k;
    *w = (way){BY_SMALL_TILES, REEL__CUDA_TILES_16X32, k >= 512 ? 8 : k >= 200 ? 4 : 1};
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
        *w = (way){BY_THIN, REEL__CUDA_THIN_K, 1};
        return true;
    }
    if (n > 16 || m * k < 1 << 18 || !lies_in_quads(of->alignment_b, of->ldb, turned ? m : k))
        return false;
    *w = (way){BY_THIN, REEL__CUDA_THIN_N, 1};
    if (!turned) return m >= 1024;
    while (w->parts < 16 && room[2 * w->parts] >= pieces(m, 128) && k >= 256 * w->parts)
        w->parts *= 2;
    return m * w->parts >= 4096;
}

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
            *w = (way){BY_SPLIT, tilings[tiling].columns, parts};
        }
    return best < 1e30;
}

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

static way find_way(const reel__cuda_device *d, const reel__cuda_blas_product *of) {
    way w;
    const bool ours = REEL_CUDA_SM90 && of->count == 1 && of->dtype == REEL_F32 &&
                      of->precision == REEL_MATMUL_F32,
               by_tensor_cores = reel__self()->precision == REEL_MATMUL_BF16_X6;
    if (ours && find_small_tiles(of, &w)) return w;
    if (ours && by_tensor_cores) {
        const int *room = room_of(d);
        if (find_thin(room, of, &w) || find_split(room, of, &w)) return w;
    }
    return (way){.by = BY_BLAS};
}

static reel_status multiply_own(const reel__call *c, const reel__cuda_device *d,
                                const reel__cuda_blas_product *of, const way *w, const void *x,
                                const void *y, void *z) {
    const reel__cuda_product p = {.x = x,
                                  .y = y,
                                  .z = z,
                                  .m = of->n,
                                  .n = of->m,
                                  .k = of->k,
                                  .ldx = of->ldb,
                                  .ldy = of->lda,
                                  .transpose_x = of->transpose_b,
                                  .transpose_y = of->transpose_a,
                                  .accumulate = of->accumulate};
    cudaError_t (*const launch)(const reel__cuda_product *, int, int, reel__cuda_queue *) =
        w->by == BY_SPLIT  ? reel__cuda_launch_gemm_split
        : w->by == BY_THIN ? reel__cuda_launch_gemm_thin
                           : reel__cuda_launch_gemm;
    return reel__cuda_launched(c, launch(&p, w->tiling, w->parts, d->queue));
}

/* Where a product's operands lie. */
typedef struct {
    const char *x, *y;
    char *z;
} place;

static reel_status multiply_at(const reel__call *c, const reel__cuda_device *d,
                               reel__cuda_blas_product *of, place at) {
    const reel_dtype dtype = (reel_dtype)of->dtype;
    of->alignment_a = alignment_of(at.y, of->step_a, dtype);
    of->alignment_b = alignment_of(at.x, of->step_b, dtype);
    of->alignment_z = alignment_of(at.z, of->step_z, dtype);
    const way w = find_way(d, of);
    return w.by == BY_BLAS ? multiply(c, d, of, at.x, at.y, at.z)
                           : multiply_own(c, d, of, &w, at.x, at.y, at.z);
}

/* ---- batches: along the longest axis in one call, and a call for each index of the others ---- */

#define MOST_OF_A_BATCH 65535 /* what a grid counts to along its last axis */

static int longest_axis(const reel__product *p) {
    int longest = p->ndim - 1;
    for (int i = 0; i < p->ndim; i++)
        if (p->dim[i] > p->dim[longest]) longest = i;
    return longest;
}

static void move_along(const reel__product *p, place *at, int axis, int64_t by, size_t size) {
    at->x += by * p->x_step[axis] * (int64_t)size;
    at->y += by * p->y_step[axis] * (int64_t)size;
    at->z += by * p->z_step[axis] * (int64_t)size;
}

static reel_status multiply_along(const reel__call *c, const reel__cuda_device *d,
                                  const reel__product *p, int axis, reel__cuda_blas_product *of,
                                  place at) {
    const size_t size = reel_dtype_size((reel_dtype)of->dtype);
    of->step_a = p->y_step[axis];
    of->step_b = p->x_step[axis];
    of->step_z = p->z_step[axis];
    for (int64_t left = p->dim[axis]; left > 0; left -= MOST_OF_A_BATCH) {
        of->count = left < MOST_OF_A_BATCH ? (int32_t)left : MOST_OF_A_BATCH;
        REEL_TRY(multiply_at(c, d, of, at));
        move_along(p, &at, axis, MOST_OF_A_BATCH, size);
    }
    return REEL_OK;
}

static reel_status multiply_batch(const reel__call *c, const reel__cuda_device *d,
                                  const reel__product *p, reel__cuda_blas_product *of,
                                  place first) {
    const size_t size = reel_dtype_size((reel_dtype)of->dtype);
    const int along = longest_axis(p);
    int64_t calls = 1;
    for (int i = 0; i < p->ndim; i++)
        if (i != along) calls *= p->dim[i];
    for (int64_t k = 0; k < calls; k++) {
        place at = first;
        int64_t rest = k;
        for (int i = p->ndim - 1; i >= 0; i--) {
            if (i == along) continue;
            move_along(p, &at, i, rest % p->dim[i], size);
            rest /= p->dim[i];
        }
        REEL_TRY(multiply_along(c, d, p, along, of, at));
    }
    return REEL_OK;
}

reel_status reel__cuda_matmul(const reel__call *c) {
    reel_tensor *z = c->out[0];
    if (reel_numel(z) == 0) return REEL_OK;
    if (reel_dim(c->in[0], -1) == 0)
        return c->accumulate || reel_fill_at_(c->at, z, 0) ? REEL_OK : reel_error_status();
    REEL_SCOPE;
    reel__product p;
    REEL_TRY(reel__product_make(&p, c));
    const reel__cuda_device *d = reel__cuda_enter(c);
    if (!d) return reel_error_status();
    reel__cuda_blas_product of = product_of(c, d, &p);
    const place at = {reel__data(p.x), reel__data(p.y), reel__data(z)};
    return p.ndim ? multiply_batch(c, d, &p, &of, at) : multiply_at(c, d, &of, at);
}
