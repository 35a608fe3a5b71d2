/* Groups as kernels: of every elementwise op in every dtype, over every layout; rows by index,
 * dropout, casts; what must not be one kernel; the compiler and its files. */
#include "tests/fused_rig.h"

#include "cuda/runtime/cuda_compile_internal.h"
#include "tests/fused_suite.h"
#include "tests/temp_dir.h"

#include <fcntl.h>
#include <sys/stat.h>

/* ---- every row ---- */

typedef struct {
    reel__op op;
    int inputs;
} row;

static const row rows[] = {
#define REEL_MAP(name, scope, inputs, form, dtypes, saves, gradient) {REEL_OP_##name, inputs},
#include "tensor/ops/ops_map.def"
};
#define ROWS ((int)(sizeof rows / sizeof *rows))
#define OF_A_GROUP 12

static int rig_row(rig *r, const row *w, const int *in, bool kept) {
    return rig_node(r,
                    (reel__call){.op = w->op, .nin = w->inputs, .with.map = {.a = 0.3, .b = 0.7}},
                    in, NULL, kept);
}

/* Each by itself, and its result added to another number by the next op: a product and a sum that
 * must not become one. */
static void check_rows(reel_dtype dtype, reel_shape shape, int first) {
    static rig r;
    int in[3];
    r = (rig){0};
    REEL_SCOPE;
    for (int k = 0; k < 3; k++) in[k] = rig_value(&r, rig_numbers(shape, dtype, k));
    for (int i = first; i < first + OF_A_GROUP && i < ROWS; i++) {
        if (!reel__op_takes(rows[i].op, dtype)) continue;
        const int v = rig_row(&r, &rows[i], in, i % 2);
        const reel_dtype made = reel_dtype_of(r.value[v]);
        if (made == dtype) rig_binary(&r, REEL_OP_add, v, in[2], true);
        if (made == dtype) rig_binary(&r, REEL_OP_sub, in[1], v, true);
    }
    if (r.count) rig_check(&r);
}

START_TEST(rows_have_their_bits) {
    const reel_dtype dtype = (reel_dtype)(_i % REEL__DTYPES);
    check_rows(dtype, reel_shape(40, 52), _i / REEL__DTYPES * OF_A_GROUP);
}
END_TEST

/* ---- layouts ---- */

static reel_tensor *transposed(int64_t a, int64_t b, int seed) {
    return reel_t(rig_numbers(reel_shape(b, a), REEL_F32, seed));
}

START_TEST(operands_are_broadcast_and_strided) {
    static const int64_t columns[] = {784, 785, 2, 1};
    static rig r;
    const int64_t n = columns[_i];
    r = (rig){0};
    REEL_SCOPE;
    const int x = rig_value(&r, rig_numbers(reel_shape(40, n), REEL_F32, 1)),
              bias = rig_value(&r, rig_numbers(reel_shape(n), REEL_F32, 2)),
              column = rig_value(&r, rig_numbers(reel_shape(40, 1), REEL_F32, 3)),
              one = rig_value(&r, rig_numbers(REEL_SCALAR, REEL_F32, 4)),
              turned = rig_value(&r, transposed(40, n, 5));
    int v = rig_binary(&r, REEL_OP_add, x, bias, false);
    v = rig_unary(&r, REEL_OP_relu, v, true);
    v = rig_binary(&r, REEL_OP_mul, v, column, false);
    const int small = rig_unary(&r, REEL_OP_neg, one, false);
    const int wide = rig_unary(&r, REEL_OP_exp, bias, true); /* smaller than the space, and kept */
    v = rig_binary(&r, REEL_OP_sub, v, small, false);
    v = rig_binary(&r, REEL_OP_mul, v, wide, true);
    rig_binary(&r, REEL_OP_add, turned, v, true);
    rig_check(&r);
}
END_TEST

START_TEST(views_between_nodes) {
    static rig r;
    r = (rig){0};
    REEL_SCOPE;
    const int x = rig_value(&r, rig_numbers(reel_shape(12, 784), REEL_F32, 1)),
              y = rig_value(&r, rig_numbers(reel_shape(28, 1), REEL_F32, 2));
    const int v = rig_unary(&r, REEL_OP_sigmoid, x, true);
    reel_tensor *const seen[] = {reel_reshape(r.value[v], reel_shape(12, 28, 28)), NULL};
    const int w =
        rig_node(&r, (reel__call){.op = REEL_OP_mul, .nin = 2}, (int[]){v, y}, seen, false);
    reel_tensor *const flat[] = {reel_reshape(r.value[w], reel_shape(-1)), NULL};
    rig_node(&r, (reel__call){.op = REEL_OP_exp, .nin = 1}, (int[]){w}, flat, true);
    rig_check(&r);

    r.count = 0; /* what each thread has is not what it needs */
    const int a = rig_value(&r, rig_numbers(reel_shape(30, 30), REEL_F32, 3));
    const int b = rig_unary(&r, REEL_OP_exp, a, true);
    reel_tensor *const turned[] = {NULL, reel_t(r.value[b])};
    rig_node(&r, (reel__call){.op = REEL_OP_add, .nin = 2}, (int[]){b, b}, turned, true);
    rig_refuse(&r);
}
END_TEST

START_TEST(large_and_long) {
    static rig r;
    r = (rig){0};
    REEL_SCOPE;
    const int64_t n = rig_on_gpu() ? 3000007 : 1003;
    const int x = rig_value(&r, rig_numbers(reel_shape(n), REEL_F32, 1)),
              y = rig_value(&r, rig_numbers(reel_shape(n), REEL_F32, 2));
    const int v = rig_binary(&r, REEL_OP_mul, x, y, false);
    rig_unary(&r, REEL_OP_tanh, rig_binary(&r, REEL_OP_add, v, y, false), true);
    rig_check(&r);
}
END_TEST

/* ---- dtypes, masks, constants ---- */

START_TEST(dtypes_change) {
    const reel_dtype from = (reel_dtype)(_i / REEL__DTYPES), to = (reel_dtype)(_i % REEL__DTYPES);
    static rig r;
    r = (rig){0};
    REEL_SCOPE;
    const int x = rig_value(&r, rig_numbers(reel_shape(7, 36), from, 1)),
              mask = rig_value(&r, rig_numbers(reel_shape(36), REEL_U8, 2));
    const int v =
        from == to ? rig_unary(&r, REEL_OP_copy, x, false)
                   : rig_node(&r, (reel__call){.op = REEL_OP_cast, .nin = 1, .with.cast.dtype = to},
                              (int[]){x}, NULL, false);
    const int filling =
        rig_node(&r,
                 (reel__call){.op = REEL_OP_fill,
                              .device = test_device(),
                              .with.fill = {.shape = REEL_SCALAR, .dtype = to, .value = 2.7}},
                 NULL, NULL, false);
    rig_node(&r, (reel__call){.op = REEL_OP_where, .nin = 3}, (int[]){mask, v, filling}, NULL,
             true);
    if (to == REEL_F32 || to == REEL_F64)
        rig_node(&r,
                 (reel__call){.op = REEL_OP_dequantize,
                              .nin = 1,
                              .with.cast = {.dtype = to, .scale = 1 / 255.0}},
                 (int[]){x}, NULL, true);
    rig_check(&r);
}
END_TEST

/* ---- rows by index ---- */

static reel_tensor *indices(const int64_t *v, int64_t n) {
    return to_device(reel_from(v, reel_shape(n), REEL_I64));
}

START_TEST(rows_by_index) {
    static const int64_t which[] = {5, 0, 5, 2, 63};
    static rig r;
    r = (rig){0};
    REEL_SCOPE;
    const int64_t n = _i ? 783 : 784;
    const int pixels = rig_value(&r, rig_numbers(reel_shape(64, n), REEL_U8, 1)),
              index = rig_value(&r, indices(which, 5)),
              bias = rig_value(&r, rig_numbers(reel_shape(n), REEL_F32, 2)),
              table = rig_value(&r, rig_numbers(reel_shape(3, 64, n), REEL_F32, 3)),
              line = rig_value(&r, rig_numbers(reel_shape(n, 64), REEL_F32, 4));
    const int x = rig_node(&r,
                           (reel__call){.op = REEL_OP_dequantize_rows,
                                        .nin = 2,
                                        .with.index = {.scale = 1 / 255.0, .dtype = REEL_F32}},
                           (int[]){pixels, index}, NULL, true);
    rig_binary(&r, REEL_OP_add, x, bias, true);
    rig_check(&r);

    r.count = 0;
    const int y =
        rig_node(&r, (reel__call){.op = REEL_OP_index_select, .nin = 2, .with.index.axis = 1},
                 (int[]){table, index}, NULL, false);
    rig_unary(&r, REEL_OP_square, y, true);
    rig_check(&r);

    r.count = 0; /* an index for each element */
    const int z =
        rig_node(&r, (reel__call){.op = REEL_OP_index_select, .nin = 2, .with.index.axis = 1},
                 (int[]){line, index}, NULL, false);
    rig_unary(&r, REEL_OP_square, z, true);
    rig_check(&r);
}
END_TEST

START_TEST(a_wrong_index_is_reported) {
    static const int64_t which[] = {5, 0, 64, 2};
    static rig r;
    if (!rig_on_gpu()) return;
    r = (rig){0};
    REEL_SCOPE;
    const int x = rig_value(&r, rig_numbers(reel_shape(64, 12), REEL_F32, 1)),
              index = rig_value(&r, indices(which, 4));
    const int y = rig_node(&r, (reel__call){.op = REEL_OP_index_select, .nin = 2},
                           (int[]){x, index}, NULL, false);
    rig_unary(&r, REEL_OP_exp, y, true);
    reel_synchronize(test_device());
    expect_failure(REEL_ERR_ARGUMENT, "index 64 at position 2 is not in 0..63");
    reel__fused *f = rig_fuse(&r);
    ck_assert_int_eq(f->run(f->of), REEL_OK);
    reel_synchronize(test_device());
    expect_failure(REEL_ERR_ARGUMENT, "index_select: index 64 at position 2 is not in 0..63");
    rig_compare(&r);
    rig_free(f);
}
END_TEST

/* ---- dropout ---- */

static reel_tensor *copy_of(reel_tensor *t) {
    return reel_copy_(reel_empty_like(t), t);
}

START_TEST(dropout_draws_as_eagerly) {
    static const int64_t columns[] = {52, 51, 1};
    static rig r;
    r = (rig){0};
    REEL_SCOPE;
    const reel_dtype dtype = _i == 1 ? REEL_F64 : REEL_F32;
    reel_generator *g = reel_generator_new(7, test_device());
    reel_tensor *state = reel_generator_state(g), *before = copy_of(state);
    const int x = rig_value(&r, rig_numbers(reel_shape(40, columns[_i]), dtype, 1)),
              s = rig_value(&r, state);
    const reel__call drop = {.op = REEL_OP_dropout, .nin = 2, .nout = 2, .with.dropout.p = 0.3};
    const reel__call again = {.op = REEL_OP_dropout_again, .nin = 2, .with.dropout.p = 0.3};
    const int y = rig_node(&r, drop, (int[]){x, s}, NULL, true), used = y + 1;
    const int e = rig_unary(&r, REEL_OP_exp, y, true);
    rig_node(&r, again, (int[]){e, used}, NULL, true);
    r.node[0].call.in[1] = before;
    rig_check(&r);
    if (rig_on_gpu()) ck_assert(same_bits(before, state));

    r.count = 0;
    rig_node(&r, again, (int[]){x, used}, NULL, true);
    rig_check(&r);
    reel_generator_free(g);
}
END_TEST

/* ---- in place ---- */

START_TEST(in_place) {
    static rig r;
    r = (rig){0};
    REEL_SCOPE;
    reel_tensor *sum = rig_numbers(reel_shape(40, 36), REEL_F32, 1), *other = copy_of(sum);
    const int s = rig_value(&r, sum),
              x = rig_value(&r, rig_numbers(reel_shape(40, 36), REEL_F32, 2));
    const int v = rig_binary(&r, REEL_OP_mul, x, s, true);
    rig_node(&r,
             (reel__call){.op = REEL_OP_add, .nin = 2, .out = {reel_retain(sum)}, .given = true},
             (int[]){s, v}, NULL, true);
    for (int i = 0; i < 2; i++) /* it lies elsewhere, and is its own input */
        for (int k = 0; k < 2; k++)
            if (r.node[i].call.in[k] == sum) r.node[i].call.in[k] = other;
    r.node[1].call.out[0] = other;
    r.node[1].out[0] = s;
    rig_check(&r);
    r.node[1].call.in[0] = reel_t(other); /* read across what is written */
    rig_refuse(&r);
}
END_TEST

/* ---- from run to run ---- */

/* Constants and memory change, units are no longer aligned: the same kernels serve. */
START_TEST(fed_nodes_change) {
    static rig r;
    if (!rig_on_gpu()) return;
    r = (rig){0};
    REEL_SCOPE;
    reel_tensor *all = rig_numbers(reel_shape(4001), REEL_F32, 1);
    const int x = rig_value(&r, reel_slice(all, 0, 0, 4000, 1));
    const int v =
        rig_node(&r, (reel__call){.op = REEL_OP_affine, .nin = 1, .with.map = {.a = 2, .b = 3}},
                 (int[]){x}, NULL, false);
    rig_unary(&r, REEL_OP_exp, v, true);
    r.node[0].fed = true;
    reel__fused *f = rig_fuse(&r);
    for (int i = 0; i < 8; i++) {
        REEL_SCOPE;
        reel_tensor *now = reel_slice(all, 0, i % 2, 4000 + i % 2, 1);
        r.node[0].call.in[0] = now;
        r.node[0].call.with.map.a = i * 0.25;
        ck_assert_int_eq(f->run(f->of), REEL_OK);
        ck_assert(same_bits(r.node[1].call.out[0], reel_exp(reel_affine(now, i * 0.25, 3))));
    }
    rig_free(f);
}
END_TEST

/* Batches with generated kernels go off as graphs, whose arguments are brought up to date. */
START_TEST(graphs_take_generated_kernels) {
    static rig r;
    if (!rig_on_gpu()) return;
    r = (rig){0};
    REEL_SCOPE;
    reel_cuda_counts before, after;
    const int x = rig_value(&r, rig_numbers(reel_shape(40, 36), REEL_F32, 1));
    const int v =
        rig_node(&r, (reel__call){.op = REEL_OP_affine, .nin = 1, .with.map = {.a = 2, .b = 3}},
                 (int[]){x}, NULL, false);
    rig_unary(&r, REEL_OP_tanh, v, true);
    r.node[0].fed = true;
    reel__fused *f = rig_fuse(&r);
    reel_cuda_count_calls(test_device().index, &before);
    for (int i = 0; i < 12; i++) {
        REEL_SCOPE;
        r.node[0].call.with.map.b = i;
        for (int k = 0; k < 4; k++) ck_assert_int_eq(f->run(f->of), REEL_OK);
        reel_synchronize(test_device());
        ck_assert(same_bits(r.node[1].call.out[0], reel_tanh(reel_affine(r.value[x], 2, i))));
    }
    reel_cuda_count_calls(test_device().index, &after);
    ck_assert_int_gt(after.graphs, before.graphs);
    rig_free(f);
}
END_TEST

/* ---- the compiler, and its files ---- */

START_TEST(a_wrong_text_says_why) {
    char why[300];
    size_t bytes;
    ck_assert_ptr_null(reel__cuda_cubin("int f( { }\n", 90, &bytes, why, sizeof why));
    ck_assert_msg(strstr(why, "error") && !strchr(why, '\n'), "%s", why);
}
END_TEST

static void name_of(char *to, size_t size, const reel__cuda_key *k) {
    snprintf(to, size, "%s/reel/kernels/%016llx%016llx.cubin", dir, (unsigned long long)k->half[0],
             (unsigned long long)k->half[1]);
}

static void spoil(const reel__cuda_key *k, long at, int with) {
    char name[1024];
    name_of(name, sizeof name, k);
    FILE *f = fopen(name, "r+");
    ck_assert_ptr_nonnull(f);
    fseek(f, at, at < 0 ? SEEK_END : SEEK_SET);
    fputc(with, f);
    fclose(f);
}

START_TEST(files_are_whole_or_not_there) {
    const char *was = getenv("XDG_CACHE_HOME");
    reel__cuda_key k = {{0}}, other = {{0}};
    size_t bytes;
    setenv("XDG_CACHE_HOME", dir, 1);
    reel__cuda_key_add(&k, "a", 1);
    reel__cuda_key_add(&other, "b", 1);
    ck_assert_mem_ne(&k, &other, sizeof k);
    ck_assert_ptr_null(reel__cuda_file_read(&k, &bytes));
    for (long at = -1; at < 60; at += at < 0 ? 1 : 7) {
        reel__cuda_file_write(&k, "a kernel", 9);
        char *data = reel__cuda_file_read(&k, &bytes);
        ck_assert(data && bytes == 9 && strcmp(data, "a kernel") == 0);
        free(data);
        ck_assert_ptr_null(reel__cuda_file_read(&other, &bytes));
        spoil(&k, at, 0x5a);
        ck_assert_ptr_null(reel__cuda_file_read(&k, &bytes));
    }
    setenv("XDG_CACHE_HOME", "/dev/null/nowhere", 1);
    reel__cuda_file_write(&k, "a kernel", 9); /* no place: nothing fails */
    ck_assert_ptr_null(reel__cuda_file_read(&k, &bytes));
    if (was) setenv("XDG_CACHE_HOME", was, 1);
    if (!was) unsetenv("XDG_CACHE_HOME");
}
END_TEST

START_TEST(files_used_longest_ago_go) {
    enum { FILES = 512 };
    const char *was = getenv("XDG_CACHE_HOME");
    char name[1024];
    size_t bytes;
    int left = 0;
    setenv("XDG_CACHE_HOME", dir, 1);
    for (int i = 0; i <= FILES; i++) {
        reel__cuda_key k = {{0}};
        reel__cuda_key_add(&k, &i, sizeof i);
        if (i == FILES) { /* one too many; meanwhile the first was used */
            reel__cuda_key first = {{0}};
            reel__cuda_key_add(&first, &(int){0}, sizeof i);
            free(reel__cuda_file_read(&first, &bytes));
        }
        reel__cuda_file_write(&k, "a kernel", 9);
        const struct timespec then[2] = {{.tv_sec = 1000 + i}, {.tv_sec = 1000 + i}};
        name_of(name, sizeof name, &k);
        if (i < FILES) ck_assert_int_eq(utimensat(AT_FDCWD, name, then, 0), 0);
    }
    for (int i = 0; i <= FILES; i++) {
        reel__cuda_key k = {{0}};
        reel__cuda_key_add(&k, &i, sizeof i);
        void *data = reel__cuda_file_read(&k, &bytes);
        ck_assert_msg((data != NULL) == (i == 0 || i > FILES / 4 + 1), "file %d", i);
        left += data != NULL;
        free(data);
    }
    ck_assert_int_eq(left, FILES / 4 * 3);
    if (was) setenv("XDG_CACHE_HOME", was, 1);
    if (!was) unsetenv("XDG_CACHE_HOME");
}
END_TEST

/* ---- the suite ---- */

void add_fused_cases(Suite *s) {
    TCase *c = add_dir_case(s, "kernel files");
    tcase_add_test(c, files_are_whole_or_not_there);
    tcase_add_test(c, files_used_longest_ago_go);
    if (!reel__cuda_compiles()) {
        printf("skipped: NVRTC can't be loaded\n");
        return;
    }
    tcase_add_test(c, a_wrong_text_says_why);

    c = add_case(s, "elementwise");
    tcase_add_loop_test(c, rows_have_their_bits, 0,
                        (ROWS + OF_A_GROUP - 1) / OF_A_GROUP * REEL__DTYPES);
    tcase_add_loop_test(c, operands_are_broadcast_and_strided, 0, 4);
    tcase_add_test(c, views_between_nodes);
    tcase_add_test(c, large_and_long);
    tcase_add_loop_test(c, dtypes_change, 0, REEL__DTYPES * REEL__DTYPES);
    tcase_add_test(c, in_place);

    add_fused_fold_cases(s);
    add_resident_text_cases(s);

    c = add_case(s, "rows and words");
    tcase_add_loop_test(c, rows_by_index, 0, 2);
    tcase_add_test(c, a_wrong_index_is_reported);
    tcase_add_loop_test(c, dropout_draws_as_eagerly, 0, 3);

    c = add_case(s, "runs");
    tcase_add_test(c, fed_nodes_change);
    tcase_add_test(c, graphs_take_generated_kernels);
}
