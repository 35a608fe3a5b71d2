/* Cases of reductions and softmaxes, and of what else brings many elements together. */
#include "tests/op_cases.h"

#include <math.h>
#include <stdlib.h>

#define UNUSED (void)made

/* ---- references: of each result the elements it comes from, in their order ---- */

static bool is_reduced(int64_t mask, int axis) {
    return mask >> axis & 1;
}

/* The shape with size 1 in place of the axes that are (or are not) in the mask. */
static reel_shape without(reel_shape s, int64_t mask, bool in_it) {
    for (int i = 0; i < s.ndim; i++)
        if (is_reduced(mask, i) == in_it) s.dim[i] = 1;
    return s;
}

static int64_t place(reel_shape s, const int64_t *a, const int64_t *b) {
    int64_t at = 0;
    for (int i = 0; i < s.ndim; i++) at = at * s.dim[i] + a[i] + b[i];
    return at;
}

typedef double (*fold)(const double *v, int64_t n);

/* param[0]: the axes as a mask, param[1]: keepdim */
static array ref_fold(const array *in, const int64_t *param, fold f) {
    const reel_shape s = in[0].shape, kept = without(s, param[0], true),
                     reduced = without(s, param[0], false);
    const int64_t n = reel__shape_numel(reduced);
    array y = array_new(kept);
    double *v = array_new(reduced).v;
    int64_t at[REEL_MAX_DIMS] = {0};
    for (int64_t k = 0; k < array_size(y); k++, array_next(kept, at)) {
        int64_t along[REEL_MAX_DIMS] = {0};
        for (int64_t i = 0; i < n; i++, array_next(reduced, along))
            v[i] = in[0].v[place(s, at, along)];
        y.v[k] = f(v, n);
    }
    free(v);
    y.shape = REEL_SCALAR;
    for (int i = 0; i < s.ndim; i++)
        if (!is_reduced(param[0], i) || param[1]) y.shape.dim[y.shape.ndim++] = kept.dim[i];
    return y;
}

static reel_shape axes_of(int64_t mask) {
    reel_shape s = REEL_SCALAR;
    for (int i = 0; i < REEL_MAX_DIMS; i++)
        if (is_reduced(mask, i)) s.dim[s.ndim++] = i;
    return s;
}

/* ---- sum, mean, any, all ---- */

static const op_shapes reduced[] = {
    {{S(3, 4)}, {3, 0}},
    {{S(3, 4)}, {1, 0}},
    {{S(3, 4)}, {2, 0}},
    {{S(3, 4)}, {2, 1}},
    {{S(2, 3, 4)}, {5, 1}},
    {{S(2, 3, 4)}, {2, 0}},
    {{S(2, 3, 4, 2)}, {6, 0}},
    {{S(2, 3, 4, 2)}, {9, 0}},
    {{S(1, 5)}, {1, 0}},
    {{S(5, 1)}, {2, 1}},
    {{S0}, {0, 0}},
    {{S(3, 0)}, {2, 0}},
    {{S(0, 3)}, {2, 0}},
    {{S(1, 1)}, {3, 0}},
    {{S(300, 71)}, {1, 0}},
    {{S(300, 71)}, {2, 0}},
    {{S(40001)}, {1, 0}},
    {{S(3, 50, 70)}, {2, 0}},
    {{S(3, 50, 70)}, {4, 0}},
    {{S(50001)}, {1, 1}},
    {{S(2, 17000)}, {2, 0}},  /* rows of several parts */
    {{S(3000, 40)}, {1, 0}},  /* columns of several parts */
    {{S(7, 2500)}, {1, 0}},   /* several chunks of columns */
    {{S(200, 9)}, {2, 0}},    /* many short rows */
    {{S(9, 8, 300)}, {2, 1}}, /* columns, many times */
};

/* Kahan's sum: a plain one would be less exact than Reel's. */
static double sum_of(const double *v, int64_t n) {
    double sum = 0, lost = 0;
    for (int64_t i = 0; i < n; i++) {
        const double term = v[i] - lost, next = sum + term;
        lost = (next - sum) - term;
        sum = next;
    }
    return sum;
}
static double mean_of(const double *v, int64_t n) {
    return sum_of(v, n) / (double)n;
}
static double any_of(const double *v, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        if (v[i] != 0) return 1;
    return 0;
}
static double all_of(const double *v, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        if (v[i] == 0) return 0;
    return 1;
}

/* An op over axes, under the signatures of a case. */
#define OVER(name)                                                                                 \
    static reel_tensor *run_##name(reel_tensor **in, const int64_t *param, reel_dtype made) {      \
        UNUSED;                                                                                    \
        return reel_##name##_over(in[0], axes_of(param[0]), param[1] != 0);                        \
    }                                                                                              \
    static array ref_##name(const array *in, const int64_t *param) {                               \
        return ref_fold(in, param, name##_of);                                                     \
    }
OVER(sum)
OVER(mean)
OVER(any)
OVER(all)

static const op_shapes reduced_bad[] = {{{S(3, 4)}, {4, 0}}, {{S0}, {2, 0}}};
#define REDUCED(name)                                                                              \
    .inputs = 1, .run = run_##name, .reference = ref_##name, .shapes = reduced,                    \
    .shape_count = COUNT(reduced), .bad = reduced_bad, .bad_count = COUNT(reduced_bad)
const op_case case_sum = {REDUCED(sum), .low = {0.5}, .high = {3}};
const op_case case_mean = {REDUCED(mean), .low = {0.5}, .high = {3}};
const op_case case_any = {REDUCED(any)};
const op_case case_all = {REDUCED(all)};

/* ---- prod: of few elements, so that those of integers are exact in f64 ---- */

static const op_shapes multiplied[] = {
    {{S(3, 3)}, {3, 0}},    {{S(3, 4)}, {1, 0}},    {{S(3, 4)}, {2, 1}}, {{S(2, 3, 4)}, {5, 0}},
    {{S(2, 3, 4)}, {2, 0}}, {{S(2, 9)}, {2, 0}},    {{S0}, {0, 0}},      {{S(3, 0)}, {2, 0}},
    {{S(0, 3)}, {2, 0}},    {{S(1, 1)}, {3, 1}},    {{S(5, 7)}, {1, 0}}, {{S(200, 9)}, {2, 0}},
    {{S(9, 300)}, {1, 0}},  {{S(4, 8, 30)}, {2, 0}}};

static double prod_of(const double *v, int64_t n) {
    double product = 1;
    for (int64_t i = 0; i < n; i++) product *= v[i];
    return product;
}
OVER(prod)
const op_case case_prod = {.inputs = 1,
                           .run = run_prod,
                           .reference = ref_prod,
                           .shapes = multiplied,
                           .shape_count = COUNT(multiplied),
                           .bad = reduced_bad,
                           .bad_count = COUNT(reduced_bad)};

/* ---- max, min ---- */

static const op_shapes extremes[] = {
    {{S(3, 4)}, {3, 0}},     {{S(3, 4)}, {1, 0}},      {{S(3, 4)}, {2, 1}},
    {{S(2, 3, 4)}, {5, 1}},  {{S(2, 3, 4)}, {2, 0}},   {{S(2, 3, 4, 2)}, {9, 0}},
    {{S(1, 5)}, {1, 0}},     {{S(5, 1)}, {2, 1}},      {{S0}, {0, 0}},
    {{S(0, 3)}, {2, 0}},     {{S(1, 1)}, {3, 0}},      {{S(300, 71)}, {1, 0}},
    {{S(300, 71)}, {2, 0}},  {{S(40001)}, {1, 0}},     {{S(3, 50, 70)}, {2, 0}},
    {{S(2, 17000)}, {2, 0}}, {{S(3000, 40)}, {1, 0}},  {{S(7, 2500)}, {1, 0}},
    {{S(200, 9)}, {2, 0}},   {{S(9, 8, 300)}, {2, 1}},
};
static const op_shapes extremes_bad[] = {{{S(3, 4)}, {4, 0}},
                                         {{S(3, 0)}, {2, 0}},
                                         {{S(0, 3)}, {3, 0}},
                                         {{S(0, 0)}, {2, 0}},
                                         {{S(2, 0)}, {1 | 2, 1}}};

static double max_of(const double *v, int64_t n) {
    double most = v[0];
    for (int64_t i = 1; i < n; i++) most = fmax(most, v[i]);
    return most;
}
static double min_of(const double *v, int64_t n) {
    double most = v[0];
    for (int64_t i = 1; i < n; i++) most = fmin(most, v[i]);
    return most;
}
OVER(max)
OVER(min)
#define EXTREME(name)                                                                              \
    .inputs = 1, .run = run_##name, .reference = ref_##name, .shapes = extremes,                   \
    .shape_count = COUNT(extremes), .bad = extremes_bad, .bad_count = COUNT(extremes_bad)
const op_case case_max = {EXTREME(max)};
const op_case case_min = {EXTREME(min)};

/* ---- argmax, argmin: over one axis or all ---- */

static const op_shapes positions[] = {
    {{S(3, 4)}, {3, 0}},     {{S(3, 4)}, {1, 0}},      {{S(3, 4)}, {2, 1}},
    {{S(2, 3, 4)}, {7, 1}},  {{S(2, 3, 4)}, {2, 0}},   {{S(2, 3, 4, 2)}, {4, 0}},
    {{S(1, 5)}, {1, 0}},     {{S(5, 1)}, {2, 1}},      {{S0}, {0, 0}},
    {{S(0, 3)}, {2, 0}},     {{S(1, 1)}, {3, 0}},      {{S(300, 71)}, {1, 0}},
    {{S(300, 71)}, {2, 0}},  {{S(40001)}, {1, 0}},     {{S(3, 50, 70)}, {2, 0}},
    {{S(2, 17000)}, {2, 0}}, {{S(3000, 40)}, {1, 0}},  {{S(7, 2500)}, {1, 0}},
    {{S(200, 9)}, {2, 0}},   {{S(9, 8, 300)}, {2, 1}},
};
static const op_shapes positions_bad[] = {
    {{S(3, 4)}, {4, 0}}, {{S(3, 0)}, {2, 0}}, {{S(0, 3)}, {3, 0}}, {{S(2, 3, 4)}, {3, 0}}};

static double argmax_of(const double *v, int64_t n) {
    int64_t best = 0;
    for (int64_t i = 1; i < n; i++)
        if (v[i] > v[best]) best = i;
    return (double)best;
}
static double argmin_of(const double *v, int64_t n) {
    int64_t best = 0;
    for (int64_t i = 1; i < n; i++)
        if (v[i] < v[best]) best = i;
    return (double)best;
}
OVER(argmax)
OVER(argmin)
#define POSITION(name)                                                                             \
    .inputs = 1, .run = run_##name, .reference = ref_##name, .shapes = positions,                  \
    .shape_count = COUNT(positions), .bad = positions_bad, .bad_count = COUNT(positions_bad)
const op_case case_argmax = {POSITION(argmax)};
const op_case case_argmin = {POSITION(argmin)};

/* ---- ties ---- */

static const op_shapes tied[] = {
    {{S(3, 4), S(3, 4)}, {0}}, {{S(3, 4), S(1, 4)}, {0}}, {{S(3, 4), S(3, 1)}, {0}},
    {{S(5), S0}, {0}},         {{S(0, 3), S(3)}, {0}},    {{S(300, 71), S(300, 1)}, {0}},
    {{S(3000), S(3000)}, {0}},
};
static const op_shapes tied_bad[] = {{{S(3, 4), S(3)}, {0}}};

static reel_tensor *run_ties(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED, (void)param;
    return reel__ties(REEL_HERE, in[0], in[1]);
}
static double ties_of(double x, double y, double z) {
    (void)z;
    return x == y;
}
const op_case case_ties = {.inputs = 2,
                           .run = run_ties,
                           .formula = ties_of,
                           .shapes = tied,
                           .shape_count = COUNT(tied),
                           .bad = tied_bad,
                           .bad_count = COUNT(tied_bad)};

/* ---- var, std: param[2] the correction; more elements than that ---- */

static const op_shapes spread_out[] = {
    {{S(3, 4)}, {3, 0, 1}},      {{S(3, 4)}, {1, 0, 1}},     {{S(3, 4)}, {2, 1, 0}},
    {{S(2, 3, 4)}, {5, 1, 2}},   {{S(2, 3, 4)}, {2, 0, 1}},  {{S(2, 3, 4, 2)}, {9, 0, 0}},
    {{S(2)}, {1, 0, 1}},         {{S(0, 3)}, {2, 0, 1}},     {{S(3, 0)}, {2, 0, 1}},
    {{S(300, 71)}, {1, 0, 1}},   {{S(300, 71)}, {2, 0, 1}},  {{S(40001)}, {1, 0, 1}},
    {{S(3, 50, 70)}, {2, 0, 0}}, {{S(2, 17000)}, {2, 0, 1}}, {{S(3000, 40)}, {1, 0, 1}},
    {{S(7, 2500)}, {1, 0, 1}},   {{S(200, 9)}, {2, 0, 1}},   {{S(9, 8, 300)}, {2, 1, 0}},
};

static double squares_of(const double *v, int64_t n) {
    const double mean = mean_of(v, n);
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += (v[i] - mean) * (v[i] - mean);
    return sum;
}

static array ref_var(const array *in, const int64_t *param) {
    array y = ref_fold(in, param, squares_of);
    const double n = (double)reel__shape_numel(without(in[0].shape, param[0], false));
    for (int64_t i = 0; i < array_size(y); i++)
        y.v[i] /= n > (double)param[2] ? n - (double)param[2] : 0;
    return y;
}

static array ref_std(const array *in, const int64_t *param) {
    array y = ref_var(in, param);
    for (int64_t i = 0; i < array_size(y); i++) y.v[i] = sqrt(y.v[i]);
    return y;
}

static reel_tensor *run_var(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return reel_var_with(in[0], axes_of(param[0]), param[1] != 0, (double)param[2]);
}

static reel_tensor *run_std(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return reel_std_with(in[0], axes_of(param[0]), param[1] != 0, (double)param[2]);
}
#define SPREAD(name)                                                                               \
    .inputs = 1, .run = run_##name, .reference = ref_##name, .shapes = spread_out,                 \
    .shape_count = COUNT(spread_out), .bad = reduced_bad, .bad_count = COUNT(reduced_bad)
const op_case case_var = {SPREAD(var)};
const op_case case_std = {SPREAD(std)};

/* ---- norm ---- */

static double norm_of(const double *v, int64_t n) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += v[i] * v[i];
    return sqrt(sum);
}
static reel_tensor *run_norm(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return reel_norm_over(in[0], 2, axes_of(param[0]), param[1] != 0);
}
static array ref_norm(const array *in, const int64_t *param) {
    return ref_fold(in, param, norm_of);
}
const op_case case_norm = {REDUCED(norm), .kink = 0.3};

/* ---- sum_norm, max_norm, min_norm ---- */

static double sum_norm_of(const double *v, int64_t n) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += fabs(v[i]);
    return sum;
}
static double max_norm_of(const double *v, int64_t n) {
    double most = 0;
    for (int64_t i = 0; i < n; i++) most = fmax(most, fabs(v[i]));
    return most;
}
static double min_norm_of(const double *v, int64_t n) {
    double least = INFINITY;
    for (int64_t i = 0; i < n; i++) least = fmin(least, fabs(v[i]));
    return least;
}

#define NORM(name, p)                                                                              \
    static reel_tensor *run_##name(reel_tensor **in, const int64_t *param, reel_dtype made) {      \
        UNUSED;                                                                                    \
        return reel_norm_over(in[0], p, axes_of(param[0]), param[1] != 0);                         \
    }                                                                                              \
    static array ref_##name(const array *in, const int64_t *param) {                               \
        return ref_fold(in, param, name##_of);                                                     \
    }
NORM(sum_norm, 1)
NORM(max_norm, INFINITY)
NORM(min_norm, -INFINITY)
const op_case case_sum_norm = {REDUCED(sum_norm), .kink = 0.3};
const op_case case_max_norm = {EXTREME(max_norm), .kink = 0.3};
const op_case case_min_norm = {EXTREME(min_norm), .kink = 0.3};

/* ---- power_norm: param[2] is 4 p ---- */

static const op_shapes powers[] = {
    {{S(3, 4)}, {3, 0, 5}},      {{S(3, 4)}, {1, 0, 12}},    {{S(3, 4)}, {2, 1, 6}},
    {{S(3, 4)}, {2, 0, 0}},      {{S(2, 3, 4)}, {5, 1, 10}}, {{S(2, 3, 4)}, {2, 0, -4}},
    {{S(2, 3, 4)}, {6, 0, -6}},  {{S(3, 4)}, {2, 0, 2}},     {{S0}, {0, 0, 12}},
    {{S(3, 0)}, {2, 0, 5}},      {{S(3, 0)}, {2, 0, 12}},    {{S(0, 3)}, {2, 0, -4}},
    {{S(300, 71)}, {1, 0, 12}},  {{S(300, 71)}, {2, 0, 5}},  {{S(40001)}, {1, 0, 12}},
    {{S(3000, 40)}, {1, 0, 6}},  {{S(7, 2500)}, {1, 0, 5}},  {{S(200, 9)}, {2, 0, 12}},
    {{S(9, 8, 300)}, {2, 1, 6}},
};
static const op_shapes powers_bad[] = {{{S(3, 4)}, {4, 0, 12}}, {{S(3, 0)}, {2, 0, -4}}};

static double power_of(const int64_t *param) {
    return (double)param[2] / 4;
}
static reel_tensor *run_power_norm(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return reel_norm_over(in[0], power_of(param), axes_of(param[0]), param[1] != 0);
}
static double power; /* of the norm that is asked for */
static double power_norm_of(const double *v, int64_t n) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += power == 0 ? v[i] != 0 : pow(fabs(v[i]), power);
    return power == 0 ? sum : pow(sum, 1 / power);
}
static array ref_power_norm(const array *in, const int64_t *param) {
    power = power_of(param);
    return ref_fold(in, param, power_norm_of);
}
const op_case case_power_norm = {.inputs = 1,
                                 .run = run_power_norm,
                                 .reference = ref_power_norm,
                                 .kink = 0.3,
                                 .shapes = powers,
                                 .shape_count = COUNT(powers),
                                 .bad = powers_bad,
                                 .bad_count = COUNT(powers_bad)};

/* ---- logsumexp ---- */

static double logsumexp_of(const double *v, int64_t n) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += exp(v[i]);
    return log(sum);
}
OVER(logsumexp)
const op_case case_logsumexp = {REDUCED(logsumexp)};

/* ---- mse ---- */

static const op_shapes paired[] = {
    {{S(3, 4), S(3, 4)}, {0}},       {{S(5), S(5)}, {0}},       {{S0, S0}, {0}},
    {{S(1, 1), S(1, 1)}, {0}},       {{S(0, 3), S(0, 3)}, {0}}, {{S(2, 3, 4), S(2, 3, 4)}, {0}},
    {{S(300, 71), S(300, 71)}, {0}}, {{S(40), S(40)}, {0}},     {{S(50001), S(50001)}, {0}},
};
static const op_shapes paired_bad[] = {{{S(3, 4), S(4)}, {0}},
                                       {{S(3, 4), S(3, 1)}, {0}},
                                       {{S(3, 4), S(4, 3)}, {0}},
                                       {{S(1), S0}, {0}},
                                       {{S(0), S(0, 1)}, {0}}};

static reel_tensor *run_mse(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED, (void)param;
    return reel_mse(in[0], in[1]);
}

/* By the mean of the squares, as an array. */
static array ref_mse(const array *in, const int64_t *param) {
    (void)param;
    array squares = array_new(in[0].shape);
    for (int64_t i = 0; i < array_size(squares); i++) {
        double d = in[0].v[i] - in[1].v[i];
        squares.v[i] = d * d;
    }
    array y = ref_mean(&squares, (const int64_t[]){((int64_t)1 << in[0].shape.ndim) - 1, 0});
    array_free(squares);
    return y;
}
const op_case case_mse = {.inputs = 2,
                          .run = run_mse,
                          .reference = ref_mse,
                          .shapes = paired,
                          .shape_count = COUNT(paired),
                          .bad = paired_bad,
                          .bad_count = COUNT(paired_bad)};

/* ---- softmax, log_softmax: param[0] the axis ---- */

static const op_shapes soft[] = {
    {{S(3, 4)}, {1}},   {{S(3, 4)}, {0}},    {{S(3, 4)}, {-1}},    {{S(2, 3, 4)}, {1}},
    {{S(5)}, {0}},      {{S(1)}, {0}},       {{S(3, 1)}, {1}},     {{S(0, 3)}, {1}},
    {{S(3, 0)}, {1}},   {{S(60, 130)}, {1}}, {{S(60, 130)}, {0}},  {{S(3, 5000)}, {1}},
    {{S(150, 9)}, {1}}, {{S(7, 2500)}, {0}}, {{S(2, 9, 70)}, {1}},
};
static const op_shapes soft_bad[] = {{{S(3, 4)}, {2}}, {{S(3, 4)}, {-3}}, {{S0}, {1}}};

/* Each line along the axis from what f makes of it. */
static array ref_along(const array *in, const int64_t *param, double (*f)(double x, double sum)) {
    const reel_shape s = in[0].shape;
    const int64_t axis = param[0] < 0 ? param[0] + s.ndim : param[0];
    array sum = ref_fold(in, (const int64_t[]){(int64_t)1 << axis, 1}, logsumexp_of);
    array y = array_new(s);
    int64_t at[REEL_MAX_DIMS] = {0};
    for (int64_t k = 0; k < array_size(y); k++, array_next(s, at))
        y.v[k] = f(in[0].v[k], array_get(sum, at, s.ndim));
    array_free(sum);
    return y;
}

static double soft_part(double x, double logsumexp) {
    return exp(x - logsumexp);
}
static double log_part(double x, double logsumexp) {
    return x - logsumexp;
}
static array ref_softmax(const array *in, const int64_t *param) {
    return ref_along(in, param, soft_part);
}
static array ref_log_softmax(const array *in, const int64_t *param) {
    return ref_along(in, param, log_part);
}

static reel_tensor *run_softmax(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return reel_softmax(in[0], (int)param[0]);
}
static reel_tensor *run_log_softmax(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return reel_log_softmax(in[0], (int)param[0]);
}
#define SOFT(name)                                                                                 \
    .inputs = 1, .run = run_##name, .reference = ref_##name, .shapes = soft,                       \
    .shape_count = COUNT(soft), .bad = soft_bad, .bad_count = COUNT(soft_bad)
const op_case case_softmax = {SOFT(softmax)};
const op_case case_log_softmax = {SOFT(log_softmax)};

/* ---- nll, nll_grad: param[0] what is ignored, param[1] the weights, which are no input: they have
 * no gradient; param[3] the bound of the targets ---- */

static const op_shapes classified[] = {
    {{S(4, 3), S(4)}, {-100, 3, 0, 3}},
    {{S(6, 3), S(6)}, {1, 3, 0, 3}},
    {{S(2, 3, 4), S(2, 4)}, {2, 3, 0, 3}},
    {{S(2, 5, 3, 2), S(2, 3, 2)}, {-1, 5, 0, 5}},
    {{S(1, 1), S(1)}, {0, 1, 0, 1}},
    {{S(0, 3), S(0)}, {-100, 3, 0, 3}},
    {{S(2, 3, 0), S(2, 0)}, {-100, 3, 0, 3}},
    {{S(300, 40), S(300)}, {7, 40, 0, 40}},
    {{S(3, 12, 500), S(3, 500)}, {7, 12, 0, 12}},
};
static const op_shapes classified_bad[] = {
    {{S(4, 3), S(5)}, {-100, 3, 0, 3}},    {{S(4, 3), S(4, 1)}, {-100, 3, 0, 3}},
    {{S(4), S0}, {-100, 4, 0, 4}},         {{S(4, 3), S(4)}, {-100, 4, 0, 3}},
    {{S(40, 3), S(40)}, {-100, 3, 0, 90}}, {{S(2, 3, 4), S(2, 3)}, {-100, 3, 0, 3}}};

static reel_tensor *class_weights(reel_tensor *x, int64_t classes) {
    reel_tensor *c = reel_arange(classes, reel_dtype_of(x), test_device());
    return reel_affine(c, 0.25, 0.5);
}

static reel_tensor *run_nll(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    reel_tensor *weight = in[0] ? class_weights(in[0], param[1]) : NULL;
    return reel__nll(REEL_HERE, in[0], weight, in[1], param[0], NULL);
}

/* Where the class of a position of `target` lies in x. */
static int64_t class_at(array target, int64_t classes, int64_t position) {
    const int64_t n = array_size(target), outer = target.shape.dim[0], inner = n / outer;
    return (position / inner * classes + (int64_t)target.v[position]) * inner + position % inner;
}

static array ref_nll(const array *in, const int64_t *param) {
    array z = array_new(in[1].shape);
    for (int64_t i = 0; i < array_size(z); i++)
        if ((int64_t)in[1].v[i] != param[0])
            z.v[i] = -(0.25 * in[1].v[i] + 0.5) * in[0].v[class_at(in[1], param[1], i)];
    return z;
}
const op_case case_nll = {.inputs = 2,
                          .run = run_nll,
                          .reference = ref_nll,
                          .shapes = classified,
                          .shape_count = COUNT(classified),
                          .bad = classified_bad,
                          .bad_count = COUNT(classified_bad),
                          .indexed = true,
                          .floats_only = true};

static const op_shapes declassified[] = {
    {{S(4), S(4)}, {-100, 3, 0, 3}},
    {{S(6), S(6)}, {1, 3, 0, 3}},
    {{S(2, 4), S(2, 4)}, {2, 3, 0, 3}},
    {{S(2, 3, 2), S(2, 3, 2)}, {-1, 5, 0, 5}},
    {{S(1), S(1)}, {0, 1, 0, 1}},
    {{S(0), S(0)}, {-100, 3, 0, 3}},
    {{S(2, 0), S(2, 0)}, {-100, 3, 0, 3}},
    {{S(300), S(300)}, {7, 40, 0, 40}},
    {{S(3, 500), S(3, 500)}, {7, 12, 0, 12}},
};
static const op_shapes declassified_bad[] = {{{S(4), S(5)}, {-100, 3, 0, 3}},
                                             {{S(4), S(4, 1)}, {-100, 3, 0, 3}},
                                             {{S0, S0}, {-100, 3, 0, 3}},
                                             {{S(40), S(40)}, {-100, 3, 0, 90}}};

static reel_tensor *run_nll_grad(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    reel_tensor *weight = in[0] ? class_weights(in[0], param[1]) : NULL;
    return reel__nll_grad(REEL_HERE, in[0], weight, in[1], param[0]);
}

static array ref_nll_grad(const array *in, const int64_t *param) {
    reel_shape s = in[0].shape;
    for (int i = s.ndim++; i > 1; i--) s.dim[i] = s.dim[i - 1];
    s.dim[1] = param[1];
    array x = array_new(s);
    for (int64_t i = 0; i < array_size(in[1]); i++)
        if ((int64_t)in[1].v[i] != param[0])
            x.v[class_at(in[1], param[1], i)] = -(0.25 * in[1].v[i] + 0.5) * in[0].v[i];
    return x;
}
const op_case case_nll_grad = {.inputs = 2,
                               .run = run_nll_grad,
                               .reference = ref_nll_grad,
                               .shapes = declassified,
                               .shape_count = COUNT(declassified),
                               .bad = declassified_bad,
                               .bad_count = COUNT(declassified_bad),
                               .indexed = true,
                               .floats_only = true};
