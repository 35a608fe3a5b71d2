/* Cases of what orders elements, and of one_hot. */
#include "tests/op_cases.h"

#include <math.h>

#define UNUSED (void)made

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

/* ---- sort: param[0] the axis, param[1] descending, param[2] argsort ---- */

static const op_shapes sorted[] = {
    {{S(7)}, {0, 0}},        {{S(7)}, {0, 1}},     {{S(3, 8)}, {1, 0}},     {{S(8, 3)}, {0, 1}},
    {{S(2, 6, 3)}, {1, 0}},  {{S(0, 4)}, {1, 0}},  {{S(4, 0)}, {1, 0}},     {{S(1, 1)}, {-1, 0}},
    {{S(3, 30)}, {1, 0}},    {{S(2, 50)}, {1, 1}}, {{S(500, 3)}, {0, 0}},   {{S(3, 500)}, {1, 1}},
    {{S(2, 3000)}, {-1, 0}}, {{S(70000)}, {0, 0}}, {{S(3, 30)}, {1, 0, 1}}, {{S(400)}, {0, 1, 1}},
};
static const op_shapes sorted_bad[] = {{{S(7)}, {1, 0}}, {{S(7)}, {-2, 0}}, {{S0}, {0, 0}}};

/* The elements by their indices, which must be those of the values. */
static reel_tensor *run_sort(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    reel_tensor *indices;
    if (param[2])
        return reel_gather(in[0], (int)param[0], reel_argsort(in[0], (int)param[0], param[1] != 0));
    return reel_sort(in[0], (int)param[0], param[1] != 0, &indices);
}

static int least_first(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static array ref_sort(const array *in, const int64_t *param) {
    int64_t outer, n, inner;
    around(in[0].shape, param[0], &outer, &n, &inner);
    array y = array_new(in[0].shape), row = array_new(reel_shape(n));
    for (int64_t o = 0; o < outer; o++)
        for (int64_t i = 0; i < inner; i++) {
            for (int64_t k = 0; k < n; k++) row.v[k] = in[0].v[(o * n + k) * inner + i];
            qsort(row.v, (size_t)n, sizeof *row.v, least_first);
            for (int64_t k = 0; k < n; k++)
                y.v[(o * n + k) * inner + i] = row.v[param[1] ? n - 1 - k : k];
        }
    array_free(row);
    return y;
}
const op_case case_sort = {.inputs = 1,
                           .run = run_sort,
                           .reference = ref_sort,
                           .shapes = sorted,
                           .shape_count = COUNT(sorted),
                           .bad = sorted_bad,
                           .bad_count = COUNT(sorted_bad)};

/* ---- one_hot: param[0] the classes ---- */

static const op_shapes hot[] = {
    {{S(4)}, {5, 0, 0, 5}},     {{S(2, 3)}, {5, 0, 0, 3}}, {{S0}, {4, 0, 0, 4}},
    {{S(0, 3)}, {5, 0, 0, 5}},  {{S(0)}, {0, 0, 0, 1}},    {{S(3)}, {1, 0, 0, 1}},
    {{S(700)}, {31, 0, 0, 31}},
};
static const op_shapes hot_bad[] = {{{S(4)}, {-1, 0, 0, 5}},
                                    {{S(40)}, {3, 0, 0, 50}},
                                    {{S(4)}, {0, 0, 0, 1}},
                                    {{S(1, 1, 1, 1, 1, 1, 1, 1)}, {2, 0, 0, 2}}};

static reel_tensor *run_one_hot(reel_tensor **in, const int64_t *param, reel_dtype made) {
    return reel_one_hot(in[0], param[0], made);
}

static array ref_one_hot(const array *in, const int64_t *param) {
    reel_shape s = in[0].shape;
    s.dim[s.ndim++] = param[0];
    array y = array_new(s);
    for (int64_t i = 0; i < array_size(in[0]); i++) y.v[i * param[0] + (int64_t)in[0].v[i]] = 1;
    return y;
}
const op_case case_one_hot = {.inputs = 1,
                              .run = run_one_hot,
                              .reference = ref_one_hot,
                              .shapes = hot,
                              .shape_count = COUNT(hot),
                              .bad = hot_bad,
                              .bad_count = COUNT(hot_bad),
                              .indexed = true};
