/* Compiled for this machine alone, with every licence the compiler knows (see meson.build). */
#include "tests/bench/floor.h"

#include "tensor/cpu/cpu_internal.h"
#include "tensor/cpu/runtime/cpu_blas_internal.h"

#include <math.h>
#include <stdlib.h>

#define PIXELS 784

struct floor_step {
    const uint8_t *pool;
    int64_t images, turn, params;
    int batch, latent, threads;
    bool gather, classic;
    float *x, *h, *dz1, *dz2, *w1, *w2, *dw1, *dw2, *m, *v, *p, *g;
    float *z1, *z2, *dh; /* what the products write and the passes read */
};

static float *numbers(int64_t n) {
    float *v = aligned_alloc(64, ((size_t)n * sizeof *v + 63) / 64 * 64);
    if (!v) abort();
    for (int64_t i = 0; i < n; i++) v[i] = (float)(i * 7919 % 1000) * 2e-4f - 0.1f;
    return v;
}

floor_step *floor_new(const uint8_t *pool, int64_t images, int batch, int latent, int threads,
                      bool classic, bool gather) {
    floor_step *f = calloc(1, sizeof *f);
    if (!f) abort();
    const int64_t pixels = (int64_t)batch * PIXELS, codes = (int64_t)batch * latent,
                  weights = (int64_t)PIXELS * latent;
    *f = (floor_step){.pool = pool,
                      .images = images,
                      .batch = batch,
                      .latent = latent,
                      .threads = threads,
                      .gather = gather,
                      .classic = classic,
                      .params = weights * (classic ? 2 : 1),
                      .x = numbers(pixels),
                      .z2 = numbers(pixels),
                      .dz2 = numbers(pixels),
                      .z1 = numbers(codes),
                      .h = numbers(codes),
                      .dh = numbers(codes),
                      .dz1 = numbers(codes)};
    f->p = numbers(f->params);
    f->g = numbers(f->params);
    f->m = numbers(f->params);
    f->v = numbers(f->params);
    for (int64_t i = 0; i < f->params; i++) f->v[i] = fabsf(f->v[i]);
    f->w1 = f->p;
    f->dw1 = f->g;
    f->w2 = classic ? f->p + weights : f->p;
    f->dw2 = classic ? f->g + weights : f->g;
    return f;
}

void floor_free(floor_step *f) {
    float *const all[] = {f->x, f->z1, f->z2, f->h, f->dh, f->dz1, f->dz2, f->p, f->g, f->m, f->v};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
    free(f);
}

/* The part of 0..n that thread t works on. */
static void part(const floor_step *f, int t, int64_t n, int64_t *begin, int64_t *end) {
    *begin = n * t / f->threads;
    *end = n * (t + 1) / f->threads;
}

static void products(floor_step *f, int t) {
    const reel__blas *blas = reel__blas_functions();
    const int L = f->latent;
    int64_t b, e, wb, we;
    part(f, t, f->batch, &b, &e);
    part(f, t, PIXELS, &wb, &we);
    const int rows = (int)(e - b), columns = (int)(we - wb);
    /* z1[B,L] = x[B,784] w1[784,L] */
    blas->sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, rows, L, PIXELS, 1, f->x + b * PIXELS,
                PIXELS, f->w1, L, 0, f->z1 + b * L, L);
    /* z2[B,784] = h[B,L] w2[784,L]^T */
    blas->sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, rows, PIXELS, L, 1, f->h + b * L, L, f->w2,
                L, 0, f->z2 + b * PIXELS, PIXELS);
    /* dh[B,L] = dz2[B,784] w2[784,L] */
    blas->sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, rows, L, PIXELS, 1, f->dz2 + b * PIXELS,
                PIXELS, f->w2, L, 0, f->dh + b * L, L);
    /* dw2[784,L] = dz2[B,784]^T h[B,L];  dw1[784,L] (+)= x[B,784]^T dz1[B,L] */
    blas->sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, columns, L, f->batch, 1, f->dz2 + wb,
                PIXELS, f->h, L, 0, f->dw2 + wb * L, L);
    blas->sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, columns, L, f->batch, 1, f->x + wb, PIXELS,
                f->dz1, L, f->classic ? 0 : 1, f->dw1 + wb * L, L);
}

static float sigmoid(float x) {
    return 1 / (1 + expf(-x));
}

static void elementwise(floor_step *f, int t) {
    const int64_t n = (int64_t)f->batch * PIXELS, codes = (int64_t)f->batch * f->latent;
    int64_t b, e;
    part(f, t, f->batch, &b, &e);
    for (int64_t i = b; f->gather && i < e; i++) {
        const uint8_t *row = f->pool + (f->turn * f->batch + i) * 7919 % f->images * PIXELS;
        for (int j = 0; j < PIXELS; j++) f->x[i * PIXELS + j] = (float)row[j] * (1 / 255.0f);
    }
    part(f, t, codes, &b, &e);
    for (int64_t i = b; i < e; i++) f->h[i] = fmaxf(f->z1[i] + 0.01f, 0);
    part(f, t, n, &b, &e);
    float loss = 0, bias = 0;
    for (int64_t i = b; i < e; i++) {
        float y = sigmoid(f->z2[i] + 0.01f), d = y - f->x[i], g = 2 * d * y * (1 - y) / (float)n;
        f->dz2[i] = g;
        loss += d * d;
        bias += g;
    }
    part(f, t, codes, &b, &e);
    for (int64_t i = b; i < e; i++) {
        f->dz1[i] = f->h[i] > 0 ? f->dh[i] : 0;
        bias += f->dz1[i];
    }
    part(f, t, f->params, &b, &e);
    for (int64_t i = b; i < e; i++) {
        f->m[i] = 0.9f * f->m[i] + 0.1f * f->g[i];
        f->v[i] = 0.999f * f->v[i] + 0.001f * f->g[i] * f->g[i];
        f->p[i] -= 1e-6f * f->m[i] / (sqrtf(f->v[i]) + 1e-8f);
    }
    f->m[0] += 0 * (loss + bias);
}

typedef struct {
    floor_step *f;
    void (*run)(floor_step *f, int t);
} share;

static void run_part(void *context, int64_t t, int64_t parts) {
    const share *s = context;
    (void)parts;
    s->run(s->f, (int)t);
}

/* BLAS as the CPU's kernels have it, of one thread: its own would fight with those that share the
 * work. */
void floor_products(floor_step *f) {
    if (!reel__blas_functions() || !reel__blas_enter(f->threads)) abort();
    reel__cpu_share(f->threads, run_part, &(share){f, products});
    reel__blas_leave(f->threads);
}

void floor_elementwise(floor_step *f) {
    f->turn++;
    reel__cpu_share(f->threads, run_part, &(share){f, elementwise});
}
