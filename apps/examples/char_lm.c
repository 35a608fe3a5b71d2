/* char_lm: learns a text character by character, and writes more of it.
 *
 *     char_lm --model gpt --text shakespeare.txt --device cuda --out runs/gpt
 *
 * writes runs/gpt/checkpoint.safetensors and history.csv as it goes, and a sample at the end. */
#include "apps/examples/arguments.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char builtin[] =
    "The reel turns, and what was wound upon it comes off again, turn by turn, in the order that "
    "it went on. A tape remembers what was done, and walks back over it from its end. ";

typedef struct {
    const char *model, *text, *out;
    int64_t steps, every, batch, context, width, layers, heads, seed, sample;
    double lr, dropout, temperature;
    bool resume;
    reel_device device;
    /* the text, as numbers of its characters */
    int64_t count, characters;
    unsigned char character[256]; /* by number */
    reel_tensor *train, *valid;   /* i64, on the device */
    reel_generator *draws;        /* where windows begin */
} job;

/* ---- the text ---- */

static void read_text(job *j) {
    void *bytes = NULL;
    size_t size = sizeof builtin - 1;
    int64_t number[256] = {0};
    bool there[256] = {false};
    if (j->text && reel_file_read(j->text, &bytes, &size) != REEL_OK) return;
    const unsigned char *s = bytes ? bytes : (const void *)builtin;
    const int64_t times = bytes ? 1 : 100;
    int64_t *all = malloc(size * (size_t)times * sizeof *all);
    for (size_t i = 0; i < size; i++) there[s[i]] = true;
    for (int c = 0; c < 256; c++)
        if (there[c]) j->character[number[c] = j->characters++] = (unsigned char)c;
    j->count = all ? (int64_t)size * times : 0;
    for (int64_t i = 0; i < j->count; i++) all[i] = number[s[(size_t)i % size]];
    const int64_t last = j->count / 10; /* for validation */
    if (last <= j->context + 1)
        reel_fail(REEL_ERR_ARGUMENT, NULL, "char_lm: too short for --context %lld: %lld characters",
                  (long long)j->context, (long long)j->count);
    REEL_SCOPE;
    reel_tensor *t =
        all ? reel_to(reel_from(all, reel_shape(j->count), REEL_I64), j->device) : NULL;
    j->train = reel_retain(reel_slice(t, 0, 0, j->count - last, 1));
    j->valid = reel_retain(reel_slice(t, 0, j->count - last, j->count, 1));
    free(all);
    free(bytes);
}

/* Windows that begin at `starts` [B,1] (i64): x[B,T], and y[B,T] one character on. */
static void windows(const job *j, reel_tensor *text, reel_tensor *starts, reel_tensor **x,
                    reel_tensor **y) {
    const int64_t B = reel_dim(starts, 0), T = j->context;
    reel_tensor *at = reel_add(starts, reel_arange(T + 1, REEL_I64, j->device));
    reel_tensor *w = reel_index_select(text, 0, reel_reshape(at, reel_shape(-1)));
    w = reel_reshape(w, reel_shape(B, T + 1));
    *x = reel_slice(w, 1, 0, T, 1);
    *y = reel_reshape(reel_slice(w, 1, 1, T + 1, 1), reel_shape(-1));
}

/* ---- the models: x[B,T] (i64) -> y[B,T,characters] ---- */

typedef struct {
    reel_module base;
    reel_module *embed, *places, *drop, *body, *norm, *head; /* of an LSTM no places, no norm */
} language_model;

static reel_tensor *forward(reel_module *base, reel_tensor *x) {
    const language_model *m = (language_model *)base;
    reel_tensor *y = reel_forward(m->embed, x);
    if (m->places)
        y = reel_add(
            y, reel_forward(m->places, reel_arange(reel_dim(x, 1), REEL_I64, reel_device_of(x))));
    y = reel_forward(m->drop, y);
    if (!m->places) return reel_forward(m->head, reel_forward(m->drop, reel_forward(m->body, y)));
    for (int i = 0; i < reel_module_child_count(m->body); i++)
        y = reel_forward(reel_module_child_at(m->body, i), y);
    return reel_forward(m->head, reel_forward(m->norm, y));
}

static reel_module *block_new(const job *j, reel_generator *g) {
    return reel_transformer_encoder_layer_new(
        j->width, (int)j->heads,
        (reel_transformer_options){.feedforward = 4 * j->width,
                                   .dropout = j->dropout ? j->dropout : REEL_ZERO,
                                   .activation = REEL_GELU,
                                   .norm_first = true,
                                   .batch_first = true,
                                   .causal = true,
                                   .generator = g});
}

static reel_module *model_new(const job *j) {
    const bool gpt = strcmp(j->model, "gpt") == 0;
    reel_generator *g = reel_generator_new((uint64_t)j->seed, reel_cpu());
    const reel_embedding_layer_options table = {.generator = g};
    language_model *m = calloc(1, sizeof *m);
    if (!m) return NULL;
    reel_module_init(&m->base, j->model, forward);
    m->base.free = (void (*)(reel_module *))free;
    m->embed =
        reel_module_child(&m->base, "embed", reel_embedding_new(j->characters, j->width, table));
    m->drop = reel_module_child(&m->base, "drop", reel_dropout_new(j->dropout, reel_next_seed()));
    if (gpt) {
        reel_module *blocks[64] = {NULL};
        for (int64_t i = 0; i < j->layers; i++) blocks[i] = block_new(j, g);
        m->places =
            reel_module_child(&m->base, "places", reel_embedding_new(j->context, j->width, table));
        m->body = reel_module_child(&m->base, "body", reel_module_list_new(blocks, (int)j->layers));
        m->norm = reel_module_child(
            &m->base, "norm",
            reel_layer_norm_new(reel_shape(j->width), (reel_layer_norm_options){0}));
    } else {
        m->body = reel_module_child(&m->base, "body",
                                    reel_lstm_new(j->width, j->width,
                                                  (reel_rnn_options){.layers = (int)j->layers,
                                                                     .dropout = j->dropout,
                                                                     .batch_first = true,
                                                                     .generator = g}));
    }
    m->head = reel_module_child(
        &m->base, "head",
        reel_linear_new(j->width, j->characters, (reel_linear_options){.generator = g}));
    reel_generator_free(g);
    return &m->base;
}

/* ---- training ---- */

static reel_tensor *loss_of(reel_module *m, reel_tensor *x, reel_tensor *y) {
    reel_tensor *logits = reel_forward(m, x);
    return reel_cross_entropy_loss(reel_reshape(logits, reel_shape(reel_numel(y), -1)), y);
}

/* Over the whole of the text that is kept back, window after window. */
static double validate(const job *j, reel_module *m) {
    reel_meter loss = {0};
    const int64_t T = j->context, n = (reel_numel(j->valid) - 1) / T;
    reel_eval(m);
    REEL_NO_GRAD;
    for (int64_t i = 0; i < n; i += j->batch) {
        REEL_SCOPE;
        const int64_t stop = i + j->batch < n ? i + j->batch : n;
        reel_tensor *x, *y,
            *at = reel_arange_from((double)(i * T), (double)(stop * T), (double)T, REEL_I64,
                                   j->device);
        windows(j, j->valid, reel_unsqueeze(at, 1), &x, &y);
        reel_meter_add_weighted(&loss, loss_of(m, x, y), (double)(stop - i));
    }
    reel_train(m);
    const double mean = reel_meter_mean(&loss);
    reel_meter_reset(&loss);
    return mean;
}

static void write_sample(const job *j, reel_module *m) {
    int64_t *text =
        calloc((size_t)(j->sample + 1), sizeof *text); /* which begins with character 0 */
    reel_eval(m);
    REEL_NO_GRAD;
    for (int64_t i = 0; text && i < j->sample && !reel_failed(); i++) {
        REEL_SCOPE;
        const int64_t first = i + 1 > j->context ? i + 1 - j->context : 0, n = i + 1 - first;
        reel_tensor *x = reel_to(reel_from(text + first, reel_shape(1, n), REEL_I64), j->device);
        reel_tensor *y = reel_select(reel_select(reel_forward(m, x), 0, 0), 0, -1);
        reel_tensor *p = reel_softmax(reel_scale(y, 1 / j->temperature), 0);
        text[i + 1] = (int64_t)reel_item(reel_multinomial(p, 1, true, j->draws));
        putchar(j->character[text[i + 1]]);
    }
    putchar('\n');
    free(text);
}

static const char *path_in(const job *j, const char *name) {
    static char path[1024];
    snprintf(path, sizeof path, "%s/%s", j->out, name);
    return path;
}

typedef struct {
    reel_module *model;
    reel_optim *optim;
    reel_schedule *schedule;
    reel_history *history;
    int64_t step;
} run;

static void save(const job *j, run *r) {
    reel_state *s = reel_state_new();
    reel_module_save(r->model, s, "model");
    reel_optim_save(r->optim, s, "optim");
    reel_schedule_save(r->schedule, s, "schedule");
    reel_state_put(s, "draws", reel_generator_state(j->draws));
    reel_state_put_int(s, "step", r->step);
    reel_checkpoint_write(s, path_in(j, "checkpoint.safetensors"), 1);
    reel_history_write(r->history, path_in(j, "history.csv"));
    reel_state_free(s);
}

static void load(const job *j, run *r) {
    reel_state *s = reel_checkpoint_read(path_in(j, "checkpoint.safetensors"));
    reel_module_load(r->model, s, "model");
    reel_optim_load(r->optim, s, "optim");
    reel_schedule_load(r->schedule, s, "schedule");
    reel_copy_(reel_generator_state(j->draws), reel_state_get(s, "draws"));
    reel_state_int(s, "step", &r->step);
    reel_history_free(r->history);
    r->history = reel_history_read(path_in(j, "history.csv"));
    reel_state_free(s);
}

static void train(const job *j, run *r) {
    reel_meter loss = {0};
    while (r->step < j->steps && !reel_failed()) {
        REEL_SCOPE;
        reel_tensor *x, *y;
        const int64_t starts = reel_numel(j->train) - j->context;
        windows(j, j->train, reel_randint(0, starts, reel_shape(j->batch, 1), REEL_I64, j->draws),
                &x, &y);
        reel_tensor *l = loss_of(r->model, x, y);
        reel_backward(l);
        reel_clip_grad_norm(r->optim, 1.0);
        reel_optim_step(r->optim);
        reel_schedule_step(r->schedule);
        reel_meter_add(&loss, l);
        if (++r->step % j->every && r->step < j->steps) continue;
        const double row[] = {(double)r->step, reel_meter_mean(&loss), validate(j, r->model)};
        reel_meter_reset(&loss);
        if (reel_failed()) break;
        printf("step %5.0f  loss %.4f  validation %.4f\n", row[0], row[1], row[2]);
        fflush(stdout);
        reel_history_add(r->history, row);
        save(j, r);
    }
    reel_meter_reset(&loss);
}

static void run_all(job *j) {
    run r = {NULL};
    const char *columns[] = {"step", "loss", "validation"};
    if (reel_device_check(j->device) != REEL_OK) return;
    reel_manual_seed((uint64_t)j->seed);
    reel_make_dirs(j->out);
    read_text(j);
    j->draws = reel_generator_new((uint64_t)j->seed, j->device);
    r.model = model_new(j);
    reel_module_to(r.model, j->device);
    reel_state *params = reel_module_params(r.model);
    r.optim = reel_adamw_new(params, (reel_adam_options){.lr = j->lr, .weight_decay = 0.1});
    r.schedule = reel_warmup_schedule_new(
        r.optim, (reel_warmup_options){
                     .steps = 100,
                     .after = reel_cosine_schedule_new(
                         r.optim, (reel_cosine_options){.steps = j->steps, .floor = j->lr / 10})});
    r.history = reel_history_new(columns, 3);
    if (j->resume && reel_file_exists(path_in(j, "checkpoint.safetensors"))) load(j, &r);
    train(j, &r);
    if (!reel_failed()) write_sample(j, r.model);
    reel_history_free(r.history);
    reel_schedule_free(r.schedule);
    reel_optim_free(r.optim);
    reel_state_free(params);
    reel_module_free(r.model);
    reel_generator_free(j->draws);
    reel_release(j->train);
    reel_release(j->valid);
}

int main(int argc, char **argv) {
    job j = {.model = "gpt",
             .out = "runs/char_lm",
             .steps = 2000,
             .every = 250,
             .batch = 64,
             .context = 256,
             .width = 384,
             .layers = 6,
             .heads = 6,
             .seed = 1,
             .sample = 500,
             .lr = 1e-3,
             .dropout = 0.2,
             .temperature = 1.0};
    const argument table[] = {
        {"model", TEXT, &j.model, "lstm or gpt", 0},
        {"text", TEXT, &j.text, "a file to learn; without one, a few lines built in", 0},
        {"steps", NUMBER, &j.steps, "of training", 1},
        {"every", NUMBER, &j.every, "steps between two lines, and checkpoints", 1},
        {"batch", NUMBER, &j.batch, "windows a step", 1},
        {"context", NUMBER, &j.context, "characters in a window", 1},
        {"width", NUMBER, &j.width, "of the model", 1},
        {"layers", NUMBER, &j.layers, "of the model", 1},
        {"heads", NUMBER, &j.heads, "of the gpt's attention", 1},
        {"lr", REAL, &j.lr, "learning rate at its highest", 0},
        {"dropout", REAL, &j.dropout, "share that is dropped in training", 0},
        {"sample", NUMBER, &j.sample, "characters to write at the end", 0},
        {"temperature", REAL, &j.temperature, "of the sample", 1e-6},
        {"seed", NUMBER, &j.seed, "of weights, dropout and windows", 0},
        {"device", DEVICE, &j.device, "where to compute", 0},
        {"out", TEXT, &j.out, "directory of the checkpoint and history.csv", 0},
        {"resume", FLAG, &j.resume, "go on from the checkpoint there, if there is one", 0},
        {NULL, 0, NULL, NULL, 0}};
    const int status = arguments_read(table, argc, argv);
    if (status >= 0) return status;
    if (strcmp(j.model, "lstm") != 0 && strcmp(j.model, "gpt") != 0) {
        fprintf(stderr, "char_lm: --model: lstm or gpt, not '%.200s'\n", j.model);
        return 2;
    }
    run_all(&j);
    return reel_report(stderr);
}
