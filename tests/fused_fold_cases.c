/* Groups that fold: over all elements, over columns, over rows, with what comes before and behind.
 */
#include "tests/fused_rig.h"
#include "tests/fused_suite.h"

#define ALL_AXES REEL__ALL_AXES

/* ---- every reduction ---- */

typedef struct {
    reel__op op;
    int inputs;
} row;

static const row rows[] = {
#define REEL_REDUCE(name, inputs, map, fold, end, dtypes, rule, saves, gradient)                   \
    {REEL_OP_##name, inputs},
#include "tensor/ops/ops_reduce.def"
};
#define ROWS ((int)(sizeof rows / sizeof *rows))

/* Shapes, and the axes that are folded: all, the first, the last, two of three. */
static const struct {
    reel_shape shape;
    int64_t axes, kept;
} forms[] = {
    {{2, {40, 784}}, ALL_AXES, 0}, {{2, {40, 52}}, 1, 0},       {{2, {300, 36}}, 2, 0},
    {{2, {41, 7}}, ALL_AXES, 0},   {{2, {333, 10}}, 1, 1},      {{2, {5, 3000}}, 2, 2},
    {{3, {6, 5, 12}}, 3, 0},       {{3, {6, 5, 12}}, 6, 0},     {{2, {3000, 130}}, 1, 0},
    {{1, {20001}}, ALL_AXES, 0},   {{2, {70, 1}}, ALL_AXES, 0},
};
#define FORMS ((int)(sizeof forms / sizeof *forms))

static void check_folds(reel_dtype dtype, int form) {
    static rig r;
    r = (rig){0};
    REEL_SCOPE;
    const int x = rig_value(&r, rig_tame(forms[form].shape, dtype, 1)),
              y = rig_value(&r, rig_tame(forms[form].shape, dtype, 2));
    const int v = rig_binary(&r, REEL_OP_sub, x, y, false);
    for (int i = 0; i < ROWS; i++) {
        const int64_t all = ((int64_t)1 << forms[form].shape.ndim) - 1;
        const int64_t axes = forms[form].axes & all, kept = forms[form].kept;
        const bool some = axes != all && __builtin_popcountll((unsigned long long)axes) > 1;
        if (some && reel__is_position(reel__fold_of[rows[i].op])) continue;
        if (!reel__op_takes(rows[i].op, dtype) || rows[i].op == REEL_OP_prod) continue;
        if (rows[i].inputs == 1) {
            rig_fold(&r, rows[i].op, v, axes, kept);
            continue;
        }
        const reel__call c = {
            .op = rows[i].op, .nin = 2, .with.reduce = {.axes = axes, .kept = kept}};
        if (axes == all) rig_node(&r, c, (int[]){v, x}, NULL, true);
    }
    rig_unary(&r, REEL_OP_neg, v, true);
    rig_check(&r);
}

/* Where kernels are compiled alone, each dtype in a few forms. */
START_TEST(each_reduction) {
    const int dtype = _i / FORMS, form = _i % FORMS;
    if (rig_on_gpu() || dtype == REEL_F32 || form % 4 == dtype % 4)
        check_folds((reel_dtype)dtype, form);
}
END_TEST

/* ---- as training steps have them ---- */

/* Bias, activation, loss, its gradient, the bias's gradient, and what a meter adds. */
START_TEST(a_loss_and_its_gradient) {
    static const int64_t batches[] = {40, 256, 4096, 41};
    static rig r;
    r = (rig){0};
    REEL_SCOPE;
    const int64_t b = batches[_i], n = _i == 3 ? 33 : 784;
    const int z = rig_value(&r, rig_tame(reel_shape(b, n), REEL_F32, 1)),
              bias = rig_value(&r, rig_tame(reel_shape(n), REEL_F32, 2)),
              x = rig_value(&r, rig_tame(reel_shape(b, n), REEL_F32, 3)),
              meter = rig_value(&r, rig_tame(REEL_SCALAR, REEL_F64, 4));
    const int y =
        rig_unary(&r, REEL_OP_sigmoid, rig_binary(&r, REEL_OP_add, z, bias, false), false);
    const reel__call mse = {.op = REEL_OP_mse, .nin = 2, .with.reduce.axes = ALL_AXES};
    const int loss = rig_node(&r, mse, (int[]){y, x}, NULL, true);
    const int g =
        rig_node(&r,
                 (reel__call){.op = REEL_OP_fill,
                              .device = test_device(),
                              .with.fill = {.shape = REEL_SCALAR, .dtype = REEL_F32, .value = 1}},
                 NULL, NULL, false);
    const reel__call mse_grad = {
        .op = REEL_OP_mse_grad, .nin = 3, .with.map.a = 2.0 / (double)(b * n)};
    const int dy = rig_node(&r, mse_grad, (int[]){g, y, x}, NULL, false);
    const int dz = rig_binary(&r, REEL_OP_sigmoid_grad, dy, y, true);
    rig_fold(&r, REEL_OP_sum, dz, 1, 0);
    const int wide =
        rig_node(&r, (reel__call){.op = REEL_OP_cast, .nin = 1, .with.cast.dtype = REEL_F64},
                 (int[]){loss}, NULL, false);
    rig_binary(&r, REEL_OP_add, meter, wide, true);
    rig_check(&r);
}
END_TEST

/* softmax and layer_norm, of plain ops. */
START_TEST(rows_wait_for_their_folds) {
    static const int64_t lengths[] = {10, 36, 128, 784, 2048, 33};
    static rig r;
    r = (rig){0};
    REEL_SCOPE;
    const int64_t n = lengths[_i];
    const reel_dtype dtype = _i == 1 ? REEL_F64 : REEL_F32;
    const int x = rig_value(&r, rig_tame(reel_shape(70, n), dtype, 1)),
              w = rig_value(&r, rig_tame(reel_shape(n), dtype, 2)),
              h = rig_value(&r, rig_tame(reel_shape(70, n), dtype, 3));
    const int a = rig_binary(&r, REEL_OP_add, x, h, true);
    const int most = rig_fold(&r, REEL_OP_max, a, 2, 2);
    const int e = rig_unary(&r, REEL_OP_exp, rig_binary(&r, REEL_OP_sub, a, most, false), false);
    const int sum = rig_fold(&r, REEL_OP_sum, e, 2, 2);
    const int part = rig_unary(&r, REEL_OP_reciprocal, sum, false);
    const int y = rig_binary(&r, REEL_OP_mul, e, part, true);
    rig_binary(&r, REEL_OP_mul, y, w, true);
    rig_check(&r);

    r.count = 0;
    const int mean = rig_fold(&r, REEL_OP_mean, x, 2, 2), var = rig_fold(&r, REEL_OP_var, x, 2, 2);
    const int off =
        rig_node(&r, (reel__call){.op = REEL_OP_affine, .nin = 1, .with.map = {.a = 1, .b = 1e-5}},
                 (int[]){var}, NULL, false);
    const int by = rig_unary(&r, REEL_OP_rsqrt, off, true);
    const int c =
        rig_binary(&r, REEL_OP_mul, rig_binary(&r, REEL_OP_sub, x, mean, false), by, false);
    rig_binary(&r, REEL_OP_mul, c, w, true);
    rig_check(&r);
}
END_TEST

/* A gradient's sum, added to what is there, in place. */
START_TEST(columns_are_added_to_what_is_there) {
    static rig r;
    r = (rig){0};
    REEL_SCOPE;
    reel_tensor *sum = rig_tame(reel_shape(52), REEL_F32, 1);
    reel_tensor *other = reel_copy_(reel_empty_like(sum), sum);
    const int x = rig_value(&r, rig_tame(reel_shape(40, 52), REEL_F32, 2)), s = rig_value(&r, sum);
    const int v = rig_fold(&r, REEL_OP_sum, rig_unary(&r, REEL_OP_square, x, true), 1, 0);
    rig_node(&r,
             (reel__call){.op = REEL_OP_add, .nin = 2, .out = {reel_retain(sum)}, .given = true},
             (int[]){s, v}, NULL, true);
    r.node[2].call.in[0] = r.node[2].call.out[0] = other;
    r.node[2].out[0] = s;
    rig_check(&r);
}
END_TEST

START_TEST(what_does_not_go_together) {
    static rig r;
    r = (rig){0};
    REEL_SCOPE;
    const int x = rig_value(&r, rig_tame(reel_shape(40, 52), REEL_F32, 1));
    const int v = rig_unary(&r, REEL_OP_square, x, true);
    rig_fold(&r, REEL_OP_sum, v, 1, 0);
    rig_fold(&r, REEL_OP_sum, v, 2, 0);
    rig_refuse(&r); /* rows and columns */
    r.count = 0;
    const int sum = rig_fold(&r, REEL_OP_sum, x, 1, 1);
    rig_binary(&r, REEL_OP_sub, x, sum, true);
    rig_refuse(&r); /* columns, and elements that wait for them */
}
END_TEST

void add_fused_fold_cases(Suite *s) {
    TCase *c = add_case(s, "folds");
    tcase_add_loop_test(c, each_reduction, 0, REEL__DTYPES * FORMS);
    tcase_add_loop_test(c, a_loss_and_its_gradient, 0, 4);
    tcase_add_loop_test(c, rows_wait_for_their_folds, 0, 6);
    tcase_add_test(c, columns_are_added_to_what_is_there);
    tcase_add_test(c, what_does_not_go_together);
}
