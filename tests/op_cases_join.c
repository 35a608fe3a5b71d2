/* Cases of what joins and rearranges. */
#include "tests/op_cases.h"

#define UNUSED (void)made

/* ---- concat of three: param[0] the axis ---- */

static const op_shapes joined[] = {
    {{S(2, 3), S(1, 3), S(4, 3)}, {0}},
    {{S(2, 3), S(2, 1), S(2, 4)}, {1}},
    {{S(2, 3, 4), S(2, 0, 4), S(2, 2, 4)}, {-2}},
    {{S(3), S(4), S(0)}, {0}},
    {{S(0), S(0), S(0)}, {0}},
    {{S(2, 0), S(2, 0), S(2, 0)}, {0}},
    {{S(1, 1), S(1, 1), S(1, 1)}, {1}},
    {{S(70, 1), S(70, 1), S(70, 1)}, {1}},
    {{S(300, 40), S(300, 7), S(300, 71)}, {1}},
    {{S(150, 90), S(80, 90), S(1, 90)}, {0}},
};
static const op_shapes joined_bad[] = {
    {{S(2, 3), S(1, 3), S(4, 2)}, {0}},
    {{S(2, 3), S(2), S(2, 3)}, {0}},
    {{S(2, 3), S(2, 3), S(2, 3)}, {2}},
    {{S(2, 3), S(2, 3), S(2, 3)}, {-3}},
    {{S0, S0, S0}, {0}},
};

static reel_tensor *run_concat(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return reel_concat((int)param[0], in[0], in[1], in[2]);
}

static array ref_concat(const array *in, const int64_t *param) {
    int64_t outer, n[3], total = 0, inner;
    for (int k = 0; k < 3; k++) {
        around(in[k].shape, param[0], &outer, &n[k], &inner);
        total += n[k];
    }
    array y = with_axis(in[0].shape, param[0], total);
    for (int64_t o = 0, before = 0; o < outer; o++, before = 0)
        for (int k = 0; k < 3; before += n[k++])
            for (int64_t i = 0; i < n[k] * inner; i++)
                y.v[(o * total + before) * inner + i] = in[k].v[o * n[k] * inner + i];
    return y;
}
const op_case case_concat = {.inputs = 3,
                             .run = run_concat,
                             .reference = ref_concat,
                             .shapes = joined,
                             .shape_count = COUNT(joined),
                             .bad = joined_bad,
                             .bad_count = COUNT(joined_bad)};

/* ---- stack of three: param[0] the axis ---- */

static const op_shapes stacked[] = {
    {{S(2, 3), S(2, 3), S(2, 3)}, {0}},       {{S(2, 3), S(2, 3), S(2, 3)}, {1}},
    {{S(2, 3), S(2, 3), S(2, 3)}, {2}},       {{S(2, 3), S(2, 3), S(2, 3)}, {-1}},
    {{S(2, 3), S(2, 3), S(2, 3)}, {-3}},      {{S0, S0, S0}, {0}},
    {{S(0, 2), S(0, 2), S(0, 2)}, {1}},       {{S(4, 1), S(4, 1), S(4, 1)}, {1}},
    {{S(90, 80), S(90, 80), S(90, 80)}, {2}}, {{S(90, 80), S(90, 80), S(90, 80)}, {1}},
};
static const op_shapes stacked_bad[] = {{{S(2, 3), S(2, 3), S(2, 1)}, {0}},
                                        {{S(2, 3), S(2, 3), S(3)}, {0}},
                                        {{S(2, 3), S(2, 3), S(2, 3)}, {3}},
                                        {{S(2, 3), S(2, 3), S(2, 3)}, {-4}}};

static reel_tensor *run_stack(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return reel_stack((int)param[0], in[0], in[1], in[2]);
}

static array ref_stack(const array *in, const int64_t *param) {
    reel_shape s = in[0].shape;
    const int axis = (int)(param[0] < 0 ? param[0] + s.ndim + 1 : param[0]);
    int64_t inner = 1;
    for (int i = s.ndim++; i > axis; i--) inner *= s.dim[i] = s.dim[i - 1];
    s.dim[axis] = 3;
    array y = array_new(s);
    for (int64_t i = 0; i < array_size(in[0]); i++)
        for (int k = 0; k < 3; k++) y.v[(i / inner * 3 + k) * inner + i % inner] = in[k].v[i];
    return y;
}
const op_case case_stack = {.inputs = 3,
                            .run = run_stack,
                            .reference = ref_stack,
                            .shapes = stacked,
                            .shape_count = COUNT(stacked),
                            .bad = stacked_bad,
                            .bad_count = COUNT(stacked_bad)};

/* ---- flip: param[0] the axis ---- */

static const op_shapes flipped[] = {
    {{S(5)}, {0}},    {{S(3, 4)}, {0}}, {{S(3, 4)}, {-1}},   {{S(2, 3, 4)}, {1}}, {{S(0, 3)}, {0}},
    {{S(3, 0)}, {0}}, {{S(1, 1)}, {0}}, {{S(90, 100)}, {1}}, {{S(90, 100)}, {0}},
};
static const op_shapes flipped_bad[] = {{{S(5)}, {1}}, {{S(5)}, {-2}}, {{S0}, {0}}};

static reel_tensor *run_flip(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return reel_flip(in[0], (int)param[0]);
}

static array ref_flip(const array *in, const int64_t *param) {
    int64_t outer, n, inner;
    around(in[0].shape, param[0], &outer, &n, &inner);
    array y = array_new(in[0].shape);
    for (int64_t o = 0; o < outer; o++)
        for (int64_t k = 0; k < n; k++)
            for (int64_t i = 0; i < inner; i++)
                y.v[(o * n + k) * inner + i] = in[0].v[(o * n + n - 1 - k) * inner + i];
    return y;
}
const op_case case_flip = {.inputs = 1,
                           .run = run_flip,
                           .reference = ref_flip,
                           .shapes = flipped,
                           .shape_count = COUNT(flipped),
                           .bad = flipped_bad,
                           .bad_count = COUNT(flipped_bad)};

/* ---- tril, triu: param[0] the diagonal ---- */

static const op_shapes triangles[] = {
    {{S(4, 4)}, {0}},       {{S(3, 5)}, {1}},  {{S(5, 3)}, {-2}},        {{S(2, 3, 4)}, {0}},
    {{S(3, 4)}, {9}},       {{S(3, 4)}, {-9}}, {{S(3, 4)}, {INT64_MAX}}, {{S(3, 4)}, {INT64_MIN}},
    {{S(0, 3)}, {0}},       {{S(3, 0)}, {0}},  {{S(1, 1)}, {0}},         {{S(300, 90)}, {-30}},
    {{S(2, 90, 300)}, {7}},
};
static const op_shapes triangles_bad[] = {{{S(4)}, {0}}, {{S0}, {0}}};

static reel_tensor *run_tril(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return reel_tril(in[0], param[0]);
}

static reel_tensor *run_triu(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return reel_triu(in[0], param[0]);
}

static array keep_where(const array *in, int64_t diagonal, bool lower) {
    const reel_shape s = in[0].shape;
    const int64_t rows = s.dim[s.ndim - 2], columns = s.dim[s.ndim - 1];
    array y = array_new(s);
    for (int64_t k = 0; k < array_size(y); k++) {
        const double right = (double)(k % columns - k / columns % rows) - (double)diagonal;
        if (lower ? right <= 0 : right >= 0) y.v[k] = in[0].v[k];
    }
    return y;
}

static array ref_tril(const array *in, const int64_t *param) {
    return keep_where(in, param[0], true);
}

static array ref_triu(const array *in, const int64_t *param) {
    return keep_where(in, param[0], false);
}
#define TRIANGLES                                                                                  \
    .inputs = 1, .shapes = triangles, .shape_count = COUNT(triangles), .bad = triangles_bad,       \
    .bad_count = COUNT(triangles_bad)
const op_case case_tril = {TRIANGLES, .run = run_tril, .reference = ref_tril};
const op_case case_triu = {TRIANGLES, .run = run_triu, .reference = ref_triu};
