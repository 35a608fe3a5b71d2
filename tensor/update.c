/* Fused updates over lists of tensors: flattened into one call each. */
#include "tensor/update_internal.h"

#include "tensor/tensor_internal.h"

#include <stdlib.h>

static void mark_changed(const reel_tensor *t) {
    atomic_fetch_add_explicit(&t->storage->version, 1, memory_order_relaxed);
}

/* Lists side by side: a[0], b[0], ..., a[1], b[1], ..., then the tail, the last of which is written
 * (step, norm), as are the lists whose bits are set in `changed`. */
static reel_status run(reel__call c, int count, int width, reel_tensor *const *const lists[],
                       int tail, reel_tensor *const *last, unsigned changed) {
    reel_tensor *few[256], **in = few;
    c.nin = count * width + tail;
    if (c.nin > 256) in = malloc((size_t)c.nin * sizeof *in);
    if (!in) return reel_fail(REEL_ERR_MEMORY, c.at, "%s: out of memory", reel__ops[c.op].name);
    for (int i = 0; i < count; i++)
        for (int k = 0; k < width; k++) in[i * width + k] = lists[k][i];
    for (int i = 0; i < tail; i++) in[count * width + i] = last[i];
    c.in = in;
    reel_status status = reel__dispatch(&c);
    for (int i = 0; status == REEL_OK && i < count * width; i++)
        if (changed >> i % width & 1) mark_changed(in[i]);
    if (status == REEL_OK && tail > 0) mark_changed(last[tail - 1]);
    if (in != few) free(in);
    return status;
}

reel_status reel__sgd_update(const char *at, int count, reel_tensor *const *p,
                             reel_tensor *const *g, reel_tensor *const *v, reel_tensor *lr,
                             reel_tensor *step, reel__sgd_rule rule) {
    reel_tensor *const *const lists[] = {p, g, v};
    reel_tensor *const last[] = {lr, step};
    reel__call c = {.op = REEL_OP_sgd,
                    .at = at,
                    .attr = {.f = {rule.momentum, rule.dampening, rule.weight_decay},
                             .i = {rule.nesterov, v != NULL}}};
    return run(c, count, v ? 3 : 2, lists, 2, last, 1 | 4);
}

reel_status reel__adam_update(const char *at, int count, reel_tensor *const *p,
                              reel_tensor *const *g, reel_tensor *const *m, reel_tensor *const *v,
                              reel_tensor *lr, reel_tensor *step, reel__adam_rule rule) {
    reel_tensor *const *const lists[] = {p, g, m, v};
    reel_tensor *const last[] = {lr, step};
    reel__call c = {.op = REEL_OP_adam,
                    .at = at,
                    .attr = {.f = {rule.beta1, rule.beta2, rule.eps, rule.weight_decay},
                             .i = {rule.decoupled}}};
    return run(c, count, 4, lists, 2, last, 1 | 4 | 8);
}

reel_status reel__clip_norm(const char *at, int count, reel_tensor *const *g, reel_tensor *norm,
                            double max_norm) {
    reel_tensor *const *const lists[] = {g};
    reel__call c = {.op = REEL_OP_clip_norm, .at = at, .attr.f = {max_norm}};
    return run(c, count, 1, lists, 1, &norm, 1);
}

reel_status reel__clip_value(const char *at, int count, reel_tensor *const *g, double limit) {
    reel_tensor *const *const lists[] = {g};
    reel__call c = {.op = REEL_OP_clip_value, .at = at, .attr.f = {limit}};
    return run(c, count, 1, lists, 0, NULL, 1);
}
