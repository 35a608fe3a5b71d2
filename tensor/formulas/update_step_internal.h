/* What an optimizer's step is told, and what its formulas need: for the host and for kernels. */
#ifndef REEL_TENSOR_FORMULAS_UPDATE_STEP_INTERNAL_H
#define REEL_TENSOR_FORMULAS_UPDATE_STEP_INTERNAL_H

#include <stdbool.h>

/* The numbers among a step's options, named as in optim.h: each is 0 or more and finite, a SHARE
 * lies in [0, 1). */
#define REEL__RULE(NUMBER, SHARE)                                                                  \
    NUMBER(momentum)                                                                               \
    NUMBER(dampening)                                                                              \
    SHARE(beta1)                                                                                   \
    SHARE(beta2)                                                                                   \
    SHARE(rho)                                                                                     \
    NUMBER(alpha)                                                                                  \
    NUMBER(eps)                                                                                    \
    NUMBER(weight_decay)                                                                           \
    NUMBER(momentum_decay)                                                                         \
    NUMBER(lr_decay)                                                                               \
    NUMBER(lambd)                                                                                  \
    NUMBER(t0)

/* A row uses those that its step names. */
typedef struct reel__rule {
#define FIELD(name) double name;
    REEL__RULE(FIELD, FIELD)
#undef FIELD
    bool nesterov, decoupled, maximize;
} reel__rule;

/* The rate, the number of the parameter's step from 1, and what those before have carried here. */
typedef struct {
    double lr, t, carry;
} reel__now;

/* What the formulas need of a step; each uses what it names. */
typedef struct {
    double size, size_g;               /* how far to go; nadam: and along g itself */
    double decay, shrink;              /* g += decay p; p *= shrink */
    double beta1, rest1, beta2, rest2; /* mean = beta mean + rest x */
    double momentum, eps, root;        /* sqrt(v) root + eps */
    double weight;                     /* asgd: of p in the mean of all p */
    double carry;                      /* what the next step finds */
    bool nesterov, adapts, maximize;
} reel__step;

#endif
