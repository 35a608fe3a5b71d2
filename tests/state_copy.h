/* A state as it comes back from a file. */
#ifndef REEL_TESTS_STATE_COPY_H
#define REEL_TESTS_STATE_COPY_H

#include "autograd/autograd.h"
#include "tests/expect.h"

/* On the CPU, as a file's are. */
static inline reel_state *state_copy(const reel_state *s) {
    reel_state *copy = reel_state_new();
    for (int i = 0; i < reel_state_count(s); i++) {
        REEL_SCOPE;
        reel_tensor *t = reel_state_at(s, i),
                    *c = reel_empty(reel_shape_of(t), reel_dtype_of(t), reel_cpu());
        {
            REEL_NO_GRAD;
            reel_copy_(c, t);
        }
        reel_state_put(copy, reel_state_name(s, i), c);
    }
    expect_fine();
    return copy;
}

#endif
