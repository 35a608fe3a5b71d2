/* Gradients by the tape against central differences. */
#include "autograd/autograd_internal.h"
#include "tensor/core/tensor_internal.h"

#include <math.h>
#include <stdlib.h>

/* What made f's result, and where: the place to look at first. */
typedef struct {
    const char *made_by, *at;
} origin;

typedef struct {
    const char *what;
    reel_gradcheck_fn f;
    void *user;
    reel_tensor **inputs;
    int count;
    reel_gradcheck_options o;
    origin *result;
} check;

/* Fixed weights in 1..2, so that no result is lost in a sum. */
static reel_tensor *weights_like(reel_tensor *y) {
    reel_tensor *i =
        reel_reshape(reel_arange(reel_numel(y), REEL_F64, reel_device_of(y)), reel_shape_of(y));
    return reel_affine(reel_sigmoid(reel_affine(i, 0.7, -1)), 1, 1);
}

static void note(origin *o, const reel_tensor *y) {
    if (y && !o->made_by) *o = (origin){y->made_by, y->at};
}

static reel_status lacks(const char *what, const char *it) {
    return reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: %s is NULL", what, it);
}

/* What f gives; NULL if that can't be checked. */
static reel_tensor *result_of(const check *c) {
    reel_tensor *y = c->f(c->inputs, c->user);
    if (!y && !reel_failed()) lacks(c->what, "what f gives");
    if (!y || !reel__live(NULL, c->what, "what f gives", y)) return NULL;
    note(c->result, y);
    if (reel_dtype_of(y) == REEL_F64) return y;
    reel_fail(REEL_ERR_DTYPE, NULL, "%s: what f gives is %s, not f64", c->what,
              reel_dtype_name(reel_dtype_of(y)));
    return NULL;
}

/* sum w f(inputs), 0-d. */
static reel_tensor *objective(const check *c) {
    reel_tensor *y = result_of(c);
    return reel_sum(reel_mul(y, weights_like(y)));
}

/* Recorded, since f may ask for gradients itself. */
static double evaluate(const check *c) {
    REEL_SCOPE;
    return reel_item(objective(c));
}

/* The i-th element of x in row-major order, as a view. */
static reel_tensor *element(reel_tensor *x, int64_t i) {
    reel_tensor *at = x;
    for (int a = reel_ndim(x) - 1; a >= 0; a--) {
        at = reel_select(at, a, i % reel_dim(x, a));
        i /= reel_dim(x, a);
    }
    return at;
}

/* x is changed where it lies: on any device, through views, whatever its strides. */
static double difference(const check *c, reel_tensor *x, int64_t i) {
    const double h = c->o.h;
    double up = NAN, down = NAN;
    {
        REEL_SCOPE;
        reel_tensor *e = element(reel_detach(x), i);
        const double at = reel_item(e);
        reel_fill_(e, at + h);
        up = evaluate(c);
        reel_fill_(e, at - h);
        down = evaluate(c);
        reel_fill_(e, at);
    }
    return (up - down) / (2 * h);
}

static reel_status compare(const check *c, int input, const double *tape) {
    reel_tensor *x = c->inputs[input];
    double worst = 0, found[2] = {0, 0};
    int64_t worst_at = -1;
    for (int64_t i = 0; i < reel_numel(x); i++) {
        double d = difference(c, x, i), t = tape ? tape[i] : 0;
        double excess = fabs(t - d) - (c->o.atol + c->o.rtol * fabs(d));
        if (excess <= 0 || (excess <= worst && worst_at >= 0)) continue; /* NaN is not <= 0 */
        worst = excess;
        worst_at = i;
        found[0] = t;
        found[1] = d;
    }
    if (worst_at < 0 || reel_failed()) return reel_error_status();
    char operand[200], place[256] = "nowhere";
    reel__describe(operand, sizeof operand, reel_name(x), x, false, false);
    if (c->result->at) reel__site_text(place, sizeof place, c->result->at);
    return reel_fail(REEL_ERR_STATE, NULL,
                     "%s: input %d, element %lld: tape %.10g, difference %.10g: %s, of a function "
                     "that ends with %s at %s",
                     c->what, input, (long long)worst_at, found[0], found[1], operand,
                     c->result->made_by, place);
}

static reel_status check_inputs(const check *c) {
    if (!c->f) return lacks(c->what, "the function");
    if (c->count < 0) return reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: %d inputs", c->what, c->count);
    if (c->count > 0 && !c->inputs) return lacks(c->what, "inputs");
    for (int i = 0; i < c->count; i++) {
        const reel_tensor *x = c->inputs[i];
        if (!x && reel_failed()) return reel_error_status();
        if (!x) return reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: input %d is NULL", c->what, i);
        if (!reel__live(NULL, c->what, NULL, x)) return reel_error_status();
        char operand[200];
        reel__describe(operand, sizeof operand, reel_name(x), x, true, false);
        if (reel_is_tracked(x) && reel_dtype_of(x) != REEL_F64)
            return reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: input %d is not f64: %s", c->what, i,
                             operand);
    }
    return REEL_OK;
}

static reel_status check_input(const check *c, int i) {
    reel_tensor *x = c->inputs[i], *g = reel_grad(x);
    size_t bytes = (size_t)reel_numel(x) * sizeof(double);
    double *tape = g ? malloc(bytes ? bytes : 1) : NULL;
    if (g && !tape) return reel_fail(REEL_ERR_MEMORY, NULL, "%s: out of memory", c->what);
    reel_status status = g ? reel_read(g, tape, bytes) : REEL_OK;
    if (status == REEL_OK) status = compare(c, i, tape);
    free(tape);
    return status;
}

static reel_status check_gradients(check c) {
    c.o.h = reel__option(c.o.h, 1e-6);
    c.o.rtol = reel__option(c.o.rtol, 1e-5);
    c.o.atol = reel__option(c.o.atol, 1e-7);
    if (!(c.o.h > 0 && isfinite(c.o.h)))
        return reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: h is not above 0: %g", c.what, c.o.h);
    if (!(c.o.rtol >= 0 && c.o.atol >= 0))
        return reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: a tolerance below 0: rtol %g, atol %g",
                         c.what, c.o.rtol, c.o.atol);
    for (int i = 0; i < c.count; i++) reel_zero_grad(c.inputs[i]);
    {
        REEL_SCOPE;
        REEL_TRY(reel_backward_at(NULL, objective(&c)));
    }
    for (int i = 0; i < c.count; i++)
        if (reel_is_tracked(c.inputs[i])) REEL_TRY(check_input(&c, i));
    return reel_error_status();
}

reel_status reel_gradcheck(reel_gradcheck_fn f, void *user, reel_tensor **inputs, int count,
                           reel_gradcheck_options options) {
    origin result = {NULL, NULL};
    const check c = {"gradcheck", f, user, inputs, count, options, &result};
    REEL_TRY(check_inputs(&c));
    return check_gradients(c);
}

/* ---- second derivatives ---- */

typedef struct {
    reel_gradcheck_fn f;
    void *user;
    int count;
    reel_tensor **wanted, **found; /* [count], to work in */
} first_order;

/* The gradients of f with respect to its tracked inputs, of which the last given is that of f's
 * result, in a line. */
static reel_tensor *gradients(reel_tensor **inputs, void *user) {
    const first_order *o = user;
    reel_tensor *sum = NULL;
    int n = 0;
    for (int i = 0; i < o->count; i++)
        if (reel_is_tracked(inputs[i])) o->wanted[n++] = inputs[i];
    reel_tensor *y = o->f(inputs, o->user);
    reel_grad_of(&y, 1, o->wanted, n, o->found,
                 (reel_grad_of_options){
                     .gradients = &inputs[o->count], .create_graph = true, .allow_unused = true});
    for (int i = 0; i < n; i++) {
        if (!o->found[i]) continue;
        reel_tensor *part = reel_sum(reel_mul(o->found[i], weights_like(o->found[i])));
        sum = sum ? reel_add(sum, part) : part;
    }
    return sum;
}

reel_status reel_gradgradcheck(reel_gradcheck_fn f, void *user, reel_tensor **inputs, int count,
                               reel_gradcheck_options options) {
    if (reel_failed()) return reel_error_status();
    origin result = {NULL, NULL};
    const check first = {"gradgradcheck", f, user, inputs, count, options, &result};
    REEL_TRY(check_inputs(&first));
    reel_tensor **all = malloc((3 * (size_t)count + 1) * sizeof *all);
    if (!all) return reel_fail(REEL_ERR_MEMORY, NULL, "gradgradcheck: out of memory");
    reel_status status = REEL_OK;
    {
        REEL_SCOPE;
        reel_tensor *y = NULL;
        {
            REEL_NO_GRAD;
            y = result_of(&first);
            for (int i = 0; i < count; i++) all[i] = inputs[i];
            all[count] = y ? reel_affine(weights_like(y), -1, 0.5) : NULL;
        }
        if (reel_track(all[count])) {
            first_order o = {f, user, count, all + count + 1, all + 2 * count + 1};
            status = check_gradients(
                (check){"gradgradcheck", gradients, &o, all, count + 1, options, &result});
        } else {
            status = reel_error_status();
        }
    }
    free(all);
    return status;
}
