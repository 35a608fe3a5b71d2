/* Fused updates over lists of tensors: flattened into one call each. */
#include "tensor/ops/update_internal.h"

#include "tensor/core/tensor_internal.h"

#include <stdlib.h>

static void mark_changed(const reel_tensor *t) {
    atomic_fetch_add_explicit(&t->storage->version, 1, memory_order_relaxed);
}

/* Lists side by side: a[0], b[0], ..., a[1], b[1], ..., then the tail, the last of which is written
 * (step, norm), as are the lists whose bits are set in `changed`. */
static reel_status run_lists(reel__call c, int count, int width, reel_tensor *const *const lists[],
                             int tail, reel_tensor *const *last, unsigned changed) {
    reel_tensor *few[256], **in = few;
    c.nin = count * width + tail;
    if (c.nin > 256) in = malloc((size_t)c.nin * sizeof *in);
    if (!in) return reel_fail(REEL_ERR_MEMORY, c.at, "%s: out of memory", reel__ops[c.op].name);
    for (int i = 0; i < count; i++)
        for (int k = 0; k < width; k++) in[i * width + k] = lists[k][i];
    for (int i = 0; i < tail; i++) in[count * width + i] = last[i];
    c.list = in;
    reel_status status = reel__dispatch(&c);
    for (int i = 0; status == REEL_OK && i < count * width; i++)
        if (changed >> i % width & 1) mark_changed(in[i]);
    if (status == REEL_OK && tail > 0) mark_changed(last[tail - 1]);
    if (in != few) free(in);
    return status;
}

/* ---- an optimizer's step ---- */

#define ALL_BUT_G (~2u)

reel_status reel__update(const char *at, reel__op op, const reel__lists *l, reel__clock clock,
                         const reel__rule *rule) {
    reel_tensor *const *lists[REEL__MOST_LISTS] = {l->p, l->g};
    reel_tensor *const last[2] = {clock.lr, clock.step};
    int width = 2;
    reel__call c = {
        .op = op, .at = at, .with.update = {.rule = *rule, .carries = l->carry != NULL}};
    for (int k = 0; k < REEL__MAX_MOMENTS; k++) {
        if (!l->moment[k]) continue;
        lists[width++] = l->moment[k];
        c.with.update.moments |= 1u << k;
    }
    if (l->carry) lists[width++] = l->carry;
    lists[width++] = l->taken;
    return run_lists(c, l->count, width, lists, 2, last, ALL_BUT_G);
}

reel__update_call reel__update_of(const reel__call *c) {
    reel__update_call u = {.has = c->with.update.moments, .carries = c->with.update.carries};
    u.width = reel__update_width(c);
    u.count = (c->nin - 2) / u.width;
    u.lr = reel__data(c->list[c->nin - 2]);
    u.step = reel__data(c->list[c->nin - 1]);
    return u;
}

/* ---- clipping ---- */

reel_status reel__clip_norm(const char *at, int count, reel_tensor *const *g, reel_tensor *norm,
                            double max_norm) {
    reel_tensor *const *const lists[] = {g};
    reel__call c = {.op = REEL_OP_clip_norm, .at = at, .with.clip.max_norm = max_norm};
    return run_lists(c, count, 1, lists, 1, &norm, 1);
}

reel_status reel__clip_value(const char *at, int count, reel_tensor *const *g, double limit) {
    reel_tensor *const *const lists[] = {g};
    reel__call c = {.op = REEL_OP_clip_value, .at = at, .with.clip.limit = limit};
    return run_lists(c, count, 1, lists, 0, NULL, 1);
}
