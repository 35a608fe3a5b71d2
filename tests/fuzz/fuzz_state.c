/* States there and back, through a file of this process. */
#include "tests/fuzz/fuzz_state.h"

#include "io/io.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Whether the file reaches the disk is not what is tested, and waiting for it takes long. */
__attribute__((visibility("default"))) int fsync(int fd) {
    (void)fd;
    return 0;
}

static char path[64];

static void remove_file(void) {
    unlink(path);
}

static const char *file_of_ours(void) {
    if (*path) return path;
    snprintf(path, sizeof path, "/tmp/reel-fuzz-%ld", (long)getpid());
    atexit(remove_file);
    return path;
}

static void expect_same(const reel_state *a, const reel_state *b) {
    HOLDS(reel_state_count(a) == reel_state_count(b));
    HOLDS(reel_state_text_count(a) == reel_state_text_count(b));
    for (int i = 0; i < reel_state_count(a); i++) {
        reel_tensor *x = reel_state_at(a, i), *y = reel_state_get(b, reel_state_name(a, i));
        HOLDS(y && reel_dtype_of(x) == reel_dtype_of(y));
        HOLDS(reel_shape_equal(reel_shape_of(x), reel_shape_of(y)));
        const size_t size = (size_t)reel_numel(x) * reel_dtype_size(reel_dtype_of(x));
        HOLDS(size == 0 || memcmp(reel_data(x), reel_data(y), size) == 0);
    }
    for (int i = 0; i < reel_state_text_count(a); i++) {
        const char *text = reel_state_text(b, reel_state_text_key(a, i));
        HOLDS(text && strcmp(text, reel_state_text_value(a, i)) == 0);
    }
}

void fuzz_round_trip(const reel_state *s) {
    HOLDS(reel_safetensors_write(s, file_of_ours()) == REEL_OK);
    reel_state *again = reel_safetensors_read(path);
    HOLDS(again);
    expect_same(s, again);
    reel_state_free(again);
}
