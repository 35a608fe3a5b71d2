/* The op table's tests: every row of tensor/ops/ops.def, from its case in op_cases_*.c. Each check
 * below runs over all ops, on the device under test. */
#include "tests/expect.h"
#include "tests/op_cases.h"

#include "autograd/autograd.h"
#include "tensor/random.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- inputs ---- */

static uint64_t seed;

/* By the op's name, so that a new row changes no other's numbers. */
static void start(int op, int shapes, int way) {
    seed = 14695981039346656037u; /* FNV-1a */
    for (const char *c = reel__ops[op].name; *c; c++) seed = (seed ^ (uint64_t)*c) * 1099511628211u;
    seed += (uint64_t)(shapes * 10 + way);
}

static double uniform(double low, double high) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return low + (high - low) * (double)(seed >> 11) * 0x1p-53;
}

static bool is_index(const op_case *c, int i) {
    return c->indexed && i == c->inputs - 1;
}

static bool is_float(reel_dtype d) {
    return d == REEL_F32 || d == REEL_F64;
}

/* Values as the dtype holds them, so that the reference sees what the op sees. */
static double draw_value(const op_case *c, int i, reel_dtype dtype, int64_t bound) {
    if (is_index(c, i)) return floor(uniform(0, (double)bound));
    if (c->masked && i == 0) return floor(uniform(0, 2)) * 3; /* 0 or 3: any but 0 is true */
    if (dtype == REEL_U8)
        return floor(uniform(0, 12)); /* small, so that sums and products of a few fit */
    if (dtype == REEL_I64) return floor(uniform(-50, 50));
    double low = c->low[i], high = c->high[i];
    if (low == 0 && high == 0) low = -2, high = 2;
    double x = uniform(low, high);
    if (fabs(x) < c->kink) x = x < 0 ? x - c->kink : x + c->kink;
    return dtype == REEL_F32 ? (double)(float)x : x;
}

typedef enum { CONTIGUOUS, PERMUTED, STRIDED, EXPANDED, LAYOUTS } layout;
static const char *const layout_names[] = {"contiguous", "permuted", "strided", "expanded"};

static array draw(const op_case *c, int i, const op_shapes *s, reel_dtype dtype, layout way) {
    array a = array_new(s->in[i]);
    for (int64_t k = 0; k < array_size(a); k++) a.v[k] = draw_value(c, i, dtype, s->param[3]);
    if (way == EXPANDED && a.shape.ndim && a.shape.dim[0] > 1) /* alike along axis 0 */
        for (int64_t k = 0, row = array_size(a) / a.shape.dim[0]; k < array_size(a); k++)
            a.v[k] = a.v[k % row];
    return a;
}

/* The tensor that, seen through `view`, has a's elements. */
static reel_tensor *base(array a, reel_dtype dtype, layout way) {
    reel_shape s = a.shape;
    const int last = s.ndim - 1;
    if (way == PERMUTED)
        for (int i = 0; i < s.ndim; i++) s.dim[i] = a.shape.dim[last - i];
    if (way == STRIDED && s.ndim) s.dim[last] = 2 * s.dim[last] + 1;
    if (way == EXPANDED && s.ndim && s.dim[0] > 1) s.dim[0] = 1;
    array b = array_new(s);
    int64_t at[REEL_MAX_DIMS] = {0};
    for (int64_t k = 0; k < array_size(b); k++) b.v[k] = 1.0;
    for (int64_t k = 0; k < array_size(a); k++, array_next(a.shape, at)) {
        int64_t to = 0;
        for (int i = 0; i < s.ndim; i++) {
            int64_t j = way == PERMUTED               ? at[last - i]
                        : way == STRIDED && i == last ? 2 * at[i] + 1
                                                      : at[i];
            to = to * s.dim[i] + (s.dim[i] == 1 ? 0 : j);
        }
        b.v[to] = a.v[k];
    }
    reel_tensor *t = reel_cast(f64(s, b.v), dtype);
    array_free(b);
    return t;
}

static reel_tensor *view(reel_tensor *b, reel_shape shape, layout way) {
    const int n = shape.ndim;
    reel_shape back = {n, {0}};
    for (int i = 0; i < n; i++) back.dim[i] = n - 1 - i;
    if (n == 0) return b;
    if (way == PERMUTED) return reel_permute(b, back);
    if (way == STRIDED) return reel_slice(b, -1, 1, INT64_MAX, 2);
    if (way == EXPANDED) return reel_expand(b, shape);
    return b;
}

/* ---- values ---- */

static array expected(const op_case *c, const array *in, const op_shapes *s, reel_shape out) {
    if (c->reference) return c->reference(in, s->param);
    array y = array_new(out);
    int64_t at[REEL_MAX_DIMS] = {0};
    for (int64_t k = 0; k < array_size(y); k++, array_next(out, at)) {
        double x[3] = {0};
        for (int i = 0; i < c->inputs; i++) x[i] = array_get(in[i], at, out.ndim);
        y.v[k] = c->formula(x[0], x[1], x[2]);
    }
    return y;
}

static void expect_equal(const char *what, reel_tensor *got, array want, double tolerance) {
    ck_assert_msg(got != NULL, "%s: %s", what, reel_error());
    ck_assert_msg(reel_shape_equal(reel_shape_of(got), want.shape), "%s: shape", what);
    double *v = malloc(((size_t)array_size(want) + 1) * sizeof *v);
    ck_assert(v != NULL);
    ck_assert_msg(reel_read(reel_cast(got, REEL_F64), v, (size_t)array_size(want) * sizeof *v) ==
                      REEL_OK,
                  "%s: %s", what, reel_error());
    for (int64_t i = 0; i < array_size(want); i++) {
        double error = fabs(v[i] - want.v[i]);
        ck_assert_msg(error <= tolerance * (1 + fabs(want.v[i])) || v[i] == want.v[i] ||
                          (isnan(v[i]) && isnan(want.v[i])),
                      "%s: element %lld is %.17g, not %.17g", what, (long long)i, v[i], want.v[i]);
    }
    free(v);
}

static void check_value(reel__op op, const op_shapes *s, reel_dtype dtype, layout way) {
    const op_case *c = op_cases[op];
    char what[200];
    snprintf(what, sizeof what, "%s %s %s, shapes %d", reel__ops[op].name, reel_dtype_name(dtype),
             layout_names[way], (int)(s - c->shapes));
    REEL_SCOPE;
    array in[CASE_INPUTS];
    reel_tensor *t[CASE_INPUTS] = {NULL};
    reel_shape out = REEL_SCALAR;
    for (int i = 0; i < c->inputs; i++) {
        reel_dtype d = case_dtype(c, i, dtype);
        in[i] = draw(c, i, s, d, way);
        t[i] = view(base(in[i], d, way), s->in[i], way);
        ck_assert(reel__broadcast(out, s->in[i], &out) || c->reference);
    }
    reel_tensor *got = c->run(t, s->param, dtype);
    array want = expected(c, in, s, out);
    double tolerance = dtype == REEL_F64   ? 2e-12
                       : dtype == REEL_F32 ? (c->tolerance32 > 0 ? c->tolerance32 : 4e-6)
                                           : 0;
    if (dtype == REEL_U8 && reel_dtype_of(got) == REEL_U8) /* u8 wraps */
        for (int64_t k = 0; k < array_size(want); k++)
            want.v[k] = (double)((int64_t)want.v[k] & 255);
    expect_equal(what, got, want, tolerance);
    array_free(want);
    for (int i = 0; i < c->inputs; i++) array_free(in[i]);
}

static int64_t elements(const op_case *c, const op_shapes *s) {
    int64_t n = 0;
    for (int i = 0; i < c->inputs; i++) n += reel__shape_numel(s->in[i]);
    return n;
}

static bool takes(reel__op op, reel_dtype dtype) {
    if (reel__ops[op].kind == REEL__UPDATE || op_cases[op]->floats_only) return is_float(dtype);
    return reel__op_takes(op, dtype);
}

/* Long inputs, which are there for the vector and thread code, in two layouts alone: they take
 * time. */
static bool worth_checking(const op_case *c, const op_shapes *s, layout way) {
    if (c->no_layouts || c->inputs == 0) return way == CONTIGUOUS;
    return way == CONTIGUOUS || way == STRIDED || elements(c, s) < 5000;
}

/* Two devices are each this close to the reference, in f64 2e-12, in f32 the case's tolerance: so
 * they are to each other. */
START_TEST(values_match_the_reference) {
    const int op = _i;
    for (int s = 0; op_cases[op] && s < op_cases[op]->shape_count; s++)
        for (int dtype = REEL_F32; dtype <= REEL_U8; dtype++)
            for (int way = 0; way < LAYOUTS; way++) {
                const op_shapes *shapes = &op_cases[op]->shapes[s];
                if (!takes((reel__op)op, (reel_dtype)dtype)) continue;
                if (!worth_checking(op_cases[op], shapes, (layout)way)) continue;
                start(op, s, way);
                check_value((reel__op)op, shapes, (reel_dtype)dtype, (layout)way);
            }
    ck_assert_msg(!reel_failed(), "%s", reel_error());
}
END_TEST

START_TEST(threads_do_not_change_sums) {
    REEL_SCOPE;
    reel_tensor *x = reel_affine(
        reel_sigmoid(reel_affine(reel_arange(300001, REEL_F32, reel_cpu()), 1e-4, -7)), 3, -1);
    reel_tensor *m = reel_reshape(reel_slice(x, 0, 0, 300000, 1), reel_shape(300, 1000));
    reel_tensor *y = reel_affine(x, 0.9, 0.2);
    float sums[3][4];
    for (int threads = 1; threads <= 3; threads++) {
        ck_assert(reel_set_threads(threads) == REEL_OK);
        sums[threads - 1][0] = (float)reel_item(reel_sum(x));
        sums[threads - 1][1] =
            (float)reel_item(reel_select(reel_sum_over(m, reel_axes(0), false), 0, 777));
        sums[threads - 1][2] =
            (float)reel_item(reel_select(reel_sum_over(m, reel_axes(1), false), 0, 123));
        sums[threads - 1][3] = (float)reel_item(reel_mse(x, y));
    }
    ck_assert(memcmp(sums[0], sums[1], sizeof sums[0]) == 0 &&
              memcmp(sums[0], sums[2], sizeof sums[0]) == 0);
}
END_TEST

/* The two ops it stands for, bit by bit, where the rows are cut among threads too. */
START_TEST(dequantize_rows_is_index_select_and_dequantize) {
    for (int threads = 1; threads <= 3; threads++)
        for (int from = REEL_F32; from <= REEL_U8; from++)
            for (int to = REEL_F32; to <= REEL_F64; to++) {
                REEL_SCOPE;
                const reel_dtype dtype = (reel_dtype)to;
                ck_assert(reel_set_threads(threads) == REEL_OK);
                reel_tensor *x = reel_reshape(
                    reel_cast(reel_arange(300 * 97, REEL_I64, test_device()), (reel_dtype)from),
                    reel_shape(300, 97));
                reel_tensor *index =
                    reel_slice(reel_arange(300, REEL_I64, test_device()), 0, 1, INT64_MAX, 2);
                reel_tensor *one = reel_dequantize_rows(x, index, 1 / 255.0, dtype);
                reel_tensor *two =
                    reel_dequantize(reel_index_select(x, 0, index), 1 / 255.0, dtype);
                ck_assert_msg(!reel_failed(), "%s", reel_error());
                ck_assert(reel_dtype_of(one) == dtype);
                ck_assert(reel_shape_equal(reel_shape_of(one), reel_shape(150, 97)));
                static double a[150 * 97], b[150 * 97];
                const size_t bytes = 150 * 97 * reel_dtype_size(dtype);
                ck_assert(reel_read(one, a, bytes) == REEL_OK);
                ck_assert(reel_read(two, b, bytes) == REEL_OK);
                ck_assert(memcmp(a, b, bytes) == 0);
            }
}
END_TEST

/* ---- gradients ---- */

typedef struct {
    const op_case *c;
    const op_shapes *s;
    layout way;
} check;

static reel_tensor *through_view(reel_tensor **bases, void *user) {
    const check *k = user;
    reel_tensor *t[CASE_INPUTS];
    for (int i = 0; i < k->c->inputs; i++) t[i] = view(bases[i], k->s->in[i], k->way);
    return k->c->run(t, k->s->param, REEL_F64);
}

typedef reel_status (*gradient_check)(reel_gradcheck_fn f, void *user, reel_tensor **inputs,
                                      int count, reel_gradcheck_options options);

static void check_gradient(reel__op op, int s, layout way, gradient_check by, double h) {
    const op_case *c = op_cases[op];
    check k = {c, &c->shapes[s], way};
    start((int)op, s, (int)way);
    REEL_SCOPE;
    reel_tensor *in[CASE_INPUTS];
    for (int i = 0; i < c->inputs; i++) {
        reel_dtype d = case_dtype(c, i, REEL_F64);
        array a = draw(c, i, k.s, d, way);
        in[i] = base(a, d, way);
        if (d == REEL_F64) reel_track(in[i]);
        array_free(a);
    }
    reel_status status = by(through_view, &k, in, c->inputs, (reel_gradcheck_options){.h = h});
    ck_assert_msg(status == REEL_OK, "%s %s, shapes %d: %s", reel__ops[op].name, layout_names[way],
                  s, reel_error());
}

/* Every op with a gradient, in all shapes that are small enough. */
static void check_gradients(gradient_check by, double h) {
    int checked = 0;
    for (int op = 0; op < REEL_OP_COUNT; op++) {
        if (!op_cases[op]) continue;
        int of_this = 0;
        if (reel__ops[op].gradient >= REEL__CONST) continue;
        for (int s = 0; s < op_cases[op]->shape_count; s++)
            for (int way = 0; way < LAYOUTS; way++) {
                int64_t n = elements(op_cases[op], &op_cases[op]->shapes[s]);
                if (n == 0 || n > 200)
                    continue; /* the mean of nothing is NaN, and has no gradient */
                check_gradient((reel__op)op, s, (layout)way, by, h);
                of_this++;
            }
        ck_assert_msg(of_this > 0, "%s has no case small enough", reel__ops[op].name);
        checked++;
    }
    ck_assert(checked > 20);
}

START_TEST(gradients_match_finite_differences) {
    check_gradients(reel_gradcheck, 1e-6);
}
END_TEST

START_TEST(gradients_of_gradients_match_finite_differences) {
    check_gradients(reel_gradgradcheck, 1e-5); /* of sums of large values: e^5, 1 / 0.1 */
}
END_TEST

/* ---- what must be refused ---- */

/* A GPU finds an index out of range when the result has been made already, and says so when it is
 * waited for. */
static void expect_refusal(reel__op op, reel_tensor *result, const char *what) {
    const bool late = op_cases[op]->indexed && test_device().type != REEL_CPU;
    if (late) reel_synchronize(test_device());
    const char *message = reel_error();
    ck_assert_msg((result == NULL || late) && reel_failed(), "%s: %s was taken", reel__ops[op].name,
                  what);
    ck_assert_msg(strlen(message) > 10 && !strchr(message, '\n'), "%s, %s: message \"%s\"",
                  reel__ops[op].name, what, message);
    reel_clear_error();
}

START_TEST(bad_shapes_are_refused) {
    for (int op = 0; op < REEL_OP_COUNT; op++) {
        if (!op_cases[op]) continue;
        const op_case *c = op_cases[op];
        for (int s = 0; s < c->bad_count; s++) {
            char what[40];
            snprintf(what, sizeof what, "bad shapes %d", s);
            seed = (uint64_t)s;
            REEL_SCOPE;
            reel_tensor *t[CASE_INPUTS] = {NULL};
            for (int i = 0; i < c->inputs; i++) {
                reel_dtype d = case_dtype(c, i, REEL_F64);
                array a = draw(c, i, &c->bad[s], d, CONTIGUOUS);
                t[i] = base(a, d, CONTIGUOUS);
                array_free(a);
            }
            ck_assert(!reel_failed());
            expect_refusal((reel__op)op, c->run(t, c->bad[s].param, REEL_F64), what);
        }
        ck_assert_msg(c->bad_count > 0 || c->inputs == 1 || reel__ops[op].kind == REEL__UPDATE,
                      "%s: no bad shapes", reel__ops[op].name);
    }
}
END_TEST

/* One good call with input i replaced by what `spoil` makes of it. */
static void refuse(reel__op op, reel_tensor *(*spoil)(reel_tensor *), const char *what) {
    const op_case *c = op_cases[op];
    for (int bad = 0; c && bad < c->inputs; bad++) {
        REEL_SCOPE;
        reel_tensor *t[CASE_INPUTS] = {NULL};
        for (int i = 0; i < c->inputs; i++) {
            reel_dtype d = case_dtype(c, i, REEL_F64);
            array a = draw(c, i, &c->shapes[0], d, CONTIGUOUS);
            t[i] = base(a, d, CONTIGUOUS);
            array_free(a);
        }
        t[bad] = spoil(t[bad]);
        expect_refusal(op, c->run(t, c->shapes[0].param, REEL_F64), what);
    }
}

static reel_tensor *spoil_null(reel_tensor *t) {
    (void)t;
    return NULL;
}

START_TEST(null_is_refused) {
    for (int op = 0; op < REEL_OP_COUNT; op++) refuse((reel__op)op, spoil_null, "NULL");
}
END_TEST

START_TEST(null_keeps_the_first_failure) {
    REEL_SCOPE;
    reel_tensor *x = reel_ones(reel_shape(2, 3), REEL_F32, test_device());
    reel_tensor *bad = reel_matmul(x, x);
    char first[300];
    snprintf(first, sizeof first, "%s", reel_error());
    for (int op = 0; op < REEL_OP_COUNT; op++) {
        if (!op_cases[op]) continue;
        reel_tensor *t[CASE_INPUTS] = {bad, bad, bad, bad, bad};
        if (op_cases[op]->inputs)
            ck_assert(op_cases[op]->run(t, op_cases[op]->shapes[0].param, REEL_F64) == NULL);
    }
    ck_assert_str_eq(reel_error(), first);
    reel_clear_error();
}
END_TEST

static reel_tensor *spoil_f32(reel_tensor *t) {
    return reel_dtype_of(t) == REEL_I64 ? reel_cast(t, REEL_F64) : reel_cast(t, REEL_F32);
}

static reel_tensor *spoil_i64(reel_tensor *t) {
    return reel_dtype_of(t) == REEL_I64 ? reel_cast(t, REEL_U8) : reel_cast(t, REEL_I64);
}

START_TEST(wrong_dtypes_are_refused) {
    for (int op = 0; op < REEL_OP_COUNT; op++) {
        if (!op_cases[op]) continue;
        const op_case *c = op_cases[op];
        if (reel__ops[op].kind == REEL__UPDATE)
            continue; /* optim checks its lists once, when they are made */
        if (c->inputs > 1 && !c->indexed) refuse((reel__op)op, spoil_f32, "dtypes that differ");
        if (c->inputs > 0 && !reel__op_takes((reel__op)op, REEL_I64))
            refuse((reel__op)op, spoil_i64, "integers");
    }
}
END_TEST

static void set_second(reel_tensor *index, int64_t value) {
    int64_t v[64];
    const size_t bytes = (size_t)reel_numel(index) * sizeof *v;
    ck_assert(bytes <= sizeof v && reel_read(index, v, bytes) == REEL_OK);
    v[1] = value;
    ck_assert(reel_write(index, v, bytes) == REEL_OK);
}

START_TEST(indices_out_of_range_are_refused) {
    const reel__op ops[] = {REEL_OP_index_select, REEL_OP_index_add,       REEL_OP_gather,
                            REEL_OP_scatter_add,  REEL_OP_dequantize_rows, REEL_OP_one_hot,
                            REEL_OP_nll};
    const int64_t wrong[] = {-1, 5, INT64_MIN, INT64_MAX};
    for (int i = 0; i < COUNT(ops); i++)
        for (int k = 0; k < COUNT(wrong); k++) {
            REEL_SCOPE;
            const op_case *c = op_cases[ops[i]];
            const int last = c->inputs - 1;
            array a = draw(c, 0, &c->shapes[0], REEL_F64, CONTIGUOUS);
            array index = draw(c, last, &c->shapes[0], REEL_I64, CONTIGUOUS);
            reel_tensor *t[CASE_INPUTS] = {base(a, REEL_F64, CONTIGUOUS)};
            char what[80];
            t[last] = base(index, REEL_I64, CONTIGUOUS);
            set_second(t[last], wrong[k]);
            reel_tensor *result = c->run(t, c->shapes[0].param, REEL_F64);
            reel_synchronize(test_device());
            snprintf(what, sizeof what, "%s: index %lld at position 1 ", reel__ops[ops[i]].name,
                     (long long)wrong[k]);
            ck_assert_msg(strncmp(reel_error(), what, strlen(what)) == 0, "%s", reel_error());
            ck_assert_msg(strstr(reel_error(), "op_cases_"), "%s", reel_error());
            expect_refusal(ops[i], result, "an index out of range");
            array_free(a);
            array_free(index);
        }
}
END_TEST

/* ---- broadcasting ---- */

static void expect_same(reel_tensor *got, reel_tensor *want) {
    reel_tensor *same = reel_eq(reel_cast(got, REEL_F64), reel_cast(want, REEL_F64));
    ck_assert_double_eq(reel_item(reel_all(same)), 1);
}

/* i[M,N] as x, with a row and a column of it, and the same as whole matrices. */
static void check_short_rows(reel_tensor *i, reel_dtype dtype) {
    const reel_shape s = reel_shape_of(i);
    reel_tensor *first = reel_slice(i, 0, 0, 1, 1), *left = reel_slice(i, 1, 0, 1, 1),
                *mask = reel_gt(left, reel_scalar(100, REEL_I64, test_device()));
    reel_tensor *x = reel_cast(i, dtype), *row = reel_cast(first, dtype),
                *column = reel_cast(left, dtype),
                *rows = reel_cast(reel_contiguous(reel_expand(first, s)), dtype),
                *columns = reel_cast(reel_contiguous(reel_expand(left, s)), dtype);
    expect_same(reel_where(mask, x, row), reel_where(mask, x, rows));
    expect_same(reel_where(mask, column, x), reel_where(mask, columns, x));
    if (dtype >= REEL__NUMBERS) return;
    expect_same(reel_add(x, row), reel_add(x, rows));
    expect_same(reel_sub(column, x), reel_sub(columns, x));
    expect_same(reel_gt(row, column), reel_gt(rows, columns));
}

/* Of so many rows that they are worked on part by part, and by several threads. */
START_TEST(short_rows_are_broadcast) {
    const reel_dtype dtypes[] = {REEL_F32, REEL_F64, REEL_I64, REEL_U8, REEL_F16};
    reel_generator *g = reel_generator_new(5, test_device());
    for (int i = 0; i < COUNT(dtypes); i++)
        for (int64_t n = 1; n <= 33; n += 8) {
            REEL_SCOPE;
            check_short_rows(reel_randint(0, 200, reel_shape(3001, n), REEL_I64, g), dtypes[i]);
        }
    reel_generator_free(g);
}
END_TEST

/* ---- ties, bounds ---- */

START_TEST(topk_breaks_ties_by_index_and_ranks_nan_first) {
    REEL_SCOPE;
    const float x[] = {2, NAN, 2, -0.0f, 0, 5};
    int64_t index[6];
    reel_tensor *found, *t = to_device(reel_from(x, reel_shape(6), REEL_F32));
    reel_topk(t, 6, 0, true, &found);
    ck_assert(reel_read(found, index, sizeof index) == REEL_OK);
    const int64_t down[] = {1, 5, 0, 2, 3, 4};
    ck_assert(memcmp(index, down, sizeof down) == 0);
    reel_topk(t, 6, 0, false, &found);
    ck_assert(reel_read(found, index, sizeof index) == REEL_OK);
    const int64_t up[] = {3, 4, 0, 2, 5, 1};
    ck_assert(memcmp(index, up, sizeof up) == 0);
}
END_TEST

START_TEST(casts_keep_to_the_bounds) {
    REEL_SCOPE;
    const double x[] = {-1.5, 255.9, 300, NAN, 1e30, -1e30, INFINITY};
    const int64_t as_i64[] = {-1, 255, 300, 0, INT64_MAX, INT64_MIN, INT64_MAX};
    const uint8_t as_u8[] = {0, 255, 255, 0, 255, 0, 255};
    reel_tensor *t = f64(reel_shape(7), x);
    int64_t i64[7];
    uint8_t u8[7];
    ck_assert(reel_read(reel_cast(t, REEL_I64), i64, sizeof i64) == REEL_OK);
    ck_assert(reel_read(reel_cast(t, REEL_U8), u8, sizeof u8) == REEL_OK);
    ck_assert(memcmp(i64, as_i64, sizeof as_i64) == 0);
    ck_assert(memcmp(u8, as_u8, sizeof as_u8) == 0);
    const int64_t big = INT64_MAX - 1;
    reel_tensor *i = to_device(reel_from(&big, reel_shape(1), REEL_I64));
    ck_assert(reel_read(reel_slice(i, 0, 0, 1, 1), i64, sizeof *i64) == REEL_OK);
    ck_assert(*i64 == big);
    ck_assert(reel_item(reel_cast(i, REEL_U8)) == 255);
    ck_assert(reel_item(reel_cast(i, REEL_F32)) == 0x1p63);
}
END_TEST

int main(void) {
    Suite *s = suite_create("ops");
    TCase *t = add_case(s, "values");
    tcase_set_timeout(t, 300);
    tcase_add_loop_test(t, values_match_the_reference, 0, REEL_OP_COUNT); /* a time limit each */
    tcase_add_test(t, dequantize_rows_is_index_select_and_dequantize);
    tcase_add_test(t, short_rows_are_broadcast);
    t = add_case(s, "gradients");
    tcase_set_timeout(t, 300);
    tcase_set_tags(t, "gradients");
    tcase_add_test(t, gradients_match_finite_differences);
    tcase_add_test(t, gradients_of_gradients_match_finite_differences);
    t = add_case(s, "refusals");
    tcase_add_test(t, bad_shapes_are_refused);
    tcase_add_test(t, null_is_refused);
    tcase_add_test(t, null_keeps_the_first_failure);
    tcase_add_test(t, wrong_dtypes_are_refused);
    tcase_add_test(t, indices_out_of_range_are_refused);
    tcase_add_test(t, topk_breaks_ties_by_index_and_ranks_nan_first);
    tcase_add_test(t, casts_keep_to_the_bounds);
    t = add_cpu_case(s, "threads");
    tcase_add_test(t, threads_do_not_change_sums);
    return run_suite(s);
}
