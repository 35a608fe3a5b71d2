/* recurrent, recurrent_grad: of each step the units, cut over threads, behind a product. */
#include "tensor/cpu/loops/cpu_recurrent_internal.h"

#include <string.h>

#define GRAIN 1024 /* units of a part */

typedef struct {
    const reel__recurrent_step *s;
    reel__recurrent_loop loop;
    size_t size;
    bool back;
} job;

static char *at(const job *j, const void *of, int64_t i) {
    return (char *)of + (size_t)i * j->size;
}

/* Units first..first + n of a sequence that is over: its state stays. */
static void pass(const job *j, int64_t row, int64_t first, int64_t n) {
    const reel__recurrent_step *s = j->s;
    const int64_t to = row * s->hidden + first, gates = reel__cell_gates(s->cell);
    const int planes = reel__cell_planes(s->cell), states = reel__cell_states(s->cell);
    const size_t bytes = (size_t)n * j->size;
    for (int64_t k = 0; k < gates && j->back; k++) {
        const int64_t gate = (row * gates + k) * s->hidden + first;
        memset(at(j, s->dx, gate), 0, bytes);
        if (s->dz) memset(at(j, s->dz, gate), 0, bytes);
    }
    if (j->back) return;
    for (int k = 0; k < planes - states; k++) memset(at(j, s->planes, k * s->plane + to), 0, bytes);
    memset(at(j, s->y, to), 0, bytes);
    memcpy(at(j, s->h, to), at(j, s->planes, (planes - 1) * s->plane + to), bytes);
    if (s->c) memcpy(at(j, s->c, to), at(j, s->planes, (planes - 2) * s->plane + to), bytes);
}

/* Units begin..end of all sequences. */
static void work(void *context, int64_t begin, int64_t end) {
    const job *j = context;
    const reel__recurrent_step *s = j->s;
    for (int64_t n; begin < end; begin += n) {
        const int64_t row = begin / s->hidden, first = begin % s->hidden;
        n = reel__least(s->hidden - first, end - begin);
        if (s->lengths && s->t >= s->lengths[row]) {
            pass(j, row, first, n);
            continue;
        }
        j->loop(s, row, first, n);
        /* else all of dh goes through the gates */
        if (j->back && s->keeps && s->cell != REEL__CELL_GRU)
            memset(at(j, s->dh, row * s->hidden + first), 0, (size_t)n * j->size);
    }
}

static void run(const reel__call *c, const reel__recurrent_step *s, bool back) {
    const bool f64 = c->in[0]->layout.dtype == REEL_F64;
    const reel__recurrents *all = reel__cpu_recurrents();
    job j = {.s = s,
             .loop = (back ? all->back : all->forward)[s->cell][f64],
             .size = f64 ? sizeof(double) : sizeof(float),
             .back = back};
    reel__cpu_parallel(s->batch * s->hidden, GRAIN, work, &j);
}

static reel_status forward(const reel__call *c, const reel__recurrent_step *s) {
    run(c, s, false);
    return REEL_OK;
}
static reel_status backward(const reel__call *c, const reel__recurrent_step *s) {
    run(c, s, true);
    return REEL_OK;
}

/* The weight is turned once, and not at each step. */
reel_status reel__cpu_recurrent(const reel__call *c) {
    REEL_SCOPE;
    reel__call turned = *c;
    reel_tensor *weight = reel_contiguous_at(c->at, reel_t_at(c->at, c->in[1]));
    turned.in[1] = reel_t_at(c->at, weight);
    if (!turned.in[1]) return reel_error_status();
    return reel__recurrent_steps(&turned, forward);
}
reel_status reel__cpu_recurrent_grad(const reel__call *c) {
    return reel__recurrent_steps_back(c, backward);
}
