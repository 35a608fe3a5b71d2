/* Ops whose result is given beforehand: what calls find in the thread, and a fill, which has no
 * other form. */
#include "tensor/into.h"
#include "tensor/core/handles_internal.h"
#include "tensor/ops/call_internal.h"

#include <string.h>

reel_tensor *reel__run_into(reel__call c, reel_tensor *out) {
    c.in_place = c.nin == 0 || c.in[0] == out;
    if (!out) {
        reel__fail_call(REEL_ERR_ARGUMENT, &c, "the tensor to change is NULL");
        return NULL;
    }
    if (!reel__is_alive(out)) {
        char name[64];
        snprintf(name, sizeof name, "%s%s", reel__called(c.at, reel__ops[c.op].name),
                 c.in_place ? "_" : "");
        reel__live_or_fail(c.at, name, "the tensor to change", out);
        return NULL;
    }
    c.nout = 1;
    c.out[0] = out;
    c.device = out->storage->device;
    return reel__dispatch(&c) == REEL_OK ? out : NULL;
}

reel_tensor *reel_fill_at_(const char *at, reel_tensor *t, double value) {
    reel__with with = {.fill.value = value};
    if (reel__is_alive(t)) with.fill.shape = t->layout.shape, with.fill.dtype = t->layout.dtype;
    return reel__run_into((reel__call){.op = REEL_OP_fill, .at = at, .with = with}, t);
}

/* ---- a result that waits for the op of its call ---- */

/* Those inside it that did not end go with it: a jump out of an argument, an exception. */
void reel_into_leave(reel_into_wait *wait) {
    if (!wait->linked) return;
    wait->linked = false;
    reel__self()->into = wait->outer;
}

/* The op is the function called, or part of one of another name. */
static bool is_called(const reel__call *c) {
    const char *name = strchr(c->at, '\n');
    return name && strcmp(name + 1, reel__ops[c->op].name) == 0;
}

/* Products of as many axes as their operands, without broadcasts. */
static bool is_its_shape(const reel__call *c, reel_shape out) {
    const reel_shape x = reel_shape_of(c->in[0]), y = reel_shape_of(c->in[1]);
    const int n = out.ndim;
    if (n < 2 || x.ndim != n || y.ndim != n) return false;
    for (int i = 0; i < n - 2; i++)
        if (x.dim[i] != out.dim[i] || y.dim[i] != out.dim[i]) return false;
    return x.dim[n - 2] == out.dim[n - 2] && y.dim[n - 1] == out.dim[n - 1];
}

/* Elements go wherever they lie; a product, where it lies in one piece. */
static bool can_write(const reel__call *c, const reel_tensor *out) {
    const reel__kind kind = reel__ops[c->op].kind;
    if (!reel__is_alive(out)) return true; /* it is refused */
    if (c->op == REEL_OP_matmul)
        return reel_is_contiguous(out) && is_its_shape(c, reel_shape_of(out));
    return kind == REEL__MAP;
}

static reel_into_wait *waiting_for(const reel__thread *self, const reel__call *c) {
    reel_into_wait *top = self->into;
    return top->ready && c->at == top->at && is_called(c) && can_write(c, top->out) ? top : NULL;
}

/* Inputs that are other elements of the result's memory are copied first. A product reads its
 * inputs while it writes: none may lie where the result does. */
static reel_tensor *apart(const reel__call *c, reel_tensor *x, const reel_tensor *out) {
    if (c->op == REEL_OP_matmul && x && x == out) return reel__unary(REEL_OP_copy, c->at, x);
    return reel__apart(c->at, x, out);
}

static reel_status dispatch_into(reel__call *c, reel_into_wait *wait) {
    REEL_SCOPE;
    reel__call into = *c;
    wait->ready = false;
    for (int i = 0; i < c->nin; i++) into.in[i] = apart(c, c->in[i], wait->out);
    if (!reel__run_into(into, wait->out)) return reel_error_status();
    c->out[0] = wait->out;
    c->given = true;
    return REEL_OK;
}

static const reel__into_hook hook = {.of = waiting_for, .dispatch = dispatch_into};

const char *reel_into_begin(reel_into_wait *wait) {
    reel__thread *self = reel__self();
    wait->outer = self->into;
    wait->ready = wait->linked = true;
    self->into = wait;
    self->into_hook = &hook;
    return wait->at;
}

reel_tensor *reel_into_end(reel_into_wait *wait, reel_tensor *result) {
    reel_into_leave(wait);
    if (!result || result == wait->out) return result;
    REEL_SCOPE;
    reel_tensor *from = reel__apart(wait->at, result, wait->out);
    return reel__run_into(
        (reel__call){
            .op = REEL_OP_copy, .at = wait->at, .first = REEL__NO_NAMES, .nin = 1, .in = {from}},
        wait->out);
}
