/* What an op is told besides its tensors: of each family of ops a struct, of which a call has one.
 *
 * Those along an axis, counted from the front, -1 if there is none, begin with it (axis), so that a
 * rule can look at any of theirs; so do those that make a tensor of nothing with what is to be made
 * (made). */
#ifndef REEL_TENSOR_OPS_WITH_INTERNAL_H
#define REEL_TENSOR_OPS_WITH_INTERNAL_H

#include "tensor/formulas/update_step_internal.h"
#include "tensor/ops/window_internal.h"
#include "tensor/tensor.h"

#define REEL__ALL_AXES (((int64_t)1 << REEL_MAX_DIMS) - 1) /* whether they are there or not */

typedef union reel__with {
    struct {          /* elementwise */
        double a, b;  /* WITH1: a, WITH2: a and b; what they mean stands at the public function */
        bool checked; /* bce: p is looked at, by a device whose values the host does not wait for */
    } map;

    /* ---- tensors made of nothing ---- */

    struct {
        reel_shape shape;
        reel_dtype dtype;
    } made; /* randperm */
    struct {
        reel_shape shape;
        reel_dtype dtype;
        double value; /* cast as cast casts */
    } fill;
    struct { /* arange, linspace */
        reel_shape shape;
        reel_dtype dtype;
        double start, step, stop; /* arange needs no stop */
        int64_t half;             /* linspace: how many are counted from start */
    } ramp;
    struct {
        reel_shape shape;
        reel_dtype dtype;
        double low, high;
    } uniform;
    struct {
        reel_shape shape;
        reel_dtype dtype;
        double mean, std;
    } normal;
    struct {
        reel_shape shape;
        reel_dtype dtype;
        int64_t low;
        uint64_t count; /* of the numbers that there are */
    } randint;
    struct { /* bernoulli_fill */
        reel_shape shape;
        reel_dtype dtype;
        double p;
    } bernoulli;

    /* ---- along an axis ---- */

    int axis; /* softmax, log_softmax, flip, concat, stack: the result's */
    struct {  /* index_select, index_add, gather, scatter_add, dequantize_rows */
        int axis;
        int64_t size;     /* index_add, scatter_add: of the result along the axis */
        double scale;     /* dequantize_rows */
        reel_dtype dtype; /* dequantize_rows: the result's */
    } index;
    struct { /* cumsum */
        int axis;
        bool reverse; /* y[i] = x[i] + ... + x[n-1] */
    } scan;
    struct { /* topk, sort */
        int axis;
        int64_t k;    /* sort: all along the axis */
        bool largest; /* come first; sort: descending */
    } topk;
    struct { /* slice, slice_put: entries start, start + step, ..., count of them */
        int axis;
        int64_t start, count, step;
        reel_shape shape; /* slice_put: the result's */
    } slice;

    /* ---- all others ---- */

    struct {                /* over axes */
        int64_t axes, kept; /* bit masks: those reduced, and those of them that stay, of size 1 */
        double correction;  /* var, std */
        double p;           /* norm */
        double times;       /* how often each element counts; 0: once */
    } reduce;
    reel_shape shape; /* reshape, expand: the result's */
    reel_shape axes;  /* permute: each of the input's once, from the front */
    struct {          /* cast, dequantize */
        reel_dtype dtype;
        double scale; /* dequantize */
    } cast;
    struct {
        int64_t classes;
        reel_dtype dtype;
    } one_hot;
    struct { /* tril, triu */
        int64_t diagonal;
    } triangle;
    struct {
        int64_t draws; /* of a row */
        bool replacement;
    } multinomial;
    struct { /* attention, attention_grad */
        double scale, dropout;
        bool causal;
    } attention;
    struct {      /* conv, conv_input_grad, conv_weight_grad; by spatial axis, outermost first */
        int dims; /* of those, 1..3 */
        int32_t stride[3], padding[3], after[3], dilation[3]; /* zeros before, and behind */
        int64_t groups;
        int64_t size[3]; /* of the result: of the gradients, x's or the kernel's */
    } conv;
    struct { /* standardize, standardize_grad: x as [outer, groups, channels, inner] */
        int64_t outer, groups, channels, inner;
        double eps;
        bool
            across; /* statistics of a channel over outer and inner; groups is 1. Else of a group */
        bool uncentred; /* the mean counts as 0 */
        int affine;     /* how many of weight and bias there are, one for each channel */
    } norm;
    struct {      /* resample, max_pool, unfold, and what goes back: the last axes */
        int dims; /* of those, 1..3 */
        reel__span axis[REEL__WINDOW_AXES];
        double value, times; /* resample: where nothing is; the sum is multiplied */
    } window;
    struct {      /* recurrent, recurrent_grad */
        int cell; /* a reel__recurrent_cell */
        bool reverse;
    } recurrent;
    struct {                  /* track_statistics */
        double share, factor; /* of what is new; of a variance, to be unbiased */
        bool cumulative;      /* share is 1 / the count */
    } track;
    struct {      /* dropout, dropout_again */
        double p; /* of an element to become 0 */
    } dropout;
    struct {             /* nll, nll_grad */
        int64_t ignored; /* a target that takes no part */
    } nll;
    struct {
        reel__rule rule;
        unsigned moments; /* bits of those that there are */
        bool carries;
    } update;
    struct {
        double max_norm; /* clip_norm */
        double limit;    /* clip_value */
    } clip;
} reel__with;

#endif
