/* Loops over f32 or f64: included by cpu_loops.c once per type. The formulas are scalar.h's; what
 * stands here is how they are walked along, with the cases that matter (all contiguous, one operand
 * a constant) as loops of their own. */

#include "tensor/formulas/scalar.h"

/* ---- elementwise: out = f(x, y, z; a, b), of which a row's formula takes what it has ---- */

typedef REAL (*R(function))(REAL x, REAL y, REAL z, REAL a, REAL b);

/* What a row has not got is its first input again. */
INLINE void R(map_together)(const reel__run *r, int inputs, bool one_y, R(function) f) {
    const REAL *x = r->in[0], *y = inputs > 1 ? r->in[1] : x, *z = inputs > 2 ? r->in[2] : x;
    const REAL y0 = *y, a = (REAL)r->constants[0], b = (REAL)r->constants[1];
    REAL *out = r->out;
#pragma omp simd
    for (int64_t i = 0; i < r->n; i++) out[i] = f(x[i], one_y ? y0 : y[i], z[i], a, b);
}

INLINE void R(map)(const reel__run *r, int inputs, R(function) f, reel__loop loop) {
    if (is_together(r, inputs))
        R(map_together)(r, inputs, false, f);
    else if (has_one_second(r, inputs))
        R(map_together)(r, inputs, true, f);
    else
        by_parts(r, inputs, sizeof(REAL), sizeof(REAL), loop);
}

/* ---- the same with a truth value for a result ---- */

typedef bool (*R(predicate))(REAL x, REAL y);

INLINE void R(test)(const reel__run *r, int inputs, R(predicate) f, reel__loop loop) {
    const REAL *x = r->in[0], *y = inputs > 1 ? r->in[1] : x;
    uint8_t *out = r->out;
    if (is_together(r, inputs)) {
#pragma omp simd
        for (int64_t i = 0; i < r->n; i++) out[i] = f(x[i], y[i]);
    } else if (has_one_second(r, inputs)) {
        const REAL b = *y;
#pragma omp simd
        for (int64_t i = 0; i < r->n; i++) out[i] = f(x[i], b);
    } else {
        by_parts(r, inputs, sizeof(REAL), 1, loop);
    }
}

/* ---- the same of one input, where the formula gives back what is too far for it ---- */

typedef REAL (*R(unary))(REAL x);

/* What a formula gave in its range lies below 2, where the highest bit of the exponent is 0: one or
 * over all of them tells whether there is anything to do. */
INLINE void R(map_far)(const reel__run *r, R(unary) f, R(unary) far, reel__loop loop) {
    const REAL *x = r->in[0];
    REAL *out = r->out;
    __typeof__(R(bits)(0)) seen = 0;
    if (!is_together(r, 1)) {
        by_parts(r, 1, sizeof(REAL), sizeof(REAL), loop);
        return;
    }
#pragma omp simd reduction(| : seen)
    for (int64_t i = 0; i < r->n; i++) {
        const REAL y = f(x[i]);
        out[i] = y;
        seen |= R(bits)(y);
    }
    if (!(seen >> (8 * sizeof seen - 2) & 1)) return;
    for (int64_t i = 0; i < r->n; i++)
        if (R(is_far)(out[i])) out[i] = far(out[i]);
}

/* ---- a loop for each row ---- */

#define MAP_WITH(name, inputs, ...)                                                                \
    INLINE REAL R(of_##name)(REAL x, REAL y, REAL z, REAL a, REAL b) {                             \
        (void)y, (void)z, (void)a, (void)b;                                                        \
        return R(name)(__VA_ARGS__);                                                               \
    }                                                                                              \
    static void R(loop_##name)(const reel__run *r) {                                               \
        R(map)(r, inputs, R(of_##name), R(loop_##name));                                           \
    }
#define LOOP_PLAIN(name, inputs) MAP_WITH(name, inputs, TAKE_##inputs)
#define LOOP_WITH1(name, inputs) MAP_WITH(name, inputs, TAKE_##inputs, a)
#define LOOP_WITH2(name, inputs) MAP_WITH(name, inputs, TAKE_##inputs, a, b)
#define LOOP_FAR(name, inputs)                                                                     \
    static void R(loop_##name)(const reel__run *r) {                                               \
        R(map_far)(r, R(name), R(name##_far), R(loop_##name));                                     \
    }
#define LOOP_TEST(name, inputs)                                                                    \
    INLINE bool R(of_##name)(REAL x, REAL y) {                                                     \
        (void)y;                                                                                   \
        return R(name)(TAKE_##inputs);                                                             \
    }                                                                                              \
    static void R(loop_##name)(const reel__run *r) {                                               \
        R(test)(r, inputs, R(of_##name), R(loop_##name));                                          \
    }
#define REEL_MAP(name, scope, inputs, form, dtypes, saves, gradient) LOOP_##form(name, inputs)
#include "tensor/ops/ops_map.def"
#undef MAP_WITH
#undef LOOP_PLAIN
#undef LOOP_WITH1
#undef LOOP_WITH2
#undef LOOP_FAR
#undef LOOP_TEST

/* ---- sums: four vectors of 64 bytes side by side, the same order for every instruction set ----
 */

#define LANES ((int64_t)(64 / sizeof(REAL)))
#define BLOCK 4096 /* elements added in REAL before the sum goes on in f64 */

typedef REAL R(vector) __attribute__((vector_size(64), aligned(sizeof(REAL)), may_alias));

/* Inlined: how so long a vector is handed over depends on the instruction set. */
static inline __attribute__((always_inline)) double R(sum_lanes)(const R(vector) * a) {
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
