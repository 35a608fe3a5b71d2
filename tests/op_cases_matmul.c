/* The case of the matrix product. */
#include "tests/op_cases.h"

static const op_shapes products[] = {
    {{S(3, 4), S(4, 5)}, {0}},
    {{S(1, 4), S(4, 1)}, {0}},
    {{S(3, 1), S(1, 5)}, {0}},
    {{S(1, 1), S(1, 1)}, {0}},
    {{S(0, 4), S(4, 3)}, {0}},
    {{S(3, 0), S(0, 2)}, {0}},
    {{S(3, 4), S(4, 0)}, {0}},
    {{S(2, 5), S(5, 1)}, {0}},
    {{S(40, 99), S(99, 31)}, {0}},
    {{S(1, 200), S(200, 150)}, {0}},
    {{S(150, 90), S(90, 1)}, {0}},
    /* vectors */
    {{S(4), S(4)}, {0}},
    {{S(1), S(1)}, {0}},
    {{S(0), S(0)}, {0}},
    {{S(3, 4), S(4)}, {0}},
    {{S(4), S(4, 3)}, {0}},
    {{S(2, 3, 4), S(4)}, {0}},
    {{S(4), S(2, 4, 3)}, {0}},
    {{S(0, 4), S(4)}, {0}},
    {{S(3, 0), S(0)}, {0}},
    {{S(130, 90), S(90)}, {0}},
    {{S(90), S(90, 130)}, {0}},
    {{S(5000), S(5000)}, {0}},
    /* batches: of both, of one, broadcast */
    {{S(2, 3, 4), S(2, 4, 5)}, {0}},
    {{S(2, 3, 4), S(4, 5)}, {0}},
    {{S(3, 4), S(2, 4, 5)}, {0}},
    {{S(2, 1, 4), S(2, 4, 3)}, {0}},
    {{S(2, 3, 4), S(2, 4, 1)}, {0}},
    {{S(2, 1, 4), S(4, 3)}, {0}},
    {{S(1, 3, 4), S(2, 4, 2)}, {0}},
    {{S(2, 3, 4), S(1, 4, 2)}, {0}},
    {{S(2, 1, 3, 4), S(3, 4, 2)}, {0}},
    {{S(2, 2, 3, 2), S(2, 2, 2, 3)}, {0}},
    {{S(3, 1, 2, 2), S(1, 2, 2, 3)}, {0}},
    {{S(1, 1, 3), S(1, 3, 1)}, {0}},
    {{S(0, 3, 4), S(4, 5)}, {0}},
    {{S(2, 3, 0), S(2, 0, 4)}, {0}},
    {{S(2, 0, 4), S(2, 4, 3)}, {0}},
    {{S(7, 20, 33), S(7, 33, 21)}, {0}},
    {{S(6, 40, 31), S(31, 30)}, {0}},
    {{S(2, 3, 30, 20), S(2, 1, 20, 31)}, {0}},
};
static const op_shapes products_bad[] = {
    {{S(40, 784), S(100, 784)}, {0}},
    {{S(3), S(4)}, {0}},
    {{S(3), S(4, 3)}, {0}},
    {{S(3, 4), S(3)}, {0}},
    {{S0, S(3)}, {0}},
    {{S(3, 4), S0}, {0}},
    {{S(2, 3, 4), S(3, 4, 5)}, {0}},
    {{S(2, 3, 4), S(2, 3, 4)}, {0}},
    {{S(2, 3, 4), S(5, 2, 3, 4)}, {0}},
};

static reel_tensor *run_matmul(reel_tensor **in, const int64_t *param, reel_dtype made) {
    (void)made, (void)param;
    return reel_matmul(in[0], in[1]);
}

/* Vectors are matrices of one row, or of one column, whose axis is taken away again. */
static array ref_matmul(const array *in, const int64_t *param) {
    array x = in[0], y = in[1];
    const bool row = x.shape.ndim == 1, column = y.shape.ndim == 1;
    int64_t at[REEL_MAX_DIMS] = {0};
    (void)param;
    if (row) x.shape = reel_shape(1, x.shape.dim[0]);
    if (column) y.shape = reel_shape(y.shape.dim[0], 1);
    reel_shape a = x.shape, b = y.shape, s;
    const int64_t m = a.dim[a.ndim - 2], k = a.dim[a.ndim - 1], n = b.dim[b.ndim - 1];
    a.ndim -= 2, b.ndim -= 2;
    if (!reel__broadcast(a, b, &s)) s = REEL_SCALAR;
    s.dim[s.ndim++] = m, s.dim[s.ndim++] = n;
    array z = array_new(s);
    for (int64_t i = 0; i < array_size(z); i++, array_next(s, at))
        for (int64_t p = 0; p < k; p++) {
            int64_t x_at[REEL_MAX_DIMS], y_at[REEL_MAX_DIMS];
            for (int d = 0; d < s.ndim; d++) x_at[d] = y_at[d] = at[d];
            x_at[s.ndim - 1] = y_at[s.ndim - 2] = p;
            z.v[i] += array_get(x, x_at, s.ndim) * array_get(y, y_at, s.ndim);
        }
    if (row) s.dim[s.ndim - 2] = n, s.ndim--;
    if (column) s.ndim--;
    z.shape = s;
    return z;
}
const op_case case_matmul = {.inputs = 2,
                             .run = run_matmul,
                             .reference = ref_matmul,
                             .shapes = products,
                             .shape_count = COUNT(products),
                             .bad = products_bad,
                             .bad_count = COUNT(products_bad),
                             .tolerance32 = 2e-5};
