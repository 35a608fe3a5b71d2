/* The first values of layers' parameters, and generators of their own. */
#include "nn/module_internal.h"

reel__draws reel__draws_begin(reel_generator *given) {
    reel__draws d = {.generator = given};
    if (!given) d.generator = d.own = reel_generator_new(reel_next_seed(), reel_cpu());
    d.ok = d.generator != NULL;
    if (d.ok) d.device = reel_device_of(reel_generator_state(d.generator));
    return d;
}

void reel__draws_end(reel__draws *d) {
    reel_generator_free(d->own);
    *d = (reel__draws){0};
}

reel_tensor *reel__param_uniform(reel_module *m, const char *name, reel_shape shape, double a,
                                 reel_dtype dtype, const reel__draws *d) {
    if (!d->ok) return NULL;
    reel_tensor *t = reel_empty_at(NULL, shape, dtype, d->device);
    return reel_module_param(m, name, reel_uniform_(t, d->generator, -a, a));
}

reel_tensor *reel__param_filled(reel_module *m, const char *name, reel_shape shape, double value,
                                reel_dtype dtype, reel_device device) {
    return reel_module_param(m, name, reel_full(shape, value, dtype, device));
}

reel_generator *reel__module_draws(reel_module *m, uint64_t seed, reel_device device) {
    reel_generator *g = reel_generator_new(seed ? seed : reel_next_seed(), device);
    return g ? reel_module_generator(m, "generator", g) : NULL;
}
