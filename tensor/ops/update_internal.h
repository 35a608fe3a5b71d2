/* Fused in-place updates over lists of tensors: one launch a device for all parameters.
 *
 * An optimizer's step is a row of ops_update.def: what its formula needs of the step is worked out
 * once, then the formula goes over all elements (both in update_formulas_internal.h). */
#ifndef REEL_TENSOR_OPS_UPDATE_INTERNAL_H
#define REEL_TENSOR_OPS_UPDATE_INTERNAL_H

#include "tensor/backend.h"
#include "tensor/formulas/update_step_internal.h"

#define REEL__MAX_MOMENTS 3
#define REEL__MOST_LISTS (2 + REEL__MAX_MOMENTS + 2) /* p, g, the moments, carry, taken */

/* What a row of ops_update.def says of its moments, as bits: those that there always are, and those
 * that an optimizer may have or not. */
#define REEL__ALWAYS(first, second, third)                                                         \
    (REEL__ALWAYS_##first | REEL__ALWAYS_##second << 1 | REEL__ALWAYS_##third << 2)
#define REEL__ALWAYS_NO 0u
#define REEL__ALWAYS_ALWAYS(moment) 1u
#define REEL__ALWAYS_MAYBE(moment) 0u
#define REEL__MAYBE(first, second, third)                                                          \
    (REEL__MAYBE_##first | REEL__MAYBE_##second << 1 | REEL__MAYBE_##third << 2)
#define REEL__MAYBE_NO 0u
#define REEL__MAYBE_ALWAYS(moment) 0u
#define REEL__MAYBE_MAYBE(moment) 1u
/* Its name as a string, or NULL. */
#define REEL__MOMENT(moment) REEL__MOMENT_##moment
#define REEL__MOMENT_NO NULL
#define REEL__MOMENT_ALWAYS(moment) #moment
#define REEL__MOMENT_MAYBE(moment) #moment

/* Side by side: g[i] and moment[k][i] are p[i]'s. A moment that a step goes without is NULL.
 * taken[i]: i64, 0-d, how many steps p[i] has taken before this one, whose number for p[i] is one
 * more and is left there. carry[i]: f64, 0-d, a product that the steps of p[i] carry on; the list
 * is NULL if the row has none. */
typedef struct {
    int count;
    reel_tensor **p, **g, **moment[REEL__MAX_MOMENTS], **carry, **taken;
} reel__lists;

/* 0-d, on the device. lr: f64. step: i64, a count of all steps, whichever parameters took them. */
typedef struct {
    reel_tensor *lr, *step;
} reel__clock;

/* One step of the parameters listed. Without any it only counts. */
reel_status reel__update(const char *at, reel__op op, const reel__lists *lists, reel__clock clock,
                         const reel__rule *rule);

/* norm (same dtype as g[0], 0-d, written): 2-norm over all; g scaled in place by
 * min(1, max_norm / (norm + 1e-6)). */
reel_status reel__clip_norm(const char *at, int count, reel_tensor *const *g, reel_tensor *norm,
                            double max_norm);
reel_status reel__clip_value(const char *at, int count, reel_tensor *const *g, double limit);

/* ---- for kernels: a step's call ---- */

/* Tensor k of parameter i is list[i * width + k]: p, g, the moments that there are, whose bits are
 * set in `has`, what is carried, if anything is, and the steps taken, which come last. */
typedef struct {
    int count, width;
    unsigned has;
    bool carries;
    const double *lr;
    int64_t *step;
} reel__update_call;
/* How many tensors stand there for each parameter; the call's list is not looked at. */
static inline int reel__update_width(const reel__call *c) {
    int width = 3 + c->with.update.carries;
    for (unsigned has = c->with.update.moments; has; has &= has - 1) width++;
    return width;
}
reel__update_call reel__update_of(const reel__call *c);

#endif
