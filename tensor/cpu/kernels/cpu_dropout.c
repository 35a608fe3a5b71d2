/* dropout, dropout_again: what is kept is made anew from the generator's words, and never stored.
 */
#include "tensor/cpu/cpu_internal.h"
#include "tensor/cpu/loops/cpu_words_internal.h"
#include "tensor/formulas/philox_internal.h"

#include <string.h>

enum { CHUNK = 1024 }; /* elements: whole blocks of words, so that parts need not know each other */

typedef struct {
    reel__drop all;
    size_t size;
    void (*loop)(const reel__drop *d);
} job;

static void work(void *context, int64_t begin, int64_t end) {
    const job *j = context;
    reel__drop part = j->all;
    const int64_t first = begin * CHUNK;
    part.first += (uint64_t)first / 4;
    part.n = reel__least(end * CHUNK, j->all.n) - first;
    part.x = (const char *)part.x + first * (int64_t)j->size;
    part.y = (char *)part.y + first * (int64_t)j->size;
    j->loop(&part);
}

static reel_status drop(const reel__call *c, const int64_t *state) {
    REEL_SCOPE;
    reel_tensor *out = c->out[0], *y = out, *x = reel_contiguous_at(c->at, c->in[0]);
    if (!reel_is_contiguous(out)) y = reel_empty_like_at(c->at, out);
    if (!x || !y) return reel_error_status();
    const reel_dtype dtype = x->layout.dtype;
    const double p = c->with.dropout.p;
    job j = {.all = {.seed = (uint64_t)state[0],
                     .first = (uint64_t)state[1],
                     .least = reel__least_kept(p),
                     .scale = 1 / (1 - p),
                     .n = reel_numel(x),
                     .x = reel__data(x),
                     .y = reel__data(y)},
             .size = reel_dtype_size(dtype),
             .loop = reel__cpu_words()->drop[dtype == REEL_F64]};
    reel__cpu_parallel((j.all.n + CHUNK - 1) / CHUNK, 16, work, &j);
    if (y != out && !reel_copy_at_(c->at, out, y)) return reel_error_status();
    return REEL_OK;
}

reel_status reel__cpu_dropout(const reel__call *c) {
    int64_t *state = reel__data(c->in[1]), *used = reel__data(c->out[1]);
    memcpy(used, state, 2 * sizeof *used);
    REEL_TRY(drop(c, used));
    state[1] += (reel_numel(c->in[0]) + 3) / 4;
    return REEL_OK;
}

reel_status reel__cpu_dropout_again(const reel__call *c) {
    return drop(c, reel__data(c->in[1]));
}
