/* Every optimizer with the options that it is tested with, and where PyTorch ends with them. */
#ifndef REEL_TESTS_OPTIMIZER_TABLE_H
#define REEL_TESTS_OPTIMIZER_TABLE_H

#include "optim/optim.h"
#include "tests/update_reference.h"

typedef struct {
    double start; /* of the moments */
    reference_options o;
    bool zeros; /* a number of 0 is 0, not the option's default */
} config;

static double given(const config *c, double value) {
    return value == 0 && c->zeros ? REEL_ZERO : value;
}

typedef struct {
    const char *name;
    reel_optim *(*make)(const reel_state *list, const config *c);
    reference_step step;
    const char *moment[REEL__MAX_MOMENTS];
} family;

static reel_optim *make_sgd(const reel_state *list, const config *c) {
    const reel__rule *r = &c->o.rule;
    return reel_sgd_new(list, (reel_sgd_options){.lr = given(c, c->o.lr),
                                                 .momentum = given(c, r->momentum),
                                                 .dampening = given(c, r->dampening),
                                                 .weight_decay = given(c, r->weight_decay),
                                                 .nesterov = r->nesterov,
                                                 .maximize = r->maximize});
}

static reel_optim *make_adam(const reel_state *list, const config *c) {
    const reel__rule *r = &c->o.rule;
    const reel_adam_options o = {.lr = given(c, c->o.lr),
                                 .beta1 = given(c, r->beta1),
                                 .beta2 = given(c, r->beta2),
                                 .eps = given(c, r->eps),
                                 .weight_decay = given(c, r->weight_decay),
                                 .amsgrad = c->o.has & 4,
                                 .maximize = r->maximize};
    return r->decoupled ? reel_adamw_new(list, o) : reel_adam_new(list, o);
}

static reel_optim *make_nadam(const reel_state *list, const config *c) {
    const reel__rule *r = &c->o.rule;
    return reel_nadam_new(list, (reel_nadam_options){.lr = given(c, c->o.lr),
                                                     .beta1 = given(c, r->beta1),
                                                     .beta2 = given(c, r->beta2),
                                                     .eps = given(c, r->eps),
                                                     .weight_decay = given(c, r->weight_decay),
                                                     .momentum_decay = given(c, r->momentum_decay),
                                                     .decoupled = r->decoupled,
                                                     .maximize = r->maximize});
}

static reel_optim *make_radam(const reel_state *list, const config *c) {
    const reel__rule *r = &c->o.rule;
    return reel_radam_new(list, (reel_radam_options){.lr = given(c, c->o.lr),
                                                     .beta1 = given(c, r->beta1),
                                                     .beta2 = given(c, r->beta2),
                                                     .eps = given(c, r->eps),
                                                     .weight_decay = given(c, r->weight_decay),
                                                     .decoupled = r->decoupled,
                                                     .maximize = r->maximize});
}

static reel_optim *make_adamax(const reel_state *list, const config *c) {
    const reel__rule *r = &c->o.rule;
    return reel_adamax_new(list, (reel_adamax_options){.lr = given(c, c->o.lr),
                                                       .beta1 = given(c, r->beta1),
                                                       .beta2 = given(c, r->beta2),
                                                       .eps = given(c, r->eps),
                                                       .weight_decay = given(c, r->weight_decay),
                                                       .maximize = r->maximize});
}

static reel_optim *make_rmsprop(const reel_state *list, const config *c) {
    const reel__rule *r = &c->o.rule;
    return reel_rmsprop_new(list, (reel_rmsprop_options){.lr = given(c, c->o.lr),
                                                         .alpha = given(c, r->alpha),
                                                         .eps = given(c, r->eps),
                                                         .weight_decay = given(c, r->weight_decay),
                                                         .momentum = given(c, r->momentum),
                                                         .centered = c->o.has & 2,
                                                         .maximize = r->maximize});
}

static reel_optim *make_adagrad(const reel_state *list, const config *c) {
    const reel__rule *r = &c->o.rule;
    return reel_adagrad_new(list,
                            (reel_adagrad_options){.lr = given(c, c->o.lr),
                                                   .lr_decay = given(c, r->lr_decay),
                                                   .weight_decay = given(c, r->weight_decay),
                                                   .initial_accumulator_value = given(c, c->start),
                                                   .eps = given(c, r->eps),
                                                   .maximize = r->maximize});
}

static reel_optim *make_adadelta(const reel_state *list, const config *c) {
    const reel__rule *r = &c->o.rule;
    return reel_adadelta_new(list,
                             (reel_adadelta_options){.lr = given(c, c->o.lr),
                                                     .rho = given(c, r->rho),
                                                     .eps = given(c, r->eps),
                                                     .weight_decay = given(c, r->weight_decay),
                                                     .maximize = r->maximize});
}

static reel_optim *make_lion(const reel_state *list, const config *c) {
    const reel__rule *r = &c->o.rule;
    return reel_lion_new(list, (reel_lion_options){.lr = given(c, c->o.lr),
                                                   .beta1 = given(c, r->beta1),
                                                   .beta2 = given(c, r->beta2),
                                                   .weight_decay = given(c, r->weight_decay),
                                                   .maximize = r->maximize});
}

static reel_optim *make_asgd(const reel_state *list, const config *c) {
    const reel__rule *r = &c->o.rule;
    return reel_asgd_new(list, (reel_asgd_options){.lr = given(c, c->o.lr),
                                                   .lambd = given(c, r->lambd),
                                                   .alpha = given(c, r->alpha),
                                                   .t0 = given(c, r->t0),
                                                   .weight_decay = given(c, r->weight_decay),
                                                   .maximize = r->maximize});
}

static const family sgd = {"sgd", make_sgd, reference_sgd, {"v"}},
                    adam = {"adam", make_adam, reference_adam, {"m", "v", "vmax"}},
                    nadam = {"nadam", make_nadam, reference_nadam, {"m", "v"}},
                    radam = {"radam", make_radam, reference_radam, {"m", "v"}},
                    adamax = {"adamax", make_adamax, reference_adamax, {"m", "u"}},
                    rmsprop = {"rmsprop", make_rmsprop, reference_rmsprop, {"v", "m", "b"}},
                    adagrad = {"adagrad", make_adagrad, reference_adagrad, {"v"}},
                    adadelta = {"adadelta", make_adadelta, reference_adadelta, {"v", "u"}},
                    lion = {"lion", make_lion, reference_lion, {"m"}},
                    asgd = {"asgd", make_asgd, reference_asgd, {"mean"}};

/* Gradients and starts are test_optimizers.c's. torch: a[0] and b[1, 2] after STEPS steps, by
 * PyTorch 2.4.1's optimizers in f64, of Lion by the twin in optim_check.py. */
enum { STEPS = 9 };
static const struct {
    const family *f;
    config c;
    double torch[2];
} rows[] = {
    {&sgd,
     {.o = {.lr = 0.05,
            .has = 1,
            .rule = {.momentum = 0.9, .dampening = 0.3, .weight_decay = 0.1, .maximize = true}}},
     {-0.7699415213678733, 0.81398858490225179}},
    {&adam,
     {.o = {.lr = 0.05,
            .has = 7,
            .rule = {.beta1 = 0.8, .beta2 = 0.7, .eps = 1e-3, .weight_decay = 0.1}}},
     {-1.0314929097795784, 0.31280689767501507}},
    {&adam,
     {.o = {.lr = 0.05,
            .has = 3,
            .rule =
                {.beta1 = 0.8, .beta2 = 0.99, .eps = 1e-3, .weight_decay = 0.1, .maximize = true}}},
     {-0.89621399433806481, 0.67234392880308758}},
    {&adam,
     {.o = {.lr = 0.05,
            .has = 7,
            .rule =
                {.beta1 = 0.8, .beta2 = 0.7, .eps = 1e-3, .weight_decay = 0.1, .decoupled = true}}},
     {-1.0219104811999344, 0.30495912035028633}},
    {&nadam,
     {.o = {.lr = 0.05,
            .has = 3,
            .rule = {.beta1 = 0.8, .beta2 = 0.99, .eps = 1e-3, .momentum_decay = 0.3}}},
     {-1.0189162871490227, 0.42680719304018311}},
    {&nadam,
     {.o = {.lr = 0.05,
            .has = 3,
            .rule = {.beta1 = 0.9,
                     .beta2 = 0.9,
                     .eps = 1e-8,
                     .weight_decay = 0.1,
                     .momentum_decay = 4e-3}}},
     {-0.98940222962559365, 0.42291876101282855}},
    {&nadam,
     {.o = {.lr = 0.05,
            .has = 3,
            .rule = {.beta1 = 0.9,
                     .beta2 = 0.9,
                     .eps = 1e-8,
                     .weight_decay = 0.1,
                     .momentum_decay = 4e-3,
                     .decoupled = true}}},
     {-0.98158532789724651, 0.41368768577151599}},
    {&radam,
     {.o = {.lr = 0.05, .has = 3, .rule = {.beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8}}},
     {-1.1166607242683113, 0.29977133159561015}},
    {&radam,
     {.o = {.lr = 0.05,
            .has = 3,
            .rule = {.beta1 = 0.8, .beta2 = 0.9, .eps = 1e-3, .weight_decay = 0.1}}},
     {-1.0526948612849152, 0.30375331492491964}},
    {&radam,
     {.o = {.lr = 0.05,
            .has = 3,
            .rule = {.beta1 = 0.8,
                     .beta2 = 0.95,
                     .eps = 1e-3,
                     .weight_decay = 0.1,
                     .decoupled = true}}},
     {-1.0452911456710452, 0.29625962488692104}},
    {&radam,
     {.o = {.lr = 0.05, .has = 3, .rule = {.beta1 = 0.8, .beta2 = 0.5, .eps = 1e-3}}},
     {-1.0630295469883277, 0.33921147017423303}},
    {&adamax,
     {.o = {.lr = 0.05, .has = 3, .rule = {.beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8}}},
     {-1.086643870422566, 0.31090062963634102}},
    {&adamax,
     {.o = {.lr = 0.05,
            .has = 3,
            .rule =
                {.beta1 = 0.8, .beta2 = 0.6, .eps = 1e-2, .weight_decay = 0.1, .maximize = true}}},
     {-0.87259967663606597, 0.6886373253787903}},
    {&rmsprop,
     {.o = {.lr = 0.05, .has = 1, .rule = {.alpha = 0.99, .eps = 1e-8}}},
     {-1.2650334601700839, -0.22716201784741538}},
    {&rmsprop,
     {.o = {.lr = 0.01,
            .has = 5,
            .rule = {.alpha = 0.9, .eps = 1e-3, .weight_decay = 0.1, .momentum = 0.8}}},
     {-1.0034283903107695, 0.23695378816587084}},
    {&rmsprop,
     {.o = {.lr = 0.01, .has = 3, .rule = {.alpha = 0.8, .eps = 1e-3}}},
     {-1.0142033788439369, 0.45996940277965304}},
    {&rmsprop,
     {.o = {.lr = 0.01,
            .has = 7,
            .rule = {.alpha = 0.8,
                     .eps = 1e-3,
                     .weight_decay = 0.1,
                     .momentum = 0.7,
                     .maximize = true}}},
     {-0.94318531192157329, 0.65622469219640056}},
    {&adagrad,
     {.o = {.lr = 0.05, .has = 1, .rule = {.eps = 1e-10}}},
     {-1.0266572106613028, 0.42648883533758614}},
    {&adagrad,
     {.start = 0.5,
      .o = {.lr = 0.05,
            .has = 1,
            .rule = {.lr_decay = 0.2, .weight_decay = 0.1, .eps = 1e-3, .maximize = true}}},
     {-0.95723581426790294, 0.55846086597523059}},
    {&adadelta,
     {.o = {.lr = 1, .has = 3, .rule = {.rho = 0.9, .eps = 1e-6}}},
     {-1.0005256510060321, 0.49914788735229848}},
    {&adadelta,
     {.o = {.lr = 0.5,
            .has = 3,
            .rule = {.rho = 0.7, .eps = 1e-2, .weight_decay = 0.1, .maximize = true}}},
     {-0.91256535442662667, 0.4478694514928025}},
    {&asgd,
     {.o = {.lr = 0.05, .has = 1, .rule = {.lambd = 1e-4, .alpha = 0.75, .t0 = 1e6}}},
     {-1.0118256482701673, 0.49751034925468529}},
    {&asgd,
     {.o = {.lr = 0.1,
            .has = 1,
            .rule = {.lambd = 0.3, .alpha = 0.5, .t0 = 3, .weight_decay = 0.1, .maximize = true}}},
     {-0.6897099752350162, 0.3250234067347782}},
    {&lion,
     {.o = {.lr = 0.05, .has = 1, .rule = {.beta1 = 0.9, .beta2 = 0.99, .decoupled = true}}},
     {-1.05, 0.45000000000000001}},
    {&lion,
     {.o = {.lr = 0.05,
            .has = 1,
            .rule = {.beta1 = 0.5,
                     .beta2 = 0.3,
                     .weight_decay = 0.1,
                     .decoupled = true,
                     .maximize = true}}},
     {-0.90783517480784393, 0.52203901810318298}},
};
enum { ROWS = sizeof rows / sizeof *rows };

#endif
