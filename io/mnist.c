/* MNIST: finds the four files, or draws digits in their place, and says which it did and why. */
#include "io/io_internal.h"

#include "tensor/core/tensor_internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { SIDE = 28, CLASSES = 10 };
enum { SYNTHETIC_TRAIN = 12000, SYNTHETIC_TEST = 2000 };
static const uint64_t synthetic_train_seed = 1, synthetic_test_seed = 2;

void reel_mnist_free(reel_mnist *m) {
    if (m == NULL) return;
    reel_release(m->train_images);
    reel_release(m->train_labels);
    reel_release(m->test_images);
    reel_release(m->test_labels);
    *m = (reel_mnist){0};
}

/* ---- a directory of the four files ---- */

/* The path of directory/name.gz if it is there, else of directory/name; malloc'd. The gzip goes
 * first because it carries a checksum. */
static reel_status find_file(const char *directory, const char *name, char **path) {
    for (int gzipped = 1; gzipped >= 0; gzipped--) {
        char *candidate;
        if (asprintf(&candidate, "%s/%s%s", directory, name, gzipped ? ".gz" : "") < 0)
            return reel_fail(REEL_ERR_MEMORY, NULL, "MNIST: out of memory: %s", directory);
        if (reel_file_exists(candidate)) {
            *path = candidate;
            return REEL_OK;
        }
        free(candidate);
    }
    return reel_fail(REEL_ERR_IO, NULL, "no MNIST: no %s, gzipped or plain: %s", name, directory);
}

/* u8 [n] -> i64 [n], borrowed; NULL if one is not a digit. */
static reel_tensor *widen_labels(reel_tensor *bytes, const char *path) {
    int64_t n = reel_dim(bytes, 0);
    reel_tensor *labels = reel_empty(reel_shape(n), REEL_I64, reel_cpu());
    if (labels == NULL) return NULL;
    const uint8_t *from = reel_data(bytes);
    int64_t *to = reel_data(labels);
    for (int64_t i = 0; i < n; i++) {
        if (from[i] >= CLASSES) {
            reel_fail(REEL_ERR_FORMAT, NULL, "MNIST: label %lld is %d, not 0 to 9: %s",
                      (long long)i, from[i], path);
            return NULL;
        }
        to[i] = from[i];
    }
    return labels;
}

/* Images u8 [n,28,28] and labels i64 [n], retained. */
static reel_status read_pair(const char *image_path, const char *label_path, reel_tensor **images,
                             reel_tensor **labels) {
    REEL_SCOPE;
    reel_tensor *x = reel_idx_read(image_path);
    if (x == NULL) return reel_error_status();
    int64_t n = reel_dim(x, 0);
    if (n == 0 || !reel_shape_equal(reel_shape_of(x), reel_shape(n, SIDE, SIDE)))
        return reel_fail(REEL_ERR_FORMAT, NULL, "MNIST: not images of 28x28 pixels: %s",
                         image_path);
    reel_tensor *y = reel_idx_read(label_path);
    if (y == NULL) return reel_error_status();
    if (reel_ndim(y) != 1)
        return reel_fail(REEL_ERR_FORMAT, NULL, "MNIST: not a list of labels: %s", label_path);
    if (reel_dim(y, 0) != n)
        return reel_fail(REEL_ERR_FORMAT, NULL, "MNIST: %lld images and %lld labels: %s and %s",
                         (long long)n, (long long)reel_dim(y, 0), image_path, label_path);
    y = widen_labels(y, label_path);
    if (y == NULL) return reel_error_status();
    *images = reel_retain(x);
    *labels = reel_retain(y);
    return REEL_OK;
}

static reel_status read_part(const char *directory, const char *image_name, const char *label_name,
                             reel_tensor **images, reel_tensor **labels) {
    char *image_path = NULL, *label_path = NULL;
    reel_status status = find_file(directory, image_name, &image_path);
    if (status == REEL_OK) status = find_file(directory, label_name, &label_path);
    if (status == REEL_OK) status = read_pair(image_path, label_path, images, labels);
    free(image_path);
    free(label_path);
    return status;
}

/* All of it or nothing. */
static reel_status read_directory(reel_mnist *m, const char *directory) {
    struct stat info;
    if (stat(directory, &info) != 0) return reel__fail_errno("no MNIST: cannot open", directory);
    if (!S_ISDIR(info.st_mode))
        return reel_fail(REEL_ERR_IO, NULL, "no MNIST: not a directory: %s", directory);
    reel_status status = read_part(directory, "train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                                   &m->train_images, &m->train_labels);
    if (status == REEL_OK)
        status = read_part(directory, "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte",
                           &m->test_images, &m->test_labels);
    if (status != REEL_OK) reel_mnist_free(m);
    return status;
}

/* ---- the other sources ---- */

static reel_status draw_part(int64_t n, uint64_t seed, reel_tensor **images, reel_tensor **labels) {
    REEL_SCOPE;
    REEL_TRY(reel_digits_draw(n, seed, images, labels));
    reel_retain(*images);
    reel_retain(*labels);
    return REEL_OK;
}

static reel_status draw_digits(reel_mnist *m) {
    reel_status status =
        draw_part(SYNTHETIC_TRAIN, synthetic_train_seed, &m->train_images, &m->train_labels);
    if (status == REEL_OK)
        status = draw_part(SYNTHETIC_TEST, synthetic_test_seed, &m->test_images, &m->test_labels);
    if (status != REEL_OK) reel_mnist_free(m);
    return status;
}

/* The cache's path, malloc'd; NULL if it has none. A relative $XDG_CACHE_HOME is to be ignored,
 * says the XDG Base Directory Specification. */
static char *cache_directory(void) {
    const char *base = getenv("XDG_CACHE_HOME"), *below = "reel/mnist";
    if (base == NULL || base[0] != '/') {
        base = getenv("HOME");
        below = ".cache/reel/mnist";
    }
    char *path;
    if (base == NULL || base[0] == '\0' || asprintf(&path, "%s/%s", base, below) < 0) return NULL;
    return path;
}

/* ---- the search ---- */

/* What was tried in vain, in words; what does not fit is cut. */
typedef struct {
    char text[440];
} excuses;

static void excuse(excuses *e, const char *what, const char *why) {
    size_t used = strlen(e->text);
    snprintf(e->text + used, sizeof e->text - used, "%s%s: %.160s", used == 0 ? "" : "; ", what,
             why);
}

/* True if a source's failure leaves room for the next one. Then the failure is forgotten, but for
 * its words. */
static bool goes_on(reel_status status, const char *source_name, excuses *e) {
    if (status == REEL_OK || status == REEL_ERR_MEMORY) return false;
    char why[200];
    const int length = (int)(reel__message_site(reel_error()) - reel_error());
    snprintf(why, sizeof why, "%.*s", length, reel_error());
    excuse(e, source_name, why);
    reel_clear_error();
    return true;
}

static void describe(reel_mnist *m, reel_mnist_source from, const char *place, const excuses *e) {
    static const char *const names[] = {[REEL_MNIST_DIRECTORY] = "MNIST from ",
                                        [REEL_MNIST_CACHE] = "MNIST from the cache ",
                                        [REEL_MNIST_DOWNLOAD] = "MNIST downloaded to ",
                                        [REEL_MNIST_SYNTHETIC] = "synthetic digits, not MNIST"};
    bool excused = e->text[0] != '\0';
    m->source = from;
    snprintf(m->description, sizeof m->description, "%s%s: %lld to train on, %lld to test on%s%s%s",
             names[from], place, (long long)reel_dim(m->train_images, 0),
             (long long)reel_dim(m->test_images, 0), excused ? " (" : "", e->text,
             excused ? ")" : "");
}

static reel_status load_from_cache(reel_mnist *m, const char *cache, excuses *e) {
    reel_status status = read_directory(m, cache);
    if (status == REEL_OK) describe(m, REEL_MNIST_CACHE, cache, e);
    if (!goes_on(status, "cache", e)) return status;
    status = reel__mnist_download(cache);
    if (status == REEL_OK) status = read_directory(m, cache);
    if (status == REEL_OK) describe(m, REEL_MNIST_DOWNLOAD, cache, e);
    return status;
}

static reel_status load_synthetic(reel_mnist *m, const excuses *e) {
    reel_status status = draw_digits(m);
    if (status == REEL_OK) describe(m, REEL_MNIST_SYNTHETIC, "", e);
    return status;
}

static reel_status load_directory(reel_mnist *m, const char *directory, const excuses *e) {
    reel_status status = read_directory(m, directory);
    reel__name_path(false, directory);
    if (status == REEL_OK) describe(m, REEL_MNIST_DIRECTORY, directory, e);
    return status;
}

/* Whoever set $REEL_DATA meant it: it is never passed over, and the failure says where the
 * directory's name came from. */
static reel_status load_environment(reel_mnist *m, const char *directory) {
    const excuses none = {""};
    reel_status status = load_directory(m, directory, &none);
    if (status == REEL_OK) return REEL_OK;
    char why[512];
    snprintf(why, sizeof why, "%s", reel_error());
    reel_clear_error();
    return reel_fail(status, NULL, "$REEL_DATA: %s", why);
}

static reel_status search(reel_mnist *m) {
    const char *data = getenv("REEL_DATA");
    if (data != NULL && data[0] != '\0') return load_environment(m, data);
    excuses e = {""};
    excuse(&e, "$REEL_DATA", "not set");
    char *cache = cache_directory();
    if (cache == NULL) {
        excuse(&e, "cache", "neither $XDG_CACHE_HOME nor $HOME names a directory");
    } else {
        reel_status status = load_from_cache(m, cache, &e);
        free(cache);
        if (!goes_on(status, "download", &e)) return status;
    }
    return load_synthetic(m, &e);
}

reel_status reel_mnist_load(reel_mnist *m, const char *where) {
    if (m == NULL) return reel_fail(REEL_ERR_ARGUMENT, NULL, "mnist_load: m is NULL");
    if (reel_failed()) return reel_error_status();
    REEL_TRY(reel__refuse_recorded(NULL, "mnist_load"));
    const excuses none = {""};
    if (where == NULL) return search(m);
    if (strcmp(where, "synthetic") == 0) return load_synthetic(m, &none);
    return load_directory(m, where, &none);
}
