/* Cross-entropy and nll with all of their options, against plain loops in f64. */
#include "nn/nn.h"

#include "tests/expect.h"

#include <stdlib.h>

/* x[N,C,D] (D = 0: x[N,C]), its targets, and what is asked. */
enum { N = 4, C = 5, D = 3, MOST = N * C * D };

typedef struct {
    int64_t d; /* 0: no third axis */
    bool weighted, soft;
    bool log_probabilities; /* nll */
    int64_t ignored;        /* 0: none is; REEL_ZERO: class 0 */
    double smoothing;
} terms;

static const double class_weights[C] = {0.5, 2, 0, 1.25, 3};
static double logits[MOST], shares[MOST];
static int64_t classes[N * D];

static void draw(void) {
    uint64_t h = 7;
    for (int i = 0; i < MOST; i++) {
        h = h * 6364136223846793005u + 1442695040888963407u;
        logits[i] = (double)(h >> 40) / (1 << 23) - 1;
        shares[i] = (double)(h >> 50) / (1 << 14);
        if (i < N * D) classes[i] = (int64_t)(h >> 33) % C;
    }
    classes[1] = 0; /* for what is ignored */
    classes[2] = 3;
}

static reel_tensor *list(int64_t n, const int64_t *targets) {
    return to_device(reel_from(targets, reel_shape(n), REEL_I64));
}

/* ---- the formulas ---- */

static int64_t inner_of(const terms *t) {
    return t->d ? t->d : 1;
}

static double weight_of(const terms *t, int64_t class) {
    return t->weighted ? class_weights[class] : 1;
}

static bool is_ignored(const terms *t, int64_t class) {
    return t->ignored != 0 && class == (t->ignored == REEL_ZERO ? 0 : t->ignored);
}

/* Log-probabilities of position i: its classes. */
static void logs_at(const terms *t, int64_t i, double *l) {
    const int64_t inner = inner_of(t);
    double sum = 0;
    for (int64_t c = 0; c < C; c++) {
        l[c] = logits[(i / inner * C + c) * inner + i % inner];
        sum += exp(l[c]);
    }
    for (int64_t c = 0; !t->log_probabilities && c < C; c++) l[c] -= log(sum);
}

static double naive_at(const terms *t, int64_t i) {
    const int64_t inner = inner_of(t);
    double l[C], z = 0;
    logs_at(t, i, l);
    if (!t->soft && is_ignored(t, classes[i])) return 0;
    for (int64_t c = 0; c < C; c++) {
        const double one =
            t->soft ? shares[(i / inner * C + c) * inner + i % inner] : (double)(c == classes[i]);
        z -= weight_of(t, c) * ((1 - t->smoothing) * one + t->smoothing / (double)C) * l[c];
    }
    return z;
}

/* What the mean divides by. */
static double naive_count(const terms *t) {
    double count = 0;
    for (int64_t i = 0; i < N * inner_of(t); i++)
        count += t->soft ? 1 : is_ignored(t, classes[i]) ? 0 : weight_of(t, classes[i]);
    return count;
}

/* ---- the losses ---- */

typedef struct {
    const terms *terms;
    reel_reduction r;
} question;

/* in: x, target (or x alone), weight */
static reel_tensor *loss_of(reel_tensor **in, void *user) {
    const question *q = user;
    const terms *t = q->terms;
    reel_tensor *weight = t->weighted ? in[2] : NULL;
    if (t->log_probabilities)
        return reel_nll_loss_with(in[0], in[1], .weight = weight, .ignore_index = t->ignored,
                                  .reduction = q->r);
    return reel_cross_entropy_loss_with(in[0], in[1], .weight = weight, .ignore_index = t->ignored,
                                        .label_smoothing = t->smoothing, .reduction = q->r);
}

static const terms all_terms[] = {
    {.d = 0},
    {.d = D},
    {.d = 0, .weighted = true},
    {.d = D, .weighted = true, .ignored = 3},
    {.d = 0, .ignored = 3},
    {.d = D, .ignored = REEL_ZERO},
    {.d = 0, .smoothing = 0.1},
    {.d = D, .smoothing = 0.25, .ignored = 3},
    {.d = D, .smoothing = 0.25, .weighted = true, .ignored = REEL_ZERO},
    {.d = 0, .smoothing = 1, .weighted = true},
    {.d = 0, .soft = true},
    {.d = D, .soft = true, .smoothing = 0.2},
    {.d = D, .soft = true, .weighted = true},
    {.d = 0, .soft = true, .weighted = true, .smoothing = 0.5},
    {.d = 0, .log_probabilities = true, .weighted = true, .ignored = 3},
    {.d = D, .log_probabilities = true, .ignored = REEL_ZERO},
};
enum { TERMS = sizeof all_terms / sizeof *all_terms };

static void make_inputs(const terms *t, reel_tensor **in) {
    const reel_shape s = t->d ? reel_shape(N, C, D) : reel_shape(N, C);
    in[0] = f64(s, logits);
    in[1] = t->soft
                ? f64(s, shares)
                : to_device(reel_from(classes, t->d ? reel_shape(N, D) : reel_shape(N), REEL_I64));
    in[2] = f64(reel_shape(C), class_weights);
}

START_TEST(losses_follow_their_formulas) {
    const terms *t = &all_terms[_i];
    const int64_t n = N * inner_of(t);
    double each[N * D], sum = 0;
    draw();
    for (int64_t i = 0; i < n; i++) sum += each[i] = naive_at(t, i);
    const double mean = sum / naive_count(t);
    REEL_SCOPE;
    reel_tensor *in[3];
    make_inputs(t, in);
    reel_tensor *none = loss_of(in, &(question){t, REEL_NONE});
    expect_values(none, each, n);
    ck_assert_int_eq(reel_ndim(none), t->d ? 2 : 1);
    expect_values(loss_of(in, &(question){t, REEL_SUM}), &sum, 1);
    expect_values(loss_of(in, &(question){t, REEL_MEAN}), &mean, 1);
    for (int i = 0; i < 3; i++)
        if (reel_dtype_of(in[i]) == REEL_F64) in[i] = reel_cast(in[i], REEL_F32);
    reel_tensor *narrow = loss_of(in, &(question){t, REEL_MEAN});
    expect_fine();
    ck_assert_int_eq(reel_dtype_of(narrow), REEL_F32);
    ck_assert_double_eq_tol(reel_item(narrow), mean, 2e-6);
}
END_TEST

START_TEST(losses_have_their_gradients) {
    const terms *t = &all_terms[_i];
    draw();
    REEL_SCOPE;
    reel_tensor *in[3];
    make_inputs(t, in);
    reel_track(in[0]);
    if (t->soft) reel_track(in[1]);
    for (int r = REEL_MEAN; r <= REEL_NONE; r++) {
        question q = {t, (reel_reduction)r};
        reel_gradcheck(loss_of, &q, in, 3, (reel_gradcheck_options){0});
        reel_gradgradcheck(loss_of, &q, in, 3, (reel_gradcheck_options){.h = 1e-5});
        expect_fine();
    }
}
END_TEST

/* ---- corners ---- */

START_TEST(plain_macros_take_the_defaults) {
    REEL_SCOPE;
    const double x[6] = {0, log(2), 0, 0, 0, log(6)};
    const int64_t target[2] = {1, -100}; /* which is ignored */
    reel_tensor *y = f64(reel_shape(2, 3), x);
    reel_tensor *t = list(2, target);
    expect_values(reel_cross_entropy_loss(y, t), (double[]){log(2)}, 1);
    expect_values(reel_nll_loss(y, t), (double[]){-log(2)}, 1);
}
END_TEST

/* What is ignored may hold anything; if all is, there is nothing to take the mean of. */
START_TEST(ignored_positions_do_not_matter) {
    REEL_SCOPE;
    const double x[6] = {0, -INFINITY, 1, 2, 0, 1};
    reel_tensor *y = reel_track(f64(reel_shape(2, 3), x));
    reel_tensor *t = list(2, (int64_t[]){2, 1});
    reel_tensor *loss =
        reel_cross_entropy_loss_with(y, t, .ignore_index = 2, .label_smoothing = 0.5);
    ck_assert(isfinite(reel_item(loss)));
    reel_backward(loss);
    for (int i = 0; i < 6; i++) ck_assert(isfinite(element(reel_grad(y), i)));
    for (int i = 0; i < 3; i++) ck_assert_double_eq(element(reel_grad(y), i), 0);
    reel_tensor *same = list(2, (int64_t[]){2, 2});
    ck_assert(isnan(reel_item(reel_cross_entropy_loss_with(y, same, .ignore_index = 2))));
    expect_values(reel_cross_entropy_loss_with(y, same, .ignore_index = 2, .reduction = REEL_SUM),
                  (double[]){0}, 1);
}
END_TEST

START_TEST(sure_logits_cost_nothing) {
    REEL_SCOPE;
    const double x[6] = {1e4, -1e4, 0, -1e4, 1e4, 0};
    reel_tensor *t = list(2, (int64_t[]){0, 1});
    for (int dtype = REEL_F32; dtype <= REEL_F64; dtype++) {
        reel_tensor *y = reel_cast(f64(reel_shape(2, 3), x), (reel_dtype)dtype);
        expect_values(reel_cross_entropy_loss(y, t), (double[]){0}, 1);
        expect_values(reel_cross_entropy_loss(reel_neg(y), t), (double[]){2e4}, 1);
    }
}
END_TEST

START_TEST(targets_are_checked) {
    REEL_SCOPE;
    reel_tensor *x = reel_zeros(reel_shape(4, 3), REEL_F64, test_device());
    const int64_t wrong[] = {3, -1, -100, INT64_MAX};
    for (int i = 0; i < 4; i++) {
        int64_t target[4] = {0, 1, wrong[i], 9};
        reel_tensor *t = list(4, target);
        reel_tensor *loss = reel_cross_entropy_loss_with(x, t, .ignore_index = 9);
        reel_synchronize(test_device());
        char what[80];
        snprintf(what, sizeof what, "cross_entropy_loss: index %lld at position 2 is not in 0..2",
                 (long long)wrong[i]);
        ck_assert(loss == NULL || test_device().type != REEL_CPU);
        expect_failure(REEL_ERR_ARGUMENT, what);
    }
}
END_TEST

START_TEST(cross_entropy_refuses) {
    REEL_SCOPE;
    reel_tensor *x = reel_zeros(reel_shape(2, 3), REEL_F64, test_device());
    reel_tensor *t = reel_zeros(reel_shape(2), REEL_I64, test_device());
    ck_assert_ptr_null(reel_cross_entropy_loss(NULL, t));
    expect_failure(REEL_ERR_ARGUMENT, "cross_entropy_loss: x is NULL");
    ck_assert_ptr_null(reel_cross_entropy_loss(x, NULL));
    expect_failure(REEL_ERR_ARGUMENT, "cross_entropy_loss: target is NULL");
    ck_assert_ptr_null(reel_cross_entropy_loss(x, reel_cast(t, REEL_F64)));
    expect_failure(REEL_ERR_DTYPE, "classes are i64: cast the target: x[2, 3] f64, target[2] f64");
    ck_assert_ptr_null(reel_cross_entropy_loss(x, reel_cast(x, REEL_I64)));
    expect_failure(REEL_ERR_DTYPE, "a target for each class is a probability");
    ck_assert_ptr_null(reel_cross_entropy_loss(x, reel_cast(x, REEL_F32)));
    expect_failure(REEL_ERR_DTYPE, "dtypes differ: x[2, 3] f64, target[2, 3] f32");
    ck_assert_ptr_null(reel_cross_entropy_loss(t, t));
    expect_failure(REEL_ERR_SHAPE, "classes are axis 1 of the first, which has 1: t[2], t[2]");
    ck_assert_ptr_null(reel_cross_entropy_loss(reel_cast(x, REEL_I64), t));
    expect_failure(REEL_ERR_DTYPE, "takes f32 or f64");
    ck_assert_ptr_null(reel_cross_entropy_loss(reel_cast(x, REEL_BF16), t));
    expect_failure(REEL_ERR_DTYPE, "cross_entropy_loss: takes f32 or f64: ");
    ck_assert_ptr_null(reel_nll_loss(reel_cast(x, REEL_F16), t));
    expect_failure(REEL_ERR_DTYPE, "nll_loss: takes f32 or f64: ");
    ck_assert_ptr_null(reel_cross_entropy_loss(x, reel_cast(t, REEL_U8)));
    expect_failure(REEL_ERR_DTYPE, "classes are i64: cast the target: x[2, 3] f64, target[2] u8");
    ck_assert_ptr_null(reel_cross_entropy_loss_with(x, t, .label_smoothing = 1.5));
    expect_failure(REEL_ERR_ARGUMENT, "label_smoothing must lie in [0, 1], not 1.5");
    ck_assert_ptr_null(reel_cross_entropy_loss_with(x, t, .label_smoothing = NAN));
    expect_failure(REEL_ERR_ARGUMENT, "label_smoothing must lie in [0, 1]");
    ck_assert_ptr_null(reel_cross_entropy_loss_with(x, x, .ignore_index = 1));
    expect_failure(REEL_ERR_ARGUMENT, "of probabilities none is ignored");
    ck_assert_ptr_null(reel_cross_entropy_loss_with(x, t, .reduction = (reel_reduction)5));
    expect_failure(REEL_ERR_ARGUMENT, "no such reduction: 5");
    ck_assert_ptr_null(reel_cross_entropy_loss_with(x, t, .weight = reel_select(x, 1, 0)));
    expect_failure(REEL_ERR_SHAPE, "weight needs one axis of 3 classes: x[2, 3], t[2], weight[2]");
    reel_tensor *w = reel_track(reel_ones(reel_shape(3), REEL_F64, test_device()));
    ck_assert_ptr_null(reel_cross_entropy_loss_with(x, t, .weight = w));
    expect_failure(REEL_ERR_ARGUMENT, "a weight has no gradient: detach it");
}
END_TEST

START_TEST(losses_leave_their_result_alone) {
    const terms *t = &all_terms[_i];
    draw();
    REEL_SCOPE;
    reel_tensor *in[3];
    make_inputs(t, in);
    for (int r = REEL_MEAN; r <= REEL_NONE; r++) {
        const size_t before = reel_tensors_alive();
        ck_assert_ptr_nonnull(loss_of(in, &(question){t, (reel_reduction)r}));
        ck_assert_uint_le(reel_tensors_alive(), before + 1);
    }
}
END_TEST

int main(void) {
    Suite *s = suite_create("cross_entropy");
    TCase *c = add_case(s, "options");
    tcase_add_loop_test(c, losses_follow_their_formulas, 0, TERMS);
    tcase_add_loop_test(c, losses_have_their_gradients, 0, TERMS);
    tcase_add_loop_test(c, losses_leave_their_result_alone, 0, TERMS);

    c = add_case(s, "corners");
    tcase_add_test(c, plain_macros_take_the_defaults);
    tcase_add_test(c, ignored_positions_do_not_matter);
    tcase_add_test(c, sure_logits_cost_nothing);
    tcase_add_test(c, targets_are_checked);
    tcase_add_test(c, cross_entropy_refuses);
    return run_suite(s);
}
