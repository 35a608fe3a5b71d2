/* Cases of recurrent layers: param is the cell, whether it goes backwards, and bits: 1 lengths, 2 a
 * bias. The reference is of complex numbers, so that a step along the imaginary axis gives the
 * gradient without a difference (Squire and Trapp, 1998). */
#include "tensor/ops/recurrent_internal.h"
#include "tests/op_cases.h"

#include <complex.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LENGTHS = 1, BIAS = 2, MOST_BATCH = 64 };
typedef double complex number;

/* ---- how it is called ---- */

static reel__with with_of(const int64_t *param) {
    return (reel__with){.recurrent = {.cell = (int)param[0], .reverse = param[1] != 0}};
}

static reel_tensor *none(reel_dtype dtype) {
    return reel_empty(reel_shape(0), dtype, test_device());
}

static int64_t length_of(int64_t i, int64_t steps) {
    return (2 * i + 1) % (steps + 1);
}

static reel_tensor *lengths_of(const reel_tensor *x, const int64_t *param) {
    int64_t v[MOST_BATCH];
    if (!(param[2] & LENGTHS) || reel_ndim(x) != 3) return none(REEL_I64);
    const int64_t batch = reel_dim(x, 1);
    for (int64_t i = 0; i < batch; i++) v[i] = length_of(i, reel_dim(x, 0));
    return to_device(reel_from(v, reel_shape(batch), REEL_I64));
}

static reel__recurrent_inputs inputs_of(reel_tensor **in, const int64_t *param, bool biased) {
    const bool whole = in[0] && in[1] && in[2] && in[3] && in[4];
    const reel_dtype dtype = in[0] ? reel_dtype_of(in[0]) : REEL_F32;
    return (reel__recurrent_inputs){in[0],
                                    in[1],
                                    whole && !biased ? none(dtype) : in[2],
                                    in[3],
                                    whole && param[0] != REEL__CELL_LSTM ? none(dtype) : in[4],
                                    whole ? lengths_of(in[0], param) : none(REEL_I64)};
}

static reel_tensor *run_recurrent(reel_tensor **in, const int64_t *param, reel_dtype made) {
    (void)made;
    const reel__recurrent_inputs of = inputs_of(in, param, param[2] & BIAS);
    return reel__recurrent(REEL_HERE, &of, with_of(param), NULL);
}

static reel_tensor *flat(reel_tensor *t) {
    return t ? reel_reshape(t, reel_shape(reel_numel(t))) : NULL;
}

/* The third input is g, and there is no bias. */
static reel_tensor *run_recurrent_grad(reel_tensor **in, const int64_t *param, reel_dtype made) {
    (void)made;
    const reel__recurrent_inputs of = inputs_of(in, param, false);
    reel_tensor *planes = NULL;
    reel__recurrent_gradients d;
    if (!in[2]) return reel_neg(in[2]);
    if (!reel__recurrent(REEL_HERE, &of, with_of(param), &planes)) return NULL;
    reel__recurrent_grad(REEL_HERE, in[2], planes, of.w, of.lengths, with_of(param), &d);
    return d.dc ? reel_concat(0, flat(d.dx), flat(d.dz), flat(d.dh), flat(d.dc)) : NULL;
}

/* ---- the reference ---- */

typedef struct {
    int cell;
    bool reverse, cut;
    int64_t steps, batch, hidden, gates;
    number *x, *h, *c; /* x in front of the product, apart from what the product adds: z */
    number *z;
    const double *w, *b; /* b NULL: none */
    number *out;
} problem;

static number sigmoid(number x) {
    return 1 / (1 + cexp(-x));
}

/* A unit whose gates have x, and z from the product. */
static void unit(const problem *p, const number *x, const number *z, int64_t j, number *h,
                 number *c) {
    const int64_t n = p->hidden;
    if (p->cell == REEL__CELL_LSTM) {
        const number i = sigmoid(x[j] + z[j]), f = sigmoid(x[n + j] + z[n + j]),
                     g = ctanh(x[2 * n + j] + z[2 * n + j]),
                     o = sigmoid(x[3 * n + j] + z[3 * n + j]);
        *c = f * *c + i * g;
        *h = o * ctanh(*c);
    } else if (p->cell == REEL__CELL_GRU) {
        const number r = sigmoid(x[j] + z[j]), u = sigmoid(x[n + j] + z[n + j]),
                     v = ctanh(x[2 * n + j] + r * z[2 * n + j]);
        *h = (1 - u) * v + u * *h;
    } else {
        const number in = x[j] + z[j];
        *h = p->cell == REEL__CELL_TANH ? ctanh(in) : creal(in) > 0 ? in : 0;
    }
}

/* extra: added to z of each step, [T,B,GH], or NULL. */
static void solve(problem *p, const number *extra) {
    const int64_t n = p->hidden, wide = n * p->gates, states = p->batch * n;
    number *h = malloc(sizeof *h * (size_t)(states + 1)),
           *c = calloc((size_t)states + 1, sizeof *c), *z = malloc(sizeof *z * (size_t)wide),
           *next = malloc(sizeof *next * (size_t)n);
    memcpy(h, p->h, sizeof *h * (size_t)states);
    if (p->c) memcpy(c, p->c, sizeof *c * (size_t)states);
    for (int64_t i = 0; i < p->steps; i++) {
        const int64_t t = p->reverse ? p->steps - 1 - i : i;
        for (int64_t b = 0; b < p->batch; b++) {
            number *of = h + b * n, *y = p->out + (t * p->batch + b) * n;
            if (p->cut && t >= length_of(b, p->steps)) {
                memset(y, 0, sizeof *y * (size_t)n);
                continue;
            }
            for (int64_t k = 0; k < wide; k++) {
                z[k] = (p->b ? p->b[k] : 0) + (extra ? extra[(t * p->batch + b) * wide + k] : 0);
                for (int64_t j = 0; j < n; j++) z[k] += p->w[k * n + j] * of[j];
            }
            for (int64_t j = 0; j < n; j++) {
                next[j] = of[j];
                unit(p, p->x + (t * p->batch + b) * wide, z, j, &next[j], &c[b * n + j]);
            }
            memcpy(of, next, sizeof *of * (size_t)n);
            memcpy(y, next, sizeof *y * (size_t)n);
        }
    }
    memcpy(p->out + p->steps * states, h, sizeof *h * (size_t)states);
    if (p->c) memcpy(p->out + (p->steps + 1) * states, c, sizeof *c * (size_t)states);
    free(h);
    free(c);
    free(z);
    free(next);
}

static number *complex_of(array a) {
    const int64_t n = array_size(a);
    number *v = calloc((size_t)n + 1, sizeof *v);
    for (int64_t i = 0; i < n; i++) v[i] = a.v[i];
    return v;
}

static reel_shape result_shape(const problem *p) {
    return reel_shape(p->steps + reel__cell_states(p->cell), p->batch, p->hidden);
}

static problem problem_of(const array *in, const int64_t *param, bool biased) {
    problem p = {.cell = (int)param[0],
                 .reverse = param[1] != 0,
                 .cut = param[2] & LENGTHS,
                 .steps = in[0].shape.dim[0],
                 .batch = in[0].shape.dim[1],
                 .hidden = in[1].shape.dim[1],
                 .gates = reel__cell_gates((int)param[0]),
                 .x = complex_of(in[0]),
                 .h = complex_of(in[3]),
                 .w = in[1].v,
                 .b = biased ? in[2].v : NULL};
    if (p.cell == REEL__CELL_LSTM) p.c = complex_of(in[4]);
    const reel_shape s = result_shape(&p);
    p.out = calloc((size_t)(s.dim[0] * s.dim[1] * s.dim[2]) + 1, sizeof *p.out);
    return p;
}

static void problem_free(problem *p) {
    free(p->x);
    free(p->h);
    free(p->c);
    free(p->out);
}

static array ref_recurrent(const array *in, const int64_t *param) {
    problem p = problem_of(in, param, param[2] & BIAS);
    solve(&p, NULL);
    array y = array_new(result_shape(&p));
    for (int64_t i = 0; i < array_size(y); i++) y.v[i] = creal(p.out[i]);
    problem_free(&p);
    return y;
}

#define TINY 1e-200

/* The derivative of the sum of g and the results, by each of n numbers. */
static double *gradient(problem *p, const double *g, int64_t results, number *by, int64_t n,
                        const number *extra, double *to) {
    for (int64_t i = 0; i < n; i++) {
        double sum = 0;
        by[i] += TINY * I;
        solve(p, extra);
        by[i] = creal(by[i]);
        for (int64_t k = 0; k < results; k++) sum += g[k] * cimag(p->out[k]);
        *to++ = sum / TINY;
    }
    return to;
}

static array ref_recurrent_grad(const array *in, const int64_t *param) {
    problem p = problem_of(in, param, false);
    const int64_t states = p.batch * p.hidden, gates = p.steps * states * p.gates,
                  results = array_size(in[2]);
    const bool gru = p.cell == REEL__CELL_GRU;
    array out = array_new(reel_shape(gates * (gru ? 2 : 1) + states * (p.c ? 2 : 1)));
    number *extra = calloc((size_t)gates + 1, sizeof *extra);
    double *to = gradient(&p, in[2].v, results, p.x, gates, NULL, out.v);
    if (gru) to = gradient(&p, in[2].v, results, extra, gates, extra, to);
    to = gradient(&p, in[2].v, results, p.h, states, NULL, to);
    if (p.c) gradient(&p, in[2].v, results, p.c, states, NULL, to);
    free(extra);
    problem_free(&p);
    return out;
}

/* ---- the cases ---- */

/* x, w, b, h, c */
#define SHAPES(t, b, n, gates)                                                                     \
    { S(t, b, (gates) * (n)), S((gates) * (n), n), S((gates) * (n)), S(b, n), S(b, n) }
#define LSTM(t, b, n, reverse, bits)                                                               \
    {                                                                                              \
        SHAPES(t, b, n, 4), {                                                                      \
            REEL__CELL_LSTM, reverse, bits                                                         \
        }                                                                                          \
    }
#define GRU(t, b, n, reverse, bits)                                                                \
    {                                                                                              \
        SHAPES(t, b, n, 3), {                                                                      \
            REEL__CELL_GRU, reverse, bits                                                          \
        }                                                                                          \
    }
#define RNN(t, b, n, cell, reverse, bits)                                                          \
    {                                                                                              \
        SHAPES(t, b, n, 1), {                                                                      \
            cell, reverse, bits                                                                    \
        }                                                                                          \
    }
static const op_shapes sequences[] = {
    LSTM(3, 2, 2, 0, BIAS), /* the first: of all five */
    LSTM(3, 2, 2, 0, 0),
    LSTM(3, 4, 2, 1, BIAS | LENGTHS),
    LSTM(2, 1, 3, 1, BIAS),
    LSTM(4, 3, 1, 0, LENGTHS),
    GRU(3, 2, 2, 0, BIAS),
    GRU(3, 4, 2, 1, BIAS | LENGTHS),
    GRU(2, 3, 3, 0, LENGTHS),
    GRU(1, 1, 1, 1, 0),
    RNN(4, 2, 2, REEL__CELL_TANH, 0, BIAS),
    RNN(4, 4, 3, REEL__CELL_TANH, 1, LENGTHS),
    RNN(3, 2, 3, REEL__CELL_RELU, 0, 0),
    RNN(3, 4, 2, REEL__CELL_RELU, 1, BIAS | LENGTHS),
    LSTM(2, 0, 3, 0, 0),
    GRU(0, 2, 3, 0, 0),
    LSTM(0, 2, 3, 1, BIAS),
    LSTM(5, 7, 75, 0, BIAS),
    GRU(3, 40, 67, 1, BIAS | LENGTHS),
    RNN(6, 33, 80, REEL__CELL_TANH, 0, LENGTHS),
};
static const op_shapes sequences_bad[] = {
    {{S(3, 8), S(8, 2), S(8), S(3, 2), S(3, 2)}, {REEL__CELL_LSTM, 0, BIAS}},
    {{S(3, 2, 6), S(8, 2), S(8), S(2, 2), S(2, 2)}, {REEL__CELL_LSTM, 0, BIAS}},
    {{S(3, 2, 8), S(8, 2), S(8), S(2, 3), S(2, 2)}, {REEL__CELL_LSTM, 0, BIAS}},
    {{S(3, 2, 8), S(8, 2), S(8), S(2, 2), S(3, 2)}, {REEL__CELL_LSTM, 0, BIAS}},
    {{S(3, 2, 8), S(8, 2), S(2), S(2, 2), S(2, 2)}, {REEL__CELL_LSTM, 0, BIAS}},
    {{S(3, 2, 8), S(8, 2), S(8), S(2, 2), S(2, 2)}, {REEL__CELL_GRU, 0, BIAS}},
    {{S(3, 2, 0), S(0, 0), S(0), S(2, 0), S(2, 0)}, {REEL__CELL_TANH, 0, BIAS}},
};
const op_case case_recurrent = {.inputs = 5,
                                .run = run_recurrent,
                                .reference = ref_recurrent,
                                .low = {-2, -0.4, -1, -1, -1},
                                .high = {2, 0.4, 1, 1, 1},
                                .shapes = sequences,
                                .shape_count = COUNT(sequences),
                                .bad = sequences_bad,
                                .bad_count = COUNT(sequences_bad),
                                .tolerance32 = 1e-4};

/* x, w, g, h, c */
#define BACK(t, b, n, cell, gates, states, reverse, bits)                                          \
    {                                                                                              \
        {S(t, b, (gates) * (n)), S((gates) * (n), n), S((t) + (states), b, n), S(b, n), S(b, n)},  \
        {                                                                                          \
            cell, reverse, bits                                                                    \
        }                                                                                          \
    }
static const op_shapes backs[] = {
    BACK(3, 2, 2, REEL__CELL_LSTM, 4, 2, 0, 0),
    BACK(3, 4, 2, REEL__CELL_LSTM, 4, 2, 1, LENGTHS),
    BACK(3, 2, 2, REEL__CELL_GRU, 3, 1, 1, 0),
    BACK(3, 4, 3, REEL__CELL_GRU, 3, 1, 0, LENGTHS),
    BACK(4, 3, 2, REEL__CELL_TANH, 1, 1, 0, LENGTHS),
    BACK(4, 2, 3, REEL__CELL_TANH, 1, 1, 1, 0),
    BACK(3, 4, 2, REEL__CELL_RELU, 1, 1, 1, LENGTHS),
    BACK(0, 2, 2, REEL__CELL_GRU, 3, 1, 0, 0),
    BACK(2, 0, 2, REEL__CELL_LSTM, 4, 2, 0, 0),
    BACK(3, 3, 20, REEL__CELL_LSTM, 4, 2, 0, 0),
};
static const op_shapes backs_bad[] = {
    BACK(3, 2, 2, REEL__CELL_LSTM, 4, 1, 0, 0),
    BACK(3, 2, 2, REEL__CELL_GRU, 3, 2, 0, 0),
};
const op_case case_recurrent_grad = {.inputs = 5,
                                     .run = run_recurrent_grad,
                                     .reference = ref_recurrent_grad,
                                     .low = {-2, -0.4, -1, -1, -1},
                                     .high = {2, 0.4, 1, 1, 1},
                                     .floats_only = true, /* the planes are f32 of a half format */
                                     .shapes = backs,
                                     .shape_count = COUNT(backs),
                                     .bad = backs_bad,
                                     .bad_count = COUNT(backs_bad),
                                     .tolerance32 = 1e-4};
