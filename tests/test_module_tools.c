/* Tools on modules: containers, copies, loading on other terms, parametrizations, averages. */
#include "nn/nn.h"
#include "optim/ema.h"
#include "optim/optim.h"
#include "tensor/einsum.h"

#include "tests/call_site.h"
#include "tests/counted_module.h"

static reel_module *moved(reel_module *m) {
    ck_assert_ptr_nonnull(m);
    ck_assert_int_eq(reel_module_to(m, test_device()), REEL_OK);
    return m;
}

static reel_module *linear(int64_t in, int64_t out) {
    return reel_linear_new(in, out, (reel_linear_options){.dtype = REEL_F64});
}

static void expect_equal(reel_tensor *a, reel_tensor *b) {
    expect_fine();
    ck_assert(a && b && reel_shape_equal(reel_shape_of(a), reel_shape_of(b)));
    for (int64_t i = 0; i < reel_numel(a); i++) ck_assert_double_eq(element(a, i), element(b, i));
}

static void expect_close(reel_tensor *a, reel_tensor *b) {
    expect_fine();
    ck_assert(a && b && reel_shape_equal(reel_shape_of(a), reel_shape_of(b)));
    for (int64_t i = 0; i < reel_numel(a); i++)
        ck_assert_double_eq_tol(element(a, i), element(b, i), 1e-12);
}

static reel_tensor *sample(int64_t rows, int64_t columns) {
    reel_tensor *x = reel_arange(rows * columns, REEL_F64, test_device());
    return reel_sin(reel_reshape(x, reel_shape(rows, columns)));
}

/* ---- containers, shapes ---- */

START_TEST(containers_hold_by_name) {
    REEL_SCOPE;
    const char *names[] = {"text", "image"};
    reel_module *dict =
        reel_module_dict_new(names, (reel_module *[]){linear(2, 3), linear(4, 3)}, 2);
    ck_assert_int_eq(reel_dim(reel_module_get(dict, "image.weight"), 1), 4);
    reel_tensor *a = reel_ones(reel_shape(2), REEL_F64, reel_cpu()),
                *b = reel_ones(reel_shape(3), REEL_F64, reel_cpu());
    reel_module_child(dict, "more", reel_parameter_list_new((reel_tensor *[]){a, b}, 2));
    reel_module_child(dict, "named", reel_parameter_dict_new(names, (reel_tensor *[]){b, a}, 2));
    ck_assert_ptr_eq(reel_module_get(dict, "more.1"), b);
    ck_assert_ptr_eq(reel_module_get(dict, "named.text"), b);
    ck_assert(reel_is_tracked(a));
    ck_assert_int_eq(reel_module_param_count(dict), 9 + 15 + 5);
    reel_module_free(dict);
    ck_assert_ptr_null(reel_module_dict_new(NULL, (reel_module *[]){linear(2, 3)}, 1));
    expect_failure(REEL_ERR_ARGUMENT, "module_dict_new: no names: 1 of them");
    ck_assert_ptr_null(reel_parameter_list_new(NULL, 2));
    expect_failure(REEL_ERR_ARGUMENT, "parameter_list_new: no parts: 2 of them");
}
END_TEST

START_TEST(shapes_change) {
    REEL_SCOPE;
    reel_tensor *x = reel_zeros(reel_shape(2, 3, 4, 5), REEL_F32, reel_cpu());
    reel_module *flat = reel_flatten_new((reel_flatten_options){0}),
                *all = reel_flatten_new(
                    (reel_flatten_options){.start_axis = (int)REEL_ZERO, .end_axis = 2}),
                *back = reel_unflatten_new(1, reel_shape(3, -1, 5)), *same = reel_identity_new();
    reel_tensor *y = reel_forward(flat, x);
    ck_assert(reel_shape_equal(reel_shape_of(y), reel_shape(2, 60)));
    ck_assert(reel_shape_equal(reel_shape_of(reel_forward(all, x)), reel_shape(24, 5)));
    ck_assert(reel_shape_equal(reel_shape_of(reel_forward(back, y)), reel_shape(2, 3, 4, 5)));
    ck_assert_ptr_eq(reel_forward(same, x), x);
    FAILS(reel_unflatten(y, 1, reel_shape(7, -1)), REEL_ERR_SHAPE,
          "unflatten: axis 1 does not become [7, -1]: y[2, 60]");
    FAILS(reel_unflatten(y, 3, reel_shape(7)), REEL_ERR_SHAPE, "unflatten: no axis 3: y[2, 60]");
    reel_module_free(flat);
    reel_module_free(all);
    reel_module_free(back);
    reel_module_free(same);
}
END_TEST

/* ---- copies ---- */

typedef struct {
    reel_module base;
    reel_tensor *W, *tied; /* one parameter */
    reel_module *inner;
    double factor;
    int *owned; /* malloc'ed */
} mine;

static reel_tensor *mine_forward(reel_module *base, reel_tensor *x) {
    const mine *m = (const mine *)base;
    reel_tensor *y = reel_forward(m->inner, reel_mul(x, m->W));
    return reel_scale(reel_mul(y, m->tied), m->factor * *m->owned);
}

static void mine_free(reel_module *base) {
    free(((mine *)base)->owned);
    free(base);
}

static reel_status mine_copied(reel_module *copy, const reel_module *from) {
    mine *m = (mine *)copy;
    m->owned = malloc(sizeof *m->owned);
    *m->owned = *((const mine *)from)->owned;
    return REEL_OK;
}

static mine *mine_new(void) {
    mine *m = calloc(1, sizeof *m);
    REEL_SCOPE;
    reel_module_init(&m->base, "mine", mine_forward);
    reel_module_cloneable(&m->base, sizeof *m, mine_copied);
    m->base.free = mine_free;
    m->W = reel_module_param(&m->base, "W", reel_full(reel_shape(3), 2, REEL_F64, test_device()));
    m->tied = reel_module_param(&m->base, "again", m->W);
    m->inner = reel_module_child(&m->base, "inner",
                                 moved(reel_sequential(linear(3, 3), reel_dropout_new(0.5, 7))));
    m->factor = 0.5;
    m->owned = malloc(sizeof *m->owned);
    *m->owned = 3;
    return m;
}

START_TEST(clones_are_apart) {
    REEL_SCOPE;
    mine *m = mine_new(), *c = (mine *)reel_module_clone(&m->base);
    expect_fine();
    ck_assert(c && c->W != m->W && c->W == c->tied && c->inner != m->inner && c->owned != m->owned);
    ck_assert_ptr_eq(reel_module_get(&c->base, "W"), c->W);
    ck_assert_ptr_eq(reel_module_get_child(&c->base, "inner"), c->inner);
    ck_assert(reel_is_tracked(c->W));
    ck_assert_int_eq(reel_module_param_count(&c->base), reel_module_param_count(&m->base));
    reel_tensor *x = sample(4, 3);
    reel_tensor *y = reel_forward(&m->base, x), *z = reel_forward(&c->base, x);
    expect_equal(y, z); /* dropped alike, too */
    reel_backward(reel_sum(z));
    ck_assert_ptr_nonnull(reel_grad(c->W));
    ck_assert_ptr_null(reel_grad(m->W));
    {
        REEL_NO_GRAD;
        reel_fill_(c->W, 9);
    }
    ck_assert_double_eq(element(m->W, 0), 2);
    reel_module_free(&m->base); /* the copy needs nothing of it */
    ck_assert_ptr_nonnull(reel_forward(&c->base, x));
    reel_module *again = reel_module_clone(&c->base);
    reel_module_free(&c->base);
    ck_assert_ptr_nonnull(reel_forward(again, x));
    reel_module_free(again);
    expect_fine();
}
END_TEST

START_TEST(recurrent_layers_have_clones) {
    REEL_SCOPE;
    reel_module *m = reel_lstm_new(
        3, 2, (reel_recurrent_options){.num_layers = 2, .bidirectional = true, .dtype = REEL_F64});
    ck_assert_int_eq(reel_module_to(m, test_device()), REEL_OK);
    reel_module *c = reel_module_clone(m);
    expect_fine();
    ck_assert_ptr_nonnull(c);
    reel_tensor *x = reel_reshape(sample(4, 3), reel_shape(4, 1, 3));
    expect_equal(reel_forward(m, x), reel_forward(c, x));
    reel_module_free(m);
    ck_assert_ptr_nonnull(reel_forward(c, x));
    reel_module_free(c);
    expect_fine();
}
END_TEST
START_TEST(clones_keep_modes) {
    reel_module *m = linear(2, 2);
    reel_module_freeze(m);
    reel_eval(m);
    reel_module *c = reel_module_clone(m);
    ck_assert(!reel_is_tracked(reel_module_get(c, "weight")));
    ck_assert(!c->training);
    ck_assert_str_eq(reel_name(reel_module_get(c, "weight")), "weight");
    reel_module_free(c);
    reel_module_free(m);
    int freed = 0;
    reel_module *closed = reel_sequential(reel_relu_new(), counted_new(&freed));
    ck_assert_ptr_null(reel_module_clone(closed));
    expect_failure(REEL_ERR_ARGUMENT, "module_clone: its size is not known: counted");
    reel_module_cloneable(closed, 3, NULL);
    expect_failure(REEL_ERR_ARGUMENT, "module_cloneable: less than a module: 3 bytes: sequential");
    reel_module_free(closed);
}
END_TEST

static reel_status note_type(reel_module *m, void *user) {
    strcat(user, m->type);
    strcat(user, " ");
    return strcmp(m->type, "tanh") ? REEL_OK : reel_fail(REEL_ERR_ARGUMENT, NULL, "a tanh");
}

START_TEST(apply_goes_through_all) {
    char seen[200] = "";
    reel_module *m = reel_sequential(reel_relu_new(), reel_sequential(reel_sigmoid_new()));
    ck_assert_int_eq(reel_module_apply(m, note_type, seen), REEL_OK);
    ck_assert_str_eq(seen, "relu sigmoid sequential sequential ");
    reel_module_child(m, "t", reel_tanh_new());
    ck_assert_int_eq(reel_module_apply(m, note_type, seen), REEL_ERR_ARGUMENT);
    reel_clear_error();
    ck_assert_int_ne(reel_module_apply(m, NULL, NULL), REEL_OK);
    expect_failure(REEL_ERR_ARGUMENT, "module_apply: no function: sequential");
    reel_module_free(m);
}
END_TEST

/* ---- loading on other terms; states ---- */

START_TEST(loads_loosely) {
    REEL_SCOPE;
    reel_module *m = linear(2, 3);
    reel_state *s = reel_state_new(), *missing = reel_state_new(), *unexpected = reel_state_new();
    reel_state_put(s, "m.weight", reel_full(reel_shape(3, 2), 7, REEL_F32, reel_cpu()));
    reel_state_put(s, "m.other", reel_zeros(reel_shape(1), REEL_F32, reel_cpu()));
    reel_state_put(s, "n.weight", reel_zeros(reel_shape(1), REEL_F32, reel_cpu()));
    ck_assert_int_ne(reel_module_load_with(m, s, "m", (reel_load_options){.loose = true}), REEL_OK);
    expect_failure(REEL_ERR_DTYPE, "module_load: dtypes differ: m.weight is f64, in the state f32");
    const double b = element(reel_module_get(m, "bias"), 0);
    ck_assert_int_eq(
        reel_module_load_with(m, s, "m", (reel_load_options){true, true, missing, unexpected}),
        REEL_OK);
    ck_assert_double_eq(element(reel_module_get(m, "weight"), 5), 7);
    ck_assert_double_eq(element(reel_module_get(m, "bias"), 0), b);
    ck_assert_int_eq(reel_state_count(missing), 1);
    ck_assert_str_eq(reel_state_name(missing, 0), "bias");
    ck_assert_ptr_eq(reel_state_at(missing, 0), reel_module_get(m, "bias"));
    ck_assert_int_eq(reel_state_count(unexpected), 1);
    ck_assert_str_eq(reel_state_name(unexpected, 0), "other");
    reel_module *twin = linear(2, 3); /* into the same lists */
    ck_assert_int_eq(
        reel_module_load_with(twin, s, "m", (reel_load_options){true, true, missing, unexpected}),
        REEL_OK);
    ck_assert_int_eq(reel_state_count(missing), 1);
    ck_assert_ptr_eq(reel_state_at(missing, 0), reel_module_get(twin, "bias"));
    ck_assert_int_eq(reel_state_count(unexpected), 1);
    reel_module_free(twin);
    ck_assert_int_ne(reel_module_load_with(m, s, "m", (reel_load_options){.cast = true}), REEL_OK);
    expect_failure(REEL_ERR_FORMAT, "module_load: not in the state: m.bias");
    reel_state_put(s, "m.bias", reel_zeros(reel_shape(2), REEL_F64, reel_cpu()));
    ck_assert_int_ne(
        reel_module_load_with(m, s, "m", (reel_load_options){.loose = true, .cast = true}),
        REEL_OK);
    expect_failure(REEL_ERR_SHAPE, "module_load: shapes differ: m.bias is [3], in the state [2]");
    reel_state_free(s);
    reel_state_free(missing);
    reel_state_free(unexpected);
    reel_module_free(m);
}
END_TEST

static bool is_bias(const char *name, reel_tensor *t, void *user) {
    (void)user;
    return t && strstr(name, "bias");
}

START_TEST(states_have_parts) {
    REEL_SCOPE;
    reel_module *m = reel_sequential(linear(2, 2), reel_dropout_new(0.5, 3));
    reel_state *s = reel_state_new();
    reel_module_save(m, s, "m");
    reel_state *below = reel_state_below(s, "m"), *biases = reel_state_filter(s, is_bias, NULL),
               *copy = reel_state_clone(s);
    ck_assert_int_eq(reel_state_count(below), 2);
    ck_assert_str_eq(reel_state_name(below, 0), "0.weight");
    ck_assert_ptr_eq(reel_state_at(below, 0), reel_module_get(m, "0.weight"));
    ck_assert_str_eq(reel_state_text(below, "1.generator"), "3 0");
    ck_assert_int_eq(reel_state_count(biases), 1);
    ck_assert_int_eq(reel_state_text_count(biases), 0);
    ck_assert_int_eq(reel_state_count(copy), 2);
    ck_assert_ptr_ne(reel_state_at(copy, 0), reel_state_at(s, 0));
    ck_assert(!reel_is_tracked(reel_state_at(copy, 0)));
    expect_equal(reel_state_at(copy, 0), reel_state_at(s, 0));
    ck_assert_int_eq(reel_module_load(m, copy, "m"), REEL_OK);
    ck_assert_int_eq(reel_module_load(m, below, NULL), REEL_OK);
    reel_state_put_text(below, "1.generator", "3 x");
    ck_assert_int_ne(reel_module_load(m, below, NULL), REEL_OK);
    expect_failure(REEL_ERR_FORMAT, "module_load: not a seed and an offset: 1.generator: \"3 x\"");
    ck_assert_ptr_null(reel_state_below(NULL, "m"));
    expect_failure(REEL_ERR_ARGUMENT, "state_below: no state");
    ck_assert_ptr_null(reel_state_filter(s, NULL, NULL));
    expect_failure(REEL_ERR_ARGUMENT, "state_filter: no part");
    reel_state_free(s);
    reel_state_free(below);
    reel_state_free(biases);
    reel_state_free(copy);
    reel_module_free(m);
}
END_TEST

/* ---- parametrizations ---- */

static reel_tensor *forward_of(reel_tensor **in, void *m) {
    return reel_forward((reel_module *)m, in[0]);
}

/* Gradients of x and of all parameters. */
static void check_gradients(reel_module *m, reel_tensor *x) {
    reel_state *params = reel_module_params(m);
    reel_tensor *inputs[8] = {x};
    const int n = reel_state_count(params);
    for (int i = 0; i < n; i++) inputs[i + 1] = reel_state_at(params, i);
    reel_gradcheck(forward_of, m, inputs, n + 1, (reel_gradcheck_options){0});
    expect_fine();
    reel_state_free(params);
}

START_TEST(weight_norm_computes) {
    REEL_SCOPE;
    for (int dim = -1; dim < 2; dim++) {
        reel_module *m = moved(linear(3, 2));
        reel_tensor *x = sample(4, 3), *y = reel_forward(m, x);
        ck_assert_int_eq(reel_weight_norm(m, "weight", (reel_weight_norm_options){dim}), REEL_OK);
        expect_close(reel_forward(m, x), y);
        reel_tensor *g = reel_module_get(m, "parametrizations.weight.original0");
        ck_assert_int_eq(reel_numel(g), dim < 0 ? 1 : dim == 0 ? 2 : 3);
        {
            REEL_NO_GRAD;
            reel_fill_(g, 1);
        }
        reel_tensor *w = reel_parametrized(m, "weight");
        ck_assert_double_eq_tol(
            reel_item(reel_norm(dim < 1 ? reel_select(w, 0, 0) : reel_select(w, 1, 0), 2)), 1,
            dim < 0 ? 1 : 1e-12);
        check_gradients(m, reel_track(reel_neg(sample(2, 3))));
        ck_assert_ptr_null(reel_module_get(m, "weight"));
        reel_clear_error();
        reel_module *c = reel_module_clone(m);
        expect_equal(reel_forward(c, x), reel_forward(m, x));
        reel_module_free(c);
        y = reel_forward(m, x);
        ck_assert_int_eq(reel_remove_parametrization(m, "weight"), REEL_OK);
        expect_close(reel_forward(m, x), y);
        ck_assert_int_eq(reel_module_child_count(m), 0);
        ck_assert_int_ne(reel_remove_parametrization(m, "weight"), REEL_OK);
        expect_failure(REEL_ERR_ARGUMENT,
                       "remove_parametrization: no parametrization: weight in linear");
        reel_module_free(m);
    }
}
END_TEST

START_TEST(spectral_norm_computes) {
    REEL_SCOPE;
    reel_module *m = moved(linear(5, 4));
    reel_tensor *x = sample(2, 5);
    ck_assert_int_eq(
        reel_spectral_norm(m, "weight", (reel_spectral_norm_options){.n_power_iterations = 3}),
        REEL_OK);
    reel_state *s = reel_state_new();
    reel_module_save(m, s, NULL);
    ck_assert_int_eq(reel_state_count(s), 4);
    ck_assert_ptr_nonnull(reel_state_get(s, "parametrizations.weight.original"));
    ck_assert_int_eq(reel_dim(reel_state_get(s, "parametrizations.weight.0._u"), 0), 4);
    ck_assert_int_eq(reel_dim(reel_state_get(s, "parametrizations.weight.0._v"), 0), 5);
    for (int i = 0; i < 30; i++) {
        REEL_SCOPE;
        reel_forward(m, x);
    }
    reel_tensor *w = reel_parametrized(m, "weight"); /* its greatest singular value is 1 */
    reel_tensor *u = reel_module_get(m, "parametrizations.weight.0._u"),
                *v = reel_module_get(m, "parametrizations.weight.0._v");
    ck_assert_double_eq_tol(reel_item(reel_matmul(u, reel_matmul(w, v))), 1, 1e-9);
    ck_assert_double_eq_tol(reel_item(reel_norm(reel_matmul(w, v), 2)), 1, 1e-6);
    reel_tensor *two =
        reel_add(reel_forward(m, x), reel_forward(m, x)); /* u goes on between them */
    reel_backward(reel_sum(two));
    expect_fine();
    reel_eval(m);
    const double before = element(u, 0);
    check_gradients(m, reel_track(reel_neg(sample(2, 5))));
    ck_assert_double_eq(element(u, 0), before);
    reel_module *c = reel_module_clone(m);
    expect_equal(reel_forward(c, x), reel_forward(m, x));
    ck_assert_int_ne(reel_spectral_norm(m, "weight", (reel_spectral_norm_options){0}), REEL_OK);
    expect_failure(REEL_ERR_ARGUMENT, "spectral_norm: no such parameter: weight in linear");
    ck_assert_int_eq(reel_spectral_norm(m, "bias", (reel_spectral_norm_options){0}), REEL_OK);
    ck_assert_double_eq_tol(reel_item(reel_norm(reel_parametrized(m, "bias"), 2)), 1, 1e-12);
    reel_remove_parametrization(m, "weight");
    ck_assert_int_eq(reel_module_child_count(m), 1);
    expect_fine();
    ck_assert_int_ne(reel_weight_norm(m, "weight", (reel_weight_norm_options){2}), REEL_OK);
    expect_failure(REEL_ERR_ARGUMENT, "weight_norm: no axis 2: weight in linear");
    reel_state_free(s);
    reel_module_free(c);
    reel_module_free(m);
}
END_TEST

/* ---- averages of weights ---- */

static void fill(reel_module *m, double value) {
    REEL_NO_GRAD;
    reel_fill_(reel_module_get(m, "weight"), value);
}

START_TEST(averages_follow) {
    REEL_SCOPE;
    for (int equal = 0; equal < 2; equal++) {
        reel_module *m = moved(linear(2, 3));
        reel_state *params = reel_module_params(m), *s = reel_state_new();
        reel_ema *e = reel_ema_new(params, (reel_ema_options){.decay = 0.75, .equal = equal});
        double want = 0;
        for (int i = 1; i <= 4; i++) {
            fill(m, i);
            ck_assert_int_eq(reel_ema_update(e), REEL_OK);
            want = i == 1 ? 1 : equal ? (want * (i - 1) + i) / i : 0.75 * want + 0.25 * i;
            ck_assert_double_eq_tol(element(reel_ema_get(e, "weight"), 3), want, 1e-12);
        }
        ck_assert_int_eq(reel_ema_updates(e), 4);
        ck_assert_int_eq(reel_ema_swap(e), REEL_OK);
        ck_assert_double_eq_tol(element(reel_module_get(m, "weight"), 0), want, 1e-12);
        ck_assert_double_eq(element(reel_ema_get(e, "weight"), 0), 4);
        ck_assert_int_ne(reel_ema_update(e), REEL_OK);
        expect_failure(REEL_ERR_ARGUMENT, "ema_update: weights and averages are swapped");
        reel_ema_swap(e);
        ck_assert_double_eq(element(reel_module_get(m, "weight"), 0), 4);
        ck_assert_int_eq(reel_ema_save(e, s, "ema"), REEL_OK);
        ck_assert_int_eq(reel_state_count(s), 3);
        reel_state *file = reel_state_clone(s);
        fill(m, 100);
        reel_ema_update(e);
        ck_assert_int_eq(reel_ema_load(e, file, "ema"), REEL_OK);
        ck_assert_double_eq_tol(element(reel_ema_get(e, "weight"), 3), want, 1e-12);
        ck_assert_int_eq(reel_ema_updates(e), 4);
        reel_module *c = reel_module_clone(m);
        reel_state *others = reel_module_params(c);
        ck_assert_int_eq(reel_ema_copy_to(e, others), REEL_OK);
        ck_assert_double_eq_tol(element(reel_module_get(c, "weight"), 0), want, 1e-12);
        ck_assert_double_eq(element(reel_module_get(m, "weight"), 0), 100);
        reel_ema_copy(e);
        ck_assert_double_eq_tol(element(reel_module_get(m, "weight"), 0), want, 1e-12);
        expect_fine();
        reel_ema_free(e);
        reel_state_free(params);
        reel_state_free(others);
        reel_state_free(s);
        reel_state_free(file);
        reel_module_free(c);
        reel_module_free(m);
    }
    ck_assert_ptr_null(reel_ema_new(NULL, (reel_ema_options){0}));
    expect_failure(REEL_ERR_ARGUMENT, "ema_new: no parameters");
    reel_state *none = reel_state_new();
    ck_assert_ptr_null(reel_ema_new(none, (reel_ema_options){.decay = 1.5}));
    expect_failure(REEL_ERR_ARGUMENT, "ema_new: decay must lie in [0, 1]: 1.5");
    ck_assert_ptr_null(reel_ema_new(none, (reel_ema_options){0}));
    expect_failure(REEL_ERR_ARGUMENT, "ema_new: no parameters");
    ck_assert_int_ne(reel_ema_update(NULL), REEL_OK);
    expect_failure(REEL_ERR_ARGUMENT, "ema_update: no average");
    reel_ema_free(NULL);
    reel_state_free(none);
}
END_TEST

/* ---- layers of pairs ---- */

START_TEST(pairs_compute) {
    REEL_SCOPE;
    reel_tensor *a = f64(reel_shape(2, 2), (double[]){1, 2, 3, 4}),
                *b = f64(reel_shape(2, 2), (double[]){2, 0, -1, 1});
    reel_module *cosine = reel_cosine_similarity_new((reel_cosine_similarity_options){0}),
                *distance = reel_pairwise_distance_new(
                    (reel_pairwise_distance_options){.p = 1, .eps = REEL_ZERO, .keepdim = true}),
                *both =
                    moved(reel_bilinear_new(2, 2, 3, (reel_bilinear_options){.dtype = REEL_F64}));
    reel_tensor *y;
    reel_run(cosine, reel_results(&y), a, b);
    expect_values(y, (double[]){1 / sqrt(5), 1 / (5 * sqrt(2))}, 2);
    reel_run(distance, reel_results(&y), a, b);
    expect_values(y, (double[]){3, 7}, 2);
    ck_assert_int_eq(reel_ndim(y), 2);
    reel_run(both, reel_results(&y), a, b);
    reel_tensor *weight = reel_module_get(both, "weight"), *bias = reel_module_get(both, "bias");
    expect_close(y, reel_add(reel_einsum("bi,oij,bj->bo", a, weight, b), bias));
    ck_assert_int_ne(
        reel_run(both, reel_results(&y), a, reel_zeros(reel_shape(2, 3), REEL_F64, test_device())),
        REEL_OK);
    expect_failure(REEL_ERR_SHAPE, "bilinear: shapes do not belong together: a[2, 2]");
    reel_module_free(cosine);
    reel_module_free(distance);
    reel_module_free(both);
    ck_assert_ptr_null(reel_bilinear_new(0, 2, 3, (reel_bilinear_options){0}));
    expect_failure(REEL_ERR_ARGUMENT, "bilinear_new: a size below 1: in 0 and 2, out 3");
}
END_TEST

int main(void) {
    Suite *s = suite_create("module_tools");
    TCase *c = add_case(s, "module tools");
    tcase_add_test(c, containers_hold_by_name);
    tcase_add_test(c, shapes_change);
    tcase_add_test(c, clones_are_apart);
    tcase_add_test(c, recurrent_layers_have_clones);
    tcase_add_test(c, clones_keep_modes);
    tcase_add_test(c, apply_goes_through_all);
    tcase_add_test(c, loads_loosely);
    tcase_add_test(c, states_have_parts);
    tcase_add_test(c, weight_norm_computes);
    tcase_add_test(c, spectral_norm_computes);
    tcase_add_test(c, averages_follow);
    tcase_add_test(c, pairs_compute);
    return run_suite(s);
}
