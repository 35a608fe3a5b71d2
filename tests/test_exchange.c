/* What must be the same wherever Reel runs, whichever compiler made it: the bits of random numbers,
 * the bytes of files, so that a run may go on on another machine, and the pixels of pictures. Each
 * is compared with a digest that all builds share. */
#include "nn/nn.h"
#include "tests/expect.h"
#include "tests/png_read.h"

#include "io/io.h"
#include "optim/optim.h"

#include <stdlib.h>

/* FNV-1a, 64 bits. */
static uint64_t digest(uint64_t so_far, const void *bytes, size_t n) {
    const unsigned char *b = bytes;
    for (size_t i = 0; i < n; i++) so_far = (so_far ^ b[i]) * 0x100000001b3u;
    return so_far;
}
#define EMPTY 0xcbf29ce484222325u

static uint64_t digest_of(reel_tensor *t) {
    expect_fine();
    const size_t n = (size_t)reel_numel(t) * reel_dtype_size(reel_dtype_of(t));
    void *bytes = malloc(n);
    ck_assert_ptr_nonnull(bytes);
    ck_assert_int_eq(reel_read(t, bytes, n), REEL_OK);
    const uint64_t d = digest(EMPTY, bytes, n);
    free(bytes);
    return d;
}

static uint64_t digest_of_file(const char *path) {
    void *bytes;
    size_t n;
    ck_assert_int_eq(reel_file_read(path, &bytes, &n), REEL_OK);
    const uint64_t d = digest(EMPTY, bytes, n);
    free(bytes);
    return d;
}

/* Of what it shows: how zlib packs pixels is its version's affair. */
static uint64_t digest_of_picture(const char *path) {
    const png_picture p = png_read(path);
    const int what[] = {p.width, p.height, p.channels};
    uint64_t d = EMPTY;
    for (int i = 0; i < 3; i++) d = (d ^ (uint64_t)what[i]) * 0x100000001b3u;
    d = digest(d, p.pixels, (size_t)(p.width * p.height * p.channels));
    free(p.pixels);
    return d;
}

static void expect_digest(const char *what, uint64_t got, uint64_t want) {
    ck_assert_msg(got == want, "%s: 0x%016llx, not 0x%016llx", what, (unsigned long long)got,
                  (unsigned long long)want);
}

/* ---- random numbers ---- */

#define MANY 10007 /* odd: blocks and vectors have ends */

static reel_tensor *zeros(reel_dtype dtype) {
    return reel_zeros(reel_shape(101, 99), dtype, reel_cpu());
}

/* clang-format off */
static reel_tensor *uniform32(reel_generator *g) { return reel_rand(reel_shape(MANY), REEL_F32, g); }
static reel_tensor *uniform64(reel_generator *g) { return reel_rand(reel_shape(MANY), REEL_F64, g); }
static reel_tensor *between(reel_generator *g) { return reel_uniform_(zeros(REEL_F32), g, -0.3, 1.7); }
static reel_tensor *normal32(reel_generator *g) { return reel_randn(reel_shape(MANY), REEL_F32, g); }
static reel_tensor *normal64(reel_generator *g) { return reel_randn(reel_shape(MANY), REEL_F64, g); }
static reel_tensor *scaled_normal(reel_generator *g) { return reel_normal_(zeros(REEL_F32), g, 0.1, 0.02); }
static reel_tensor *integers(reel_generator *g) { return reel_randint(-7, 1000003, reel_shape(MANY), REEL_I64, g); }
static reel_tensor *bytes(reel_generator *g) { return reel_randint(0, 256, reel_shape(MANY), REEL_U8, g); }
static reel_tensor *permutation(reel_generator *g) { return reel_randperm(MANY, g); }
static reel_tensor *coins(reel_generator *g) { return reel_bernoulli_(zeros(REEL_F32), g, 0.3); }
static reel_tensor *xavier(reel_generator *g) { return reel_xavier_uniform_(zeros(REEL_F32), g, 1); }
static reel_tensor *kaiming(reel_generator *g) { return reel_kaiming_normal_(zeros(REEL_F32), g, 1); }
static reel_tensor *truncated(reel_generator *g) { return reel_trunc_normal_(zeros(REEL_F64), g, 0, 1, -2, 2); }
/* clang-format on */

static reel_tensor *weights(void) {
    static float w[1000];
    for (int i = 0; i < 1000; i++) w[i] = (float)(i * 7919 % 1000) / 1024;
    return reel_from(w, reel_shape(1000), REEL_F32);
}

static reel_tensor *drawn_by_weight(reel_generator *g) {
    return reel_multinomial(weights(), 5000, true, g);
}

static reel_tensor *drawn_without_replacement(reel_generator *g) {
    return reel_multinomial(weights(), 500, false, g);
}

#define ROW(name, want)                                                                            \
    { #name, name, want }
static const struct {
    const char *name;
    reel_tensor *(*draw)(reel_generator *g);
    uint64_t want;
} draws[] = {
    ROW(uniform32, 0x66853f8131d64804),
    ROW(uniform64, 0xcb487c3fa6625d0c),
    ROW(between, 0x76886be43b6cf11c),
    ROW(normal32, 0xcd8bb5833703ad70),
    ROW(normal64, 0xc3deada4a610d5c3),
    ROW(scaled_normal, 0xcee747b0ff3cc5c9),
    ROW(integers, 0xf6aa27423e07b52b),
    ROW(bytes, 0xbaa4a8b875011141),
    ROW(permutation, 0x052e82d1854913a3),
    ROW(coins, 0x3102b8bebffe5188),
    ROW(xavier, 0xe4334c4af6c118e5),
    ROW(kaiming, 0x25de4e0fff576a5e),
    ROW(truncated, 0x77de53bee47f01e8),
    ROW(drawn_by_weight, 0x4b2de6093582a2aa),
    ROW(drawn_without_replacement, 0x8b8a9acffa3677b7),
};

START_TEST(draws_have_the_same_bits) {
    REEL_SCOPE;
    reel_generator *g = reel_generator_new(20260704, reel_cpu());
    const uint64_t got = digest_of(draws[_i].draw(g));
    reel_generator_free(g);
    expect_digest(draws[_i].name, got, draws[_i].want);
}
END_TEST

START_TEST(digits_have_the_same_pixels) {
    REEL_SCOPE;
    reel_tensor *images, *labels;
    ck_assert_int_eq(reel_digits_draw(300, 5, &images, &labels), REEL_OK);
    expect_digest("digits", digest_of(images), 0x8327766518fdb5e0);
}
END_TEST

/* ---- files ---- */

static reel_tensor *picture(void) {
    static uint8_t pixels[3 * 40 * 30];
    for (int i = 0; i < 3 * 40 * 30; i++) pixels[i] = (uint8_t)(i * i / 7 + i);
    return reel_from(pixels, reel_shape(3, 40, 30), REEL_U8);
}

static void write_png(const char *path) {
    reel_png_write(path, reel_select(picture(), 0, 0));
}

static void write_grid(const char *path) {
    reel_grid_write(path, picture(), (reel_grid_options){.columns = 2, .title = "Three of them"});
}

static void write_history(const char *path) {
    reel_history *h = reel_history_new((const char *const[]){"step", "loss"}, 2);
    for (int i = 1; i < 100; i++) reel_history_add(h, (const double[]){i, 1.0 / i});
    reel_history_write(h, path);
    reel_history_free(h);
}

/* A model as it begins, its optimizer, and a generator. */
static void write_checkpoint(const char *path) {
    reel_generator *g = reel_generator_new(3, reel_cpu());
    reel_module *m = reel_linear_new(50, 30, (reel_linear_options){.generator = g});
    reel_state *params = reel_module_params(m), *s = reel_state_new();
    reel_optim *adam = reel_adam_new(params, (reel_adam_options){.lr = 1e-3});
    reel_module_save(m, s, "model");
    reel_optim_save(adam, s, "adam");
    reel_state_put(s, "generator", reel_generator_state(g));
    reel_state_put_double(s, "third", 1.0 / 3);
    reel_state_put_int(s, "epoch", 7);
    reel_checkpoint_write(s, path, 1);
    reel_state_free(s);
    reel_optim_free(adam);
    reel_state_free(params);
    reel_module_free(m);
    reel_generator_free(g);
}

typedef struct {
    const char *name;
    void (*write)(const char *path);
    uint64_t want;
} file_row;
static const file_row picture_rows[] = {{"png", write_png, 0xc4f2c7be46ef3f15},
                                        {"grid", write_grid, 0x277ee721e6f77d01}};
static const file_row file_rows[] = {
    {"history", write_history, 0x99056a7562232aa3},
    {"checkpoint", write_checkpoint, 0xca31554c11bb0efd},
};

START_TEST(files_have_the_same_bytes) {
    REEL_SCOPE;
    const char *path = in_dir("file");
    file_rows[_i].write(path);
    expect_fine();
    expect_digest(file_rows[_i].name, digest_of_file(path), file_rows[_i].want);
}
END_TEST

START_TEST(pictures_have_the_same_pixels) {
    REEL_SCOPE;
    const char *path = in_dir("file");
    picture_rows[_i].write(path);
    expect_fine();
    expect_digest(picture_rows[_i].name, digest_of_picture(path), picture_rows[_i].want);
}
END_TEST

#define COUNT(list) ((int)(sizeof(list) / sizeof *(list)))

int main(void) {
    Suite *s = suite_create("exchange");
    TCase *t = add_cpu_case(s, "draws");
    tcase_add_loop_test(t, draws_have_the_same_bits, 0, COUNT(draws));
    tcase_add_test(t, digits_have_the_same_pixels);
    t = add_dir_case(s, "files");
    tcase_add_loop_test(t, pictures_have_the_same_pixels, 0, COUNT(picture_rows));
    tcase_add_loop_test(t, files_have_the_same_bytes, 0, COUNT(file_rows));
    return run_suite(s);
}
