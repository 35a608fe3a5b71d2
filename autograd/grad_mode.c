/* What keeps ops off the tape: REEL_NO_GRAD, and detached views. */
#include "autograd/autograd_internal.h"

reel_tensor *reel_detach_at(const char *at, reel_tensor *t) {
    if (!t || !reel__live(at, "detach", NULL, t)) return NULL;
    return reel__scope_give(reel__tensor_view(at, "detach", t, &t->layout));
}

reel_grad_mode reel_grad_mode_enter(bool recording) {
    reel_grad_mode mode = {reel__self()->no_grad, true};
    reel__self()->no_grad = !recording;
    return mode;
}

void reel_grad_mode_leave(reel_grad_mode *mode) {
    if (mode->entered) reel__self()->no_grad = mode->before;
    mode->entered = false;
}
