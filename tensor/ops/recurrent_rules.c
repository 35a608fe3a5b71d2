/* The shape rules of recurrent layers and of their gradient. */
#include "tensor/ops/recurrent_internal.h"
#include "tensor/ops/shape_rules_internal.h"

static bool is_of(const reel_tensor *t, reel_shape s) {
    return reel_shape_equal(t->layout.shape, s);
}

/* w[GH,H], and gates of so many: [T,B,GH] and H are known from these. */
static reel_status check_sizes(const reel__call *c, const reel_tensor *w, int64_t wide) {
    const reel_shape s = w->layout.shape;
    const int gates = reel__cell_gates(c->with.recurrent.cell);
    if (s.ndim == 2 && s.dim[1] > 0 && s.dim[0] % gates == 0 && s.dim[0] / gates == s.dim[1] &&
        (wide < 0 || wide == s.dim[0]))
        return REEL_OK;
    return reel__fail_call(REEL_ERR_SHAPE, c, "the weight must be [%d hidden, hidden]", gates);
}

static reel_status check_lengths(const reel__call *c, const reel_tensor *lengths, int64_t batch) {
    if (!reel__recurrent_has(lengths) || is_of(lengths, reel_shape(batch))) return REEL_OK;
    return reel__fail_call(REEL_ERR_SHAPE, c, "lengths must be one of each sequence");
}

reel_status reel__rule_recurrent(const reel__call *c, reel__layout *out) {
    const int cell = c->with.recurrent.cell;
    const reel_shape x = c->in[0]->layout.shape, none = reel_shape(0);
    if (x.ndim != 3) return reel__fail_call(REEL_ERR_SHAPE, c, "three axes are needed");
    REEL_TRY(check_sizes(c, c->in[1], x.dim[2]));
    const int64_t hidden = c->in[1]->layout.shape.dim[1], batch = x.dim[1];
    const reel_shape state = reel_shape(batch, hidden);
    if (!is_of(c->in[2], none) && !is_of(c->in[2], reel_shape(x.dim[2])))
        return reel__fail_call(REEL_ERR_SHAPE, c, "the bias does not fit");
    if (!is_of(c->in[3], state) || !is_of(c->in[4], cell == REEL__CELL_LSTM ? state : none))
        return reel__fail_call(REEL_ERR_SHAPE, c, "the state does not fit");
    REEL_TRY(check_lengths(c, c->in[5], batch));
    out[0].dtype = c->in[0]->layout.dtype;
    out[0].shape = reel_shape(x.dim[0] + reel__cell_states(cell), batch, hidden);
    out[1].dtype = reel__compute_dtype(c->op, out[0].dtype);
    out[1].shape = reel_shape(reel__cell_planes(cell), x.dim[0], batch, hidden);
    return REEL_OK;
}

reel_status reel__rule_recurrent_grad(const reel__call *c, reel__layout *out) {
    const int cell = c->with.recurrent.cell;
    const reel_shape p = c->in[1]->layout.shape, g = c->in[0]->layout.shape;
    REEL_TRY(check_sizes(c, c->in[2], -1));
    const int64_t wide = c->in[2]->layout.shape.dim[0], hidden = c->in[2]->layout.shape.dim[1];
    if (p.ndim != 4 || g.ndim != 3 || p.dim[0] != reel__cell_planes(cell) || p.dim[3] != hidden ||
        !is_of(c->in[0], reel_shape(p.dim[1] + reel__cell_states(cell), p.dim[2], hidden)))
        return reel__fail_call(REEL_ERR_SHAPE, c, "shapes do not belong together");
    REEL_TRY(check_lengths(c, c->in[3], p.dim[2]));
    for (int i = 0; i < 4; i++) out[i].dtype = c->in[0]->layout.dtype;
    out[0].shape = reel_shape(p.dim[1], p.dim[2], wide);
    out[1].shape = cell == REEL__CELL_GRU ? out[0].shape : reel_shape(0);
    out[2].shape = reel_shape(p.dim[2], hidden);
    out[3].shape = cell == REEL__CELL_LSTM ? out[2].shape : reel_shape(0);
    return REEL_OK;
}
