/* The one funnel: every op of every device goes through reel__dispatch. */
#include "tensor/core/handles_internal.h"
#include "tensor/ops/call_internal.h"
#include "tensor/ops/profile_call_internal.h"
#include "tensor/ops/record_internal.h"
#include "tensor/ops/shape_rules_internal.h"

/* ---- the table ---- */

#define ANY_NUMBER (-1)
#define IN(i) REEL__IN(i)
#define OUT(i) REEL__OUT(i)
#define CROSS REEL__CROSS

const reel__op_info reel__ops[REEL_OP_COUNT] = {
#define REEL_OP(name, inputs, kind, dtypes, told, rule, saves, gradient)                           \
    [REEL_OP_##name] = {#name, inputs,          REEL__##kind, REEL__##dtypes, REEL__TOLD_##told,   \
                        saves, REEL__##gradient},
#include "tensor/ops/ops.def"
};

bool reel__may_fail(const reel__call *c) {
    return reel__ops[c->op].kind == REEL__STRICT || (c->op == REEL_OP_bce && c->with.map.checked);
}

/* What has room for an op's inputs: a call, the tape, an elementwise kernel. */
#define REEL_OP(name, inputs, kind, dtypes, told, rule, saves, gradient)                           \
    _Static_assert((inputs) <=                                                                     \
                       (REEL__##kind == REEL__MAP ? REEL__MOST_MAPPED : REEL__MOST_INPUTS),        \
                   #name " has too many inputs");
#include "tensor/ops/ops.def"

#define REEL_MAP(name, scope, inputs, form, dtypes, saves, gradient)                               \
    _Static_assert((int)REEL_OP_##name < REEL__MAPS, #name " is not among the first");
#include "tensor/ops/ops_map.def"

_Static_assert(sizeof(reel__call) <= 320, "every op clears one, and some copy it");

typedef reel_status (*shape_rule)(const reel__call *c, reel__layout *out);

static const shape_rule rules[REEL_OP_COUNT] = {
#define REEL_OP(name, inputs, kind, dtypes, told, rule, saves, gradient)                           \
    [REEL_OP_##name] = reel__rule_##rule,
#include "tensor/ops/ops.def"
};

/* ---- checks ---- */

/* Inputs are there, and were not let go. */
static reel_status check_alive(const reel__call *c) {
    for (int i = 0; i < c->nin; i++)
        if (!reel__is_alive(reel__input(c, i))) return reel__fail_absent(c, i);
    return REEL_OK;
}

static reel_status check_devices(reel__call *c) {
    if (c->nin) c->device = reel__input(c, 0)->storage->device;
    for (int i = 1; i < c->nin; i++)
        if (!reel_device_equal(reel__input(c, i)->storage->device, c->device))
            return reel__fail_call(REEL_ERR_DEVICE, c, "operands on different devices");
    if (c->out[0] && !reel_device_equal(c->out[0]->storage->device, c->device))
        return reel__fail_call(REEL_ERR_DEVICE, c, "the result is on another device");
    return REEL_OK;
}

static bool any_tracked(const reel__call *c) {
    for (int i = 0; i < c->nin; i++)
        if (reel__input(c, i)->track) return true;
    return false;
}

static bool is_recorded(const reel__call *c, const reel__op_info *op) {
    return op->gradient != REEL__CONST && any_tracked(c) && !reel__self()->no_grad;
}

/* ---- results ---- */

/* A result given beforehand: what the op computes must fit into it. */
static reel_status check_given(const reel__call *c, const reel__layout *computed) {
    reel_tensor *out = c->out[0];
    reel_shape s;
    if (!reel__broadcast(computed->shape, out->layout.shape, &s) ||
        !reel_shape_equal(s, out->layout.shape)) {
        char shape[200];
        reel__shape_text(shape, sizeof shape, out->layout.shape);
        return reel__fail_call(REEL_ERR_SHAPE, c, "the result does not fit into %s", shape);
    }
    if (computed->dtype != out->layout.dtype)
        return reel__fail_call(REEL_ERR_DTYPE, c, "the result is %s, not %s",
                               reel_dtype_name(out->layout.dtype),
                               reel_dtype_name(computed->dtype));
    if (reel__layout_overlaps(&out->layout))
        return reel__fail_call(REEL_ERR_ARGUMENT, c,
                               "the result is an expanded view: its elements share memory");
    if (out->track && !reel__self()->no_grad) return reel__hooks_get()->before_inplace(c, out);
    return REEL_OK;
}

static void release_outputs(reel__call *c) {
    for (int i = 0; i < c->nout; i++) {
        reel_release(c->out[i]);
        c->out[i] = NULL;
    }
}

static reel_status make_outputs(reel__call *c, const reel__op_info *op,
                                const reel__layout *layout) {
    for (int i = 0; i < c->nout; i++) {
        c->out[i] = op->kind == REEL__VIEW
                        ? reel__tensor_view(c->at, op->name, c->in[0], &layout[i])
                        : reel__tensor_new(c->at, op->name, &layout[i], c->device);
        if (c->out[i]) continue;
        release_outputs(c);
        return reel_error_status();
    }
    return REEL_OK;
}

/* ---- the funnel ---- */

__attribute__((noinline, cold)) static reel_status call_profiled(reel__kernel kernel,
                                                                 const reel__call *c) {
    const reel__profile_mark mark = reel__profile_call_open(c);
    const reel_status status = kernel(c);
    reel__profile_end(mark);
    return status;
}

static reel_status call_kernel(reel__call *c) {
    const reel__backend *backend = c->nin      ? reel__input(c, 0)->storage->backend
                                   : c->out[0] ? c->out[0]->storage->backend
                                               : reel__backend_of(c->at, c->device);
    if (!backend) return REEL_ERR_DEVICE;
    reel__thread *self = reel__self();
    const bool no_grad = self->no_grad;
    reel__recorder *recorder = self->recorder;
    self->no_grad = true; /* a kernel may use other ops; the tape sees this one alone */
    self->recorder = NULL;
    const reel__kernel kernel = backend->kernels[c->op];
    reel_status status = reel__profile_does() ? call_profiled(kernel, c) : kernel(c);
    self->recorder = recorder;
    self->no_grad = no_grad;
    return status;
}

/* Its inputs are of a dtype that the row's kernels do not compute in. Of MASKED rows, whose first
 * input is the mask, kernels know every dtype. */
static bool is_widened(const reel__call *c) {
    if (c->nin == 0 || c->list || c->in[0]->layout.dtype < REEL__NUMBERS) return false;
    return reel__compute_dtype(c->op, c->in[0]->layout.dtype) != c->in[0]->layout.dtype;
}

static reel_status cast_into(const reel__call *c, reel_tensor *to, reel_tensor *from) {
    const reel__op op = to->layout.dtype == from->layout.dtype ? REEL_OP_copy : REEL_OP_cast;
    reel__call cast = {.op = op, .at = c->at, .first = REEL__NO_NAMES, .nin = 1, .nout = 1};
    cast.in[0] = from;
    cast.out[0] = to;
    cast.device = c->device;
    cast.with.cast.dtype = to->layout.dtype;
    return call_kernel(&cast);
}

/* An input in the dtype that is computed in, borrowed; expanded as it is, without a copy. */
static reel_tensor *widened(const reel__call *c, reel_tensor *from) {
    const char *name = reel__ops[c->op].name;
    reel__layout one = from->layout; /* of what is expanded */
    for (int i = 0; i < one.shape.ndim; i++)
        if (one.shape.dim[i] > 1 && one.stride[i] == 0) one.shape.dim[i] = 1;
    const reel__layout wide = {.shape = one.shape, .dtype = reel__compute_dtype(c->op, one.dtype)};
    reel_tensor *entries = reel__scope_give(reel__tensor_view(c->at, name, from, &one));
    reel_tensor *to = reel__scope_give(reel__tensor_new(c->at, name, &wide, c->device));
    if (!entries || !to || cast_into(c, to, entries) != REEL_OK) return NULL;
    if (reel_shape_equal(one.shape, from->layout.shape)) return to;
    reel__layout all = to->layout;
    reel__broadcast_strides(&to->layout, from->layout.shape, all.stride);
    all.shape = from->layout.shape;
    return reel__scope_give(reel__tensor_view(c->at, name, to, &all));
}

static reel_status widen(reel__call *wide) {
    int first, end;
    reel__alike(wide, &first, &end);
    for (int i = first; i < end; i++) {
        wide->in[i] = widened(wide, wide->in[i]);
        if (!wide->in[i]) return reel_error_status();
    }
    return REEL_OK;
}

/* Runs the call in that dtype, and casts its results to those of c. */
static reel_status run_wide(const reel__call *c, const reel__op_info *op) {
    REEL_SCOPE;
    reel__layout layout[REEL__MOST_RESULTS];
    reel__call wide = *c;
    REEL_TRY(widen(&wide));
    for (int i = 0; i < c->nout; i++) wide.out[i] = NULL;
    REEL_TRY(rules[c->op](&wide, layout));
    REEL_TRY(make_outputs(&wide, op, layout));
    reel_status status = c->accumulate ? cast_into(c, wide.out[0], c->out[0]) : REEL_OK;
    if (status == REEL_OK) status = call_kernel(&wide);
    for (int i = 0; i < c->nout && status == REEL_OK; i++)
        status = cast_into(c, c->out[i], wide.out[i]);
    release_outputs(&wide);
    return status;
}

static reel_status compute(reel__call *c, const reel__op_info *op) {
    if (op->kind == REEL__VIEW) return REEL_OK;
    reel_status status = is_widened(c) ? run_wide(c, op) : call_kernel(c);
    if (reel__self()->anomaly && status == REEL_OK) status = reel__hooks_get()->check_results(c);
    return status;
}

reel_status reel__dispatch_again(reel__call *c) {
    return compute(c, &reel__ops[c->op]);
}

/* By a recorder that knows what comes of it. */
static reel__answer answer_of(reel__call *c, const reel__layout *layout) {
    reel__recorder *r = reel__self()->recorder;
    return r && reel__ops[c->op].kind != REEL__VIEW ? r->answers(r, c, layout) : REEL__RUNS;
}

reel_status reel__dispatch(reel__call *c) {
    const reel__op_info *op = &reel__ops[c->op];
    const bool in_place = c->out[0] != NULL;
    const reel__thread *self = reel__self();
    reel_into_wait *wait = self->into && !in_place ? self->into_hook->of(self, c) : NULL;
    if (wait) return self->into_hook->dispatch(c, wait);
    reel__layout layout[REEL__MOST_RESULTS];

    REEL_TRY(check_alive(c));
    REEL_TRY(check_devices(c));
    REEL_TRY(reel__check_dtypes(c));
    const bool recorded = is_recorded(c, op);
    if (recorded && in_place)
        return reel__fail_call(REEL_ERR_STATE, c,
                               "an input is tracked, and what is done in place is not recorded: "
                               "detach it, or use REEL_NO_GRAD");
    if (recorded && op->gradient == REEL__NONE)
        return reel__fail_call(REEL_ERR_ARGUMENT, c, "has no gradient, and an input is tracked");
    REEL_TRY(rules[c->op](c, layout));
    if (in_place) REEL_TRY(check_given(c, layout));
    const reel__answer answer = answer_of(c, layout);
    if (answer != REEL__RUNS) return answer == REEL__ANSWERED ? REEL_OK : reel_error_status();
    if (!in_place) REEL_TRY(make_outputs(c, op, layout));

    reel_status status = compute(c, op);
    if (self->recorder && op->kind != REEL__VIEW && status == REEL_OK)
        status = self->recorder->took(self->recorder, c);
    if (in_place) atomic_fetch_add_explicit(&c->out[0]->storage->version, 1, memory_order_relaxed);
    if (status == REEL_OK && recorded) status = reel__hooks_get()->record(c);
    if (status != REEL_OK && !in_place) release_outputs(c);
    return status;
}
