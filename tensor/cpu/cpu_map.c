/* Elementwise ops: broadcasting, and runs of elements as long as the strides allow. */
#include "tensor/cpu/cpu_internal.h"

#define OPERANDS 4 /* the result and up to three inputs */
#define GRAIN 8192

/* Axes in common, outermost first, with each operand's stride along them. */
typedef struct {
    reel__loop loop;
    const double *constants;
    int operands, ndim;
    int64_t dim[REEL_MAX_DIMS], stride[OPERANDS][REEL_MAX_DIMS];
    char *data[OPERANDS];
    size_t size[OPERANDS];
} nest;

/* Two neighbouring axes are one if every operand steps through them as through one. */
static bool joins(const nest *n, int axis) {
    for (int k = 0; k < n->operands; k++)
        if (n->stride[k][axis] != n->stride[k][axis + 1] * n->dim[axis + 1]) return false;
    return true;
}

static void drop_axis(nest *n, int axis) {
    n->ndim--;
    for (int i = axis; i < n->ndim; i++) {
        n->dim[i] = n->dim[i + 1];
        for (int k = 0; k < n->operands; k++) n->stride[k][i] = n->stride[k][i + 1];
    }
}

static void collapse(nest *n) {
    for (int i = n->ndim - 1; i >= 0 && n->ndim > 1; i--)
        if (n->dim[i] == 1) drop_axis(n, i);
    for (int i = n->ndim - 2; i >= 0; i--) {
        if (!joins(n, i)) continue;
        n->dim[i + 1] *= n->dim[i];
        drop_axis(n, i);
    }
}

static void run(const nest *n, char *const data[OPERANDS], int64_t length) {
    int last = n->ndim - 1;
    reel__run r = {
        .n = length, .out = data[0], .out_stride = n->stride[0][last], .constants = n->constants};
    for (int k = 1; k < n->operands; k++) {
        r.in[k - 1] = data[k];
        r.in_stride[k - 1] = n->stride[k][last];
    }
    n->loop(&r);
}

static void advance(const nest *n, char *data[OPERANDS], int axis, int64_t by) {
    for (int k = 0; k < n->operands; k++) data[k] += n->stride[k][axis] * by * (int64_t)n->size[k];
}

/* Elements begin..end of a single run. */
static void work_run(void *context, int64_t begin, int64_t end) {
    const nest *n = context;
    char *data[OPERANDS] = {0};
    for (int k = 0; k < n->operands; k++) data[k] = n->data[k];
    advance(n, data, 0, begin);
    run(n, data, end - begin);
}

/* Rows begin..end of all outer axes, one run each. */
static void work_rows(void *context, int64_t begin, int64_t end) {
    const nest *n = context;
    int64_t at[REEL_MAX_DIMS] = {0}, rest = begin;
    char *data[OPERANDS] = {0};
    for (int k = 0; k < n->operands; k++) data[k] = n->data[k];
    for (int i = n->ndim - 2; i >= 0; i--) {
        at[i] = rest % n->dim[i];
        rest /= n->dim[i];
        advance(n, data, i, at[i]);
    }
    for (int64_t row = begin; row < end; row++) {
        run(n, data, n->dim[n->ndim - 1]);
        for (int i = n->ndim - 2; i >= 0; i--) {
            advance(n, data, i, 1);
            if (++at[i] < n->dim[i]) break;
            advance(n, data, i, -at[i]);
            at[i] = 0;
        }
    }
}

void reel__cpu_map_with(reel__loop loop, reel_tensor *out, int nin, reel_tensor *const *in,
                        const double *constants) {
    const reel_shape shape = out->layout.shape;
    nest n = {.loop = loop, .constants = constants, .operands = nin + 1, .ndim = shape.ndim};
    if (reel__shape_numel(shape) == 0) return;
    for (int k = 0; k <= nin; k++) {
        const reel_tensor *t = k ? in[k - 1] : out;
        reel__broadcast_strides(&t->layout, shape, n.stride[k]);
        n.data[k] = reel__data(t);
        n.size[k] = reel_dtype_size(t->layout.dtype);
    }
    for (int i = 0; i < shape.ndim; i++) n.dim[i] = shape.dim[i];
    if (n.ndim == 0) {
        n.ndim = 1;
        n.dim[0] = 1;
    }
    collapse(&n);
    int64_t rows = 1, length = n.dim[n.ndim - 1];
    for (int i = 0; i < n.ndim - 1; i++) rows *= n.dim[i];
    if (rows == 1)
        reel__cpu_parallel(length, GRAIN, work_run, &n);
    else
        reel__cpu_parallel(rows, length < GRAIN ? GRAIN / length : 1, work_rows, &n);
}

reel_status reel__cpu_map(const reel__call *c) {
    reel__loop loop = reel__cpu_loops()->map[c->op][c->in[0]->layout.dtype];
    reel__cpu_map_with(loop, c->out[0], c->nin, c->in, c->attr.f);
    return REEL_OK;
}
