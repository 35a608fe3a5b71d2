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

/* Both from U(-a, a), a = 1 / sqrt(I): for the weight that is kaiming_uniform with the gain of a
 * leaky ReLU of slope sqrt(5), sqrt(1/3). */
static reel_tensor *draw(linear *m, const char *name, reel_shape shape, double a,
                         reel_linear_options o) {
    reel_device device = reel_device_of(reel_generator_state(o.generator));
    reel_tensor *t = reel_empty_at(NULL, shape, o.dtype, device);
    return reel_module_param(&m->base, name, reel_uniform_(t, o.generator, -a, a));
}

static void draw_all(linear *m, int64_t in, int64_t out, reel_linear_options o) {
    double a = 1.0 / sqrt((double)in);
    REEL_SCOPE;
    m->weight = draw(m, "weight", reel_shape(out, in), a, o);
    if (!o.no_bias) m->bias = draw(m, "bias", reel_shape(out), a, o);
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
    reel_generator *own =
        options.generator ? NULL : reel_generator_new(reel_next_seed(), reel_cpu());
    if (!options.generator) options.generator = own;
    if (options.generator) draw_all(m, in, out, options);
    reel_generator_free(own);
    return reel__module_made(&m->base, m->weight && (m->bias || options.no_bias));
}
