/* The optimizers' steps over f32 or f64: included by cpu_loops.c once per type. Here is how the
 * formulas are walked along. */

#include "tensor/formulas/update_formulas_internal.h"

typedef REAL (*R(formula))(const R(step) * s, REAL p, REAL g, REAL *moment);

/* One element. A function of its own: what the loop below has on its stack GCC would put into an
 * array for each lane. */
INLINE void R(update_at)(R(formula) f, const R(step) * s, REAL *p, REAL g, REAL *a, REAL *b,
                         REAL *c) {
    REAL m[] = {s->has & 1 ? *a : 0, s->has & 2 ? *b : 0, s->has & 4 ? *c : 0};
    *p = f(s, *p, g, m);
    if (s->has & 1) *a = m[0];
    if (s->has & 2) *b = m[1];
    if (s->has & 4) *c = m[2];
}

/* The moments whose bits are set in `has`, which is known when compiled, as f is. */
INLINE void R(walk)(const reel__update_run *r, R(formula) f, unsigned has) {
    REAL *p = r->p, *a = has & 1 ? r->moment[0] : p, *b = has & 2 ? r->moment[1] : p;
    REAL *c = has & 4 ? r->moment[2] : p; /* p, for the pointers' arithmetic alone */
    const REAL *g = r->g;
    const R(step) s = R(step_of)(r->step, has);
    const int64_t n = r->n;
#pragma omp simd
    for (int64_t i = 0; i < n; i++) R(update_at)(f, &s, p + i, g[i], a + i, b + i, c + i);
}

/* The same with those of `may` that r has. Each set has a loop of its own; those that the row does
 * not allow go when it is compiled. */
INLINE void R(walk_third)(const reel__update_run *r, R(formula) f, unsigned has, unsigned may) {
    if (may & r->has & 4)
        R(walk)(r, f, has | 4);
    else
        R(walk)(r, f, has);
}

INLINE void R(walk_second)(const reel__update_run *r, R(formula) f, unsigned has, unsigned may) {
    if (may & r->has & 2)
        R(walk_third)(r, f, has | 2, may);
    else
        R(walk_third)(r, f, has, may);
}

INLINE void R(walk_first)(const reel__update_run *r, R(formula) f, unsigned has, unsigned may) {
    if (may & r->has & 1)
        R(walk_second)(r, f, has | 1, may);
    else
        R(walk_second)(r, f, has, may);
}

#define REEL_UPDATE(name, first, second, third, carried)                                           \
    static void R(update_##name)(const reel__update_run *r) {                                      \
        R(walk_first)                                                                              \
        (r, R(name), REEL__ALWAYS(first, second, third), REEL__MAYBE(first, second, third));       \
    }
#include "tensor/ops/ops_update.def"
