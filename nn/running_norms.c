/* Layers that normalize by statistics of a batch or an instance, and keep them. */
#include "nn/norm_layers.h"

#include "nn/module_internal.h"

#include <inttypes.h>
#include <math.h>

/* least, most: how many axes x has. */
typedef struct {
    const char *type, *what;
    bool instances; /* x of `least` axes is without N */
    int least, most;
} norm_kind;

typedef struct {
    reel_module base;
    const norm_kind *kind;
    int64_t features;
    double eps, momentum;
    bool cumulative;
    reel_tensor *weight, *bias, *mean, *var, *count; /* NULL: none */
} norm;

static const norm_kind batch_1d = {"batch_norm1d", "batch_norm1d_new", false, 2, 3},
                       batch_2d = {"batch_norm2d", "batch_norm2d_new", false, 4, 4},
                       batch_3d = {"batch_norm3d", "batch_norm3d_new", false, 5, 5},
                       instance_1d = {"instance_norm1d", "instance_norm1d_new", true, 2, 3},
                       instance_2d = {"instance_norm2d", "instance_norm2d_new", true, 3, 4},
                       instance_3d = {"instance_norm3d", "instance_norm3d_new", true, 4, 5};

/* ---- forward ---- */

static bool takes(const norm *m, const reel_tensor *x) {
    const int n = reel_ndim(x), axis = m->kind->instances && n == m->kind->least ? 0 : 1;
    if (n != m->kind->most && m->kind->least == m->kind->most)
        reel__fail_composite(REEL_ERR_SHAPE, "takes %d axes", m->kind->most);
    else if (n < m->kind->least || n > m->kind->most)
        reel__fail_composite(REEL_ERR_SHAPE, "takes %d to %d axes", m->kind->least, m->kind->most);
    else if (reel_dim(x, axis) != m->features)
        reel__fail_composite(REEL_ERR_SHAPE, "takes %" PRId64 " channels", m->features);
    else
        return true;
    return false;
}

static reel_tensor *forward(reel_module *base, reel_tensor *x) {
    const norm *m = (const norm *)base;
    reel_tensor *weight = m->weight, *bias = m->bias;
    REEL__LAYER_OF(base, x, weight, bias);
    if (!reel__composite_is_whole(&composite) || !takes(m, x)) return NULL;
    const bool own = base->training || !m->mean;
    reel_running_options o = {.momentum = m->momentum, .cumulative = m->cumulative, .eps = m->eps};
    if (m->mean) {
        o.running_mean = m->mean;
        o.running_var = m->var;
        o.num_batches_tracked = m->count;
    } else {
        o.cumulative = false;
    }
    if (!m->kind->instances) return reel_batch_norm_at(NULL, x, weight, bias, own, o);
    if (reel_ndim(x) > m->kind->least) return reel_instance_norm_at(NULL, x, weight, bias, own, o);
    REEL_SCOPE;
    reel_tensor *y =
        reel_instance_norm_at(NULL, reel_unsqueeze_at(NULL, x, 0), weight, bias, own, o);
    return reel_scope_return(reel_squeeze_at(NULL, y, 0));
}

/* ---- making them ---- */

typedef struct {
    double eps, momentum;
    bool cumulative, affine, tracked;
    reel_dtype dtype;
    reel_device device;
} plan;

static bool is_whole(const norm_kind *kind, int64_t features, const plan *p) {
    if (features < 1 || !(reel__option(p->eps, 1) >= 0.0) || isinf(p->eps) ||
        !isfinite(p->momentum)) {
        reel_fail(REEL_ERR_ARGUMENT, NULL,
                  "%s: wants a feature or more, a finite eps of 0 or more, a finite momentum: "
                  "%" PRId64 ", %g, %g",
                  kind->what, features, p->eps, p->momentum);
        return false;
    }
    return reel__module_check_dtype(kind->what, p->dtype) == REEL_OK;
}

static reel_tensor *buffer(norm *m, const char *name, reel_shape shape, double value,
                           reel_dtype dtype, reel_device device) {
    reel_tensor *t = reel_full(shape, value, dtype, device);
    return t ? reel_module_buffer(&m->base, name, t) : NULL;
}

static bool make_parts(norm *m, const plan *p) {
    const reel_shape s = reel_shape(m->features);
    if (p->affine) {
        m->weight = reel__param_filled(&m->base, "weight", s, 1.0, p->dtype, p->device);
        m->bias = reel__param_filled(&m->base, "bias", s, 0.0, p->dtype, p->device);
        if (!m->weight || !m->bias) return false;
    }
    if (!p->tracked) return true;
    m->mean = buffer(m, "running_mean", s, 0.0, p->dtype, p->device);
    m->var = buffer(m, "running_var", s, 1.0, p->dtype, p->device);
    m->count = buffer(m, "num_batches_tracked", REEL_SCALAR, 0, REEL_I64, p->device);
    return m->mean && m->var && m->count;
}

static reel_module *norm_new(const norm_kind *kind, int64_t features, const plan *p) {
    if (!is_whole(kind, features, p)) return NULL;
    REEL__COMPOSITE(.name = kind->what);
    norm *m = reel__module_new(sizeof *m, kind->type, forward, NULL);
    if (!m) return NULL;
    m->kind = kind;
    m->features = features;
    m->eps = p->eps;
    m->momentum = p->momentum;
    m->cumulative = p->cumulative;
    REEL_SCOPE;
    return reel__module_made(&m->base, make_parts(m, p));
}

static reel_module *batch_norm_new(const norm_kind *kind, int64_t features,
                                   const reel_batch_norm_options *o) {
    const plan p = {.eps = o->eps,
                    .momentum = o->momentum,
                    .cumulative = o->cumulative,
                    .affine = !o->no_affine,
                    .tracked = !o->no_tracking,
                    .dtype = o->dtype,
                    .device = o->device};
    return norm_new(kind, features, &p);
}

static reel_module *instance_norm_new(const norm_kind *kind, int64_t features,
                                      const reel_instance_norm_options *o) {
    const plan p = {.eps = o->eps,
                    .momentum = o->momentum,
                    .cumulative = o->cumulative,
                    .affine = o->affine,
                    .tracked = o->track_running_stats,
                    .dtype = o->dtype,
                    .device = o->device};
    return norm_new(kind, features, &p);
}

reel_module *reel_batch_norm1d_new(int64_t num_features, reel_batch_norm_options options) {
    return batch_norm_new(&batch_1d, num_features, &options);
}

reel_module *reel_batch_norm2d_new(int64_t num_features, reel_batch_norm_options options) {
    return batch_norm_new(&batch_2d, num_features, &options);
}

reel_module *reel_batch_norm3d_new(int64_t num_features, reel_batch_norm_options options) {
    return batch_norm_new(&batch_3d, num_features, &options);
}

reel_module *reel_instance_norm1d_new(int64_t num_features, reel_instance_norm_options options) {
    return instance_norm_new(&instance_1d, num_features, &options);
}

reel_module *reel_instance_norm2d_new(int64_t num_features, reel_instance_norm_options options) {
    return instance_norm_new(&instance_2d, num_features, &options);
}

reel_module *reel_instance_norm3d_new(int64_t num_features, reel_instance_norm_options options) {
    return instance_norm_new(&instance_3d, num_features, &options);
}
