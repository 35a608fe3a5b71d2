/* The gradient of a recurrent layer: by one op that goes back through the steps; and, where its own
 * gradient will be asked for, in plain ops, made of what is tracked. */
#include "autograd/autograd_internal.h"
#include "tensor/ops/recurrent_internal.h"

#include <stdlib.h>

enum { X, W, B, H, C, LENGTHS }; /* the inputs */

/* ---- in one op ---- */

static reel_tensor *as_rows(const reel__node *n, reel_tensor *t, int64_t wide) {
    return reel_reshape_at(n->at, t, reel_shape(-1, wide));
}

static void give_all(reel__node *n, const reel__recurrent_gradients *d, reel_tensor *h) {
    reel_tensor *dz = n->with.recurrent.cell == REEL__CELL_GRU ? d->dz : d->dx;
    const int64_t wide = n->in_shape[W].dim[0], hidden = n->in_shape[W].dim[1];
    reel__give(n, X, d->dx);
    if (reel__needs(n, W)) /* dz^T[GH,TB] h[TB,H] */
        reel__give_matmul(n, W, reel_t_at(n->at, as_rows(n, dz, wide)), as_rows(n, h, hidden));
    if (reel__needs(n, B) && n->in_shape[B].dim[0] > 0)
        reel__give(n, B, reel_sum_at(n->at, dz, reel_axes(0, 1), false));
    reel__give(n, H, d->dh);
    if (n->with.recurrent.cell == REEL__CELL_LSTM) reel__give(n, C, d->dc);
}

/* ---- in plain ops: what the formulas of recurrent_formulas_internal.h say, of all steps at once,
 * but for what goes from step to step ---- */

typedef struct {
    const char *at;
    int cell;
    bool reverse;
    int64_t steps, batch, hidden;
    reel_tensor *w;
    reel_tensor *live, *live_before; /* u8[T,B,1]: the step is there, and the one before; or NULL */
    reel_tensor *before;             /* the states before each step, [T,B,H] */
    reel_tensor *gate[4], *q, *memory, *memory_before; /* [T,B,H] */
    reel_tensor **list;                                /* of T */
} plain;

static reel_tensor *mul(const plain *p, reel_tensor *x, reel_tensor *y) {
    return reel_mul_at(p->at, x, y);
}
static reel_tensor *add(const plain *p, reel_tensor *x, reel_tensor *y) {
    return reel_add_at(p->at, x, y);
}
static reel_tensor *one_minus(const plain *p, reel_tensor *x) {
    return reel_affine_at(p->at, x, -1, 1);
}
/* 1 - x^2 */
static reel_tensor *bent(const plain *p, reel_tensor *x) {
    return one_minus(p, mul(p, x, x));
}
/* x (1 - x) */
static reel_tensor *sloped(const plain *p, reel_tensor *x) {
    return mul(p, x, one_minus(p, x));
}
static reel_tensor *step_of(const plain *p, reel_tensor *all, int64_t t) {
    return reel_select_at(p->at, all, 0, t);
}
static reel_tensor *gate_of(const plain *p, reel_tensor *all, int k) {
    return reel_slice_at(p->at, all, -1, k * p->hidden, (k + 1) * p->hidden, 1);
}
static int64_t number(const plain *p, int64_t i) {
    return p->reverse ? p->steps - 1 - i : i;
}
/* x where the step is there, else y. */
static reel_tensor *if_live(const plain *p, int64_t t, reel_tensor *x, reel_tensor *y) {
    return p->live ? reel_where_at(p->at, step_of(p, p->live, t), x, y) : x;
}

/* [T,B,1]: t + behind < lengths */
static reel_tensor *live_at(const plain *p, reel_tensor *lengths, int64_t behind) {
    const reel_device d = reel_device_of(lengths);
    reel_tensor *t =
        reel_arange_from_at(p->at, (double)behind, (double)(p->steps + behind), 1, REEL_I64, d);
    return reel_lt_at(p->at, reel_reshape_at(p->at, t, reel_shape(p->steps, 1, 1)),
                      reel_reshape_at(p->at, lengths, reel_shape(1, p->batch, 1)));
}

/* y[T,B,H] moved by a step, the first state in front. */
static void find_states(plain *p, reel_tensor *y, reel_tensor *h) {
    const int64_t from = p->reverse ? 1 : 0;
    h = reel_reshape_at(p->at, h, reel_shape(1, p->batch, p->hidden));
    reel_tensor *others = reel_slice_at(p->at, y, 0, from, from + p->steps - 1, 1);
    reel_tensor *both[] = {p->reverse ? others : h, p->reverse ? h : others};
    p->before = reel_concat_at(p->at, both, 2, 0);
    if (p->live_before && p->reverse)
        p->before = reel_where_at(p->at, p->live_before, p->before, h);
}

static void find_memory(plain *p, reel_tensor *c) {
    for (int64_t i = 0; i < p->steps; i++) {
        const int64_t t = number(p, i);
        p->list[t] = c;
        reel_tensor *next = add(p, mul(p, step_of(p, p->gate[1], t), c),
                                mul(p, step_of(p, p->gate[0], t), step_of(p, p->gate[2], t)));
        c = if_live(p, t, next, c);
    }
    p->memory_before = reel_stack_at(p->at, p->list, (int)p->steps, 0);
    p->memory = reel_tanh_at(
        p->at, add(p, mul(p, p->gate[1], p->memory_before), mul(p, p->gate[0], p->gate[2])));
}

static void open_gates(plain *p, reel_tensor *x, reel_tensor *b, reel_tensor *c) {
    reel_tensor *z = reel_matmul_at(p->at, p->before, reel_t_at(p->at, p->w));
    if (reel__recurrent_has(b)) z = add(p, z, b);
    if (p->cell == REEL__CELL_GRU) {
        for (int k = 0; k < 2; k++)
            p->gate[k] = reel_sigmoid_at(p->at, add(p, gate_of(p, x, k), gate_of(p, z, k)));
        p->q = gate_of(p, z, 2);
        p->gate[2] = reel_tanh_at(p->at, add(p, gate_of(p, x, 2), mul(p, p->gate[0], p->q)));
        return;
    }
    z = add(p, x, z);
    if (p->cell != REEL__CELL_LSTM) {
        p->gate[0] = p->cell == REEL__CELL_TANH ? reel_tanh_at(p->at, z) : reel_relu_at(p->at, z);
        return;
    }
    for (int k = 0; k < 4; k++)
        p->gate[k] = k == 2 ? reel_tanh_at(p->at, gate_of(p, z, k))
                            : reel_sigmoid_at(p->at, gate_of(p, z, k));
    find_memory(p, c);
}

/* ---- what each step's dh, or what comes to the memory, is multiplied by ---- */

typedef struct {
    reel_tensor *gate[4];                 /* of the gates, before their functions */
    reel_tensor *memory, *forget, *state; /* of dc by dh; of dc and dh of the step before */
    reel_tensor *weighed;                 /* of q */
} factors;

static factors factors_of(const plain *p) {
    factors f = {.memory = NULL};
    reel_tensor *const *a = p->gate;
    switch (p->cell) {
    case REEL__CELL_TANH:
        f.gate[0] = bent(p, a[0]);
        break;
    case REEL__CELL_RELU: {
        reel_tensor *zero =
            reel_full_at(p->at, REEL_SCALAR, 0, reel_dtype_of(a[0]), reel_device_of(a[0]));
        f.gate[0] = reel_cast_at(p->at, reel_gt_at(p->at, a[0], zero), reel_dtype_of(a[0]));
        break;
    }
    case REEL__CELL_LSTM:
        f.gate[0] = mul(p, a[2], sloped(p, a[0]));
        f.gate[1] = mul(p, p->memory_before, sloped(p, a[1]));
        f.gate[2] = mul(p, a[0], bent(p, a[2]));
        f.gate[3] = mul(p, p->memory, sloped(p, a[3]));
        f.memory = mul(p, a[3], bent(p, p->memory));
        f.forget = a[1];
        break;
    default:
        f.gate[2] = mul(p, one_minus(p, a[1]), bent(p, a[2]));
        f.gate[0] = mul(p, mul(p, f.gate[2], p->q), sloped(p, a[0]));
        f.gate[1] = mul(p, reel_sub_at(p->at, p->before, a[2]), sloped(p, a[1]));
        f.weighed = mul(p, f.gate[2], a[0]);
        f.state = a[1];
    }
    return f;
}

/* Of step t: its gates' gradients, side by side; for dz those that the product sees. */
static reel_tensor *gates_back(const plain *p, const factors *f, int64_t t, reel_tensor *dh,
                               reel_tensor *dc, bool product) {
    reel_tensor *d[4] = {NULL};
    const int gates = reel__cell_gates(p->cell);
    for (int k = 0; k < gates; k++) {
        reel_tensor *by = product && k == 2 && f->weighed ? f->weighed : f->gate[k];
        d[k] = mul(p, p->cell == REEL__CELL_LSTM && k < 3 ? dc : dh, step_of(p, by, t));
    }
    reel_tensor *all = gates > 1 ? reel_concat_at(p->at, d, gates, -1) : d[0];
    return p->live ? reel_where_else_at(p->at, step_of(p, p->live, t), all, 0) : all;
}

/* From the last step to the first. dz: of a GRU, a list as well. */
static bool go_back(const plain *p, reel_tensor *g, reel_tensor **dz,
                    reel__recurrent_gradients *d) {
    const factors f = factors_of(p);
    const bool lstm = p->cell == REEL__CELL_LSTM;
    reel_tensor *dh = step_of(p, g, p->steps), *dc = lstm ? step_of(p, g, p->steps + 1) : NULL;
    for (int64_t i = p->steps - 1; i >= 0; i--) {
        const int64_t t = number(p, i);
        reel_tensor *in = add(p, dh, step_of(p, g, t)), *all = dc;
        if (lstm) all = add(p, dc, mul(p, in, step_of(p, f.memory, t)));
        p->list[t] = gates_back(p, &f, t, in, all, false);
        dz[t] = f.weighed ? gates_back(p, &f, t, in, all, true) : p->list[t];
        reel_tensor *through = reel_matmul_at(p->at, dz[t], p->w);
        if (f.state) through = add(p, through, mul(p, in, step_of(p, f.state, t)));
        dh = if_live(p, t, through, dh);
        if (lstm) dc = if_live(p, t, mul(p, all, step_of(p, f.forget, t)), dc);
        if (!dh) return false;
    }
    d->dx = reel_stack_at(p->at, p->list, (int)p->steps, 0);
    d->dz = f.weighed ? reel_stack_at(p->at, dz, (int)p->steps, 0) : d->dx;
    d->dh = dh;
    d->dc = dc;
    return d->dx && d->dz;
}

static void give_in_ops(reel__node *n, reel_tensor *g) {
    reel_tensor *x = reel__in(n, X), *w = reel__in(n, W), *b = reel__in(n, B), *h = reel__in(n, H),
                *c = reel__in(n, C), *lengths = reel__in(n, LENGTHS), *y = reel__out(n);
    if (!x || !w || !b || !h || !c || !lengths || !y) return;
    plain p = {.at = n->at,
               .cell = n->with.recurrent.cell,
               .reverse = n->with.recurrent.reverse,
               .steps = n->in_shape[X].dim[0],
               .batch = n->in_shape[X].dim[1],
               .hidden = n->in_shape[W].dim[1],
               .w = w};
    reel__recurrent_gradients d = {NULL, NULL, NULL, NULL};
    p.list = calloc(2 * (size_t)p.steps + 1, sizeof *p.list);
    if (!p.list) {
        reel_fail(REEL_ERR_MEMORY, n->at, "out of memory");
        return;
    }
    if (reel__recurrent_has(lengths)) {
        p.live = live_at(&p, lengths, 0);
        p.live_before = live_at(&p, lengths, 1);
    }
    find_states(&p, y, h);
    open_gates(&p, x, b, c);
    if (go_back(&p, g, p.list + p.steps, &d)) give_all(n, &d, p.before);
    free(p.list);
}

/* ---- the rule ---- */

/* Without a step. */
static void give_states(reel__node *n, reel_tensor *g) {
    reel__give(n, H, reel_select_at(n->at, g, 0, 0));
    if (n->with.recurrent.cell == REEL__CELL_LSTM) reel__give(n, C, reel_select_at(n->at, g, 0, 1));
}

void reel__grad_recurrent(reel__node *n, reel_tensor *g) {
    if (!reel__self()->no_grad) {
        n->in_shape[X].dim[0] > 0 ? give_in_ops(n, g) : give_states(n, g);
        return;
    }
    reel__recurrent_gradients d;
    reel_tensor *planes = reel__saved(n, REEL__OUT(1)), *w = reel__in(n, W),
                *lengths = reel__in(n, LENGTHS);
    if (!planes || !w || !lengths) return;
    REEL_NO_GRAD;
    if (reel__recurrent_grad(n->at, g, planes, w, lengths, n->with, &d))
        give_all(n, &d, reel_select_at(n->at, planes, 0, -1));
}
