/* Whether an optimizer is one, and whether an option is in its range. */
#include "optim/optim_internal.h"

#include <math.h>

reel_status reel__optim_alive(const reel_optim *o, const char *who) {
    if (!o) return reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: no optimizer", who);
    return reel__alive_check(o, REEL__OPTIM, who, NULL);
}

reel_status reel__optim_check(const char *what, const char *option, double value) {
    if (value >= 0.0 && !isinf(value)) return REEL_OK;
    return reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: %s must be 0 or more, and finite: %g", what,
                     option, value);
}

reel_status reel__optim_check_below_one(const char *what, const char *option, double value) {
    if (value >= 0.0 && value < 1.0) return REEL_OK;
    return reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: %s must lie in [0, 1): %g", what, option, value);
}
