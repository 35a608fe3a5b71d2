/* What ops over windows are told of an axis: pooling, padding, resampling, unfold and fold. */
#ifndef REEL_TENSOR_OPS_WINDOW_INTERNAL_H
#define REEL_TENSOR_OPS_WINDOW_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

typedef enum {
    REEL__WINDOWS,  /* kernel, stride, before, dilation: what they cover */
    REEL__AVERAGE,  /* the same, and its mean */
    REEL__ADAPTIVE, /* windows that share `in` among `out` */
    REEL__NEAREST,
    REEL__NEAREST_EXACT,
    REEL__LINEAR,
    REEL__CUBIC,
    REEL__KEPT, /* padding: `before` elements more, or less; those beyond the input are none */
    REEL__REFLECT,
    REEL__REPLICATE,
    REEL__CIRCULAR
} reel__span_kind;

typedef struct {
    int64_t in, out; /* lengths */
    double scale;    /* resampling: elements of the input an element of the result */
    int32_t kernel, stride, dilation;
    int32_t before;
    uint8_t kind;
    bool exclude; /* AVERAGE: padding does not count */
    bool sums;    /* AVERAGE: not divided */
    bool corners; /* LINEAR, CUBIC: the first and the last elements are aligned */
} reel__span;

#define REEL__WINDOW_AXES 3

#endif
