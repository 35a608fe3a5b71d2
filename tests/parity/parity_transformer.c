/* Transformers' modules in evaluation: what they give, the gradients of what goes in, and those of
 * their parameters, each under its name. Options are in the case's line. */
#include "tests/parity/parity_transformer.h"

#include "nn/nn.h"
#include "tests/parity/parity_dice.h"

typedef struct {
    record *r;
    dice d;
    reel_dtype dtype;
    reel_generator *g;
    int64_t batch, queries, keys, width, heads;
    bool first; /* batch_first */
    int inputs;
    reel_tensor *in[REEL_MODULE_TENSORS];
} turn;

static reel_tensor *normal(turn *t, reel_shape s) {
    return reel_randn(s, t->dtype, t->g);
}

static reel_tensor *sequence(turn *t, int64_t length, int64_t width) {
    if (!t->batch) return reel_track(normal(t, reel_shape(length, width)));
    return reel_track(normal(t, t->first ? reel_shape(t->batch, length, width)
                                         : reel_shape(length, t->batch, width)));
}

/* What may not be looked at, but of key 0, in u8 or as numbers; or NULL. */
static reel_tensor *mask(turn *t, reel_shape s) {
    if (dice_one_in(&t->d, 2)) return NULL;
    if (dice_one_in(&t->d, 2)) return normal(t, s);
    reel_tensor *hidden = reel_empty(s, REEL_U8, test_device());
    hidden = reel_bernoulli_(hidden, t->g, 0.4);
    const int64_t last = s.dim[s.ndim - 1];
    reel_tensor *key = reel_arange(last, REEL_I64, test_device());
    return reel_logical_and(hidden, reel_gt(key, reel_scalar(0, REEL_I64, test_device())));
}

static reel_tensor *attn_mask(turn *t, int64_t keys) {
    const bool each = t->batch && dice_one_in(&t->d, 2);
    return mask(t, each ? reel_shape(t->batch * t->heads, t->queries, keys)
                        : reel_shape(t->queries, keys));
}

static reel_tensor *padding(turn *t, int64_t keys) {
    return mask(t, t->batch ? reel_shape(t->batch, keys) : reel_shape(keys));
}

static turn begin(record *r, const char *name, int64_t seed) {
    turn t = {.r = r, .d = dice_of(name, seed)};
    t.dtype = dice_one_in(&t.d, 2) ? REEL_F64 : REEL_F32;
    t.g = reel_generator_new((uint64_t)seed, test_device());
    t.heads = dice_int(&t.d, 1, 3);
    t.width = t.heads * dice_int(&t.d, 1, 5);
    t.batch = dice_one_in(&t.d, 5) ? 0 : dice_int(&t.d, 1, 3);
    t.queries = dice_int(&t.d, 1, 7);
    t.keys = dice_int(&t.d, 1, 7);
    t.first = dice_one_in(&t.d, 2);
    record_case(r, "transformer", name, seed);
    record_integer(r, "width", t.width);
    record_integer(r, "heads", t.heads);
    record_integer(r, "batch_first", t.first);
    return t;
}

/* Biases that begin as 0 would hide a mistake. */
static void draw_parameters(turn *t, reel_state *params) {
    REEL_NO_GRAD;
    for (int i = 0; i < reel_state_count(params); i++)
        if (reel_ndim(reel_state_at(params, i)) == 1)
            reel_uniform_(reel_state_at(params, i), t->g, -1, 1);
}

static void record_parameters(record *r, reel_state *params) {
    char field[200];
    record_integer(r, "parameters", reel_state_count(params));
    for (int i = 0; i < reel_state_count(params); i++) {
        snprintf(field, sizeof field, "name%d", i);
        record_text(r, field, reel_state_name(params, i));
        record_tensor_at(r, "parameter", i, reel_state_at(params, i));
        record_tensor_at(r, "grad", i, reel_grad(reel_state_at(params, i)));
    }
}

static void finish(turn *t, reel_module *m) {
    reel_tensor *y = NULL, *weights = NULL;
    reel_state *params = reel_module_params(m);
    if (params) draw_parameters(t, params);
    reel_eval(m);
    for (int i = 0; i < t->inputs; i++) record_tensor_at(t->r, "in", i, t->in[i]);
    reel_tensor **const to[] = {&y, &weights};
    reel_run_at(REEL_HERE, m, to, m && m->results > 1 ? 2 : 1, t->in, t->inputs);
    if (y) {
        reel_tensor *weight = normal(t, reel_shape_of(y));
        reel_tensor *loss = reel_sum(reel_mul(y, weight));
        if (weights) {
            reel_tensor *of = normal(t, reel_shape_of(weights));
            loss = reel_add(loss, reel_sum(reel_mul(weights, of)));
            record_tensor(t->r, "weights", weights);
            record_tensor(t->r, "of_weights", of);
        }
        record_tensor(t->r, "out", y);
        record_tensor(t->r, "weight", weight);
        reel_backward(loss);
    }
    for (int i = 0; i < t->inputs; i++)
        record_tensor_at(t->r, "given", i, t->in[i] ? reel_grad(t->in[i]) : NULL);
    if (params) record_parameters(t->r, params);
    record_end(t->r);
    reel_state_free(params);
    reel_module_free(m);
    reel_generator_free(t->g);
}

/* ---- attention ---- */

static void attention_case(record *r, int64_t seed) {
    turn t = begin(r, "multihead_attention", seed);
    const bool itself = dice_one_in(&t.d, 3), kv = dice_one_in(&t.d, 3),
               zero = dice_one_in(&t.d, 4);
    const reel_multihead_attention_options o = {
        .no_bias = dice_one_in(&t.d, 3),
        .add_bias_kv = kv,
        .add_zero_attn = zero,
        .kdim = itself || dice_one_in(&t.d, 2) ? 0 : dice_int(&t.d, 1, 6),
        .vdim = itself || dice_one_in(&t.d, 2) ? 0 : dice_int(&t.d, 1, 6),
        .batch_first = t.first,
        .is_causal = itself && dice_one_in(&t.d, 3),
        .need_weights = dice_one_in(&t.d, 2),
        .weights_by_head = dice_one_in(&t.d, 2),
        .dtype = t.dtype,
        .generator = t.g};
    if (itself) t.keys = t.queries;
    record_integer(r, "bias", !o.no_bias);
    record_integer(r, "add_bias_kv", o.add_bias_kv);
    record_integer(r, "add_zero_attn", o.add_zero_attn);
    record_integer(r, "kdim", o.kdim ? o.kdim : t.width);
    record_integer(r, "vdim", o.vdim ? o.vdim : t.width);
    record_integer(r, "is_causal", o.is_causal);
    record_integer(r, "need_weights", o.need_weights);
    record_integer(r, "by_head", o.weights_by_head);
    t.inputs = 5;
    t.in[0] = sequence(&t, t.queries, t.width);
    if (!itself) t.in[1] = sequence(&t, t.keys, o.kdim ? o.kdim : t.width);
    if (!itself) t.in[2] = sequence(&t, t.keys, o.vdim ? o.vdim : t.width);
    t.in[3] = padding(&t, t.keys);
    t.in[4] = attn_mask(&t, t.keys);
    finish(&t, reel_multihead_attention_new(t.width, t.heads, o));
}

/* ---- layers ---- */

static reel_transformer_options some_options(turn *t) {
    const reel_transformer_options o = {.dim_feedforward = dice_int(&t->d, 1, 9),
                                        .activation = dice_one_in(&t->d, 2) ? reel_gelu_at : NULL,
                                        .layer_norm_eps = dice_one_in(&t->d, 2) ? 0.1 : 0,
                                        .batch_first = t->first,
                                        .norm_first = dice_one_in(&t->d, 2),
                                        .no_bias = dice_one_in(&t->d, 3),
                                        .dtype = t->dtype,
                                        .generator = t->g};
    record_integer(t->r, "dim_feedforward", o.dim_feedforward);
    record_text(t->r, "activation", o.activation ? "gelu" : "relu");
    record_number(t->r, "layer_norm_eps", o.layer_norm_eps > 0 ? o.layer_norm_eps : 1e-5);
    record_integer(t->r, "norm_first", o.norm_first);
    record_integer(t->r, "bias", !o.no_bias);
    return o;
}

static void encoder_case(record *r, int64_t seed, const char *name, bool whole) {
    turn t = begin(r, name, seed);
    const reel_transformer_options o = some_options(&t);
    const int64_t layers = dice_int(&t.d, 1, 3);
    const bool norm = dice_one_in(&t.d, 2);
    record_integer(r, "layers", layers);
    record_integer(r, "norm", norm);
    t.inputs = 3;
    t.in[0] = sequence(&t, t.queries, t.width);
    t.in[1] = attn_mask(&t, t.queries);
    t.in[2] = padding(&t, t.queries);
    finish(&t, whole ? reel_transformer_encoder_new(t.width, t.heads, layers, norm, o)
                     : reel_transformer_encoder_layer_new(t.width, t.heads, o));
}

static void decoder_case(record *r, int64_t seed, const char *name, bool whole) {
    turn t = begin(r, name, seed);
    const reel_transformer_options o = some_options(&t);
    const int64_t layers = dice_int(&t.d, 1, 3);
    const bool norm = dice_one_in(&t.d, 2);
    record_integer(r, "layers", layers);
    record_integer(r, "norm", norm);
    t.inputs = 6;
    t.in[0] = sequence(&t, t.queries, t.width);
    t.in[1] = sequence(&t, t.keys, t.width);
    t.in[2] = attn_mask(&t, t.queries);
    t.in[3] = attn_mask(&t, t.keys);
    t.in[4] = padding(&t, t.queries);
    t.in[5] = padding(&t, t.keys);
    finish(&t, whole ? reel_transformer_decoder_new(t.width, t.heads, layers, norm, o)
                     : reel_transformer_decoder_layer_new(t.width, t.heads, o));
}

static void transformer_case(record *r, int64_t seed) {
    turn t = begin(r, "transformer", seed);
    const reel_transformer_options o = some_options(&t);
    const int64_t encoders = dice_int(&t.d, 1, 2), decoders = dice_int(&t.d, 1, 2);
    record_integer(r, "encoders", encoders);
    record_integer(r, "decoders", decoders);
    const int64_t target = t.queries, source = t.keys;
    t.inputs = 8;
    t.in[0] = sequence(&t, source, t.width);
    t.in[1] = sequence(&t, target, t.width);
    t.queries = source;
    t.in[2] = attn_mask(&t, source);
    t.queries = target;
    t.in[3] = attn_mask(&t, target);
    t.in[4] = attn_mask(&t, source);
    t.in[5] = padding(&t, source);
    t.in[6] = padding(&t, target);
    t.in[7] = padding(&t, source);
    finish(&t, reel_transformer_new(t.width, t.heads, encoders, decoders, o));
}

/* ---- positions ---- */

static void positions_case(record *r, int64_t seed) {
    dice d = dice_of("positions", seed);
    const int64_t length = dice_int(&d, 1, 300), half = dice_int(&d, 1, 20),
                  start = dice_int(&d, 0, 50);
    const bool interleaved = dice_one_in(&d, 2);
    reel_generator *g = reel_generator_new((uint64_t)seed, test_device());
    record_case(r, "transformer", "positions", seed);
    record_integer(r, "start", start);
    record_integer(r, "interleaved", interleaved);
    reel_tensor *x = reel_track(reel_randn(reel_shape(2, length, 2 * half), REEL_F64, g));
    reel_tensor *table = reel_rotary_table(length + start, 2 * half, 500, REEL_F64, test_device());
    reel_tensor *y = reel_rotary(x, table, start, interleaved);
    reel_tensor *weight = reel_randn(reel_shape_of(y), REEL_F64, g);
    record_tensor(r, "in0", x);
    record_tensor(r, "out", y);
    record_tensor(r, "weight", weight);
    reel_backward(reel_sum(reel_mul(y, weight)));
    record_tensor(r, "given0", reel_grad(x));
    record_tensor(r, "waves", reel_sinusoidal_positions(length, 2 * half, REEL_F64, test_device()));
    record_end(r);
    reel_generator_free(g);
}

static void one(record *r, const char *name, int kind, int64_t seed) {
    REEL_SCOPE;
    if (kind == 0) attention_case(r, seed);
    if (kind == 1 || kind == 2) encoder_case(r, seed, name, kind == 2);
    if (kind == 3 || kind == 4) decoder_case(r, seed, name, kind == 4);
    if (kind == 5) transformer_case(r, seed);
    if (kind == 6) positions_case(r, seed);
}

void parity_transformers(record *r) {
    static const char *const names[] = {"multihead_attention",
                                        "transformer_encoder_layer",
                                        "transformer_encoder",
                                        "transformer_decoder_layer",
                                        "transformer_decoder",
                                        "transformer",
                                        "positions"};
    for (int kind = 0; kind < 7; kind++)
        if (record_subject(r, "transformer", names[kind]))
            for (int64_t seed = r->first; seed < r->first + r->count; seed++)
                one(r, names[kind], kind, seed);
}
