/* softmax along an axis. */
#include "tensor/cpu/cpu_internal.h"

typedef struct {
    const reel_tensor *x;
    reel_tensor *out;
} rows;

static void work(void *context, int64_t begin, int64_t end) {
    const rows *r = context;
    int64_t n = r->x->layout.shape.dim[r->x->layout.shape.ndim - 1];
    int dtype = (int)r->x->layout.dtype;
    size_t row = (size_t)n * reel_dtype_size(r->x->layout.dtype);
    for (int64_t i = begin; i < end; i++)
        reel__cpu_loops()->softmax[dtype]((char *)reel__data(r->out) + (size_t)i * row,
                                          (const char *)reel__data(r->x) + (size_t)i * row, n);
}

/* With the axis last and contiguous; the result is permuted back into its place. */
static reel_status along_last(const reel__call *c, reel_shape order, bool moved) {
    reel_tensor *x =
        reel_contiguous_at(c->at, moved ? reel_permute_at(c->at, c->in[0], order) : c->in[0]);
    reel_tensor *y =
        x && moved ? reel_empty_at(c->at, x->layout.shape, x->layout.dtype, c->device) : c->out[0];
    if (!x || !y) return reel_error_status();
    rows r = {x, y};
    int64_t n = x->layout.shape.dim[x->layout.shape.ndim - 1];
    reel__cpu_parallel(reel_numel(x) / n, 8192 / n + 1, work, &r);
    if (moved && !reel_copy_at_(c->at, reel_permute_at(c->at, c->out[0], order), y))
        return reel_error_status();
    return REEL_OK;
}

reel_status reel__cpu_softmax(const reel__call *c) {
    int ndim = c->in[0]->layout.shape.ndim, axis = (int)c->attr.i[0];
    reel_shape order = {ndim, {0}};
    if (reel_numel(c->in[0]) == 0) return REEL_OK;
    for (int i = 0; i < ndim; i++) order.dim[i] = i;
    order.dim[axis] = ndim - 1; /* the axis and the last change places: its own inverse */
    order.dim[ndim - 1] = axis;
    reel_status status = REEL_OK;
    REEL_SCOPE {
        status = along_last(c, order, axis != ndim - 1);
    }
    return status;
}
