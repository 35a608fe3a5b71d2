/* In which way a step is cut. */
#include "cuda/fused/cuda_resident_internal.h"
#include "cuda/runtime/cuda_compile_internal.h"

#include <stdlib.h>

typedef reel__resident resident;

typedef struct {
    int axis, clusters, blocks, turns;
    bool shares, one_place;
} cutting;

/* ---- a kernel ---- */

static bool cut(resident *r, const cutting *c) {
    r->blocks = c->blocks;
    r->turns = c->turns;
    r->shares = c->shares;
    r->one_place = c->one_place;
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

/* How many clusters of so many blocks the GPU has room for at once, each block with all of a
 * multiprocessor's shared memory. */
static int clusters_of(const void *kernel, int blocks) {
    const cudaLaunchAttribute of = {.id = cudaLaunchAttributeClusterDimension,
                                    .val.clusterDim = {(unsigned)blocks, 1, 1}};
    const cudaLaunchConfig_t l = {.gridDim = {(unsigned)blocks, 1, 1},
                                  .blockDim = {REEL__RESIDENT_THREADS, 1, 1},
                                  .dynamicSmemBytes = REEL__RESIDENT_BYTES,
                                  .attrs = (cudaLaunchAttribute *)&of,
                                  .numAttrs = 1};
    int most = 0;
    if (cudaOccupancyMaxActiveClusters(&most, kernel, &l) == cudaSuccess) return most;
    cudaGetLastError();
    return 0;
}

static const void *compile(resident *r, const cutting *c) {
    if (!cut(r, c)) return NULL;
    char *text = reel__resident_text(r);
    const void *kernel = text ? compile_text(text) : NULL;
    free(text);
    r->clusters_at_once = kernel ? clusters_of(kernel, c->blocks) : 0;
    return r->clusters_at_once >= c->clusters ? kernel : NULL;
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
static const void *cut_layer(resident *r) {
    static const int parts[] = {5, 6, 4, 3, 2};
    for (int i = 0; i < 5; i++) {
        const cutting c = {axis_across(r, parts[i]), parts[i], 16, 1, false, false};
        const void *kernel = c.axis >= 0 ? compile(r, &c) : NULL;
        if (kernel) return kernel;
    }
    return NULL;
}

/* ---- the batch over clusters ---- */

/* Whether it pays to share out updates, and to meet twice for that. */
static bool is_large(resident *r, cutting c) {
    cut(r, &c);
    return c.clusters > 7 || (c.clusters > 3 && reel__resident_told(r) >= 1500);
}

/* With a place for the next rows beside the last ones, if there is room. */
static const void *cut_batch(resident *r, cutting c) {
    c.shares = is_large(r, c);
    const void *kernel = compile(r, &c);
    c.one_place = true;
    return kernel ? kernel : compile(r, &c);
}

/* In rows of 8 and more for each of 7 clusters, all at once or half of them; where that is too
 * large, or does not fit the GPU, for fewer. */
static const void *cut_short_batch(resident *r) {
    const int64_t rows = r->size[r->batch];
    const void *kernel = NULL;
    for (int clusters = 7; clusters >= 1 && !kernel; clusters--)
        for (int turns = 1; turns <= 2 && !kernel; turns++)
            if (rows >= 8 * clusters * turns || clusters * turns == 1)
                kernel = cut_batch(r, (cutting){r->batch, clusters, 16, turns, false, false});
    return kernel;
}

/* ---- a long batch ---- */

/* Microseconds that a step takes, about: as was measured on an H200. */
static double time_of(const resident *r) {
    const double elements =
        (double)reel__resident_part(r, r->cut) * (double)reel__resident_part(r, r->batch);
    double products = 0;
    for (int k = 0; k < r->units; k++) {
        const reel__resident_unit *u = &r->unit[k];
        products += u->products * (double)reel__resident_part(r, u->m) *
                    (double)reel__resident_part(r, u->n) * (double)reel__resident_part(r, u->k);
    }
    return 6 + r->turns * (5 + elements / 2000 + products / 1e5);
}

/* The same, call by call. */
static double time_of_calls(const resident *r) {
    double products = 0;
    for (int k = 0; k < r->units; k++) {
        const reel__resident_unit *u = &r->unit[k];
        products +=
            u->products * (double)r->size[u->m] * (double)r->size[u->n] * (double)r->size[u->k];
    }
    return 30 + (double)r->size[r->batch] / 70 + products / 3.2e7;
}

/* In as few turns as there is room for; then by no more clusters than that takes. */
static bool fit_turns(resident *r, cutting *c) {
    enum { FEW = 16 }; /* rows */
    if (c->clusters < 1) return false;
    for (c->turns = 1; !cut(r, c); c->turns++)
        if (reel__resident_rows_of_turn(r) <= FEW) return false;
    const int64_t rows = reel__resident_rows_of_turn(r) * c->turns;
    c->clusters = (int)((r->size[r->batch] + rows - 1) / rows);
    return cut(r, c);
}

/* Clusters of 2 blocks have less to tell each other than those of 8, and each block larger parts of
 * layers to keep. */
static const void *cut_long_batch(resident *r) {
    static const int blocks[] = {2, 8};
    const void *nothing = compile_text("extern \"C\" __global__ void resident() {}\n");
    cutting best = {0};
    double least = time_of_calls(r);
    for (int i = 0; nothing && i < 2; i++) {
        cutting c = {r->batch, clusters_of(nothing, blocks[i]), blocks[i], 1, true, true};
        if (!fit_turns(r, &c) || time_of(r) >= least) continue;
        least = time_of(r);
        best = c;
    }
    const void *kernel = best.turns ? cut_batch(r, best) : NULL;
    r->clusters_at_once = r->clusters; /* it fills the GPU: nothing runs beside it */
    return kernel;
}

/* ---- all ways ---- */

const void *reel__resident_choose(resident *r) {
    enum { SHORT = 300 };
    if (r->size[r->batch] > SHORT) return cut_long_batch(r);
    const void *kernel = cut_layer(r);
    return kernel ? kernel : cut_short_batch(r);
}
