#include "tests/bench/bench_layers.h"

#include <string.h>

enum { CHANNELS = 64, COLUMN_CHANNELS = 16, WORDS = 10000, LENGTH = 64, BAG = 16, HEADS = 8 };

struct layer {
    const char *name;
    void (*make)(layer_operands *in, int64_t batch, int64_t size, reel_generator *g);
    reel_tensor *(*call)(const layer_operands *in);
};

/* ---- operands ---- */

static void put(layer_operands *in, reel_tensor *t, bool tracked) {
    in->of[in->count++] = reel_retain(tracked ? reel_track(t) : t);
    in->tracked += tracked;
}

static void random_floats(layer_operands *in, reel_shape s, reel_generator *g) {
    put(in, reel_rand(s, REEL_F32, g), true);
}

static void random_words(layer_operands *in, reel_shape s, reel_generator *g) {
    put(in, reel_randint(0, WORDS, s, REEL_I64, g), false);
}

/* x[BATCH,64,SIZE,SIZE] */
static void images(layer_operands *in, int64_t batch, int64_t size, reel_generator *g) {
    random_floats(in, reel_shape(batch, CHANNELS, size, size), g);
}

/* x[BATCH,16,SIZE,SIZE] */
static void few_channels(layer_operands *in, int64_t batch, int64_t size, reel_generator *g) {
    random_floats(in, reel_shape(batch, COLUMN_CHANNELS, size, size), g);
}

/* x[BATCH,16 9,SIZE^2] */
static void columns(layer_operands *in, int64_t batch, int64_t size, reel_generator *g) {
    random_floats(in, reel_shape(batch, COLUMN_CHANNELS * 9, size * size), g);
}

/* table[10000,SIZE] index[BATCH,64] */
static void sentences(layer_operands *in, int64_t batch, int64_t size, reel_generator *g) {
    random_floats(in, reel_shape(WORDS, size), g);
    random_words(in, reel_shape(batch, LENGTH), g);
}

/* table[10000,SIZE] index[BATCH,16] */
static void bags(layer_operands *in, int64_t batch, int64_t size, reel_generator *g) {
    random_floats(in, reel_shape(WORDS, size), g);
    random_words(in, reel_shape(batch, BAG), g);
}

/* x[64,BATCH,SIZE], and a layer of SIZE units */
static void sequences(layer_operands *in, int64_t batch, int64_t size, reel_generator *g) {
    random_floats(in, reel_shape(LENGTH, batch, size), g);
    in->module = reel_lstm_new(size, size, (reel_recurrent_options){.generator = g});
    reel_state *params = reel_module_params(in->module);
    for (int i = 0; i < reel_state_count(params); i++) put(in, reel_state_at(params, i), true);
    reel_state_free(params);
}

/* q, k: [BATCH,8,SIZE,64], or heads behind what they are long */
static void heads(layer_operands *in, int64_t batch, int64_t size, reel_generator *g) {
    for (int i = 0; i < 2; i++) random_floats(in, reel_shape(batch, HEADS, size, 64), g);
}
static void heads_behind(layer_operands *in, int64_t batch, int64_t size, reel_generator *g) {
    for (int i = 0; i < 2; i++) random_floats(in, reel_shape(batch, size, HEADS, 64), g);
}

/* ---- layers ---- */

static const reel_pool_options half = {.stride = {1, {2}}, .padding = {1, {1}}};

static reel_tensor *max_pool(const layer_operands *in) {
    return reel_max_pool2d(in->of[0], reel_shape(2), (reel_pool_options){0}, NULL);
}
static reel_tensor *max_pool3(const layer_operands *in) {
    return reel_max_pool2d(in->of[0], reel_shape(3), half, NULL);
}
static reel_tensor *avg_pool(const layer_operands *in) {
    return reel_avg_pool2d(in->of[0], reel_shape(2), (reel_pool_options){0});
}
static reel_tensor *avg_pool3(const layer_operands *in) {
    return reel_avg_pool2d(in->of[0], reel_shape(3), half);
}
static reel_tensor *adaptive_avg(const layer_operands *in) {
    return reel_adaptive_avg_pool2d(in->of[0], reel_shape(7));
}
static reel_tensor *adaptive_avg1(const layer_operands *in) {
    return reel_adaptive_avg_pool2d(in->of[0], reel_shape(1));
}
static reel_tensor *adaptive_max(const layer_operands *in) {
    return reel_adaptive_max_pool2d(in->of[0], reel_shape(7), NULL);
}
static reel_tensor *pad_zero(const layer_operands *in) {
    return reel_pad(in->of[0], reel_shape(1, 1, 1, 1), REEL_PAD_CONSTANT, 0);
}
static reel_tensor *pad_reflect(const layer_operands *in) {
    return reel_pad(in->of[0], reel_shape(1, 1, 1, 1), REEL_PAD_REFLECT, 0);
}
static reel_tensor *nearest(const layer_operands *in) {
    return reel_interpolate(in->of[0], (reel_interpolate_options){.scale = {2}});
}
static reel_tensor *bilinear(const layer_operands *in) {
    return reel_interpolate(
        in->of[0], (reel_interpolate_options){.scale = {2}, .mode = REEL_INTERPOLATE_BILINEAR});
}
static reel_tensor *unfold(const layer_operands *in) {
    return reel_unfold(in->of[0], reel_shape(3), (reel_unfold_options){.padding = reel_shape(1)});
}
static reel_tensor *fold(const layer_operands *in) {
    int64_t side = 1;
    while (side * side < reel_dim(in->of[0], 2)) side++;
    return reel_fold(in->of[0], reel_shape(side), reel_shape(3),
                     (reel_unfold_options){.padding = reel_shape(1)});
}
static reel_tensor *embedding(const layer_operands *in) {
    return reel_embedding(in->of[0], in->of[1], (reel_embedding_options){0});
}
static reel_tensor *embedding_bag(const layer_operands *in) {
    return reel_embedding_bag(in->of[0], in->of[1], (reel_embedding_bag_options){0});
}
static reel_tensor *lstm(const layer_operands *in) {
    reel_tensor *y, *h, *c;
    reel_run(in->module, reel_results(&y, &h, &c), in->of[0]);
    return y;
}
static reel_tensor *einsum(const layer_operands *in) {
    return reel_einsum("bhqd,bhkd->bhqk", in->of[0], in->of[1]);
}
static reel_tensor *einsum_behind(const layer_operands *in) {
    return reel_einsum("bqhd,bkhd->bhqk", in->of[0], in->of[1]);
}

static const layer layers[] = {
    {"max_pool", images, max_pool},
    {"max_pool3", images, max_pool3},
    {"avg_pool", images, avg_pool},
    {"avg_pool3", images, avg_pool3},
    {"adaptive_avg", images, adaptive_avg},
    {"adaptive_avg1", images, adaptive_avg1},
    {"adaptive_max", images, adaptive_max},
    {"pad_zero", images, pad_zero},
    {"pad_reflect", images, pad_reflect},
    {"nearest", images, nearest},
    {"bilinear", images, bilinear},
    {"unfold", few_channels, unfold},
    {"fold", columns, fold},
    {"embedding", sentences, embedding},
    {"embedding_bag", bags, embedding_bag},
    {"lstm", sequences, lstm},
    {"einsum", heads, einsum},
    {"einsum_behind", heads_behind, einsum_behind},
};

const layer *layer_named(const char *name) {
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++)
        if (strcmp(layers[i].name, name) == 0) return &layers[i];
    return NULL;
}

/* ---- what is timed ---- */

layer_operands layer_prepare(const layer *l, int64_t batch, int64_t size, reel_generator *g) {
    layer_operands in = {0};
    REEL_SCOPE;
    l->make(&in, batch, size, g);
    REEL_NO_GRAD;
    const reel_shape s = reel_shape_of(l->call(&in));
    in.gradient = reel_retain(reel_rand(s, REEL_F32, g));
    return in;
}

void layer_release(layer_operands *in) {
    for (int i = 0; i < in->count; i++) reel_release(in->of[i]);
    reel_release(in->gradient);
    reel_module_free(in->module);
    *in = (layer_operands){0};
}

reel_tensor *layer_forward(const layer *l, const layer_operands *in) {
    REEL_NO_GRAD;
    return l->call(in);
}

reel_tensor *layer_step(const layer *l, const layer_operands *in) {
    reel_tensor *y = l->call(in), *grads[LAYER_OPERANDS] = {NULL};
    reel_grad_of(&y, 1, in->of, in->tracked, grads,
                 (reel_grad_of_options){.gradients = &in->gradient});
    return grads[0];
}
