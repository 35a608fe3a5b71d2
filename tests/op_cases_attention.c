/* Cases of attention: param is whether it is causal, whether there is a bias, and whether a quarter
 * of the weights is dropped. */
#include "tensor/formulas/attention_words_internal.h"
#include "tensor/ops/attention_internal.h"
#include "tests/op_cases.h"

#include <math.h>
#include <stdlib.h>

#define SCALE 0.7
#define DROPPED 0.25
static const int64_t seed[2] = {123456789012, 42};

/* ---- how it is called ---- */

static reel__with with_of(const int64_t *param) {
    return (reel__with){
        .attention = {.scale = SCALE, .dropout = param[2] ? DROPPED : 0, .causal = param[0] != 0}};
}

static reel_tensor *seed_of(const int64_t *param) {
    return param[2] ? to_device(reel_from(seed, reel_shape(2), REEL_I64))
                    : reel_empty(reel_shape(0), REEL_I64, test_device());
}

static reel__attention_inputs inputs_of(reel_tensor **in, const int64_t *param) {
    reel_tensor *bias = in[3];
    if (bias && in[0] && !param[1])
        bias = reel_empty(reel_shape(0), reel_dtype_of(bias), test_device());
    return (reel__attention_inputs){in[0], in[1], in[2], bias, seed_of(param)};
}

static reel_tensor *run_attention(reel_tensor **in, const int64_t *param, reel_dtype made) {
    (void)made;
    const reel__attention_inputs of = inputs_of(in, param);
    return reel__attention(REEL_HERE, &of, with_of(param), NULL);
}

static reel_tensor *run_attention_grad(reel_tensor **in, const int64_t *param, reel_dtype made) {
    (void)made;
    const reel__attention_inputs of = inputs_of(in, param);
    reel_tensor *lse, *y = reel__attention(REEL_HERE, &of, with_of(param), &lse);
    return reel__attention_grad(REEL_HERE, &of, y, lse, in[4], with_of(param));
}

/* ---- references ---- */

typedef struct {
    const array *in;
    const int64_t *param;
    int64_t batch, heads, groups, queries, keys, width, value_width;
    double *weight; /* of one query, before any is dropped */
} problem;

static problem problem_of(const array *in, const int64_t *param) {
    const int64_t *q = in[0].shape.dim, *k = in[1].shape.dim;
    return (problem){in,
                     param,
                     q[0],
                     q[1],
                     k[1],
                     q[2],
                     k[2],
                     q[3],
                     in[2].shape.dim[3],
                     malloc(sizeof(double) * (size_t)(k[2] + 1))};
}

static double *element_of(const array *a, int64_t b, int64_t h, int64_t i) {
    const int64_t *d = a->shape.dim;
    return a->v + ((b * d[1] + h) * d[2] + i) * d[3];
}

static double kept(const problem *p, int64_t b, int64_t h, int64_t i, int64_t j) {
    const uint32_t key[2] = {(uint32_t)seed[0], (uint32_t)seed[1]};
    uint32_t word[4];
    if (!p->param[2]) return 1;
    reel__attention_words(key, (uint64_t)((b * p->heads + h) * p->queries + i), (uint64_t)j / 4,
                          word);
    return reel__says_yes(word[j % 4], DROPPED) ? 0 : 1 / (1 - DROPPED);
}

static void weigh(problem *p, int64_t b, int64_t h, int64_t i) {
    const int64_t group = h / (p->heads / p->groups);
    const double *q = element_of(&p->in[0], b, h, i);
    double most = -INFINITY, sum = 0;
    for (int64_t j = 0; j < p->keys; j++) {
        const double *k = element_of(&p->in[1], b, group, j);
        double s = 0;
        for (int64_t e = 0; e < p->width; e++) s += q[e] * k[e];
        s *= SCALE;
        if (p->param[1]) s += array_get(p->in[3], (int64_t[]){b, h, i, j}, 4);
        if (p->param[0] && j > i) s = -INFINITY;
        p->weight[j] = s;
        most = fmax(most, s);
    }
    for (int64_t j = 0; j < p->keys; j++)
        sum += p->weight[j] = most == -INFINITY ? 0 : exp(p->weight[j] - most);
    for (int64_t j = 0; j < p->keys && sum > 0; j++) p->weight[j] /= sum;
}

#define EACH_QUERY(p, b, h, i)                                                                     \
    for (int64_t b = 0; b < (p).batch; b++)                                                        \
        for (int64_t h = 0; h < (p).heads; h++)                                                    \
            for (int64_t i = 0; i < (p).queries; i++)

static array ref_attention(const array *in, const int64_t *param) {
    problem p = problem_of(in, param);
    array y = array_new(reel_shape(p.batch, p.queries, p.heads, p.value_width));
    EACH_QUERY(p, b, h, i) {
        weigh(&p, b, h, i);
        for (int64_t j = 0; j < p.keys; j++)
            for (int64_t e = 0; e < p.value_width; e++)
                element_of(&y, b, i, h)[e] += p.weight[j] * kept(&p, b, h, i, j) *
                                              element_of(&in[2], b, h / (p.heads / p.groups), j)[e];
    }
    free(p.weight);
    return y;
}

static array ref_attention_grad(const array *in, const int64_t *param) {
    problem p = problem_of(in, param);
    const int64_t nq = array_size(in[0]), nk = array_size(in[1]), nv = array_size(in[2]);
    array out = array_new(reel_shape(nq + nk + nv));
    const array dq = {reel_shape(p.batch, p.queries, p.heads, p.width), out.v},
                dk = {reel_shape(p.batch, p.keys, p.groups, p.width), out.v + nq},
                dv = {reel_shape(p.batch, p.keys, p.groups, p.value_width), out.v + nq + nk};
    double *dp = calloc((size_t)p.keys + 1, sizeof *dp);
    EACH_QUERY(p, b, h, i) {
        const int64_t group = h / (p.heads / p.groups);
        const double *g = element_of(&in[4], b, i, h);
        double delta = 0;
        weigh(&p, b, h, i);
        for (int64_t j = 0; j < p.keys; j++) {
            dp[j] = 0;
            for (int64_t e = 0; e < p.value_width; e++)
                dp[j] += g[e] * element_of(&in[2], b, group, j)[e] * kept(&p, b, h, i, j);
            delta += p.weight[j] * dp[j];
        }
        for (int64_t j = 0; j < p.keys; j++) {
            const double ds = p.weight[j] * (dp[j] - delta) * SCALE;
            for (int64_t e = 0; e < p.width; e++) {
                element_of(&dq, b, i, h)[e] += ds * element_of(&in[1], b, group, j)[e];
                element_of(&dk, b, j, group)[e] += ds * element_of(&in[0], b, h, i)[e];
            }
            for (int64_t e = 0; e < p.value_width; e++)
                element_of(&dv, b, j, group)[e] += p.weight[j] * kept(&p, b, h, i, j) * g[e];
        }
    }
    free(dp);
    free(p.weight);
    return out;
}

/* ---- the cases ---- */

/* q, k, v, bias, g */
#define SHAPES(b, h, gr, t, s, e, f, ...)                                                          \
    { S(b, h, t, e), S(b, gr, s, e), S(b, gr, s, f), __VA_ARGS__, S(b, t, h, f) }
static const op_shapes attentions[] = {
    {SHAPES(2, 2, 2, 3, 4, 2, 3, S(2, 2, 3, 4)), {0, 1}},
    {SHAPES(1, 2, 2, 3, 3, 2, 2, S(1, 1, 3, 3)), {1, 1}},
    {SHAPES(2, 4, 2, 2, 3, 2, 1, S(2, 1, 1, 3)), {0, 1}},
    {SHAPES(1, 4, 1, 3, 2, 1, 2, S(1, 4, 3, 1)), {1, 0}},
    {SHAPES(1, 2, 1, 4, 5, 3, 2, S(1, 1, 1, 1)), {0, 1, 1}},
    {SHAPES(2, 2, 2, 2, 6, 2, 2, S(2, 2, 2, 6)), {1, 0, 1}},
    {SHAPES(1, 1, 1, 1, 1, 1, 1, S(1, 1, 1, 1)), {0}},
    {SHAPES(0, 2, 2, 3, 4, 2, 3, S(1, 1, 1, 1)), {0}},
    {SHAPES(2, 2, 2, 0, 4, 2, 3, S(1, 1, 1, 1)), {0}},
    {SHAPES(2, 2, 2, 3, 0, 2, 3, S(1, 1, 1, 1)), {0}},
    {SHAPES(2, 2, 2, 3, 4, 2, 0, S(1, 1, 1, 1)), {0}},
    {SHAPES(2, 0, 0, 3, 4, 2, 3, S(1, 1, 1, 1)), {0}},
    /* beyond a tile, and beyond the heads that keep all processors busy */
    {SHAPES(1, 2, 1, 100, 200, 20, 33, S(1, 2, 100, 200)), {0, 1}},
    {SHAPES(1, 2, 2, 200, 210, 64, 64, S(1, 1, 1, 210)), {1, 1, 1}},
    {SHAPES(2, 9, 9, 97, 193, 16, 8, S(1, 1, 1, 1)), {0}},
    {SHAPES(2, 16, 8, 70, 65, 32, 32, S(2, 1, 70, 65)), {1, 1, 1}},
    {SHAPES(1, 2, 2, 67, 66, 100, 128, S(1, 1, 1, 1)), {1}},
    {SHAPES(1, 2, 1, 33, 35, 200, 260, S(1, 1, 33, 35)), {0, 1, 1}},
};
static const op_shapes attentions_bad[] = {
    {{S(2, 3, 2), S(2, 4, 2), S(2, 4, 3), S(1, 1, 1, 1), S(2, 3, 3)}, {0, 1}},
    {SHAPES(2, 3, 2, 3, 4, 2, 3, S(1, 1, 1, 1)), {0}},
    {SHAPES(2, 2, 0, 3, 4, 2, 3, S(1, 1, 1, 1)), {0}},
    {SHAPES(2, 2, 2, 3, 4, 0, 3, S(1, 1, 1, 1)), {0}},
    {SHAPES(2, 2, 2, 3, 4, 2, 3, S(2, 2, 4, 3)), {0, 1}},
    {SHAPES(2, 2, 2, 3, 4, 2, 3, S(3, 4)), {0, 1}},
    {{S(2, 2, 3, 2), S(2, 2, 4, 3), S(2, 2, 4, 2), S(1, 1, 1, 1), S(2, 3, 2, 2)}, {0}},
    {{S(2, 2, 3, 2), S(2, 2, 4, 2), S(2, 2, 5, 2), S(1, 1, 1, 1), S(2, 3, 2, 2)}, {0}},
    {{S(2, 2, 3, 2), S(1, 2, 4, 2), S(1, 2, 4, 2), S(1, 1, 1, 1), S(2, 3, 2, 2)}, {0}},
};
const op_case case_attention = {.inputs = 4,
                                .run = run_attention,
                                .reference = ref_attention,
                                .shapes = attentions,
                                .shape_count = COUNT(attentions),
                                .bad = attentions_bad,
                                .bad_count = COUNT(attentions_bad),
                                .tolerance32 = 2e-5};
const op_case case_attention_grad = {.inputs = 5,
                                     .run = run_attention_grad,
                                     .reference = ref_attention_grad,
                                     .floats_only = true, /* y is rounded, and its sums are not */
                                     .shapes = attentions,
                                     .shape_count = COUNT(attentions),
                                     .bad = attentions_bad,
                                     .bad_count = COUNT(attentions_bad),
                                     .tolerance32 = 4e-4};

/* ---- what is dropped: param is the number of queries and of keys, the seeds are below the last
 * ---- */

static reel_tensor *run_attention_kept(reel_tensor **in, const int64_t *param, reel_dtype made) {
    return reel__attention_kept(REEL_HERE, in[0], DROPPED, reel_shape(2, 3, param[0], param[1]),
                                made);
}
static array ref_attention_kept(const array *in, const int64_t *param) {
    const uint32_t key[2] = {(uint32_t)in[0].v[0], (uint32_t)in[0].v[1]};
    array out = array_new(reel_shape(2, 3, param[0], param[1]));
    for (int64_t i = 0; i < array_size(out); i++) {
        uint32_t word[4];
        const int64_t j = i % param[1];
        reel__attention_words(key, (uint64_t)(i / param[1]), (uint64_t)j / 4, word);
        out.v[i] = reel__says_yes(word[j % 4], DROPPED) ? 0 : 1 / (1 - DROPPED);
    }
    return out;
}
static const op_shapes seeds[] = {{{S(2)}, {3, 4, 0, 1000}},
                                  {{S(2)}, {5, 7, 0, 1000}},
                                  {{S(2)}, {0, 7, 0, 9}},
                                  {{S(2)}, {7, 0, 0, 9}}};
const op_case case_attention_kept = {.inputs = 1,
                                     .indexed = true,
                                     .floats_only = true,
                                     .run = run_attention_kept,
                                     .reference = ref_attention_kept,
                                     .shapes = seeds,
                                     .shape_count = COUNT(seeds)};
