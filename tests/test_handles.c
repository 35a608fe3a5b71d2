/* Tensors used after they were let go: a failure that names both lines, whoever is asked. */
#include "tests/call_site.h"

#include "autograd/autograd.h"
#include "data/data.h"
#include "io/io.h"
#include "nn/nn.h"
#include "tensor/state.h"

#include <pthread.h>
#include <setjmp.h>

#define CPU reel_cpu()

static int made_line, scope_line;

/* Sevens that went with their scope. */
static reel_tensor *gone(void) {
    reel_tensor *y;
    scope_line = __LINE__ + 2;
    {
        REEL_SCOPE;
        made_line = __LINE__ + 1;
        y = reel_full(reel_shape(3), 7, REEL_F32, CPU);
    }
    return y;
}

/* The kept failure: "WHAT used after its scope (made at ..., let go at ...)", and the call's line.
 */
static void expect_gone(const char *what) {
    char text[512];
    snprintf(text, sizeof text, "%s used after its scope (made at %s:%d, let go at %s:%d)", what,
             file_name(__FILE__), made_line, file_name(__FILE__), scope_line);
    ck_assert_msg(strncmp(reel_error(), text, strlen(text)) == 0, "\"%s\", not \"%s\"",
                  reel_error(), text);
    ck_assert_int_eq(reel_error_status(), REEL_ERR_STATE);
    reel_clear_error();
}

/* ---- ops ---- */

START_TEST(an_op_names_the_operand_and_both_lines) {
    REEL_SCOPE;
    reel_tensor *y = gone(), *z = reel_full(reel_shape(3), 42, REEL_F32, CPU);
    ck_assert_ptr_null(reel_mul(z, y));
    char line[64];
    snprintf(line, sizeof line, " (%s:%d)", file_name(__FILE__), __LINE__ - 2);
    ck_assert_ptr_nonnull(strstr(reel_error(), line));
    expect_gone("mul: y:");
    ck_assert_ptr_null(reel_relu(y));
    expect_gone("relu: y:");
    ck_assert_ptr_null(reel_reshape(y, reel_shape(3, 1)));
    expect_gone("reshape: y:");
    ck_assert_ptr_null(reel_sum_over(y, reel_axes(0), false));
    expect_gone("sum: y:");
    ck_assert_ptr_null(reel_select(y, 0, 1));
    reel_clear_error();
}
END_TEST

START_TEST(what_gives_its_operand_back_looks_too) {
    REEL_SCOPE;
    reel_tensor *y = gone();
    ck_assert_ptr_null(reel_cast(y, REEL_F32));
    expect_gone("cast: y:");
    ck_assert_ptr_null(reel_to(y, CPU));
    expect_gone("to:");
    ck_assert_ptr_null(reel_contiguous(y));
    expect_gone("contiguous: y:");
    ck_assert_ptr_null(reel_detach(y));
    expect_gone("detach:");
    ck_assert_ptr_null(reel_scope_return(y));
    expect_gone("scope_return:");
    reel_remove_hook(y, 1);
    expect_gone("remove_hook:");
    ck_assert_ptr_null(reel_empty_like(y));
    expect_gone("empty_like:");
    ck_assert_ptr_null(reel_zeros_like(y));
    expect_gone("zeros_like:");
}
END_TEST

/* Of a function made of ops the options, too. */
START_TEST(a_weight_that_is_gone) {
    REEL_SCOPE;
    reel_tensor *w = gone(), *x = reel_zeros(reel_shape(2, 3), REEL_F32, CPU);
    const int64_t classes[2] = {0, 2};
    reel_tensor *t = reel_from(classes, reel_shape(2), REEL_I64);
    ck_assert_ptr_null(reel_cross_entropy_loss_with(x, t, .weight = w));
    expect_gone("cross_entropy_loss: weight:");
    ck_assert_ptr_null(reel_nll_loss_with(x, t, .weight = w));
    expect_gone("nll_loss: weight:");
    ck_assert_ptr_null(reel_bce_with_logits_loss_with(x, x, .pos_weight = w));
    expect_gone("bce_with_logits_loss: pos_weight:");
}
END_TEST

START_TEST(nothing_is_written_into_it) {
    REEL_SCOPE;
    reel_tensor *y = gone(), *x = reel_ones(reel_shape(3), REEL_F32, CPU);
    ck_assert_ptr_null(reel_in_place(add, y, x));
    expect_gone("add_: the tensor to change:");
    ck_assert_ptr_null(reel_fill_(y, 1));
    expect_gone("fill_: the tensor to change:");
    reel_generator *g = reel_generator_new(1, CPU);
    ck_assert_ptr_null(reel_uniform_(y, g, 0, 1));
    expect_gone("uniform_:");
    reel_generator_free(g);
    ck_assert_ptr_null(reel_copy_(x, y));
    reel_clear_error();
    ck_assert_ptr_null(reel_copy_(y, x));
    reel_clear_error();
    const float data[3] = {1, 2, 3};
    ck_assert_int_eq(reel_write(y, data, sizeof data), REEL_ERR_STATE);
    expect_gone("write:");
    expect_values(reel_cast(x, REEL_F64), (double[]){1, 1, 1}, 3);
}
END_TEST

/* ---- looks ---- */

START_TEST(looking_at_one_is_a_failure) {
    reel_tensor *y = gone();
    float data[3];
    ck_assert_int_eq(reel_ndim(y), 0);
    expect_gone("ndim:");
    ck_assert_int_eq(reel_dim(y, 0), 0);
    expect_gone("dim:");
    ck_assert_int_eq(reel_numel(y), 0);
    expect_gone("numel:");
    ck_assert_ptr_null(reel_data(y));
    expect_gone("data:");
    ck_assert_str_eq(reel_name(y), "");
    expect_gone("name:");
    ck_assert_int_eq(reel_set_name(y, "y"), REEL_ERR_STATE);
    expect_gone("set_name:");
    ck_assert_int_eq(reel_read(y, data, sizeof data), REEL_ERR_STATE);
    expect_gone("read:");
    ck_assert(isnan(reel_item(y)));
    expect_gone("item:");
    ck_assert_int_eq(reel_shape_of(y).ndim, 0);
    expect_gone("shape_of:");
}
END_TEST

static reel_tensor *squared(reel_tensor **in, void *user) {
    (void)user;
    return reel_square(in[0]);
}

static reel_tensor *same(reel_tensor **in, void *user) {
    (void)in;
    return user;
}

static reel_tensor *view_that_went(reel_tensor *x) {
    REEL_SCOPE;
    return reel_reshape(x, reel_shape(3, 1));
}

/* Whoever looks first, the failure is the function's. */
START_TEST(functions_made_of_several_look_too) {
    reel_tensor *y = gone();
    reel_generator *g = reel_generator_new(1, CPU);
    reel_meter meter = {0};
    REEL_SCOPE;
    ck_assert_ptr_null(reel_softmax(y, 0));
    expect_gone("softmax: y:");
    ck_assert_ptr_null(reel_into(y, add, y, reel_ones(reel_shape(3), REEL_F32, CPU)));
    expect_gone("add_: the tensor to change:");
    ck_assert_ptr_null(reel_into(reel_ones(reel_shape(3), REEL_F32, CPU), relu, y));
    expect_gone("relu: y:");
    reel_tensor *x = reel_ones(reel_shape(3), REEL_F32, CPU);
    ck_assert_ptr_null(reel_into(x, relu, view_that_went(x)));
    ck_assert_ptr_nonnull(strstr(reel_error(), "relu: input 0: used after its scope"));
    reel_clear_error();
    ck_assert_ptr_null(reel_cross_entropy_loss_with(
        reel_reshape(x, reel_shape(1, 3)), reel_zeros(reel_shape(1), REEL_I64, CPU), .weight = y));
    expect_gone("cross_entropy_loss: weight:");
    ck_assert_ptr_null(reel_bernoulli_(y, g, 0.5));
    expect_gone("bernoulli_:");
    ck_assert_ptr_null(reel_xavier_normal_(y, g, 1));
    expect_gone("xavier_normal_:");
    ck_assert_ptr_null(reel_orthogonal_(y, g, 1));
    expect_gone("orthogonal_:");
    ck_assert_ptr_null(reel_trunc_normal_(y, g, 0, 1, -1, 1));
    expect_gone("trunc_normal_:");
    ck_assert_ptr_null(reel_cross_entropy_loss(y, y));
    expect_gone("cross_entropy_loss: y:");
    ck_assert_int_eq(reel_meter_add(&meter, y), REEL_ERR_STATE);
    expect_gone("meter_add:");
    ck_assert_ptr_null(reel_tensor_dataset_new(y, NULL));
    expect_gone("tensor_dataset: x:");
    ck_assert_int_eq(reel_png_write("/nowhere", y), REEL_ERR_STATE);
    expect_gone("png:");
    ck_assert_int_eq(reel_grid_write("/nowhere", y, (reel_grid_options){0}), REEL_ERR_STATE);
    expect_gone("grid:");
    ck_assert_int_eq(reel_gradcheck(squared, NULL, &y, 1, (reel_gradcheck_options){0}),
                     REEL_ERR_STATE);
    expect_gone("gradcheck:");
    ck_assert_int_eq(reel_gradcheck(same, y, &x, 0, (reel_gradcheck_options){0}), REEL_ERR_STATE);
    expect_gone("gradcheck: what f gives:");
    ck_assert_int_eq(reel_gradgradcheck(same, y, &x, 0, (reel_gradcheck_options){0}),
                     REEL_ERR_STATE);
    expect_gone("gradgradcheck: what f gives:");
    reel_generator_free(g);
}
END_TEST

START_TEST(printing_one_prints_nothing) {
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    reel_print(f, gone());
    fclose(f);
    ck_assert_str_eq(text, "");
    expect_gone("print:");
    free(text);
}
END_TEST

/* ---- references ---- */

START_TEST(a_reference_can_t_be_taken_or_given_up) {
    ck_assert_ptr_null(reel_retain(gone()));
    expect_gone("retain:");
    reel_release(gone());
    expect_gone("release:");
}
END_TEST

START_TEST(what_takes_no_site_is_made_where_it_is_called) {
    char text[256];
    const int line = __LINE__ + 1;
    reel_generator *g = reel_generator_new(1, CPU);
    reel_tensor *state = reel_generator_state(g);
    reel_generator_free(g);
    ck_assert_int_eq(reel_ndim(state), 0);
    snprintf(text, sizeof text, "ndim: used after its last reference was released (made at %s:%d, ",
             file_name(__FILE__), line);
    expect_failure(REEL_ERR_STATE, text);
}
END_TEST

START_TEST(released_twice) {
    const size_t before = reel_tensors_alive();
    reel_tensor *t = NULL;
    {
        REEL_SCOPE;
        t = reel_retain(reel_ones(reel_shape(2), REEL_F32, CPU));
    }
    reel_release(t);
    ck_assert_uint_eq(reel_tensors_alive(), before);
    const int first = __LINE__ - 2;
    reel_release(t);
    char part[128];
    snprintf(part, sizeof part, "let go at %s:%d)", file_name(__FILE__), first);
    ck_assert_ptr_nonnull(strstr(reel_error(), part));
    expect_failure(REEL_ERR_STATE, "release: used after its last reference was released (made at ");
    ck_assert_uint_eq(reel_tensors_alive(), before);
}
END_TEST

/* A result belongs to its scope: who releases it takes the scope's reference. */
START_TEST(a_scope_tells_of_a_result_that_was_released) {
    const size_t before = reel_tensors_alive();
    {
        REEL_SCOPE;
        reel_release(reel_ones(reel_shape(2), REEL_F32, CPU));
        expect_fine();
    }
    ck_assert_uint_eq(reel_tensors_alive(), before);
    expect_failure(REEL_ERR_STATE, "scope: used after its last reference was released (made at ");
}
END_TEST

START_TEST(never_made) {
    _Alignas(64) char memory[1024] = {0};
    REEL_SCOPE;
    reel_tensor *t = (reel_tensor *)(void *)memory;
    ck_assert_ptr_null(reel_relu(t));
    expect_failure(REEL_ERR_STATE, "relu: t: is no tensor that was ever made (");
    ck_assert_ptr_null(reel_retain(t));
    expect_failure(REEL_ERR_STATE, "retain: is no tensor that was ever made");
    reel_release(t);
    expect_failure(REEL_ERR_STATE, "release: is no tensor that was ever made");
}
END_TEST

/* Handles are used again late: a tensor of some steps ago is still known for what it is. */
START_TEST(many_others_later) {
    reel_tensor *y = gone();
    for (int i = 0; i < 2000; i++) {
        REEL_SCOPE;
        reel_full(reel_shape(3), 42, REEL_F32, CPU);
    }
    REEL_SCOPE;
    ck_assert_ptr_null(reel_exp(y));
    expect_gone("exp: y:");
}
END_TEST

/* ---- autograd, modules, states ---- */

START_TEST(autograd_refuses) {
    REEL_SCOPE;
    reel_tensor *y = gone();
    ck_assert_ptr_null(reel_track(y));
    expect_gone("track:");
    ck_assert(!reel_is_tracked(y));
    expect_gone("is_tracked:");
    ck_assert_ptr_null(reel_grad(y));
    expect_gone("grad:");
    ck_assert_int_eq(reel_backward(y), REEL_ERR_STATE);
    expect_gone("backward: loss:");
    ck_assert_int_eq(reel_register_hook(y, NULL, NULL), 0);
    expect_gone("register_hook:");
    ck_assert_int_eq(reel_tape_dot(stderr, y), REEL_ERR_STATE);
    expect_gone("tape_dot:");
    reel_zero_grad(y);
    expect_gone("zero_grad:");
}
END_TEST

static reel_tensor *gives_gone(reel_tensor *g, void *unused) {
    (void)g, (void)unused;
    return gone();
}

START_TEST(a_hook_s_result) {
    REEL_SCOPE;
    reel_tensor *x = reel_track(reel_ones(reel_shape(3), REEL_F32, CPU));
    reel_register_hook(x, gives_gone, NULL);
    ck_assert_int_eq(reel_backward(reel_sum(x)), REEL_ERR_STATE);
    expect_gone("hook: its result:");
}
END_TEST

static reel_tensor *forward_gone(reel_context *c, reel_tensor *const *in) {
    (void)c, (void)in;
    return gone();
}
static void backward_none(reel_context *c, reel_tensor *g, reel_tensor **grads) {
    (void)c, (void)g, (void)grads;
}

START_TEST(a_users_op_s_result) {
    static const reel_function f = {
        .name = "mine", .forward = forward_gone, .backward = backward_none};
    REEL_SCOPE;
    reel_tensor *x = reel_ones(reel_shape(3), REEL_F32, CPU);
    ck_assert_ptr_null(reel_apply(&f, &x, 1, NULL));
    expect_gone("mine: its result:");
}
END_TEST

/* A model that keeps a tensor of its forward, whose scope ends with it. */
typedef struct {
    reel_module base;
    reel_tensor *mu;
} keeper;

static reel_tensor *keeps_mu(reel_module *base, reel_tensor *x) {
    keeper *m = (keeper *)base;
    m->mu = reel_scale(x, 2);
    return reel_exp(m->mu);
}

START_TEST(what_a_forward_keeps) {
    REEL_SCOPE;
    keeper m;
    reel_module_init(&m.base, "keeper", keeps_mu);
    reel_tensor *x = reel_ones(reel_shape(3), REEL_F32, CPU);
    ck_assert_ptr_nonnull(reel_forward(&m.base, x));
    const int line = __LINE__ - 1;
    ck_assert_ptr_null(reel_square(m.mu));
    char part[128];
    snprintf(part, sizeof part, "let go at %s:%d)", file_name(__FILE__), line);
    ck_assert_ptr_nonnull(strstr(reel_error(), part));
    expect_failure(REEL_ERR_STATE, "square: mu: used after its scope (made at ");
    reel_module_free(&m.base);
}
END_TEST

START_TEST(states_and_modules_take_none) {
    reel_state *s = reel_state_new();
    reel_tensor *y = gone();
    ck_assert_int_ne(reel_state_put(s, "y", y), REEL_OK);
    ck_assert_int_eq(reel_state_count(s), 0);
    reel_clear_error();
    reel_state_free(s);
    reel_module m;
    reel_module_init(&m, "m", NULL);
    ck_assert_ptr_null(reel_module_param(&m, "y", y));
    reel_clear_error();
    ck_assert_ptr_null(reel_module_buffer(&m, "y", y));
    reel_clear_error();
    reel_module_free(&m);
    expect_fine();
}
END_TEST

/* ---- modules ---- */

START_TEST(a_module_is_freed_once) {
    reel_module *m = reel_linear_new(3, 2, (reel_linear_options){0});
    reel_module_free(m);
    expect_fine();
    reel_module_free(m);
    expect_failure(REEL_ERR_ARGUMENT, "module_free: not a module, or freed already");
    REEL_SCOPE;
    ck_assert_ptr_null(reel_forward(m, reel_ones(reel_shape(1, 3), REEL_F32, CPU)));
    expect_failure(REEL_ERR_ARGUMENT, "forward: not a module, or freed already (");
    ck_assert_ptr_null(reel_module_params(m));
    expect_failure(REEL_ERR_ARGUMENT, "module_params: not a module, or freed already");
    reel_train(m);
    expect_failure(REEL_ERR_ARGUMENT, "train: not a module");
}
END_TEST

START_TEST(a_child_goes_with_its_parent) {
    reel_module *child = reel_relu_new(), *m = reel_sequential(child, reel_tanh_new());
    reel_module_free(m);
    expect_fine();
    reel_module_free(child);
    expect_failure(REEL_ERR_ARGUMENT, "module_free: not a module, or freed already");
}
END_TEST

START_TEST(a_struct_that_was_never_initialised) {
    keeper m;
    memset(&m, 0xa5, sizeof m);
    REEL_SCOPE;
    reel_tensor *x = reel_ones(reel_shape(3), REEL_F32, CPU);
    ck_assert_ptr_null(reel_module_param(&m.base, "W", x));
    expect_failure(REEL_ERR_ARGUMENT, "module_param: not a module, or freed already");
    ck_assert_ptr_null(reel_forward(&m.base, x));
    expect_failure(REEL_ERR_ARGUMENT, "forward: not a module, or freed already (");
    reel_module *parent = reel_sequential_new(NULL, 0);
    ck_assert_ptr_null(reel_module_child(parent, "m", &m.base));
    expect_failure(REEL_ERR_ARGUMENT, "module_child: not a module, or freed already: m in");
    reel_module_free(&m.base);
    expect_failure(REEL_ERR_ARGUMENT, "module_free: not a module, or freed already");
    reel_module_free(parent);
    expect_fine();
}
END_TEST

/* ---- scopes ---- */

static jmp_buf back;

static void jumps_out_of_a_scope(void) {
    REEL_SCOPE;
    reel_ones(reel_shape(2), REEL_F32, CPU);
    longjmp(back, 1);
}

START_TEST(a_scope_ends_those_that_a_jump_left_open) {
    const size_t before = reel_tensors_alive();
    {
        REEL_SCOPE;
        if (setjmp(back) == 0) jumps_out_of_a_scope();
        ck_assert_uint_eq(reel_tensors_alive(), before + 1);
    }
    ck_assert_uint_eq(reel_tensors_alive(), before);
    {
        REEL_SCOPE;
        reel_ones(reel_shape(2), REEL_F32, CPU);
    }
    ck_assert_uint_eq(reel_tensors_alive(), before);
}
END_TEST

/* ---- the leak report ---- */

static void *loops_without_a_scope(void *report) {
    reel_tensor *x = reel_ones(reel_shape(2), REEL_F32, CPU);
    for (int i = 0; i < 1000; i++) reel_square(x);
    made_line = __LINE__ - 1;
    FILE *f = open_memstream(report, &(size_t){0});
    reel_leak_report(f);
    fclose(f);
    return NULL;
}

START_TEST(a_loop_without_a_scope_is_named_once) {
    char *report = NULL, line[256];
    pthread_t thread; /* whose tensors go with it */
    ck_assert_int_eq(pthread_create(&thread, NULL, loops_without_a_scope, &report), 0);
    pthread_join(thread, NULL);
    snprintf(line, sizeof line,
             "square -> [2] f32, 1 reference, made at %s:%d, and 999 more like it; no scope lets "
             "them go: REEL_SCOPE; heads the loop\n",
             file_name(__FILE__), made_line);
    const char *found = strstr(report, line);
    ck_assert_msg(found, "no \"%s\" in \"%s\"", line, report);
    ck_assert_ptr_null(strstr(found + 1, "square"));
    free(report);
}
END_TEST

static Suite *handles_suite(void) {
    Suite *s = suite_create("handles");
    TCase *c = add_case(s, "ops");
    tcase_add_test(c, an_op_names_the_operand_and_both_lines);
    tcase_add_test(c, what_gives_its_operand_back_looks_too);
    tcase_add_test(c, a_weight_that_is_gone);
    tcase_add_test(c, nothing_is_written_into_it);

    c = add_case(s, "looks");
    tcase_add_test(c, looking_at_one_is_a_failure);
    tcase_add_test(c, functions_made_of_several_look_too);
    tcase_add_test(c, printing_one_prints_nothing);

    c = add_case(s, "references");
    tcase_add_test(c, a_reference_can_t_be_taken_or_given_up);
    tcase_add_test(c, what_takes_no_site_is_made_where_it_is_called);
    tcase_add_test(c, released_twice);
    tcase_add_test(c, a_scope_tells_of_a_result_that_was_released);
    tcase_add_test(c, never_made);
    tcase_add_test(c, many_others_later);

    c = add_case(s, "autograd");
    tcase_add_test(c, autograd_refuses);
    tcase_add_test(c, a_hook_s_result);
    tcase_add_test(c, a_users_op_s_result);
    tcase_add_test(c, what_a_forward_keeps);
    tcase_add_test(c, states_and_modules_take_none);

    c = add_case(s, "modules");
    tcase_add_test(c, a_module_is_freed_once);
    tcase_add_test(c, a_child_goes_with_its_parent);
    tcase_add_test(c, a_struct_that_was_never_initialised);

    c = add_case(s, "scopes");
    tcase_add_test(c, a_scope_ends_those_that_a_jump_left_open);
    tcase_add_test(c, a_loop_without_a_scope_is_named_once);
    return s;
}

int main(void) {
    return run_suite(handles_suite());
}
