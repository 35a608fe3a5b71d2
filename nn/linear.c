/* Linear: y[B,O] = x[B,I] weight[O,I]^T + bias[O]. */
#include "nn/module_internal.h"

#include <inttypes.h>
#include <math.h>

typedef struct {
    reel_module base;
    reel_tensor *weight, *bias; /* bias NULL: none */
} linear;

static reel_tensor *forward(reel_module *base, reel_tensor *x) {
    reel_tensor *weight = ((const linear *)base)->weight, *bias = ((const linear *)base)->bias;
    REEL__LAYER_OF(base, x, weight, bias);
    REEL_SCOPE;
    reel_tensor *y = reel_matmul(x, reel_t(weight)); /* x[B,I] weight^T[I,O] */
    if (bias) y = reel_add(y, bias);
    return reel_scope_return(y);
}

reel_module *reel_linear_new(int64_t in, int64_t out, reel_linear_options options) {
    if (in < 1 || out < 1) {
        reel_fail(REEL_ERR_ARGUMENT, NULL,
                  "linear_new: a size below 1: in %" PRId64 ", out %" PRId64, in, out);
        return NULL;
    }
    if (reel__module_check_dtype("linear_new", options.dtype) != REEL_OK) return NULL;
    REEL__COMPOSITE(.name = "linear_new");
    linear *m = reel__module_new(sizeof *m, "linear", forward, NULL);
    if (!m) return NULL;
    REEL_SCOPE;
    reel__draws d = reel__draws_begin(options.generator);
    /* of the weight that is kaiming_uniform with the gain of a leaky ReLU of slope sqrt(5),
     * sqrt(1/3) */
    const double a = 1.0 / sqrt((double)in);
    m->weight = reel__param_uniform(&m->base, "weight", reel_shape(out, in), a, options.dtype, &d);
    if (!options.no_bias)
        m->bias = reel__param_uniform(&m->base, "bias", reel_shape(out), a, options.dtype, &d);
    reel__draws_end(&d);
    return reel__module_made(&m->base, m->weight && (m->bias || options.no_bias));
}
