/* Loops over integers: included by cpu_loops.c once per type. The formulas are
 * scalar_int_internal.h's. */

#include "tensor/formulas/scalar_int_internal.h"

typedef INTEGER (*I(function))(INTEGER x, INTEGER y);

INLINE void I(map)(const reel__run *r, int inputs, I(function) f, reel__loop loop) {
    const INTEGER *x = r->in[0], *y = inputs > 1 ? r->in[1] : x;
    INTEGER *out = r->out;
    if (is_together(r, inputs)) {
#pragma omp simd
        for (int64_t i = 0; i < r->n; i++) out[i] = f(x[i], y[i]);
    } else {
        by_parts(r, inputs, sizeof(INTEGER), sizeof(INTEGER), loop);
    }
}

typedef bool (*I(predicate))(INTEGER x, INTEGER y);

INLINE void I(test)(const reel__run *r, int inputs, I(predicate) f, reel__loop loop) {
    const INTEGER *x = r->in[0], *y = inputs > 1 ? r->in[1] : x;
    uint8_t *out = r->out;
    if (is_together(r, inputs)) {
#pragma omp simd
        for (int64_t i = 0; i < r->n; i++) out[i] = f(x[i], y[i]);
    } else {
        by_parts(r, inputs, sizeof(INTEGER), 1, loop);
    }
}

#define LOOP_OF(name, inputs, result, walk)                                                        \
    INLINE result I(of_##name)(INTEGER x, INTEGER y) {                                             \
        (void)y;                                                                                   \
        return I(name)(TAKE_##inputs);                                                             \
    }                                                                                              \
    static void I(loop_##name)(const reel__run *r) {                                               \
        walk(r, inputs, I(of_##name), I(loop_##name));                                             \
    }
#define LOOP_PLAIN(name, inputs) LOOP_OF(name, inputs, INTEGER, I(map))
#define LOOP_TEST(name, inputs) LOOP_OF(name, inputs, bool, I(test))
#define INTEGERS_NUMBER(form, name, inputs) LOOP_##form(name, inputs)
#define INTEGERS_FLOAT(form, name, inputs)
#define REEL_MAP(name, scope, inputs, form, dtypes, saves, gradient)                               \
    INTEGERS_##dtypes(form, name, inputs)
#include "tensor/ops/ops_map.def"
#undef LOOP_PLAIN
#undef LOOP_TEST
#undef INTEGERS_NUMBER
#undef INTEGERS_FLOAT
