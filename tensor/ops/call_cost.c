/* Bytes and flops, from the operands of a call and what it is told. */
#include "tensor/ops/call_cost_internal.h"

#include "tensor/ops/attention_internal.h"
#include "tensor/ops/ops_internal.h"
#include "tensor/ops/recurrent_internal.h"
#include "tensor/ops/update_internal.h"

/* ---- bytes ---- */

static int64_t elements(const reel_tensor *t) {
    int64_t n = 1;
    for (int i = 0; i < t->layout.shape.ndim; i++)
        if (t->layout.stride[i] != 0 || t->layout.shape.dim[i] == 0) n *= t->layout.shape.dim[i];
    return n;
}

static int64_t bytes_of(const reel_tensor *t, int64_t most) {
    const int64_t n = elements(t);
    return (n < most ? n : most) * (int64_t)reel_dtype_size(t->layout.dtype);
}

int64_t reel__operand_bytes(const reel_tensor *t) {
    return bytes_of(t, INT64_MAX);
}

/* Of a step's lists, all but the gradients are written too. */
static int64_t bytes_of_step(const reel__call *c) {
    const int width = reel__update_width(c);
    int64_t bytes = 0;
    for (int i = 0; i < c->nin; i++)
        bytes += reel__operand_bytes(reel__input(c, i)) * (i % width == 1 ? 1 : 2);
    return bytes;
}

int64_t reel__call_bytes(const reel__call *c) {
    const reel__op_info *op = &reel__ops[c->op];
    if (op->kind == REEL__UPDATE) return bytes_of_step(c);
    const bool picks = op->dtypes == REEL__INDEXED && c->nin > 1 && c->out[0];
    const int64_t most = picks ? reel_numel(c->out[0]) : INT64_MAX;
    int64_t bytes = c->accumulate ? reel__operand_bytes(c->out[0]) : 0;
    for (int i = 0; i < c->nin; i++) bytes += bytes_of(reel__input(c, i), i ? INT64_MAX : most);
    for (int i = 0; i < c->nout; i++)
        if (c->out[i]) bytes += reel__operand_bytes(c->out[i]);
    return bytes;
}

/* ---- flops ---- */

static double count(const reel_tensor *t) {
    return (double)reel__shape_numel(t->layout.shape);
}

/* As many products of elements as y has, of this length. */
static double of_products(const reel_tensor *y, double length) {
    return 2 * count(y) * length;
}

static double of_matmul(const reel__call *c) {
    const reel_shape *x = &c->in[0]->layout.shape;
    return of_products(c->out[0], x->ndim ? (double)x->dim[x->ndim - 1] : 1);
}

/* Each element of y, or of its gradient, meets one output channel of w[O,...]. */
static double of_conv(const reel_tensor *y, const reel_tensor *w) {
    const int64_t channels = w->layout.shape.dim[0];
    return channels ? of_products(y, count(w) / (double)channels) : 0;
}

/* q k^T and p v; the gradient has q k^T again, and two for each of them. */
static double of_attention(const reel__call *c, bool gradient) {
    const reel__attention_sizes n = reel__attention_sizes_of(c->in[0], c->in[1], c->in[2]);
    const double scores = (double)(n.batch * n.heads) * (double)n.queries * (double)n.keys,
                 width = (double)n.width, value = (double)n.value_width;
    return 2 * scores * (gradient ? 3 * width + 2 * value : width + value);
}

/* The state by its weight at each step. */
static double of_recurrent(const reel_tensor *gates, const reel_tensor *w) {
    return of_products(gates, (double)w->layout.shape.dim[1]);
}

static bool only_moves(const reel__op_info *op) {
    return op->dtypes == REEL__ALIKE || op->dtypes == REEL__INDEXED || op->dtypes == REEL__MASKED;
}

/* Of all parameters: behind them are the rate and the count. */
static double of_step(const reel__call *c) {
    double all = 0;
    for (int i = 0; i < c->nin - 2; i += reel__update_width(c)) all += count(reel__input(c, i));
    return all;
}

/* Of the largest operand, or of all of a list. */
static double of_elements(const reel__call *c) {
    double most = 0, all = 0;
    for (int i = 0; i < c->nin + c->nout; i++) {
        const reel_tensor *t = i < c->nin ? reel__input(c, i) : c->out[i - c->nin];
        const double n = t ? count(t) : 0;
        most = n > most ? n : most;
        all += n;
    }
    return reel__ops[c->op].inputs < 0 ? all : most;
}

double reel__call_flops(const reel__call *c) {
    switch (c->op) {
    case REEL_OP_matmul:
        return of_matmul(c);
    case REEL_OP_conv:
        return of_conv(c->out[0], c->in[1]);
    case REEL_OP_conv_input_grad:
        return of_conv(c->in[0], c->in[1]);
    case REEL_OP_conv_weight_grad:
        return of_conv(c->in[0], c->out[0]);
    case REEL_OP_attention:
        return of_attention(c, false);
    case REEL_OP_attention_grad:
        return of_attention(c, true);
    case REEL_OP_recurrent:
        return of_recurrent(c->in[0], c->in[1]);
    case REEL_OP_recurrent_grad:
        return of_recurrent(c->out[0], c->in[2]);
    default:
        break;
    }
    const reel__op_info *op = &reel__ops[c->op];
    if (op->kind == REEL__UPDATE) return of_step(c);
    return only_moves(op) ? 0 : of_elements(c);
}
