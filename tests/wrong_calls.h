/* What wrong calls are made with, and what is asked of their failures. */
#ifndef REEL_TESTS_WRONG_CALLS_H
#define REEL_TESTS_WRONG_CALLS_H

#include "reel.h"
#include "tests/call_site.h"

#include <math.h>

/* The call fails and says `text`, and a line of this file. */
#define SAYS(text, ...)                                                                            \
    do {                                                                                           \
        (void)(__VA_ARGS__);                                                                       \
        ck_assert_msg(reel_failed(), "did not fail: %s", #__VA_ARGS__);                            \
        const reel_status status = reel_error_status();                                            \
        expect_text(status, text, __FILE__, 0);                                                    \
    } while (0)
/* The call is fine with NULL. */
#define QUIET(...)                                                                                 \
    do {                                                                                           \
        (void)(__VA_ARGS__);                                                                       \
        expect_fine();                                                                             \
    } while (0)

extern reel_device cpu, device;
extern float data[24];
extern int64_t ones[2], sizes[2], integer;
extern double real;
extern reel_tensor *x, *row, *none, *parts[4], *labels, *half, *mask, *bytes, *cube, *empty,
    *index_list, *one, *w, *w64, *logits, *one_hot, *tokens, *words;
extern reel_generator *g;
extern reel_state *state, *empty_state, *params;
extern reel_module m, *linear, *softmax;
extern reel_meter meter;
extern reel_optim *adam;
extern reel_schedule *cosine;
extern reel_dataset *set, *no_set, *sets[2];
extern reel_sample sample;
extern reel_sampler *sampler;
extern reel_loader *loader;
extern reel_batch batch;
extern reel_mnist mnist;
extern void *bytes_read;
extern size_t size_read;
extern reel_history *history;
extern reel_plot_line line;
/* x^3, whose gradient lacks a third */
extern const reel_function cube_function;

/* A case whose tests have all of these. */
TCase *add_wrong_calls(Suite *s, const char *name);

#endif
