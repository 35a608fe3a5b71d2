/* Cases of the fused updates: one tensor of each list, and the result is the tensor that changed.
 * The steps done before are 2 in adam's, 1 in sgd's. */
#include "tests/op_cases.h"

#include "tensor/update_internal.h"

#include <math.h>

#define UNUSED (void)param, (void)made
static const op_shapes four[] = {{{S(3, 4), S(3, 4), S(3, 4), S(3, 4)}, {0}},
                                 {{S(0), S(0), S(0), S(0)}, {0}},
                                 {{S(1), S(1), S(1), S(1)}, {0}},
                                 {{S(300, 90), S(300, 90), S(300, 90), S(300, 90)}, {0}}};
static const op_shapes three[] = {{{S(3, 4), S(3, 4), S(3, 4)}, {0}},
                                  {{S(0), S(0), S(0)}, {0}},
                                  {{S(300, 90), S(300, 90), S(300, 90)}, {0}}};
static const op_shapes single[] = {{{S(3, 4)}, {0}}, {{S(0)}, {0}}, {{S(300, 90)}, {0}}};

static reel_tensor *number(double v) {
    return reel_scalar(v, REEL_F64, test_device());
}

static reel_tensor *run_adam(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    reel__adam_rule rule = {.beta1 = 0.9, .beta2 = 0.99, .eps = 1e-3, .weight_decay = 0.1};
    reel_status s = reel__adam_update(REEL_HERE, 1, &in[0], &in[1], &in[2], &in[3], number(0.05),
                                      reel_scalar(2, REEL_I64, test_device()), rule);
    return s == REEL_OK ? in[0] : NULL;
}

static array ref_adam(const array *in, const int64_t *param) {
    (void)param;
    array y = array_new(in[0].shape);
    for (int64_t i = 0; i < array_size(y); i++) {
        double p = in[0].v[i], g = in[1].v[i] + 0.1 * p;
        double m = 0.9 * in[2].v[i] + 0.1 * g, v = 0.99 * in[3].v[i] + 0.01 * g * g;
        y.v[i] = p - 0.05 * (m / (1 - pow(0.9, 3))) / (sqrt(v / (1 - pow(0.99, 3))) + 1e-3);
    }
    return y;
}
const op_case case_adam = {.inputs = 4,
                           .run = run_adam,
                           .reference = ref_adam,
                           .shapes = four,
                           .shape_count = COUNT(four),
                           .no_layouts = true,
                           .low = {-2, -2, -1, 0.1},
                           .high = {2, 2, 1, 3}};

static reel_tensor *run_sgd(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    reel__sgd_rule rule = {
        .momentum = 0.8, .dampening = 0.2, .weight_decay = 0.1, .nesterov = true};
    reel_status s = reel__sgd_update(REEL_HERE, 1, &in[0], &in[1], &in[2], number(0.05),
                                     reel_scalar(1, REEL_I64, test_device()), rule);
    return s == REEL_OK ? in[0] : NULL;
}

static array ref_sgd(const array *in, const int64_t *param) {
    (void)param;
    array y = array_new(in[0].shape);
    for (int64_t i = 0; i < array_size(y); i++) {
        double p = in[0].v[i], g = in[1].v[i] + 0.1 * p, v = 0.8 * in[2].v[i] + 0.8 * g;
        y.v[i] = p - 0.05 * (g + 0.8 * v);
    }
    return y;
}
const op_case case_sgd = {.inputs = 3,
                          .run = run_sgd,
                          .reference = ref_sgd,
                          .shapes = three,
                          .shape_count = COUNT(three),
                          .no_layouts = true};

static reel_tensor *run_clip_norm(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    reel_tensor *norm = reel_empty(REEL_SCALAR, reel_dtype_of(in[0]), test_device());
    return reel__clip_norm(REEL_HERE, 1, in, norm, 1.5) == REEL_OK ? in[0] : NULL;
}

static array ref_clip_norm(const array *in, const int64_t *param) {
    (void)param;
    double squares = 0;
    array y = array_new(in[0].shape);
    for (int64_t i = 0; i < array_size(y); i++) squares += in[0].v[i] * in[0].v[i];
    for (int64_t i = 0; i < array_size(y); i++)
        y.v[i] = in[0].v[i] * fmin(1, 1.5 / (sqrt(squares) + 1e-6));
    return y;
}
const op_case case_clip_norm = {.inputs = 1,
                                .run = run_clip_norm,
                                .reference = ref_clip_norm,
                                .shapes = single,
                                .shape_count = COUNT(single),
                                .no_layouts = true};

static reel_tensor *run_clip_value(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return reel__clip_value(REEL_HERE, 1, in, 0.5) == REEL_OK ? in[0] : NULL;
}

static array ref_clip_value(const array *in, const int64_t *param) {
    (void)param;
    array y = array_new(in[0].shape);
    for (int64_t i = 0; i < array_size(y); i++) y.v[i] = fmax(-0.5, fmin(0.5, in[0].v[i]));
    return y;
}
const op_case case_clip_value = {.inputs = 1,
                                 .run = run_clip_value,
                                 .reference = ref_clip_value,
                                 .shapes = single,
                                 .shape_count = COUNT(single),
                                 .no_layouts = true};
