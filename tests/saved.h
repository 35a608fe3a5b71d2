/* Checkpoints that are told apart, written and read again. */
#ifndef REEL_TESTS_SAVED_H
#define REEL_TESTS_SAVED_H

#include "tests/temp_dir.h"

/* A checkpoint of n f64 elements and the text "epoch" i. */
static inline reel_status save(int64_t i, int64_t n, const char *path, int keep_last) {
    reel_state *s = reel_state_new();
    {
        REEL_SCOPE;
        reel_state_put(s, "w", reel_full(reel_shape(n), (double)i, REEL_F64, reel_cpu()));
    }
    reel_state_put_int(s, "epoch", i);
    reel_status status = reel_checkpoint_write(s, path, keep_last);
    reel_state_free(s);
    return status;
}

/* Its epoch; -1 if there is no such file. */
static inline int64_t epoch_of(const char *path) {
    int64_t epoch = -1;
    if (!reel_file_exists(path)) return -1;
    reel_state *s = reel_checkpoint_read(path);
    expect_fine();
    ck_assert(reel_state_int(s, "epoch", &epoch));
    reel_tensor *w = reel_state_get(s, "w");
    for (int64_t i = 0; i < reel_numel(w); i++)
        ck_assert_double_eq(((double *)reel_data(w))[i], (double)epoch);
    reel_state_free(s);
    return epoch;
}

#endif
