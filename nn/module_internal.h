/* What a module's files share: its entries, and a walk over them. */
#ifndef REEL_NN_MODULE_INTERNAL_H
#define REEL_NN_MODULE_INTERNAL_H

#include "nn/nn.h"

/* A parameter or a child: the other one is NULL. */
struct reel_module_entry {
    char *name;
    reel_tensor *param;
    reel_module *child;
};

/* Calls visit for each entry of m and of all below it, depth first, in the order registered; stops
 * at the first status other than REEL_OK and returns it. `path` is "encoder.weight", valid during
 * the call. */
typedef reel_status (*reel__module_visit)(const char *path, const struct reel_module_entry *entry,
                                          void *user);
reel_status reel__module_walk(reel_module *m, reel__module_visit visit, void *user);

/* The path that reel_module_params lists t under; NULL if it does not. */
const char *reel__param_path(const reel_state *params, const reel_tensor *t);

#endif
