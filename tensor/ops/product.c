/* Products of matrices as BLAS takes them, out of operands of any shape and strides. */
#include "tensor/ops.h"
#include "tensor/ops/nest_internal.h"

#include <limits.h>

/* Rows and columns by their strides. */
typedef struct {
    int64_t rows, columns, row_stride, column_stride;
} matrix;

/* The last two axes; of a vector, its only one and one of size 1. */
static matrix matrix_of(const reel_tensor *t, bool is_row) {
    const reel__layout *l = &t->layout;
    const int last = l->shape.ndim - 1;
    const int64_t length = l->shape.dim[last], stride = l->stride[last];
    if (last == 0) return is_row ? (matrix){1, length, 0, stride} : (matrix){length, 1, stride, 0};
    return (matrix){l->shape.dim[last - 1], length, l->stride[last - 1], stride};
}

/* False: BLAS does not take it, it must be copied first. */
static bool as_blas(const matrix *a, bool *transposed, int64_t *ld) {
    int64_t row = a->row_stride, column = a->column_stride;
    if (a->rows == 1) row = a->columns;
    if (a->columns == 1) column = column == 1 || row != 1 ? 1 : column;
    if (column == 1 && row >= a->columns && row <= INT_MAX) {
        *transposed = false;
        *ld = row;
        return true;
    }
    if (a->columns == 1) column = a->rows;
    if (a->rows == 1) row = 1;
    if (row == 1 && column >= a->rows && column <= INT_MAX) {
        *transposed = true;
        *ld = column;
        return true;
    }
    return false;
}

/* ---- the batch ---- */

/* The steps of t along the axes before its matrices, broadcast to the batch's. */
static void steps_of(const reel_tensor *t, reel_shape batch, int64_t step[REEL_MAX_DIMS]) {
    reel__layout l = t->layout;
    l.shape.ndim = l.shape.ndim > 2 ? l.shape.ndim - 2 : 0;
    reel__broadcast_strides(&l, batch, step);
}

static reel_shape batch_of(const reel__call *c) {
    reel_shape s = c->out[0]->layout.shape;
    s.ndim -= (c->in[0]->layout.shape.ndim > 1) + (c->in[1]->layout.shape.ndim > 1);
    return s;
}

static bool joins(const reel__product *p, int axis) {
    const int64_t n = p->dim[axis + 1];
    return p->x_step[axis] == n * p->x_step[axis + 1] && p->y_step[axis] == n * p->y_step[axis + 1];
}

static void drop_axis(reel__product *p, int axis) {
    p->ndim--;
    for (int i = axis; i < p->ndim; i++) {
        p->dim[i] = p->dim[i + 1];
        p->x_step[i] = p->x_step[i + 1];
        p->y_step[i] = p->y_step[i + 1];
        p->z_step[i] = p->z_step[i + 1];
    }
}

static void make_batch(reel__product *p, reel_shape batch) {
    int64_t step = p->m * p->n;
    p->ndim = batch.ndim;
    steps_of(p->x, batch, p->x_step);
    steps_of(p->y, batch, p->y_step);
    for (int i = batch.ndim - 1; i >= 0; i--) {
        p->dim[i] = batch.dim[i];
        p->z_step[i] = step;
        step *= batch.dim[i];
    }
    for (int i = p->ndim - 1; i >= 0; i--)
        if (p->dim[i] == 1) drop_axis(p, i);
    for (int i = p->ndim - 2; i >= 0; i--) {
        if (!joins(p, i)) continue;
        p->dim[i + 1] *= p->dim[i];
        drop_axis(p, i);
    }
}

/* All of x's matrices times the one of y: the rows of one matrix, if they step as its rows do. */
static void join_rows(reel__product *p, matrix *x) {
    const int last = p->ndim - 1;
    if (last < 0 || p->y_step[last] != 0 || p->x_step[last] == 0) return;
    if (x->rows == 1) x->row_stride = p->x_step[last];
    if (p->x_step[last] != x->rows * x->row_stride || p->dim[last] > INT_MAX / x->rows) return;
    x->rows *= p->dim[last];
    p->ndim--;
}

/* ---- the product ---- */

/* False if `wrong` must be copied first. */
static bool describe(reel__product *p, reel_shape batch, const reel_tensor ***wrong) {
    matrix x = matrix_of(p->x, true), y = matrix_of(p->y, false);
    p->m = x.rows;
    p->k = x.columns;
    p->n = y.columns;
    p->ndim = 0;
    if (batch.ndim) {
        make_batch(p, batch);
        join_rows(p, &x);
        p->m = x.rows;
    }
    *wrong = !as_blas(&x, &p->transpose_x, &p->ldx)   ? &p->x
             : !as_blas(&y, &p->transpose_y, &p->ldy) ? &p->y
                                                      : NULL;
    return !*wrong;
}

reel_status reel__product_make(reel__product *p, const reel__call *c) {
    const reel_shape batch = batch_of(c);
    const reel_tensor **wrong;
    p->x = c->in[0];
    p->y = c->in[1];
    while (!describe(p, batch, &wrong)) { /* a copy is not wrong */
        *wrong = reel_contiguous_at(c->at, wrong == &p->x ? c->in[0] : c->in[1]);
        if (!*wrong) return reel_error_status();
    }
    return REEL_OK;
}
