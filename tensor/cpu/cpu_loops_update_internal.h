/* The optimizers' steps over f32 or f64: included by cpu_loops.c once per type. Here is how the
 * formulas are walked along. */

#include "tensor/update_formulas_internal.h"

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

/* clang-format off */
static void R(loop_nadam)(const reel__update_run *r) { R(walk)(r, R(nadam), 3); }
static void R(loop_radam)(const reel__update_run *r) { R(walk)(r, R(radam), 3); }
static void R(loop_adamax)(const reel__update_run *r) { R(walk)(r, R(adamax), 3); }
static void R(loop_adagrad)(const reel__update_run *r) { R(walk)(r, R(adagrad), 1); }
static void R(loop_adadelta)(const reel__update_run *r) { R(walk)(r, R(adadelta), 3); }
static void R(loop_asgd)(const reel__update_run *r) { R(walk)(r, R(asgd), 1); }
/* clang-format on */

static void R(loop_sgd)(const reel__update_run *r) {
    if (r->has)
        R(walk)(r, R(sgd), 1);
    else
        R(walk)(r, R(sgd), 0);
}

static void R(loop_adam)(const reel__update_run *r) {
    if (r->has == 7)
        R(walk)(r, R(adam), 7);
    else
        R(walk)(r, R(adam), 3);
}

static void R(loop_rmsprop)(const reel__update_run *r) {
    if (r->has == 7)
        R(walk)(r, R(rmsprop), 7);
    else if (r->has == 5)
        R(walk)(r, R(rmsprop), 5);
    else if (r->has == 3)
        R(walk)(r, R(rmsprop), 3);
    else
        R(walk)(r, R(rmsprop), 1);
}
