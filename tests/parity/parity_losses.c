/* Cases of the losses. param[0] is the reduction, param[1] an option, 0 for its default; a target
 * of 1 or -1 is made of an index. */
#include "tests/parity/parity_losses.h"

#include "autograd/autograd.h"
#include "nn/nn.h"
#include "tests/parity/parity_shapes.h"

#define REDUCTION ((reel_reduction)param[0])
#define OPTION(unit) ((double)param[1] / (unit))
#define UNUSED (void)made

static void some_options(dice *d, op_shapes *s) {
    s->param[0] = dice_int(d, REEL_MEAN, REEL_NONE);
    s->param[1] = dice_int(d, 0, 8);
}

static void draw_pairs(dice *d, op_shapes *s) {
    draw_pair(d, s);
    some_options(d, s);
}

/* ---- of numbers ---- */

static reel_tensor *run_mse(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return reel_mse_loss_with(in[0], in[1], REDUCTION);
}
static reel_tensor *run_l1(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return reel_l1_loss_with(in[0], in[1], REDUCTION);
}
static reel_tensor *run_huber(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return reel_huber_loss_with(in[0], in[1], .reduction = REDUCTION, .delta = OPTION(4));
}
static reel_tensor *run_smooth_l1(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return reel_smooth_l1_loss_with(in[0], in[1], .reduction = REDUCTION, .beta = OPTION(4));
}

static const op_case mse = {.inputs = 2, .run = run_mse}, l1 = {.inputs = 2, .run = run_l1},
                     huber = {.inputs = 2, .run = run_huber},
                     smooth_l1 = {.inputs = 2, .run = run_smooth_l1};

/* ---- of probabilities ---- */

static reel_tensor *run_bce(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return reel_bce_loss_with(in[0], in[1], REDUCTION);
}
static const op_case bce = {.inputs = 2, .run = run_bce, .low = {0.05, 0}, .high = {0.95, 1}};

/* in[2], in[3]: weight and pos_weight, if bits 0 and 1 of param[1] say so */
static reel_tensor *run_bce_with_logits(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return reel_bce_with_logits_loss_with(in[0], in[1], .reduction = REDUCTION,
                                          .weight = param[1] & 1 ? in[2] : NULL,
                                          .pos_weight = param[1] & 2 ? in[3] : NULL);
}
static void draw_logits(dice *d, op_shapes *s) {
    draw_pairs(d, s);
    s->in[2] = s->in[3] = s->in[0];
    for (int i = 2; i < 4; i++)
        for (int k = 0; k < s->in[i].ndim; k++)
            if (dice_one_in(d, 3)) s->in[i].dim[k] = 1;
}
static const op_case bce_with_logits = {
    .inputs = 4, .run = run_bce_with_logits, .low = {-6, 0, 0.1, 0.1}, .high = {6, 1, 1, 1}};

static reel_tensor *run_kl_div(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return reel_kl_div_loss_with(in[0], in[1], .reduction = REDUCTION,
                                 .log_target = param[1] % 2 != 0);
}
static const op_case kl_div = {.inputs = 2, .run = run_kl_div, .low = {-6, 0}, .high = {0, 1}};

/* ---- of classes ---- */

/* in[1]: the weight, if param[1] is odd, of which PyTorch has no gradient; in[2]: the classes,
 * below param[3] */
static reel_tensor *run_nll(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return reel_nll_loss_with(in[0], in[2], .reduction = REDUCTION,
                              .weight = param[1] % 2 ? reel_detach(in[1]) : NULL);
}
static void draw_labels(dice *d, op_shapes *s) {
    some_options(d, s);
    const int64_t batch = dice_int(d, s->param[0] == REEL_MEAN ? 1 : 0, 9);
    const int64_t classes = s->param[3] = dice_int(d, 1, 7);
    s->in[0] = reel_shape(batch, classes);
    s->in[1] = reel_shape(classes);
    s->in[2] = reel_shape(batch);
}
static const op_case nll = {.inputs = 3,
                            .run = run_nll,
                            .indexed = true,
                            .low = {-6, 0.1},
                            .high = {0, 3},
                            .tolerance32 = 2e-5};

/* As nll, of logits; param[1] / 2: the smoothing, in tenths; param[2]: a class that is ignored, or
 * -100. */
static reel_tensor *run_cross_entropy(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return reel_cross_entropy_loss_with(in[0], in[2], .reduction = REDUCTION,
                                        .weight = param[1] % 2 ? reel_detach(in[1]) : NULL,
                                        .ignore_index = param[2] == 0 ? REEL_ZERO : param[2],
                                        .label_smoothing = (double)(param[1] / 2) * 0.1);
}
static void draw_labelled(dice *d, op_shapes *s) {
    draw_labels(d, s);
    s->param[1] = dice_int(d, 0, 11);
    s->param[2] =
        s->param[0] != REEL_MEAN && dice_one_in(d, 2) ? dice_int(d, 0, s->param[3] - 1) : -100;
    for (int k = (int)dice_int(d, 0, 2); k > 0; k--)
        s->in[0].dim[s->in[0].ndim++] = s->in[2].dim[s->in[2].ndim++] = dice_int(d, 1, 4);
}
static const op_case cross_entropy = {.inputs = 3,
                                      .run = run_cross_entropy,
                                      .indexed = true,
                                      .low = {-6, 0.1},
                                      .high = {6, 3},
                                      .tolerance32 = 2e-5};

/* Towards probabilities, in[2], as many as in[0]. */
static reel_tensor *run_cross_entropy_of(reel_tensor **in, const int64_t *param, reel_dtype made) {
    UNUSED;
    return reel_cross_entropy_loss_with(in[0], in[2], .reduction = REDUCTION,
                                        .weight = param[1] % 2 ? reel_detach(in[1]) : NULL,
                                        .label_smoothing = (double)(param[1] / 2) * 0.1);
}
static void draw_shares(dice *d, op_shapes *s) {
    draw_labelled(d, s);
    s->in[2] = s->in[0];
}
static const op_case cross_entropy_of = {.inputs = 3,
                                         .run = run_cross_entropy_of,
                                         .low = {-6, 0.1, 0},
                                         .high = {6, 3, 1},
                                         .tolerance32 = 2e-5};

static reel_tensor *sign_of(reel_tensor *index, reel_dtype dtype) {
    return reel_affine(reel_cast(index, dtype), 2, -1);
}

static reel_tensor *run_hinge(reel_tensor **in, const int64_t *param, reel_dtype made) {
    return reel_hinge_loss_with(in[0], sign_of(in[1], made), .reduction = REDUCTION,
                                .margin = OPTION(4));
}
static void draw_signs(dice *d, op_shapes *s) {
    draw_pairs(d, s);
    s->param[3] = 2;
}
static const op_case hinge = {.inputs = 2, .run = run_hinge, .indexed = true};

static reel_tensor *run_cosine_embedding(reel_tensor **in, const int64_t *param, reel_dtype made) {
    return reel_cosine_embedding_loss_with(in[0], in[1], sign_of(in[2], made),
                                           .reduction = REDUCTION, .margin = OPTION(8));
}
static void draw_directions(dice *d, op_shapes *s) {
    some_options(d, s);
    const int64_t batch = dice_int(d, 0, 9), width = dice_int(d, 2, 30);
    s->param[1] = dice_int(d, -8, 8);
    s->param[3] = 2;
    s->in[0] = s->in[1] = reel_shape(batch, width);
    s->in[2] = reel_shape(batch);
}
static const op_case cosine_embedding = {
    .inputs = 3, .run = run_cosine_embedding, .indexed = true, .tolerance32 = 2e-5};

#define LOSS(f) .family = "loss", .name = #f, .c = &f, .dtypes = REEL__FLOAT, .differentiable = true
const parity_subject parity_losses[] = {
    {LOSS(mse), .draw = draw_pairs},
    {LOSS(l1), .draw = draw_pairs},
    {LOSS(huber), .draw = draw_pairs},
    {LOSS(smooth_l1), .draw = draw_pairs},
    {LOSS(bce), .draw = draw_pairs, .probabilities = true},
    {LOSS(bce_with_logits), .draw = draw_logits, .probabilities = true},
    {LOSS(kl_div), .draw = draw_pairs, .probabilities = true},
    {LOSS(nll), .draw = draw_labels},
    {LOSS(cross_entropy), .draw = draw_labelled},
    {LOSS(cross_entropy_of), .draw = draw_shares},
    {LOSS(hinge), .draw = draw_signs},
    {LOSS(cosine_embedding), .draw = draw_directions},
    {.name = NULL},
};
