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

op_draw draw_pair; /* x[...] y[...], alike */

/* x[...]; param[0] axes as a mask, param[1] keepdim */
op_draw draw_reduced;
op_draw draw_spread;   /* the same, of 3 elements or more; param[2] a correction, 0 to 2 */
op_draw draw_extreme;  /* the same, of one element or more */
op_draw draw_power;    /* draw_extreme, and param[2] as of case_power_norm */
op_draw draw_position; /* the same, along one axis or all */

op_draw draw_axis;     /* x[...]; param[0] an axis, from either end */
op_draw draw_product;  /* x[M,K] y[K,N] */
op_draw draw_products; /* x[...,M,K] y[...,K,N], whose first axes broadcast; vectors, too */

/* The last input indexes along param[0]; below param[3]. */
op_draw draw_selected; /* x[...] index[B] */
op_draw draw_rows;     /* the same along axis 0 */
/* x[...] index[as x along the axis]; param[1] the size of the result there */
op_draw draw_added;
op_draw draw_gathered;  /* x[...] index[as x, but for the axis] */
op_draw draw_scattered; /* x[...] index[as x]; param[1] the size of the result along the axis */
op_draw draw_classes;   /* index[...]; param[0] classes, more than it holds */

op_draw draw_attention; /* (parity_attention.c) */

op_draw draw_standardize, draw_standardize_grad; /* (parity_norm.c) */

op_draw draw_conv, draw_conv_input_grad, draw_conv_weight_grad; /* (parity_conv.c) */

op_draw draw_best;   /* x[...]; param: axis, k, largest */
op_draw draw_sorted; /* x[...]; param: axis, descending */

op_draw draw_joined;   /* x[...] y[...] z[...], alike but for axis param[0] */
op_draw draw_stacked;  /* the same, alike; param[0] an axis of the result */
op_draw draw_triangle; /* x[...,M,N]; param[0] a diagonal */

op_draw draw_slice;    /* x[...]; param: axis, start, stop, step */
op_draw draw_put;      /* the same, into 9 entries, all of them inside */
op_draw draw_reshaped; /* x[...]; param: a shape of three axes, one now and then -1 */
op_draw draw_permuted; /* x of three axes; param: their order */
op_draw draw_expanded; /* x of up to three axes; param: a shape of three that it broadcasts to */
op_draw draw_made;     /* nothing; param: a shape of two axes */
op_draw draw_counted;  /* nothing; param[0] a length, up to 200 */

#endif
