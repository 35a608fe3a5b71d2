/* Cases of reductions, products, indexing and views. */
#include "tests/op_cases.h"

#include <math.h>

#define UNUSED (void)made

/* ---- sum, mean: param[0] the axes as a mask, param[1] keepdim ---- */

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
};

static reel_shape axes_of(int64_t mask) {
    reel_shape s = REEL_SCALAR;
    for (int i = 0; i < REEL_MAX_DIMS; i++)
        if (mask >> i & 1) s.dim[s.ndim++] = i;
    return s;
}

static reel_tensor *run_sum(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return reel_sum_over(in[0], axes_of(param[0]), param[1] != 0);
}

static reel_tensor *run_mean(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return reel_mean_over(in[0], axes_of(param[0]), param[1] != 0);
}

static array ref_sum(const array *in, const int64_t *param) {
    reel_shape s = in[0].shape, kept = s, out = REEL_SCALAR;
    for (int i = 0; i < s.ndim; i++) {
        if (param[0] >> i & 1) kept.dim[i] = 1;
        if (!(param[0] >> i & 1) || param[1]) out.dim[out.ndim++] = kept.dim[i];
    }
    array y = array_new(kept),
          lost = array_new(kept); /* Kahan's sum: a plain one would be less exact than Reel's */
    int64_t at[REEL_MAX_DIMS] = {0};
    for (int64_t k = 0; k < array_size(in[0]); k++, array_next(s, at)) {
        int64_t to = 0;
        for (int i = 0; i < s.ndim; i++) to = to * kept.dim[i] + (kept.dim[i] == 1 ? 0 : at[i]);
        double term = in[0].v[k] - lost.v[to], sum = y.v[to] + term;
        lost.v[to] = (sum - y.v[to]) - term;
        y.v[to] = sum;
    }
    array_free(lost);
    y.shape = out;
    return y;
}

static array ref_mean(const array *in, const int64_t *param) {
    array y = ref_sum(in, param);
    double count = 1;
    for (int i = 0; i < in[0].shape.ndim; i++)
        if (param[0] >> i & 1) count *= (double)in[0].shape.dim[i];
    for (int64_t i = 0; i < array_size(y); i++) y.v[i] /= count;
    return y;
}

static const op_shapes reduced_bad[] = {{{S(3, 4)}, {4, 0}}, {{S0}, {1, 0}}};
#define REDUCED                                                                                    \
    .inputs = 1, .shapes = reduced, .shape_count = COUNT(reduced), .bad = reduced_bad,             \
    .bad_count = COUNT(reduced_bad), .low = {0.5}, .high = {3}
const op_case case_sum = {REDUCED, .run = run_sum, .reference = ref_sum};
const op_case case_mean = {REDUCED, .run = run_mean, .reference = ref_mean};

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

/* ---- matmul ---- */

static const op_shapes products[] = {
    {{S(3, 4), S(4, 5)}, {0}},       {{S(1, 4), S(4, 1)}, {0}},     {{S(3, 1), S(1, 5)}, {0}},
    {{S(1, 1), S(1, 1)}, {0}},       {{S(0, 4), S(4, 3)}, {0}},     {{S(3, 0), S(0, 2)}, {0}},
    {{S(3, 4), S(4, 0)}, {0}},       {{S(2, 5), S(5, 1)}, {0}},     {{S(40, 99), S(99, 31)}, {0}},
    {{S(1, 200), S(200, 150)}, {0}}, {{S(150, 90), S(90, 1)}, {0}},
};
static const op_shapes products_bad[] = {{{S(40, 784), S(100, 784)}, {0}},
                                         {{S(3), S(3, 4)}, {0}},
                                         {{S(3, 4), S(4)}, {0}},
                                         {{S(2, 3, 4), S(4, 5)}, {0}}};

static reel_tensor *run_matmul(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED, (void)param;
    return reel_matmul(in[0], in[1]);
}

static array ref_matmul(const array *in, const int64_t *param) {
    (void)param;
    int64_t m = in[0].shape.dim[0], k = in[0].shape.dim[1], n = in[1].shape.dim[1];
    array z = array_new(reel_shape(m, n));
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++)
            for (int64_t p = 0; p < k; p++)
                z.v[i * n + j] += in[0].v[i * k + p] * in[1].v[p * n + j];
    return z;
}
const op_case case_matmul = {.inputs = 2,
                             .run = run_matmul,
                             .reference = ref_matmul,
                             .shapes = products,
                             .shape_count = COUNT(products),
                             .bad = products_bad,
                             .bad_count = COUNT(products_bad),
                             .tolerance32 = 2e-5};

/* ---- softmax: param[0] the axis ---- */

static const op_shapes soft[] = {
    {{S(3, 4)}, {1}}, {{S(3, 4)}, {0}},    {{S(3, 4)}, {-1}},   {{S(2, 3, 4)}, {1}},
    {{S(5)}, {0}},    {{S(1)}, {0}},       {{S(3, 1)}, {1}},    {{S(0, 3)}, {1}},
    {{S(3, 0)}, {1}}, {{S(60, 130)}, {1}}, {{S(60, 130)}, {0}},
};
static const op_shapes soft_bad[] = {{{S(3, 4)}, {2}}, {{S(3, 4)}, {-3}}, {{S0}, {0}}};

static reel_tensor *run_softmax(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return reel_softmax(in[0], (int)param[0]);
}

/* [outer, n, inner] around an axis. */
static void around(reel_shape s, int64_t axis, int64_t *outer, int64_t *n, int64_t *inner) {
    if (axis < 0) axis += s.ndim;
    *outer = *inner = 1;
    for (int i = 0; i < axis; i++) *outer *= s.dim[i];
    for (int i = (int)axis + 1; i < s.ndim; i++) *inner *= s.dim[i];
    *n = s.dim[axis];
}

/* Zeros of a shape whose axis has n entries instead. */
static array with_axis(reel_shape s, int64_t axis, int64_t n) {
    s.dim[axis < 0 ? axis + s.ndim : axis] = n;
    return array_new(s);
}

static array ref_softmax(const array *in, const int64_t *param) {
    array y = array_new(in[0].shape);
    int64_t outer, n, inner;
    around(in[0].shape, param[0], &outer, &n, &inner);
    for (int64_t o = 0; o < outer; o++)
        for (int64_t i = 0; i < inner; i++) {
            double sum = 0;
            for (int64_t k = 0; k < n; k++) sum += exp(in[0].v[(o * n + k) * inner + i]);
            for (int64_t k = 0; k < n; k++) {
                int64_t at = (o * n + k) * inner + i;
                y.v[at] = exp(in[0].v[at]) / sum;
            }
        }
    return y;
}
const op_case case_softmax = {.inputs = 1,
                              .run = run_softmax,
                              .reference = ref_softmax,
                              .shapes = soft,
                              .shape_count = COUNT(soft),
                              .bad = soft_bad,
                              .bad_count = COUNT(soft_bad)};

/* ---- indexing: param[0] the axis, param[1] the size of the result, param[3] the bound of the
 * indices ---- */

static const op_shapes selected[] = {
    {{S(5, 3), S(4)}, {0, 0, 0, 5}},     {{S(3, 5), S(7)}, {1, 0, 0, 5}},
    {{S(2, 5, 3), S(4)}, {-2, 0, 0, 5}}, {{S(5), S(1)}, {0, 0, 0, 5}},
    {{S(5, 3), S(0)}, {0, 0, 0, 5}},     {{S(1, 3), S(2)}, {0, 0, 0, 1}},
    {{S(5, 0), S(2)}, {0, 0, 0, 5}},     {{S(300, 90), S(900)}, {0, 0, 0, 300}},
};
static const op_shapes selected_bad[] = {{{S(5, 3), S(2, 2)}, {0, 0, 0, 5}},
                                         {{S(5, 3), S(2)}, {2, 0, 0, 5}},
                                         {{S(0, 3), S(2)}, {0, 0, 0, 5}},
                                         {{S(2, 3), S(40)}, {0, 0, 0, 50}}};

static reel_tensor *run_index_select(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return reel_index_select(in[0], (int)param[0], in[1]);
}

static array ref_index_select(const array *in, const int64_t *param) {
    int64_t outer, n, inner, m = in[1].shape.dim[0];
    around(in[0].shape, param[0], &outer, &n, &inner);
    array y = with_axis(in[0].shape, param[0], m);
    for (int64_t o = 0; o < outer; o++)
        for (int64_t k = 0; k < m; k++)
            for (int64_t i = 0; i < inner; i++)
                y.v[(o * m + k) * inner + i] = in[0].v[(o * n + (int64_t)in[1].v[k]) * inner + i];
    return y;
}
const op_case case_index_select = {.inputs = 2,
                                   .run = run_index_select,
                                   .reference = ref_index_select,
                                   .shapes = selected,
                                   .shape_count = COUNT(selected),
                                   .bad = selected_bad,
                                   .bad_count = COUNT(selected_bad),
                                   .indexed = true};

/* param[1]: nothing, or a dtype that is refused */
static const op_shapes rows[] = {
    {{S(5, 3), S(4)}, {0, 0, 0, 5}},    {{S(5), S(9)}, {0, 0, 0, 5}},
    {{S(5, 2, 3), S(4)}, {0, 0, 0, 5}}, {{S(5, 3), S(0)}, {0, 0, 0, 5}},
    {{S(0, 3), S(0)}, {0, 0, 0, 5}},    {{S(1, 3), S(2)}, {0, 0, 0, 1}},
    {{S(5, 0), S(2)}, {0, 0, 0, 5}},    {{S(300, 90), S(900)}, {0, 0, 0, 300}},
};
static const op_shapes rows_bad[] = {
    {{S(5, 3), S(2, 2)}, {0, 0, 0, 5}}, {{S(5, 3), S0}, {0, 0, 0, 5}},
    {{S0, S(2)}, {0, 0, 0, 1}},         {{S(0, 3), S(2)}, {0, 0, 0, 5}},
    {{S(2, 3), S(40)}, {0, 0, 0, 50}},  {{S(5, 3), S(4)}, {0, REEL_I64, 0, 5}}};

static reel_tensor *run_dequantize_rows(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return reel_dequantize_rows(in[0], in[1], 0.25, param[1] ? (reel_dtype)param[1] : REEL_F64);
}

static array ref_dequantize_rows(const array *in, const int64_t *param) {
    array y = ref_index_select(in, param);
    for (int64_t i = 0; i < array_size(y); i++) y.v[i] *= 0.25;
    return y;
}
const op_case case_dequantize_rows = {.inputs = 2,
                                      .run = run_dequantize_rows,
                                      .reference = ref_dequantize_rows,
                                      .shapes = rows,
                                      .shape_count = COUNT(rows),
                                      .bad = rows_bad,
                                      .bad_count = COUNT(rows_bad),
                                      .indexed = true};

static const op_shapes added[] = {
    {{S(4, 3), S(4)}, {0, 5, 0, 5}},        {{S(3, 7), S(7)}, {1, 5, 0, 5}},
    {{S(2, 4, 3), S(4)}, {-2, 3, 0, 3}},    {{S(6), S(6)}, {0, 1, 0, 1}},
    {{S(0, 3), S(0)}, {0, 4, 0, 4}},        {{S(4, 0), S(4)}, {0, 5, 0, 5}},
    {{S(600, 30), S(600)}, {0, 50, 0, 50}},
};
static const op_shapes added_bad[] = {{{S(4, 3), S(5)}, {0, 5, 0, 5}},
                                      {{S(4, 3), S(4)}, {0, -1, 0, 5}},
                                      {{S(4, 3), S(4)}, {3, 5, 0, 5}},
                                      {{S(4, 3), S(4)}, {0, 2, 0, 50}},
                                      {{S(4, 3), S(4, 1)}, {0, 5, 0, 5}}};

static reel_tensor *run_index_add(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return reel_index_add(in[0], (int)param[0], in[1], param[1]);
}

static array ref_index_add(const array *in, const int64_t *param) {
    int64_t outer, n, inner, m = param[1];
    around(in[0].shape, param[0], &outer, &n, &inner);
    array y = with_axis(in[0].shape, param[0], m);
    for (int64_t o = 0; o < outer; o++)
        for (int64_t k = 0; k < n; k++)
            for (int64_t i = 0; i < inner; i++)
                y.v[(o * m + (int64_t)in[1].v[k]) * inner + i] += in[0].v[(o * n + k) * inner + i];
    return y;
}
const op_case case_index_add = {.inputs = 2,
                                .run = run_index_add,
                                .reference = ref_index_add,
                                .shapes = added,
                                .shape_count = COUNT(added),
                                .bad = added_bad,
                                .bad_count = COUNT(added_bad),
                                .tolerance32 = 2e-5,
                                .indexed = true};

static const op_shapes gathered[] = {
    {{S(5, 3), S(4, 3)}, {0, 0, 0, 5}},       {{S(3, 5), S(3, 7)}, {1, 0, 0, 5}},
    {{S(2, 5, 3), S(2, 2, 3)}, {1, 0, 0, 5}}, {{S(5), S(9)}, {-1, 0, 0, 5}},
    {{S(5, 3), S(0, 3)}, {0, 0, 0, 5}},       {{S(1, 3), S(2, 3)}, {0, 0, 0, 1}},
};
static const op_shapes gathered_bad[] = {{{S(5, 3), S(4, 2)}, {0, 0, 0, 5}},
                                         {{S(5, 3), S(4)}, {0, 0, 0, 5}},
                                         {{S(5, 3), S(4, 3)}, {2, 0, 0, 5}},
                                         {{S(5, 3), S(40, 3)}, {0, 0, 0, 90}}};

static reel_tensor *run_gather(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return reel_gather(in[0], (int)param[0], in[1]);
}

static array ref_gather(const array *in, const int64_t *param) {
    int64_t outer, n, inner, m, o2, i2;
    around(in[0].shape, param[0], &outer, &n, &inner);
    around(in[1].shape, param[0], &o2, &m, &i2);
    array y = array_new(in[1].shape);
    for (int64_t o = 0; o < outer; o++)
        for (int64_t k = 0; k < m * inner; k++)
            y.v[o * m * inner + k] =
                in[0].v[(o * n + (int64_t)in[1].v[o * m * inner + k]) * inner + k % inner];
    return y;
}
const op_case case_gather = {.inputs = 2,
                             .run = run_gather,
                             .reference = ref_gather,
                             .shapes = gathered,
                             .shape_count = COUNT(gathered),
                             .bad = gathered_bad,
                             .bad_count = COUNT(gathered_bad),
                             .indexed = true};

static const op_shapes scattered[] = {
    {{S(4, 3), S(4, 3)}, {0, 5, 0, 5}},       {{S(3, 7), S(3, 7)}, {1, 5, 0, 5}},
    {{S(2, 4, 3), S(2, 4, 3)}, {1, 2, 0, 2}}, {{S(9), S(9)}, {-1, 2, 0, 2}},
    {{S(0, 3), S(0, 3)}, {0, 4, 0, 4}},
};
static const op_shapes scattered_bad[] = {{{S(4, 3), S(4)}, {0, 5, 0, 5}},
                                          {{S(4, 3), S(4, 3)}, {0, -2, 0, 5}},
                                          {{S(4, 3), S(4, 3)}, {0, 2, 0, 90}}};

static reel_tensor *run_scatter_add(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return reel_scatter_add(in[0], (int)param[0], in[1], param[1]);
}

static array ref_scatter_add(const array *in, const int64_t *param) {
    int64_t outer, n, inner, m = param[1];
    around(in[0].shape, param[0], &outer, &n, &inner);
    array y = with_axis(in[0].shape, param[0], m);
    for (int64_t o = 0; o < outer; o++)
        for (int64_t k = 0; k < n * inner; k++)
            y.v[(o * m + (int64_t)in[1].v[o * n * inner + k]) * inner + k % inner] +=
                in[0].v[o * n * inner + k];
    return y;
}
const op_case case_scatter_add = {.inputs = 2,
                                  .run = run_scatter_add,
                                  .reference = ref_scatter_add,
                                  .tolerance32 = 2e-5,
                                  .shapes = scattered,
                                  .shape_count = COUNT(scattered),
                                  .bad = scattered_bad,
                                  .bad_count = COUNT(scattered_bad),
                                  .indexed = true};

/* ---- topk: param[0] the axis, param[1] k, param[2] largest ---- */

static const op_shapes best[] = {
    {{S(7)}, {0, 3, 1}},    {{S(7)}, {0, 7, 0}},       {{S(3, 8)}, {1, 2, 1}},
    {{S(8, 3)}, {0, 4, 0}}, {{S(2, 6, 3)}, {1, 2, 1}}, {{S(5)}, {0, 0, 1}},
    {{S(0, 4)}, {1, 2, 1}}, {{S(1, 1)}, {-1, 1, 0}},   {{S(3, 500)}, {1, 40, 1}},
};
static const op_shapes best_bad[] = {
    {{S(7)}, {0, 8, 1}}, {{S(7)}, {0, -1, 1}}, {{S(7)}, {1, 1, 1}}, {{S0}, {0, 1, 1}}};

static reel_tensor *run_topk(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return reel_topk(in[0], param[1], (int)param[0], param[2] != 0, NULL);
}

/* Selection sort of each row. */
static array ref_topk(const array *in, const int64_t *param) {
    int64_t outer, n, inner, k = param[1];
    around(in[0].shape, param[0], &outer, &n, &inner);
    array y = with_axis(in[0].shape, param[0], k), x = array_new(in[0].shape);
    for (int64_t i = 0; i < array_size(x); i++) x.v[i] = param[2] ? in[0].v[i] : -in[0].v[i];
    for (int64_t o = 0; o < outer; o++)
        for (int64_t i = 0; i < inner; i++)
            for (int64_t j = 0; j < k; j++) {
                int64_t top = -1;
                for (int64_t m = 0; m < n; m++)
                    if (top < 0 || x.v[(o * n + m) * inner + i] > x.v[(o * n + top) * inner + i])
                        top = m;
                y.v[(o * k + j) * inner + i] = in[0].v[(o * n + top) * inner + i];
                x.v[(o * n + top) * inner + i] = -INFINITY;
            }
    array_free(x);
    return y;
}
const op_case case_topk = {.inputs = 1,
                           .run = run_topk,
                           .reference = ref_topk,
                           .shapes = best,
                           .shape_count = COUNT(best),
                           .bad = best_bad,
                           .bad_count = COUNT(best_bad)};

/* ---- slice: param axis, start, stop, step; slice_put: the transpose into 9 entries ---- */

static const op_shapes slices[] = {
    {{S(9, 2)}, {0, 1, 8, 3}}, {{S(2, 9)}, {1, 0, 9, 1}}, {{S(2, 9, 3)}, {1, -5, -1, 2}},
    {{S(9)}, {0, 4, 4, 1}},    {{S(9)}, {-1, 8, 100, 5}}, {{S(0, 3)}, {0, 0, 5, 1}},
    {{S(1, 1)}, {0, 0, 1, 7}}, {{S(9)}, {0, 7, 2, 1}},
};
static const op_shapes slices_bad[] = {
    {{S(9)}, {1, 0, 1, 1}}, {{S(9)}, {0, 0, 4, 0}}, {{S(9)}, {0, 4, 0, -1}}, {{S0}, {0, 0, 1, 1}}};

static reel_tensor *run_slice(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return reel_slice(in[0], (int)param[0], param[1], param[2], param[3]);
}

/* As Python slices. */
static array ref_slice(const array *in, const int64_t *param) {
    int64_t outer, n, inner, start = param[1], stop = param[2], count = 0;
    around(in[0].shape, param[0], &outer, &n, &inner);
    if (start < 0) start += n;
    if (stop < 0) stop += n;
    for (int64_t k = start; k < stop && k < n; k += param[3]) count++;
    array y = with_axis(in[0].shape, param[0], count);
    for (int64_t o = 0; o < outer; o++)
        for (int64_t k = 0; k < count; k++)
            for (int64_t i = 0; i < inner; i++)
                y.v[(o * count + k) * inner + i] =
                    in[0].v[(o * n + start + k * param[3]) * inner + i];
    return y;
}
const op_case case_slice = {.inputs = 1,
                            .run = run_slice,
                            .reference = ref_slice,
                            .shapes = slices,
                            .shape_count = COUNT(slices),
                            .bad = slices_bad,
                            .bad_count = COUNT(slices_bad)};

static const op_shapes put_slices[] = {{{S(3, 2)}, {0, 1, 0, 3}},
                                       {{S(2, 9)}, {1, 0, 0, 1}},
                                       {{S(2, 0)}, {1, 4, 0, 1}},
                                       {{S(1)}, {0, 8, 0, 4}}};

static reel_tensor *run_slice_put(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    reel_shape s = reel_shape_of(in[0]);
    s.dim[param[0]] = 9;
    return reel__slice_put(REEL_HERE, in[0], s, (int)param[0], param[1], param[3]);
}

static array ref_slice_put(const array *in, const int64_t *param) {
    int64_t outer, n, inner;
    around(in[0].shape, param[0], &outer, &n, &inner);
    reel_shape s = in[0].shape;
    s.dim[param[0]] = 9;
    array y = array_new(s);
    for (int64_t o = 0; o < outer; o++)
        for (int64_t k = 0; k < n; k++)
            for (int64_t i = 0; i < inner; i++)
                y.v[(o * 9 + param[1] + k * param[3]) * inner + i] =
                    in[0].v[(o * n + k) * inner + i];
    return y;
}
const op_case case_slice_put = {.inputs = 1,
                                .run = run_slice_put,
                                .reference = ref_slice_put,
                                .shapes = put_slices,
                                .shape_count = COUNT(put_slices)};

/* ---- reshape: param the new shape of three axes; permute: param the axes of three ---- */

static const op_shapes reshaped[] = {
    {{S(4, 6)}, {2, 3, 4}},    {{S(24)}, {4, -1, 2}},  {{S(2, 3, 4)}, {1, 24, 1}},
    {{S(2, 3, 4)}, {6, 1, 4}}, {{S(0, 3)}, {3, 0, 7}}, {{S0}, {1, 1, 1}},
    {{S(1, 1)}, {1, -1, 1}},
};
static const op_shapes reshaped_bad[] = {{{S(4, 6)}, {5, 5, 1}},
                                         {{S(4, 6)}, {-1, -1, 2}},
                                         {{S(4, 6)}, {-2, 3, 4}},
                                         {{S(4, 6)}, {7, -1, 1}},
                                         {{S(0)}, {0, -1, 1}}};

static reel_tensor *run_reshape(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return reel_reshape(in[0], reel_shape(param[0], param[1], param[2]));
}

static array ref_reshape(const array *in, const int64_t *param) {
    reel_shape s = reel_shape(param[0], param[1], param[2]);
    int64_t known = 1;
    for (int i = 0; i < 3; i++)
        if (s.dim[i] >= 0) known *= s.dim[i];
    for (int i = 0; i < 3; i++)
        if (s.dim[i] < 0) s.dim[i] = array_size(in[0]) / known;
    array y = array_new(s);
    for (int64_t i = 0; i < array_size(y); i++) y.v[i] = in[0].v[i];
    return y;
}
const op_case case_reshape = {.inputs = 1,
                              .run = run_reshape,
                              .reference = ref_reshape,
                              .shapes = reshaped,
                              .shape_count = COUNT(reshaped),
                              .bad = reshaped_bad,
                              .bad_count = COUNT(reshaped_bad)};

static const op_shapes permuted[] = {{{S(2, 3, 4)}, {2, 0, 1}},
                                     {{S(2, 3, 4)}, {0, 2, 1}},
                                     {{S(2, 1, 4)}, {-1, 1, 0}},
                                     {{S(0, 3, 1)}, {1, 2, 0}},
                                     {{S(2, 3, 4)}, {0, 1, 2}}};
static const op_shapes permuted_bad[] = {
    {{S(2, 3, 4)}, {0, 0, 1}}, {{S(2, 3, 4)}, {0, 1, 3}}, {{S(2, 3)}, {0, 1, 2}}};

static reel_tensor *run_permute(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return reel_permute(in[0], reel_axes(param[0], param[1], param[2]));
}

static array ref_permute(const array *in, const int64_t *param) {
    reel_shape s = {3, {0}};
    int64_t at[REEL_MAX_DIMS] = {0};
    for (int i = 0; i < 3; i++) s.dim[i] = in[0].shape.dim[(param[i] + 3) % 3];
    array y = array_new(s);
    for (int64_t k = 0; k < array_size(y); k++, array_next(s, at)) {
        int64_t from[REEL_MAX_DIMS] = {0};
        for (int i = 0; i < 3; i++) from[(param[i] + 3) % 3] = at[i];
        y.v[k] = array_get(in[0], from, 3);
    }
    return y;
}
const op_case case_permute = {.inputs = 1,
                              .run = run_permute,
                              .reference = ref_permute,
                              .shapes = permuted,
                              .shape_count = COUNT(permuted),
                              .bad = permuted_bad,
                              .bad_count = COUNT(permuted_bad)};

/* ---- expand: param the shape of three axes ---- */

static const op_shapes expanded[] = {{{S(4)}, {2, 3, 4}},
                                     {{S(3, 1)}, {2, 3, 4}},
                                     {{S0}, {2, 1, 3}},
                                     {{S(1, 4)}, {0, 1, 4}},
                                     {{S(2, 3, 4)}, {2, 3, 4}}};
static const op_shapes expanded_bad[] = {{{S(3)}, {2, 3, 4}},
                                         {{S(1, 1, 1, 4)}, {2, 3, 4}},
                                         {{S(1)}, {2, -3, 4}},
                                         {{S(2, 1, 4)}, {1, 3, 4}}};

static reel_tensor *run_expand(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return reel_expand(in[0], reel_shape(param[0], param[1], param[2]));
}

static array ref_expand(const array *in, const int64_t *param) {
    array y = array_new(reel_shape(param[0], param[1], param[2]));
    int64_t at[REEL_MAX_DIMS] = {0};
    for (int64_t k = 0; k < array_size(y); k++, array_next(y.shape, at))
        y.v[k] = array_get(in[0], at, 3);
    return y;
}
const op_case case_expand = {.inputs = 1,
                             .run = run_expand,
                             .reference = ref_expand,
                             .shapes = expanded,
                             .shape_count = COUNT(expanded),
                             .bad = expanded_bad,
                             .bad_count = COUNT(expanded_bad)};
