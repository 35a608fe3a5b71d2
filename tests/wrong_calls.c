/* Tensors and objects to make wrong calls with, made anew for each test. */
#include "tests/wrong_calls.h"

reel_device cpu, device;
float data[24];
int64_t ones[] = {1, 1}, sizes[] = {1, 2}, integer;
double real;
reel_tensor *x, *row, *none, *parts[4], *labels, *half, *mask, *bytes, *cube, *empty, *index_list,
    *one, *w, *w64, *logits, *one_hot, *tokens, *words;
reel_generator *g;
reel_state *state, *empty_state, *params;
reel_module m, *linear, *softmax;
reel_meter meter;
reel_optim *adam;
reel_schedule *cosine;
reel_dataset *set, *no_set, *sets[2];
reel_sample sample;
reel_sampler *sampler;
reel_loader *loader;
reel_batch batch;
reel_mnist mnist;
void *bytes_read;
size_t size_read;
reel_history *history;
reel_plot_line line = {"/none/a.csv", "a", "b", "c", 0, 0};

static reel_tensor *cube_forward(reel_context *c, reel_tensor *const *in) {
    reel_context_save(c, in[0]);
    return reel_mul(in[0], reel_square(in[0]));
}
static void cube_backward(reel_context *c, reel_tensor *gradient, reel_tensor **gradients) {
    gradients[0] = reel_mul(gradient, reel_scale(reel_square(reel_context_saved(c, 0)), 2));
}
const reel_function cube_function = {
    .name = "cube", .forward = cube_forward, .backward = cube_backward};

static void begin(void) {
    begin_clean();
    cpu = reel_cpu();

    x = reel_zeros(reel_shape(2, 3), REEL_F32, cpu);
    row = reel_zeros(reel_shape(2), REEL_F32, cpu);
    labels = reel_arange(5, REEL_I64, cpu);
    half = reel_zeros(reel_shape(2, 3), REEL_F16, cpu);
    mask = reel_zeros(reel_shape(2, 3), REEL_U8, cpu);
    bytes = reel_zeros(reel_shape(2, 3), REEL_U8, cpu);
    cube = reel_zeros(reel_shape(2, 3, 4), REEL_F32, cpu);
    empty = reel_zeros(reel_shape(0), REEL_F32, cpu);
    index_list = reel_zeros(reel_shape(2), REEL_I64, cpu);
    one = reel_zeros(REEL_SCALAR, REEL_F32, cpu);
    w = reel_track(reel_ones(reel_shape(2, 3), REEL_F32, cpu));
    w64 = reel_track(reel_ones(reel_shape(2, 3), REEL_F64, cpu));
    logits = reel_zeros(reel_shape(5, 4), REEL_F32, cpu);
    one_hot = reel_zeros(reel_shape(5, 4), REEL_I64, cpu);
    tokens = reel_zeros(reel_shape(5, 7, 4), REEL_F32, cpu);
    words = reel_zeros(reel_shape(5, 7), REEL_I64, cpu);
    g = reel_generator_new(1, cpu);
    state = reel_state_new();
    empty_state = reel_state_new();
    params = reel_state_new();
    reel_state_put(state, "there", x);
    reel_state_put(params, "w", w);
    reel_module_init(&m, "m", NULL);
    reel_module_param(&m, "there", reel_zeros(reel_shape(2), REEL_F32, cpu));
    linear = reel_linear_new(4, 2, (reel_linear_options){0});
    softmax = reel_softmax_new(5);
    adam = reel_adam_new(params, (reel_adam_options){0});
    cosine = reel_cosine_schedule_new(adam, (reel_cosine_options){.steps = 3});
    set = reel_tensor_dataset_new(x, NULL);
    sample = (reel_sample){x, NULL};
    sampler = reel_sequential_sampler_new(2);
    loader = reel_loader_new(set, (reel_loader_options){0});
    history = reel_history_new((const char *[]){"a"}, 1);
    expect_fine();
}

static void end(void) {
    expect_fine();
    reel_history_free(history);
    reel_loader_free(loader);
    reel_sampler_free(sampler);
    reel_dataset_free(set);
    reel_schedule_free(cosine);
    reel_optim_free(adam);
    reel_module_free(softmax);
    reel_module_free(linear);
    reel_module_free(&m);
    reel_state_free(params);
    reel_state_free(empty_state);
    reel_state_free(state);
    reel_generator_free(g);
}

TCase *add_wrong_calls(Suite *s, const char *name) {
    TCase *c = tcase_create(name);
    tcase_add_checked_fixture(c, begin, end);
    suite_add_tcase(s, c);
    return c;
}
