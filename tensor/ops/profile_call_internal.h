/* How a call is recorded in a profile. */
#ifndef REEL_TENSOR_OPS_PROFILE_CALL_INTERNAL_H
#define REEL_TENSOR_OPS_PROFILE_CALL_INTERNAL_H

#include "tensor/core/profile_internal.h"

/* What a call is part of, which is known where it is made: for whoever keeps the call and runs it
 * again later, in other circumstances. */
typedef struct {
    reel__profile_kind kind;
    const char *in;      /* a literal: the function; NULL: the op itself */
    const char *context; /* the op whose gradient it is part of; NULL: none. As the thread has it */
} reel__profile_place;
reel__profile_place reel__profile_place_of(const reel__call *c);

/* Begins the event of a call's kernel; the first takes its place from the thread. */
reel__profile_mark reel__profile_call_open(const reel__call *c);
reel__profile_mark reel__profile_call_open_at(const reel__call *c,
                                              const reel__profile_place *place);

#endif
