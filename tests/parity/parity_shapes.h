/* Random shapes and constants of a case. Shapes have up to 5 axes, now and then of size 1 or 0, and
 * few elements, now and then some thousands. What the constants mean stands at the cases that take
 * them, tests/op_cases_*.c. */
#ifndef REEL_TESTS_PARITY_SHAPES_H
#define REEL_TESTS_PARITY_SHAPES_H

#include "tests/op_cases.h"
#include "tests/parity/parity_dice.h"

typedef void op_draw(dice *d, op_shapes *s);

reel_shape draw_shape(dice *d, int least_axes, int most_axes);
/* `inputs` shapes that broadcast to one. */
void draw_broadcast(dice *d, int inputs, op_shapes *s);

op_draw draw_pair;    /* x[...] y[...], alike */
op_draw draw_reduced; /* x[...]; param[0] axes as a mask, param[1] keepdim */
op_draw draw_axis;    /* x[...]; param[0] an axis, from either end */
op_draw draw_product; /* x[M,K] y[K,N] */

/* The last input indexes along param[0]; below param[3]. */
op_draw draw_selected; /* x[...] index[B] */
op_draw draw_rows;     /* the same along axis 0 */
/* x[...] index[as x along the axis]; param[1] the size of the result there */
op_draw draw_added;
op_draw draw_gathered;  /* x[...] index[as x, but for the axis] */
op_draw draw_scattered; /* x[...] index[as x]; param[1] the size of the result along the axis */

op_draw draw_best;     /* x[...]; param: axis, k, largest */
op_draw draw_slice;    /* x[...]; param: axis, start, stop, step */
op_draw draw_put;      /* the same, into 9 entries, all of them inside */
op_draw draw_reshaped; /* x[...]; param: a shape of three axes, one now and then -1 */
op_draw draw_permuted; /* x of three axes; param: their order */
op_draw draw_expanded; /* x of up to three axes; param: a shape of three that it broadcasts to */
op_draw draw_made;     /* nothing; param: a shape of two axes */
op_draw draw_counted;  /* nothing; param[0] a length, up to 200 */

#endif
