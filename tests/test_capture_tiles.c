/* Random chains of elementwise ops over tensors of more than a tile: captured, where neighbours run
 * tile by tile, they give the bits of the same step run as it is, on any number of threads.
 *
 * Operands are whole, a row, a column or a number; a mean of all elements may come in between. Half
 * of the chains are differentiated. A failure names the chain, and REEL_CHAIN=NUMBER
 * build/tests/test_capture_tiles checks that one alone. */
#include "capture/capture_internal.h"
#include "tests/capture_rig.h"

#include <stdlib.h>

enum { CHAINS = 160, CHUNKS = 8, REPLAYS = 3, LEAVES = 4, LENGTH = 16, RESULTS = 3 };

static const int64_t sizes[][2] = {{1, 300},   {9, 300},  {300, 9},   {3, 2048},
                                   {37, 1000}, {5000, 7}, {2, 40000}, {250, 300}};
enum { SIZES = sizeof sizes / sizeof *sizes };

typedef struct {
    int number;
    reel_dtype dtype;
    reel_tensor *leaf[LEAVES], *result[RESULTS], *gradient; /* owned: [R,C], [C], [R,1], [] */
} side;

/* ---- a chain ---- */

static uint64_t state;

static int below(int n) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (int)((state >> 33) % (uint64_t)n);
}

static bool is_differentiated(const side *s) {
    return s->number % 2 != 0;
}

/* Of one dtype and of another and back, or by a mask. */
static reel_tensor *by_way_of(const side *s, reel_tensor *x, reel_tensor *y) {
    const reel_dtype other = s->dtype == REEL_F32 ? REEL_F64 : REEL_F32;
    if (below(2)) return reel_add(reel_cast(reel_cast(x, other), s->dtype), y);
    return reel_where(reel_gt(x, y), x, y);
}

static reel_tensor *next(const side *s, reel_tensor *x, reel_tensor *y) {
    switch (below(10)) {
    case 0:
        return reel_add(x, y);
    case 1:
        return reel_sub(y, x);
    case 2:
        return reel_mul(reel_tanh(x), y);
    case 3:
        return reel_maximum(x, y);
    case 4:
        return reel_sigmoid(x);
    case 5:
        return reel_relu(reel_scale(x, 0.7));
    case 6:
        return reel_silu(x);
    case 7:
        return reel_sub(x, reel_mean(reel_add(x, y)));
    case 8:
        return reel_add(reel_zeros_like(x), y);
    default:
        return by_way_of(s, x, y);
    }
}

static bool step(void *user) {
    side *s = user;
    reel_tensor *value[LEAVES + LENGTH];
    int count = LEAVES;
    memcpy(value, s->leaf, sizeof s->leaf);
    state = (uint64_t)s->number;
    while (count < LEAVES + LENGTH) { /* the first is whole, and what comes of it */
        reel_tensor *x = value[below(3) ? count - 1 : below(count)], *y = value[below(count)];
        value[count++] = next(s, below(4) ? x : value[0], y);
    }
    reel_tensor *last = reel_add(value[count - 1], value[0]);
    if (is_differentiated(s)) {
        reel_backward(reel_mean(reel_square(last)));
        REEL_NO_GRAD;
        reel_copy_(s->gradient, reel_grad(s->leaf[0]));
        reel_zero_grad(s->leaf[0]);
    }
    REEL_NO_GRAD;
    reel_copy_(s->result[0], reel_detach(last));
    reel_copy_(s->result[1], reel_detach(reel_add(value[count - 2], value[0])));
    reel_copy_(s->result[2], reel_mean(reel_detach(last)));
    return true;
}

/* ---- both sides ---- */

static void fill(reel_tensor *t, reel_generator *g) {
    REEL_SCOPE;
    REEL_NO_GRAD;
    reel_copy_(t, reel_cast(reel_randn(reel_shape_of(t), REEL_F32, g), reel_dtype_of(t)));
}

static reel_tensor *like(reel_shape shape, reel_dtype dtype) {
    return reel_retain(reel_zeros(shape, dtype, test_device()));
}

static side side_new(int number) {
    REEL_SCOPE;
    const int64_t *size = sizes[number % SIZES];
    side s = {.number = number, .dtype = number % 3 ? REEL_F32 : REEL_F64};
    const reel_shape whole = reel_shape(size[0], size[1]);
    s.leaf[0] = like(whole, s.dtype);
    s.leaf[1] = like(reel_shape(size[1]), s.dtype);
    s.leaf[2] = like(reel_shape(size[0], 1), s.dtype);
    s.leaf[3] = like(REEL_SCALAR, s.dtype);
    if (is_differentiated(&s)) reel_track(s.leaf[0]);
    for (int i = 0; i < RESULTS - 1; i++) s.result[i] = like(whole, s.dtype);
    s.result[RESULTS - 1] = like(REEL_SCALAR, s.dtype);
    s.gradient = like(whole, s.dtype);
    return s;
}

static void side_free(side *s) {
    for (int i = 0; i < LEAVES; i++) reel_release(s->leaf[i]);
    for (int i = 0; i < RESULTS; i++) reel_release(s->result[i]);
    reel_release(s->gradient);
}

static void fill_both(side *a, side *b, reel_generator *g) {
    REEL_SCOPE;
    REEL_NO_GRAD;
    for (int i = 0; i < LEAVES; i++) {
        fill(a->leaf[i], g);
        reel_copy_(b->leaf[i], reel_detach(a->leaf[i]));
    }
}

static int groups_of(const reel_plan *plan) {
    int groups = 0;
    for (int i = 0; i < plan->program[0]->items; i++)
        groups += plan->program[0]->item[i].fused != NULL;
    return groups;
}

static int check(int number) {
    side a = side_new(number), b = side_new(number);
    reel_generator *g = reel_generator_new((uint64_t)number + 1, test_device());
    reel_plan *eager = eager_plan(step, &a), *plan = plan_with_bits(step, &b, 0);
    for (int i = 0; i < REPLAYS; i++) {
        fill_both(&a, &b, g);
        reel_set_threads(1 + (number + i) % 3);
        replay_both(eager, plan, 1);
        for (int k = 0; k < RESULTS; k++)
            expect_same_bits(a.result[k], b.result[k], "chain %d, replay %d, result %d", number, i,
                             k);
        expect_same_bits(a.gradient, b.gradient, "chain %d, replay %d, gradient", number, i);
    }
    const int groups = groups_of(plan);
    reel_plan_free(plan);
    reel_plan_free(eager);
    reel_generator_free(g);
    side_free(&a);
    side_free(&b);
    return groups;
}

START_TEST(chains) {
    const char *one = getenv("REEL_CHAIN");
    int groups = 0;
    if (one) {
        if (_i == 0) check(atoi(one));
        return;
    }
    for (int i = _i; i < CHAINS; i += CHUNKS) groups += check(i);
    ck_assert_int_gt(groups, 0);
}
END_TEST

int main(void) {
    Suite *s = suite_create("capture_tiles");
    TCase *c = add_cpu_case(s, "chains"); /* a GPU's kernels round otherwise */
    tcase_add_loop_test(c, chains, 0, CHUNKS);
    return run_suite(s);
}
