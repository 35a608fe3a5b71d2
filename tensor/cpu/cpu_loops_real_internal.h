/* Loops over f32 or f64: included by cpu_loops.c once per type. The formulas are scalar.h's; what
 * stands here is how they are walked along, with the cases that matter (all contiguous, one operand
 * a constant) as loops of their own. */

#include "tensor/scalar.h"

INLINE REAL R(sqrt)(REAL x) {
    return SQRT(x);
}

/* ---- elementwise: out = f(x), f(x, y), f(x, y, z) ---- */

INLINE void R(map1)(const reel__run *r, REAL (*f)(REAL)) {
    const REAL *x = r->in[0];
    REAL *out = r->out;
    const int64_t n = r->n, sx = r->in_stride[0], so = r->out_stride;
    if (sx == 1 && so == 1) {
#pragma omp simd
        for (int64_t i = 0; i < n; i++) out[i] = f(x[i]);
    } else {
        for (int64_t i = 0; i < n; i++) out[i * so] = f(x[i * sx]);
    }
}

INLINE void R(map2)(const reel__run *r, REAL (*f)(REAL, REAL)) {
    const REAL *x = r->in[0], *y = r->in[1];
    REAL *out = r->out;
    const int64_t n = r->n, sx = r->in_stride[0], sy = r->in_stride[1], so = r->out_stride;
    if (sx == 1 && sy == 1 && so == 1) {
#pragma omp simd
        for (int64_t i = 0; i < n; i++) out[i] = f(x[i], y[i]);
    } else if (sx == 1 && sy == 0 && so == 1) {
        const REAL b = y[0];
#pragma omp simd
        for (int64_t i = 0; i < n; i++) out[i] = f(x[i], b);
    } else if (sx == 0 && sy == 1 && so == 1) {
        const REAL a = x[0];
#pragma omp simd
        for (int64_t i = 0; i < n; i++) out[i] = f(a, y[i]);
    } else {
        for (int64_t i = 0; i < n; i++) out[i * so] = f(x[i * sx], y[i * sy]);
    }
}

INLINE void R(map3)(const reel__run *r, REAL (*f)(REAL, REAL, REAL)) {
    const REAL *x = r->in[0], *y = r->in[1], *z = r->in[2];
    REAL *out = r->out;
    const int64_t n = r->n, sx = r->in_stride[0], sy = r->in_stride[1], sz = r->in_stride[2],
                  so = r->out_stride;
    if (sx == 1 && sy == 1 && sz == 1 && so == 1) {
#pragma omp simd
        for (int64_t i = 0; i < n; i++) out[i] = f(x[i], y[i], z[i]);
    } else if (sx == 0 && sy == 1 && sz == 1 && so == 1) {
        const REAL a = x[0];
#pragma omp simd
        for (int64_t i = 0; i < n; i++) out[i] = f(a, y[i], z[i]);
    } else {
        for (int64_t i = 0; i < n; i++) out[i * so] = f(x[i * sx], y[i * sy], z[i * sz]);
    }
}

/* clang-format off */
static void R(loop_add)(const reel__run *r) { R(map2)(r, R(add)); }
static void R(loop_sub)(const reel__run *r) { R(map2)(r, R(sub)); }
static void R(loop_mul)(const reel__run *r) { R(map2)(r, R(mul)); }
static void R(loop_div)(const reel__run *r) { R(map2)(r, R(div)); }
static void R(loop_bce)(const reel__run *r) { R(map2)(r, R(bce)); }
static void R(loop_bce_grad)(const reel__run *r) { R(map3)(r, R(bce_grad)); }
static void R(loop_neg)(const reel__run *r) { R(map1)(r, R(neg)); }
static void R(loop_relu)(const reel__run *r) { R(map1)(r, R(relu)); }
static void R(loop_relu_grad)(const reel__run *r) { R(map2)(r, R(relu_grad)); }
static void R(loop_sigmoid)(const reel__run *r) { R(map1)(r, R(sigmoid)); }
static void R(loop_sigmoid_grad)(const reel__run *r) { R(map2)(r, R(sigmoid_grad)); }
static void R(loop_tanh)(const reel__run *r) { R(map1)(r, R(tanh)); }
static void R(loop_exp)(const reel__run *r) { R(map1)(r, R(exp)); }
static void R(loop_log)(const reel__run *r) { R(map1)(r, R(log)); }
static void R(loop_sqrt)(const reel__run *r) { R(map1)(r, R(sqrt)); }
static void R(loop_square)(const reel__run *r) { R(map1)(r, R(square)); }
static void R(loop_square_grad)(const reel__run *r) { R(map2)(r, R(square_grad)); }
/* clang-format on */

static void R(loop_affine)(const reel__run *r) {
    const REAL *x = r->in[0], scale = (REAL)r->constants[0], shift = (REAL)r->constants[1];
    REAL *out = r->out;
    const int64_t n = r->n, sx = r->in_stride[0], so = r->out_stride;
    if (sx == 1 && so == 1) {
#pragma omp simd
        for (int64_t i = 0; i < n; i++) out[i] = R(affine)(x[i], scale, shift);
    } else {
        for (int64_t i = 0; i < n; i++) out[i * so] = R(affine)(x[i * sx], scale, shift);
    }
}

static void R(loop_mse_grad)(const reel__run *r) {
    const REAL *g = r->in[0], *y = r->in[1], *t = r->in[2], scale = (REAL)r->constants[0];
    REAL *out = r->out;
    const int64_t n = r->n, sg = r->in_stride[0], sy = r->in_stride[1], st = r->in_stride[2],
                  so = r->out_stride;
    if (sg == 0 && sy == 1 && st == 1 && so == 1) {
        const REAL a = g[0];
#pragma omp simd
        for (int64_t i = 0; i < n; i++) out[i] = R(mse_grad)(a, y[i], t[i], scale);
    } else {
        for (int64_t i = 0; i < n; i++)
            out[i * so] = R(mse_grad)(g[i * sg], y[i * sy], t[i * st], scale);
    }
}

/* ---- any dtype to REAL, scaled ---- */

static void R(dequantize_from_u8)(const reel__run *r) {
    const uint8_t *x = r->in[0];
    REAL *out = r->out, scale = (REAL)r->constants[0];
    const int64_t n = r->n, sx = r->in_stride[0], so = r->out_stride;
    if (sx == 1 && so == 1) {
#pragma omp simd
        for (int64_t i = 0; i < n; i++) out[i] = (REAL)x[i] * scale;
    } else {
        for (int64_t i = 0; i < n; i++) out[i * so] = (REAL)x[i * sx] * scale;
    }
}

static void R(dequantize_from_i64)(const reel__run *r) {
    const int64_t *x = r->in[0];
    REAL *out = r->out, scale = (REAL)r->constants[0];
    for (int64_t i = 0; i < r->n; i++)
        out[i * r->out_stride] = (REAL)x[i * r->in_stride[0]] * scale;
}

static void R(dequantize_from_f32)(const reel__run *r) {
    const float *x = r->in[0];
    REAL *out = r->out, scale = (REAL)r->constants[0];
    for (int64_t i = 0; i < r->n; i++)
        out[i * r->out_stride] = (REAL)x[i * r->in_stride[0]] * scale;
}

static void R(dequantize_from_f64)(const reel__run *r) {
    const double *x = r->in[0];
    REAL *out = r->out, scale = (REAL)r->constants[0];
    for (int64_t i = 0; i < r->n; i++)
        out[i * r->out_stride] = (REAL)x[i * r->in_stride[0]] * scale;
}

/* ---- sums: four vectors of 64 bytes side by side, the same order for every instruction set ----
 */

#define LANES ((int64_t)(64 / sizeof(REAL)))
#define BLOCK 4096 /* elements added in REAL before the sum goes on in f64 */

typedef REAL R(vector) __attribute__((vector_size(64), aligned(sizeof(REAL)), may_alias));

static double R(sum_lanes)(const R(vector) * a) {
    REAL lane[64 / sizeof(REAL)];
    memcpy(lane, a, sizeof lane);
    for (int64_t width = LANES / 2; width > 0; width /= 2)
        for (int64_t i = 0; i < width; i++) lane[i] += lane[i + width];
    return (double)lane[0];
}

static double R(sum_squares)(const void *data, int64_t n) {
    const REAL *x = data;
    double sum = 0;
    for (int64_t i = 0; i < n; i += BLOCK) {
        int64_t j = i, end = n - i < BLOCK ? n : i + BLOCK;
        R(vector) a = {0}, b = {0};
        for (; j + 2 * LANES <= end; j += 2 * LANES) {
            R(vector) p = *(const R(vector) *)(x + j), q = *(const R(vector) *)(x + j + LANES);
            a += p * p;
            b += q * q;
        }
        a += b;
        sum += R(sum_lanes)(&a);
        for (; j < end; j++) sum += (double)x[j] * (double)x[j];
    }
    return sum;
}

static double R(sum_square_differences)(const void *first, const void *second, int64_t n) {
    const REAL *x = first, *y = second;
    double sum = 0;
    for (int64_t i = 0; i < n; i += BLOCK) {
        int64_t j = i, end = n - i < BLOCK ? n : i + BLOCK;
        R(vector) a = {0}, b = {0};
        for (; j + 2 * LANES <= end; j += 2 * LANES) {
            R(vector) p = *(const R(vector) *)(x + j) - *(const R(vector) *)(y + j);
            R(vector) q = *(const R(vector) *)(x + j + LANES) - *(const R(vector) *)(y + j + LANES);
            a += p * p;
            b += q * q;
        }
        a += b;
        sum += R(sum_lanes)(&a);
        for (; j < end; j++) {
            REAL d = x[j] - y[j];
            sum += (double)d * (double)d;
        }
    }
    return sum;
}

/* ---- optimizer steps: formulas in optim.h, constants in cpu_update.c ---- */

static void R(adam)(void *param, const void *grad, void *first, void *second, int64_t n,
                    const reel__adam_step *s) {
    REAL *p = param, *m = first, *v = second;
    const REAL *g = grad;
    const REAL b1 = (REAL)s->beta1, b2 = (REAL)s->beta2, c1 = (REAL)(1 - s->beta1),
               c2 = (REAL)(1 - s->beta2);
    const REAL eps = (REAL)s->eps, decay = (REAL)s->weight_decay, size = (REAL)s->step_size;
    const REAL root = (REAL)s->root_correction, shrink = (REAL)s->shrink;
#pragma omp simd
    for (int64_t i = 0; i < n; i++) {
        REAL q = p[i] * shrink, d = g[i] + decay * p[i];
        REAL mi = b1 * m[i] + c1 * d, vi = b2 * v[i] + c2 * d * d;
        m[i] = mi;
        v[i] = vi;
        p[i] = q - size * mi / (SQRT(vi) * root + eps);
    }
}

static void R(sgd)(void *param, const void *grad, void *velocity, int64_t n,
                   const reel__sgd_step *s) {
    REAL *p = param, *v = velocity;
    const REAL *g = grad;
    const REAL lr = (REAL)s->lr, mu = s->first ? 0 : (REAL)s->momentum,
               decay = (REAL)s->weight_decay;
    const REAL keep = s->first ? 1 : (REAL)(1 - s->dampening), ahead = (REAL)s->momentum;
    if (!v) {
#pragma omp simd
        for (int64_t i = 0; i < n; i++) p[i] -= lr * (g[i] + decay * p[i]);
        return;
    }
#pragma omp simd
    for (int64_t i = 0; i < n; i++) {
        REAL d = g[i] + decay * p[i], vi = mu * v[i] + keep * d;
        v[i] = vi;
        p[i] -= lr * (s->nesterov ? d + ahead * vi : vi);
    }
}
