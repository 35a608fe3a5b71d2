/* sgd, adam and gradient clipping: as few launches as a launch's arguments allow. */
#include "cuda/cuda_internal.h"

/* Lists side by side in c->in: `width` of them, `count` tensors each. */
typedef struct {
    const reel__call *call;
    reel__cuda_device *device;
    reel_dtype dtype;
    int width, count;
} lists;

static bool open_lists(const reel__call *c, lists *l, int width, int tail) {
    *l = (lists){c, reel__cuda_enter(c), REEL_F32, width, (c->nin - tail) / width};
    if (l->count > 0) l->dtype = c->in[0]->layout.dtype;
    for (int i = 0; l->device && i < l->count * width; i++)
        if (c->in[i]->layout.dtype != l->dtype) {
            reel__fail_call(REEL_ERR_DTYPE, c, "dtypes differ");
            return false;
        }
    return l->device != NULL;
}

/* Tensors first.. as a launch sees them; returns the one after the last. At least one block, so
 * that there is one to count the step. */
static int take(const lists *l, int first, reel__cuda_lists *out) {
    int64_t blocks = 0;
    int i = first;
    *out = (reel__cuda_lists){.count = 0};
    for (; i < l->count && out->count < REEL__CUDA_LIST; i++, out->count++) {
        reel_tensor *const *t = l->call->in + i * l->width;
        out->n[out->count] = reel_numel(t[0]);
        for (int k = 0; k < l->width; k++) out->data[k][out->count] = reel__data(t[k]);
        blocks += (out->n[out->count] + REEL__CUDA_LIST_BLOCK - 1) / REEL__CUDA_LIST_BLOCK;
        out->first_block[out->count + 1] = (uint32_t)blocks;
    }
    if (blocks == 0) out->first_block[out->count] = 1;
    return i;
}

reel_status reel__cuda_adam(const reel__call *c) {
    lists l;
    reel__cuda_lists part;
    if (!open_lists(c, &l, 4, 2)) return reel_error_status();
    reel__cuda_adam_work a = {.beta1 = c->attr.f[0],
                              .beta2 = c->attr.f[1],
                              .eps = c->attr.f[2],
                              .weight_decay = c->attr.f[3],
                              .decoupled = c->attr.i[0] != 0,
                              .lr = reel__data(c->in[c->nin - 2]),
                              .step = reel__data(c->in[c->nin - 1]),
                              .ticket = l.device->tickets};
    for (int i = 0; !a.last;) {
        i = take(&l, i, &part);
        a.last = i == l.count;
        REEL_TRY(
            reel__cuda_launched(c, reel__cuda_launch_adam(&part, &a, l.dtype, l.device->queue)));
    }
    return reel__cuda_flush(l.device->queue); /* a step ends here */
}

reel_status reel__cuda_sgd(const reel__call *c) {
    lists l;
    reel__cuda_lists part;
    if (!open_lists(c, &l, c->attr.i[1] ? 3 : 2, 2)) return reel_error_status();
    reel__cuda_sgd_work s = {.momentum = c->attr.f[0],
                             .dampening = c->attr.f[1],
                             .weight_decay = c->attr.f[2],
                             .nesterov = c->attr.i[0] != 0,
                             .has_velocity = c->attr.i[1] != 0,
                             .lr = reel__data(c->in[c->nin - 2]),
                             .step = reel__data(c->in[c->nin - 1]),
                             .ticket = l.device->tickets};
    for (int i = 0; !s.last;) {
        i = take(&l, i, &part);
        s.last = i == l.count;
        REEL_TRY(
            reel__cuda_launched(c, reel__cuda_launch_sgd(&part, &s, l.dtype, l.device->queue)));
    }
    return reel__cuda_flush(l.device->queue); /* a step ends here */
}

/* ---- clipping ---- */

static int64_t blocks_of(const lists *l) {
    int64_t blocks = 0;
    reel__cuda_lists part;
    for (int i = 0; i < l->count;) {
        i = take(l, i, &part);
        blocks += part.first_block[part.count];
    }
    return blocks;
}

/* squares[blocks], and the norm behind them. */
static reel_status clip(const reel__call *c, const lists *l, double *squares, int64_t blocks) {
    reel__cuda_lists part;
    int64_t done = 0;
    reel__cuda_queue *queue = l->device->queue;
    for (int i = 0; i < l->count; done += part.first_block[part.count]) {
        i = take(l, i, &part);
        REEL_TRY(reel__cuda_launched(
            c, reel__cuda_launch_list_squares(&part, squares + done, l->dtype, queue)));
    }
    reel_tensor *norm = c->in[c->nin - 1];
    REEL_TRY(reel__cuda_launched(
        c, reel__cuda_launch_norm(reel__data(norm), squares, blocks, norm->layout.dtype, queue)));
    for (int i = 0; i < l->count;) {
        i = take(l, i, &part);
        REEL_TRY(
            reel__cuda_launched(c, reel__cuda_launch_list_scale(&part, squares + blocks,
                                                                c->attr.f[0], l->dtype, queue)));
    }
    return REEL_OK;
}

reel_status reel__cuda_clip_norm(const reel__call *c) {
    lists l;
    if (!open_lists(c, &l, 1, 1)) return reel_error_status();
    const int64_t blocks = blocks_of(&l);
    const size_t bytes = (size_t)(blocks + 1) * sizeof(double);
    double *squares = reel__cuda_scratch(c, bytes);
    if (!squares) return reel_error_status();
    const reel_status status = clip(c, &l, squares, blocks);
    reel__cuda_free(l.device->index, squares, bytes);
    return status;
}

reel_status reel__cuda_clip_value(const reel__call *c) {
    lists l;
    reel__cuda_lists part;
    if (!open_lists(c, &l, 1, 0)) return reel_error_status();
    for (int i = 0; i < l.count;) {
        i = take(&l, i, &part);
        REEL_TRY(reel__cuda_launched(
            c, reel__cuda_launch_list_clamp(&part, c->attr.f[0], l.dtype, l.device->queue)));
    }
    return REEL_OK;
}
