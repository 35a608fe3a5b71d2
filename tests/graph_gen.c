/* How graphs grow, and how they are run again. */
#include "tests/graph_gen.h"

#include "tests/test_device.h"

#include <math.h>

/* ---- dice ---- */

/* Knuth's MMIX; the high bits are the good ones. */
static uint64_t next(graph *g) {
    g->state = g->state * 6364136223846793005u + 1442695040888963407u;
    return g->state >> 33;
}

int graph_below(graph *g, int n) {
    return n < 2 ? 0 : (int)(next(g) % (uint64_t)n);
}

double graph_between(graph *g, double low, double high) {
    return low + (high - low) * ((double)next(g) + 0.5) * 0x1p-31;
}

/* ---- values ---- */

static int64_t size_of(reel_shape s) {
    int64_t n = 1;
    for (int i = 0; i < s.ndim; i++) n *= s.dim[i];
    return n;
}

reel_shape graph_shape(const graph *g, int k) {
    return reel_shape_of(g->value[k].made);
}

static int add(graph *g, graph_value v) {
    if (g->broken || !v.made || g->count == GRAPH_VALUES) {
        g->broken = true;
        return 0;
    }
    g->value[g->count] = v;
    return g->count++;
}

static int add_leaf(graph *g, const void *data, reel_shape shape, reel_dtype dtype, bool tracked) {
    reel_tensor *t = reel_to(reel_from(data, shape, dtype), test_device());
    if (tracked) reel_track(t);
    return add(g, (graph_value){.made = t, .tracked = tracked, .frozen = !tracked});
}

int graph_leaf(graph *g, reel_shape shape, bool tracked) {
    double v[GRAPH_MOST];
    for (int64_t i = 0; i < size_of(shape); i++) v[i] = graph_between(g, -2, 2);
    const int k = add_leaf(g, v, shape, REEL_F64, tracked);
    g->leaves++;
    g->pool[g->pooled++] = k;
    return k;
}

int graph_indices(graph *g, reel_shape shape, int64_t bound) {
    int64_t v[GRAPH_MOST];
    for (int64_t i = 0; i < size_of(shape); i++) v[i] = graph_below(g, (int)bound);
    return add_leaf(g, v, shape, REEL_I64, false);
}

static reel_tensor *run(const graph_value *v, reel_tensor *const *t) {
    reel_tensor *in[GRAPH_OPERANDS] = {NULL};
    for (int i = 0; i < v->inputs; i++) in[i] = t[v->in[i]];
    return v->op->call(v, in);
}

static int make(graph *g, graph_value v) {
    reel_tensor *in[GRAPH_OPERANDS] = {NULL};
    if (g->broken) return 0;
    for (int i = 0; i < v.inputs; i++) {
        in[i] = g->value[v.in[i]].made;
        v.tracked |= g->value[v.in[i]].tracked;
    }
    v.frozen = v.op->frozen;
    if (v.frozen) v.tracked = false;
    v.made = v.op->call(&v, in);
    return add(g, v);
}

int graph_apply(graph *g, const char *op, int x, int y, graph_value v) {
    v.op = graph_op_named(op);
    v.in[0] = x;
    v.in[1] = y;
    v.inputs = y < 0 ? 1 : 2;
    return make(g, v);
}

int graph_any(graph *g) {
    const int late = g->pooled < 4 ? g->pooled : 4; /* half of the time one of the last */
    return graph_below(g, 2) ? g->pool[graph_below(g, g->pooled)]
                             : g->pool[g->pooled - 1 - graph_below(g, late)];
}

/* ---- domains ---- */

#define GAP 0.05 /* from a kink, and between elements that are apart */

static const struct {
    double low, high, kinks; /* kinks: how far apart; 0: none; INFINITY: at 0 alone */
} domains[] = {
    [GRAPH_ANY] = {-4, 4, 0},         [GRAPH_SMALL] = {-2, 2, 0},
    [GRAPH_POSITIVE] = {0.3, 4, 0},   [GRAPH_PROBABILITY] = {0.1, 0.9, 0},
    [GRAPH_OPEN] = {-0.9, 0.9, 0},    [GRAPH_NONZERO] = {-100, 100, INFINITY},
    [GRAPH_STEPS] = {-100, 100, 0.5}, [GRAPH_APART] = {-100, 100, 0},
    [GRAPH_BESIDE] = {-100, 100, 0},
};

static int64_t numbers(const graph *g, int k, double v[GRAPH_MOST]) {
    reel_tensor *t = g->value[k].made;
    reel_read(t, v, (size_t)reel_numel(t) * sizeof *v);
    return reel_numel(t);
}

static bool is_bounded(const double *v, int64_t n, graph_domain d) {
    for (int64_t i = 0; i < n; i++)
        if (!(v[i] >= domains[d].low && v[i] <= domains[d].high)) return false;
    return true;
}

static bool is_smooth(const double *v, int64_t n, graph_domain d) {
    for (int64_t i = 0; i < n; i++) {
        const double kink =
            isinf(domains[d].kinks) ? 0 : domains[d].kinks * round(v[i] / domains[d].kinks);
        if (domains[d].kinks > 0 && fabs(v[i] - kink) < GAP) return false;
        for (int64_t j = 0; d == GRAPH_APART && j < i; j++)
            if (fabs(v[i] - v[j]) < GAP) return false;
    }
    return true;
}

static int affine(graph *g, int k, double scale, double shift) {
    return graph_apply(g, "affine", k, -1, (graph_value){.f = {scale, shift}});
}

/* Into low..high. */
static int squeezed(graph *g, int k, double low, double high) {
    return affine(g, graph_apply(g, "sigmoid", k, -1, (graph_value){0}), high - low, low);
}

/* Each element 0.1 to 0.4 above a whole number of its own: one of every `step` from `first` on, in
 * random order. So it is away from the others', and from multiples of 1/2. */
static int settled(graph *g, int k, int step, int first) {
    double cell[GRAPH_MOST];
    const reel_shape shape = graph_shape(g, k);
    const int n = (int)size_of(shape);
    for (int i = 0; i < n; i++) {
        const int j = graph_below(g, i + 1);
        cell[i] = cell[j];
        cell[j] = step * (i - n / 2) + first;
    }
    const int inside = squeezed(g, k, 0.1, 0.4);
    return graph_apply(g, "add", inside, add_leaf(g, cell, shape, REEL_F64, false),
                       (graph_value){0});
}

int graph_operand(graph *g, int k, graph_domain d) {
    double v[GRAPH_MOST];
    if (g->broken) return 0;
    int64_t n = numbers(g, k, v);
    if (!is_bounded(v, n, d)) {
        k = squeezed(g, k, domains[d].low, domains[d].high);
        if (g->broken) return 0;
        n = numbers(g, k, v);
    }
    return is_smooth(v, n, d) ? k : settled(g, k, 1, 0);
}

int graph_beside(graph *g, int *x, int y) {
    double v[GRAPH_MOST];
    if (g->broken) return 0;
    reel_tensor *apart = reel_sub(g->value[*x].made, g->value[y].made);
    const int64_t n = reel_numel(apart);
    if (reel_read(reel_detach(apart), v, (size_t)n * sizeof *v) == REEL_OK &&
        is_smooth(v, n, GRAPH_NONZERO))
        return y;
    *x = settled(g, *x, 2, 0);
    return settled(g, y, 2, 1);
}

/* ---- operands ---- */

static bool broadcast(reel_shape a, reel_shape b, reel_shape *out) {
    *out = a.ndim > b.ndim ? a : b;
    for (int i = 1; i <= out->ndim; i++) {
        const int64_t m = i <= a.ndim ? a.dim[a.ndim - i] : 1,
                      n = i <= b.ndim ? b.dim[b.ndim - i] : 1;
        if (m != n && m != 1 && n != 1) return false;
        out->dim[out->ndim - i] = m == 1 ? n : m;
    }
    return true;
}

/* A shape that broadcasts with s: some axes 1, some at the front left out. */
static reel_shape related(graph *g, reel_shape s) {
    const int skip = graph_below(g, s.ndim + 1);
    reel_shape r = {s.ndim - skip, {0}};
    for (int i = 0; i < r.ndim; i++) r.dim[i] = graph_below(g, 3) ? s.dim[i + skip] : 1;
    return r;
}

int graph_partner(graph *g, int k) {
    reel_shape s;
    for (int tries = 0; tries < 4; tries++) {
        const int other = graph_any(g);
        if (broadcast(graph_shape(g, k), graph_shape(g, other), &s) && size_of(s) <= GRAPH_MOST)
            return other;
    }
    return g->leaves < GRAPH_LEAVES
               ? graph_leaf(g, related(g, graph_shape(g, k)), graph_below(g, 4) != 0)
               : k;
}

int graph_with_axes(graph *g, int k, int ndim) {
    if (g->broken) return 0;
    const reel_shape s = graph_shape(g, k);
    reel_shape r = {ndim, {0}};
    for (int i = 0; i < ndim; i++) r.dim[i] = 1;
    for (int i = s.ndim - 1, j = ndim - 1; i >= 0; i--, j -= j > 0) r.dim[j] *= s.dim[i];
    return s.ndim == ndim ? k : graph_apply(g, "reshape", k, -1, (graph_value){.shape = r});
}

int graph_of_shape(graph *g, reel_shape shape, graph_domain d) {
    if (g->broken) return 0;
    const int64_t n = size_of(shape);
    int k = graph_any(g);
    if (size_of(graph_shape(g, k)) < n || graph_below(g, 2))
        return graph_operand(g, graph_leaf(g, shape, graph_below(g, 4) != 0), d);
    if (reel_shape_equal(graph_shape(g, k), shape)) return graph_operand(g, k, d);
    k = graph_apply(g, "reshape", k, -1, (graph_value){.shape = reel_shape(-1)});
    k = graph_apply(g, "slice", k, -1, (graph_value){.i = {0, 0, n, 1}});
    return graph_operand(g, graph_apply(g, "reshape", k, -1, (graph_value){.shape = shape}), d);
}

int graph_axis(graph *g, int *k) {
    if (g->broken) return 0;
    if (graph_shape(g, *k).ndim == 0)
        *k = graph_apply(g, "reshape", *k, -1, (graph_value){.shape = reel_shape(1)});
    if (g->broken) return 0;
    const int ndim = graph_shape(g, *k).ndim, axis = graph_below(g, ndim);
    return graph_below(g, 2) ? axis : axis - ndim;
}

/* ---- growing ---- */

/* Up to 4 axes of 1 to 4, most of them 2 or 3. */
static reel_shape any_shape(graph *g) {
    static const int dims[] = {2, 2, 3, 1, 2, 1, 3, 4}, sizes[] = {1, 2, 2, 3, 3, 4};
    reel_shape s = {dims[graph_below(g, 8)], {0}};
    if (graph_below(g, 12) == 0) s.ndim = 0;
    for (int i = 0; i < s.ndim; i++) s.dim[i] = sizes[graph_below(g, 6)];
    while (size_of(s) > GRAPH_MOST) s.ndim--;
    return s;
}

static void grow_one(graph *g) {
    graph_value v = {.op = graph_any_op(g)};
    v.op->draw(g, &v);
    int k = make(g, v);
    while (!g->broken && size_of(graph_shape(g, k)) > GRAPH_MOST)
        k = graph_apply(g, "mean", k, -1, (graph_value){.shape = reel_axes(0)});
    if (!g->broken) g->pool[g->pooled++] = k;
}

static void add_output(graph *g, int k) {
    if (g->outputs < GRAPH_OUTPUTS && g->value[k].tracked) g->output[g->outputs++] = k;
}

/* What no op has taken, and now and then something that one has; the last first. */
static void choose_outputs(graph *g) {
    bool taken[GRAPH_VALUES] = {false};
    for (int k = 0; k < g->count; k++)
        for (int i = 0; i < g->value[k].inputs; i++) taken[g->value[k].in[i]] = true;
    for (int p = g->pooled - 1; p >= 0; p--)
        if (!taken[g->pool[p]] || graph_below(g, 16) == 0) add_output(g, g->pool[p]);
    for (int p = g->pooled - 1; p >= 0 && g->outputs == 0; p--) add_output(g, g->pool[p]);
    for (int i = 0; i < g->outputs; i++) {
        double w[GRAPH_MOST];
        const reel_shape shape = graph_shape(g, g->output[i]);
        for (int64_t e = 0; e < size_of(shape); e++) w[e] = graph_between(g, 1, 2);
        g->weight[i] = add_leaf(g, w, shape, REEL_F64, false);
    }
}

void graph_grow(graph *g, uint64_t seed) {
    *g = (graph){.seed = seed, .state = seed + 1};
    for (int i = 0; i < 4; i++) next(g); /* apart from its neighbours */
    const int leaves = 2 + graph_below(g, 3), ops = 4 + graph_below(g, 21);
    for (int i = 0; i < leaves; i++) graph_leaf(g, any_shape(g), i == 0 || graph_below(g, 4));
    for (int i = 0; i < ops && !g->broken; i++) grow_one(g);
    if (!g->broken) choose_outputs(g);
    if (g->broken)
        reel_fail(REEL_ERR_STATE, NULL, "graph %llu: more than %d values", (unsigned long long)seed,
                  GRAPH_VALUES);
    g->broken = reel_failed();
}

/* ---- running ---- */

void graph_run(const graph *g, reel_tensor **t) {
    for (int k = 0; k < g->count; k++) {
        const graph_value *v = &g->value[k];
        if (!v->op)
            t[k] = t[k] ? t[k] : v->made;
        else
            t[k] = v->frozen ? v->made : run(v, t);
    }
}

int graph_tracked_leaves(const graph *g, int leaf[GRAPH_VALUES]) {
    int n = 0;
    for (int k = 0; k < g->count; k++)
        if (!g->value[k].op && g->value[k].tracked) leaf[n++] = k;
    return n;
}

reel_tensor *graph_objective(const graph *g, reel_tensor *const *t) {
    reel_tensor *sum = NULL;
    for (int i = 0; i < g->outputs; i++) {
        reel_tensor *part = reel_sum(reel_mul(t[g->output[i]], t[g->weight[i]]));
        sum = sum ? reel_add(sum, part) : part;
    }
    return sum;
}

void graph_gradients(const graph *g, reel_tensor *const *t, const int *leaf, int n,
                     reel_tensor **gradient, reel_grad_of_options options) {
    reel_tensor *output[GRAPH_OUTPUTS], *weight[GRAPH_OUTPUTS], *input[GRAPH_VALUES];
    for (int i = 0; i < g->outputs; i++) {
        output[i] = t[g->output[i]];
        weight[i] = t[g->weight[i]];
    }
    for (int i = 0; i < n; i++) input[i] = t[leaf[i]];
    options.gradients = weight;
    options.allow_unused = true;
    reel_grad_of(output, g->outputs, input, n, gradient, options);
}

static reel_tensor *weighted(reel_tensor *x) {
    double w[GRAPH_MOST];
    for (int64_t i = 0; i < reel_numel(x); i++) w[i] = 1 + 0.5 * (double)(i % 3);
    return reel_mul(x, reel_to(reel_from(w, reel_shape_of(x), REEL_F64), reel_device_of(x)));
}

reel_tensor *graph_gradient_sum(const graph *g, reel_tensor *const *t, const int *leaf, int n,
                                reel_grad_of_options options) {
    reel_tensor *gradient[GRAPH_VALUES], *sum = NULL;
    graph_gradients(g, t, leaf, n, gradient, options);
    for (int i = 0; i < n; i++) {
        if (!gradient[i]) continue;
        reel_tensor *part = reel_sum(weighted(gradient[i]));
        sum = sum ? reel_add(sum, part) : part;
    }
    return sum;
}

/* ---- describing ---- */

static void write_list(FILE *f, const char *name, const int *v, int n) {
    fprintf(f, ", \"%s\": [", name);
    for (int i = 0; i < n; i++) fprintf(f, "%s%d", i ? ", " : "", v[i]);
    fputc(']', f);
}

static void write_value(FILE *f, const graph_value *v) {
    if (!v->op) {
        const char *dtype = reel_dtype_name(reel_dtype_of(v->made));
        fprintf(f, "{\"leaf\": \"%s\"}", v->tracked ? "tracked" : dtype);
        return;
    }
    fprintf(f, "{\"op\": \"%s\"", v->op->name);
    write_list(f, "in", v->in, v->inputs);
    fprintf(f, ", \"f\": [%.17g, %.17g], \"i\": [", v->f[0], v->f[1]);
    for (int i = 0; i < GRAPH_NUMBERS; i++) fprintf(f, "%s%lld", i ? ", " : "", (long long)v->i[i]);
    fputs("], \"shape\": [", f);
    for (int i = 0; i < v->shape.ndim; i++)
        fprintf(f, "%s%lld", i ? ", " : "", (long long)v->shape.dim[i]);
    fputs("]}", f);
}

void graph_describe(FILE *f, const graph *g) {
    fprintf(f, "{\"graph\": %llu, \"values\": [", (unsigned long long)g->seed);
    for (int k = 0; k < g->count; k++) {
        if (k) fputs(", ", f);
        write_value(f, &g->value[k]);
    }
    fputc(']', f);
    write_list(f, "outputs", g->output, g->outputs);
    write_list(f, "weights", g->weight, g->outputs);
    fputs("}\n", f);
}
