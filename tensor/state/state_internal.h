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

/* After that check: copies the elements, in place, from whatever device they lie on. */
reel_status reel__state_copy(const reel_state *to, const reel_state *from, const char *prefix);

/* Keeps that a tensor of this name has been left out of the state, and why ("its dtype is C64"). */
reel_status reel__state_leave_out(reel_state *s, const char *name, const char *why);

#endif
