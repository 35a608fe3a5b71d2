/* Random numbers: Philox against its published vectors, the maps to floats, the distributions, and
 * that bits depend on seed and place alone. */
#include "tests/expect.h"

#include "autograd/autograd.h"
#include "tensor/random.h"

#include <stdlib.h>

#define DEVICE test_device()

/* ---- the generator --------------------------------------------------------------------------- */

/* Random123's kat_vectors: philox4x32 10. */
static const struct {
    uint32_t counter[4], key[2], words[4];
} known[] = {
    {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
    {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
     {0xffffffff, 0xffffffff},
     {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
    {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
     {0xa4093822, 0x299f31d0},
     {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
};

START_TEST(philox_known_answers) {
    uint32_t words[4];
    reel_philox(known[_i].counter, known[_i].key, words);
    ck_assert_mem_eq(words, known[_i].words, sizeof words);
}
END_TEST

/* ---- draws ----------------------------------------------------------------------------------- */

typedef enum { UNIFORM, NORMAL } kind;

/* n numbers of a fresh generator; free them. */
static double *drawn(kind k, uint64_t seed, int64_t n, reel_dtype dtype) {
    double *v = malloc((size_t)n * sizeof *v);
    reel_generator *g = reel_generator_new(seed, DEVICE);
    ck_assert(v && g);
    {
        REEL_SCOPE;
        reel_shape shape = reel_shape(n);
        reel_tensor *t = k == UNIFORM ? reel_rand(shape, dtype, g) : reel_randn(shape, dtype, g);
        reel_read(reel_cast(t, REEL_F64), v, (size_t)n * sizeof *v);
    }
    expect_fine();
    reel_generator_free(g);
    return v;
}

static void expect_drawn(kind k, uint64_t seed, reel_dtype dtype, const double *want, int n,
                         double tolerance) {
    double *v = drawn(k, seed, n, dtype);
    for (int i = 0; i < n; i++)
        ck_assert_msg(fabs(v[i] - want[i]) <= tolerance, "number %d is %a, not %a", i, v[i],
                      want[i]);
    free(v);
}

/* From a Philox written a second time, elsewhere. A seed has 64 bits. */
START_TEST(uniform_bits_are_pinned) {
    const uint64_t wide = 0xfedcba9876543210;
    expect_drawn(UNIFORM, 42, REEL_F32,
                 (double[]){0x1.39d5ep-1, 0x1.dfd524p-2, 0x1.2bf50ap-4, 0x1.5d0adp-2, 0x1.f9b642p-1,
                            0x1.4ee9b4p-2},
                 6, 0);
    expect_drawn(UNIFORM, 42, REEL_F64,
                 (double[]){0x1.dfd537715e0a7p-2, 0x1.5d0acd0bea15bp-2, 0x1.4ee9ac6f6424fp-2}, 3,
                 0);
    expect_drawn(UNIFORM, wide, REEL_F32,
                 (double[]){0x1.749706p-1, 0x1.566fep-6, 0x1.e6ba7cp-1, 0x1.a4e156p-3, 0x1.4fe61p-3,
                            0x1.84487cp-6},
                 6, 0);
    expect_drawn(UNIFORM, wide, REEL_F64,
                 (double[]){0x1.566eab5706990p-6, 0x1.a4e16a774f8d2p-3, 0x1.844828f9843b0p-6}, 3,
                 0);
}
END_TEST

/* sqrt(-2 ln u) times sine and cosine of 2 pi v, by libm. */
START_TEST(normal_is_box_and_muller) {
    const uint64_t wide = 0xfedcba9876543210;
    expect_drawn(NORMAL, 42, REEL_F32,
                 (double[]){0.1940190460950535, -0.9701898045662413, 1.9239266923398202,
                            -1.2356208674510416},
                 4, 1e-6);
    expect_drawn(NORMAL, 42, REEL_F64, (double[]){1.0360235505368471, -0.6653743849976409}, 2,
                 1e-15);
    expect_drawn(
        NORMAL, wide, REEL_F32,
        (double[]){0.10440351441886976, 0.790438020840727, 0.30582492973893033, 0.0877929581831203},
        4, 1e-6);
    expect_drawn(NORMAL, wide, REEL_F64, (double[]){2.6733876494481756, 0.767444833368629}, 2,
                 1e-15);
}
END_TEST

/* No libm, no fused multiply-add: the same on every machine. */
START_TEST(normal_bits_are_pinned) {
    expect_drawn(NORMAL, 42, REEL_F32,
                 (double[]){0x1.8d59dcp-3, -0x1.f0bcb6p-1, 0x1.ec8676p+0, -0x1.3c51a6p+0}, 4, 0);
    expect_drawn(NORMAL, 42, REEL_F64,
                 (double[]){0x1.0938d6e3710a3p+0, -0x1.54abf38e526c1p-1, 0x1.b1706d3b4c821p-2,
                            -0x1.6f13555a03774p+0},
                 4, 0);
}
END_TEST

/* ---- distributions --------------------------------------------------------------------------- */

enum { MANY = 60000 };

static int ascending(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double uniform_below(double x) {
    return x;
}

static double normal_below(double x) {
    return 0.5 * erfc(-x / sqrt(2));
}

/* Kolmogorov and Smirnov: the largest distance between the distributions; 1.95 / sqrt n is passed
 * once in a thousand. */
static double distance(double *v, int n, double (*below)(double)) {
    double most = 0;
    qsort(v, (size_t)n, sizeof *v, ascending);
    for (int i = 0; i < n; i++) {
        const double over = below(v[i]) - (double)i / n, under = (i + 1.0) / n - below(v[i]);
        if (over > most) most = over;
        if (under > most) most = under;
    }
    return most;
}

static double moment(const double *v, int n, double around, int power) {
    double sum = 0;
    for (int i = 0; i < n; i++) sum += pow(v[i] - around, power);
    return sum / n;
}

START_TEST(uniform_is_uniform) {
    double *v = drawn(UNIFORM, 7, MANY, _i ? REEL_F64 : REEL_F32);
    for (int i = 0; i < MANY; i++) ck_assert(v[i] > 0 && v[i] <= 1);
    const double error = 5 / sqrt(MANY);
    ck_assert_double_eq_tol(moment(v, MANY, 0, 1), 0.5, error * 0.289);
    ck_assert_double_eq_tol(moment(v, MANY, 0.5, 2), 1 / 12.0, error * 0.075);
    double together = 0; /* neighbours have nothing to do with each other */
    for (int i = 1; i < MANY; i++) together += (v[i] - 0.5) * (v[i - 1] - 0.5);
    ck_assert_double_eq_tol(together / (double)MANY, 0, error / 12);
    ck_assert_double_lt(distance(v, MANY, uniform_below), 1.95 / sqrt(MANY));
    free(v);
}
END_TEST

START_TEST(normal_is_normal) {
    double *v = drawn(NORMAL, 7, MANY, _i ? REEL_F64 : REEL_F32);
    const double error = 5 / sqrt(MANY);
    ck_assert_double_eq_tol(moment(v, MANY, 0, 1), 0, error);
    ck_assert_double_eq_tol(moment(v, MANY, 0, 2), 1, error * 1.42);
    ck_assert_double_eq_tol(moment(v, MANY, 0, 3), 0, error * 3.88);
    ck_assert_double_eq_tol(moment(v, MANY, 0, 4), 3, error * 9.8);
    double together = 0; /* nor do the two that come of one pair */
    for (int i = 0; i < MANY; i += 2) together += v[i] * v[i + 1];
    ck_assert_double_eq_tol(together / (MANY / 2), 0, error * 1.42);
    ck_assert_double_lt(distance(v, MANY, normal_below), 1.95 / sqrt(MANY));
    ck_assert(v[0] < -3.5 && v[MANY - 1] > 3.5); /* sorted now; there are tails */
    free(v);
}
END_TEST

START_TEST(range_and_scale) {
    reel_generator *g = reel_generator_new(3, DEVICE);
    {
        REEL_SCOPE;
        reel_tensor *t = reel_empty(reel_shape(10000), REEL_F64, DEVICE);
        ck_assert_ptr_eq(reel_uniform_(t, g, -2, 6), t);
        double v[10000], least = 9, most = -9;
        reel_read(t, v, sizeof v);
        for (int i = 0; i < 10000; i++) least = fmin(least, v[i]), most = fmax(most, v[i]);
        ck_assert(least > -2 && least < -1.98 && most <= 6 && most > 5.98);
        ck_assert_double_eq_tol(moment(v, 10000, 0, 1), 2, 0.12);
        ck_assert_ptr_eq(reel_normal_(t, g, 10, 0.5), t);
        reel_read(t, v, sizeof v);
        ck_assert_double_eq_tol(moment(v, 10000, 0, 1), 10, 0.025);
        ck_assert_double_eq_tol(moment(v, 10000, 10, 2), 0.25, 0.02);
        expect_values(reel_slice(reel_normal_(t, g, 4, 0), 0, 0, 2, 1), (double[]){4, 4}, 2);
    }
    reel_generator_free(g);
}
END_TEST

/* ---- the same bits --------------------------------------------------------------------------- */

START_TEST(threads_make_no_difference) {
    const reel_dtype dtype = _i & 1 ? REEL_F64 : REEL_F32;
    const kind k = _i & 2 ? NORMAL : UNIFORM;
    const int n = 100003;
    reel_set_threads(1);
    double *one = drawn(k, 11, n, dtype);
    for (int threads = 2; threads <= 5; threads += 3) {
        reel_set_threads(threads);
        double *several = drawn(k, 11, n, dtype);
        ck_assert_mem_eq(one, several, (size_t)n * sizeof *one);
        free(several);
    }
    double *few = drawn(k, 11, 7, dtype); /* the beginning of a longer draw */
    ck_assert_mem_eq(one, few, 7 * sizeof *one);
    double *other = drawn(k, 12, 7, dtype);
    ck_assert_mem_ne(one, other, 7 * sizeof *one);
    free(one);
    free(few);
    free(other);
}
END_TEST

static void expect_state(reel_generator *g, int64_t seed, int64_t offset) {
    int64_t state[2];
    ck_assert_int_eq(reel_read(reel_generator_state(g), state, sizeof state), REEL_OK);
    ck_assert_int_eq(state[0], seed);
    ck_assert_int_eq(state[1], offset);
}

/* By whole blocks of four words: four f32, two f64. */
START_TEST(state_moves_on) {
    reel_generator *g = reel_generator_new(UINT64_MAX, DEVICE);
    {
        REEL_SCOPE;
        expect_state(g, -1, 0);
        reel_rand(reel_shape(4), REEL_F32, g);
        expect_state(g, -1, 1);
        reel_rand(reel_shape(5), REEL_F32, g);
        expect_state(g, -1, 3);
        reel_randn(reel_shape(2, 3), REEL_F64, g);
        expect_state(g, -1, 6);
        reel_randn(reel_shape(0), REEL_F64, g);
        expect_state(g, -1, 6);
        ck_assert_int_eq(reel_dtype_of(reel_generator_state(g)), REEL_I64);
    }
    reel_generator_free(g);
}
END_TEST

START_TEST(state_restored_repeats) {
    reel_generator *g = reel_generator_new(5, DEVICE), *other = reel_generator_new(99, DEVICE);
    {
        REEL_SCOPE;
        float first[10], second[10], again[10];
        reel_randn(reel_shape(13), REEL_F32, g);
        reel_tensor *saved = reel_affine(reel_cast(reel_generator_state(g), REEL_F64), 1, 0);
        reel_read(reel_randn(reel_shape(10), REEL_F32, g), first, sizeof first);
        reel_read(reel_randn(reel_shape(10), REEL_F32, g), second, sizeof second);
        ck_assert_mem_ne(first, second, sizeof first);
        reel_copy_(reel_generator_state(other), saved);
        reel_read(reel_randn(reel_shape(10), REEL_F32, other), again, sizeof again);
        ck_assert_mem_eq(first, again, sizeof first);
        reel_read(reel_randn(reel_shape(10), REEL_F32, other), again, sizeof again);
        ck_assert_mem_eq(second, again, sizeof second);
    }
    expect_fine();
    reel_generator_free(g);
    reel_generator_free(other);
}
END_TEST

/* An offset beyond 32 bits goes on into the counter's second word. */
START_TEST(counter_has_64_bits) {
    reel_generator *g = reel_generator_new(1, DEVICE);
    const int64_t state[2] = {1, ((int64_t)1 << 32) - 1};
    const uint32_t counter[4] = {0, 1, 0, 0}, key[2] = {1, 0};
    {
        REEL_SCOPE;
        float v[8];
        uint32_t words[4];
        reel_write(reel_generator_state(g), state, sizeof state);
        reel_read(reel_rand(reel_shape(8), REEL_F32, g), v, sizeof v);
        reel_philox(counter, key, words);
        for (int i = 0; i < 4; i++)
            ck_assert_float_eq(v[4 + i], (float)words[i] * 0x1p-32f + 0x1p-33f);
        expect_state(g, 1, ((int64_t)1 << 32) + 1);
    }
    reel_generator_free(g);
}
END_TEST

/* A view is filled in its own row-major order. */
START_TEST(views_are_filled_in_order) {
    double *want = drawn(NORMAL, 21, 12, REEL_F64);
    reel_generator *g = reel_generator_new(21, DEVICE);
    {
        REEL_SCOPE;
        reel_tensor *whole = reel_zeros(reel_shape(4, 6), REEL_F64, DEVICE);
        reel_tensor *view = reel_t(reel_slice(whole, 1, 0, 6, 2));
        ck_assert_ptr_eq(reel_normal_(view, g, 0, 1), view);
        for (int i = 0; i < 12; i++) ck_assert_double_eq(element(view, i), want[i]);
        ck_assert_double_eq(element(whole, 1), 0);
    }
    reel_generator_free(g);
    free(want);
}
END_TEST

/* ---- what is refused ------------------------------------------------------------------------- */

START_TEST(refuses) {
    reel_generator *g = reel_generator_new(1, DEVICE);
    {
        REEL_SCOPE;
        reel_tensor *x = reel_ones(reel_shape(2), REEL_F32, DEVICE), *none = NULL;
        reel_tensor *i = reel_arange(3, REEL_I64, DEVICE);
        ck_assert_ptr_null(reel_uniform_(i, g, 0, 1));
        expect_failure(REEL_ERR_DTYPE, "uniform_: takes f32 or f64, not i64 (");
        ck_assert_ptr_null(reel_rand(reel_shape(2), REEL_U8, g));
        expect_failure(REEL_ERR_DTYPE, "rand: takes f32 or f64, not u8 (");
        ck_assert_ptr_null(reel_uniform_(none, g, 0, 1));
        expect_failure(REEL_ERR_ARGUMENT, "uniform_: the tensor is NULL (");
        ck_assert_ptr_null(reel_normal_(x, NULL, 0, 1));
        expect_failure(REEL_ERR_ARGUMENT, "normal_: the generator is NULL (");
        ck_assert_ptr_null(reel_randn(reel_shape(2), REEL_F32, NULL));
        expect_failure(REEL_ERR_ARGUMENT, "randn: the generator is NULL (");
        ck_assert_ptr_null(reel_rand(reel_shape(-2), REEL_F32, g));
        expect_failure(REEL_ERR_SHAPE, "[-2] is no shape");
        ck_assert_ptr_null(reel_normal_(reel_expand(x, reel_shape(3, 2)), g, 0, 1));
        expect_failure(REEL_ERR_ARGUMENT, "normal_: the result is an expanded view");
        reel_track(x);
        ck_assert_ptr_null(reel_normal_(x, g, 0, 1));
        expect_failure(REEL_ERR_STATE, "is tracked");
        expect_values(x, (double[]){1, 1}, 2);
        {
            REEL_NO_GRAD;
            ck_assert_ptr_eq(reel_uniform_(x, g, 5, 6), x);
        }
        ck_assert_double_gt(element(x, 0), 5);
        reel_untrack(x);
    }
    expect_state(g, 1, 1);
    reel_generator_free(g);
    reel_generator_free(NULL);
    ck_assert_ptr_null(reel_generator_state(NULL));
    ck_assert_ptr_null(reel_generator_new(1, reel_cuda(4096)));
    expect_failure(REEL_ERR_DEVICE, "cuda:4096");
}
END_TEST

int main(void) {
    Suite *s = suite_create("random");
    TCase *c = add_case(s, "philox");
    tcase_add_loop_test(c, philox_known_answers, 0, 3);
    c = add_case(s, "bits");
    tcase_add_test(c, uniform_bits_are_pinned);
    tcase_add_test(c, normal_is_box_and_muller);
    tcase_add_test(c, normal_bits_are_pinned);
    tcase_add_test(c, state_moves_on);
    tcase_add_test(c, state_restored_repeats);
    tcase_add_test(c, counter_has_64_bits);
    tcase_add_test(c, views_are_filled_in_order);
    c = add_cpu_case(s, "threads");
    tcase_add_loop_test(c, threads_make_no_difference, 0, 4);
    c = add_case(s, "distributions");
    tcase_add_loop_test(c, uniform_is_uniform, 0, 2);
    tcase_add_loop_test(c, normal_is_normal, 0, 2);
    tcase_add_test(c, range_and_scale);
    c = add_case(s, "refusals");
    tcase_add_test(c, refuses);
    return run_suite(s);
}
