/* Rows of normalizations, attention, recurrent layers, embeddings and sums of products. */
#include "nn/recurrent_units_internal.h"
#include "tests/graph_gen.h"

#include <string.h>

#define COUNT(list) ((int)(sizeof(list) / sizeof *(list)))

/* ---- normalizations: f[0] eps, which is large, so that all is smooth where a variance is 0 ----
 */

/* Now and then a weight, and then a bias. */
static void draw_affine(graph *g, graph_value *v, reel_shape shape, int most) {
    v->f[0] = graph_between(g, 0.2, 0.6);
    const int n = graph_below(g, most + 1);
    for (int i = 0; i < n; i++) v->in[v->inputs++] = graph_of_shape(g, shape, GRAPH_SMALL);
}

/* i: how many axes; shape: how long they are */
static void draw_rows(graph *g, graph_value *v, int most) {
    v->inputs = 1;
    v->in[0] = graph_any(g);
    v->i[0] = graph_axis(g, &v->in[0]);
    v->in[0] = graph_operand(g, v->in[0], v->op->domain);
    if (g->broken) return;
    const reel_shape s = graph_shape(g, v->in[0]);
    v->shape.ndim = 1 + graph_below(g, s.ndim);
    for (int i = 0; i < v->shape.ndim; i++) v->shape.dim[i] = s.dim[s.ndim - v->shape.ndim + i];
    draw_affine(g, v, v->shape, most);
}
static void draw_layer_norm(graph *g, graph_value *v) {
    draw_rows(g, v, 2);
}
static void draw_rms_norm(graph *g, graph_value *v) {
    draw_rows(g, v, 1);
}
static reel_tensor *weight_of(const graph_value *v, reel_tensor *const *in) {
    return v->inputs > 1 ? in[1] : NULL;
}
static reel_tensor *bias_of(const graph_value *v, reel_tensor *const *in) {
    return v->inputs > 2 ? in[2] : NULL;
}
static reel_tensor *call_layer_norm(const graph_value *v, reel_tensor *const *in) {
    return reel_layer_norm(in[0], v->shape, weight_of(v, in), bias_of(v, in), v->f[0]);
}
static reel_tensor *call_rms_norm(const graph_value *v, reel_tensor *const *in) {
    return reel_rms_norm(in[0], v->shape, weight_of(v, in), v->f[0]);
}

/* x[N,C,...] with an axis joined to itself where it takes that to have two values a statistic. */
static void draw_channels(graph *g, graph_value *v, int axis, int64_t values) {
    v->inputs = 1;
    if (g->broken || values > 1) return;
    v->in[0] = graph_apply(g, "concat", v->in[0], v->in[0], (graph_value){.i = {axis}});
}

/* i: groups */
static void draw_group_norm(graph *g, graph_value *v) {
    v->in[0] = graph_operand(g, graph_with_axes(g, graph_any(g), 3), v->op->domain);
    if (g->broken) return;
    const reel_shape s = graph_shape(g, v->in[0]);
    v->i[0] = s.dim[1] % 2 == 0 && graph_below(g, 2) ? 2 : 1;
    draw_channels(g, v, 2, s.dim[1] / v->i[0] * s.dim[2]);
    draw_affine(g, v, reel_shape(s.dim[1]), 2);
}
static reel_tensor *call_group_norm(const graph_value *v, reel_tensor *const *in) {
    return reel_group_norm(in[0], v->i[0], weight_of(v, in), bias_of(v, in), v->f[0]);
}
static void draw_batch_norm(graph *g, graph_value *v) {
    const int ndim = 2 + graph_below(g, 3);
    v->in[0] = graph_operand(g, graph_with_axes(g, graph_any(g), ndim), v->op->domain);
    if (g->broken) return;
    const reel_shape s = graph_shape(g, v->in[0]);
    int64_t values = s.dim[0];
    for (int i = 2; i < ndim; i++) values *= s.dim[i];
    draw_channels(g, v, 0, values);
    draw_affine(g, v, reel_shape(s.dim[1]), 2);
}
static reel_tensor *call_batch_norm(const graph_value *v, reel_tensor *const *in) {
    return reel_batch_norm(in[0], weight_of(v, in), bias_of(v, in), true,
                           (reel_running_options){.eps = v->f[0]});
}
static void draw_instance_norm(graph *g, graph_value *v) {
    const int ndim = 3 + graph_below(g, 2);
    v->in[0] = graph_operand(g, graph_with_axes(g, graph_any(g), ndim), v->op->domain);
    if (g->broken) return;
    const reel_shape s = graph_shape(g, v->in[0]);
    draw_channels(g, v, ndim - 1, s.dim[2] * (ndim > 3 ? s.dim[3] : 1));
    draw_affine(g, v, reel_shape(s.dim[1]), 2);
}
static reel_tensor *call_instance_norm(const graph_value *v, reel_tensor *const *in) {
    return reel_instance_norm(in[0], weight_of(v, in), bias_of(v, in), true,
                              (reel_running_options){.eps = v->f[0]});
}

/* ---- attention: i: is_causal; f: scale; a fourth operand is added to the scores ---- */

static void draw_attention(graph *g, graph_value *v) {
    const int x =
        graph_operand(g, graph_with_axes(g, graph_any(g), 3 + graph_below(g, 2)), v->op->domain);
    if (g->broken) return;
    reel_shape s = graph_shape(g, x);
    const int64_t queries = s.dim[s.ndim - 2], most = GRAPH_MOST / queries;
    const int64_t keys = 1 + graph_below(g, (int)(most < queries ? most : queries));
    v->inputs = 3;
    v->in[0] = x;
    s.dim[s.ndim - 2] = keys;
    v->in[1] = graph_of_shape(g, s, GRAPH_SMALL);
    s.dim[s.ndim - 1] = 1 + graph_below(g, (int)s.dim[s.ndim - 1]);
    v->in[2] = graph_of_shape(g, s, GRAPH_SMALL);
    v->i[0] = graph_below(g, 2);
    v->f[0] = graph_between(g, 0.3, 1);
    if (graph_below(g, 2))
        v->in[v->inputs++] = graph_of_shape(g, reel_shape(queries, keys), GRAPH_SMALL);
}
static reel_tensor *call_attention(const graph_value *v, reel_tensor *const *in) {
    return reel_scaled_dot_product_attention(
        in[0], in[1], in[2],
        (reel_attention_options){.attn_mask = v->inputs > 3 ? in[3] : NULL,
                                 .is_causal = v->i[0] != 0,
                                 .scale = v->f[0]});
}

/* ---- recurrent layers: x[T,B,I], the weights and biases, h and of an LSTM c; i: reverse ---- */

static void draw_units(graph *g, graph_value *v, int64_t gates, bool memory) {
    int x = graph_operand(g, graph_with_axes(g, graph_any(g), 3), v->op->domain);
    if (g->broken) return;
    if (graph_shape(g, x).dim[2] > 6) x = graph_of_shape(g, reel_shape(3, 1, 2), v->op->domain);
    if (g->broken) return;
    const reel_shape s = graph_shape(g, x);
    const int64_t hidden = 1 + graph_below(g, 2 * s.dim[1] > GRAPH_MOST ? 1 : 2),
                  wide = gates * hidden;
    const reel_shape state = reel_shape(s.dim[1], hidden);
    v->in[0] = x;
    v->in[1] = graph_of_shape(g, reel_shape(wide, s.dim[2]), GRAPH_SMALL);
    v->in[2] = graph_of_shape(g, reel_shape(wide, hidden), GRAPH_SMALL);
    v->in[3] = graph_of_shape(g, reel_shape(wide), GRAPH_SMALL);
    v->in[4] = graph_of_shape(g, reel_shape(wide), GRAPH_SMALL);
    v->in[5] = graph_of_shape(g, state, GRAPH_SMALL);
    v->inputs = 6;
    if (memory) v->in[v->inputs++] = graph_of_shape(g, state, GRAPH_SMALL);
    v->i[0] = graph_below(g, 2);
}
static reel_tensor *units(const graph_value *v, reel_tensor *const *in, int cell) {
    const reel__units u = {in[1], in[2], in[3], in[4]};
    return reel__units_run(&u, cell, v->i[0] != 0, in[0], in[5], v->inputs > 6 ? in[6] : NULL, NULL)
        .y;
}
static void draw_lstm(graph *g, graph_value *v) {
    draw_units(g, v, 4, true);
}
static reel_tensor *call_lstm(const graph_value *v, reel_tensor *const *in) {
    return units(v, in, REEL__CELL_LSTM);
}
static void draw_gru(graph *g, graph_value *v) {
    draw_units(g, v, 3, false);
}
static reel_tensor *call_gru(const graph_value *v, reel_tensor *const *in) {
    return units(v, in, REEL__CELL_GRU);
}

/* ---- embeddings ---- */

static void draw_table(graph *g, graph_value *v, reel_shape index) {
    v->inputs = 2;
    v->in[0] = graph_operand(g, graph_with_axes(g, graph_any(g), 2), v->op->domain);
    if (g->broken) return;
    v->in[1] = graph_indices(g, index, graph_shape(g, v->in[0]).dim[0]);
}
static void draw_embedding(graph *g, graph_value *v) {
    draw_table(g, v, graph_below(g, 2) ? reel_shape(2, 2) : reel_shape(1 + graph_below(g, 4)));
}
static reel_tensor *call_embedding(const graph_value *v, reel_tensor *const *in) {
    (void)v;
    return reel_embedding(in[0], in[1], (reel_embedding_options){0});
}
/* i: mode; of the greatest no two rows are alike, or the same */
static void draw_embedding_bag(graph *g, graph_value *v) {
    v->i[0] = graph_below(g, 3);
    draw_table(g, v, reel_shape(1 + graph_below(g, 3), 1 + graph_below(g, 3)));
}
static reel_tensor *call_embedding_bag(const graph_value *v, reel_tensor *const *in) {
    return reel_embedding_bag(in[0], in[1],
                              (reel_embedding_bag_options){.mode = (reel_bag_mode)v->i[0]});
}

/* ---- sums of products: i: which equation ---- */

static const char *const equations[] = {"ij,jk->ik",       "bij,bkj->bik", "bij,bij->b",
                                        "bthd,bshd->bhts", "i,j->ij",      "abc,cd,bd->ad",
                                        "ij,ij",           "abc->ca"};

/* An operand whose axes are called so: sizes by letter, 0 where none is known. */
static int named(graph *g, const char *letters, int n, int64_t size[128]) {
    reel_shape s = {n, {0}};
    int64_t all = 1;
    for (int i = 0; i < n; i++) {
        int64_t *of = &size[(unsigned char)letters[i]];
        if (!*of) *of = 1 + graph_below(g, 3);
        all *= s.dim[i] = *of;
    }
    if (all <= GRAPH_MOST) return graph_of_shape(g, s, GRAPH_SMALL);
    const int k = graph_leaf(g, REEL_SCALAR, graph_below(g, 4) != 0);
    return graph_apply(g, "expand", k, -1, (graph_value){.shape = s});
}
static void draw_einsum(graph *g, graph_value *v) {
    int64_t size[128] = {0};
    v->i[0] = graph_below(g, COUNT(equations));
    const char *at = equations[v->i[0]];
    int n = (int)strcspn(at, ",-");
    v->inputs = 1;
    v->in[0] = graph_operand(g, graph_with_axes(g, graph_any(g), n), v->op->domain);
    for (int i = 0; i < n && !g->broken; i++)
        size[(unsigned char)at[i]] = graph_shape(g, v->in[0]).dim[i];
    for (at += n; *at == ',' && !g->broken; at += n) {
        n = (int)strcspn(++at, ",-");
        v->in[v->inputs++] = named(g, at, n, size);
    }
}
static reel_tensor *call_einsum(const graph_value *v, reel_tensor *const *in) {
    return reel_einsum_list(equations[v->i[0]], in, v->inputs);
}

/* ---- activations that take more than numbers ---- */

/* A slope for all, or one a channel. */
static void draw_prelu(graph *g, graph_value *v) {
    v->in[0] = graph_operand(g, graph_any(g), v->op->domain);
    if (g->broken) return;
    const reel_shape s = graph_shape(g, v->in[0]);
    v->inputs = 2;
    v->in[1] =
        graph_of_shape(g, reel_shape(s.ndim > 1 && graph_below(g, 2) ? s.dim[1] : 1), GRAPH_SMALL);
}
static reel_tensor *call_prelu(const graph_value *v, reel_tensor *const *in) {
    (void)v;
    return reel_prelu(in[0], in[1]);
}
/* i: axis, which is joined to itself first, so that it is even */
static void draw_glu(graph *g, graph_value *v) {
    v->inputs = 1;
    v->in[0] = graph_any(g);
    v->i[0] = graph_axis(g, &v->in[0]);
    const int x = graph_operand(g, v->in[0], v->op->domain);
    if (g->broken) return;
    v->in[0] = graph_apply(g, "concat", x, graph_apply(g, "tanh", x, -1, (graph_value){0}),
                           (graph_value){.i = {v->i[0]}});
}
static reel_tensor *call_glu(const graph_value *v, reel_tensor *const *in) {
    return reel_glu(in[0], (int)v->i[0]);
}

/* ---- all of them ---- */

#define ROW(op, in)                                                                                \
    { .name = #op, .draw = draw_##op, .call = call_##op, .domain = GRAPH_##in }

static const graph_op rows[] = {
    ROW(layer_norm, ANY),    ROW(rms_norm, ANY),        ROW(group_norm, ANY), ROW(batch_norm, ANY),
    ROW(instance_norm, ANY), ROW(attention, SMALL),     ROW(lstm, SMALL),     ROW(gru, SMALL),
    ROW(embedding, ANY),     ROW(embedding_bag, APART), ROW(einsum, SMALL),   ROW(prelu, NONZERO),
    ROW(glu, ANY),
};

const graph_family graph_layers = {rows, COUNT(rows), 4};
