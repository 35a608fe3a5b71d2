/* Dropout: each element kept with probability 1 - p, and then scaled so that its mean stays. */
#include "nn/module_internal.h"

#include "tensor/ops/ops_internal.h"

#include <stdlib.h>

typedef struct {
    reel_module base;
    double p;
    reel_generator *generator;
} dropout;

/* u - p for u in (0, 1]: above 0 with probability 1 - p. One pass then keeps x or puts 0. */
static reel_tensor *forward(reel_module *base, reel_tensor *x) {
    const dropout *m = (const dropout *)base;
    if (!base->training || m->p == 0.0) return x;
    REEL__LAYER(base, x);
    REEL_SCOPE;
    reel_tensor *kept = reel_empty(reel_shape_of(x), reel_dtype_of(x), reel_device_of(x));
    kept = reel_uniform_(kept, m->generator, -m->p, 1.0 - m->p);
    reel_tensor *y = reel__relu_grad(REEL_AT(x), reel_scale(x, 1.0 / (1.0 - m->p)), kept);
    return reel_scope_return(y);
}

static void free_dropout(reel_module *base) {
    reel_generator_free(((dropout *)base)->generator);
    free(base);
}

reel_module *reel_dropout_new(double p, uint64_t seed) {
    if (!(p >= 0.0 && p < 1.0)) {
        reel_fail(REEL_ERR_ARGUMENT, NULL, "dropout_new: p must lie in [0, 1): %g", p);
        return NULL;
    }
    dropout *m = reel__module_new(sizeof *m, "dropout", forward, free_dropout);
    if (!m) return NULL;
    m->p = p;
    m->generator = reel_generator_new(seed, reel_cpu());
    return reel__module_made(&m->base, m->generator &&
                                           reel_module_buffer(&m->base, "generator",
                                                              reel_generator_state(m->generator)));
}
