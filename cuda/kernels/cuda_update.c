/* Optimizers' steps and gradient clipping: as few launches as a launch's arguments allow. */
#include "cuda/cuda_internal.h"
#include "cuda/kernels/kernels_update_internal.h"

/* Lists side by side in c->list: `width` of them, `count` tensors each. */
typedef struct {
    const reel__call *call;
    reel__cuda_device *device;
    reel_dtype dtype;
    int width, count;
} lists;

/* The first `alike` of the lists have one dtype. */
static bool open_lists(const reel__call *c, lists *l, int width, int alike, int count) {
    *l = (lists){c, reel__cuda_enter(c), REEL_F32, width, count};
    if (l->count > 0) l->dtype = c->list[0]->layout.dtype;
    for (int i = 0; l->device && i < l->count * width; i++)
        if (i % width < alike && c->list[i]->layout.dtype != l->dtype) {
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
        if ((out->count + 1) * l->width > REEL__CUDA_LIST_TOTAL) break;
        reel_tensor *const *t = l->call->list + i * l->width;
        out->n[out->count] = reel_numel(t[0]);
        for (int k = 0; k < l->width; k++) out->data[out->count * l->width + k] = reel__data(t[k]);
        blocks += (out->n[out->count] + REEL__CUDA_LIST_BLOCK - 1) / REEL__CUDA_LIST_BLOCK;
        out->first_block[out->count + 1] = (uint32_t)blocks;
    }
    if (blocks == 0) out->first_block[out->count] = 1;
    return i;
}

reel_status reel__cuda_update(const reel__call *c) {
    const reel__update_call u = reel__update_of(c);
    lists l;
    reel__cuda_lists part;
    if (!open_lists(c, &l, u.width, u.width - 1 - u.carries, u.count)) return reel_error_status();
    reel__cuda_update_work w = {
        .rule = c->with.update.rule, .lr = u.lr, .step = u.step, .ticket = l.device->tickets};
    for (int i = 0; !w.last;) {
        i = take(&l, i, &part);
        w.last = i == l.count;
        REEL_TRY(reel__cuda_launched(
            c, reel__cuda_launch_update(c->op, u.has, &part, &w, l.dtype, l.device->queue)));
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

/* squares[blocks], the norm behind them, and of f64 the scales[blocks] behind that. */
static reel_status clip(const reel__call *c, const lists *l, double *squares, int64_t blocks) {
    double *scales = l->dtype == REEL_F64 ? squares + blocks + 1 : NULL;
    reel__cuda_lists part;
    int64_t done = 0;
    reel__cuda_queue *queue = l->device->queue;
    for (int i = 0; i < l->count; done += part.first_block[part.count]) {
        i = take(l, i, &part);
        REEL_TRY(reel__cuda_launched(
            c, reel__cuda_launch_list_squares(&part, squares + done, scales ? scales + done : NULL,
                                              l->dtype, queue)));
    }
    reel_tensor *norm = c->list[c->nin - 1];
    REEL_TRY(reel__cuda_launched(c, reel__cuda_launch_norm(reel__data(norm), squares, scales,
                                                           blocks, norm->layout.dtype, queue)));
    for (int i = 0; i < l->count;) {
        i = take(l, i, &part);
        REEL_TRY(reel__cuda_launched(c, reel__cuda_launch_list_scale(&part, squares + blocks,
                                                                     c->with.clip.max_norm,
                                                                     l->dtype, queue)));
    }
    return REEL_OK;
}

reel_status reel__cuda_clip_norm(const reel__call *c) {
    lists l;
    if (!open_lists(c, &l, 1, 1, c->nin - 1)) return reel_error_status();
    const int64_t blocks = blocks_of(&l);
    const size_t bytes = (size_t)(2 * blocks + 1) * sizeof(double);
    double *squares = reel__cuda_scratch(c, bytes);
    if (!squares) return reel_error_status();
    const reel_status status = clip(c, &l, squares, blocks);
    reel__cuda_free(l.device->index, squares, bytes);
    return status;
}

reel_status reel__cuda_clip_value(const reel__call *c) {
    lists l;
    reel__cuda_lists part;
    if (!open_lists(c, &l, 1, 1, c->nin)) return reel_error_status();
    for (int i = 0; i < l.count;) {
        i = take(&l, i, &part);
        REEL_TRY(reel__cuda_launched(
            c, reel__cuda_launch_list_clamp(&part, c->with.clip.limit, l.dtype, l.device->queue)));
    }
    return REEL_OK;
}
