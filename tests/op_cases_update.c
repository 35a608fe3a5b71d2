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

static const reference_options sgd = {
    .lr = 0.05,
    .has = 1,
    .rule = {.momentum = 0.8, .dampening = 0.2, .weight_decay = 0.1, .nesterov = true}};
static reel_tensor *run_sgd(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return run_steps(REEL_OP_sgd, in, &sgd);
}
static array ref_sgd(const array *in, const int64_t *param) {
    (void)param;
    return ref_steps(reference_sgd, in, &sgd);
}
const op_case case_sgd = {.inputs = 3,
                          .run = run_sgd,
                          .reference = ref_sgd,
                          .shapes = shapes,
                          .shape_count = COUNT(shapes),
                          .no_layouts = true};

static const reference_options adam = {
    .lr = 0.05, .has = 7, .rule = {.beta1 = 0.9, .beta2 = 0.99, .eps = 1e-3, .weight_decay = 0.1}};
static reel_tensor *run_adam(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return run_steps(REEL_OP_adam, in, &adam);
}
static array ref_adam(const array *in, const int64_t *param) {
    (void)param;
    return ref_steps(reference_adam, in, &adam);
}
const op_case case_adam = {.inputs = 5,
                           .run = run_adam,
                           .reference = ref_adam,
                           .shapes = shapes,
                           .shape_count = COUNT(shapes),
                           .no_layouts = true,
                           .low = {-2, -2, -1, 0.1, 0.1},
                           .high = {2, 2, 1, 3, 3}};

static const reference_options nadam = {
    .lr = 0.05,
    .has = 3,
    .rule = {.beta1 = 0.9, .beta2 = 0.99, .eps = 1e-3, .weight_decay = 0.1, .momentum_decay = 0.5}};
static reel_tensor *run_nadam(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return run_steps(REEL_OP_nadam, in, &nadam);
}
static array ref_nadam(const array *in, const int64_t *param) {
    (void)param;
    return ref_steps(reference_nadam, in, &nadam);
}
const op_case case_nadam = {.inputs = 4,
                            .run = run_nadam,
                            .reference = ref_nadam,
                            .shapes = shapes,
                            .shape_count = COUNT(shapes),
                            .no_layouts = true,
                            .low = {-2, -2, -1, 0.1},
                            .high = {2, 2, 1, 3}};

static const reference_options radam = {
    .lr = 0.05,
    .has = 3,
    .rule = {.beta1 = 0.8, .beta2 = 0.99, .eps = 1e-3, .weight_decay = 0.1, .decoupled = true}};
static reel_tensor *run_radam(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return run_steps(REEL_OP_radam, in, &radam);
}
static array ref_radam(const array *in, const int64_t *param) {
    (void)param;
    return ref_steps(reference_radam, in, &radam);
}
const op_case case_radam = {.inputs = 4,
                            .run = run_radam,
                            .reference = ref_radam,
                            .shapes = shapes,
                            .shape_count = COUNT(shapes),
                            .no_layouts = true,
                            .low = {-2, -2, -1, 0.1},
                            .high = {2, 2, 1, 3}};

static const reference_options adamax = {
    .lr = 0.05, .has = 3, .rule = {.beta1 = 0.9, .beta2 = 0.99, .eps = 1e-3, .weight_decay = 0.1}};
static reel_tensor *run_adamax(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return run_steps(REEL_OP_adamax, in, &adamax);
}
static array ref_adamax(const array *in, const int64_t *param) {
    (void)param;
    return ref_steps(reference_adamax, in, &adamax);
}
const op_case case_adamax = {.inputs = 4,
                             .run = run_adamax,
                             .reference = ref_adamax,
                             .shapes = shapes,
                             .shape_count = COUNT(shapes),
                             .no_layouts = true,
                             .low = {-2, -2, -1, 0.1},
                             .high = {2, 2, 1, 3}};

static const reference_options rmsprop = {
    .lr = 0.05,
    .has = 7,
    .rule = {.alpha = 0.9, .momentum = 0.8, .eps = 1e-3, .weight_decay = 0.1, .maximize = true}};
static reel_tensor *run_rmsprop(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return run_steps(REEL_OP_rmsprop, in, &rmsprop);
}
static array ref_rmsprop(const array *in, const int64_t *param) {
    (void)param;
    return ref_steps(reference_rmsprop, in, &rmsprop);
}
const op_case case_rmsprop = {.inputs = 5,
                              .run = run_rmsprop,
                              .reference = ref_rmsprop,
                              .shapes = shapes,
                              .shape_count = COUNT(shapes),
                              .no_layouts = true,
                              .low = {-2, -2, 1, -0.5, -1},
                              .high = {2, 2, 3, 0.5, 1}};

static const reference_options adagrad = {
    .lr = 0.05, .has = 1, .rule = {.lr_decay = 0.2, .eps = 1e-3, .weight_decay = 0.1}};
static reel_tensor *run_adagrad(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return run_steps(REEL_OP_adagrad, in, &adagrad);
}
static array ref_adagrad(const array *in, const int64_t *param) {
    (void)param;
    return ref_steps(reference_adagrad, in, &adagrad);
}
const op_case case_adagrad = {.inputs = 3,
                              .run = run_adagrad,
                              .reference = ref_adagrad,
                              .shapes = shapes,
                              .shape_count = COUNT(shapes),
                              .no_layouts = true,
                              .low = {-2, -2, 0.1},
                              .high = {2, 2, 3}};

static const reference_options adadelta = {
    .lr = 0.05, .has = 3, .rule = {.rho = 0.9, .eps = 1e-3, .weight_decay = 0.1}};
static reel_tensor *run_adadelta(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return run_steps(REEL_OP_adadelta, in, &adadelta);
}
static array ref_adadelta(const array *in, const int64_t *param) {
    (void)param;
    return ref_steps(reference_adadelta, in, &adadelta);
}
const op_case case_adadelta = {.inputs = 4,
                               .run = run_adadelta,
                               .reference = ref_adadelta,
                               .shapes = shapes,
                               .shape_count = COUNT(shapes),
                               .no_layouts = true,
                               .low = {-2, -2, 0.1, 0.1},
                               .high = {2, 2, 3, 3}};

static const reference_options asgd = {
    .lr = 0.05, .has = 1, .rule = {.lambd = 0.3, .alpha = 0.75, .t0 = 1, .weight_decay = 0.1}};
static reel_tensor *run_asgd(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return run_steps(REEL_OP_asgd, in, &asgd);
}
static array ref_asgd(const array *in, const int64_t *param) {
    (void)param;
    return ref_steps(reference_asgd, in, &asgd);
}
const op_case case_asgd = {.inputs = 3,
                           .run = run_asgd,
                           .reference = ref_asgd,
                           .shapes = shapes,
                           .shape_count = COUNT(shapes),
                           .no_layouts = true};

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
