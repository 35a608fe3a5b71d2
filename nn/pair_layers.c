/* Layers of two inputs. */
#include "nn/module_internal.h"

#include "tensor/distances.h"
#include "tensor/einsum.h"

#include <inttypes.h>
#include <math.h>

static void *pair_new(size_t size, const char *type, reel_run_fn run) {
    reel_module *m = reel__module_new(size, type, NULL, NULL);
    if (!m) return NULL;
    m->run = run;
    m->inputs = 2;
    m->results = 1;
    return m;
}

/* As REEL__LAYER, of both inputs. */
#define REEL__PAIR(m, x, y)                                                                        \
    REEL__COMPOSITE(.name = (m)->type, .at = reel__self()->call.site, .first = 1, .in = {x, y},    \
                    .given = 2)

/* ---- bilinear ---- */

typedef struct {
    reel_module base;
    reel_tensor *weight, *bias; /* bias NULL: none */
} bilinear;

static void run_bilinear(reel_module *base, reel_tensor *const *in, reel_tensor **out) {
    const bilinear *m = (const bilinear *)base;
    REEL__PAIR(base, in[0], in[1]);
    out[0] = reel_bilinear_at(NULL, in[0], in[1], m->weight, m->bias);
}

reel_module *reel_bilinear_new(int64_t in1, int64_t in2, int64_t out,
                               reel_bilinear_options options) {
    if (in1 < 1 || in2 < 1 || out < 1) {
        reel_fail(REEL_ERR_ARGUMENT, NULL,
                  "bilinear_new: a size below 1: in %" PRId64 " and %" PRId64 ", out %" PRId64, in1,
                  in2, out);
        return NULL;
    }
    if (reel__module_check_dtype("bilinear_new", options.dtype) != REEL_OK) return NULL;
    REEL__COMPOSITE(.name = "bilinear_new");
    bilinear *m = pair_new(sizeof *m, "bilinear", run_bilinear);
    if (!m) return NULL;
    REEL_SCOPE;
    reel__draws d = reel__draws_begin(options.generator);
    const double a = 1.0 / sqrt((double)in1);
    m->weight =
        reel__param_uniform(&m->base, "weight", reel_shape(out, in1, in2), a, options.dtype, &d);
    if (!options.no_bias)
        m->bias = reel__param_uniform(&m->base, "bias", reel_shape(out), a, options.dtype, &d);
    reel__draws_end(&d);
    return reel__module_made(&m->base, m->weight && (m->bias || options.no_bias));
}

/* ---- distances ---- */

typedef struct {
    reel_module base;
    int axis;
    double p, eps;
    bool keepdim;
} distance;

static void run_cosine(reel_module *base, reel_tensor *const *in, reel_tensor **out) {
    const distance *m = (const distance *)base;
    REEL__PAIR(base, in[0], in[1]);
    out[0] = reel_cosine_similarity_at(NULL, in[0], in[1], m->axis, m->eps);
}

reel_module *reel_cosine_similarity_new(reel_cosine_similarity_options o) {
    distance *m = pair_new(sizeof *m, "cosine_similarity", run_cosine);
    if (!m) return NULL;
    m->axis = (int)reel__option_int(o.axis, 1);
    m->eps = o.eps;
    return &m->base;
}

static void run_distance(reel_module *base, reel_tensor *const *in, reel_tensor **out) {
    const distance *m = (const distance *)base;
    REEL__PAIR(base, in[0], in[1]);
    out[0] = reel_pairwise_distance_at(NULL, in[0], in[1], m->p, m->eps, m->keepdim);
}

reel_module *reel_pairwise_distance_new(reel_pairwise_distance_options o) {
    distance *m = pair_new(sizeof *m, "pairwise_distance", run_distance);
    if (!m) return NULL;
    m->p = reel__option(o.p, 2.0);
    m->eps = o.eps;
    m->keepdim = o.keepdim;
    return &m->base;
}
