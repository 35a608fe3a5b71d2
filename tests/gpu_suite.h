/* The parts of the suite test_cuda. Each adds its cases, which run on the GPU that test_device
 * names; main sees to it that it is one. */
#ifndef REEL_TESTS_GPU_SUITE_H
#define REEL_TESTS_GPU_SUITE_H

#include "tests/expect.h"

#include "cuda/cuda.h"

void add_queue_cases(Suite *s);
void add_training_cases(Suite *s);
void add_random_cases(Suite *s);
void add_large_cases(Suite *s);
void add_conv_cases(Suite *s);
void add_product_cases(Suite *s);
void add_profile_cases(Suite *s);
void add_resident_cases(Suite *s);

/* Whether two tensors of one shape, on any devices, have the same bytes. */
static inline bool same_bits(reel_tensor *a, reel_tensor *b) {
    const size_t bytes = (size_t)reel_numel(a) * reel_dtype_size(reel_dtype_of(a));
    char *x = malloc(bytes + 1), *y = malloc(bytes + 1);
    ck_assert(x && y && reel_shape_equal(reel_shape_of(a), reel_shape_of(b)));
    ck_assert_msg(reel_read(a, x, bytes) == REEL_OK && reel_read(b, y, bytes) == REEL_OK, "%s",
                  reel_error());
    const bool same = memcmp(x, y, bytes) == 0;
    free(x);
    free(y);
    return same;
}

#endif
