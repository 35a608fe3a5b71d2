/* Every allocation fails in turn (alloc_harness.h): while a model trains, while batches are made,
 * while files are written and read, while objects are made. */
#include "tests/alloc_harness.h"

#include "data/data.h"
#include "nn/nn.h"
#include "optim/ema.h"
#include "optim/optim.h"
#include "tensor/einsum.h"
#include "tensor/profile.h"
#include "tests/alloc_ops.h"
#include "tests/temp_dir.h"

#include <unistd.h>

static reel_device cpu = {REEL_CPU, 0};

static void nothing(void) {}

/* Whether files reach the disk is not what is tested here, and waiting for it takes long. */
__attribute__((visibility("default"))) int fsync(int fd) {
    (void)fd;
    return 0;
}

/* ---- a training step: forward, backward, Adam, meter ---- */

typedef struct {
    reel_module base;
    reel_tensor *W, *b1, *b2;
} tied_ae;

static tied_ae model;
static reel_optim *adam;
static reel_tensor *images;
static reel_meter meter;

static reel_tensor *tied_forward(reel_module *base, reel_tensor *x) {
    const tied_ae *m = (tied_ae *)base;
    reel_tensor *h = reel_relu(reel_add(reel_matmul(x, m->W), m->b1));
    return reel_sigmoid(reel_add(reel_matmul(h, reel_t(m->W)), m->b2));
}

static void step_setup(void) {
    reel_set_threads(1);
    reel_module_init(&model.base, "tied", tied_forward);
    {
        REEL_SCOPE;
        reel_generator *g = reel_generator_new(1, cpu);
        reel_module *m = &model.base;
        model.W = reel_module_param(m, "W", reel_randn(reel_shape(96, 20), REEL_F32, g));
        model.b1 = reel_module_param(m, "b1", reel_zeros(reel_shape(1), REEL_F32, cpu));
        model.b2 = reel_module_param(m, "b2", reel_zeros(reel_shape(96), REEL_F32, cpu));
        images = reel_retain(reel_rand(reel_shape(300, 96), REEL_F32, g));
        reel_generator_free(g);
    }
    reel_state *params = reel_module_params(&model.base);
    adam = reel_adam_new(params, (reel_adam_options){0});
    reel_state_free(params);
}

static void shared_step_setup(void) {
    step_setup();
    reel_set_threads(2);
}

static bool step_run(void) {
    double loss = NAN;
    {
        REEL_SCOPE;
        reel_tensor *y = reel_mse_loss(reel_forward(&model.base, images), images);
        reel_backward(y);
        reel_clip_grad_norm(adam, 1.0);
        reel_optim_step(adam);
        reel_meter_add(&meter, y);
        loss = reel_item(y);
    }
    if (reel_failed()) return false;
    alloc_outcome(loss);
    return true;
}

static void step_recover(void) {
    reel_optim_zero_grad(adam);
}

static void step_teardown(void) {
    reel_meter_reset(&meter);
    reel_optim_free(adam);
    reel_module_free(&model.base);
    reel_release(images);
}

START_TEST(training_step) {
    fails_everywhere(&(alloc_scenario){.setup = step_setup,
                                       .run = step_run,
                                       .recover = step_recover,
                                       .teardown = step_teardown,
                                       .least = 48});
}
END_TEST

START_TEST(training_step_of_two_threads) {
    fails_everywhere(&(alloc_scenario){.setup = shared_step_setup,
                                       .run = step_run,
                                       .recover = step_recover,
                                       .teardown = step_teardown,
                                       .least = 48,
                                       .spare = 8});
}
END_TEST

/* ---- making and freeing a model, its optimizer, its schedule ---- */

static reel_module *small_model(void) {
    const reel_conv_layer_options round = {.padding = reel_shape(1),
                                           .padding_mode = REEL_PAD_CIRCULAR};
    return reel_sequential(
        reel_linear_new(4, 3, (reel_linear_options){0}), reel_relu_new(),
        reel_conv1d_new(1, 2, reel_shape(3), round),
        reel_conv_transpose1d_new(2, 1, reel_shape(1), (reel_conv_transpose_layer_options){0}),
        reel_prelu_new((reel_prelu_options){0}), reel_dropout1d_new(0.5, 1),
        reel_layer_norm_new(reel_shape(3), (reel_layer_norm_options){0}),
        reel_batch_norm1d_new(3, (reel_batch_norm_options){.cumulative = true}),
        reel_rms_norm_new(reel_shape(3), (reel_layer_norm_options){0}),
        reel_linear_new(3, 4, (reel_linear_options){.no_bias = true}), reel_softmax_new(1));
}

/* Everything into a state, and back. */
static void save_and_load(reel_module *m, reel_optim *o, reel_schedule *s) {
    reel_state *state = reel_state_new();
    reel_module_save(m, state, "model");
    reel_optim_save(o, state, "optim");
    reel_schedule_save(s, state, "schedule");
    reel_module_load(m, state, "model");
    reel_optim_load(o, state, "optim");
    reel_schedule_load(s, state, "schedule");
    reel_state_free(state);
}

static void summarise(reel_module *m) {
    FILE *f = fopen("/dev/null", "w");
    if (f) {
        setvbuf(f, NULL, _IONBF, 0);
        reel_module_summary(f, m);
        fclose(f);
    }
}

static bool objects_run(void) {
    reel_module *m = small_model();
    reel_state *params = m ? reel_module_params(m) : NULL;
    reel_optim *o = params ? reel_nadam_new(params, (reel_nadam_options){0}) : NULL;
    reel_schedule *cosine =
        o ? reel_cosine_schedule_new(o, (reel_cosine_options){.steps = 9}) : NULL;
    reel_schedule *s =
        o ? reel_warmup_schedule_new(o, (reel_warmup_options){.steps = 2, .after = cosine}) : NULL;
    if (s) save_and_load(m, o, s);
    if (s) summarise(m);
    if (m) reel_module_to(m, cpu);
    const double sum = s ? reel_optim_lr(o) + (double)reel_module_param_count(m) : 0;
    reel_schedule_free(s);
    reel_optim_free(o);
    reel_state_free(params);
    reel_module_free(m);
    if (reel_failed()) return false;
    alloc_outcome(sum);
    return true;
}

/* As users write them: of a tensor, whatever failed. */
static reel_tensor *activation(const char *at, reel_tensor *x) {
    if (!x) abort();
    return reel_relu_at(at, x);
}

/* A model of its own: its parts are many. */
static bool transformer_run(void) {
    const reel_transformer_options options = {
        .dim_feedforward = 2, .activation = activation, .norm_first = true, .is_causal = true};
    reel_module *m = reel_transformer_encoder_new(2, 1, 1, true, options);
    if (m) {
        REEL_SCOPE;
        reel_tensor *x = reel_ones(reel_shape(3, 2), REEL_F32, reel_cpu());
        reel_tensor *y = reel_forward(m, x);
        if (y) reel_backward(reel_sum(y));
    }
    reel_module_free(m);
    return !reel_failed();
}

START_TEST(transformer) {
    fails_everywhere(&(alloc_scenario){
        .setup = nothing, .run = transformer_run, .teardown = nothing, .least = 150});
}
END_TEST

START_TEST(model_optimizer_schedule) {
    fails_everywhere(
        &(alloc_scenario){.setup = nothing, .run = objects_run, .teardown = nothing, .least = 150});
}
END_TEST

/* ---- copies, weights that are computed, averages ---- */

static double average(reel_module *m) {
    reel_state *params = reel_module_params(m), *s = params ? reel_state_new() : NULL;
    reel_ema *e = s ? reel_ema_new(params, (reel_ema_options){0}) : NULL;
    for (int i = 0; e && i < 3; i++) reel_ema_update(e);
    if (e) reel_ema_swap(e);
    if (e) reel_ema_swap(e);
    if (e && reel_ema_save(e, s, "ema") == REEL_OK) reel_ema_load(e, s, "ema");
    const double n = e ? (double)reel_ema_updates(e) : 0;
    reel_ema_free(e);
    reel_state_free(s);
    reel_state_free(params);
    return n;
}

static bool tools_run(void) {
    reel_module *m =
        reel_sequential(reel_linear_new(4, 3, (reel_linear_options){0}), reel_dropout_new(0.5, 1),
                        reel_flatten_new((reel_flatten_options){0}),
                        reel_linear_new(3, 4, (reel_linear_options){.no_bias = true}));
    reel_module *linear = m ? reel_module_get_child(m, "0") : NULL;
    double sum = 0;
    if (linear) reel_weight_norm(linear, "weight", (reel_weight_norm_options){0});
    if (linear && !reel_failed())
        reel_spectral_norm(linear, "bias", (reel_spectral_norm_options){0});
    linear = m && !reel_failed() ? reel_module_get_child(m, "3") : NULL;
    if (linear) reel_spectral_norm(linear, "weight", (reel_spectral_norm_options){0});
    reel_module *copy = linear && !reel_failed() ? reel_module_clone(m) : NULL;
    if (copy) {
        REEL_SCOPE;
        reel_tensor *y = reel_forward(copy, reel_ones(reel_shape(2, 4), REEL_F32, cpu));
        reel_tensor *z = reel_einsum("ab,ac->bc", y, y);
        sum = z ? reel_item(reel_sum(z)) : 0;
        sum += average(copy);
    }
    if (copy && !reel_failed())
        reel_remove_parametrization(reel_module_get_child(m, "0"), "weight");
    reel_module_free(copy);
    reel_module_free(m);
    if (reel_failed()) return false;
    alloc_outcome(sum);
    return true;
}

/* Seeds are drawn anew each time. */
static bool tools_run_alike(void) {
    reel_manual_seed(5);
    return tools_run();
}

START_TEST(module_tools) {
    fails_everywhere(&(alloc_scenario){
        .setup = nothing, .run = tools_run_alike, .teardown = nothing, .least = 150});
}
END_TEST

/* ---- batches ---- */

enum { ITEMS = 10, BATCH = 4 };

static reel_dataset *numbers, *mapped, *set;
static reel_tensor *across; /* not contiguous */
static reel_loader *loader;
static reel_loader_options options;
static double seen; /* of the epoch so far: which batches, what in them */

static reel_status double_it(reel_sample *s, int64_t i, void *user) {
    (void)i, (void)user;
    s->x = reel_scale(s->x, 2.0);
    return reel_error_status();
}

static void numbers_setup(void) {
    REEL_SCOPE;
    reel_tensor *x = reel_reshape(reel_arange(ITEMS * 3, REEL_F32, cpu), reel_shape(ITEMS, 3));
    across = reel_retain(reel_t(x));
    numbers = reel_tensor_dataset_new(x, reel_arange(ITEMS, REEL_I64, cpu));
}

static void rows_setup(void) {
    numbers_setup();
    set = numbers;
    options = (reel_loader_options){.batch_size = BATCH, .shuffle = true, .scale = 0.5};
}

static void items_setup(void) {
    numbers_setup();
    set = mapped = reel_map_dataset_new(numbers, double_it, NULL);
    options = (reel_loader_options){.batch_size = BATCH};
}

static void workers_setup(void) {
    items_setup();
    options.workers = 2;
}

/* One epoch, or the rest of it after a failure: no batch is lost, none comes twice. */
static bool loader_run(void) {
    if (!loader) loader = reel_loader_new(set, options);
    if (!loader) return false;
    for (reel_batch b; reel_loader_next(loader, &b);) {
        const float *x = reel_data(b.x);
        const int64_t *y = reel_data(b.y);
        for (int64_t i = 0; i < reel_numel(b.x); i++) seen = 1.25 * seen + (double)x[i];
        for (int64_t i = 0; i < b.n; i++) seen = 1.25 * seen + (double)(y[i] + b.index[i]);
        seen += 100.0 * (double)b.number;
    }
    if (reel_failed()) return false;
    alloc_outcome(seen);
    seen = 0;
    return true;
}

static void loader_teardown(void) {
    reel_loader_free(loader);
    reel_dataset_free(mapped);
    reel_dataset_free(numbers);
    reel_release(across);
}

START_TEST(batches_of_rows) {
    fails_everywhere(&(alloc_scenario){.setup = rows_setup,
                                       .run = loader_run,
                                       .teardown = loader_teardown,
                                       .least = 14,
                                       .spare = 2});
}
END_TEST

START_TEST(batches_of_items) {
    fails_everywhere(&(alloc_scenario){.setup = items_setup,
                                       .run = loader_run,
                                       .teardown = loader_teardown,
                                       .least = 28,
                                       .spare = 2});
}
END_TEST

START_TEST(batches_by_workers) {
    fails_everywhere(&(alloc_scenario){.setup = workers_setup,
                                       .run = loader_run,
                                       .teardown = loader_teardown,
                                       .least = 34,
                                       .spare = 8});
}
END_TEST

/* ---- datasets and samplers, made and freed ---- */

static double sum_order(reel_sampler *s) {
    int64_t order[ITEMS] = {0};
    double sum = 0;
    reel_sampler_order(s, 3, order);
    for (int i = 0; i < ITEMS; i++) sum = 1.5 * sum + (double)order[i];
    reel_sampler_free(s);
    return sum;
}

static double use_samplers(void) {
    double weights[ITEMS];
    for (int i = 0; i < ITEMS; i++) weights[i] = i;
    double sum = sum_order(reel_sequential_sampler_new(ITEMS));
    if (!reel_failed()) sum += sum_order(reel_random_sampler_new(ITEMS, true, 0, 7));
    if (!reel_failed()) sum += sum_order(reel_weighted_sampler_new(weights, ITEMS, 5, false, 7));
    if (!reel_failed()) sum += sum_order(reel_weighted_sampler_new(weights, ITEMS, 5, true, 7));
    if (!reel_failed()) sum += sum_order(reel_subset_sampler_new((int64_t[]){3, 1, 4}, 3, 7));
    return sum;
}

/* A loader's place saved and loaded. */
static double use_loader(reel_dataset *d) {
    reel_loader *l = reel_loader_new(d, (reel_loader_options){.batch_size = 3, .shuffle = true});
    reel_state *s = l ? reel_state_new() : NULL;
    double sum = 0;
    reel_batch b;
    if (s && reel_loader_next(l, &b)) {
        reel_loader_save(l, s, "train");
        if (!reel_failed()) reel_loader_load(l, s, "train");
        while (reel_loader_next(l, &b)) sum += (double)b.index[0];
    }
    reel_state_free(s);
    reel_loader_free(l);
    return sum;
}

static bool datasets_run(void) {
    reel_dataset *parts[2] = {NULL, NULL};
    double sum = use_samplers();
    reel_dataset_free(reel_tensor_dataset_new(across, NULL));
    reel_random_split(numbers, (int64_t[]){4, 6}, 2, 1, parts);
    reel_dataset *all = parts[1] ? reel_concat_dataset_new(parts, 2) : NULL;
    if (all) sum += use_loader(parts[1]);
    if (all && !reel_failed()) sum += use_loader(all);
    reel_dataset_free(all);
    reel_dataset_free(parts[0]);
    reel_dataset_free(parts[1]);
    if (reel_failed()) return false;
    alloc_outcome(sum);
    return true;
}

START_TEST(datasets_and_samplers) {
    fails_everywhere(&(alloc_scenario){
        .setup = numbers_setup, .run = datasets_run, .teardown = loader_teardown, .least = 74});
}
END_TEST

/* ---- a checkpoint ---- */

static reel_state *state;

static int64_t epoch_in(const reel_state *s) {
    int64_t epoch = -1;
    reel_state_int(s, "epoch", &epoch);
    return epoch;
}

static void checkpoint_setup(void) {
    remove_dir(); /* what the process before left */
    ck_assert_int_eq(reel_make_dirs(dir), REEL_OK);
    state = reel_state_new();
    {
        REEL_SCOPE;
        reel_tensor *x = reel_reshape(reel_arange(6, REEL_F32, cpu), reel_shape(2, 3));
        reel_state_put(state, "x", x);
        reel_state_put(state, "transposed", reel_t(x));
        reel_state_put(state, "a longer name, \"quoted\", of \xe2\x82\xac",
                       reel_arange(3, REEL_U8, cpu));
        reel_state_put(state, "none", reel_zeros(reel_shape(0), REEL_F64, cpu));
    }
    reel_state_put_int(state, "epoch", 1);
    reel_state_put_double(state, "lr", 0.1);
    for (int i = 0; i < 3; i++) reel_checkpoint_write(state, in_dir("c"), 4);
    reel_state_put_int(state, "epoch", 2);
}

/* Whatever has failed, a checkpoint is there, and nothing that a write left behind. */
static void checkpoint_recover(void) {
    reel_state *s = reel_checkpoint_read(in_dir("c"));
    NEED(s && epoch_in(s) >= 1 && reel_state_count(s) == 4);
    reel_state_free(s);
    for (int i = 0; i < 3; i++) {
        char name[64];
        snprintf(name, sizeof name, "c.%ld-%d.tmp", (long)getpid(), i);
        NEED(!reel_file_exists(in_dir(name)));
    }
}

static bool checkpoint_run(void) {
    if (reel_checkpoint_write(state, in_dir("c"), 4) != REEL_OK) return false;
    reel_state *s = reel_checkpoint_read(in_dir("c"));
    alloc_settle();
    if (!s) return false;
    double lr = 0, *none = reel_data(reel_state_get(s, "none"));
    const float *t = reel_data(reel_state_get(s, "transposed"));
    NEED(epoch_in(s) == 2 && reel_state_double(s, "lr", &lr) && lr == 0.1);
    NEED(t[1] == 3 && t[2] == 1 && none);
    reel_state_free(s);
    NEED(epoch_in(state) == 2);
    alloc_outcome(0);
    return true;
}

static void checkpoint_teardown(void) {
    reel_state_free(state);
}

START_TEST(checkpoint_write_and_read) {
    fails_everywhere(&(alloc_scenario){.setup = checkpoint_setup,
                                       .run = checkpoint_run,
                                       .recover = checkpoint_recover,
                                       .teardown = checkpoint_teardown,
                                       .least = 40});
}
END_TEST

/* ---- the other files: IDX, tables, pictures, plots ---- */

static reel_history *history;

static void files_setup(void) {
    uint8_t idx[4 + 8 + 3 * 5] = {0, 0, 8, 2, 0, 0, 0, 3, 0, 0, 0, 5};
    for (int i = 12; i < (int)sizeof idx; i++) idx[i] = (uint8_t)(i * i);
    put_gz(in_dir("idx.gz"), idx, sizeof idx);
    history = reel_history_new((const char *const[]){"step", "loss"}, 2);
    REEL_SCOPE;
    images = reel_retain(reel_full(reel_shape(3, 4, 4), 0.5, REEL_F32, cpu));
}

static double read_idx(void) {
    double sum = 0;
    REEL_SCOPE;
    sum = reel_item(reel_sum(reel_idx_read(in_dir("idx.gz"))));
    return sum;
}

static double write_and_read_history(void) {
    reel_history_add(history, (double[]){1, 0.1});
    if (reel_history_write(history, in_dir("h.csv")) != REEL_OK) return 0;
    reel_history *back = reel_history_read(in_dir("h.csv"));
    const double loss = back ? reel_history_get(back, 0, "loss") : 0;
    reel_history_free(back);
    reel_history *made = reel_history_new((const char *const[]){"a"}, 1);
    reel_history_free(made);
    return loss;
}

static void draw_pictures(void) {
    const char *const names[] = {"a", "b", NULL};
    const reel_plot_line line = {.csv = in_dir("h.csv"), .x = "step", .y = "loss", .label = "run"};
    bool drawn = true;
    if (reel_grid_write(in_dir("grid.png"), images,
                        (reel_grid_options){.columns = 2, .title = "t", .captions = names}) !=
        REEL_OK)
        return;
    if (reel_plot_write(in_dir("p.png"), &line, 1, (reel_plot_options){.title = "t"}, &drawn) !=
        REEL_OK)
        return;
    REEL_SCOPE;
    reel_tensor *digits = NULL, *labels = NULL;
    if (reel_digits_draw(2, 1, &digits, &labels) == REEL_OK)
        reel_png_write(in_dir("one.png"), reel_t(reel_select(digits, 0, 1)));
}

static bool files_run(void) {
    double sum = reel_make_dirs(in_dir("a/b")) == REEL_OK ? read_idx() : 0;
    if (!reel_failed()) sum += write_and_read_history();
    if (!reel_failed()) draw_pictures();
    if (reel_failed()) return false;
    alloc_outcome(sum);
    return true;
}

static void files_teardown(void) {
    reel_history_free(history);
    reel_release(images);
}

START_TEST(other_files) {
    fails_everywhere(&(alloc_scenario){
        .setup = files_setup, .run = files_run, .teardown = files_teardown, .least = 60});
}
END_TEST

/* ---- the suite ---- */

/* ---- a profile: what has no memory is dropped ---- */

static bool profile_run(void) {
    reel_profile_start((reel_profile_options){.most_events = 3000});
    {
        REEL_SCOPE;
        REEL_PROFILE_RANGE("all");
        reel_relu(reel_ones(reel_shape(3), REEL_F32, cpu));
    }
    reel_profile_stop();
    FILE *f = fopen("/dev/null", "w");
    if (f) {
        setvbuf(f, NULL, _IONBF, 0);
        reel_profile_report(f);
        fclose(f);
    }
    reel_profile_write(in_dir("trace.json"));
    reel_profile_clear();
    return !reel_failed();
}

START_TEST(profile) {
    fails_everywhere(
        &(alloc_scenario){.setup = nothing, .run = profile_run, .teardown = nothing, .least = 12});
}
END_TEST

int main(void) {
    Suite *s = suite_create("alloc");
    TCase *c = add_dir_case(s, "every allocation");
    tcase_set_tags(c, "fork"); /* thousands of processes, each of which valgrind would start anew */
    tcase_add_test(c, training_step);
    tcase_add_test(c, training_step_of_two_threads);
    tcase_add_test(c, model_optimizer_schedule);
    tcase_add_test(c, transformer);
    tcase_add_test(c, module_tools);
    tcase_add_test(c, batches_of_rows);
    tcase_add_test(c, batches_of_items);
    tcase_add_test(c, batches_by_workers);
    tcase_add_test(c, datasets_and_samplers);
    tcase_add_test(c, checkpoint_write_and_read);
    tcase_add_test(c, other_files);
    tcase_add_test(c, profile);
    add_alloc_op_tests(c);
    return run_suite(s);
}
