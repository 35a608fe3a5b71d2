/* One random case of a function of tensors: what goes in, what comes out, and the gradients. */
#ifndef REEL_TESTS_PARITY_CASE_H
#define REEL_TESTS_PARITY_CASE_H

#include "tests/op_cases.h"
#include "tests/parity/parity_inputs.h"
#include "tests/parity/parity_shapes.h"

typedef struct {
    const char *family, *name;
    const op_case *c;
    op_draw *draw; /* NULL: shapes that broadcast if the case has a formula, else one of its own */
    bool floats_only;   /* though the dtypes are more */
    bool probabilities; /* inputs that the case has from within 0..1 stay there: PyTorch refuses
                           others */
    reel_tensor *(*second)(reel_tensor **in, const int64_t *param); /* result, where there is one */
    reel__dtypes dtypes;
    bool differentiable;
} parity_subject;

/* Says that the function will be compared, and records its cases. Of each, if it is differentiable
 * and its inputs are floats:
 *   in<i>      inputs, of any layout ("layout<i>" says which)
 *   out        the result; out1 the second one, if there is one
 *   weight     what the gradient begins with, of out's shape
 *   grad<k>    d sum(weight out) / d the k-th input that is of floats
 *   weight<k>, second<k>, second_weight   for some of the cases in f64, the gradients of
 *              sum over k of weight<k> grad<k> with respect to these inputs and to weight
 * A gradient that there is none of is left out. */
void parity_cases(record *r, const parity_subject *s);

#endif
