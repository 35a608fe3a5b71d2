/* Random numbers on a GPU: the CPU's bits, and cuRAND's. */
#include "tests/curand_reference.h"
#include "tests/gpu_suite.h"

#include "tensor/random.h"

typedef struct {
    bool normal;
    reel_dtype dtype;
    double a, b; /* low and high, or mean and std */
} draws;

static reel_tensor *draw(const draws *d, int64_t n, reel_generator *g, reel_device device) {
    reel_tensor *t = reel_empty(reel_shape(n), d->dtype, device);
    return d->normal ? reel_normal_(t, g, d->a, d->b) : reel_uniform_(t, g, d->a, d->b);
}

/* One draw after the other: the offset moves on alike. */
START_TEST(a_seed_gives_the_cpus_bits) {
    const draws d = {_i & 1, _i & 2 ? REEL_F64 : REEL_F32, _i & 4 ? -3 : 0, _i & 4 ? 5.5 : 1};
    const int64_t sizes[] = {1, 3, 4, 1000003, 5, 1000003, 2};
    const uint64_t seed = 0xfedcba9876543210;
    reel_generator *here = reel_generator_new(seed, reel_cpu());
    reel_generator *there = reel_generator_new(seed, test_device());
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        REEL_SCOPE;
        char what[100];
        snprintf(what, sizeof what, "%s %s(%g, %g), draw %zu of %lld numbers",
                 reel_dtype_name(d.dtype), d.normal ? "normal" : "uniform", d.a, d.b, k,
                 (long long)sizes[k]);
        reel_tensor *x = draw(&d, sizes[k], here, reel_cpu());
        reel_tensor *y = draw(&d, sizes[k], there, test_device());
        expect_fine();
        ck_assert_msg(same_bits(x, y), "%s", what);
        ck_assert_msg(same_bits(reel_generator_state(here), reel_generator_state(there)), "%s",
                      what);
    }
    reel_generator_free(here);
    reel_generator_free(there);
}
END_TEST

/* From the same place in the stream, on either side of a counter's 32 bits. */
START_TEST(words_and_uniforms_are_curands) {
    enum { BLOCKS = 4099 };
    static const struct {
        uint64_t seed, block;
    } from[] = {{0, 0}, {42, 1}, {UINT64_MAX, 12345}, {0xfedcba9876543210, 0xffffff00}};
    static uint32_t words[BLOCKS][4];
    static float theirs[4 * BLOCKS], ours[4 * BLOCKS];
    const uint64_t seed = from[_i].seed;
    ck_assert_msg(curand_reference(seed, from[_i].block, BLOCKS, words[0], theirs),
                  "cuRAND failed");
    for (uint64_t i = 0; i < BLOCKS; i++) {
        const uint64_t block = from[_i].block + i;
        const uint32_t counter[4] = {(uint32_t)block, (uint32_t)(block >> 32), 0, 0};
        const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
        uint32_t expected[4];
        reel_philox(counter, key, expected);
        ck_assert_mem_eq(words[i], expected, sizeof expected);
    }
    reel_generator *g = reel_generator_new(seed, test_device());
    const int64_t state[2] = {(int64_t)seed, (int64_t)from[_i].block};
    reel_write(reel_generator_state(g), state, sizeof state);
    {
        REEL_SCOPE;
        reel_read(reel_rand(reel_shape(4 * BLOCKS), REEL_F32, g), ours, sizeof ours);
    }
    expect_fine();
    ck_assert_mem_eq(ours, theirs, sizeof ours);
    reel_generator_free(g);
}
END_TEST

/* ---- all others ---- */

enum { KINDS = 14 };

static reel_tensor *weights(reel_shape shape, reel_dtype dtype, reel_device device) {
    int64_t n = 1;
    for (int i = 0; i < shape.ndim; i++) n *= shape.dim[i];
    reel_tensor *w = reel_linspace(0, 3, n, dtype, reel_cpu()); /* 0 is never drawn */
    return reel_to(reel_reshape(w, shape), device);
}

static reel_tensor *any_draw(int kind, int64_t n, reel_generator *g, reel_device device) {
    switch (kind) {
    case 0:
        return reel_randint(-7, 1000, reel_shape(n), REEL_I64, g);
    case 1:
        return reel_randint(INT64_MIN, INT64_MAX, reel_shape(n), REEL_I64, g);
    case 2:
        return reel_randperm(n, g);
    case 3:
        return reel_bernoulli_(reel_empty(reel_shape(n), REEL_U8, device), g, 0.3);
    case 4:
        return reel_bernoulli_(reel_empty(reel_shape(n), REEL_F32, device), g, 0.3);
    case 5:
        return reel_bernoulli_(reel_empty(reel_shape(n), REEL_I64, device), g, 0.3);
    case 6:
        return reel_bernoulli(reel_linspace(0, 1, n, REEL_F32, device), g);
    case 7:
        return reel_bernoulli(reel_linspace(0, 1, n, REEL_F64, device), g);
    case 8:
        return reel_multinomial(weights(reel_shape(n + 1), REEL_F32, device), 1001, true, g);
    case 9:
        return reel_multinomial(weights(reel_shape(3, n + 1), REEL_F64, device), 77, true, g);
    case 10:
        return reel_multinomial(weights(reel_shape(n + 1), REEL_F32, device), n, false, g);
    case 11:
        return reel_multinomial(weights(reel_shape(3, n + 1), REEL_F64, device), (n + 1) / 2, false,
                                g);
    case 12:
        return reel_linspace(-0.1, 0.7, n, REEL_F64, device);
    default:
        return reel_arange_from(0.1, 0.1 + 0.3 * (double)n, 0.3, REEL_F64, device);
    }
}

START_TEST(other_draws_have_the_cpus_bits) {
    const int64_t sizes[] = {1, 2, 3, 5, 255, 256, 257, 70001, 4};
    reel_generator *here = reel_generator_new(11, reel_cpu());
    reel_generator *there = reel_generator_new(11, test_device());
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        REEL_SCOPE;
        reel_tensor *x = any_draw(_i, sizes[k], here, reel_cpu());
        reel_tensor *y = any_draw(_i, sizes[k], there, test_device());
        expect_fine();
        ck_assert_msg(same_bits(x, y), "kind %d, %lld numbers", _i, (long long)sizes[k]);
        ck_assert_msg(same_bits(reel_generator_state(here), reel_generator_state(there)),
                      "the state after kind %d, %lld numbers", _i, (long long)sizes[k]);
    }
    reel_generator_free(here);
    reel_generator_free(there);
}
END_TEST

void add_random_cases(Suite *s) {
    TCase *c = add_case(s, "random");
    tcase_add_loop_test(c, a_seed_gives_the_cpus_bits, 0, 8);
    tcase_add_loop_test(c, other_draws_have_the_cpus_bits, 0, KINDS);
    if (curand_is_here())
        tcase_add_loop_test(c, words_and_uniforms_are_curands, 0, 4);
    else
        printf("skipped: cuRAND is not in this build\n");
}
