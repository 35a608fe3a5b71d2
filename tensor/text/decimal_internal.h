/* Decimal numbers that read back to the same bits. */
#ifndef REEL_TENSOR_TEXT_DECIMAL_INTERNAL_H
#define REEL_TENSOR_TEXT_DECIMAL_INTERNAL_H

#include <stdbool.h>

#define REEL__MOST_DIGITS 17 /* that an f64 needs */

/* The fewest significant digits, 1 at least, of a decimal number that reads back as x; of one that
 * reads back as the f32 x, if f32. x is finite, and an f32 then. */
int reel__fewest_digits(double x, bool f32);

#endif
