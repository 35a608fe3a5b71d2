/* Test cases of the op table: one `case_<op>` for each row of tensor/ops/ops.def. A row without one
 * does not link, but for fused gradients.
 *
 * From a case the suite makes: values against a naive f64 reference in every dtype the op takes and
 * over every layout (contiguous, permuted, strided with an offset, expanded), gradients against
 * finite differences over the same layouts, shapes that must be refused, dtypes that must be
 * refused, and NULL. */
#ifndef REEL_TESTS_OP_CASES_H
#define REEL_TESTS_OP_CASES_H

#include "tensor/ops/ops_internal.h"
#include "tests/test_device.h"

/* A dense row-major array in f64: what references work on. */
typedef struct {
    reel_shape shape;
    double *v;
} array;

array array_new(reel_shape shape); /* zeros; freed by array_free */
void array_free(array a);
int64_t array_size(array a);
/* The element at position `at` of an array broadcast to the shape `at` indexes. */
double array_get(array a, const int64_t *at, int ndim);
/* Steps `at` through `shape` in row-major order; false after the last. */
bool array_next(reel_shape shape, int64_t *at);

/* [outer, n, inner] around an axis. */
void around(reel_shape s, int64_t axis, int64_t *outer, int64_t *n, int64_t *inner);
/* Zeros of a shape whose axis has n entries instead. */
array with_axis(reel_shape s, int64_t axis, int64_t n);

#define CASE_INPUTS 5
#define CASE_PARAMS 4

typedef struct {
    reel_shape in[CASE_INPUTS];
    int64_t param[CASE_PARAMS];
} op_shapes;

typedef struct op_case {
    /* Calls the op; `made` says which dtype results without inputs shall have. */
    reel_tensor *(*run)(reel_tensor **in, const int64_t *param, reel_dtype made);
    /* What run should give: from a formula, or from arrays. */
    double (*formula)(double x, double y, double z);
    array (*reference)(const array *in, const int64_t *param);
    int inputs;
    double low[CASE_INPUTS], high[CASE_INPUTS]; /* inputs are uniform in these; 0, 0: -2..2 */
    double kink;                                /* values closer to 0 than this are moved away */
    bool indexed;                               /* the last input holds indices, below param[3] */
    bool masked;                                /* the first input is a u8 of truth values */
    bool floats_only;                           /* f32 and f64, though the row does not say so */
    bool no_layouts;    /* inputs must be contiguous: fused updates of whole tensors */
    double tolerance32; /* relative, of f32; 0: 4e-6 */
    const op_shapes *shapes;
    int shape_count;
    const op_shapes *bad;
    int bad_count;
} op_case;

/* Of input i, where the op runs in `dtype`. */
static inline reel_dtype case_dtype(const op_case *c, int i, reel_dtype dtype) {
    if (c->indexed && i == c->inputs - 1) return REEL_I64;
    return c->masked && i == 0 ? REEL_U8 : dtype;
}

#define COUNT(list) ((int)(sizeof(list) / sizeof((list)[0])))
#define S(...)                                                                                     \
    {                                                                                              \
        REEL__COUNT(__VA_ARGS__, 8, 7, 6, 5, 4, 3, 2, 1, 0), {                                     \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }
#define S0                                                                                         \
    {                                                                                              \
        0, {                                                                                       \
            0                                                                                      \
        }                                                                                          \
    }

/* By op; NULL: a fused gradient without a case of its own, which its op's gradients show. */
extern const op_case *const op_cases[REEL_OP_COUNT];

#endif
