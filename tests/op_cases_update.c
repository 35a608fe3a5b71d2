/* Cases of the fused updates: one tensor of each list, and the result is the tensor that changed.
 * Of an optimizer that is the parameter after two steps, the third and the fourth, so that what the
 * first of them does to the moments shows. */
#include "tests/op_cases.h"
#include "tests/update_reference.h"

#define UNUSED (void)param, (void)made
static const op_shapes shapes[] = {
    {{S(3, 4), S(3, 4), S(3, 4), S(3, 4), S(3, 4)}, {0}},
    {{S(0), S(0), S(0), S(0), S(0)}, {0}},
    {{S(1), S(1), S(1), S(1), S(1)}, {0}},
    {{S(300, 90), S(300, 90), S(300, 90), S(300, 90), S(300, 90)}, {0}}};

/* ---- optimizers ---- */

static reel_tensor *number(double v) {
    return reel_scalar(v, REEL_F64, test_device());
}

/* in: p, g, and the moments that there are */
static reel_tensor *run_steps(reel__op op, reel_tensor **in, const reference_options *o) {
    reel_tensor *taken = reel_scalar(2, REEL_I64, test_device()), *carry = NULL;
    reel__lists l = {.count = 1, .p = &in[0], .g = &in[1], .taken = &taken};
    reel__clock clock = {.lr = number(o->lr), .step = reel_scalar(7, REEL_I64, test_device())};
    if (op == REEL_OP_nadam) carry = number(reference_mu_product(&o->rule, 2)), l.carry = &carry;
    for (int k = 0, at = 2; k < REEL__MAX_MOMENTS; k++)
        if (o->has >> k & 1) l.moment[k] = &in[at++];
    for (int t = 3; t <= 4; t++)
        if (reel__update(REEL_HERE, op, &l, clock, &o->rule) != REEL_OK) return NULL;
    return in[0];
}

static array ref_steps(reference_step step, const array *in, const reference_options *o) {
    array y = array_new(in[0].shape);
    for (int64_t i = 0; i < array_size(y); i++) {
        reference_cell c = {.p = in[0].v[i]};
        for (int k = 0, at = 2; k < REEL__MAX_MOMENTS; k++)
            if (o->has >> k & 1) c.moment[k] = in[at++].v[i];
        for (int t = 3; t <= 4; t++) step(&c, in[1].v[i], t, o);
        y.v[i] = c.p;
    }
    return y;
}

/* What each is told, with all the moments that it may have. */
static const reference_options sgd_told = {
    .lr = 0.05,
    .has = 1,
    .rule = {.momentum = 0.8, .dampening = 0.2, .weight_decay = 0.1, .nesterov = true}};
static const reference_options adam_told = {
    .lr = 0.05, .has = 7, .rule = {.beta1 = 0.9, .beta2 = 0.99, .eps = 1e-3, .weight_decay = 0.1}};
static const reference_options nadam_told = {
    .lr = 0.05,
    .has = 3,
    .rule = {.beta1 = 0.9, .beta2 = 0.99, .eps = 1e-3, .weight_decay = 0.1, .momentum_decay = 0.5}};
static const reference_options radam_told = {
    .lr = 0.05,
    .has = 3,
    .rule = {.beta1 = 0.8, .beta2 = 0.99, .eps = 1e-3, .weight_decay = 0.1, .decoupled = true}};
static const reference_options adamax_told = {
    .lr = 0.05, .has = 3, .rule = {.beta1 = 0.9, .beta2 = 0.99, .eps = 1e-3, .weight_decay = 0.1}};
static const reference_options rmsprop_told = {
    .lr = 0.05,
    .has = 7,
    .rule = {.alpha = 0.9, .momentum = 0.8, .eps = 1e-3, .weight_decay = 0.1, .maximize = true}};
static const reference_options adagrad_told = {
    .lr = 0.05, .has = 1, .rule = {.lr_decay = 0.2, .eps = 1e-3, .weight_decay = 0.1}};
static const reference_options adadelta_told = {
    .lr = 0.05, .has = 3, .rule = {.rho = 0.9, .eps = 1e-3, .weight_decay = 0.1}};
static const reference_options lion_told = {
    .lr = 0.05,
    .has = 1,
    .rule = {.beta1 = 0.8, .beta2 = 0.9, .weight_decay = 0.1, .decoupled = true}};
static const reference_options asgd_told = {
    .lr = 0.05, .has = 1, .rule = {.lambd = 0.3, .alpha = 0.75, .t0 = 1, .weight_decay = 0.1}};

/* A case says nothing else of which op it is of: each has two functions of its own. */
#define REEL_UPDATE(name, first, second, third, carried)                                           \
    static reel_tensor *run_##name(reel_tensor **in, const int64_t *param, reel_dtype made) {      \
        UNUSED;                                                                                    \
        return run_steps(REEL_OP_##name, in, &name##_told);                                        \
    }                                                                                              \
    static array ref_##name(const array *in, const int64_t *param) {                               \
        (void)param;                                                                               \
        return ref_steps(reference_##name, in, &name##_told);                                      \
    }
#include "tensor/ops/ops_update.def"

/* count: p, g, and the moments. */
#define UPDATE_CASE(name, count, ...)                                                              \
    const op_case case_##name = {.inputs = (count),                                                \
                                 .run = run_##name,                                                \
                                 .reference = ref_##name,                                          \
                                 .shapes = shapes,                                                 \
                                 .shape_count = COUNT(shapes),                                     \
                                 .no_layouts = true,                                               \
                                 __VA_ARGS__}

UPDATE_CASE(sgd, 3, .low = {-2, -2, -2}, .high = {2, 2, 2});
UPDATE_CASE(adam, 5, .low = {-2, -2, -1, 0.1, 0.1}, .high = {2, 2, 1, 3, 3});
UPDATE_CASE(nadam, 4, .low = {-2, -2, -1, 0.1}, .high = {2, 2, 1, 3});
UPDATE_CASE(radam, 4, .low = {-2, -2, -1, 0.1}, .high = {2, 2, 1, 3});
UPDATE_CASE(adamax, 4, .low = {-2, -2, -1, 0.1}, .high = {2, 2, 1, 3});
UPDATE_CASE(rmsprop, 5, .low = {-2, -2, 1, -0.5, -1}, .high = {2, 2, 3, 0.5, 1});
UPDATE_CASE(adagrad, 3, .low = {-2, -2, 0.1}, .high = {2, 2, 3});
UPDATE_CASE(adadelta, 4, .low = {-2, -2, 0.1, 0.1}, .high = {2, 2, 3, 3});
UPDATE_CASE(lion, 3, .low = {-2, -2, -2}, .high = {2, 2, 2});
UPDATE_CASE(asgd, 3, .low = {-2, -2, -2}, .high = {2, 2, 2});

/* ---- clipping ---- */

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
                                .shapes = shapes,
                                .shape_count = COUNT(shapes),
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
                                 .shapes = shapes,
                                 .shape_count = COUNT(shapes),
                                 .no_layouts = true};
