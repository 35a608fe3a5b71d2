/* Cases of standardize and its gradient: x is [outer, groups, channels, inner]; param is whether
 * statistics are across, whether the mean counts as 0, and how many of weight and bias there are.
 */
#include "tests/op_cases.h"

#include "tensor/ops/call_internal.h"

#include <math.h>
#include <stdlib.h>

#define EPS 0.25

static reel__with with_of(const reel_tensor *x, const int64_t *param) {
    reel__with with = {.norm = {.eps = EPS,
                                .across = param[0] != 0,
                                .uncentred = param[1] != 0,
                                .affine = (int)param[2]}};
    if (!x || reel_ndim(x) != 4) return with;
    with.norm.outer = reel_dim(x, 0);
    with.norm.groups = reel_dim(x, 1);
    with.norm.channels = reel_dim(x, 2);
    with.norm.inner = reel_dim(x, 3);
    return with;
}

static reel_tensor *run_standardize(reel_tensor **in, const int64_t *param, reel_dtype made) {
    (void)made;
    const reel__with with = with_of(in[0], param);
    return reel__standardize(REEL_HERE, in[0], in[1], in[2], &with, NULL, NULL);
}

/* The statistics are those of x, and constant. */
static reel_tensor *run_standardize_grad(reel_tensor **in, const int64_t *param, reel_dtype made) {
    (void)made;
    const reel__with with = with_of(in[1], param);
    reel_tensor *mean = NULL, *var = NULL;
    if (!reel__standardize(REEL_HERE, in[1], in[2], in[2], &with, &mean, &var)) return NULL;
    return reel__standardize_grad(REEL_HERE, in[0], in[1], mean, var, in[2], &with);
}

/* ---- references ---- */

typedef struct {
    int64_t outer, groups, channels, inner, count;
    const int64_t *param;
} sizes;

static sizes sizes_of(array x, const int64_t *param) {
    const int64_t *d = x.shape.dim;
    const int64_t count = param[0] ? d[0] * d[3] : d[2] * d[3];
    return (sizes){d[0], d[1], d[2], d[3], count, param};
}

static int64_t statistics(const sizes *s) {
    return s->param[0] ? s->channels : s->outer * s->groups;
}

/* Of element i: its channel's weight, its statistic. */
static int64_t channel_of(const sizes *s, int64_t i) {
    return i / s->inner % (s->groups * s->channels);
}
static int64_t statistic_of(const sizes *s, int64_t i) {
    return s->param[0] ? channel_of(s, i) : i / s->inner / s->channels;
}

/* Twice as many numbers as statistics: means, and 1 / sqrt(var + eps). */
static double *moments(const sizes *s, array x) {
    const int64_t many = statistics(s), n = array_size(x);
    double *m = calloc((size_t)(2 * many) + 1, sizeof *m), *r = m + many;
    for (int64_t i = 0; i < n; i++) m[statistic_of(s, i)] += x.v[i] / (double)s->count;
    for (int64_t i = 0; i < many && s->param[1]; i++) m[i] = 0;
    for (int64_t i = 0; i < n; i++) {
        const double d = x.v[i] - m[statistic_of(s, i)];
        r[statistic_of(s, i)] += d * d / (double)s->count;
    }
    for (int64_t i = 0; i < many; i++) r[i] = 1 / sqrt(r[i] + EPS);
    return m;
}

static array ref_standardize(const array *in, const int64_t *param) {
    const sizes s = sizes_of(in[0], param);
    array y = array_new(in[0].shape);
    double *m = moments(&s, in[0]), *r = m + statistics(&s);
    for (int64_t i = 0; i < array_size(y); i++) {
        const int64_t k = statistic_of(&s, i), c = channel_of(&s, i);
        y.v[i] = (in[0].v[i] - m[k]) * r[k] * (param[2] > 0 ? in[1].v[c] : 1) +
                 (param[2] > 1 ? in[2].v[c] : 0);
    }
    free(m);
    return y;
}

static array ref_standardize_grad(const array *in, const int64_t *param) {
    const sizes s = sizes_of(in[1], param);
    const int64_t n = array_size(in[1]), channels = s.groups * s.channels, many = statistics(&s);
    array out = array_new(reel_shape(n + param[2] * channels));
    double *m = moments(&s, in[1]), *r = m + many;
    double *p = calloc((size_t)(2 * many) + 1, sizeof *p), *ph = p + many;
    for (int pass = 0; pass < 2; pass++)
        for (int64_t i = 0; i < n; i++) {
            const int64_t k = statistic_of(&s, i), c = channel_of(&s, i);
            const double h = (in[1].v[i] - m[k]) * r[k], g = in[0].v[i],
                         w = param[2] > 0 ? in[2].v[c] : 1;
            if (pass) {
                out.v[i] = r[k] * (g * w - (param[1] ? 0 : p[k]) - h * ph[k]);
                continue;
            }
            p[k] += g * w / (double)s.count;
            ph[k] += g * w * h / (double)s.count;
            if (param[2] > 0) out.v[n + c] += g * h;
            if (param[2] > 1) out.v[n + channels + c] += g;
        }
    free(p);
    free(m);
    return out;
}

/* ---- the cases ---- */

#define X(o, g, c, i, ...)                                                                         \
    {                                                                                              \
        {S(o, g, c, i), S((g) * (c)), S((g) * (c))}, {                                             \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }
#define G(o, g, c, i, ...)                                                                         \
    {                                                                                              \
        {S(o, g, c, i), S(o, g, c, i), S((g) * (c))}, {                                            \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }
#define ALL(AS)                                                                                    \
    AS(3, 1, 5, 1, 0, 0, 2), AS(2, 2, 3, 4, 0, 0, 2), AS(3, 1, 2, 4, 1, 0, 2),                     \
        AS(4, 1, 3, 1, 1, 0, 2), AS(2, 3, 1, 5, 0, 0, 2), AS(3, 1, 6, 1, 0, 1, 2),                 \
        AS(2, 1, 3, 20, 1, 0, 2), AS(2, 2, 3, 1, 0, 0, 2), AS(0, 2, 3, 4, 0, 0, 2),                \
        AS(2, 2, 3, 0, 0, 0, 2), AS(3, 1, 0, 2, 1, 0, 2), AS(0, 1, 3, 2, 1, 0, 2),                 \
        AS(70, 1, 130, 1, 0, 0, 2), AS(20, 1, 300, 1, 0, 0, 2), AS(9, 1, 500, 1, 0, 1, 1),         \
        AS(3, 1, 5000, 1, 0, 0, 2), AS(2, 2, 3, 1500, 0, 0, 2), AS(40, 1, 3, 300, 1, 0, 2),        \
        AS(2, 1, 2, 5000, 1, 0, 2), AS(300, 1, 33, 1, 1, 0, 2), AS(1, 1, 1, 20000, 0, 0, 2),       \
        AS(1, 1, 20001, 1, 0, 1, 2)
static const op_shapes standardizes[] = {ALL(X)}, gradients[] = {ALL(G)};
static const op_shapes standardizes_bad[] = {
    {{S(2, 2, 3, 4), S(5), S(6)}, {0, 0, 2}},
    {{S(2, 2, 3, 4), S(6), S(6, 1)}, {0, 0, 2}},
    {{S(2, 2, 3, 4), S(6), S(6)}, {1, 0, 2}},
    {{S(2, 6), S(6), S(6)}, {0, 0, 2}},
};
static const op_shapes gradients_bad[] = {
    {{S(2, 2, 3, 4), S(2, 2, 3, 4), S(5)}, {0, 0, 2}},
    {{S(2, 2, 3, 4), S(2, 2, 3, 3), S(6)}, {0, 0, 2}},
    {{S(2, 2, 3, 4), S(2, 2, 3, 4), S(6)}, {1, 0, 2}},
};
const op_case case_standardize = {.inputs = 3,
                                  .run = run_standardize,
                                  .reference = ref_standardize,
                                  .shapes = standardizes,
                                  .shape_count = COUNT(standardizes),
                                  .bad = standardizes_bad,
                                  .bad_count = COUNT(standardizes_bad),
                                  .tolerance32 = 2e-5};
const op_case case_standardize_grad = {.inputs = 3,
                                       .run = run_standardize_grad,
                                       .reference = ref_standardize_grad,
                                       .floats_only = true, /* of statistics that are not rounded */
                                       .shapes = gradients,
                                       .shape_count = COUNT(gradients),
                                       .bad = gradients_bad,
                                       .bad_count = COUNT(gradients_bad),
                                       .tolerance32 = 1e-4};

/* ---- what went by: param[0] is whether it is a mean of all so far, param[3] above the count ----
 */

static reel_tensor *run_track_statistics(reel_tensor **in, const int64_t *param, reel_dtype made) {
    (void)made;
    const reel__with with = {.track = {.share = 0.25, .factor = 1.5, .cumulative = param[0] != 0}};
    if (reel__track_statistics(REEL_HERE, in[0], in[1], in[2], in[3], in[4], &with) != REEL_OK)
        return NULL;
    return reel_sub(in[0], in[1]);
}
static array ref_track_statistics(const array *in, const int64_t *param) {
    const double share = param[0] ? 1 / (in[4].v[0] + 1) : 0.25;
    array out = array_new(in[0].shape);
    for (int64_t i = 0; i < array_size(out); i++)
        out.v[i] = (1 - share) * in[0].v[i] + share * in[2].v[i] - (1 - share) * in[1].v[i] -
                   share * 1.5 * in[3].v[i];
    return out;
}
static const op_shapes tracked[] = {{{S(5), S(5), S(5), S(5), S(1)}, {0, 0, 0, 9}},
                                    {{S(7), S(7), S(7), S(7), S0}, {1, 0, 0, 9}},
                                    {{S(700), S(700), S(700), S(700), S(1)}, {1, 0, 0, 9}},
                                    {{S(0), S(0), S(0), S(0), S(1)}, {1, 0, 0, 9}}};
static const op_shapes tracked_bad[] = {{{S(5), S(4), S(5), S(5), S(1)}, {0, 0, 0, 9}},
                                        {{S(5), S(5), S(5), S(6), S(1)}, {0, 0, 0, 9}},
                                        {{S(5), S(5), S(5), S(5), S(2)}, {0, 0, 0, 9}}};
const op_case case_track_statistics = {.inputs = 5,
                                       .indexed = true,
                                       .floats_only = true,
                                       .no_layouts = true,
                                       .run = run_track_statistics,
                                       .reference = ref_track_statistics,
                                       .shapes = tracked,
                                       .shape_count = COUNT(tracked),
                                       .bad = tracked_bad,
                                       .bad_count = COUNT(tracked_bad)};
