/* The ops that graphs are made of: a row each, in the array of its family; those of windows and of
 * layers have files of their own.
 *
 * A row that fits a family names the op and its domain, as UNARY(tanh, ANY); one that does not has
 * a draw and a call of its own. Draw chooses operands and constants, call makes the op of them. */
#include "tests/graph_gen.h"

#include <string.h>

/* ---- elementwise, one operand, up to two constants ---- */

static void draw_unary(graph *g, graph_value *v) {
    v->inputs = 1;
    v->in[0] = graph_operand(g, graph_any(g), v->op->domain);
    for (int i = 0; i < v->op->constants; i++)
        v->f[i] = graph_between(g, v->op->low[i], v->op->high[i]);
}

static reel_tensor *call_unary(const graph_value *v, reel_tensor *const *in) {
    switch (v->op->constants) {
    case 0:
        return v->op->of.unary(REEL_HERE, in[0]);
    case 1:
        return v->op->of.unary1(REEL_HERE, in[0], v->f[0]);
    default:
        return v->op->of.unary2(REEL_HERE, in[0], v->f[0], v->f[1]);
    }
}

/* clang-format off */
#define ROW(op, family, way, in) .name = #op, .draw = family, .call = way, .domain = GRAPH_##in
#define UNARY(op, in) {ROW(op, draw_unary, call_unary, in), .of.unary = reel_##op##_at}
#define UNARY1(op, in, low0, high0)                                                                \
    {ROW(op, draw_unary, call_unary, in), .constants = 1, .low = {low0}, .high = {high0},          \
     .of.unary1 = reel_##op##_at}
#define UNARY2(op, in, low0, high0, low1, high1)                                                   \
    {ROW(op, draw_unary, call_unary, in), .constants = 2, .low = {low0, low1},                     \
     .high = {high0, high1}, .of.unary2 = reel_##op##_at}
/* clang-format on */

static const graph_op unary[] = {
    UNARY(neg, ANY),
    UNARY(relu, NONZERO),
    UNARY(sigmoid, ANY),
    UNARY(tanh, ANY),
    UNARY(exp, SMALL),
    UNARY(log, POSITIVE),
    UNARY(sqrt, POSITIVE),
    UNARY(square, ANY),
    UNARY2(affine, ANY, -1.5, 1.5, -1, 1),
    UNARY(abs, NONZERO),
    UNARY(sign, NONZERO),
    UNARY(floor, STEPS),
    UNARY(ceil, STEPS),
    UNARY(round, STEPS),
    UNARY(trunc, STEPS),
    UNARY(expm1, SMALL),
    UNARY(log1p, OPEN),
    UNARY(sin, ANY),
    UNARY(cos, ANY),
    UNARY(erf, ANY),
    UNARY(silu, ANY),
    UNARY(gelu, ANY),
    UNARY(gelu_tanh, ANY),
    UNARY(mish, ANY),
    UNARY(rsqrt, POSITIVE),
    UNARY(reciprocal, POSITIVE),
    UNARY(tanhshrink, ANY),
    UNARY(softsign, NONZERO),
    UNARY(logsigmoid, ANY),
    UNARY(selu, NONZERO),
    UNARY1(celu, NONZERO, 0.5, 1.5),
    UNARY1(pow_scalar, POSITIVE, 0.5, 3),
    UNARY1(leaky_relu, NONZERO, 0.01, 0.3),
    UNARY1(elu, NONZERO, 0.5, 1.5),
    UNARY(relu6, STEPS),
    UNARY(hardsigmoid, STEPS),
    UNARY(hardswish, STEPS),
    UNARY1(hardshrink, STEPS, 0.5, 0.5),
    UNARY1(softshrink, STEPS, 0.5, 0.5),
    UNARY2(hardtanh, STEPS, -1, -1, 0.5, 0.5),
    UNARY2(threshold, STEPS, 0.5, 0.5, -1, 1),
    UNARY2(clamp, STEPS, -1, -1, 0.5, 0.5),
    UNARY2(softplus, ANY, 0.5, 2, 20, 20),
};

/* ---- elementwise, two operands ---- */

static void draw_binary(graph *g, graph_value *v) {
    const int x = graph_any(g), y = graph_partner(g, x), swap = graph_below(g, 2);
    v->inputs = 2;
    v->in[0] = graph_operand(g, swap ? y : x, v->op->domain);
    v->in[1] = graph_operand(g, swap ? x : y, v->op->second);
    if (v->op->second == GRAPH_BESIDE) v->in[1] = graph_beside(g, &v->in[0], v->in[1]);
}

/* Two of one shape. */
static void draw_alike(graph *g, graph_value *v) {
    const int x = graph_any(g), y = graph_partner(g, x);
    v->inputs = 2;
    v->in[0] = graph_operand(g, x, v->op->domain);
    v->in[1] = reel_shape_equal(graph_shape(g, x), graph_shape(g, y))
                   ? graph_operand(g, y, v->op->second)
                   : graph_apply(g, "tanh", v->in[0], -1, (graph_value){0});
}

static reel_tensor *call_binary(const graph_value *v, reel_tensor *const *in) {
    return v->op->of.binary(REEL_HERE, in[0], in[1]);
}

/* clang-format off */
#define BINARY(op, in, in2)                                                                        \
    {ROW(op, draw_binary, call_binary, in), .second = GRAPH_##in2, .of.binary = reel_##op##_at}
#define ALIKE(op, in, in2)                                                                         \
    {ROW(op, draw_alike, call_binary, in), .second = GRAPH_##in2, .of.binary = reel_##op##_at}
/* clang-format on */

static const graph_op binary[] = {
    BINARY(add, ANY, ANY),        BINARY(sub, ANY, ANY),
    BINARY(mul, ANY, ANY),        BINARY(div, ANY, POSITIVE),
    BINARY(pow, POSITIVE, SMALL), BINARY(maximum, ANY, BESIDE),
    BINARY(minimum, ANY, BESIDE), BINARY(bce, PROBABILITY, PROBABILITY),
    ALIKE(mse, ANY, ANY),
};

/* ---- over some axes, all of them, or along one ---- */

static void draw_reduction(graph *g, graph_value *v) {
    v->inputs = 1;
    v->in[0] = graph_operand(g, graph_any(g), v->op->domain);
    const int ndim = graph_shape(g, v->in[0]).ndim;
    for (int i = 0; i < ndim; i++)
        if (graph_below(g, 2)) v->shape.dim[v->shape.ndim++] = graph_below(g, 2) ? i : i - ndim;
    v->i[0] = graph_below(g, 2);
}

static reel_tensor *call_reduction(const graph_value *v, reel_tensor *const *in) {
    return v->op->of.reduction(REEL_HERE, in[0], v->shape, v->i[0] != 0);
}

static void draw_axis(graph *g, graph_value *v) {
    int x = graph_any(g);
    v->inputs = 1;
    v->i[0] = graph_axis(g, &x);
    v->in[0] = graph_operand(g, x, v->op->domain);
}

static reel_tensor *call_axis(const graph_value *v, reel_tensor *const *in) {
    return v->op->of.axis(REEL_HERE, in[0], (int)v->i[0]);
}

/* i: axis, k, largest */
static void draw_topk(graph *g, graph_value *v) {
    draw_axis(g, v);
    v->i[1] = 1 + graph_below(g, (int)reel_dim(g->value[v->in[0]].made, (int)v->i[0]));
    v->i[2] = graph_below(g, 2);
}

static reel_tensor *call_topk(const graph_value *v, reel_tensor *const *in) {
    return reel_topk(in[0], v->i[1], (int)v->i[0], v->i[2] != 0, NULL);
}

/* Of the numbers themselves, not of more that they are a sample of. */
static reel_tensor *call_var(const graph_value *v, reel_tensor *const *in) {
    return reel_var_with(in[0], v->shape, v->i[0] != 0, 0.0);
}

/* clang-format off */
#define REDUCTION(op, in)                                                                          \
    {ROW(op, draw_reduction, call_reduction, in), .of.reduction = reel_##op##_at}
#define AXIS(op, in) {ROW(op, draw_axis, call_axis, in), .of.axis = reel_##op##_at}
/* clang-format on */

static const graph_op reductions[] = {
    REDUCTION(sum, ANY),
    REDUCTION(mean, ANY),
    REDUCTION(max, APART),
    REDUCTION(min, APART),
    REDUCTION(prod, SMALL),
    REDUCTION(logsumexp, ANY),
    {ROW(var, draw_reduction, call_var, ANY)},
    AXIS(log_softmax, ANY),
    AXIS(softmax, ANY),
    AXIS(cumsum, ANY),
    AXIS(softmin, ANY),
    {ROW(topk, draw_topk, call_topk, APART)},
};

/* ---- products ---- */

static int as_matrix(graph *g, int k) {
    const reel_shape s = graph_shape(g, k);
    if (s.ndim == 2) return k;
    const reel_shape matrix = s.ndim ? reel_shape(s.dim[0], -1) : reel_shape(1, 1);
    return graph_apply(g, "reshape", k, -1, (graph_value){.shape = matrix});
}

static int transposed(graph *g, int k) {
    return graph_apply(g, "permute", k, -1, (graph_value){.shape = reel_axes(1, 0)});
}

/* A matrix that x[M,K] can be multiplied with: one that is there, as it is or transposed; x's own
 * transpose; a new leaf. */
static int factor(graph *g, int x) {
    const int y = graph_any(g);
    const reel_shape s = graph_shape(g, x), other = graph_shape(g, y);
    if (other.ndim == 2 && other.dim[0] == s.dim[1]) return y;
    if (other.ndim == 2 && other.dim[1] == s.dim[1]) return transposed(g, y);
    if (g->leaves == GRAPH_LEAVES || s.dim[1] > 16) return transposed(g, x);
    return graph_leaf(g, reel_shape(s.dim[1], 1 + graph_below(g, 3)), graph_below(g, 4) != 0);
}

static void draw_matmul(graph *g, graph_value *v) {
    const int x = graph_operand(g, as_matrix(g, graph_any(g)), v->op->domain);
    v->inputs = 2;
    v->in[0] = x;
    v->in[1] = g->broken ? 0 : graph_operand(g, factor(g, x), v->op->second);
}

/* x @ x^T, matrix by matrix. */
static void draw_gram(graph *g, graph_value *v) {
    int x = graph_any(g);
    if (graph_shape(g, x).ndim < 2) x = as_matrix(g, x);
    v->inputs = 1;
    v->in[0] = graph_operand(g, x, v->op->domain);
}

static reel_tensor *call_gram(const graph_value *v, reel_tensor *const *in) {
    (void)v;
    return reel_matmul(in[0], reel_t(in[0]));
}

static const graph_op products[] = {
    {ROW(gram, draw_gram, call_gram, SMALL)},
    {ROW(matmul, draw_matmul, call_binary, SMALL), .second = GRAPH_SMALL,
     .of.binary = reel_matmul_at},
};

/* ---- views and copies ---- */

static void draw_view(graph *g, graph_value *v) {
    v->inputs = 1;
    v->in[0] = graph_any(g);
}

/* The elements in a line, or cut in two where they can be. */
static void draw_reshape(graph *g, graph_value *v) {
    draw_view(g, v);
    const int64_t n = reel_numel(g->value[v->in[0]].made), d = 1 + graph_below(g, 4);
    v->shape = n % d == 0 && graph_below(g, 3) ? reel_shape(d, -1) : reel_shape(-1);
}
static reel_tensor *call_reshape(const graph_value *v, reel_tensor *const *in) {
    return reel_reshape(in[0], v->shape);
}

static void draw_permute(graph *g, graph_value *v) {
    draw_view(g, v);
    v->shape.ndim = graph_shape(g, v->in[0]).ndim;
    for (int i = 0; i < v->shape.ndim; i++) {
        const int j = graph_below(g, i + 1);
        v->shape.dim[i] = v->shape.dim[j];
        v->shape.dim[j] = i;
    }
}
static reel_tensor *call_permute(const graph_value *v, reel_tensor *const *in) {
    return reel_permute(in[0], v->shape);
}

/* i: axis, start, stop, step */
static void draw_slice(graph *g, graph_value *v) {
    draw_view(g, v);
    v->i[0] = graph_axis(g, &v->in[0]);
    if (g->broken) return;
    const int n = (int)reel_dim(g->value[v->in[0]].made, (int)v->i[0]);
    v->i[1] = graph_below(g, n);
    v->i[2] = v->i[1] + 1 + graph_below(g, n);
    v->i[3] = 1 + graph_below(g, 2);
}
static reel_tensor *call_slice(const graph_value *v, reel_tensor *const *in) {
    return reel_slice(in[0], (int)v->i[0], v->i[1], v->i[2], v->i[3]);
}

/* i: axis, index */
static void draw_select(graph *g, graph_value *v) {
    draw_view(g, v);
    v->i[0] = graph_axis(g, &v->in[0]);
    if (g->broken) return;
    const int n = (int)reel_dim(g->value[v->in[0]].made, (int)v->i[0]);
    v->i[1] = graph_below(g, n);
    if (graph_below(g, 2)) v->i[1] -= n;
}
static reel_tensor *call_select(const graph_value *v, reel_tensor *const *in) {
    return reel_select(in[0], (int)v->i[0], v->i[1]);
}

/* Axes of size 1 stretched, and one in front. */
static void draw_expand(graph *g, graph_value *v) {
    draw_view(g, v);
    v->shape = graph_shape(g, v->in[0]);
    for (int i = 0; i < v->shape.ndim; i++)
        if (v->shape.dim[i] == 1) v->shape.dim[i] = 1 + graph_below(g, 3);
    if (v->shape.ndim > 3 || graph_below(g, 2)) return;
    memmove(v->shape.dim + 1, v->shape.dim, (size_t)v->shape.ndim++ * sizeof *v->shape.dim);
    v->shape.dim[0] = 1 + graph_below(g, 3);
}
static reel_tensor *call_expand(const graph_value *v, reel_tensor *const *in) {
    return reel_expand(in[0], v->shape);
}

static const graph_op views[] = {
    UNARY(contiguous, ANY),
    {ROW(reshape, draw_reshape, call_reshape, ANY)},
    {ROW(permute, draw_permute, call_permute, ANY)},
    {ROW(slice, draw_slice, call_slice, ANY)},
    {ROW(select, draw_select, call_select, ANY)},
    {ROW(expand, draw_expand, call_expand, ANY)},
};

/* ---- by index: i: axis, size of the result ---- */

static void draw_indexed(graph *g, graph_value *v) {
    int x = graph_any(g);
    v->inputs = 2;
    v->i[0] = graph_axis(g, &x);
    v->in[0] = x;
}

/* Where the axis is, from the front. */
static int axis_of(const graph *g, const graph_value *v) {
    return (int)(v->i[0] < 0 ? v->i[0] + graph_shape(g, v->in[0]).ndim : v->i[0]);
}

static void draw_index_select(graph *g, graph_value *v) {
    draw_indexed(g, v);
    if (g->broken) return;
    const int64_t n = graph_shape(g, v->in[0]).dim[axis_of(g, v)];
    v->in[1] = graph_indices(g, reel_shape(1 + graph_below(g, 3)), n);
}

static void draw_gather(graph *g, graph_value *v) {
    draw_indexed(g, v);
    if (g->broken) return;
    reel_shape s = graph_shape(g, v->in[0]);
    const int64_t n = s.dim[axis_of(g, v)];
    if (n > 1) s.dim[axis_of(g, v)] = 1 + graph_below(g, (int)n);
    v->in[1] = graph_indices(g, s, n);
}

static void draw_index_add(graph *g, graph_value *v) {
    draw_indexed(g, v);
    if (g->broken) return;
    v->i[1] = 1 + graph_below(g, 3);
    v->in[1] = graph_indices(g, reel_shape(graph_shape(g, v->in[0]).dim[axis_of(g, v)]), v->i[1]);
}

static void draw_scatter_add(graph *g, graph_value *v) {
    draw_indexed(g, v);
    if (g->broken) return;
    v->i[1] = 1 + graph_below(g, 3);
    v->in[1] = graph_indices(g, graph_shape(g, v->in[0]), v->i[1]);
}

static reel_tensor *call_take(const graph_value *v, reel_tensor *const *in) {
    return v->op->of.take(REEL_HERE, in[0], (int)v->i[0], in[1]);
}
static reel_tensor *call_put(const graph_value *v, reel_tensor *const *in) {
    return v->op->of.put(REEL_HERE, in[0], (int)v->i[0], in[1], v->i[1]);
}

/* ---- joined, sorted ---- */

/* i: axis; the second operand is as long as the first. */
static void draw_joined(graph *g, graph_value *v) {
    draw_axis(g, v);
    if (g->broken) return;
    v->inputs = 2;
    v->in[1] =
        graph_below(g, 2) ? v->in[0] : graph_apply(g, "tanh", v->in[0], -1, (graph_value){0});
}
static reel_tensor *call_concat(const graph_value *v, reel_tensor *const *in) {
    return reel_concat_list(in, 2, (int)v->i[0]);
}
static reel_tensor *call_stack(const graph_value *v, reel_tensor *const *in) {
    return reel_stack_list(in, 2, (int)v->i[0]);
}

/* i: axis, descending */
static void draw_sort(graph *g, graph_value *v) {
    draw_axis(g, v);
    v->i[1] = graph_below(g, 2);
}
static reel_tensor *call_sort(const graph_value *v, reel_tensor *const *in) {
    return reel_sort(in[0], (int)v->i[0], v->i[1] != 0, NULL);
}

/* i: diagonal */
static void draw_triangle(graph *g, graph_value *v) {
    draw_gram(g, v);
    v->i[0] = graph_below(g, 4) - 2;
}
static reel_tensor *call_tril(const graph_value *v, reel_tensor *const *in) {
    return reel_tril(in[0], v->i[0]);
}
static reel_tensor *call_triu(const graph_value *v, reel_tensor *const *in) {
    return reel_triu(in[0], v->i[0]);
}

static const graph_op joined[] = {
    {ROW(concat, draw_joined, call_concat, ANY)}, {ROW(stack, draw_joined, call_stack, ANY)},
    {ROW(sort, draw_sort, call_sort, APART)},     {ROW(tril, draw_triangle, call_tril, ANY)},
    {ROW(triu, draw_triangle, call_triu, ANY)},   AXIS(flip, ANY),
};

/* A mask of the operands' shape, then two operands. */
static void draw_where(graph *g, graph_value *v) {
    const int x = graph_operand(g, graph_any(g), GRAPH_ANY),
              y = graph_operand(g, graph_partner(g, x), GRAPH_ANY);
    v->inputs = 3;
    v->in[0] = graph_indices(g, graph_shape(g, x), 2);
    v->in[1] = x;
    v->in[2] = y;
}

static reel_tensor *call_where(const graph_value *v, reel_tensor *const *in) {
    (void)v;
    return reel_where(reel_cast(in[0], REEL_U8), in[1], in[2]);
}

static const graph_op indexed[] = {
    {ROW(where, draw_where, call_where, ANY)},
    {ROW(index_select, draw_index_select, call_take, ANY), .of.take = reel_index_select_at},
    {ROW(gather, draw_gather, call_take, ANY), .of.take = reel_gather_at},
    {ROW(index_add, draw_index_add, call_put, ANY), .of.put = reel_index_add_at},
    {ROW(scatter_add, draw_scatter_add, call_put, ANY), .of.put = reel_scatter_add_at},
};

/* ---- constants: what is detached, and what is changed in place of it ---- */

/* Elements of its own. */
static reel_tensor *apart(reel_tensor *x) {
    return reel_affine(reel_detach(x), 1, 0);
}

static reel_tensor *call_detach(const graph_value *v, reel_tensor *const *in) {
    (void)v;
    return reel_detach(in[0]);
}

/* i: axis, index of the part that becomes f[0] */
static void draw_fill(graph *g, graph_value *v) {
    draw_select(g, v);
    v->f[0] = graph_between(g, -1, 1);
}
static reel_tensor *call_fill(const graph_value *v, reel_tensor *const *in) {
    reel_tensor *t = apart(in[0]);
    reel_fill_(reel_select(t, (int)v->i[0], v->i[1]), v->f[0]);
    return t;
}

/* y broadcasts to x's shape. */
static void draw_into(graph *g, graph_value *v) {
    const int x = graph_any(g), y = graph_partner(g, x);
    v->inputs = 2;
    v->in[0] = x;
    v->in[1] = y;
    if (g->broken) return;
    reel_tensor *both = reel_add(g->value[x].made, g->value[y].made);
    if (!reel_shape_equal(reel_shape_of(both), graph_shape(g, x)))
        v->in[1] = graph_apply(g, "mean", y, -1, (graph_value){.shape = REEL_SCALAR});
}
static reel_tensor *call_add(const graph_value *v, reel_tensor *const *in) {
    (void)v;
    return reel_in_place(add, apart(in[0]), reel_detach(in[1]));
}
static reel_tensor *call_copy(const graph_value *v, reel_tensor *const *in) {
    (void)v;
    return reel_copy_(apart(in[0]), reel_detach(in[1]));
}

/* clang-format off */
#define FROZEN(op, draw, call) {ROW(op, draw, call, ANY), .frozen = true}
/* clang-format on */

static const graph_op constants[] = {
    FROZEN(detach, draw_view, call_detach),
    FROZEN(fill_, draw_fill, call_fill),
    FROZEN(add_, draw_into, call_add),
    FROZEN(copy_, draw_into, call_copy),
};

/* ---- all of them ---- */

#define COUNT(list) ((int)(sizeof(list) / sizeof *(list)))
#define FAMILY(list, weight)                                                                       \
    &(const graph_family) {                                                                        \
        list, COUNT(list), weight                                                                  \
    }

static const graph_family *const families[] = {
    FAMILY(unary, 5), FAMILY(binary, 6),  FAMILY(reductions, 4), FAMILY(products, 3),
    FAMILY(views, 5), FAMILY(indexed, 2), FAMILY(joined, 2),     FAMILY(constants, 1),
    &graph_windows,   &graph_layers,
};

const graph_op *graph_any_op(graph *g) {
    int all = 0, f = 0;
    for (int i = 0; i < COUNT(families); i++) all += families[i]->weight;
    int at = graph_below(g, all);
    while (at >= families[f]->weight) at -= families[f++]->weight;
    return &families[f]->row[graph_below(g, families[f]->count)];
}

const graph_op *graph_op_at(int k) {
    for (int f = 0; f < COUNT(families); f++) {
        if (k < families[f]->count) return &families[f]->row[k];
        k -= families[f]->count;
    }
    return NULL;
}

const graph_op *graph_op_named(const char *name) {
    for (int k = 0; graph_op_at(k); k++)
        if (strcmp(graph_op_at(k)->name, name) == 0) return graph_op_at(k);
    return NULL;
}
