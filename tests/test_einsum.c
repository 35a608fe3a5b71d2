/* Einstein's sum beside one that goes over all indices; its relatives, and entries repeated. */
#include "autograd/autograd.h"
#include "tensor/distances.h"
#include "tensor/einsum.h"

#include "tests/call_site.h"

#include <string.h>

enum { MOST = 4 };

static const int64_t sizes[] = {2, 3, 4, 1, 5}; /* of a, b, c, d, e */

/* ---- the plain way: without "...", every letter of a..e ---- */

static int64_t place(const char *subscripts, int length, const int64_t *at, const int64_t *size) {
    int64_t i = 0;
    for (int k = 0; k < length; k++) i = i * size[subscripts[k] - 'a'] + at[subscripts[k] - 'a'];
    return i;
}

static void expect_plain(const char *equation, reel_tensor *y, reel_tensor *const *x) {
    const char *result = strstr(equation, "->") + 2;
    const int width = (int)strlen(result);
    int64_t all = 1, n = 1;
    for (int i = 0; i < 5; i++) all *= sizes[i];
    for (int i = 0; i < width; i++) n *= sizes[result[i] - 'a'];
    double *want = calloc((size_t)n, sizeof *want);
    bool used[5] = {false};
    for (const char *p = equation; *p && *p != '-'; p++)
        if (*p != ',') used[*p - 'a'] = true;
    for (int64_t i = 0; i < all; i++) {
        int64_t at[5], rest = i;
        double product = 1;
        bool counts = true;
        for (int k = 0; k < 5; k++) {
            at[k] = rest % sizes[k];
            rest /= sizes[k];
            counts = counts && (used[k] || at[k] == 0);
        }
        if (!counts) continue;
        const char *p = equation;
        for (int k = 0; *p != '-'; k++, p += *p == ',') {
            const int length = (int)strcspn(p, ",-");
            product *= element(x[k], place(p, length, at, sizes));
            p += length;
        }
        want[place(result, width, at, sizes)] += product;
    }
    ck_assert_msg(y != NULL, "%s: %s", equation, reel_error());
    ck_assert_int_eq(reel_ndim(y), width);
    ck_assert_int_eq(reel_numel(y), n);
    for (int64_t i = 0; i < n; i++)
        ck_assert_msg(fabs(element(y, i) - want[i]) < 1e-9, "%s: %g, not %g", equation,
                      element(y, i), want[i]);
    free(want);
}

static int operands_of(const char *equation, reel_tensor **x) {
    int count = 0;
    for (const char *p = equation; *p != '-'; p += *p == ',') {
        reel_shape s = {0};
        for (; *p != ',' && *p != '-'; p++) s.dim[s.ndim++] = sizes[*p - 'a'];
        int64_t n = 1;
        for (int i = 0; i < s.ndim; i++) n *= s.dim[i];
        reel_tensor *t = reel_affine(reel_arange(n, REEL_F64, test_device()), 1.7, count + 0.3);
        x[count++] = reel_track(reel_detach(reel_reshape(reel_sin(t), s)));
    }
    return count;
}

typedef struct {
    const char *equation;
    int count;
} call;

static reel_tensor *einsum_of(reel_tensor **in, void *user) {
    const call *c = user;
    return reel_einsum_list(c->equation, in, c->count);
}

static const char *const equations[] = {
    "ab,bc->ac", "ab,cb->ac",       "ba,cb->ca",    "abc,abe->ace", "abc,abe->aec",
    "a,b->ab",   "a,a->",           "ab,ab->ab",    "ab,ab->a",     "ab->ba",
    "ab->",      "ab->b",           "aa->a",        "aa->",         "aba->ab",
    "abb,b->a",  "abca->bc",        "ab,c->",       "ab,bc,ce->ae", "ab,bc,ce,ea->",
    "a,ab,b->",  "ab,ac,ae->bce",   "abd,dc->bca",  "ab,ab,ab->ab", "abc,bc->bca",
    ",a->a",     "abce,ce->ab",     "eba,ebc->eac", "ab,bc,b->bac", "abab->ab",
    "aabb->ba",  "abcd,abce->aecd",
};

START_TEST(einsum_is_the_plain_sum) {
    REEL_SCOPE;
    reel_tensor *x[MOST];
    call c = {equations[_i], operands_of(equations[_i], x)};
    expect_plain(c.equation, einsum_of(x, &c), x);
    reel_gradcheck(einsum_of, &c, x, c.count, (reel_gradcheck_options){0});
    expect_fine();
}
END_TEST

START_TEST(einsum_takes_dots_and_leaves_out_results) {
    REEL_SCOPE;
    reel_tensor *x = reel_sin(counting(reel_shape(2, 3, 4))),
                *y = reel_cos(counting(reel_shape(3, 4, 5)));
    const struct {
        reel_tensor *got, *want;
    } rows[] = {
        {reel_einsum("...ij,...jk->...ik", x, y), NULL},
        {reel_einsum("ij...", x), reel_permute(x, reel_axes(2, 0, 1))},
        {reel_einsum("b a c", x), reel_permute(x, reel_axes(1, 0, 2))},
        {reel_einsum("...a->a...", x), reel_permute(x, reel_axes(2, 0, 1))},
        {reel_einsum("i...->...", x), reel_sum_over(x, reel_axes(0), false)},
        {reel_einsum("...", x), x},
        {reel_einsum("...a,...a->...", x, reel_select(x, 0, 1)),
         reel_sum_over(reel_mul(x, reel_select(x, 0, 1)), reel_axes(2), false)},
        {reel_einsum("abc,bcd", x, y), reel_tensordot(x, y, reel_axes(1, 2), reel_axes(0, 1))},
        {reel_einsum("aB,Bc->ac", reel_select(x, 0, 0), reel_select(y, 0, 0)),
         reel_matmul(reel_select(x, 0, 0), reel_select(y, 0, 0))},
        {reel_einsum("Ba", reel_select(x, 0, 0)), reel_select(x, 0, 0)},
        {reel_einsum("aB", reel_select(x, 0, 0)), reel_t(reel_select(x, 0, 0))},
        {reel_einsum("ab,ab->ab", reel_select(x, 0, 0),
                     reel_slice(reel_select(x, 0, 1), 0, 0, 1, 1)),
         reel_mul(reel_select(x, 0, 0), reel_slice(reel_select(x, 0, 1), 0, 0, 1, 1))},
        {reel_einsum("ab,ab->", reel_select(x, 0, 0), reel_slice(reel_select(x, 0, 1), 0, 0, 1, 1)),
         reel_sum(reel_mul(reel_select(x, 0, 0), reel_slice(reel_select(x, 0, 1), 0, 0, 1, 1)))},
    };
    reel_clear_error(); /* of the first: axes that do not broadcast */
    for (size_t i = 1; i < sizeof rows / sizeof *rows; i++) {
        ck_assert_msg(rows[i].got && rows[i].want, "row %zu", i);
        ck_assert_msg(reel_shape_equal(reel_shape_of(rows[i].got), reel_shape_of(rows[i].want)),
                      "row %zu", i);
        for (int64_t k = 0; k < reel_numel(rows[i].got); k++)
            ck_assert_double_eq_tol(element(rows[i].got, k), element(rows[i].want, k), 1e-12);
    }
    ck_assert_ptr_null(rows[0].got);
    reel_tensor *none =
        reel_einsum("ab,bc->ac", reel_zeros(reel_shape(2, 0), REEL_F32, test_device()),
                    reel_zeros(reel_shape(0, 3), REEL_F32, test_device()));
    expect_values(none, (double[]){0, 0, 0, 0, 0, 0}, 6);
}
END_TEST

START_TEST(relatives_compute) {
    REEL_SCOPE;
    reel_tensor *x = f64(reel_shape(2), (double[]){1, 2}),
                *y = f64(reel_shape(3), (double[]){3, 4, 5});
    expect_values(reel_outer(x, y), (double[]){3, 4, 5, 6, 8, 10}, 6);
    reel_tensor *all = reel_tensordot(x, y, REEL_SCALAR, REEL_SCALAR);
    expect_values(all, (double[]){3, 4, 5, 6, 8, 10}, 6);
    ck_assert_int_eq(reel_ndim(all), 2);
    FAILS(reel_tensordot(x, y, reel_axes(0), reel_axes(0)), REEL_ERR_SHAPE,
          "tensordot: the axes do not fit each other in pairs: x[2], y[3]");
    FAILS(reel_outer(all, y), REEL_ERR_SHAPE, "outer: takes vectors: all[2, 3], y[3]");
    expect_values(reel_cosine_similarity(all, y, -1, 1e-8), (double[]){1, 1}, 2);
    expect_values(reel_pairwise_distance(all, y, 2, REEL_ZERO, false), (double[]){0, sqrt(50)}, 2);
    expect_values(reel_pairwise_distance(y, y, 1, 0, false), (double[]){3e-6}, 1);
    reel_tensor *tiny = reel_scale(y, 1e-9 / sqrt(50)); /* shorter than eps */
    expect_values(reel_cosine_similarity(tiny, y, 0, 0), (double[]){0.1}, 1);
    expect_values(reel_cosine_similarity(tiny, y, 0, REEL_ZERO), (double[]){1}, 1);
    FAILS(reel_cosine_similarity(all, y, 2, 1e-8), REEL_ERR_SHAPE,
          "cosine_similarity: no axis 2: all[2, 3], y[3]");
}
END_TEST

START_TEST(entries_repeat) {
    REEL_SCOPE;
    reel_tensor *x = f64(reel_shape(2, 2), (double[]){1, 2, 3, 4});
    expect_values(reel_repeat_interleave(x, 2, 1), (double[]){1, 1, 2, 2, 3, 3, 4, 4}, 8);
    expect_values(reel_repeat_interleave(x, 2, 0), (double[]){1, 2, 1, 2, 3, 4, 3, 4}, 8);
    ck_assert_int_eq(reel_dim(reel_repeat_interleave(x, 0, 0), 0), 0);
    const int64_t times[] = {3, 0, 1, 2};
    reel_tensor *v = f64(reel_shape(4), (double[]){1, 2, 3, 4}),
                *repeats = to_device(reel_from(times, reel_shape(4), REEL_I64));
    reel_tensor *t = reel_track(v), *y = reel_repeat_each(t, repeats, 0, 6);
    expect_values(y, (double[]){1, 1, 1, 3, 4, 4}, 6);
    expect_values(reel_repeat_each(v, repeats, 0, -1), (double[]){1, 1, 1, 3, 4, 4}, 6);
    reel_backward(reel_sum(y));
    expect_values(reel_grad(t), (double[]){3, 0, 1, 2}, 4);
    FAILS(reel_repeat_interleave(x, -1, 0), REEL_ERR_ARGUMENT,
          "repeat_interleave: can't be repeated -1 times: x[2, 2]");
    FAILS(reel_repeat_each(x, repeats, 0, -1), REEL_ERR_SHAPE,
          "repeat_each: repeats must be [2], a number an entry: x[2, 2], repeats[4]");
    expect_values(reel_tril_indices(3, 2, 0, test_device()),
                  (double[]){0, 1, 1, 2, 2, 0, 0, 1, 0, 1}, 10);
    expect_values(reel_triu_indices(2, 3, 1, test_device()), (double[]){0, 0, 1, 1, 2, 2}, 6);
    ck_assert_int_eq(reel_dim(reel_triu_indices(2, 3, 9, test_device()), 1), 0);
    FAILS(reel_tril_indices(-2, 3, 0, test_device()), REEL_ERR_ARGUMENT,
          "tril_indices: no matrix: -2 rows, 3 columns");
}
END_TEST

START_TEST(messages) {
    REEL_SCOPE;
    reel_tensor *x = counting(reel_shape(2, 3)), *y = counting(reel_shape(4));
    FAILS(reel_einsum("ab,b->a", x, y), REEL_ERR_SHAPE,
          "einsum: b has sizes 3 and 4: x[2, 3], y[4]");
    FAILS(reel_einsum("abc->a", x), REEL_ERR_SHAPE,
          "einsum: 3 subscripts for an operand of 2 axes: x[2, 3]");
    FAILS(reel_einsum("a->a", x), REEL_ERR_SHAPE,
          "einsum: 1 subscripts for an operand of 2 axes: x[2, 3]");
    FAILS(reel_einsum("aa->a", x), REEL_ERR_SHAPE,
          "einsum: a has sizes 2 and 3 in one operand: x[2, 3]");
    FAILS(reel_einsum("ab->c", x), REEL_ERR_ARGUMENT,
          "einsum: c is in the result, and in no operand: x[2, 3]");
    FAILS(reel_einsum("ab->aa", x), REEL_ERR_ARGUMENT, "einsum: a is in the result twice: x[2, 3]");
    FAILS(reel_einsum("ab,c->", x), REEL_ERR_ARGUMENT,
          "einsum: more subscripts than operands: x[2, 3]");
    FAILS(reel_einsum("ab->", x, y), REEL_ERR_ARGUMENT,
          "einsum: more operands than subscripts: x[2, 3], y[4]");
    FAILS(reel_einsum("a?->", x), REEL_ERR_ARGUMENT, "einsum: not a subscript: \"?->\": x[2, 3]");
    FAILS(reel_einsum("ab->b->", x), REEL_ERR_ARGUMENT,
          "einsum: something follows the result's subscripts: x[2, 3]");
    FAILS(reel_einsum(NULL, x), REEL_ERR_ARGUMENT, "einsum: no equation: x[2, 3]");
    FAILS(reel_einsum("abc...->", x), REEL_ERR_SHAPE, "einsum: more letters than axes: x[2, 3]");
    FAILS(reel_einsum("ab,cd,ef,gh,ij->abcdefghij", x, x, x, x, x), REEL_ERR_SHAPE,
          "einsum: more than 8 axes: x[2, 3], x[2, 3], x[2, 3], x[2, 3]");
    reel_tensor *wide = reel_zeros(reel_shape(1, 1, 1, 1, 1, 1, 1, 1), REEL_F64, test_device());
    ck_assert_ptr_null(reel_einsum("abcdefgh,ijklmnop,qrstuvwx,yzABCDEF,GHIJKLMN", wide, wide, wide,
                                   wide, wide)); /* more labels than there is room for */
    expect_failure(REEL_ERR_ARGUMENT, "einsum: too many subscripts");
    ck_assert_ptr_null(reel_einsum("...ab->abcdefghijklmnopqrstuvw...xyzABCDEFG", wide));
    expect_failure(REEL_ERR_ARGUMENT, "einsum: too many subscripts");
    ck_assert_ptr_nonnull(reel_tril_indices(INT64_MAX, 0, 0, test_device()));
    expect_fine();
    ck_assert_ptr_null(
        reel_repeat_each(y, reel_zeros(reel_shape(4), REEL_I64, test_device()), 0, INT64_MAX));
    expect_failure(REEL_ERR_ARGUMENT, "repeat_each: can't be of size");
}
END_TEST

int main(void) {
    Suite *s = suite_create("einsum");
    TCase *c = add_case(s, "einsum");
    tcase_add_loop_test(c, einsum_is_the_plain_sum, 0, (int)(sizeof equations / sizeof *equations));
    tcase_add_test(c, einsum_takes_dots_and_leaves_out_results);
    tcase_add_test(c, relatives_compute);
    tcase_add_test(c, entries_repeat);
    tcase_add_test(c, messages);
    return run_suite(s);
}
