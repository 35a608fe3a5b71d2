/* What modules and optimizers share to save and load: whole states, moved as one. */
#ifndef REEL_TENSOR_STATE_STATE_INTERNAL_H
#define REEL_TENSOR_STATE_STATE_INTERNAL_H

#include "tensor/state.h"

/* Puts every tensor of `from` into `to` as "prefix.name". */
reel_status reel__state_put_all(reel_state *to, const char *prefix, const reel_state *from);

/* Whether each tensor of `to` has its "prefix.name" in `from`, with its shape and dtype, and
 * nothing else lies under a prefix that is not empty. `what` names the caller in the message. */
reel_status reel__state_check(const char *what, const reel_state *to, const reel_state *from,
                              const char *prefix);

/* The same on other terms. */
typedef struct {
    bool loose;                    /* what either side lacks is passed over; shapes must fit */
    bool cast;                     /* dtypes may differ */
    reel_state *missing;           /* unless NULL: is given those of `to` that `from` lacks, */
    reel_state *unexpected;        /* and those of `from`, below the prefix, that `to` lacks */
    const reel_state *passed_over; /* names that may lie in `from` all the same */
} reel__state_terms;
reel_status reel__state_match(const char *what, const reel_state *to, const reel_state *from,
                              const char *prefix, const reel__state_terms *terms);

/* After that check: copies the elements, in place, from whatever device they lie on, cast where
 * dtypes differ; what `from` lacks stays as it is. */
reel_status reel__state_copy(const reel_state *to, const reel_state *from, const char *prefix);

/* Keeps that a tensor of this name has been left out of the state, and why ("its dtype is C64"). */
reel_status reel__state_leave_out(reel_state *s, const char *name, const char *why);

#endif
