/* The case of the matrix product. */
#include "tests/op_cases.h"

static const op_shapes products[] = {
    {{S(3, 4), S(4, 5)}, {0}},       {{S(1, 4), S(4, 1)}, {0}},     {{S(3, 1), S(1, 5)}, {0}},
    {{S(1, 1), S(1, 1)}, {0}},       {{S(0, 4), S(4, 3)}, {0}},     {{S(3, 0), S(0, 2)}, {0}},
    {{S(3, 4), S(4, 0)}, {0}},       {{S(2, 5), S(5, 1)}, {0}},     {{S(40, 99), S(99, 31)}, {0}},
    {{S(1, 200), S(200, 150)}, {0}}, {{S(150, 90), S(90, 1)}, {0}},
};
static const op_shapes products_bad[] = {{{S(40, 784), S(100, 784)}, {0}},
                                         {{S(3), S(3, 4)}, {0}},
                                         {{S(3, 4), S(4)}, {0}},
                                         {{S(2, 3, 4), S(4, 5)}, {0}}};

static reel_tensor *run_matmul(reel_tensor **in, const int64_t *param, reel_dtype made) {
    (void)made, (void)param;
    return reel_matmul(in[0], in[1]);
}

static array ref_matmul(const array *in, const int64_t *param) {
    (void)param;
    int64_t m = in[0].shape.dim[0], k = in[0].shape.dim[1], n = in[1].shape.dim[1];
    array z = array_new(reel_shape(m, n));
    for (int64_t i = 0; i < m; i++)
        for (int64_t j = 0; j < n; j++)
            for (int64_t p = 0; p < k; p++)
                z.v[i * n + j] += in[0].v[i * k + p] * in[1].v[p * n + j];
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
