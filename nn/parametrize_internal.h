/* What parametrizations share: modules below a module's child "parametrizations". */
#ifndef REEL_NN_PARAMETRIZE_INTERNAL_H
#define REEL_NN_PARAMETRIZE_INTERNAL_H

#include "nn/module_internal.h"

enum { REEL__PLACES = 4 };

/* The head of each kind's struct; its parameters are registered with base. */
typedef struct reel__parametrization reel__parametrization;
struct reel__parametrization {
    reel_module base;
    reel_tensor *(*compute)(const reel__parametrization *p); /* borrowed; NULL: failed */
    size_t place[REEL__PLACES];                              /* where in the owner's struct */
    int places;
};

/* What is about to be replaced: m's parameter of that name, and where m points to it. NULL, and a
 * failure in the name of `what`. */
reel_tensor *reel__parametrize_find(const char *what, reel_module *m, const char *name,
                                    reel__parametrization *to);
/* p, which has its parameters, takes the parameter's place; on failure it is freed. */
reel_status reel__parametrize(const char *what, reel_module *m, const char *name,
                              reel__parametrization *p);

/* Around a forward of m, in its scope: its weights are there in between. A forward within a forward
 * of the same module finds them there. */
bool reel__parametrize_is_under_way(const reel_module *m);
reel_status reel__parametrize_begin(reel_module *m);
void reel__parametrize_end(reel_module *m);

#endif
