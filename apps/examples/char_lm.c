/* char_lm: learns a text character by character, and writes more of it.
 *     char_lm --model gpt --text shakespeare.txt --device cuda --out runs/gpt
 * writes runs/gpt/checkpoint.safetensors and history.csv as it goes, and a sample at the end. */
#include "apps/examples/arguments.h"
#include "apps/examples/characters.h"
#include "apps/examples/trainer.h"
#include <stdlib.h>
#include <string.h>

enum { EVERY = 250 /* steps between two checkpoints */ };

typedef struct {
    const char *model, *file, *out;
    int64_t steps, batch, context, width, layers, heads, seed, sample;
    double lr, dropout;
    bool resume;
    reel_device device;
} settings;

/* ---- the models: x[B,T] (i64) -> y[B,T,count], of so many characters ---- */

static reel_module *lstm_new(const settings *o, int64_t count, reel_generator *g) {
    const reel_embedding_layer_options table = {.generator = g};
    return reel_sequential(reel_embedding_new(count, o->width, table),
                           reel_dropout_new(o->dropout, 0),
                           reel_lstm_new(o->width, o->width,
                                         (reel_recurrent_options){.num_layers = (int)o->layers,
                                                                  .dropout = o->dropout,
                                                                  .batch_first = true,
                                                                  .generator = g}),
                           reel_dropout_new(o->dropout, 0),
                           reel_linear_new(o->width, count, (reel_linear_options){.generator = g}));
}

typedef struct {
    reel_module base;
    reel_module *tokens, *places, *drop, *body, *head;
} gpt;

static reel_tensor *gpt_forward(reel_module *base, reel_tensor *x) {
    const gpt *m = (gpt *)base;
    reel_tensor *at = reel_arange(reel_dim(x, 1), REEL_I64, reel_device_of(x));
    x = reel_add(reel_forward(m->tokens, x), reel_forward(m->places, at));
    return reel_forward(m->head, reel_forward(m->body, reel_forward(m->drop, x)));
}

static void release(reel_module *base) {
    free(base);
}

static reel_module *gpt_new(const settings *o, int64_t count, reel_generator *g) {
    const reel_embedding_layer_options table = {.generator = g};
    const reel_linear_options linear = {.generator = g};
    const reel_transformer_options block = {.dim_feedforward = 4 * o->width,
                                            .dropout = o->dropout > 0 ? o->dropout : REEL_ZERO,
                                            .activation = reel_gelu_at,
                                            .norm_first = true,
                                            .batch_first = true,
                                            .is_causal = true,
                                            .generator = g};
    gpt *m = calloc(1, sizeof *m);
    if (!m) return NULL;
    reel_module_init(&m->base, "gpt", gpt_forward);
    m->base.free = release;
#define CHILD(name, ...) m->name = reel_module_child(&m->base, #name, __VA_ARGS__)
    CHILD(tokens, reel_embedding_new(count, o->width, table));
    CHILD(places, reel_embedding_new(o->context, o->width, table));
    CHILD(drop, reel_dropout_new(o->dropout, 0));
    CHILD(body, reel_transformer_encoder_new(o->width, o->heads, o->layers, true, block));
    CHILD(head, reel_linear_new(o->width, count, linear));
    return &m->base;
}

/* ---- training ---- */

/* The mean loss of windows that begin at starts[B,1] (i64): each character from those before it. */
static reel_tensor *loss_of(reel_module *m, reel_tensor *t, reel_tensor *starts, int64_t T) {
    const int64_t B = reel_dim(starts, 0);
    reel_tensor *at = reel_add(starts, reel_arange(T + 1, REEL_I64, reel_device_of(t)));
    reel_tensor *w = reel_index_select(t, 0, reel_reshape(at, reel_shape(-1)));
    w = reel_reshape(w, reel_shape(B, T + 1));
    reel_tensor *y = reel_forward(m, reel_slice(w, 1, 0, T, 1)); /* [B,T,count] */
    return reel_cross_entropy_loss(reel_flatten(y, 0, 1),
                                   reel_flatten(reel_slice(w, 1, 1, T + 1, 1), 0, 1));
}

static double validate(reel_module *m, const characters *t,
                       const settings *o) { /* window by window */
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

static void train(trainer *r, const characters *t, const settings *o) {
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
        if (++r->step % EVERY && r->step < o->steps) continue;
        const double row[] = {(double)r->step, reel_meter_mean(&loss), validate(r->model, t, o)};
        reel_meter_reset(&loss);
        trainer_record(r, columns, row, 3);
    }
    reel_meter_reset(&loss);
}

static void write_sample(trainer *r, const characters *t, const settings *o) {
    int64_t *written = calloc((size_t)o->sample + 1, sizeof *written); /* after character 0 */
    reel_eval(r->model);
    REEL_NO_GRAD;
    for (int64_t i = 0; written && i < o->sample && !reel_failed(); i++) {
        REEL_SCOPE;
        const int64_t first = i + 1 > o->context ? i + 1 - o->context : 0;
        reel_tensor *x = reel_from(written + first, reel_shape(1, i + 1 - first), REEL_I64);
        reel_tensor *y = reel_forward(r->model, reel_to(x, o->device));
        y = reel_softmax(reel_select(reel_select(y, 0, 0), 0, -1), 0);
        const double next = reel_item(reel_multinomial(y, 1, true, r->draws));
        if (reel_failed()) break;
        written[i + 1] = (int64_t)next;
        putchar(t->of[written[i + 1]]);
    }
    putchar('\n');
    free(written);
}

static void run(const settings *o) {
    characters t = {0};
    trainer r = {.out = o->out};
    if (reel_device_check(o->device) != REEL_OK) return;
    reel_manual_seed((uint64_t)o->seed);
    characters_read(&t, o->file, o->context, o->device);
    reel_generator *g = reel_generator_new((uint64_t)o->seed, reel_cpu());
    r.draws = reel_generator_new((uint64_t)o->seed + 1, o->device);
    r.model = (strcmp(o->model, "gpt") == 0 ? gpt_new : lstm_new)(o, t.count, g);
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
    characters_free(&t);
}

int main(int argc, char **argv) {
    settings o = {"gpt", NULL, "runs/char_lm", 2000, 64,    256, 384, 6, 6,
                  1,     500,  1e-3,           0.2,  false, {0}};
    const argument table[] = {
        {"model", TEXT, &o.model, "lstm or gpt", 0},
        {"text", TEXT, &o.file, "a file to learn; without one, a few lines built in", 0},
        {"steps", NUMBER, &o.steps, "of training", 1},
        {"batch", NUMBER, &o.batch, "windows a step", 1},
        {"context", NUMBER, &o.context, "characters in a window", 1},
        {"width", NUMBER, &o.width, "of the model", 1},
        {"layers", NUMBER, &o.layers, "of the model", 1},
        {"heads", NUMBER, &o.heads, "of the gpt's attention", 1},
        {"lr", REAL, &o.lr, "learning rate at its highest", 1e-300},
        {"dropout", REAL, &o.dropout, "share that is dropped in training", 0},
        {"sample", NUMBER, &o.sample, "characters to write at the end", 0},
        {"seed", NUMBER, &o.seed, "of weights, dropout and windows", 0},
        {"device", DEVICE, &o.device, "where to compute", 0},
        {"out", TEXT, &o.out, "directory of the checkpoint and history.csv", 0},
        {"resume", FLAG, &o.resume, "go on from the checkpoint there, if there is one", 0},
        {NULL, 0, NULL, NULL, 0}};
    const int status = arguments_read(table, argc, argv);
    if (status >= 0) return status;
    if (strcmp(o.model, "lstm") != 0 && strcmp(o.model, "gpt") != 0) {
        fprintf(stderr, "char_lm: --model: lstm or gpt, not '%.200s'\n", o.model);
        return 2;
    }
    run(&o);
    return reel_report(stderr);
}
