/* In which way a step is cut. */
#include "cuda/fused/cuda_resident_internal.h"
#include "cuda/runtime/cuda_compile_internal.h"

#include <stdlib.h>

typedef reel__resident resident;

typedef struct {
    int axis, clusters, blocks, threads, turns;
    bool shares, tight;
} cutting;

/* ---- a kernel ---- */

static bool cut(resident *r, const cutting *c) {
    r->blocks = c->blocks;
    r->threads = c->threads;
    r->turns = c->turns;
    r->shares = c->shares;
    r->tight = c->tight;
    return reel__resident_cut(r, c->axis, c->clusters) &&
           reel__resident_bytes(r) <= REEL__RESIDENT_BYTES;
}

static bool allow(const void *kernel) {
    const bool good = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                           REEL__RESIDENT_BYTES) == cudaSuccess &&
                      cudaFuncSetAttribute(kernel, cudaFuncAttributeNonPortableClusterSizeAllowed,
                                           1) == cudaSuccess;
    if (!good) cudaGetLastError();
    return good;
}

static const void *compile_text(const char *text) {
    char why[300];
    const void *kernel = reel__cuda_compiled(text, "resident", 90, why, sizeof why);
    return kernel && allow(kernel) ? kernel : NULL;
}

static const void *compile(resident *r, const cutting *c) {
    if (!cut(r, c)) return NULL;
    char *text = reel__resident_text(r);
    const void *kernel = text ? compile_text(text) : NULL;
    free(text);
    return kernel;
}

/* How many clusters of so many blocks the GPU has room for at once, each block with all of a
 * multiprocessor's shared memory: a kernel that does nothing knows. */
static int clusters_of(int blocks, int threads) {
    const void *kernel = compile_text("extern \"C\" __global__ void resident() {}\n");
    const cudaLaunchAttribute of = {.id = cudaLaunchAttributeClusterDimension,
                                    .val.clusterDim = {(unsigned)blocks, 1, 1}};
    const cudaLaunchConfig_t l = {.gridDim = {(unsigned)blocks, 1, 1},
                                  .blockDim = {(unsigned)threads, 1, 1},
                                  .dynamicSmemBytes = REEL__RESIDENT_BYTES,
                                  .attrs = (cudaLaunchAttribute *)&of,
                                  .numAttrs = 1};
    int most = 0;
    if (kernel && cudaOccupancyMaxActiveClusters(&most, kernel, &l) == cudaSuccess) return most;
    cudaGetLastError();
    return 0;
}

/* ---- a layer's axis over clusters ---- */

/* A short batch is left whole: what clusters tell each other of a layer's results is then less than
 * of gradients. */
static int axis_across(const resident *r, int clusters) {
    int best = -1;
    for (int k = 0; k < r->units; k++) {
        const reel__resident_unit *u = &r->unit[k];
        if (u->kind != REEL__LOCAL || (u->m != r->cut && u->n != r->cut)) continue;
        if (best >= 0) return -1;
        best = u->k;
    }
    if (best < 0 || best == r->batch || r->size[best] % clusters != 0) return -1;
    return r->size[best] >= r->size[r->batch] ? best : -1;
}

/* In 5 parts, or nearly so. */
static const void *cut_layer(resident *r, int most) {
    static const int parts[] = {5, 6, 4, 3, 2};
    for (int i = 0; i < 5; i++) {
        const cutting c = {axis_across(r, parts[i]), parts[i], 16, 256, 1, false, false};
        const void *kernel = c.axis >= 0 && parts[i] <= most ? compile(r, &c) : NULL;
        if (kernel) return kernel;
    }
    return NULL;
}

/* ---- the batch over clusters ---- */

/* Whether it pays to share out updates, and to meet twice for that. */
static bool is_large(resident *r, cutting c) {
    cut(r, &c);
    return c.clusters > 3 && (c.clusters > 7 || reel__resident_told(r) >= 1500);
}

/* With a place for the next rows beside the last ones, if there is room. */
static const void *cut_batch(resident *r, cutting c) {
    c.shares = is_large(r, c);
    const void *kernel = compile(r, &c);
    c.tight = true;
    return kernel ? kernel : compile(r, &c);
}

/* In rows of 8 and more for each cluster. What is too large for as many clusters as there are is
 * done in turns, down to 8 rows each; then by fewer clusters that have all rows at once. */
static const void *cut_short_batch(resident *r, int most) {
    const int64_t rows = r->size[r->batch];
    for (int clusters = most; clusters >= 1; clusters--) {
        if (clusters > 1 && rows < 8 * clusters) continue;
        for (int turns = 1; rows >= 8 * clusters * turns || turns == 1; turns++) {
            const void *kernel =
                cut_batch(r, (cutting){r->batch, clusters, 16, 256, turns, false, false});
            if (kernel) return kernel;
        }
    }
    return NULL;
}

/* ---- a long batch ---- */

/* Multiplications of a turn, of a block. */
static double products_of(const resident *r) {
    double n = 0;
    for (int k = 0; k < r->units; k++) {
        const reel__resident_unit *u = &r->unit[k];
        n += (double)u->products * (double)reel__resident_part(r, u->m) *
             (double)reel__resident_part(r, u->n) * (double)reel__resident_part(r, u->k);
    }
    return n;
}

/* Microseconds that a step takes, about: as measured on an H200. */
static double time_of(const resident *r) {
    const double turn = 3.5 + products_of(r) / 1.1e5;
    return 4 + r->clusters / 12.0 + r->turns * turn;
}

/* The same, call by call. */
static double time_of_calls(const resident *r) {
    const double rows = (double)r->size[r->batch];
    double products = 0;
    for (int k = 0; k < r->units; k++) {
        const reel__resident_unit *u = &r->unit[k];
        products +=
            (double)u->products * (double)r->size[u->m] * (double)r->size[u->n] * (double)r->size[u->k];
    }
    return 30 + rows / 60 + products / 2.2e7;
}

/* Smaller clusters have less to tell each other, and larger parts of each layer to keep. */
static const void *cut_long_batch(resident *r) {
    static const struct {
        int blocks, threads;
    } shape[] = {{2, 256}, {2, 512}, {8, 256}, {8, 384}, {16, 256}};
    cutting best = {0};
    double least = time_of_calls(r);
    for (int i = 0; i < 5; i++) {
        cutting c = {r->batch, clusters_of(shape[i].blocks, shape[i].threads), shape[i].blocks,
                     shape[i].threads, 1, true, true};
        while (c.clusters > 0 && !cut(r, &c) && reel__resident_rows_of_turn(r) > 16) c.turns++;
        if (c.clusters == 0 || !cut(r, &c) || time_of(r) >= least) continue;
        least = time_of(r);
        best = c;
    }
    return best.turns ? cut_batch(r, best) : NULL;
}

/* ---- all ways ---- */

enum { SHORT = 512 };

const void *reel__resident_choose(resident *r) {
    if (r->size[r->batch] > SHORT) return cut_long_batch(r);
    const int most = clusters_of(16, 256), few = most < 7 ? most : 7;
    const void *kernel = cut_layer(r, few);
    return kernel ? kernel : cut_short_batch(r, few);
}
