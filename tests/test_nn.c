/* Modules: registering, freeing, forward, modes, saving, loading, freezing, the summary. */
#include "nn/nn.h"

#include "tests/counted_module.h"
#include "tests/expect.h"

#include <stdlib.h>

/* AddressSanitizer: too much asked for is NULL, as it is without it. */
const char *__asan_default_options(void);
__attribute__((visibility("default"))) const char *__asan_default_options(void) {
    return "allocator_may_return_null=1";
}

/* ---- helpers ---- */

/* The tied autoencoder: W registered twice, in two modules. */
typedef struct {
    reel_module base, encoder, decoder;
    reel_tensor *W, *b;
} tied;

static void tied_init(tied *m) {
    reel_module_init(&m->base, "tied", NULL);
    reel_module_init(&m->encoder, "encoder", NULL);
    reel_module_init(&m->decoder, "decoder", NULL);
    {
        REEL_SCOPE;
        reel_tensor *W = reel_reshape(reel_arange(6, REEL_F64, test_device()), reel_shape(2, 3));
        m->W = reel_module_param(&m->encoder, "W", W);
        m->b =
            reel_module_param(&m->encoder, "b", reel_zeros(reel_shape(3), REEL_F32, test_device()));
        reel_module_param(&m->decoder, "W", m->W);
    }
    reel_module_child(&m->base, "encoder", &m->encoder);
    reel_module_child(&m->base, "decoder", &m->decoder);
}

/* ---- modules ---- */

START_TEST(params_have_paths_and_come_once) {
    tied m;
    tied_init(&m);
    reel_state *params = reel_module_params(&m.base);
    ck_assert_int_eq(reel_state_count(params), 2);
    ck_assert_str_eq(reel_state_name(params, 0), "encoder.W");
    ck_assert_str_eq(reel_state_name(params, 1), "encoder.b");
    ck_assert_ptr_eq(reel_state_at(params, 0), m.W);
    ck_assert_int_eq(reel_module_param_count(&m.base), 9);
    ck_assert(reel_is_tracked(m.W));
    ck_assert_str_eq(reel_name(m.W), "W");
    reel_state_free(params);
    reel_module_free(&m.base);
}
END_TEST

START_TEST(no_module_is_an_error) {
    reel_module_init(NULL, "m", NULL);
    expect_failure(REEL_ERR_ARGUMENT, "module_init: no module");
}
END_TEST

START_TEST(param_keeps_a_name_it_has) {
    reel_module m;
    reel_module_init(&m, "m", NULL);
    {
        REEL_SCOPE;
        reel_tensor *t = reel_zeros(reel_shape(2), REEL_F32, test_device());
        reel_set_name(t, "shared");
        ck_assert_ptr_eq(reel_module_param(&m, "W", t), t);
        ck_assert_str_eq(reel_name(t), "shared");
    }
    ck_assert_uint_eq(reel_tensors_alive(), 1);
    reel_module_free(&m);
}
END_TEST

START_TEST(param_refuses) {
    reel_module m;
    reel_module_init(&m, "net", NULL);
    {
        REEL_SCOPE;
        reel_tensor *t = reel_zeros(reel_shape(2), REEL_F32, test_device());
        ck_assert_ptr_eq(reel_module_param(&m, "W", t), t);
        ck_assert_ptr_null(reel_module_param(&m, "W", t));
        expect_failure(REEL_ERR_ARGUMENT, "module_param: there already: W in net");
        ck_assert_ptr_null(reel_module_param(&m, "a.b", t));
        expect_failure(REEL_ERR_ARGUMENT, "a.b");
        ck_assert_ptr_null(reel_module_param(&m, "", t));
        expect_failure(REEL_ERR_ARGUMENT, "no name in net");
        ck_assert_ptr_null(reel_module_param(&m, NULL, t));
        expect_failure(REEL_ERR_ARGUMENT, "no name in net");
        ck_assert_ptr_null(reel_module_param(NULL, "b", t));
        expect_failure(REEL_ERR_ARGUMENT, "no module");
        ck_assert_ptr_null(reel_module_param(&m, "b", NULL));
        expect_failure(REEL_ERR_ARGUMENT, "no tensor: b in net");
        ck_assert_ptr_null(reel_module_param(&m, "i", reel_arange(3, REEL_I64, test_device())));
        ck_assert(reel_failed()); /* autograd's words */
        reel_clear_error();
        reel_fail(REEL_ERR_MEMORY, NULL, "the first failure");
        ck_assert_ptr_null(reel_module_param(&m, "b", NULL));
        expect_failure(REEL_ERR_MEMORY, "the first failure");
    }
    ck_assert_int_eq(reel_module_param_count(&m), 2);
    reel_module_free(&m);
    reel_module_free(NULL);
}
END_TEST

START_TEST(children_are_freed_once) {
    int freed = 0;
    reel_module m;
    reel_module_init(&m, "m", NULL);
    reel_module *a = reel_module_child(&m, "a", counted_new(&freed));
    ck_assert_ptr_nonnull(a);
    ck_assert_ptr_nonnull(reel_module_child(a, "inner", counted_new(&freed)));
    ck_assert_int_eq(reel_module_param_count(&m), 4);
    ck_assert_int_eq(freed, 0);
    reel_module_free(&m);
    ck_assert_int_eq(freed, 2);
}
END_TEST

START_TEST(child_refused_is_freed) {
    int freed = 0;
    reel_module m;
    reel_module_init(&m, "m", NULL);
    ck_assert_ptr_nonnull(reel_module_child(&m, "a", counted_new(&freed)));
    ck_assert_ptr_null(reel_module_child(&m, "a", counted_new(&freed)));
    expect_failure(REEL_ERR_ARGUMENT, "module_child: there already: a in m");
    ck_assert_int_eq(freed, 1);
    ck_assert_ptr_null(reel_module_child(&m, "b.c", counted_new(&freed)));
    expect_failure(REEL_ERR_ARGUMENT, "b.c");
    ck_assert_int_eq(freed, 2);
    ck_assert_ptr_null(reel_module_child(NULL, "b", counted_new(&freed)));
    expect_failure(REEL_ERR_ARGUMENT, "no module");
    ck_assert_int_eq(freed, 3);
    ck_assert_ptr_null(reel_module_child(&m, "b", NULL));
    expect_failure(REEL_ERR_ARGUMENT, "no child: b in m");
    reel_module_free(&m);
    ck_assert_int_eq(freed, 4);
}
END_TEST

START_TEST(child_has_one_owner) {
    int freed = 0;
    reel_module m, other;
    reel_module_init(&m, "m", NULL);
    reel_module_init(&other, "other", NULL);
    reel_module *a = reel_module_child(&m, "a", counted_new(&freed));
    ck_assert_ptr_null(reel_module_child(&other, "a", a));
    expect_failure(REEL_ERR_ARGUMENT, "another module has it already: a in other");
    ck_assert_ptr_null(reel_module_child(a, "up", &m));
    expect_failure(REEL_ERR_ARGUMENT, "contains its parent: up in counted");
    ck_assert_ptr_null(reel_module_child(&m, "self", &m));
    expect_failure(REEL_ERR_ARGUMENT, "contains its parent");
    reel_module_free(a);
    expect_failure(REEL_ERR_ARGUMENT, "module_free: part of another, which frees it: counted");
    ck_assert_int_eq(freed, 0);
    reel_module_free(&m);
    reel_module_free(&other);
    ck_assert_int_eq(freed, 1);
}
END_TEST

START_TEST(forward_runs_and_refuses) {
    int freed = 0;
    reel_module list, *m = counted_new(&freed);
    reel_module_init(&list, "list", NULL);
    {
        REEL_SCOPE;
        reel_tensor *x = f64(reel_shape(2), (double[]){1, -2});
        expect_values(reel_forward(m, x), (double[]){3, -6}, 2);
        ck_assert_ptr_null(reel_forward(&list, x));
        expect_failure(REEL_ERR_ARGUMENT, "forward: a module without one: list (");
        ck_assert_ptr_null(reel_forward(m, NULL));
        expect_failure(REEL_ERR_ARGUMENT, "forward: no input: counted (");
        ck_assert_ptr_null(reel_forward(NULL, x));
        expect_failure(REEL_ERR_ARGUMENT, "forward: no module (");
        ck_assert_ptr_null(reel_forward(m, reel_zeros(reel_shape(3), REEL_F64, test_device())));
        expect_failure(REEL_ERR_SHAPE, "test_nn.c"); /* where the user called forward */
    }
    reel_module_free(m);
}
END_TEST

START_TEST(modes_reach_all) {
    reel_module *inner = reel_relu_new(), *middle = reel_sequential(inner);
    reel_module *m = reel_sequential(middle, reel_tanh_new());
    ck_assert(m->training && middle->training && inner->training);
    reel_eval(m);
    ck_assert(!m->training && !middle->training && !inner->training);
    reel_train(middle);
    ck_assert(!m->training && middle->training && inner->training);
    reel_train(m);
    ck_assert(m->training);
    reel_train(NULL);
    reel_module_free(m);
}
END_TEST

START_TEST(to_moves_or_says_why_not) {
    reel_module *m = reel_linear_new(2, 3, (reel_linear_options){0});
    ck_assert_int_eq(reel_module_to(m, test_device()), REEL_OK);
    if (reel_device_check(reel_cuda(99)) != REEL_OK) { /* there is no such device anywhere */
        reel_clear_error();
        ck_assert_int_ne(reel_module_to(m, reel_cuda(99)), REEL_OK);
        ck_assert(reel_failed());
        reel_clear_error();
    }
    reel_state *params = reel_module_params(m);
    for (int i = 0; i < reel_state_count(params); i++)
        ck_assert(reel_device_equal(reel_device_of(reel_state_at(params, i)), test_device()));
    reel_state_free(params);
    ck_assert_int_ne(reel_module_to(NULL, reel_cpu()), REEL_OK);
    expect_failure(REEL_ERR_ARGUMENT, "no module");
    reel_module_free(m);
}
END_TEST

START_TEST(to_keeps_values_and_tensors) {
    const reel_device devices[] = {reel_cpu(), test_device(), test_device(), reel_cpu()};
    tied m;
    tied_init(&m);
    reel_tensor *W = m.W;
    for (int k = 0; k < 4; k++) {
        {
            REEL_SCOPE;
            ck_assert_int_eq(reel_backward(reel_sum(W)), REEL_OK);
        }
        ck_assert_int_eq(reel_module_to(&m.base, devices[k]), REEL_OK);
        ck_assert_ptr_eq(m.W, W);
        ck_assert(reel_is_tracked(W));
        ck_assert_ptr_null(reel_grad(W));
        ck_assert(reel_device_equal(reel_device_of(W), devices[k]));
        ck_assert(reel_device_equal(reel_device_of(m.b), devices[k]));
        expect_values(W, (double[]){0, 1, 2, 3, 4, 5}, 6);
    }
    reel_module_free(&m.base);
}
END_TEST

/* The second parameter is one number, stretched over more than any machine has. */
START_TEST(to_moves_all_or_none) {
    reel_module m;
    reel_module_init(&m, "m", NULL);
    {
        REEL_SCOPE;
        reel_tensor *W = reel_ones(reel_shape(3), REEL_F32, reel_cpu());
        reel_tensor *one = reel_ones(reel_shape(1), REEL_F32, reel_cpu());
        reel_tensor *huge = reel_expand(one, reel_shape((int64_t)1 << 60));
        ck_assert_ptr_null(reel_contiguous(huge));
        expect_failure(REEL_ERR_MEMORY, "out of memory");
        reel_module_param(&m, "W", W);
        reel_module_param(&m, "huge", huge);
        expect_fine();
        if (test_device().type != REEL_CPU) { /* else nothing moves */
            ck_assert_int_eq(reel_module_to(&m, test_device()), REEL_ERR_MEMORY);
            expect_failure(REEL_ERR_MEMORY, "out of memory");
        }
        ck_assert_int_eq(reel_device_of(W).type, REEL_CPU);
        expect_values(W, (double[]){1, 1, 1}, 3);
    }
    reel_module_free(&m);
}
END_TEST

/* ---- saving and loading ---- */

/* A state with copies, as a file would give it. */
static reel_state *copy_of(const reel_state *s) {
    reel_state *copy = reel_state_new();
    for (int i = 0; i < reel_state_count(s); i++) {
        REEL_SCOPE;
        reel_tensor *t = reel_state_at(s, i);
        reel_tensor *c = reel_empty(reel_shape_of(t), reel_dtype_of(t), reel_cpu());
        {
            REEL_NO_GRAD;
            reel_copy_(c, t);
        }
        reel_state_put(copy, reel_state_name(s, i), c);
    }
    return copy;
}

START_TEST(load_restores_what_save_wrote) {
    tied m;
    tied_init(&m);
    reel_state *s = reel_state_new();
    ck_assert_int_eq(reel_module_save(&m.base, s, "model"), REEL_OK);
    ck_assert_int_eq(reel_state_count(s), 2);
    ck_assert_ptr_eq(reel_state_get(s, "model.encoder.W"), m.W);
    ck_assert_int_ne(reel_module_save(&m.base, s, "model"), REEL_OK);
    expect_failure(REEL_ERR_ARGUMENT, "there already: model.encoder.W");

    reel_state *file = copy_of(s);
    {
        REEL_NO_GRAD;
        reel_fill_(m.W, -1.0);
        reel_fill_(m.b, -1.0);
    }
    ck_assert_int_eq(reel_module_load(&m.base, file, "model"), REEL_OK);
    expect_values(m.W, (double[]){0, 1, 2, 3, 4, 5}, 6);
    expect_values(m.b, (double[]){0, 0, 0}, 3);
    ck_assert(reel_is_tracked(m.W));
    ck_assert_int_eq(reel_module_load(&m.base, s, "model"), REEL_OK); /* onto itself */
    expect_values(m.W, (double[]){0, 1, 2, 3, 4, 5}, 6);
    reel_state_free(file);
    reel_state_free(s);
    reel_module_free(&m.base);
}
END_TEST

START_TEST(load_takes_a_part_by_its_prefix) {
    tied m;
    tied_init(&m);
    reel_state *s = reel_state_new();
    reel_module_save(&m.base, s, "");
    reel_state *file = copy_of(s);
    ck_assert_ptr_nonnull(reel_state_get(file, "encoder.W"));
    {
        REEL_NO_GRAD;
        reel_fill_(m.W, -1.0);
    }
    ck_assert_int_eq(reel_module_load(&m.encoder, file, "encoder"), REEL_OK);
    expect_values(m.W, (double[]){0, 1, 2, 3, 4, 5}, 6);
    {
        REEL_SCOPE; /* without a prefix, others' entries may lie beside ours */
        reel_state_put(file, "optim.step", reel_scalar(1, REEL_I64, reel_cpu()));
    }
    ck_assert_int_eq(reel_module_load(&m.base, file, NULL), REEL_OK);
    reel_state_free(file);
    reel_state_free(s);
    reel_module_free(&m.base);
}
END_TEST

/* Loads {W, b} into a tied model and expects a failure that leaves all as it was. */
static void expect_no_load(reel_tensor *W, reel_tensor *b, reel_tensor *extra, reel_status code,
                           const char *part) {
    tied m;
    tied_init(&m);
    reel_state *s = reel_state_new();
    if (W) reel_state_put(s, "model.encoder.W", W);
    if (b) reel_state_put(s, "model.encoder.b", b);
    if (extra) reel_state_put(s, "model.c", extra);
    ck_assert_int_eq(reel_module_load(&m.base, s, "model"), code);
    expect_failure(code, part);
    expect_values(m.W, (double[]){0, 1, 2, 3, 4, 5}, 6);
    expect_values(m.b, (double[]){0, 0, 0}, 3);
    reel_state_free(s);
    reel_module_free(&m.base);
}

START_TEST(load_is_all_or_nothing) {
    REEL_SCOPE;
    reel_tensor *W = reel_ones(reel_shape(2, 3), REEL_F64, reel_cpu());
    reel_tensor *b = reel_ones(reel_shape(3), REEL_F32, reel_cpu());
    expect_no_load(W, NULL, NULL, REEL_ERR_FORMAT,
                   "module_load: not in the state: model.encoder.b");
    expect_no_load(W, reel_reshape(b, reel_shape(1, 3)), NULL, REEL_ERR_SHAPE,
                   "model.encoder.b is [3], in the state [1, 3]");
    expect_no_load(W, reel_cast(b, REEL_F64), NULL, REEL_ERR_DTYPE,
                   "model.encoder.b is f32, in the state f64");
    expect_no_load(W, b, W, REEL_ERR_FORMAT, "in the state alone: model.c");
    expect_no_load(NULL, b, NULL, REEL_ERR_FORMAT, "model.encoder.W");
}
END_TEST

START_TEST(save_and_load_do_nothing_after_a_failure) {
    tied m;
    tied_init(&m);
    reel_state *s = reel_state_new(), *file;
    reel_module_save(&m.base, s, "model");
    file = copy_of(s);
    {
        REEL_NO_GRAD;
        reel_fill_(m.b, 5.0);
    }
    reel_fail(REEL_ERR_IO, NULL, "the first failure");
    ck_assert_int_eq(reel_module_save(&m.base, s, "again"), REEL_ERR_IO);
    ck_assert_int_eq(reel_module_load(&m.base, file, "model"), REEL_ERR_IO);
    expect_failure(REEL_ERR_IO, "the first failure");
    ck_assert_int_eq(reel_state_count(s), 2);
    expect_values(m.b, (double[]){5, 5, 5}, 3);
    ck_assert_int_ne(reel_module_save(&m.base, NULL, "x"), REEL_OK);
    expect_failure(REEL_ERR_ARGUMENT, "no state");
    ck_assert_int_ne(reel_module_load(&m.base, NULL, "x"), REEL_OK);
    expect_failure(REEL_ERR_ARGUMENT, "no state");
    ck_assert_int_ne(reel_module_save(NULL, s, "x"), REEL_OK);
    expect_failure(REEL_ERR_ARGUMENT, "no module");
    reel_state_free(file);
    reel_state_free(s);
    reel_module_free(&m.base);
}
END_TEST

/* ---- buffers, paths, freezing ---- */

/* scale: a parameter and a running mean, in a list of two. */
static reel_module *buffered_new(int *freed) {
    reel_module *m = counted_new(freed);
    {
        REEL_SCOPE;
        const int64_t state[2] = {42, 7};
        ck_assert_ptr_nonnull(
            reel_module_buffer(m, "mean", reel_full(reel_shape(3), 0.5, REEL_F32, test_device())));
        reel_module_buffer(m, "generator", to_device(reel_from(state, reel_shape(2), REEL_I64)));
    }
    expect_fine();
    return m;
}

START_TEST(buffers_are_saved_and_not_trained) {
    int freed = 0;
    reel_module *m = reel_sequential(buffered_new(&freed), buffered_new(&freed));
    reel_module *other = reel_sequential(buffered_new(&freed), buffered_new(&freed));
    ck_assert_int_eq(reel_module_param_count(m), 4);
    reel_state *params = reel_module_params(m), *s = reel_state_new();
    ck_assert_int_eq(reel_state_count(params), 2);
    ck_assert(!reel_is_tracked(reel_module_get(m, "0.mean")));
    ck_assert_str_eq(reel_name(reel_module_get(m, "0.mean")), "mean");
    reel_fill_(reel_module_get(m, "1.mean"), 9.0);
    reel_fill_(reel_module_get(m, "0.generator"), 3.0);
    ck_assert_int_eq(reel_module_save(m, s, "model"), REEL_OK);
    ck_assert_int_eq(reel_state_count(s), 6);
    ck_assert_ptr_eq(reel_state_get(s, "model.1.mean"), reel_module_get(m, "1.mean"));
    ck_assert_int_eq(reel_module_load(other, s, "model"), REEL_OK);
    ck_assert_double_eq(element(reel_module_get(other, "1.mean"), 2), 9.0);
    ck_assert_double_eq(element(reel_module_get(other, "0.mean"), 2), 0.5);
    ck_assert_double_eq(element(reel_module_get(other, "0.generator"), 1), 3.0);
    reel_state *lacking = reel_state_new();
    for (int i = 0; i < 5; i++) reel_state_put(lacking, reel_state_name(s, i), reel_state_at(s, i));
    ck_assert_int_ne(reel_module_load(other, lacking, "model"), REEL_OK);
    expect_failure(REEL_ERR_FORMAT, "module_load: not in the state: model.1.generator");
    ck_assert_int_eq(reel_module_to(m, test_device()), REEL_OK);
    ck_assert(reel_device_equal(reel_device_of(reel_module_get(m, "0.mean")), test_device()));
    reel_state_free(lacking);
    reel_state_free(params);
    reel_state_free(s);
    reel_module_free(m);
    reel_module_free(other);
    ck_assert_int_eq(freed, 4);
}
END_TEST

START_TEST(buffers_move) {
    reel_module m;
    reel_module_init(&m, "m", NULL);
    {
        REEL_SCOPE;
        reel_module_buffer(&m, "b", reel_full(reel_shape(2), 4.0, REEL_U8, reel_cpu()));
    }
    reel_tensor *b = reel_module_get(&m, "b");
    ck_assert_int_eq(reel_module_to(&m, test_device()), REEL_OK);
    ck_assert_ptr_eq(reel_module_get(&m, "b"), b);
    ck_assert(reel_device_equal(reel_device_of(b), test_device()));
    ck_assert_double_eq(element(b, 1), 4.0);
    reel_module_free(&m);
}
END_TEST

START_TEST(buffer_refuses) {
    reel_module m;
    reel_module_init(&m, "net", NULL);
    {
        REEL_SCOPE;
        reel_tensor *t = reel_zeros(reel_shape(2), REEL_F32, test_device());
        ck_assert_ptr_eq(reel_module_buffer(&m, "b", t), t);
        ck_assert_ptr_null(reel_module_buffer(&m, "b", t));
        expect_failure(REEL_ERR_ARGUMENT, "module_buffer: there already: b in net");
        ck_assert_ptr_null(reel_module_param(&m, "b", t));
        expect_failure(REEL_ERR_ARGUMENT, "module_param: there already: b in net");
        ck_assert_ptr_null(reel_module_buffer(&m, "a.b", t));
        expect_failure(REEL_ERR_ARGUMENT, "a dot in a name");
        ck_assert_ptr_null(reel_module_buffer(&m, "c", NULL));
        expect_failure(REEL_ERR_ARGUMENT, "module_buffer: no tensor: c in net");
        ck_assert_ptr_null(reel_module_buffer(NULL, "c", t));
        expect_failure(REEL_ERR_ARGUMENT, "no module");
        ck_assert_ptr_null(
            reel_module_buffer(&m, "c", reel_track(reel_zeros(REEL_SCALAR, REEL_F32, reel_cpu()))));
        expect_failure(REEL_ERR_ARGUMENT, "module_buffer: is tracked: c in net");
    }
    reel_module_free(&m);
}
END_TEST

START_TEST(paths_lead_to_what_is_registered) {
    int freed = 0;
    tied m;
    tied_init(&m);
    reel_module *list = reel_sequential(counted_new(&freed), buffered_new(&freed));
    reel_module_child(&m.encoder, "list", list);
    ck_assert_ptr_eq(reel_module_get(&m.base, "encoder.W"), m.W);
    ck_assert_ptr_eq(reel_module_get(&m.base, "decoder.W"), m.W); /* a tied one by both names */
    ck_assert_int_eq(reel_numel(reel_module_get(&m.base, "encoder.list.1.mean")), 3);
    ck_assert_ptr_eq(reel_module_get_child(&m.base, "encoder.list"), list);
    ck_assert_str_eq(reel_module_get_child(&m.base, "encoder.list.0")->type, "counted");
    ck_assert_ptr_eq(reel_module_get_child(&m.base, ""), &m.base);
    static const char *const none[] = {
        "encoder",    "encoder.", "encoder.W.x", "enc",        ".encoder.W",
        "encoder..W", "",         "W",           "encoder.WW", "encoder.list"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        ck_assert_ptr_null(reel_module_get(&m.base, none[i]));
        expect_failure(REEL_ERR_ARGUMENT, "module_get: no parameter or buffer: ");
    }
    ck_assert_ptr_null(reel_module_get(&m.base, "encoder.x"));
    expect_failure(REEL_ERR_ARGUMENT, "encoder.x in tied");
    ck_assert_ptr_null(reel_module_get_child(&m.base, "encoder.W"));
    expect_failure(REEL_ERR_ARGUMENT, "module_get_child: no module: encoder.W in tied");
    ck_assert_ptr_null(reel_module_get_child(&m.base, "coder"));
    expect_failure(REEL_ERR_ARGUMENT, "coder in tied");
    ck_assert_ptr_null(reel_module_get(NULL, "W"));
    expect_failure(REEL_ERR_ARGUMENT, "no module");
    ck_assert_ptr_null(reel_module_get(&m.base, NULL));
    expect_failure(REEL_ERR_ARGUMENT, "in tied");
    ck_assert_ptr_null(reel_module_get_child(NULL, ""));
    expect_failure(REEL_ERR_ARGUMENT, "no module");
    reel_module_free(&m.base);
}
END_TEST

/* y = sum of second(first(x)) */
static void run_backward(reel_module *m) {
    {
        REEL_SCOPE;
        reel_tensor *x = reel_ones(reel_shape(2), REEL_F64, test_device());
        reel_backward(reel_sum(reel_forward(m, x)));
    }
    expect_fine();
}

START_TEST(frozen_parameters_get_no_gradient) {
    int freed = 0;
    reel_module *m = reel_sequential(counted_new(&freed), buffered_new(&freed));
    reel_tensor *a = reel_module_get(m, "0.W"), *b = reel_module_get(m, "1.W");
    run_backward(m);
    ck_assert(reel_grad(a) && reel_grad(b));
    reel_module_freeze(reel_module_get_child(m, "0"));
    ck_assert(!reel_is_tracked(a) && reel_is_tracked(b));
    ck_assert_ptr_null(reel_grad(a)); /* what it had is let go */
    reel_zero_grad(b);
    run_backward(m);
    ck_assert_ptr_null(reel_grad(a));
    ck_assert_double_eq(element(reel_grad(b), 0), 3.0);
    ck_assert_int_eq(reel_module_param_count(m), 4); /* listed and saved all the same */
    reel_state *s = reel_state_new();
    ck_assert_int_eq(reel_module_save(m, s, NULL), REEL_OK);
    ck_assert_int_eq(reel_module_load(m, s, NULL), REEL_OK);
    ck_assert(!reel_is_tracked(a));
    reel_module_freeze(m);
    {
        REEL_SCOPE; /* nothing to record */
        reel_tensor *x = reel_ones(reel_shape(2), REEL_F64, test_device());
        ck_assert(!reel_is_tracked(reel_forward(m, x)));
    }
    ck_assert_int_eq(reel_module_unfreeze(m), REEL_OK);
    ck_assert(!reel_is_tracked(reel_module_get(m, "1.mean")));
    run_backward(m);
    ck_assert_double_eq(element(reel_grad(a), 0), 3.0);
    ck_assert_double_eq(element(reel_grad(b), 0), 3.0);
    reel_module_freeze(NULL);
    ck_assert_int_ne(reel_module_unfreeze(NULL), REEL_OK);
    expect_failure(REEL_ERR_ARGUMENT, "no module");
    reel_state_free(s);
    reel_module_free(m);
}
END_TEST

START_TEST(frozen_between_forward_and_backward) {
    int freed = 0;
    reel_module *m = counted_new(&freed);
    {
        REEL_SCOPE;
        reel_tensor *x = reel_ones(reel_shape(2), REEL_F64, test_device());
        reel_tensor *loss = reel_sum(reel_forward(m, x));
        reel_module_freeze(m);
        ck_assert_int_eq(reel_backward(loss), REEL_OK);
    }
    ck_assert_ptr_null(reel_grad(reel_module_get(m, "W")));
    reel_module_free(m);
}
END_TEST

/* ---- summary ---- */

static void expect_summary(reel_module *m, const char *expected) {
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    ck_assert_ptr_nonnull(f);
    reel_module_summary(f, m);
    fclose(f);
    ck_assert_str_eq(text, expected);
    free(text);
}

START_TEST(summary_of_layers) {
    reel_module *m =
        reel_sequential(reel_linear_new(784, 100, (reel_linear_options){0}), reel_relu_new());
    expect_summary(m, "name      type        shape               parameters\n"
                      "          sequential\n"
                      "0         linear\n"
                      "0.weight  f32         [100, 784]               78400\n"
                      "0.bias    f32         [100]                      100\n"
                      "1         relu\n"
                      "total                                          78500\n");
    reel_module_free(m);
}
END_TEST

START_TEST(summary_of_nothing) {
    reel_module m;
    reel_module_init(&m, "m", NULL);
    expect_summary(&m, "name   type  shape               parameters\n"
                       "       m\n"
                       "total                                     0\n");
    reel_module_free(&m);
}
END_TEST

START_TEST(summary_counts_a_tied_parameter_once) {
    tied m;
    tied_init(&m);
    expect_summary(&m.base, "name       type     shape               parameters\n"
                            "           tied\n"
                            "encoder    encoder\n"
                            "encoder.W  f64      [2, 3]                       6\n"
                            "encoder.b  f32      [3]                          3\n"
                            "decoder    decoder\n"
                            "decoder.W  = encoder.W\n"
                            "total                                            9\n");
    expect_summary(NULL, "");
    expect_failure(REEL_ERR_ARGUMENT, "no module");
    reel_module_free(&m.base);
}
END_TEST

START_TEST(summary_names_buffers) {
    int freed = 0;
    reel_module *m = buffered_new(&freed);
    expect_summary(m, "name       type     shape               parameters\n"
                      "           counted\n"
                      "W          f64      [2]                          2\n"
                      "mean       f32      [3]                     buffer\n"
                      "generator  i64      [2]                     buffer\n"
                      "total                                            2\n");
    reel_module_free(m);
}
END_TEST

int main(void) {
    Suite *s = suite_create("nn");
    TCase *c = add_case(s, "modules");
    tcase_add_test(c, params_have_paths_and_come_once);
    tcase_add_test(c, no_module_is_an_error);
    tcase_add_test(c, param_keeps_a_name_it_has);
    tcase_add_test(c, param_refuses);
    tcase_add_test(c, children_are_freed_once);
    tcase_add_test(c, child_refused_is_freed);
    tcase_add_test(c, child_has_one_owner);
    tcase_add_test(c, forward_runs_and_refuses);
    tcase_add_test(c, modes_reach_all);
    tcase_add_test(c, to_moves_or_says_why_not);
    tcase_add_test(c, to_keeps_values_and_tensors);
    tcase_add_test(c, to_moves_all_or_none);

    tcase_add_test(c, buffers_are_saved_and_not_trained);
    tcase_add_test(c, buffers_move);
    tcase_add_test(c, buffer_refuses);
    tcase_add_test(c, paths_lead_to_what_is_registered);
    tcase_add_test(c, frozen_parameters_get_no_gradient);
    tcase_add_test(c, frozen_between_forward_and_backward);

    c = add_case(s, "saved and printed");
    tcase_add_test(c, load_restores_what_save_wrote);
    tcase_add_test(c, load_takes_a_part_by_its_prefix);
    tcase_add_test(c, load_is_all_or_nothing);
    tcase_add_test(c, save_and_load_do_nothing_after_a_failure);
    tcase_add_test(c, summary_of_layers);
    tcase_add_test(c, summary_of_nothing);
    tcase_add_test(c, summary_counts_a_tied_parameter_once);
    tcase_add_test(c, summary_names_buffers);
    return run_suite(s);
}
