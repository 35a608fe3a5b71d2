/* How many digits a number needs. */
#include "tensor/text/decimal_internal.h"

#include <stdio.h>
#include <stdlib.h>

int reel__fewest_digits(double x, bool f32) {
    for (int digits = 1; digits < REEL__MOST_DIGITS; digits++) {
        char text[32];
        snprintf(text, sizeof text, "%.*e", digits - 1, x);
        if (f32 ? strtof(text, NULL) == (float)x : strtod(text, NULL) == x) return digits;
    }
    return REEL__MOST_DIGITS;
}
