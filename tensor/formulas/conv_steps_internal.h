/* One axis of a convolution, from the side of the tensor that is made: which elements of the other
 * tensor meet in one of its own, by steps.
 *
 *     forward      y[j] = sum over k of w[k] x[j stride - before + k dilation]
 *     transposed   x[s] = sum of w[k] y[p] over all k and p with s = p stride - before + k dilation
 *
 * Transposed, the elements s = r, r + stride, r + 2 stride ... use the same part of the kernel, and
 * each next one the next p: so for each r < stride, its phase, this is a sum like the forward one,
 * and nothing is divided where elements are gathered. Forward there is one phase. */
#ifndef REEL_TENSOR_FORMULAS_CONV_STEPS_INTERNAL_H
#define REEL_TENSOR_FORMULAS_CONV_STEPS_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#ifndef REEL_FORMULA
#define REEL_FORMULA static inline
#endif

typedef struct {
    int64_t out_first, out_step, count; /* made: out_first + j out_step, j < count */
    int64_t in_first, in_step, in_tap;  /* from in_first + j in_step + m in_tap, where that is */
    int64_t tap_first, tap_step, taps;  /* by w[tap_first + m tap_step], m < taps */
} reel__conv_axis;

/* stride, dilation, kernel: 1 or more. */
REEL_FORMULA reel__conv_axis reel__conv_forward_axis(int64_t size, int64_t kernel, int64_t stride,
                                                     int64_t before, int64_t dilation) {
    const reel__conv_axis a = {0, 1, size, -before, stride, dilation, 0, 1, kernel};
    return a;
}

/* How many phases there are: each has an element at least. */
REEL_FORMULA int64_t reel__conv_phases(int64_t size, int64_t stride) {
    return stride < size ? stride : size;
}

/* Phase r of an axis of `size` elements. Its taps k are those for which r + before - k dilation is
 * a multiple of the stride: none, or first + m every. */
REEL_FORMULA reel__conv_axis reel__conv_transposed_axis(int64_t size, int64_t kernel,
                                                        int64_t stride, int64_t before,
                                                        int64_t dilation, int64_t r) {
    int64_t divisor = stride, rest = dilation % stride, first = 0;
    while (rest != 0) { /* Euclid */
        const int64_t next = divisor % rest;
        divisor = rest;
        rest = next;
    }
    const int64_t every = stride / divisor;
    const int64_t end = every < kernel ? every : kernel;
    while (first < end && (r + before - first * dilation) % stride != 0) first++;
    const bool none = first == end;
    const reel__conv_axis a = {r,
                               stride,
                               (size - r + stride - 1) / stride,
                               none ? 0 : (r + before - first * dilation) / stride,
                               1,
                               -(dilation / divisor),
                               first,
                               every,
                               none ? 0 : (kernel - 1 - first) / every + 1};
    return a;
}

#endif
