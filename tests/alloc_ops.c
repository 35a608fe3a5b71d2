/* Each op of the table by its case, on transposed inputs, and what its tape does backward; then
 * what is made of ops: gradcheck, printing, generators, large sums. */
#include "tests/alloc_ops.h"

#include "autograd/autograd.h"
#include "tensor/random.h"
#include "tests/alloc_harness.h"
#include "tests/op_cases.h"

#include <stdlib.h>

static reel_device cpu = {REEL_CPU, 0};

/* ---- one op ---- */

static reel__op op;
static reel_tensor *leaf[CASE_INPUTS];

/* The shape with its axes in reverse: what is seen through a permutation is not contiguous. */
static reel_shape reversed(reel_shape s) {
    reel_shape r = s;
    for (int i = 0; i < s.ndim; i++) r.dim[i] = s.dim[s.ndim - 1 - i];
    return r;
}

static reel_tensor *make_input(const op_case *c, int i) {
    const bool index = c->indexed && i == c->inputs - 1;
    const reel_shape shape = reversed(c->shapes[0].in[i]);
    const double low = c->low[i], high = c->low[i] == c->high[i] ? 2 : c->high[i];
    if (index) return reel_zeros(shape, REEL_I64, cpu);
    if (c->masked && i == 0) return reel_ones(shape, REEL_U8, cpu);
    return reel_full(shape, low + 0.75 * (high - low), REEL_F64, cpu);
}

static void op_setup(void) {
    const op_case *c = op_cases[op];
    for (int i = 0; i < c->inputs; i++) {
        REEL_SCOPE;
        leaf[i] = reel_retain(make_input(c, i));
        const bool tracked = reel__ops[op].gradient < REEL__CONST;
        if (tracked && reel_dtype_of(leaf[i]) == REEL_F64) reel_track(leaf[i]);
    }
}

static reel_tensor *seen(reel_tensor *t) {
    reel_shape back = {reel_ndim(t), {0}};
    for (int i = 0; i < back.ndim; i++) back.dim[i] = back.ndim - 1 - i;
    return back.ndim ? reel_permute(t, back) : t;
}

static void run_op(const op_case *c) {
    reel_tensor *in[CASE_INPUTS] = {NULL};
    for (int i = 0; i < c->inputs; i++) in[i] = seen(leaf[i]);
    reel_tensor *y = c->run(in, c->shapes[0].param, REEL_F64);
    if (y && reel_is_tracked(y))
        reel_backward_with(y, .gradient = reel_full(reel_shape_of(y), 0.5, reel_dtype_of(y), cpu));
}

static double sum_of_gradients(const op_case *c) {
    double sum = 0;
    for (int i = 0; i < c->inputs; i++) {
        {
            REEL_SCOPE;
            if (reel_grad(leaf[i])) sum += reel_item(reel_sum(reel_grad(leaf[i])));
        }
        reel_zero_grad(leaf[i]);
    }
    return sum;
}

static bool op_run(void) {
    {
        REEL_SCOPE;
        run_op(op_cases[op]);
    }
    alloc_settle();
    if (reel_failed()) return false;
    alloc_outcome(sum_of_gradients(op_cases[op]));
    return true;
}

static void op_recover(void) {
    for (int i = 0; i < op_cases[op]->inputs; i++) reel_zero_grad(leaf[i]);
}

static void op_teardown(void) {
    for (int i = 0; i < op_cases[op]->inputs; i++) reel_release(leaf[i]);
}

START_TEST(every_op) {
    op = (reel__op)_i;
    if (!op_cases[op]) return;
    if (reel__ops[op].kind == REEL__UPDATE) return; /* in test_alloc.c's training step */
    fails_everywhere(&(alloc_scenario){.setup = op_setup,
                                       .run = op_run,
                                       .recover = op_recover,
                                       .teardown = op_teardown,
                                       .least = 0});
}
END_TEST

/* ---- what is made of ops ---- */

/* Longer than the runs that a sum keeps on its stack. */
enum { LONG = 65 * 16384 };

static FILE *sink;
static reel_tensor *ones;

static void sink_setup(void) {
    sink = fopen("/dev/null", "w");
    NEED(sink);
    setvbuf(sink, NULL, _IONBF, 0);
    reel_set_threads(1);
    REEL_SCOPE;
    ones = reel_retain(reel_full(reel_shape(LONG), 1, REEL_F32, cpu));
}

static void sink_teardown(void) {
    fclose(sink);
    reel_release(ones);
}

static reel_tensor *square_of(reel_tensor **in, void *user) {
    (void)user;
    return reel_square(in[0]);
}

static double use_ops(void) {
    reel_generator *g = reel_generator_new(1, cpu);
    reel_tensor *x = g ? reel_track(reel_rand(reel_shape(2, 3), REEL_F64, g)) : NULL;
    reel_generator_free(g);
    if (x) reel_gradcheck(square_of, NULL, &x, 1, (reel_gradcheck_options){0});
    if (x && !reel_failed()) reel_print(sink, reel_t(x));
    {
        REEL_NO_GRAD;
        reel_tensor *odd =
            reel_slice(x, 1, 0, 3, 2); /* strides that neither BLAS nor softmax takes */
        if (x) reel_softmax(reel_matmul(odd, reel_t(odd)), 0);
    }
    const double sum = reel_item(reel_sum(ones)) + reel_item(reel_mse(ones, ones));
    const double before[2] = {1, 2}, after[2] = {3, 4};
    double two[2] = {0};
    reel_tensor *from = reel_from(before, reel_shape(2), REEL_F64);
    if (from) reel_write(from, after, sizeof after);
    if (from) reel_read(reel_to(from, cpu), two, sizeof two);
    return sum + two[1];
}

static bool ops_run(void) {
    double sum = 0;
    {
        REEL_SCOPE;
        sum = use_ops();
    }
    if (reel_failed()) return false;
    alloc_outcome(sum);
    return true;
}

START_TEST(ops_on_ops) {
    fails_everywhere(&(alloc_scenario){
        .setup = sink_setup, .run = ops_run, .teardown = sink_teardown, .least = 60});
}
END_TEST

void add_alloc_op_tests(TCase *c) {
    tcase_add_loop_test(c, every_op, 0, REEL_OP_COUNT);
    tcase_add_test(c, ops_on_ops);
}
