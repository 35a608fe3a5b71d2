/* Autograd's hooks: set by autograd when it is first used, read by all. */
#include "tensor/core/tensor_internal.h"

static _Atomic(const reel__hooks *) hooks;

void reel__hooks_set(const reel__hooks *h) {
    atomic_store_explicit(&hooks, h, memory_order_release);
}

const reel__hooks *reel__hooks_get(void) {
    return atomic_load_explicit(&hooks, memory_order_acquire);
}
