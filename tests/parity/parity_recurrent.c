/* Cases of recurrent layers, cells and embeddings: recurrent_check.py builds the twin from what is
 * recorded, and compares results, gradients, and the gradients of a weighted sum of these. */
#include "tests/parity/parity_recurrent.h"

#include "nn/nn.h"
#include "tests/parity/parity_inputs.h"

#include <stdio.h>

enum { MOST = 64 };

typedef struct {
    record *r;
    dice d;
    reel_dtype dtype;
    reel_tensor *leaf[MOST]; /* inputs, then parameters */
    int leaves;
    reel_tensor *out[3];
    int outs;
} trial;

static reel_tensor *leaf(trial *t, reel_tensor *x) {
    return t->leaf[t->leaves++] = x;
}

/* Something tracked of a shape. */
static reel_tensor *input(trial *t, reel_shape s) {
    reel_tensor *like = reel_empty(s, t->dtype, test_device());
    return leaf(t, reel_track(reel_contiguous(parity_weight(&t->d, like))));
}

/* Gradients of the results by all leaves, weighed at random; and of these, weighed, again. */
static void differentiate(trial *t) {
    reel_tensor *w[3], *grad[MOST], *second[MOST], *v[MOST];
    for (int i = 0; i < t->outs; i++) {
        w[i] = parity_weight(&t->d, t->out[i]);
        record_tensor_at(t->r, "out", i, t->out[i]);
        record_tensor_at(t->r, "weight", i, w[i]);
    }
    if (reel_grad_of(t->out, t->outs, t->leaf, t->leaves, grad,
                     (reel_grad_of_options){.gradients = w, .create_graph = true}) != REEL_OK)
        return;
    for (int i = 0; i < t->leaves; i++) {
        v[i] = parity_weight(&t->d, grad[i]);
        record_tensor_at(t->r, "leaf", i, t->leaf[i]);
        record_tensor_at(t->r, "grad", i, grad[i]);
        record_tensor_at(t->r, "by", i, v[i]);
    }
    if (t->dtype != REEL_F64) return;
    int moving = 0; /* those that are no constants */
    for (int i = 0; i < t->leaves; i++)
        if (reel_is_tracked(grad[i])) {
            grad[moving] = grad[i];
            v[moving++] = v[i];
        }
    if (!moving) return;
    reel_grad_of(grad, moving, t->leaf, t->leaves, second,
                 (reel_grad_of_options){.gradients = v, .allow_unused = true});
    for (int i = 0; i < t->leaves; i++) record_tensor_at(t->r, "second", i, second[i]);
}

static void parameters_of(trial *t, const reel_state *params) {
    for (int i = 0; i < reel_state_count(params); i++) leaf(t, reel_state_at(params, i));
}

static reel_tensor *numbers(trial *t, reel_shape s, int64_t low, int64_t high) {
    int64_t v[256];
    const int64_t n = s.ndim == 1 ? s.dim[0] : s.dim[0] * s.dim[1];
    for (int64_t i = 0; i < n; i++) v[i] = dice_int(&t->d, low, high);
    return reel_to(reel_from(v, s, REEL_I64), test_device());
}

/* ---- layers ---- */

typedef reel_module *(*layer_new)(int64_t in, int64_t hidden, reel_recurrent_options options);
typedef reel_module *(*cell_new)(int64_t in, int64_t hidden, reel_recurrent_cell_options options);

static reel_module *new_rnn(int64_t in, int64_t hidden, reel_recurrent_options o) {
    return reel_rnn_new(in, hidden, o);
}
static reel_module *new_lstm(int64_t in, int64_t hidden, reel_recurrent_options o) {
    return reel_lstm_new(in, hidden, o);
}
static reel_module *new_gru(int64_t in, int64_t hidden, reel_recurrent_options o) {
    return reel_gru_new(in, hidden, o);
}

static void layer_case(trial *t, layer_new make, bool lstm) {
    dice *d = &t->d;
    const reel_recurrent_options o = {.num_layers = (int)dice_int(d, 1, 3),
                                      .bidirectional = dice_one_in(d, 2),
                                      .batch_first = dice_one_in(d, 2),
                                      .no_bias = dice_one_in(d, 4),
                                      .relu = make == new_rnn && dice_one_in(d, 2),
                                      .dtype = t->dtype};
    const int64_t in = dice_int(d, 1, 5), hidden = dice_int(d, 1, dice_one_in(d, 6) ? 70 : 5),
                  steps = dice_int(d, 1, 6), batch = dice_int(d, 1, 4);
    const bool unbatched = dice_one_in(d, 8), given = dice_one_in(d, 2),
               cut = !unbatched && dice_one_in(d, 2);
    const int64_t states = o.num_layers * (o.bidirectional ? 2 : 1);
    record_integers(t->r, "sizes",
                    (int64_t[]){in, hidden, o.num_layers, o.bidirectional, o.batch_first, o.no_bias,
                                o.relu, unbatched, given, cut},
                    10);
    reel_module *m = make(in, hidden, o);
    reel_module_to(m, test_device());
    reel_tensor *x = input(t, unbatched       ? reel_shape(steps, in)
                              : o.batch_first ? reel_shape(batch, steps, in)
                                              : reel_shape(steps, batch, in));
    const reel_shape s = unbatched ? reel_shape(states, hidden) : reel_shape(states, batch, hidden);
    reel_tensor *h = given ? input(t, s) : NULL, *c = given && lstm ? input(t, s) : NULL;
    reel_tensor *lengths = cut ? numbers(t, reel_shape(batch), 1, steps) : NULL;
    record_tensor(t->r, "lengths", lengths);
    if (lstm)
        reel_run(m, reel_results(&t->out[0], &t->out[1], &t->out[2]), x, h, c, lengths);
    else
        reel_run(m, reel_results(&t->out[0], &t->out[1]), x, h, lengths);
    t->outs = lstm ? 3 : 2;
    reel_state *params = reel_module_params(m);
    parameters_of(t, params);
    differentiate(t);
    reel_state_free(params);
    reel_module_free(m);
}

static void rnn(trial *t) {
    layer_case(t, new_rnn, false);
}
static void lstm(trial *t) {
    layer_case(t, new_lstm, true);
}
static void gru(trial *t) {
    layer_case(t, new_gru, false);
}

/* ---- cells ---- */

static reel_module *new_rnn_cell(int64_t in, int64_t hidden, reel_recurrent_cell_options o) {
    return reel_rnn_cell_new(in, hidden, o);
}
static reel_module *new_lstm_cell(int64_t in, int64_t hidden, reel_recurrent_cell_options o) {
    return reel_lstm_cell_new(in, hidden, o);
}
static reel_module *new_gru_cell(int64_t in, int64_t hidden, reel_recurrent_cell_options o) {
    return reel_gru_cell_new(in, hidden, o);
}

static void cell_case(trial *t, cell_new make, bool lstm) {
    dice *d = &t->d;
    const reel_recurrent_cell_options o = {.no_bias = dice_one_in(d, 4),
                                           .relu = make == new_rnn_cell && dice_one_in(d, 2),
                                           .dtype = t->dtype};
    const int64_t in = dice_int(d, 1, 5), hidden = dice_int(d, 1, 6), batch = dice_int(d, 1, 4);
    const bool unbatched = dice_one_in(d, 8), given = dice_one_in(d, 2);
    record_integers(t->r, "sizes", (int64_t[]){in, hidden, o.no_bias, o.relu, given}, 5);
    reel_module *m = make(in, hidden, o);
    reel_module_to(m, test_device());
    reel_tensor *x = input(t, unbatched ? reel_shape(in) : reel_shape(batch, in));
    const reel_shape s = unbatched ? reel_shape(hidden) : reel_shape(batch, hidden);
    reel_tensor *h = given ? input(t, s) : NULL, *c = given && lstm ? input(t, s) : NULL;
    if (lstm)
        reel_run(m, reel_results(&t->out[0], &t->out[1]), x, h, c);
    else
        reel_run(m, reel_results(&t->out[0]), x, h);
    t->outs = lstm ? 2 : 1;
    reel_state *params = reel_module_params(m);
    parameters_of(t, params);
    differentiate(t);
    reel_state_free(params);
    reel_module_free(m);
}

static void rnn_cell(trial *t) {
    cell_case(t, new_rnn_cell, false);
}
static void lstm_cell(trial *t) {
    cell_case(t, new_lstm_cell, true);
}
static void gru_cell(trial *t) {
    cell_case(t, new_gru_cell, false);
}

/* ---- embeddings ---- */

static void embedding(trial *t) {
    dice *d = &t->d;
    const int64_t n = dice_int(d, 1, 9), dim = dice_int(d, 1, 6);
    const reel_embedding_options o = {.pads = dice_one_in(d, 2),
                                      .padding_idx = dice_int(d, -n, n - 1)};
    record_integers(t->r, "sizes", (int64_t[]){o.pads, o.padding_idx}, 2);
    reel_tensor *weight = input(t, reel_shape(n, dim));
    reel_tensor *index = numbers(t, reel_shape(dice_int(d, 0, 5), dice_int(d, 1, 7)), 0, n - 1);
    if (dice_one_in(d, 2)) index = reel_t(index);
    record_tensor(t->r, "index", index);
    t->out[0] = reel_embedding(weight, index, o);
    t->outs = 1;
    differentiate(t);
}

static void embedding_bag(trial *t) {
    dice *d = &t->d;
    const int64_t n = dice_int(d, 1, 9), dim = dice_int(d, 1, 6), bags = dice_int(d, 1, 5),
                  length = dice_int(d, 1, 6);
    const reel_bag_mode mode = (reel_bag_mode)dice_int(d, 0, 2);
    reel_embedding_bag_options o = {
        .mode = mode, .pads = dice_one_in(d, 2), .padding_idx = dice_int(d, -n, n - 1)};
    const bool apart = mode != REEL_BAG_MAX && dice_one_in(d, 2);
    record_integers(t->r, "sizes", (int64_t[]){o.pads, o.padding_idx, mode}, 3);
    reel_tensor *weight = input(t, reel_shape(n, dim));
    const reel_shape s = apart ? reel_shape(bags * length) : reel_shape(bags, length);
    reel_tensor *index = numbers(t, s, 0, n - 1);
    record_tensor(t->r, "index", index);
    if (apart) {
        int64_t begin[8] = {0};
        for (int64_t i = 1; i < bags; i++) begin[i] = begin[i - 1] + dice_int(d, 0, length);
        o.offsets = reel_to(reel_from(begin, reel_shape(bags), REEL_I64), test_device());
        record_tensor(t->r, "offsets", o.offsets);
    }
    if (mode == REEL_BAG_SUM && dice_one_in(d, 2)) o.per_sample_weights = input(t, s);
    t->out[0] = reel_embedding_bag(weight, index, o);
    t->outs = 1;
    differentiate(t);
}

static const struct {
    const char *name;
    void (*run)(trial *t);
} subjects[] = {{"rnn", rnn},
                {"lstm", lstm},
                {"gru", gru},
                {"rnn_cell", rnn_cell},
                {"lstm_cell", lstm_cell},
                {"gru_cell", gru_cell},
                {"embedding", embedding},
                {"embedding_bag", embedding_bag}};

void parity_recurrent(record *r) {
    for (size_t i = 0; i < sizeof subjects / sizeof *subjects; i++) {
        if (!record_subject(r, "recurrent", subjects[i].name)) continue;
        for (int64_t seed = r->first; seed < r->first + r->count; seed++) {
            REEL_SCOPE;
            trial t = {.r = r, .d = dice_of(subjects[i].name, seed)};
            t.dtype = dice_one_in(&t.d, 2) ? REEL_F64 : REEL_F32;
            record_case(r, "recurrent", subjects[i].name, seed);
            subjects[i].run(&t);
            record_end(r);
        }
    }
}
