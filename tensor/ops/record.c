/* What a call changes besides its results. */
#include "tensor/ops/record_internal.h"

#include "tensor/ops/update_internal.h"

/* By places: all but g, and of the last two, rate and count, the count. */
static bool step_changes(const reel__call *c, int input) {
    return input < c->nin - 2 ? input % reel__update_width(c) != 1 : input == c->nin - 1;
}

bool reel__changes(const reel__call *c, int input) {
    if (reel__ops[c->op].kind == REEL__UPDATE) return step_changes(c, input);
    switch (c->op) {
    case REEL_OP_uniform:
    case REEL_OP_normal:
    case REEL_OP_randint:
    case REEL_OP_randperm:
    case REEL_OP_bernoulli_fill:
        return input == 0;
    case REEL_OP_bernoulli:
    case REEL_OP_multinomial:
    case REEL_OP_dropout:
        return input == 1;
    case REEL_OP_track_statistics:
        return input == 0 || input == 1 || input == 4;
    case REEL_OP_clip_norm:
    case REEL_OP_clip_value:
        return true;
    default:
        return false;
    }
}
