/* The shapes on which elementwise cases are run. */
#ifndef REEL_TESTS_OP_SHAPES_H
#define REEL_TESTS_OP_SHAPES_H

#include "tests/op_cases.h"

static const op_shapes one[] = {
    {{S(3, 4)}, {0}},   {{S(5)}, {0}},       {{S0}, {0}},         {{S(0, 3)}, {0}},
    {{S(1, 1)}, {0}},   {{S(2, 3, 4)}, {0}}, {{S(1, 5, 1)}, {0}}, {{S(2, 1, 3, 2)}, {0}},
    {{S(33, 67)}, {0}}, {{S(17001)}, {0}},
};
static const op_shapes two[] = {
    {{S(3, 4), S(3, 4)}, {0}}, {{S(3, 4), S(4)}, {0}},       {{S(3, 1), S(1, 4)}, {0}},
    {{S0, S(2, 3)}, {0}},      {{S(2, 3), S0}, {0}},         {{S(0, 4), S(1, 4)}, {0}},
    {{S(1), S(1)}, {0}},       {{S(2, 3, 4), S(3, 1)}, {0}}, {{S(2, 1, 4), S(1, 3, 1)}, {0}},
    {{S(40, 100), S(1)}, {0}}, {{S(17001), S(17001)}, {0}},  {{S(300, 70), S(300, 1)}, {0}},
};
static const op_shapes two_bad[] = {
    {{S(3, 4), S(3)}, {0}}, {{S(2), S(3)}, {0}}, {{S(0), S(2)}, {0}}, {{S(2, 3, 4), S(2, 4)}, {0}}};
static const op_shapes three[] = {
    {{S(3, 4), S(3, 4), S(3, 4)}, {0}}, {{S(3, 1), S(4), S0}, {0}},
    {{S0, S(3, 4), S(3, 4)}, {0}},      {{S(0), S(0), S(0)}, {0}},
    {{S(1, 4), S(3, 1), S(3, 4)}, {0}}, {{S(17001), S(17001), S(17001)}, {0}},
};
static const op_shapes three_bad[] = {{{S(3), S(3), S(4)}, {0}},
                                      {{S(3, 4), S(5, 4), S(3, 4)}, {0}}};

#define UNARY .inputs = 1, .shapes = one, .shape_count = COUNT(one)
#define BINARY                                                                                     \
    .inputs = 2, .shapes = two, .shape_count = COUNT(two), .bad = two_bad,                         \
    .bad_count = COUNT(two_bad)
/* A case of an elementwise row on one line: what is called, of in[0], in[1], in[2], and its value
 * of x, y, z; then UNARY, BINARY or TERNARY, and what else the case says. */
#define MAP_CASE(name, call, value, ...)                                                           \
    static reel_tensor *run_##name(reel_tensor **in, const int64_t *param, reel_dtype made) {      \
        (void)param, (void)made;                                                                   \
        return call;                                                                               \
    }                                                                                              \
    static double f_##name(double x, double y, double z) {                                         \
        (void)x, (void)y, (void)z;                                                                 \
        return value;                                                                              \
    }                                                                                              \
    const op_case case_##name = {.run = run_##name, .formula = f_##name, __VA_ARGS__};

#define TERNARY                                                                                    \
    .inputs = 3, .shapes = three, .shape_count = COUNT(three), .bad = three_bad,                   \
    .bad_count = COUNT(three_bad)

#endif
