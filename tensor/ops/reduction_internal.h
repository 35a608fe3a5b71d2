/* Reductions, as backends see them: what their rows (ops_reduce.def) name. */
#ifndef REEL_TENSOR_OPS_REDUCTION_INTERNAL_H
#define REEL_TENSOR_OPS_REDUCTION_INTERNAL_H

#include <stdbool.h>

/* The folds, and what they leave behind of floats: `a`, and `b` where it is named. */
typedef enum {
    REEL__FOLD_sum,
    REEL__FOLD_product,
    REEL__FOLD_greatest,
    REEL__FOLD_least,
    REEL__FOLD_first_greatest, /* the position of the first such, whole */
    REEL__FOLD_first_least,
    REEL__FOLD_any, /* truth values, whole */
    REEL__FOLD_all,
    REEL__FOLD_moments,      /* the mean; b: the sum of squares about it */
    REEL__FOLD_squares,      /* the sum of squares over b^2; b: a scale, which keeps it in range */
    REEL__FOLD_exponentials, /* the greatest; b: the sum of e^(x - a) */
    REEL__FOLDS
} reel__fold_name;

static inline bool reel__is_position(reel__fold_name f) {
    return f == REEL__FOLD_first_greatest || f == REEL__FOLD_first_least;
}
static inline bool reel__is_truth(reel__fold_name f) {
    return f == REEL__FOLD_any || f == REEL__FOLD_all;
}

/* What an end is given: what a fold left of `count` elements, and what the call said (the kind
 * `reduce` of with.def). */
typedef struct {
    double a, b, count, correction, p;
} reel__left;

/* Whether a map's name is `same`, which asks for no loop and no formula: 1 or 0. */
#define REEL__IS_SAME(map) REEL__IS_SAME_(REEL__SAID_##map, 0)
#define REEL__IS_SAME_(...) REEL__IS_SAME_SECOND(__VA_ARGS__, 0)
#define REEL__IS_SAME_SECOND(first, second, ...) second
#define REEL__SAID_same ~, 1

#endif
