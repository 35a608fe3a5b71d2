/* Cases of dropout: param[0] is the percentage that is dropped, by a generator of seed 7. */
#include "tests/op_cases.h"

#include "tensor/random.h"

static const op_shapes shapes[] = {{{S(3, 5)}, {25}},   {{S(7)}, {50}},      {{S(0, 3)}, {50}},
                                   {{S0}, {10}},        {{S(4, 3, 2)}, {0}}, {{S(40, 33)}, {90}},
                                   {{S(300, 21)}, {30}}};
static const op_shapes bad[] = {{{S(3)}, {-1}}};

static double share(const int64_t *param) {
    return (double)param[0] / 100;
}

static reel_tensor *run_dropout(reel_tensor **in, const int64_t *param, reel_dtype made) {
    (void)made;
    reel_generator *g = reel_generator_new(7, test_device());
    reel_tensor *state = param[0] < 0 ? in[0] : reel_generator_state(g); /* no state */
    reel_tensor *y = reel__dropout(REEL_HERE, in[0], state, share(param));
    reel_generator_free(g);
    return y;
}

static reel_tensor *run_dropout_again(reel_tensor **in, const int64_t *param, reel_dtype made) {
    (void)made;
    reel_tensor *used =
        reel_to(reel_from(((int64_t[]){7, 0}), reel_shape(2), REEL_I64), test_device());
    return reel__dropout_again(REEL_HERE, in[0], param[0] < 0 ? in[0] : used, share(param));
}

static array dropped(const array *in, const int64_t *param) {
    array y = array_new(in[0].shape);
    const uint32_t key[2] = {7, 0};
    for (int64_t i = 0; i < array_size(y); i++) {
        uint32_t word[4];
        reel_philox((uint32_t[]){(uint32_t)(i / 4), 0, 0, 0}, key, word);
        if ((double)word[i % 4] >= share(param) * 4294967296.0)
            y.v[i] = in[0].v[i] / (1 - share(param));
    }
    return y;
}

#define DROPOUT(name)                                                                              \
    .inputs = 1, .run = run_##name, .reference = dropped, .shapes = shapes,                        \
    .shape_count = COUNT(shapes), .bad = bad, .bad_count = COUNT(bad)
const op_case case_dropout = {DROPOUT(dropout)};
const op_case case_dropout_again = {DROPOUT(dropout_again)};
