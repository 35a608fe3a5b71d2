/* How backends see the operands of an op: a few axes that all share, each operand with a stride
 * along them. What strides allow to be one axis is one. */
#ifndef REEL_TENSOR_OPS_NEST_INTERNAL_H
#define REEL_TENSOR_OPS_NEST_INTERNAL_H

#include "tensor/core/tensor_internal.h"

#define REEL__OPERANDS (1 + REEL__MOST_MAPPED)

/* ---- elementwise: the result (operand 0) and the inputs, broadcast to it ---- */

/* ndim >= 1, outermost axis first. */
typedef struct {
    int operands, ndim;
    int64_t dim[REEL_MAX_DIMS], stride[REEL__OPERANDS][REEL_MAX_DIMS];
} reel__nest;

void reel__nest_make(reel__nest *n, const reel_tensor *out, int nin, reel_tensor *const *in);

/* ---- reductions ---- */

/* out[outer, columns] is the sum over rows of x[outer, rows, columns]: either columns are
 * contiguous, or columns is 1 and rows are. Strides in elements. */
typedef struct {
    const reel_tensor *x;
    int64_t outer, rows, columns, outer_stride, row_stride;
} reel__reduction;

/* Brings c->in[0], reduced over the axes in the mask, into that form, with a copy if need be (which
 * the open scope owns). The result has elements, and so has x. */
reel_status reel__reduction_make(reel__reduction *r, const reel__call *c, int64_t axes);

/* The same of both inputs, copied where they do not lie alike: r->x is the first. */
reel_status reel__reduction_make_both(reel__reduction *r, const reel_tensor **second,
                                      const reel__call *c, int64_t axes);

/* By op; of those that are no reductions it means nothing. */
extern const reel__fold_name reel__fold_of[REEL_OP_COUNT];
/* What an end is told besides what was left behind. */
reel__left reel__left_of(const reel__call *c);

/* The axes of c->in[0], as a bit mask, that need not be gone along because they are expanded: its
 * entries are one and the same. Of argmax and argmin over several axes those in front alone, which
 * leave positions as they are. */
int64_t reel__expanded_axes(const reel__call *c);
/* Runs the op's kernel on c->in[0] with one entry along each of these, and spreads what it gives;
 * with.reduce.times then says how often each element counts. */
reel_status reel__reduce_narrow(const reel__call *c, int64_t expanded);
static inline double reel__times(const reel__call *c) {
    return c->with.reduce.times > 0 ? c->with.reduce.times : 1;
}

/* ---- around an axis ---- */

/* The factors of a shape around an axis: [outer, n, inner]. */
void reel__around_axis(reel_shape s, int axis, int64_t *outer, int64_t *inner);

/* ---- parts of a tensor, for kernels: nobody counts them ---- */

/* Entries of input i of a concat or stack along the joined axis. */
int64_t reel__joined_entries(const reel__call *c, int i);
/* Where it lies in the result, of which `before` entries along the axis come first. */
reel_tensor reel__joined_part(const reel__call *c, int i, int64_t before);
/* t from its last entry along an axis to its first. */
reel_tensor reel__flipped(const reel_tensor *t, int axis);
/* Entries start, start + step, ... of t, `count` of them. */
reel_tensor reel__sliced(const reel_tensor *t, int axis, int64_t start, int64_t count,
                         int64_t step);

/* ---- products (product.c) ---- */

/* z[..., M, N] = x[..., M, K] y[..., K, N], z without gaps; a vector is a matrix of one row in x's
 * place, of one column in y's. The batch's axes are joined where all step as one, and a step is 0
 * where an operand is broadcast; where y is, x's rows are those of one matrix if they lie so. As
 * BLAS takes them: one stride of a matrix is 1, the other, ld, at least the length of what it steps
 * over; transposed if the first one is 1. */
typedef struct {
    const reel_tensor *x, *y; /* the operands, or copies of them, which the open scope owns */
    int64_t m, n, k, ldx, ldy;
    bool transpose_x, transpose_y;
    int ndim; /* of the batch, outermost axis first; steps are in elements */
    int64_t dim[REEL_MAX_DIMS], x_step[REEL_MAX_DIMS], y_step[REEL_MAX_DIMS], z_step[REEL_MAX_DIMS];
} reel__product;

/* Of a call whose result has elements, and whose shapes were checked. */
reel_status reel__product_make(reel__product *p, const reel__call *c);

#endif
