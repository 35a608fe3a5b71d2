/* The context of an op of the user's: what its forward saves for its backward. Its node owns it;
 * one that is not recorded is let go after forward. */
#ifndef REEL_AUTOGRAD_CONTEXT_INTERNAL_H
#define REEL_AUTOGRAD_CONTEXT_INTERNAL_H

#include "autograd/autograd_internal.h"

typedef struct {
    reel_tensor *t;
    unsigned version;
    bool is_result; /* t itself is not tracked, else its node would hold it for ever */
} reel__context_saved;

typedef struct {
    reel_dtype dtype;
    reel_device device;
    bool tracked;
} reel__context_input;

struct reel_context {
    reel_function f;
    const char *at;
    reel__node *node; /* which owns this; NULL: not recorded */
    bool forward;     /* under way */
    void *user;
    int saved_count, saved_capacity;
    reel__context_saved *saved;
    reel_tensor **gradient; /* [nin] */
    int nin;
    reel__context_input in[]; /* [nin] */
};

/* For f on these inputs; NULL, and a failure kept, without memory. */
reel_context *reel__context_new(const char *at, const reel_function *f, reel_tensor *const *inputs,
                                int nin, void *user);
/* A failure: "what: the context is NULL". */
reel_status reel__no_context(const char *what);

#endif
