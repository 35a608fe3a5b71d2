/* How a tensor lies in memory: as a view of a base that is permuted, then sliced, then expanded. */
#ifndef REEL_TESTS_PARITY_LAYOUT_H
#define REEL_TESTS_PARITY_LAYOUT_H

#include "tests/op_cases.h"
#include "tests/parity/parity_dice.h"

static inline bool parity_is_integer(reel_dtype dtype) {
    return dtype == REEL_I64 || dtype == REEL_U8;
}

typedef struct {
    int order[REEL_MAX_DIMS]; /* axis i of the tensor is axis order[i] of its base */
    int64_t start[REEL_MAX_DIMS], step[REEL_MAX_DIMS], rest[REEL_MAX_DIMS];
    bool same[REEL_MAX_DIMS]; /* expanded: all entries along the axis are one */
} parity_layout;

parity_layout parity_some_layout(dice *d, int ndim);

/* "permuted 1 0, sliced 0, expanded 1", of the tensor's axes; "dense" if none of these. */
void parity_layout_text(char *to, size_t size, const parity_layout *l, int ndim);

/* Makes a's elements alike along the axes that are to be expanded. */
void parity_stretch(array a, const parity_layout *l);
/* The elements of a base whose view is a: NaN, of integers 99, where that does not look. */
array parity_base(const parity_layout *l, array a, reel_dtype dtype);
reel_tensor *parity_view(reel_tensor *base, const parity_layout *l, reel_shape shape);

#endif
