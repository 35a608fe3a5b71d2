/* Spectral normalization: a weight over its greatest singular value, which rounds of the power
 * method follow. */
#include "nn/parametrize_internal.h"

#include <math.h>

#define FIRST_ROUNDS 15

typedef struct {
    reel__parametrization base;
    reel_tensor *original, *u, *v; /* u and v NULL: a vector */
    int rounds, axis;
    double eps;
} spectral_norm;

/* W[h,w] of the weight: that axis in front, the others as one. */
static reel_tensor *matrix_of(const spectral_norm *p) {
    reel_tensor *w = p->original;
    const int ndim = reel_ndim(w);
    reel_shape axes = {.ndim = ndim, .dim = {p->axis}};
    for (int i = 0, k = 1; i < ndim; i++)
        if (i != p->axis) axes.dim[k++] = i;
    if (p->axis) w = reel_permute_at(NULL, w, axes);
    return reel_flatten_at(NULL, w, 1, -1);
}

static reel_tensor *at_least(reel_tensor *norm, double eps) {
    return reel_clamp_at(NULL, norm, eps, INFINITY);
}

static reel_tensor *unit(reel_tensor *x, double eps) {
    return reel_div_at(NULL, x, at_least(reel_norm_at(NULL, x, 2, REEL_SCALAR, false), eps));
}

static reel_status go_on(const spectral_norm *p, int rounds) {
    REEL_NO_GRAD;
    REEL_SCOPE;
    reel_tensor *w = matrix_of(p), *u = p->u, *v = p->v;
    for (int i = 0; i < rounds; i++) {
        u = unit(reel_matmul_at(NULL, w, v), p->eps);                  /* W[h,w] v[w] -> u[h] */
        v = unit(reel_matmul_at(NULL, reel_t_at(NULL, w), u), p->eps); /* W^T[w,h] u[h] -> v[w] */
    }
    const bool done = u && v && reel_copy_(p->u, u) && reel_copy_(p->v, v);
    return done ? REEL_OK : reel_error_status();
}

/* As it is now, for the tape: the buffers go on before backward comes. */
static reel_tensor *held(reel_tensor *t) {
    REEL_NO_GRAD;
    return reel_affine_at(NULL, t, 1, 0);
}

static reel_tensor *compute(const reel__parametrization *base) {
    const spectral_norm *p = (const spectral_norm *)base;
    REEL_SCOPE;
    if (!p->u) return reel_scope_return(unit(p->original, p->eps));
    if (base->base.training && p->rounds && go_on(p, p->rounds) != REEL_OK) return NULL;
    reel_tensor *u = held(p->u), *v = held(p->v);
    reel_tensor *sigma = reel_matmul_at(NULL, u, reel_matmul_at(NULL, matrix_of(p), v));
    return reel_scope_return(reel_div_at(NULL, p->original, sigma));
}

/* ---- made ---- */

static reel_tensor *drawn(int64_t n, const spectral_norm *p, const reel__draws *d) {
    reel_tensor *t = reel_empty_at(NULL, reel_shape(n), reel_dtype_of(p->original), d->device);
    t = reel_normal_(t, d->generator, 0, 1);
    return unit(reel_to_at(NULL, t, reel_device_of(p->original)), p->eps);
}

static bool make_vectors(spectral_norm *p, reel_generator *given) {
    REEL_NO_GRAD;
    const reel_tensor *w = matrix_of(p);
    if (!w) return false;
    reel_module *part = reel__module_new(sizeof *part, "spectral_norm", NULL, NULL);
    reel_module *child =
        part ? reel__module_adopt("spectral_norm", &p->base.base, "0", part) : NULL;
    if (!child) return false;
    reel__draws d = reel__draws_begin(given);
    if (d.ok) {
        p->u = reel_module_buffer(child, "_u", drawn(reel_dim(w, 0), p, &d));
        p->v = p->u ? reel_module_buffer(child, "_v", drawn(reel_dim(w, 1), p, &d)) : NULL;
    }
    reel__draws_end(&d);
    return p->v && go_on(p, FIRST_ROUNDS) == REEL_OK;
}

static reel_status check(const char *what, const spectral_norm *p, const reel_tensor *w) {
    if (p->rounds < 1 || !(p->eps >= 0.0) || isinf(p->eps))
        return reel_fail(REEL_ERR_ARGUMENT, NULL,
                         "%s: wants a round or more, and a finite eps of 0 or more: %d, %g", what,
                         p->rounds, p->eps);
    if (p->axis < 0 || p->axis >= reel_ndim(w) || reel_numel(w) == 0)
        return reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: no axis %d, or nothing in the weight", what,
                         p->axis);
    return REEL_OK;
}

reel_status reel_spectral_norm(reel_module *m, const char *name,
                               reel_spectral_norm_options options) {
    const char *what = "spectral_norm";
    REEL__COMPOSITE(.name = what);
    REEL_SCOPE;
    spectral_norm set = {.base.compute = compute,
                         .rounds = (int)reel__option_int(options.n_power_iterations, 1),
                         .eps = reel__option(options.eps, 1e-12),
                         .axis = options.axis};
    reel_tensor *w = reel__parametrize_find(what, m, name, &set.base);
    if (!w || check(what, &set, w) != REEL_OK) return reel_error_status();
    const bool tracked = reel_is_tracked(w);
    spectral_norm *p = reel__module_new(sizeof *p, "parametrization", NULL, NULL);
    if (!p) return reel_error_status();
    set.base.base = p->base.base;
    *p = set;
    p->original = reel_module_param(&p->base.base, "original", w);
    if (!p->original || (reel_ndim(w) > 1 && !make_vectors(p, options.generator))) {
        reel_module_free(&p->base.base);
        return reel_error_status();
    }
    if (!tracked) reel_module_freeze(&p->base.base);
    return reel__parametrize(what, m, name, &p->base);
}
