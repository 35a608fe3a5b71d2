/* char_lm: learns a text character by character, and writes more of it.
 *
 *     char_lm --model gpt --text shakespeare.txt --device cuda --out runs/gpt
 *
 * writes runs/gpt/checkpoint.safetensors and history.csv as it goes, and a sample at the end. */
#include "apps/examples/arguments.h"
#include "apps/examples/trainer.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *model, *file, *out;
    int64_t steps, every, batch, context, width, layers, heads, seed, sample;
    double lr, dropout, temperature;
    bool resume;
    reel_device device;
} settings;

/* ---- the text, whose last tenth is kept back for validation ---- */

typedef struct {
    int64_t characters;           /* that there are */
    unsigned char character[256]; /* by number */
    reel_tensor *train, *valid;   /* i64, on the device; retained */
} text;

static const char builtin[] =
    "The reel turns, and what was wound upon it comes off again, turn by turn, in the order that "
    "it went on. A tape remembers what was done, and walks back over it from its end. ";

static void text_read(text *t, const settings *o) {
    void *bytes = NULL;
    size_t size = sizeof builtin - 1;
    int64_t number[256] = {0};
    if (o->file && reel_file_read(o->file, &bytes, &size) != REEL_OK) return;
    const unsigned char *s = bytes ? bytes : (const void *)builtin;
    const int64_t n = (int64_t)size * (bytes ? 1 : 100), train = n - n / 10;
    if (n - train <= o->context)
        reel_fail(REEL_ERR_ARGUMENT, NULL,
                  "char_lm: %lld characters are too few for --context %lld", (long long)n,
                  (long long)o->context);
    for (size_t i = 0; i < size; i++) number[s[i]] = 1;
    for (int c = 0; c < 256; c++)
        if (number[c]) t->character[number[c] = t->characters++] = (unsigned char)c;
    int64_t *all = calloc((size_t)n + 1, sizeof *all);
    for (int64_t i = 0; all && i < n; i++) all[i] = number[s[(size_t)i % size]];
    REEL_SCOPE;
    reel_tensor *x = all ? reel_to(reel_from(all, reel_shape(n), REEL_I64), o->device) : NULL;
    t->train = reel_retain(reel_slice(x, 0, 0, train, 1));
    t->valid = reel_retain(reel_slice(x, 0, train, n, 1));
    free(all);
    free(bytes);
}

/* ---- the models: x[B,T] (i64) -> y[B,T,characters] ---- */

static reel_module *lstm_new(const settings *o, int64_t characters, reel_generator *g) {
    const reel_embedding_layer_options table = {.generator = g};
    return reel_sequential(
        reel_embedding_new(characters, o->width, table), reel_dropout_new(o->dropout, 1),
        reel_lstm_new(o->width, o->width,
                      (reel_rnn_options){.layers = (int)o->layers,
                                         .dropout = o->dropout,
                                         .batch_first = true,
                                         .generator = g}),
        reel_dropout_new(o->dropout, 2),
        reel_linear_new(o->width, characters, (reel_linear_options){.generator = g}));
}

typedef struct {
    reel_module base;
    reel_module *tokens, *places, *drop, *blocks, *norm, *head;
} gpt;

static reel_tensor *gpt_forward(reel_module *base, reel_tensor *x) {
    const gpt *m = (gpt *)base;
    reel_tensor *at = reel_arange(reel_dim(x, 1), REEL_I64, reel_device_of(x));
    x = reel_add(reel_forward(m->tokens, x), reel_forward(m->places, at));
    x = reel_forward(m->blocks, reel_forward(m->drop, x));
    return reel_forward(m->head, reel_forward(m->norm, x));
}

static void release(reel_module *base) {
    free(base);
}

static reel_module *gpt_new(const settings *o, int64_t characters, reel_generator *g) {
    const reel_embedding_layer_options table = {.generator = g};
    const reel_transformer_options block = {.dim_feedforward = 4 * o->width,
                                            .dropout = o->dropout > 0 ? o->dropout : REEL_ZERO,
                                            .activation = REEL_GELU,
                                            .norm_first = true,
                                            .batch_first = true,
                                            .is_causal = true,
                                            .generator = g};
    reel_module *blocks[64] = {NULL};
    gpt *m = calloc(1, sizeof *m);
    if (!m) return NULL;
    reel_module_init(&m->base, "gpt", gpt_forward);
    m->base.free = release;
    for (int64_t i = 0; i < o->layers; i++)
        blocks[i] = reel_transformer_encoder_layer_new(o->width, o->heads, block);
    m->tokens =
        reel_module_child(&m->base, "tokens", reel_embedding_new(characters, o->width, table));
    m->places =
        reel_module_child(&m->base, "places", reel_embedding_new(o->context, o->width, table));
    m->drop = reel_module_child(&m->base, "drop", reel_dropout_new(o->dropout, 1));
    m->blocks = reel_module_child(&m->base, "blocks", reel_sequential_new(blocks, (int)o->layers));
    m->norm = reel_module_child(
        &m->base, "norm", reel_layer_norm_new(reel_shape(o->width), (reel_layer_norm_options){0}));
    m->head = reel_module_child(
        &m->base, "head",
        reel_linear_new(o->width, characters, (reel_linear_options){.generator = g}));
    return &m->base;
}

/* ---- training ---- */

/* The mean loss of windows that begin at starts[B,1] (i64): each character from those before it. */
static reel_tensor *loss_of(reel_module *m, reel_tensor *t, reel_tensor *starts, int64_t T) {
    const int64_t B = reel_dim(starts, 0);
    reel_tensor *at = reel_add(starts, reel_arange(T + 1, REEL_I64, reel_device_of(t)));
    reel_tensor *w = reel_index_select(t, 0, reel_reshape(at, reel_shape(-1)));
    w = reel_reshape(w, reel_shape(B, T + 1));
    reel_tensor *y = reel_forward(m, reel_slice(w, 1, 0, T, 1)); /* [B,T,characters] */
    return reel_cross_entropy_loss(reel_flatten(y, 0, 1),
                                   reel_flatten(reel_slice(w, 1, 1, T + 1, 1), 0, 1));
}

static double validate(reel_module *m, const text *t, const settings *o) { /* window by window */
    reel_meter loss = {0};
    const int64_t T = o->context, n = (reel_numel(t->valid) - 1) / T;
    reel_eval(m);
    REEL_NO_GRAD;
    for (int64_t i = 0; i < n; i += o->batch) {
        REEL_SCOPE;
        const int64_t end = i + o->batch < n ? i + o->batch : n;
        reel_tensor *at =
            reel_arange_from((double)(i * T), (double)(end * T), (double)T, REEL_I64, o->device);
        reel_meter_add_weighted(&loss, loss_of(m, t->valid, reel_unsqueeze(at, 1), T),
                                (double)(end - i));
    }
    reel_train(m);
    const double mean = reel_meter_mean(&loss);
    reel_meter_reset(&loss);
    return mean;
}

static void train(trainer *r, const text *t, const settings *o) {
    static const char *const columns[] = {"step", "loss", "validation"};
    const int64_t starts = reel_numel(t->train) - o->context;
    reel_meter loss = {0};
    trainer_start(r, o->resume, columns, 3);
    while (r->step < o->steps && !reel_failed()) {
        REEL_SCOPE;
        reel_tensor *at = reel_randint(0, starts, reel_shape(o->batch, 1), REEL_I64, r->draws);
        reel_tensor *l = loss_of(r->model, t->train, at, o->context);
        reel_backward(l);
        reel_clip_grad_norm(r->optim, 1.0);
        reel_optim_step(r->optim);
        reel_schedule_step(r->schedule);
        reel_meter_add(&loss, l);
        if (++r->step % o->every && r->step < o->steps) continue;
        const double row[] = {(double)r->step, reel_meter_mean(&loss), validate(r->model, t, o)};
        reel_meter_reset(&loss);
        trainer_record(r, columns, row, 3);
    }
    reel_meter_reset(&loss);
}

static void write_sample(trainer *r, const text *t, const settings *o) {
    int64_t *written = calloc((size_t)o->sample + 1, sizeof *written); /* from character 0 on */
    reel_eval(r->model);
    REEL_NO_GRAD;
    for (int64_t i = 0; written && i < o->sample && !reel_failed(); i++) {
        REEL_SCOPE;
        const int64_t first = i + 1 > o->context ? i + 1 - o->context : 0;
        reel_tensor *x = reel_from(written + first, reel_shape(1, i + 1 - first), REEL_I64);
        reel_tensor *y = reel_forward(r->model, reel_to(x, o->device));
        y = reel_scale(reel_select(reel_select(y, 0, 0), 0, -1), 1 / o->temperature);
        written[i + 1] =
            (int64_t)reel_item(reel_multinomial(reel_softmax(y, 0), 1, true, r->draws));
        putchar(t->character[written[i + 1]]);
    }
    putchar('\n');
    free(written);
}

static void run(const settings *o) {
    text t = {0};
    trainer r = {.out = o->out};
    if (reel_device_check(o->device) != REEL_OK) return;
    reel_manual_seed((uint64_t)o->seed);
    text_read(&t, o);
    reel_generator *g = reel_generator_new((uint64_t)o->seed, reel_cpu());
    r.draws = reel_generator_new((uint64_t)o->seed + 1, o->device);
    r.model = (strcmp(o->model, "gpt") == 0 ? gpt_new : lstm_new)(o, t.characters, g);
    reel_module_to(r.model, o->device);
    reel_state *params = reel_module_params(r.model);
    r.optim = reel_adamw_new(params,
                             (reel_adam_options){.lr = o->lr, .beta2 = 0.99, .weight_decay = 0.1});
    r.schedule = reel_one_cycle_schedule_new(
        r.optim, (reel_one_cycle_options){.steps = o->steps, .pct_start = 0.05});
    train(&r, &t, o);
    if (!reel_failed()) write_sample(&r, &t, o);
    trainer_free(&r);
    reel_state_free(params);
    reel_generator_free(g);
    reel_release(t.train);
    reel_release(t.valid);
}

int main(int argc, char **argv) {
    settings o = {.model = "gpt",
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
                  .temperature = 0.8};
    const argument table[] = {
        {"model", TEXT, &o.model, "lstm or gpt", 0},
        {"text", TEXT, &o.file, "a file to learn; without one, a few lines built in", 0},
        {"steps", NUMBER, &o.steps, "of training", 1},
        {"every", NUMBER, &o.every, "steps between two lines, and checkpoints", 1},
        {"batch", NUMBER, &o.batch, "windows a step", 1},
        {"context", NUMBER, &o.context, "characters in a window", 1},
        {"width", NUMBER, &o.width, "of the model", 1},
        {"layers", NUMBER, &o.layers, "of the model, 64 at most", 1},
        {"heads", NUMBER, &o.heads, "of the gpt's attention", 1},
        {"lr", REAL, &o.lr, "learning rate at its highest", 0},
        {"dropout", REAL, &o.dropout, "share that is dropped in training", 0},
        {"sample", NUMBER, &o.sample, "characters to write at the end", 0},
        {"temperature", REAL, &o.temperature, "of the sample", 1e-6},
        {"seed", NUMBER, &o.seed, "of weights, dropout and windows", 0},
        {"device", DEVICE, &o.device, "where to compute", 0},
        {"out", TEXT, &o.out, "directory of the checkpoint and history.csv", 0},
        {"resume", FLAG, &o.resume, "go on from the checkpoint there, if there is one", 0},
        {NULL, 0, NULL, NULL, 0}};
    const int status = arguments_read(table, argc, argv);
    if (status >= 0) return status;
    if ((strcmp(o.model, "lstm") != 0 && strcmp(o.model, "gpt") != 0) || o.layers > 64) {
        fprintf(stderr, "char_lm: --model is lstm or gpt, --layers 64 at most\n");
        return 2;
    }
    run(&o);
    return reel_report(stderr);
}
