/* Whole numbers, permutations, and draws by probabilities: that they are distributed as they should
 * be, from fixed seeds, and that their bits depend on seed and place alone. */
#include "tests/expect.h"

#include "autograd/autograd.h"
#include "tensor/random.h"

#include <float.h>
#include <stdlib.h>

#define DEVICE test_device()

static int64_t *whole(reel_tensor *t) {
    const size_t bytes = (size_t)reel_numel(t) * sizeof(int64_t);
    int64_t *v = malloc(bytes + 1);
    ck_assert_msg(v && t, "%s", reel_error());
    ck_assert_msg(reel_read(reel_cast(t, REEL_I64), v, bytes) == REEL_OK, "%s", reel_error());
    return v;
}

static void expect_offset(reel_generator *g, int64_t offset) {
    int64_t state[2];
    ck_assert_int_eq(reel_read(reel_generator_state(g), state, sizeof state), REEL_OK);
    ck_assert_int_eq(state[1], offset);
}

/* Pearson's sum of (seen - expected)^2 / expected over classes is not above what one draw in a
 * thousand exceeds (Wilson and Hilferty's approximation). share[i] may be 0: then nothing is there.
 */
static void expect_shares(const int64_t *seen, const double *share, int classes, double draws) {
    double sum = 0, freedom = -1;
    for (int i = 0; i < classes; i++) {
        const double expected = share ? share[i] * draws : draws / classes;
        if (expected == 0) {
            ck_assert_msg(seen[i] == 0, "class %d: %lld, none expected", i, (long long)seen[i]);
            continue;
        }
        sum += ((double)seen[i] - expected) * ((double)seen[i] - expected) / expected;
        freedom++;
    }
    const double at = 2 / (9 * freedom), most = freedom * pow(1 - at + 3.09 * sqrt(at), 3);
    ck_assert_msg(sum < most, "%g is too far off: %g", sum, most);
}

/* ---- randint --------------------------------------------------------------------------------- */

enum { MANY = 120000 };

START_TEST(randint_is_uniform) {
    const int64_t low[] = {0, -3, 100}, count[] = {7, 10, 256};
    reel_generator *g = reel_generator_new(17, DEVICE);
    for (int k = 0; k < 3; k++) {
        REEL_SCOPE;
        int64_t seen[256] = {0}, high = low[k] + count[k];
        int64_t *v = whole(reel_randint(low[k], high, reel_shape(MANY), REEL_I64, g));
        for (int i = 0; i < MANY; i++) {
            ck_assert(v[i] >= low[k] && v[i] < high);
            seen[v[i] - low[k]]++;
        }
        expect_shares(seen, NULL, (int)count[k], MANY);
        free(v);
    }
    reel_generator_free(g);
}
END_TEST

/* Three quarters of 2^64: a remainder of the word would fall into the first third half of the time.
 */
START_TEST(randint_favours_nobody) {
    reel_generator *g = reel_generator_new(18, DEVICE);
    {
        REEL_SCOPE;
        const int64_t quarter = (int64_t)1 << 62;
        int64_t seen[3] = {0},
                *v =
                    whole(reel_randint(-quarter - quarter, quarter, reel_shape(MANY), REEL_I64, g));
        for (int i = 0; i < MANY; i++) seen[v[i] < -quarter ? 0 : v[i] < 0 ? 1 : 2]++;
        expect_shares(seen, NULL, 3, MANY);
        free(v);
        int64_t *widest = whole(reel_randint(INT64_MIN, INT64_MAX, reel_shape(1000), REEL_I64, g));
        int64_t below = 0;
        for (int i = 0; i < 1000; i++) below += widest[i] < 0;
        ck_assert(below > 400 && below < 600);
        free(widest);
    }
    reel_generator_free(g);
}
END_TEST

START_TEST(randint_in_every_dtype) {
    reel_generator *g = reel_generator_new(19, DEVICE), *h = reel_generator_new(19, DEVICE);
    {
        REEL_SCOPE;
        int64_t *want = whole(reel_randint(0, 256, reel_shape(9, 11), REEL_I64, g));
        for (int dtype = REEL_F32; dtype <= REEL_U8; dtype++) {
            const int64_t start[2] = {19, 0};
            reel_write(reel_generator_state(h), start, sizeof start);
            reel_tensor *y = reel_randint(0, 256, reel_shape(9, 11), (reel_dtype)dtype, h);
            int64_t *v = whole(y);
            ck_assert_int_eq(reel_dtype_of(y), dtype);
            ck_assert_mem_eq(v, want, 99 * sizeof *v);
            expect_offset(h, 50);
            free(v);
        }
        free(want);
        expect_values(reel_randint(5, 6, reel_shape(3), REEL_F64, g), (double[]){5, 5, 5}, 3);
        ck_assert_int_eq(reel_numel(reel_randint(0, 2, reel_shape(0, 3), REEL_U8, g)), 0);
        expect_fine();
        expect_offset(g, 52);
    }
    reel_generator_free(g);
    reel_generator_free(h);
}
END_TEST

/* ---- randperm -------------------------------------------------------------------------------- */

static void expect_permutation(const int64_t *v, int64_t n) {
    bool *seen = calloc((size_t)n + 1, sizeof *seen);
    ck_assert_ptr_nonnull(seen);
    for (int64_t i = 0; i < n; i++) {
        ck_assert(v[i] >= 0 && v[i] < n && !seen[v[i]]);
        seen[v[i]] = true;
    }
    free(seen);
}

START_TEST(randperm_has_everything_once) {
    const int64_t sizes[] = {0, 1, 2, 3, 32, 33, 1000, 32768, 150001};
    reel_generator *g = reel_generator_new(20, DEVICE);
    int64_t offset = 0;
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        REEL_SCOPE;
        reel_tensor *y = reel_randperm(sizes[k], g);
        int64_t *v = whole(y), stay = 0;
        ck_assert_int_eq(reel_dtype_of(y), REEL_I64);
        expect_permutation(v, sizes[k]);
        for (int64_t i = 0; i < sizes[k]; i++) stay += v[i] == i;
        ck_assert(stay <= 3 + (sizes[k] < 4)); /* one on average */
        expect_offset(g, offset += (sizes[k] + 1) / 2);
        free(v);
    }
    reel_generator_free(g);
}
END_TEST

/* All 24 orders of four. */
START_TEST(randperm_is_uniform) {
    int64_t seen[256] = {0}, orders[24];
    reel_generator *g = reel_generator_new(21, DEVICE);
    for (int i = 0; i < 6000; i++) {
        REEL_SCOPE;
        int64_t *v = whole(reel_randperm(4, g));
        seen[v[0] * 64 + v[1] * 16 + v[2] * 4 + v[3]]++;
        free(v);
    }
    int found = 0;
    for (int i = 0; i < 256; i++)
        if (seen[i]) orders[found++] = seen[i];
    ck_assert_int_eq(found, 24);
    expect_shares(orders, NULL, 24, 6000);
    reel_generator_free(g);
}
END_TEST

/* ---- bernoulli ------------------------------------------------------------------------------- */

START_TEST(bernoulli_keeps_to_its_probability) {
    const double p[] = {0.5, 0.03, 0.9, 1.0 / 3};
    reel_generator *g = reel_generator_new(22, DEVICE);
    for (int dtype = REEL_F32; dtype <= REEL_U8; dtype++)
        for (int k = 0; k < 4; k++) {
            REEL_SCOPE;
            reel_tensor *t = reel_empty(reel_shape(MANY), (reel_dtype)dtype, DEVICE);
            ck_assert_ptr_eq(reel_bernoulli_(t, g, p[k]), t);
            int64_t *v = whole(t), seen[2] = {0};
            for (int i = 0; i < MANY; i++) {
                ck_assert(v[i] == 0 || v[i] == 1);
                seen[v[i]]++;
            }
            expect_shares(seen, (double[]){1 - p[k], p[k]}, 2, MANY);
            free(v);
        }
    expect_offset(g, 16 * MANY / 4);
    reel_generator_free(g);
}
END_TEST

START_TEST(bernoulli_of_each_element) {
    reel_generator *g = reel_generator_new(23, DEVICE), *same = reel_generator_new(23, DEVICE);
    {
        REEL_SCOPE;
        reel_tensor *p = reel_linspace(0, 1, MANY, REEL_F64, DEVICE);
        reel_tensor *y = reel_bernoulli(reel_cast(p, REEL_F32), g);
        ck_assert_int_eq(reel_dtype_of(y), REEL_F32);
        int64_t *v = whole(y), seen[10] = {0};
        double share[10];
        for (int i = 0; i < MANY; i++) seen[10 * i / MANY] += v[i];
        for (int i = 0; i < 10; i++) share[i] = (i + 0.5) / 50;
        expect_shares(seen, share, 10, MANY / 2);
        expect_offset(g, MANY / 4);
        reel_tensor *half = reel_full(reel_shape(9, 7), 0.5, REEL_F64, DEVICE);
        reel_tensor *once = reel_zeros_like(half), *row = reel_slice(half, 0, 3, 4, 1);
        const int64_t start[2] = {23, 0};
        reel_write(reel_generator_state(g), start, sizeof start);
        int64_t *each = whole(reel_bernoulli(reel_expand(row, reel_shape(9, 7)), g)),
                *all = whole(reel_bernoulli_(once, same, 0.5));
        ck_assert_mem_eq(each, all, 63 * sizeof *all);
        free(v);
        free(each);
        free(all);
    }
    reel_generator_free(g);
    reel_generator_free(same);
}
END_TEST

START_TEST(bernoulli_never_and_always) {
    reel_generator *g = reel_generator_new(24, DEVICE);
    {
        REEL_SCOPE;
        reel_tensor *t = reel_empty(reel_shape(MANY), REEL_U8, DEVICE);
        ck_assert_double_eq(reel_item(reel_sum(reel_bernoulli_(t, g, 0))), 0);
        ck_assert_double_eq(reel_item(reel_sum(reel_bernoulli_(t, g, 1))), MANY);
        reel_tensor *p = f64(reel_shape(2, 2), (double[]){0, 1, 1, 0});
        expect_values(reel_bernoulli(p, g), (double[]){0, 1, 1, 0}, 4);
        reel_track(p);
        reel_tensor *y = reel_bernoulli(p, g);
        ck_assert(y && !reel_is_tracked(y)); /* a constant */
        reel_untrack(p);
    }
    reel_generator_free(g);
}
END_TEST

/* A view is filled in its own row-major order, and nothing beside it. */
START_TEST(bernoulli_fills_views) {
    reel_generator *g = reel_generator_new(25, DEVICE), *same = reel_generator_new(25, DEVICE);
    {
        REEL_SCOPE;
        int64_t *want =
            whole(reel_bernoulli_(reel_empty(reel_shape(12), REEL_I64, DEVICE), g, 0.4));
        reel_tensor *all = reel_full(reel_shape(4, 6), 9, REEL_F32, DEVICE);
        reel_tensor *view = reel_t(reel_slice(all, 1, 1, 6, 2));
        ck_assert_ptr_eq(reel_bernoulli_(view, same, 0.4), view);
        for (int i = 0; i < 12; i++) ck_assert_double_eq(element(view, i), (double)want[i]);
        ck_assert_double_eq(element(all, 0), 9);
        free(want);
    }
    reel_generator_free(g);
    reel_generator_free(same);
}
END_TEST

/* ---- multinomial ----------------------------------------------------------------------------- */

static const double weights[] = {3, 0, 1, 0.5, 0, 5.5};
enum { WEIGHTS = 6 };

static void shares(double share[WEIGHTS]) {
    for (int i = 0; i < WEIGHTS; i++) share[i] = weights[i] / 10;
}

START_TEST(draws_with_replacement_follow_the_weights) {
    reel_generator *g = reel_generator_new(26, DEVICE);
    {
        REEL_SCOPE;
        double share[WEIGHTS];
        int64_t seen[WEIGHTS] = {0}, pairs[WEIGHTS * WEIGHTS] = {0};
        reel_tensor *w = reel_cast(f64(reel_shape(WEIGHTS), weights), _i ? REEL_F64 : REEL_F32);
        int64_t *v = whole(reel_multinomial(w, MANY, true, g));
        shares(share);
        for (int i = 0; i < MANY; i++) seen[v[i]]++;
        expect_shares(seen, share, WEIGHTS, MANY);
        double both[WEIGHTS * WEIGHTS]; /* one draw knows nothing of the one before */
        for (int i = 0; i < WEIGHTS * WEIGHTS; i++)
            both[i] = share[i / WEIGHTS] * share[i % WEIGHTS];
        for (int i = 0; i < MANY; i += 2) pairs[v[i] * WEIGHTS + v[i + 1]]++;
        expect_shares(pairs, both, WEIGHTS * WEIGHTS, MANY / 2);
        expect_offset(g, MANY / 2);
        free(v);
    }
    reel_generator_free(g);
}
END_TEST

/* P(i, then j) = w[i] / sum * w[j] / (sum - w[i]). */
START_TEST(draws_without_replacement_follow_what_is_left) {
    enum { ROWS = 20000 };
    reel_generator *g = reel_generator_new(27, DEVICE);
    {
        REEL_SCOPE;
        double share[WEIGHTS * WEIGHTS] = {0};
        int64_t seen[WEIGHTS * WEIGHTS] = {0};
        reel_tensor *w = reel_cast(f64(reel_shape(WEIGHTS), weights), _i ? REEL_F64 : REEL_F32);
        reel_tensor *rows = reel_expand(w, reel_shape(ROWS, WEIGHTS));
        int64_t *v = whole(reel_multinomial(rows, 4, false, g));
        for (int i = 0; i < WEIGHTS; i++)
            for (int j = 0; j < WEIGHTS; j++)
                if (i != j)
                    share[i * WEIGHTS + j] = weights[i] / 10 * weights[j] / (10 - weights[i]);
        for (int i = 0; i < ROWS; i++) {
            int64_t mask = 0;
            for (int k = 0; k < 4; k++) mask |= (int64_t)1 << v[4 * i + k];
            ck_assert_int_eq(mask, 1 + 4 + 8 + 32); /* those above 0, each once */
            seen[v[4 * i] * WEIGHTS + v[4 * i + 1]]++;
        }
        expect_shares(seen, share, WEIGHTS * WEIGHTS, ROWS);
        expect_offset(g, ROWS * WEIGHTS / 2);
        free(v);
    }
    reel_generator_free(g);
}
END_TEST

START_TEST(one_draw_is_the_same_with_and_without) {
    reel_generator *g = reel_generator_new(28, DEVICE), *same = reel_generator_new(28, DEVICE);
    {
        REEL_SCOPE;
        reel_tensor *w = reel_expand(f64(reel_shape(WEIGHTS), weights), reel_shape(500, WEIGHTS));
        int64_t *with = whole(reel_multinomial(w, 1, true, g)),
                *without = whole(reel_multinomial(w, 1, false, same));
        ck_assert_mem_eq(with, without, 500 * sizeof *with);
        expect_offset(same, 250);
        free(with);
        free(without);
    }
    reel_generator_free(g);
    reel_generator_free(same);
}
END_TEST

/* Rows of several chunks, in which a few weights are above 0, at the edges of chunks. */
START_TEST(long_rows) {
    const int64_t sizes[] = {256, 257, 5000, 70000};
    reel_generator *g = reel_generator_new(29, DEVICE);
    for (int k = 0; k < 4; k++) {
        REEL_SCOPE;
        const int64_t n = sizes[k], at[4] = {0, 255, n / 2, n - 1};
        double *w = calloc((size_t)n, sizeof *w);
        ck_assert_ptr_nonnull(w);
        for (int i = 0; i < 4; i++) w[at[i]] += i + 1;
        reel_tensor *t = f64(reel_shape(n), w);
        int64_t *v = whole(reel_multinomial(t, 9000, true, g)), seen[4] = {0};
        for (int i = 0; i < 9000; i++) {
            ck_assert_double_gt(w[v[i]], 0);
            for (int j = 0; j < 4; j++) seen[j] += v[i] == at[j];
        }
        const double share[] = {0.1, 0.2, 0.3, 0.4};
        if (at[1] != at[3]) expect_shares(seen, share, 4, 9000);
        if (n == 256) ck_assert_int_eq(seen[0] + seen[2] + seen[3], 9000);
        free(v);
        v = whole(reel_multinomial(t, 2 + (n > 256), false, g));
        ck_assert(w[v[0]] > 0 && w[v[1]] > 0 && v[0] != v[1]);
        free(v);
        free(w);
    }
    expect_fine();
    reel_generator_free(g);
}
END_TEST

/* The least and the greatest weights; what is below a normal number is nothing. */
START_TEST(extreme_weights) {
    reel_generator *g = reel_generator_new(30, DEVICE);
    {
        REEL_SCOPE;
        reel_tensor *small = f64(reel_shape(4), (double[]){DBL_TRUE_MIN, 0, DBL_MIN, DBL_MIN});
        reel_tensor *large = f64(reel_shape(3), (double[]){DBL_MAX / 4, 1, DBL_MAX / 4});
        for (int replacement = 0; replacement < 2; replacement++)
            for (int i = 0; i < 20; i++) {
                int64_t *v = whole(reel_multinomial(small, 2, replacement, g));
                ck_assert(v[0] >= 2 && v[1] >= 2 && (replacement || v[0] != v[1]));
                free(v);
                v = whole(reel_multinomial(large, 2, replacement, g));
                ck_assert(v[0] != 1 && v[1] != 1 && (replacement || v[0] != v[1]));
                free(v);
            }
    }
    reel_generator_free(g);
}
END_TEST

START_TEST(nothing_to_draw) {
    reel_generator *g = reel_generator_new(31, DEVICE);
    {
        REEL_SCOPE;
        reel_tensor *w = reel_ones(reel_shape(3, 4), REEL_F32, DEVICE);
        reel_tensor *none = reel_multinomial(w, 0, false, g),
                    *rows = reel_multinomial(reel_slice(w, 0, 0, 0, 1), 2, false, g);
        expect_fine();
        ck_assert(reel_shape_equal(reel_shape_of(none), reel_shape(3, 0)));
        ck_assert(reel_shape_equal(reel_shape_of(rows), reel_shape(0, 2)));
        expect_offset(g, 0);
    }
    reel_generator_free(g);
}
END_TEST

/* ---- the same bits --------------------------------------------------------------------------- */

/* All of them in a row, from one generator. */
static int64_t *all_draws(size_t *bytes) {
    enum { N = 50001 };
    reel_generator *g = reel_generator_new(32, DEVICE);
    int64_t *v = NULL;
    {
        REEL_SCOPE;
        reel_tensor *w = reel_square(reel_randn(reel_shape(3, N), REEL_F32, g));
        reel_tensor *drawn[] = {
            reel_randint(-5, 1000, reel_shape(N), REEL_I64, g),
            reel_randperm(2 * N, g),
            reel_bernoulli_(reel_empty(reel_shape(N), REEL_U8, DEVICE), g, 0.2),
            reel_bernoulli(reel_rand(reel_shape(N), REEL_F64, g), g),
            reel_multinomial(w, N, true, g),
            reel_multinomial(w, 700, false, g),
            reel_generator_state(g),
        };
        size_t count = 0;
        for (int i = 0; i < 7; i++) count += (size_t)reel_numel(drawn[i]);
        v = malloc(*bytes = count * sizeof *v);
        ck_assert_ptr_nonnull(v);
        int64_t *to = v;
        for (int i = 0; i < 7; i++) {
            const size_t n = (size_t)reel_numel(drawn[i]);
            ck_assert_int_eq(reel_read(reel_cast(drawn[i], REEL_I64), to, n * sizeof *v), REEL_OK);
            to += n;
        }
    }
    expect_fine();
    reel_generator_free(g);
    return v;
}

START_TEST(threads_make_no_difference) {
    size_t bytes, again;
    reel_set_threads(1);
    int64_t *one = all_draws(&bytes);
    for (int threads = 2; threads <= 5; threads++) {
        reel_set_threads(threads);
        int64_t *several = all_draws(&again);
        ck_assert_uint_eq(bytes, again);
        ck_assert_mem_eq(one, several, bytes);
        free(several);
    }
    free(one);
}
END_TEST

/* ---- what is refused ------------------------------------------------------------------------- */

/* At once on the CPU, when it is waited for on a GPU. */
static void expect_refusal(reel_tensor *y, reel_status code, const char *part) {
    if (y) reel_synchronize(DEVICE);
    ck_assert(!y || DEVICE.type != REEL_CPU);
    expect_failure(code, part);
}

START_TEST(bad_weights_are_refused) {
    const struct {
        double w[4];
        bool replacement;
        const char *part;
    } bad[] = {
        {{1, 2, -1, 3}, true, "multinomial: weight -1 at position 2 is not a finite number, 0 or"},
        {{1, 2, -1, 3}, false, "multinomial: weight -1 at position 2 is not a finite number, 0 or"},
        {{1, NAN, 1, 3}, true, "at position 1 is not a finite number, 0 or more"},
        {{1, 1, 1, INFINITY}, false, "multinomial: weight inf at position 3 is not a finite"},
        {{0, 0, 0, 0}, true, "multinomial: the weights of row 0 add up to 0"},
        {{0, 0, 0, 0}, false, "multinomial: row 0 has fewer than 2 weights above 0"},
        {{0, 0, 3, 0}, false, "multinomial: row 0 has fewer than 2 weights above 0"},
        {{DBL_MAX, 0, 0, DBL_MAX}, true, "multinomial: the weights of row 0 add up to inf"},
    };
    reel_generator *g = reel_generator_new(33, DEVICE);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        REEL_SCOPE;
        reel_tensor *w = f64(reel_shape(4), bad[i].w);
        expect_refusal(reel_multinomial(w, 2, bad[i].replacement, g), REEL_ERR_ARGUMENT,
                       bad[i].part);
        reel_tensor *zero = reel_zeros(reel_shape(4), REEL_F64, DEVICE);
        expect_refusal(reel_multinomial(zero, 1, false, g), REEL_ERR_ARGUMENT,
                       "multinomial: the weights of row 0 add up to 0");
    }
    {
        REEL_SCOPE; /* one bad row among others */
        reel_tensor *w = f64(reel_shape(3, 2), (double[]){1, 1, 1, 0, 1, 1});
        expect_refusal(reel_multinomial(w, 2, false, g), REEL_ERR_ARGUMENT,
                       "multinomial: row 1 has fewer than 2 weights above 0");
        reel_multinomial(w, 2, true, g);
        expect_fine();
    }
    reel_generator_free(g);
}
END_TEST

START_TEST(bad_probabilities_are_refused) {
    const double bad[] = {-0.1, 1.0001, NAN};
    reel_generator *g = reel_generator_new(34, DEVICE);
    for (int i = 0; i < 3; i++) {
        REEL_SCOPE;
        reel_tensor *t = reel_empty(reel_shape(3), REEL_U8, DEVICE);
        ck_assert_ptr_null(reel_bernoulli_(t, g, bad[i]));
        expect_failure(REEL_ERR_ARGUMENT, "bernoulli_: probability ");
        reel_tensor *p = f64(reel_shape(3), (double[]){0, bad[i], 1});
        expect_refusal(reel_bernoulli(p, g), REEL_ERR_ARGUMENT, " at position 1 is not in 0..1");
        if (DEVICE.type == REEL_CPU) expect_offset(g, 0); /* a GPU's refusal comes later */
    }
    reel_generator_free(g);
}
END_TEST

START_TEST(refuses) {
    reel_generator *g = reel_generator_new(35, DEVICE);
    {
        REEL_SCOPE;
        reel_tensor *x = reel_ones(reel_shape(2), REEL_F32, DEVICE), *none = NULL;
        reel_tensor *i = reel_arange(2, REEL_I64, DEVICE);
        ck_assert_ptr_null(reel_randint(3, 3, reel_shape(2), REEL_I64, g));
        expect_failure(REEL_ERR_ARGUMENT, "randint: high 3 is not above low 3 (");
        ck_assert_ptr_null(reel_randint(-1, 3, reel_shape(2), REEL_U8, g));
        expect_failure(REEL_ERR_DTYPE, "randint: u8 does not hold all of -1..2 (");
        ck_assert_ptr_null(reel_randint(0, (1 << 24) + 2, reel_shape(2), REEL_F32, g));
        expect_failure(REEL_ERR_DTYPE, "randint: f32 does not hold all of 0..16777217 (");
        ck_assert_ptr_null(reel_randint(0, 2, reel_shape(2), REEL_I64, NULL));
        expect_failure(REEL_ERR_ARGUMENT, "randint: the generator is NULL (");
        ck_assert_ptr_null(reel_randint(0, 2, reel_shape(-2), REEL_I64, g));
        expect_failure(REEL_ERR_SHAPE, "[-2] is no shape");
        ck_assert_ptr_null(reel_randperm(3, NULL));
        expect_failure(REEL_ERR_ARGUMENT, "randperm: the generator is NULL (");
        ck_assert_ptr_null(reel_bernoulli(none, g));
        expect_failure(REEL_ERR_ARGUMENT, "bernoulli: the tensor is NULL (");
        ck_assert_ptr_null(reel_bernoulli_(none, g, 0.5));
        expect_failure(REEL_ERR_ARGUMENT, "bernoulli_: the tensor is NULL (");
        ck_assert_ptr_null(reel_bernoulli(x, NULL));
        expect_failure(REEL_ERR_ARGUMENT, "bernoulli: the generator is NULL (");
        ck_assert_ptr_null(reel_bernoulli(i, g));
        expect_failure(REEL_ERR_DTYPE, "bernoulli: takes floats: i[2] i64");
        ck_assert_ptr_null(reel_bernoulli_(reel_expand(x, reel_shape(3, 2)), g, 0.5));
        expect_failure(REEL_ERR_ARGUMENT, "the result is an expanded view");
        ck_assert_ptr_null(reel_multinomial(i, 1, true, g));
        expect_failure(REEL_ERR_DTYPE, "multinomial: takes floats: i[2] i64");
        ck_assert_ptr_null(reel_multinomial(x, 3, false, g));
        expect_failure(REEL_ERR_ARGUMENT,
                       "multinomial: 3 draws without replacement from 2 weights");
        ck_assert_ptr_null(reel_multinomial(reel_sum(x), 1, false, g));
        expect_failure(REEL_ERR_SHAPE, "multinomial: weights have one axis or two");
        reel_track(x);
        ck_assert_ptr_null(reel_bernoulli_(x, g, 0.5));
        expect_failure(REEL_ERR_STATE, "is tracked");
        reel_untrack(x);
    }
    expect_offset(g, 0);
    reel_generator_free(g);
}
END_TEST

int main(void) {
    Suite *s = suite_create("draws");
    TCase *c = add_case(s, "whole numbers");
    tcase_add_test(c, randint_is_uniform);
    tcase_add_test(c, randint_favours_nobody);
    tcase_add_test(c, randint_in_every_dtype);
    tcase_add_test(c, randperm_has_everything_once);
    tcase_add_test(c, randperm_is_uniform);
    c = add_case(s, "probabilities");
    tcase_add_test(c, bernoulli_keeps_to_its_probability);
    tcase_add_test(c, bernoulli_of_each_element);
    tcase_add_test(c, bernoulli_never_and_always);
    tcase_add_test(c, bernoulli_fills_views);
    c = add_case(s, "weights");
    tcase_add_loop_test(c, draws_with_replacement_follow_the_weights, 0, 2);
    tcase_add_loop_test(c, draws_without_replacement_follow_what_is_left, 0, 2);
    tcase_add_test(c, one_draw_is_the_same_with_and_without);
    tcase_add_test(c, long_rows);
    tcase_add_test(c, extreme_weights);
    tcase_add_test(c, nothing_to_draw);
    c = add_cpu_case(s, "threads");
    tcase_add_test(c, threads_make_no_difference);
    c = add_case(s, "refusals");
    tcase_add_test(c, bad_weights_are_refused);
    tcase_add_test(c, bad_probabilities_are_refused);
    tcase_add_test(c, refuses);
    return run_suite(s);
}
