/* Dropout: elements or channels kept with probability 1 - p. */
#include "nn/module_internal.h"

#include "tensor/ops/ops_internal.h"

#include <math.h>
#include <stdlib.h>

/* ---- functions ---- */

typedef struct {
    const char *name;
    int least, most; /* axes of x, if only some will do */
    int unbatched;   /* as many axes mean that there is no batch */
    bool channels, alpha;
} dropout_kind;

static const dropout_kind plain = {.name = "dropout"}, of_1d = {"dropout1d", 2, 3, 2, true, false},
                          of_2d = {"dropout2d", 3, 4, 0, true, false},
                          of_3d = {"dropout3d", 4, 5, 4, true, false},
                          alpha = {.name = "alpha_dropout", .alpha = true},
                          feature_alpha = {
                              "feature_alpha_dropout", 2, REEL_MAX_DIMS, 0, true, true};

/* u - p for u in (0, 1]: above 0 with probability 1 - p. One number a channel, if these are
 * dropped. */
static reel_tensor *draw(const char *at, const dropout_kind *kind, const reel_tensor *x, double p,
                         reel_generator *g) {
    reel_shape s = reel_shape_of(x);
    if (kind->channels)
        for (int i = s.ndim == kind->unbatched ? 1 : 2; i < s.ndim; i++) s.dim[i] = 1;
    reel_tensor *kept = reel_empty_at(at, s, reel_dtype_of(x), reel_device_of(x));
    return reel_uniform_at_(at, kept, g, -p, 1.0 - p);
}

/* selu's lowest value */
#define LOWEST (-1.7580993408473768599402175208123)

static reel_tensor *fill_and_rescale(const char *at, reel_tensor *x, reel_tensor *kept, double p) {
    const double a = 1.0 / sqrt((1.0 - p) * (1.0 + p * LOWEST * LOWEST));
    reel_tensor *zero = reel_full_at(at, REEL_SCALAR, 0, reel_dtype_of(x), reel_device_of(x));
    reel_tensor *y = reel_where_else_at(at, reel_gt_at(at, kept, zero), x, LOWEST);
    return reel_affine_at(at, y, a, -a * p * LOWEST);
}

/* Elements by an op of its own; all else by numbers that are drawn first, for f16 and bf16 in f32.
 */
static reel_tensor *drop(const char *at, const dropout_kind *kind, reel_tensor *x, double p,
                         reel_generator *g) {
    if (kind == &plain && p < 1.0) return reel__dropout(at, x, reel_generator_state(g), p);
    const reel_dtype dtype = reel_dtype_of(x);
    REEL_SCOPE;
    if (dtype == REEL_F16 || dtype == REEL_BF16) x = reel_cast_at(at, x, REEL_F32);
    reel_tensor *kept = x ? draw(at, kind, x, p, g) : NULL, *y;
    if (kind->alpha && p < 1.0)
        y = fill_and_rescale(at, x, kept, p);
    else
        y = reel__kept(at, x, kept, p < 1.0 ? 1.0 / (1.0 - p) : 0.0);
    return reel_scope_return(reel_cast_at(at, y, dtype));
}

static bool is_share(double p) {
    return p >= 0.0 && p <= 1.0;
}

static reel_tensor *dropped(const char *at, const dropout_kind *kind, reel_tensor *x, double p,
                            reel_generator *g) {
    const int ndim = reel_ndim(x);
    if (!is_share(p))
        reel__fail_composite(REEL_ERR_ARGUMENT, "p must lie in [0, 1]: %g", p);
    else if (kind->most && (ndim < kind->least || ndim > kind->most))
        reel__fail_composite(REEL_ERR_SHAPE, "takes %d to %d axes", kind->least, kind->most);
    else if (!g && p > 0.0)
        reel__fail_composite(REEL_ERR_ARGUMENT, "no generator");
    else
        return p > 0.0 ? drop(at, kind, x, p, g) : x;
    return NULL;
}

static reel_tensor *call(const char *at, const dropout_kind *kind, reel_tensor *x, double p,
                         reel_generator *g) {
    REEL__COMPOSITE(.name = kind->name, .at = at, .in = {x}, .given = 1);
    if (!reel__composite_is_whole(&composite)) return NULL;
    return dropped(at, kind, x, p, g);
}

reel_tensor *reel_dropout_at(const char *at, reel_tensor *x, double p, reel_generator *g) {
    return call(at, &plain, x, p, g);
}

reel_tensor *reel_dropout1d_at(const char *at, reel_tensor *x, double p, reel_generator *g) {
    return call(at, &of_1d, x, p, g);
}

reel_tensor *reel_dropout2d_at(const char *at, reel_tensor *x, double p, reel_generator *g) {
    return call(at, &of_2d, x, p, g);
}

reel_tensor *reel_dropout3d_at(const char *at, reel_tensor *x, double p, reel_generator *g) {
    return call(at, &of_3d, x, p, g);
}

reel_tensor *reel_alpha_dropout_at(const char *at, reel_tensor *x, double p, reel_generator *g) {
    return call(at, &alpha, x, p, g);
}

reel_tensor *reel_feature_alpha_dropout_at(const char *at, reel_tensor *x, double p,
                                           reel_generator *g) {
    return call(at, &feature_alpha, x, p, g);
}

/* ---- layers ---- */

typedef struct {
    reel_module base;
    const dropout_kind *kind;
    double p;
    reel_generator *generator; /* registered */
} dropout;

static reel_tensor *forward(reel_module *base, reel_tensor *x) {
    const dropout *m = (const dropout *)base;
    if (!base->training) return x;
    REEL__LAYER(base, x);
    return dropped(NULL, m->kind, x, m->p, m->generator);
}

static reel_module *layer_new(const dropout_kind *kind, double p, uint64_t seed) {
    if (!is_share(p)) {
        reel_fail(REEL_ERR_ARGUMENT, NULL, "%s_new: p must lie in [0, 1]: %g", kind->name, p);
        return NULL;
    }
    dropout *m = reel__module_new(sizeof *m, kind->name, forward, NULL);
    if (!m) return NULL;
    m->kind = kind;
    m->p = p;
    m->generator = reel__module_draws(&m->base, seed, reel_cpu());
    return reel__module_made(&m->base, m->generator);
}

reel_module *reel_dropout_new(double p, uint64_t seed) {
    return layer_new(&plain, p, seed);
}

reel_module *reel_dropout1d_new(double p, uint64_t seed) {
    return layer_new(&of_1d, p, seed);
}

reel_module *reel_dropout2d_new(double p, uint64_t seed) {
    return layer_new(&of_2d, p, seed);
}

reel_module *reel_dropout3d_new(double p, uint64_t seed) {
    return layer_new(&of_3d, p, seed);
}

reel_module *reel_alpha_dropout_new(double p, uint64_t seed) {
    return layer_new(&alpha, p, seed);
}

reel_module *reel_feature_alpha_dropout_new(double p, uint64_t seed) {
    return layer_new(&feature_alpha, p, seed);
}
