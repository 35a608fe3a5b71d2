/* IDX files, MNIST made of them, and the digits drawn in its stead. */
#include "tests/temp_dir.h"

#include <unistd.h>

/* ---- IDX ---- */

/* Two images of 2x3 pixels. */
static const uint8_t small[] = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0,   2,  0,  0,
                                0, 3, 1, 2, 3, 4, 5, 6, 7, 8, 255, 10, 11, 12};

static void expect_small(const char *path) {
    REEL_SCOPE;
    reel_tensor *t = reel_idx_read(path);
    expect_fine();
    ck_assert(reel_shape_equal(reel_shape_of(t), reel_shape(2, 2, 3)));
    ck_assert_int_eq(reel_dtype_of(t), REEL_U8);
    ck_assert_mem_eq(reel_data(t), small + 16, 12);
}

START_TEST(idx_plain_and_gzipped) {
    put(in_dir("a"), small, sizeof small);
    expect_small(in_dir("a"));
    put_gz(in_dir("a.gz"), small, sizeof small);
    expect_small(in_dir("a.gz"));
    put_gz(in_dir("b"), small, sizeof small); /* the bytes say what it is, not the name */
    expect_small(in_dir("b"));
    ck_assert_uint_eq(reel_tensors_alive(), 0);
}
END_TEST

START_TEST(idx_empty_axis) {
    static const uint8_t none[] = {0, 0, 8, 2, 0, 0, 0, 0, 0, 0, 0, 5};
    put(in_dir("a"), none, sizeof none);
    REEL_SCOPE;
    reel_tensor *t = reel_idx_read(in_dir("a"));
    expect_fine();
    ck_assert(reel_shape_equal(reel_shape_of(t), reel_shape(0, 5)));
}
END_TEST

/* More than one read and one growth of the buffer. */
START_TEST(idx_large) {
    const size_t n = 3 << 20;
    uint8_t *bytes = malloc(n + 8);
    const uint8_t header[] = {0, 0, 8, 1, 0, 0x30, 0, 0};
    memcpy(bytes, header, sizeof header);
    for (size_t i = 0; i < n; i++) bytes[8 + i] = (uint8_t)(i * 2654435761U >> 24);
    put_gz(in_dir("a.gz"), bytes, n + 8);
    {
        REEL_SCOPE;
        reel_tensor *t = reel_idx_read(in_dir("a.gz"));
        expect_fine();
        ck_assert_int_eq(reel_numel(t), (int64_t)n);
        ck_assert_mem_eq(reel_data(t), bytes + 8, n);
    }
    free(bytes);
}
END_TEST

static const struct {
    uint8_t bytes[40];
    size_t n;
    const char *word;
} bad_idx[] = {
    {{0}, 0, "empty"},
    {{0, 0, 8}, 3, "within its header"},
    {{0, 0, 8, 3, 0, 0, 0, 2}, 8, "within its header"},
    {{'<', 'h', 't', 'm', 'l', '>'}, 6, "3c 68 74 6d"},
    {{'P', 'K', 3, 4, 0, 0, 0, 0}, 8, "neither IDX nor gzip"},
    {{0, 0, 0x0d, 1, 0, 0, 0, 0}, 8, "0x0d"},
    {{0, 0, 8, 0, 0, 0, 0, 0}, 8, "0 axes"},
    {{0, 0, 8, 9, 0, 0, 0, 1}, 40, "9 axes"},
    {{0, 0, 8, 1, 0, 0, 0, 3, 1, 2}, 10, "promises 3 bytes, the file holds 2"},
    {{0, 0, 8, 1, 0, 0, 0, 3, 1, 2, 3, 4}, 12, "promises 3 bytes, the file holds more"},
    {{0, 0, 8, 1, 0, 0, 0, 0, 1}, 9, "promises 0 bytes, the file holds more"},
    {{0, 0, 8, 1, 255, 255, 255, 255, 1}, 9, "promises 4294967295 bytes, the file holds 1"},
    {{0, 0, 8, 2, 255, 255, 255, 255, 127, 255, 255, 255, 1}, 13, "the file holds 1"},
    {{0, 0, 8, 3, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 2}, 16, "overflow"},
    {{0, 0, 8, 2, 128, 0, 0, 0, 255, 255, 255, 255}, 12, "the file holds 0"},
};

START_TEST(idx_bad) {
    char plain[512], gzipped[512];
    snprintf(plain, sizeof plain, "%s", in_dir("bad"));
    snprintf(gzipped, sizeof gzipped, "%s", in_dir("bad.gz"));
    put(plain, bad_idx[_i].bytes, bad_idx[_i].n);
    ck_assert_ptr_null(reel_idx_read(plain));
    expect_failure_at(REEL_ERR_FORMAT, bad_idx[_i].word, plain);
    put(gzipped, bad_idx[_i].bytes, bad_idx[_i].n); /* not gzip, whatever its name */
    ck_assert_ptr_null(reel_idx_read(gzipped));
    expect_failure_at(REEL_ERR_FORMAT, bad_idx[_i].word, gzipped);
    put_gz(gzipped, bad_idx[_i].bytes, bad_idx[_i].n);
    ck_assert_ptr_null(reel_idx_read(gzipped));
    expect_failure_at(REEL_ERR_FORMAT, bad_idx[_i].word, gzipped);
}
END_TEST

START_TEST(idx_unreadable) {
    ck_assert_ptr_null(reel_idx_read(in_dir("missing")));
    expect_failure_at(REEL_ERR_IO, "No such file", in_dir("missing"));
    ck_assert_ptr_null(reel_idx_read(dir));
    expect_failure_at(REEL_ERR_IO, "directory", dir);
    ck_assert_ptr_null(reel_idx_read(NULL));
    expect_failure(REEL_ERR_ARGUMENT, "no path");
}
END_TEST

/* Cut anywhere, plain or gzipped, it is not whole. */
START_TEST(idx_cut_short) {
    const char *path = in_dir("cut");
    put_gz(path, small, sizeof small);
    void *gzip;
    size_t n;
    ck_assert_int_eq(reel_file_read(path, &gzip, &n), REEL_OK);
    for (size_t k = 0; k < n; k++) {
        put(path, gzip, k);
        ck_assert_ptr_null(reel_idx_read(path));
        expect_failure_at(REEL_ERR_FORMAT, "IDX: ", path);
    }
    for (size_t k = 0; k < sizeof small; k++) {
        put(path, small, k);
        ck_assert_ptr_null(reel_idx_read(path));
        expect_failure_at(REEL_ERR_FORMAT, "IDX: ", path);
    }
    free(gzip);
}
END_TEST

/* A bit turned over anywhere in a gzip is seen, or it did not matter (as a date or padding). */
START_TEST(idx_bit_flips) {
    const char *path = in_dir("flip");
    put_gz(path, small, sizeof small);
    void *bytes;
    size_t n;
    ck_assert_int_eq(reel_file_read(path, &bytes, &n), REEL_OK);
    uint8_t *gzip = bytes;
    size_t seen = 0;
    for (size_t bit = 0; bit < 8 * n; bit++) {
        gzip[bit / 8] ^= (uint8_t)(1 << bit % 8);
        put(path, gzip, n);
        {
            REEL_SCOPE;
            reel_tensor *t = reel_idx_read(path);
            if (t != NULL) ck_assert_mem_eq(reel_data(t), small + 16, 12);
        }
        if (reel_failed()) {
            expect_failure_at(REEL_ERR_FORMAT, "IDX: ", path);
            seen++;
        }
        gzip[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    ck_assert_uint_ge(seen, 8 * (n - 12));
    free(bytes);
}
END_TEST

/* ---- MNIST ---- */

enum { PIXELS = 28 * 28 };

/* n images of `side` x 28 pixels, image i all of value first + i. */
static void put_images(const char *path, uint8_t n, uint8_t side, uint8_t first) {
    uint8_t bytes[16 + 8 * PIXELS] = {0, 0, 8, 3, 0, 0, 0, n, 0, 0, 0, side, 0, 0, 0, 28};
    size_t each = 28U * side;
    for (size_t i = 0; i < n * each; i++) bytes[16 + i] = (uint8_t)(first + i / each);
    put_gz(path, bytes, 16 + n * each);
}

static void put_labels(const char *path, uint8_t n, uint8_t first) {
    uint8_t bytes[16] = {0, 0, 8, 1, 0, 0, 0, n};
    for (uint8_t i = 0; i < n; i++) bytes[8 + i] = (uint8_t)(first + i);
    put(path, bytes, 8U + n);
}

/* Three digits to train on, 5, 6, 7, and two to test on, 0, 1: images gzipped, labels plain. */
static void put_mnist(const char *name) {
    char path[128];
    ck_assert_int_eq(reel_make_dirs(in_dir(name)), REEL_OK);
    snprintf(path, sizeof path, "%s/train-images-idx3-ubyte.gz", name);
    put_images(in_dir(path), 3, 28, 100);
    snprintf(path, sizeof path, "%s/train-labels-idx1-ubyte", name);
    put_labels(in_dir(path), 3, 5);
    snprintf(path, sizeof path, "%s/t10k-images-idx3-ubyte.gz", name);
    put_images(in_dir(path), 2, 28, 200);
    snprintf(path, sizeof path, "%s/t10k-labels-idx1-ubyte", name);
    put_labels(in_dir(path), 2, 0);
}

/* What put_mnist put, from the given source, with these words in its description; frees m. */
static void expect_mnist(reel_mnist *m, reel_mnist_source source, const char *word,
                         const char *other) {
    expect_fine();
    ck_assert_int_eq(m->source, source);
    ck_assert_msg(strstr(m->description, word) != NULL, "%s", m->description);
    ck_assert_msg(strstr(m->description, other) != NULL, "%s", m->description);
    ck_assert(reel_shape_equal(reel_shape_of(m->train_images), reel_shape(3, 28, 28)));
    ck_assert(reel_shape_equal(reel_shape_of(m->test_images), reel_shape(2, 28, 28)));
    ck_assert_int_eq(reel_dtype_of(m->train_images), REEL_U8);
    ck_assert_int_eq(reel_dtype_of(m->train_labels), REEL_I64);
    ck_assert_int_eq(((uint8_t *)reel_data(m->train_images))[2 * PIXELS], 102);
    ck_assert_int_eq(((uint8_t *)reel_data(m->test_images))[2 * PIXELS - 1], 201);
    ck_assert_int_eq(((int64_t *)reel_data(m->train_labels))[2], 7);
    ck_assert_int_eq(((int64_t *)reel_data(m->test_labels))[1], 1);
    reel_mnist_free(m);
    ck_assert_uint_eq(reel_tensors_alive(), 0);
}

START_TEST(mnist_directory) {
    put_mnist("data");
    reel_mnist m = {0};
    ck_assert_int_eq(reel_mnist_load(&m, in_dir("data")), REEL_OK);
    expect_mnist(&m, REEL_MNIST_DIRECTORY, in_dir("data"), "3 to train on, 2 to test on");
    reel_mnist_free(&m); /* a second time does no harm */
    reel_mnist_free(NULL);
}
END_TEST

/* A directory that was asked for is never passed over in silence. */
static void expect_bad_directory(const char *where, reel_status code, const char *word,
                                 const char *path) {
    reel_mnist m = {0};
    ck_assert_int_eq(reel_mnist_load(&m, where), code);
    expect_failure_at(code, word, path);
    ck_assert_ptr_null(m.train_images);
    ck_assert_ptr_null(m.test_labels);
    ck_assert_uint_eq(reel_tensors_alive(), 0);
}

START_TEST(mnist_file_missing) {
    static const char *const names[][2] = {
        {"data/train-images-idx3-ubyte.gz", "no train-images-idx3-ubyte"},
        {"data/train-labels-idx1-ubyte", "no train-labels-idx1-ubyte"},
        {"data/t10k-images-idx3-ubyte.gz", "no t10k-images-idx3-ubyte"},
        {"data/t10k-labels-idx1-ubyte", "no t10k-labels-idx1-ubyte"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        put_mnist("data");
        unlink(in_dir(names[i][0]));
        expect_bad_directory(in_dir("data"), REEL_ERR_IO, names[i][1], in_dir("data"));
    }
    expect_bad_directory(in_dir("none"), REEL_ERR_IO, "No such file", in_dir("none"));
    expect_bad_directory("", REEL_ERR_IO, "No such file", "");
    put(in_dir("file"), "", 0);
    expect_bad_directory(in_dir("file"), REEL_ERR_IO, "not a directory", in_dir("file"));
}
END_TEST

START_TEST(mnist_files_disagree) {
    char images[512], labels[512];
    snprintf(images, sizeof images, "%s", in_dir("data/t10k-images-idx3-ubyte.gz"));
    snprintf(labels, sizeof labels, "%s", in_dir("data/t10k-labels-idx1-ubyte"));
    put_mnist("data");
    put_labels(labels, 3, 0);
    expect_bad_directory(in_dir("data"), REEL_ERR_FORMAT, "2 images and 3 labels", images);
    expect_bad_directory(in_dir("data"), REEL_ERR_FORMAT, "2 images and 3 labels", labels);
    put_labels(labels, 2, 9);
    expect_bad_directory(in_dir("data"), REEL_ERR_FORMAT, "label 1 is 10", labels);
    put_images(labels, 2, 28, 0);
    expect_bad_directory(in_dir("data"), REEL_ERR_FORMAT, "not a list of labels", labels);
    put_images(images, 2, 27, 0);
    expect_bad_directory(in_dir("data"), REEL_ERR_FORMAT, "28x28", images);
    put_images(images, 0, 28, 0);
    expect_bad_directory(in_dir("data"), REEL_ERR_FORMAT, "28x28", images);
    put_labels(images, 2, 0);
    expect_bad_directory(in_dir("data"), REEL_ERR_FORMAT, "28x28", images);
    put(images, "", 0);
    expect_bad_directory(in_dir("data"), REEL_ERR_FORMAT, "empty", images);
}
END_TEST

START_TEST(mnist_bad_call) {
    reel_mnist m = {0};
    reel_mnist_load(NULL, "synthetic");
    expect_failure(REEL_ERR_ARGUMENT, "NULL");
    reel_fail(REEL_ERR_SHAPE, NULL, "earlier");
    ck_assert_int_eq(reel_mnist_load(&m, NULL), REEL_ERR_SHAPE);
    expect_failure(REEL_ERR_SHAPE, "earlier");
    ck_assert_ptr_null(m.train_images);
}
END_TEST

/* No way out: a proxy that refuses every connection. */
static void cut_network(void) {
    setenv("all_proxy", "http://127.0.0.1:1", 1);
    setenv("https_proxy", "http://127.0.0.1:1", 1);
    unsetenv("no_proxy");
    unsetenv("NO_PROXY");
}

START_TEST(mnist_from_environment) {
    reel_mnist m = {0};
    cut_network();
    put_mnist("data");
    put_mnist("xdg/reel/mnist");
    put_mnist("home/.cache/reel/mnist");
    setenv("HOME", in_dir("home"), 1);
    setenv("XDG_CACHE_HOME", in_dir("xdg"), 1);
    setenv("REEL_DATA", in_dir("data"), 1);
    ck_assert_int_eq(reel_mnist_load(&m, NULL), REEL_OK);
    expect_mnist(&m, REEL_MNIST_DIRECTORY, in_dir("data"), "MNIST");
    setenv("REEL_DATA", in_dir("none"), 1);
    expect_bad_directory(NULL, REEL_ERR_IO, "$REEL_DATA: no MNIST: cannot open", in_dir("none"));
    unlink(in_dir("data/t10k-labels-idx1-ubyte"));
    setenv("REEL_DATA", in_dir("data"), 1);
    expect_bad_directory(NULL, REEL_ERR_IO, "$REEL_DATA: no MNIST: no t10k-labels", in_dir("data"));
    unsetenv("REEL_DATA");
    ck_assert_int_eq(reel_mnist_load(&m, NULL), REEL_OK);
    expect_mnist(&m, REEL_MNIST_CACHE, in_dir("xdg/reel/mnist"), "$REEL_DATA: not set");
    setenv("XDG_CACHE_HOME", "relative", 1);
    ck_assert_int_eq(reel_mnist_load(&m, NULL), REEL_OK);
    expect_mnist(&m, REEL_MNIST_CACHE, in_dir("home/.cache/reel/mnist"), "$REEL_DATA: not set");
}
END_TEST

static void expect_synthetic(const char *where, const char *word, const char *other) {
    reel_mnist m = {0};
    ck_assert_int_eq(reel_mnist_load(&m, where), REEL_OK);
    expect_fine();
    ck_assert_int_eq(m.source, REEL_MNIST_SYNTHETIC);
    ck_assert_msg(strstr(m.description, "synthetic") == m.description, "%s", m.description);
    ck_assert_msg(strstr(m.description, word) != NULL, "%s", m.description);
    ck_assert_msg(strstr(m.description, other) != NULL, "%s", m.description);
    ck_assert_ptr_null(strchr(m.description, '\n'));
    ck_assert(reel_shape_equal(reel_shape_of(m.train_images), reel_shape(12000, 28, 28)));
    ck_assert(reel_shape_equal(reel_shape_of(m.test_images), reel_shape(2000, 28, 28)));
    ck_assert_int_eq(reel_dim(m.train_labels, 0), 12000);
    ck_assert_int_eq(reel_dim(m.test_labels, 0), 2000);
    ck_assert_mem_ne(reel_data(m.train_images), reel_data(m.test_images), 2000 * PIXELS);
    reel_mnist_free(&m);
    ck_assert_uint_eq(reel_tensors_alive(), 0);
}

START_TEST(mnist_asked_to_draw) {
    expect_synthetic("synthetic", "12000 to train on", "not MNIST");
}
END_TEST

/* A corrupt cache and no network: digits, with the reasons; and the cache as it was. */
START_TEST(mnist_falls_back) {
    cut_network();
    put_mnist("xdg/reel/mnist");
    put(in_dir("xdg/reel/mnist/t10k-images-idx3-ubyte.gz"), "\x1f\x8b", 2);
    setenv("XDG_CACHE_HOME", in_dir("xdg"), 1);
    setenv("REEL_DATA", "", 1);
    expect_synthetic(NULL, "cache: IDX: the gzip is cut short", "download: ");
    ck_assert_int_eq(entries(in_dir("xdg/reel/mnist")), 4);
}
END_TEST

START_TEST(mnist_has_no_cache) {
    unsetenv("XDG_CACHE_HOME");
    unsetenv("HOME");
    unsetenv("REEL_DATA");
    expect_synthetic(NULL, "$REEL_DATA: not set", "cache: neither");
}
END_TEST

/* ---- drawn digits ---- */

START_TEST(digits_repeat) {
    REEL_SCOPE;
    reel_tensor *a, *b, *c, *labels;
    ck_assert_int_eq(reel_digits_draw(50, 7, &a, &labels), REEL_OK);
    ck_assert_int_eq(reel_digits_draw(30, 7, &b, &labels), REEL_OK);
    ck_assert_int_eq(reel_digits_draw(30, 7 + (1ULL << 32), &c, &labels), REEL_OK);
    ck_assert_mem_eq(reel_data(a), reel_data(b), 30 * PIXELS);
    const uint8_t *of_b = reel_data(b), *of_c = reel_data(c);
    for (int i = 0; i < 30; i++) {
        ck_assert_mem_ne(of_b + i * PIXELS, of_c + i * PIXELS, PIXELS);
        ck_assert_int_eq(((int64_t *)reel_data(labels))[i], i % 10);
    }
    for (int i = 10; i < 30; i++) /* the same class, a different hand */
        ck_assert_mem_ne(of_b + i * PIXELS, of_b + (i - 10) * PIXELS, PIXELS);
}
END_TEST

/* As in MNIST: white on black, within some 20x20 pixels, near the middle, the border black. */
static void expect_like_mnist(const uint8_t *image) {
    int top = 28, bottom = -1, peak = 0, lit = 0, grey = 0;
    for (int k = 0; k < PIXELS; k++) {
        if (image[k] == 0) continue;
        int x = k % 28, y = k / 28;
        ck_assert(x >= 2 && x <= 25 && y >= 2 && y <= 25);
        top = y < top ? y : top;
        bottom = y;
        peak = image[k] > peak ? image[k] : peak;
        lit++;
        grey += image[k] < 200;
    }
    ck_assert_int_ge(peak, 200);
    ck_assert_int_ge(bottom - top, 12);
    ck_assert(lit > 30 && lit < 350);
    ck_assert_int_ge(grey, 10);
}

START_TEST(digits_look_like_mnist) {
    REEL_SCOPE;
    reel_tensor *images, *labels;
    ck_assert_int_eq(reel_digits_draw(2000, 3, &images, &labels), REEL_OK);
    const uint8_t *pixels = reel_data(images);
    for (int i = 0; i < 2000; i++) expect_like_mnist(pixels + i * PIXELS);
}
END_TEST

static int nearest(float means[10][PIXELS], const uint8_t *image) {
    int best = 0;
    float least = 0;
    for (int c = 0; c < 10; c++) {
        float sum = 0;
        for (int k = 0; k < PIXELS; k++)
            sum += (means[c][k] - (float)image[k]) * (means[c][k] - (float)image[k]);
        if (c == 0 || sum < least) {
            least = sum;
            best = c;
        }
    }
    return best;
}

/* Classes' means tell most of another seed's digits apart, but not all: there is a task left. */
START_TEST(digits_can_be_told_apart) {
    static float means[10][PIXELS];
    REEL_SCOPE;
    reel_tensor *train, *test, *labels;
    ck_assert_int_eq(reel_digits_draw(2000, 1, &train, &labels), REEL_OK);
    ck_assert_int_eq(reel_digits_draw(1000, 2, &test, &labels), REEL_OK);
    const uint8_t *from = reel_data(train), *image = reel_data(test);
    for (int i = 0; i < 2000 * PIXELS; i++)
        means[i / PIXELS % 10][i % PIXELS] += (float)from[i] / 200;
    int right = 0;
    for (int i = 0; i < 1000; i++) right += nearest(means, image + i * PIXELS) == i % 10;
    ck_assert_int_ge(right, 750);
    ck_assert_int_lt(right, 1000);
}
END_TEST

START_TEST(digits_bad_call) {
    REEL_SCOPE;
    reel_tensor *x = NULL, *y = NULL;
    reel_digits_draw(-1, 0, &x, &y);
    expect_failure(REEL_ERR_ARGUMENT, "negative");
    reel_digits_draw(1, 0, NULL, &y);
    expect_failure(REEL_ERR_ARGUMENT, "NULL");
    reel_digits_draw(1, 0, &x, NULL);
    expect_failure(REEL_ERR_ARGUMENT, "NULL");
    ck_assert(x == NULL && y == NULL);
    ck_assert_int_eq(reel_digits_draw(0, 0, &x, &y), REEL_OK);
    ck_assert(reel_shape_equal(reel_shape_of(x), reel_shape(0, 28, 28)));
    ck_assert_int_eq(reel_dim(y, 0), 0);
}
END_TEST

/* ---- the suite ---- */

int main(void) {
    Suite *s = suite_create("mnist");
    TCase *idx = add_dir_case(s, "idx");
    tcase_add_test(idx, idx_plain_and_gzipped);
    tcase_add_test(idx, idx_empty_axis);
    tcase_add_test(idx, idx_large);
    tcase_add_loop_test(idx, idx_bad, 0, (int)(sizeof bad_idx / sizeof *bad_idx));
    tcase_add_test(idx, idx_unreadable);
    tcase_add_test(idx, idx_cut_short);
    tcase_add_test(idx, idx_bit_flips);
    TCase *mnist = add_dir_case(s, "mnist");
    tcase_add_test(mnist, mnist_directory);
    tcase_add_test(mnist, mnist_file_missing);
    tcase_add_test(mnist, mnist_files_disagree);
    tcase_add_test(mnist, mnist_bad_call);
    tcase_add_test(mnist, mnist_from_environment);
    tcase_add_test(mnist, mnist_asked_to_draw);
    tcase_add_test(mnist, mnist_falls_back);
    tcase_add_test(mnist, mnist_has_no_cache);
    TCase *digits = add_dir_case(s, "digits");
    tcase_add_test(digits, digits_repeat);
    tcase_add_test(digits, digits_look_like_mnist);
    tcase_add_test(digits, digits_can_be_told_apart);
    tcase_add_test(digits, digits_bad_call);
    return run_suite(s);
}
