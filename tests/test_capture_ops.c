/* Every op of the table (its case in op_cases_*.c), captured: forward, and backward where there is
 * a way, replayed on inputs that change, gives the bits of the same step run as it is. */
#include "tests/capture_rig.h"
#include "tests/op_cases.h"

#include <stdlib.h>

enum { REPLAYS = 3 };

typedef struct {
    const op_case *c;
    const op_shapes *s;
    reel_dtype dtype;
    bool backward;
    reel_tensor *in[CASE_INPUTS], *out; /* owned */
} side;

static bool step(void *user) {
    side *k = user;
    for (int i = 0; i < k->c->inputs; i++) reel_zero_grad(k->in[i]);
    reel_tensor *in[CASE_INPUTS], *was = k->out;
    memcpy(in, k->in, sizeof in);
    reel_tensor *y = k->c->run(in, k->s->param, k->dtype);
    k->out = reel_retain(reel_detach(y));
    reel_release(was);
    if (k->backward && reel_is_tracked(y)) reel_backward(reel_sum(reel_square(y)));
    return true;
}

/* ---- inputs ---- */

static uint64_t seed;

static double uniform(double low, double high) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return low + (high - low) * (double)(seed >> 11) * 0x1p-53;
}

static double number(const side *k, int i) {
    const op_case *c = k->c;
    if (c->indexed && i == c->inputs - 1) return floor(uniform(0, (double)k->s->param[3]));
    if (c->masked && i == 0) return floor(uniform(0, 2));
    const bool any = c->low[i] == 0 && c->high[i] == 0;
    const double x = uniform(any ? -2 : c->low[i], any ? 2 : c->high[i]);
    return fabs(x) >= c->kink ? x : x < 0 ? x - c->kink : x + c->kink;
}

static reel_tensor *drawn(const side *k, int i) {
    array a = array_new(k->s->in[i]);
    for (int64_t e = 0; e < array_size(a); e++) a.v[e] = number(k, i);
    reel_tensor *t = reel_cast(f64(a.shape, a.v), case_dtype(k->c, i, k->dtype));
    array_free(a);
    return t;
}

/* The same numbers for both. */
static void put_inputs(side *a, side *b) {
    REEL_SCOPE;
    REEL_NO_GRAD;
    for (int i = 0; i < a->c->inputs; i++) {
        reel_tensor *x = drawn(a, i);
        reel_copy_(a->in[i], x);
        reel_copy_(b->in[i], x);
    }
}

static void open_side(side *k, reel__op op) {
    REEL_SCOPE;
    k->backward = reel__ops[op].gradient < REEL__CONST;
    for (int i = 0; i < k->c->inputs; i++) {
        const reel_dtype dtype = case_dtype(k->c, i, k->dtype);
        k->in[i] = reel_retain(reel_zeros(k->s->in[i], dtype, test_device()));
        if (k->backward && reel_dtype_is_float(dtype)) reel_track(k->in[i]);
    }
}

static void close_side(side *k) {
    for (int i = 0; i < k->c->inputs; i++) reel_release(k->in[i]);
    reel_release(k->out);
}

/* ---- every op ---- */

/* Their cases make a generator of their own at each call, or numbers of the host's. */
static bool is_of_the_host(reel__op op) {
    switch (op) {
    case REEL_OP_uniform:
    case REEL_OP_normal:
    case REEL_OP_randint:
    case REEL_OP_randperm:
    case REEL_OP_bernoulli:
    case REEL_OP_bernoulli_fill:
    case REEL_OP_multinomial:
    case REEL_OP_dropout:
    case REEL_OP_dropout_again:
    case REEL_OP_attention:
    case REEL_OP_attention_grad:
    case REEL_OP_recurrent:
    case REEL_OP_recurrent_grad:
    case REEL_OP_clip_norm:
        return true;
    default:
        return false;
    }
}

/* One more replay; false where the case is refused, in words. */
static bool replay(reel__op op, const side *k, reel_plan *plan) {
    if (reel_replay(plan, 1) == 1) return true;
    const bool refused =
        reel_error_status() == REEL_ERR_STATE && (strstr(reel_error(), "is done by the host") ||
                                                  strstr(reel_error(), "written by the host"));
    ck_assert_msg(refused && is_of_the_host(op), "%s %s, shapes %d: %s", reel__ops[op].name,
                  reel_dtype_name(k->dtype), (int)(k->s - k->c->shapes), reel_error());
    reel_clear_error();
    return false;
}

static void expect_same_sides(reel__op op, const side *a, const side *b, int replay) {
    const char *name = reel__ops[op].name;
    expect_same_bits(a->out, b->out, "%s %s, replay %d: result", name, reel_dtype_name(a->dtype),
                     replay);
    for (int i = 0; i < a->c->inputs; i++) {
        expect_same_bits(a->in[i], b->in[i], "%s %s, replay %d: input %d", name,
                         reel_dtype_name(a->dtype), replay, i);
        expect_same_bits(reel_grad(a->in[i]), reel_grad(b->in[i]), "%s %s, replay %d: gradient %d",
                         name, reel_dtype_name(a->dtype), replay, i);
    }
}

static void check(reel__op op, const op_shapes *s, reel_dtype dtype) {
    side a = {.c = op_cases[op], .s = s, .dtype = dtype}, b = a;
    open_side(&a, op);
    open_side(&b, op);
    reel_plan *eager = eager_plan(step, &a), *plan = plan_with_bits(step, &b, 0);
    for (int n = 0; n < REPLAYS; n++) {
        put_inputs(&a, &b);
        ck_assert_msg(reel_replay(eager, 1) == 1, "%s: %s", reel__ops[op].name, reel_error());
        if (!replay(op, &b, plan)) break;
        expect_same_sides(op, &a, &b, n);
    }
    reel_plan_free(eager);
    reel_plan_free(plan);
    close_side(&a);
    close_side(&b);
}

static bool takes(reel__op op, reel_dtype dtype) {
    if (reel__ops[op].kind == REEL__UPDATE || op_cases[op]->floats_only)
        return reel_dtype_is_float(dtype);
    return reel__op_takes(op, dtype);
}

START_TEST(an_op) {
    const reel__op op = (reel__op)_i;
    const op_case *c = op_cases[op];
    if (!c) return;
    for (int s = 0; s < c->shape_count; s++)
        for (int dtype = REEL_F32; dtype <= REEL_F64; dtype++) {
            seed = (uint64_t)op * 100 + (uint64_t)s;
            if (takes(op, (reel_dtype)dtype)) check(op, &c->shapes[s], (reel_dtype)dtype);
        }
}
END_TEST

int main(void) {
    Suite *s = suite_create("capture_ops");
    TCase *c = add_case(s, "ops");
    tcase_add_loop_test(c, an_op, 0, REEL_OP_COUNT);
    return run_suite(s);
}
