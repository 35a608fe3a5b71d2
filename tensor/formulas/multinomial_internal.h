/* What draws by weights have in common on every device: so that all of them add in the same order
 * and find the same places.
 *
 * A row of n weights is cut into chunks. Within each, sums of the weights up to and with each are
 * kept (`sum`, n of them); `base` has the sum of all chunks before each, and, last, of them all.
 * Both grow along the row, and the last sum of a chunk on its base is the next one's base, to the
 * bit. */
#ifndef REEL_TENSOR_FORMULAS_MULTINOMIAL_INTERNAL_H
#define REEL_TENSOR_FORMULAS_MULTINOMIAL_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#ifndef REEL_FORMULA
#define REEL_FORMULA static inline
#endif

/* Chunks become longer than they are many only beyond 2^16 weights. */
static inline int64_t reel__chunk_length(int64_t n) {
    int64_t length = 256;
    while (length * length < n) length *= 2;
    return length;
}

/* A weight that can be drawn by: 0 or more, and finite. */
REEL_FORMULA bool reel__is_weight(double w) {
    return w >= 0 && w <= 1.7976931348623157e308;
}

/* The first of n weights whose sum is above target, which is below the sum of all and not below 0:
 * its weight is above 0. */
REEL_FORMULA int64_t reel__first_above(const double *sum, const double *base, int64_t n,
                                       int64_t length, double target) {
    int64_t first = 0, last = (n + length - 1) / length - 1;
    while (first < last) {
        const int64_t middle = first + (last - first) / 2;
        if (base[middle + 1] > target)
            last = middle;
        else
            first = middle + 1;
    }
    const double before = base[first];
    first *= length;
    last = first + length < n ? first + length - 1 : n - 1;
    while (first < last) {
        const int64_t middle = first + (last - first) / 2;
        if (before + sum[middle] > target)
            last = middle;
        else
            first = middle + 1;
    }
    return first;
}

#endif
