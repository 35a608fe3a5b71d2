/* Hooks on gradients. */
#include "tests/call_site.h"

#include "tensor/cpu/cpu_internal.h"
#include "tests/leaves.h"

#define DEVICE test_device()

typedef struct {
    int calls;
    reel_tensor *seen; /* retained, of the last call */
    double scale;      /* 0: leaves the gradient */
    reel_tensor *on;
    int remove;
} watcher;

static reel_tensor *watch(reel_tensor *g, void *user) {
    watcher *w = user;
    w->calls++;
    reel_release(w->seen);
    w->seen = reel_retain(g);
    if (w->remove) reel_remove_hook(w->on, w->remove);
    return w->scale != 0 ? reel_scale(g, w->scale) : NULL;
}

/* W is used twice, by a product that would be added in place and by a transpose: one call a pass,
 * with all of it. */
START_TEST(a_leafs_hook_sees_the_whole_gradient) {
    watcher w = {0};
    {
        REEL_SCOPE;
        reel_tensor *x = f64(reel_shape(1, 2), (double[]){1, 2});
        reel_tensor *W = leaf(reel_shape(2, 2), (double[]){1, 2, 3, 4});
        const double once[] = {11, 16, 15, 22}, twice[] = {22, 32, 30, 44},
                     thrice[] = {33, 48, 45, 66};
        int hook = reel_register_hook(W, watch, &w);
        ck_assert_int_ge(hook, 1);
        for (int i = 1; i <= 2; i++) {
            backward(reel_sum(reel_matmul(reel_matmul(x, W), reel_t(W))));
            ck_assert_int_eq(w.calls, i);
            expect_values(w.seen, once, 4); /* of this pass */
            expect_values(reel_grad(W), i == 1 ? once : twice, 4);
        }
        reel_remove_hook(W, hook);
        reel_remove_hook(W, hook);
        reel_tensor *kept = w.seen;
        backward(reel_sum(reel_matmul(reel_matmul(x, W), reel_t(W))));
        ck_assert_int_eq(w.calls, 2);
        expect_values(reel_grad(W), thrice, 4);
        expect_values(kept, once, 4);
    }
    reel_release(w.seen);
}
END_TEST

START_TEST(hooks_replace_gradients_in_order) {
    watcher a = {.scale = 10}, b = {.scale = -1}, c = {0};
    {
        REEL_SCOPE;
        reel_tensor *x = leaf1(2, 3), *h = reel_square(x);
        reel_register_hook(h, watch, &c);
        reel_register_hook(x, watch, &a);
        reel_register_hook(x, watch, &b);
        reel_tensor *y = reel_sum(reel_scale(h, 3));
        ck_assert_int_eq(reel_backward_with(y, .retain_graph = true), REEL_OK);
        expect2(c.seen, 3, 3);
        expect2(a.seen, 12, 18);
        expect2(b.seen, 120, 180);
        expect_grad(x, -120, -180);
        c.scale = 2;
        expect2(derivative(y, x, KEEP), -240,
                -360); /* what is asked for is what hooks make of it */
        expect2(derivative(y, h, NO_OPTIONS), 6, 6);
        ck_assert_int_eq(a.calls, 2);
        ck_assert_int_eq(c.calls, 3);
        expect_grad(x, -120, -180);
    }
    reel_release(a.seen);
    reel_release(b.seen);
    reel_release(c.seen);
}
END_TEST

/* A rule may write its result over a gradient: one that a hook kept, the caller gave, or another
 * node has too stays as it was. Where nobody has it, it is the memory of the next one. */
START_TEST(gradients_that_others_have_stay) {
    watcher kept = {0};
    {
        REEL_SCOPE;
        reel_tensor *x = leaf1(2, 3), *given = f64(reel_shape(2), (double[]){1, -1});
        reel_tensor *y = reel_silu(reel_square(x));
        ck_assert_int_eq(reel_backward_with(y, .gradient = given), REEL_OK);
        expect2(given, 1, -1);
        reel_tensor *a = reel_square(x), *b = reel_square(x), *h = reel_relu(a);
        reel_register_hook(h, watch, &kept);
        reel_tensor *scale = f64(reel_shape(2), (double[]){3, -3});
        reel_zero_grad(x);
        backward(reel_sum(reel_mul(reel_add(h, reel_square(b)), scale)));
        expect2(kept.seen, 3, -3);
        expect_grad(x, 3 * 4 + 3 * 2 * 4 * 4, -3 * 6 - 3 * 2 * 9 * 6);
    }
    reel_release(kept.seen);
}
END_TEST

START_TEST(a_gradient_that_nobody_has_is_written_over) {
    REEL_SCOPE;
    const size_t bytes = 100000 * sizeof(double);
    reel_tensor *x = reel_track(reel_ones(reel_shape(10, 10000), REEL_F64, DEVICE));
    reel_tensor *loss = reel_sum(reel_silu(reel_log_softmax(x, 1)));
    const size_t before = reel__cpu_bytes();
    reel__cpu_most_bytes(true);
    backward(loss);
    ck_assert_uint_lt(reel__cpu_most_bytes(false) - before, bytes + bytes / 2);
}
END_TEST

/* One that is expanded has no elements of its own, though where there are none at all nothing says
 * so but its strides. */
START_TEST(an_expanded_gradient_is_not_written_over) {
    REEL_SCOPE;
    reel_tensor *x = reel_track(reel_ones(reel_shape(5, 0), REEL_F64, DEVICE));
    backward(reel_mean(reel_relu(x)));
    expect_fine();
    ck_assert_int_eq(reel_dim(reel_grad(x), 0), 5);
}
END_TEST

/* The gradient of a transpose is made for those who want to see it. */
START_TEST(a_hook_on_a_transpose) {
    watcher w = {.scale = 2};
    {
        REEL_SCOPE;
        reel_tensor *x = f64(reel_shape(1, 2), (double[]){2, 3});
        reel_tensor *W = leaf(reel_shape(2, 2), (double[]){1, 2, 3, 4}), *T = reel_t(W);
        reel_register_hook(T, watch, &w);
        backward(reel_sum(reel_matmul(x, T)));
        expect_values(w.seen, (double[]){2, 2, 3, 3}, 4);
        expect_values(reel_grad(W), (double[]){4, 6, 4, 6}, 4);
    }
    reel_release(w.seen);
}
END_TEST

START_TEST(hooks_remove_hooks) {
    watcher a = {0}, b = {0}, c = {0};
    {
        REEL_SCOPE;
        reel_tensor *x = leaf1(2, 3);
        a.on = x, a.remove = reel_register_hook(x, watch, &a); /* itself */
        b.on = x;
        reel_register_hook(x, watch, &b);
        b.remove = reel_register_hook(x, watch, &c); /* the one after it */
        for (int i = 0; i < 2; i++) backward(reel_sum(reel_square(x)));
        ck_assert_int_eq(a.calls, 1);
        ck_assert_int_eq(b.calls, 2);
        ck_assert_int_eq(c.calls, 0);
        expect_grad(x, 8, 12);
        reel_remove_hook(x, 77);
        reel_remove_hook(NULL, 1);
        reel_remove_hook(reel_grad(x), 1);
    }
    reel_release(a.seen);
    reel_release(b.seen);
}
END_TEST

static reel_tensor *freezes(reel_tensor *g, void *user) {
    (void)g;
    reel_untrack(user);
    return NULL;
}

START_TEST(a_hook_freezes_its_leaf) {
    REEL_SCOPE;
    reel_tensor *x = leaf1(2, 3), *y = leaf1(4, 5);
    reel_register_hook(x, freezes, x);
    backward(reel_sum(reel_mul(x, y)));
    ck_assert(!reel_is_tracked(x));
    expect_grad(y, 2, 3);
}
END_TEST

START_TEST(a_hook_on_the_loss) {
    watcher w = {.scale = 5};
    {
        REEL_SCOPE;
        reel_tensor *x = reel_track(reel_scalar(3, REEL_F64, DEVICE)), *y = leaf1(2, 3),
                    *z = reel_sum(y);
        reel_register_hook(x, watch, &w);
        backward(x);
        backward(x);
        ck_assert_double_eq(reel_item(reel_grad(x)), 10);
        reel_register_hook(z, watch, &w);
        backward(z);
        expect_grad(y, 5, 5);
        ck_assert_int_eq(w.calls, 3);
    }
    reel_release(w.seen);
}
END_TEST

/* A hook's ops are recorded with the pass. */
START_TEST(hooks_are_differentiated) {
    watcher w = {.scale = 10};
    REEL_SCOPE;
    reel_tensor *x = leaf1(2, 3);
    reel_register_hook(x, watch, &w);
    reel_tensor *g = derivative(reel_sum(reel_mul(x, reel_square(x))), x, RECORD); /* 30 x^2 */
    expect2(g, 120, 270);
    expect2(derivative(reel_sum(g), x, NO_OPTIONS), 1200, 1800); /* and once more */
    reel_release(w.seen);
}
END_TEST

static reel_tensor *sums(reel_tensor *g, void *user) {
    (void)user;
    return reel_sum(g);
}

static reel_tensor *fails(reel_tensor *g, void *user) {
    (void)user;
    return reel_softmax(g, 1);
}

static reel_tensor *goes_backward(reel_tensor *g, void *user) {
    (void)g;
    reel_backward_with(user, .retain_graph = true);
    return NULL;
}

START_TEST(hooks_that_fail) {
    REEL_SCOPE;
    reel_tensor *x = leaf1(2, 3), *c = reel_ones(reel_shape(2), REEL_F64, DEVICE);
    reel_tensor *y = reel_sum(reel_square(x));
    int hook = reel_register_hook(x, sums, NULL);
    const int line = __LINE__ - 1;
    ck_assert_int_eq(reel_backward_with(y, .retain_graph = true), REEL_ERR_SHAPE);
    expect_text(REEL_ERR_SHAPE, "hook: gives [] f64 for a gradient that is [2] f64", __FILE__,
                line);
    reel_remove_hook(x, hook);
    hook = reel_register_hook(x, fails, NULL);
    reel_backward_with(y, .retain_graph = true);
    expect_failure(REEL_ERR_SHAPE, "softmax: no such axis: g[2] (");
    reel_remove_hook(x, hook);
    hook = reel_register_hook(x, goes_backward, y);
    reel_backward_with(y, .retain_graph = true);
    expect_failure(REEL_ERR_STATE, "backward: another pass over the same tape is under way (");
    ck_assert_ptr_null(reel_grad(x));
    reel_remove_hook(x, hook);
    backward(y); /* nothing of it left a mark */
    expect_grad(x, 4, 6);
    ck_assert_int_eq(reel_register_hook(c, sums, NULL), 0);
    expect_failure(REEL_ERR_ARGUMENT, "register_hook: [2] is not tracked (");
    ck_assert_int_eq(reel_register_hook(x, NULL, NULL), 0);
    expect_failure(REEL_ERR_ARGUMENT, "register_hook: the hook is NULL (");
    ck_assert_int_eq(reel_register_hook(NULL, sums, NULL), 0);
    expect_failure(REEL_ERR_ARGUMENT, "register_hook: the tensor is NULL (");
}
END_TEST

/* A pass of its own inside a hook: over another tape, to a leaf that the pass around it goes to
 * too. */
static reel_tensor *goes_elsewhere(reel_tensor *g, void *user) {
    reel_tensor *x = user;
    (void)g;
    ck_assert(!reel_is_tracked(reel_neg(x)));
    {
        REEL_ENABLE_GRAD;
        reel_tensor *y = reel_sum(reel_scale(x, 100));
        expect2(derivative(y, x, KEEP), 100, 100);
        backward(y);
    }
    ck_assert(!reel_is_tracked(reel_neg(x)));
    return NULL;
}

START_TEST(passes_inside_passes) {
    REEL_SCOPE;
    reel_tensor *x = leaf1(2, 3), *h = reel_square(x), *y = reel_sum(reel_mul(h, x));
    reel_register_hook(h, goes_elsewhere, x);
    expect2(derivative(y, x, KEEP), 12, 27);
    expect_grad(x, 100, 100);
    backward(y);
    expect_grad(x, 212, 227);
}
END_TEST

int main(void) {
    Suite *s = suite_create("gradient_hooks");
    TCase *c = add_case(s, "hooks");
    tcase_add_test(c, a_leafs_hook_sees_the_whole_gradient);
    tcase_add_test(c, hooks_replace_gradients_in_order);
    tcase_add_test(c, gradients_that_others_have_stay);
    tcase_add_test(c, an_expanded_gradient_is_not_written_over);
    tcase_add_test(c, a_hook_on_a_transpose);
    tcase_add_test(c, hooks_remove_hooks);
    tcase_add_test(c, a_hook_freezes_its_leaf);
    tcase_add_test(c, a_hook_on_the_loss);
    tcase_add_test(c, hooks_are_differentiated);
    tcase_add_test(c, hooks_that_fail);
    tcase_add_test(c, passes_inside_passes);
    c = add_cpu_case(s, "memory");
    tcase_add_test(c, a_gradient_that_nobody_has_is_written_over);
    return run_suite(s);
}
