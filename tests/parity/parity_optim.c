/* Cases of optimizers and of clipping: optim_check.py compares them. Parameters of two groups take
 * STEPS steps along gradients that are drawn beforehand. */
#include "tests/parity/parity_inputs.h"
#include "tests/parity/parity_schedules.h"

#include "optim/optim.h"
#include "tests/parity/parity_shapes.h"

#include <math.h>
#include <string.h>

enum { STEPS = 25, MOST = 5 }; /* parameters */

/* ---- a problem: parameters, and a gradient of each for every step ---- */

typedef struct {
    int count, first_of_second; /* parameters, of the second group */
    reel_dtype dtype;
    reel_tensor *p[MOST];
    array gradients[MOST], after[MOST]; /* [STEPS, elements of p] */
    array present[MOST];                /* [STEPS], 0 where p has no gradient */
    reel_state *groups[2];
} problem;

static double some_gradient(dice *d, double scale) {
    return dice_one_in(d, 10) ? 0 : scale * dice_real(d, -1, 1);
}

/* Half of the parameters have a gradient at every step; of the others some join late, and some then
 * sit steps out. */
static array some_presence(dice *d) {
    array a = array_new(reel_shape(STEPS));
    const bool always = dice_one_in(d, 2), skips = dice_one_in(d, 2);
    const int64_t joins = dice_one_in(d, 2) ? dice_int(d, 1, 10) : 0;
    for (int s = 0; s < STEPS; s++)
        a.v[s] = always || (s >= joins && !(skips && dice_one_in(d, 4)));
    return a;
}

static problem problem_new(dice *d) {
    problem p = {.count = (int)dice_int(d, 1, MOST),
                 .dtype = dice_one_in(d, 4) ? REEL_F32 : REEL_F64,
                 .groups = {reel_state_new(), reel_state_new()}};
    p.first_of_second = (int)dice_int(d, 1, p.count);
    for (int i = 0; i < p.count; i++) {
        const reel_shape shape = draw_shape(d, 0, 2);
        char name[20];
        snprintf(name, sizeof name, "p%d", i);
        p.p[i] = parity_weight(d, reel_zeros(shape, p.dtype, test_device()));
        reel_state_put(p.groups[i >= p.first_of_second], name, reel_track(p.p[i]));
        p.gradients[i] = array_new(reel_shape(STEPS, reel_numel(p.p[i])));
        p.after[i] = array_new(p.gradients[i].shape);
        p.present[i] = some_presence(d);
        const double scale = pow(10, dice_real(d, -4, 2));
        for (int64_t k = 0; k < array_size(p.gradients[i]); k++)
            p.gradients[i].v[k] = some_gradient(d, scale);
    }
    return p;
}

static void problem_free(problem *p) {
    for (int i = 0; i < p->count; i++) {
        array_free(p->gradients[i]);
        array_free(p->after[i]);
        array_free(p->present[i]);
    }
    for (int i = 0; i < 2; i++) reel_state_free(p->groups[i]);
}

/* Gradients of step s of those that have one, or of all, by a loss that is linear in the
 * parameters.
 */
static void backward(const problem *p, int s, bool all) {
    reel_tensor *loss = reel_scalar(0, p->dtype, test_device());
    for (int i = 0; i < p->count; i++) {
        if (!all && p->present[i].v[s] == 0) continue;
        const array row = {reel_shape_of(p->p[i]), p->gradients[i].v + s * reel_numel(p->p[i])};
        reel_tensor *g = to_device(parity_tensor(row, p->dtype));
        loss = reel_add(loss, reel_sum(reel_mul(p->p[i], g)));
    }
    if (reel_is_tracked(loss)) reel_backward(loss);
}

static void keep(const problem *p, int s) {
    for (int i = 0; i < p->count; i++) {
        const int64_t n = reel_numel(p->p[i]);
        reel_read(reel_cast(reel_detach(p->p[i]), REEL_F64), p->after[i].v + s * n,
                  (size_t)n * sizeof(double));
    }
}

/* ---- optimizers: each draws its options and records them ---- */

/* A number of 0 is 0, not the default. */
static double option(record *r, const char *name, double value) {
    record_number(r, name, value);
    return value == 0 ? REEL_ZERO : value;
}

static bool flag(record *r, const char *name, bool value) {
    record_number(r, name, value);
    return value;
}

static double sometimes(dice *d, double value) {
    return dice_one_in(d, 2) ? value : 0;
}

static double some_rate(record *r, dice *d) {
    return option(r, "lr", pow(10, dice_real(d, -4, -1)));
}
static double some_decay(record *r, dice *d) {
    return option(r, "weight_decay", sometimes(d, dice_real(d, 0, 0.3)));
}
static double some_eps(record *r, dice *d) {
    return option(r, "eps", pow(10, dice_real(d, -10, -2)));
}
static double some_share(record *r, dice *d, const char *name, double usual) {
    const double share = dice_one_in(d, 4) ? 0 : dice_real(d, 0.05, 0.99);
    return option(r, name, dice_one_in(d, 2) ? usual : share);
}
static bool one_in(record *r, dice *d, const char *name, int n) {
    return flag(r, name, dice_one_in(d, n));
}

static reel_optim *make_sgd(record *r, dice *d, const reel_state *params) {
    const double momentum = sometimes(d, dice_real(d, 0.1, 0.99));
    const bool nesterov = momentum > 0 && dice_one_in(d, 3);
    return reel_sgd_new(
        params, (reel_sgd_options){
                    .lr = option(r, "lr", pow(10, dice_real(d, -4, -1))),
                    .momentum = option(r, "momentum", momentum),
                    .dampening =
                        option(r, "dampening", nesterov ? 0 : sometimes(d, dice_real(d, 0.1, 0.9))),
                    .weight_decay = option(r, "weight_decay", sometimes(d, dice_real(d, 0, 0.3))),
                    .nesterov = flag(r, "nesterov", nesterov)});
}

static reel_adam_options adam_options(record *r, dice *d, double weight_decay) {
    return (reel_adam_options){.lr = option(r, "lr", pow(10, dice_real(d, -4, -1))),
                               .beta1 = some_share(r, d, "beta1", 0.9),
                               .beta2 = some_share(r, d, "beta2", 0.999),
                               .eps = some_eps(r, d),
                               .weight_decay = option(r, "weight_decay", weight_decay),
                               .amsgrad = one_in(r, d, "amsgrad", 3),
                               .maximize = one_in(r, d, "maximize", 4)};
}

static reel_optim *make_adam(record *r, dice *d, const reel_state *params) {
    return reel_adam_new(params, adam_options(r, d, sometimes(d, dice_real(d, 0, 0.3))));
}

static reel_optim *make_adamw(record *r, dice *d, const reel_state *params) {
    return reel_adamw_new(params, adam_options(r, d, sometimes(d, dice_real(d, 0.01, 0.5))));
}

static reel_optim *make_nadam(record *r, dice *d, const reel_state *params) {
    return reel_nadam_new(
        params,
        (reel_nadam_options){.lr = some_rate(r, d),
                             .beta1 = some_share(r, d, "beta1", 0.9),
                             .beta2 = some_share(r, d, "beta2", 0.999),
                             .eps = some_eps(r, d),
                             .weight_decay = some_decay(r, d),
                             .momentum_decay =
                                 option(r, "momentum_decay", sometimes(d, dice_real(d, 1e-3, 0.1))),
                             .decoupled = one_in(r, d, "decoupled", 2),
                             .maximize = one_in(r, d, "maximize", 4)});
}

static reel_optim *make_radam(record *r, dice *d, const reel_state *params) {
    return reel_radam_new(params, (reel_radam_options){.lr = some_rate(r, d),
                                                       .beta1 = some_share(r, d, "beta1", 0.9),
                                                       .beta2 = some_share(r, d, "beta2", 0.999),
                                                       .eps = some_eps(r, d),
                                                       .weight_decay = some_decay(r, d),
                                                       .decoupled = one_in(r, d, "decoupled", 2),
                                                       .maximize = one_in(r, d, "maximize", 4)});
}

static reel_optim *make_adamax(record *r, dice *d, const reel_state *params) {
    return reel_adamax_new(params, (reel_adamax_options){.lr = some_rate(r, d),
                                                         .beta1 = some_share(r, d, "beta1", 0.9),
                                                         .beta2 = some_share(r, d, "beta2", 0.999),
                                                         .eps = some_eps(r, d),
                                                         .weight_decay = some_decay(r, d),
                                                         .maximize = one_in(r, d, "maximize", 4)});
}

/* Not centered at an alpha of 0, where nothing but rounding is left under the root. */
static reel_optim *make_rmsprop(record *r, dice *d, const reel_state *params) {
    const double alpha = some_share(r, d, "alpha", 0.99);
    return reel_rmsprop_new(
        params, (reel_rmsprop_options){
                    .lr = some_rate(r, d),
                    .alpha = alpha,
                    .eps = some_eps(r, d),
                    .weight_decay = some_decay(r, d),
                    .momentum = option(r, "momentum", sometimes(d, dice_real(d, 0.1, 0.95))),
                    .centered = flag(r, "centered", alpha != REEL_ZERO && dice_one_in(d, 2)),
                    .maximize = one_in(r, d, "maximize", 4)});
}

static reel_optim *make_adagrad(record *r, dice *d, const reel_state *params) {
    return reel_adagrad_new(
        params, (reel_adagrad_options){
                    .lr = some_rate(r, d),
                    .lr_decay = option(r, "lr_decay", sometimes(d, dice_real(d, 0, 0.2))),
                    .weight_decay = some_decay(r, d),
                    .initial_accumulator_value =
                        option(r, "initial_accumulator_value", sometimes(d, dice_real(d, 0, 1))),
                    .eps = some_eps(r, d),
                    .maximize = one_in(r, d, "maximize", 4)});
}

static reel_optim *make_adadelta(record *r, dice *d, const reel_state *params) {
    return reel_adadelta_new(params,
                             (reel_adadelta_options){.lr = some_rate(r, d),
                                                     .rho = some_share(r, d, "rho", 0.9),
                                                     .eps = some_eps(r, d),
                                                     .weight_decay = some_decay(r, d),
                                                     .maximize = one_in(r, d, "maximize", 4)});
}

static reel_optim *make_lion(record *r, dice *d, const reel_state *params) {
    return reel_lion_new(params, (reel_lion_options){.lr = some_rate(r, d),
                                                     .beta1 = some_share(r, d, "beta1", 0.9),
                                                     .beta2 = some_share(r, d, "beta2", 0.99),
                                                     .weight_decay = some_decay(r, d),
                                                     .maximize = one_in(r, d, "maximize", 4)});
}

static reel_optim *make_asgd(record *r, dice *d, const reel_state *params) {
    return reel_asgd_new(
        params,
        (reel_asgd_options){.lr = some_rate(r, d),
                            .lambd = option(r, "lambd", sometimes(d, dice_real(d, 1e-4, 0.1))),
                            .alpha = option(r, "alpha", sometimes(d, dice_real(d, 0.3, 1))),
                            .t0 = option(r, "t0", dice_one_in(d, 2) ? 1e6 : sometimes(d, 5)),
                            .weight_decay = some_decay(r, d),
                            .maximize = one_in(r, d, "maximize", 4)});
}

static const struct {
    const char *name;
    reel_optim *(*make)(record *r, dice *d, const reel_state *params);
} optimizers[] = {
    {"sgd", make_sgd},         {"adam", make_adam},       {"adamw", make_adamw},
    {"nadam", make_nadam},     {"radam", make_radam},     {"adamax", make_adamax},
    {"rmsprop", make_rmsprop}, {"adagrad", make_adagrad}, {"adadelta", make_adadelta},
    {"lion", make_lion},       {"asgd", make_asgd},
};

static void add_second_group(record *r, dice *d, const problem *p, reel_optim *o) {
    if (p->first_of_second == p->count) return;
    reel_optim_add_group(
        o, p->groups[1],
        (reel_group_options){
            .lr = option(r, "lr1", pow(10, dice_real(d, -4, -1))),
            .weight_decay = option(r, "weight_decay1", sometimes(d, dice_real(d, 0.01, 0.3)))});
}

static void optimizer_case(record *r, int i, int64_t seed) {
    dice d = dice_of(optimizers[i].name, seed);
    record_case(r, "optimizer", optimizers[i].name, seed);
    problem p = problem_new(&d);
    reel_optim *o = optimizers[i].make(r, &d, p.groups[0]);
    add_second_group(r, &d, &p, o);
    record_integer(r, "first_of_second", p.first_of_second);
    record_text(r, "dtype", reel_dtype_name(p.dtype));
    for (int k = 0; k < p.count; k++) record_tensor_at(r, "before", k, p.p[k]);
    for (int s = 0; s < STEPS; s++) {
        REEL_SCOPE;
        backward(&p, s, false);
        reel_optim_step(o);
        keep(&p, s);
    }
    for (int k = 0; k < p.count; k++) {
        record_tensor_at(r, "gradients", k, parity_tensor(p.gradients[k], p.dtype));
        record_tensor_at(r, "present", k, parity_tensor(p.present[k], REEL_F64));
        record_tensor_at(r, "after", k, parity_tensor(p.after[k], p.dtype));
    }
    record_end(r);
    reel_optim_free(o);
    problem_free(&p);
}

/* ---- clipping ---- */

static void spoil(dice *d, problem *p) {
    static const double values[] = {NAN, INFINITY, -INFINITY};
    array a = p->gradients[dice_int(d, 0, p->count - 1)];
    const int64_t row = array_size(a) / STEPS;
    if (row) a.v[dice_int(d, 0, row - 1)] = values[dice_int(d, 0, 2)];
}

static void clip_case(record *r, const char *name, int64_t seed) {
    dice d = dice_of(name, seed);
    record_case(r, "clip", name, seed);
    problem p = problem_new(&d);
    if (dice_one_in(&d, 5)) spoil(&d, &p);
    reel_optim *o = reel_sgd_new(p.groups[0], (reel_sgd_options){.lr = 1});
    if (p.first_of_second < p.count) reel_optim_add_group(o, p.groups[1], (reel_group_options){0});
    const double limit = option(r, "limit", pow(10, dice_real(&d, -4, 2)));
    backward(&p, 0, true);
    record_text(r, "dtype", reel_dtype_name(p.dtype));
    for (int i = 0; i < p.count; i++) record_tensor_at(r, "before", i, reel_grad(p.p[i]));
    if (strcmp(name, "clip_grad_norm") == 0)
        record_tensor(r, "norm", reel_clip_grad_norm(o, limit));
    else
        reel_clip_grad_value(o, limit);
    for (int i = 0; i < p.count; i++) record_tensor_at(r, "after", i, reel_grad(p.p[i]));
    record_end(r);
    reel_optim_free(o);
    problem_free(&p);
}

int main(int argc, char **argv) {
    static const char *const clips[] = {"clip_grad_norm", "clip_grad_value"};
    record r;
    if (!record_open(&r, argc, argv)) return 2;
    for (int i = 0; i < COUNT(optimizers); i++)
        if (record_subject(&r, "optimizer", optimizers[i].name))
            for (int64_t seed = r.first; seed < r.first + r.count; seed++) {
                REEL_SCOPE;
                optimizer_case(&r, i, seed);
            }
    for (int i = 0; i < COUNT(clips); i++)
        if (record_subject(&r, "clip", clips[i]))
            for (int64_t seed = r.first; seed < r.first + r.count; seed++) {
                REEL_SCOPE;
                clip_case(&r, clips[i], seed);
            }
    parity_schedules(&r);
    return record_close(&r);
}
