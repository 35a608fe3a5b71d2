/* conv_weight_grad: dw[row, o] = sum over columns of patches[row, column] g[o, column]. The work is
 * cut into channels and, where these are few, into images, whose sums are added up in their order:
 * by the shape alone. */
#include "tensor/cpu/kernels/cpu_conv_internal.h"

#include <stdatomic.h>
#include <string.h>

enum {
    ENOUGH_PARTS = 8,   /* that threads can share */
    MOST_SUMS = 1 << 22 /* elements of sums in memory at once */
};

typedef struct {
    const reel__conv_job *j;
    reel__conv_cut cut;
    const char *g, *x;
    char *sums; /* [parts][groups][rows of a group][O/groups] */
    int64_t in_group, out_group, step, steps, parts;
    size_t size;
    atomic_bool failed;
} weights;

/* Where the sums of a part lie for channel c of a group. */
static char *sums_of(const weights *w, int64_t part, int64_t group, int64_t c) {
    const int64_t rows = w->in_group * w->j->taps;
    return w->sums +
           (size_t)(((part * w->j->groups + group) * rows + c * w->j->taps) * w->out_group) *
               w->size;
}

/* g of merged images as [O/groups][columns]. */
static void get_planes(const weights *w, const reel__conv_columns *b, int64_t group, char *to) {
    const reel__conv_job *j = w->j;
    const size_t plane = (size_t)j->out_size * w->size;
    for (int64_t o = 0; o < w->out_group; o++)
        for (int64_t n = b->n0; n < b->n1; n++, to += plane)
            memcpy(to, w->g + (size_t)(n * j->filters + group * w->out_group + o) * plane, plane);
}

typedef struct {
    char *panel, *patches, *planes;
} room;

static void add_block(const weights *w, const room *m, const reel__conv_columns *b, int64_t group,
                      int64_t c0, int64_t c1, char *sums, bool accumulate) {
    const reel__conv_job *j = w->j;
    const int64_t columns = reel__conv_count(b), first = group * w->in_group;
    const bool merged = b->n1 - b->n0 > 1;
    const char *g = w->g + (size_t)((b->n0 * j->filters + group * w->out_group) * j->out_size +
                                    reel__conv_position(j, b)) *
                               w->size;
    if (merged) get_planes(w, b, group, m->planes);
    reel__conv_pack(j, w->x, first + c0, first + c1, b, m->patches, columns);
    const reel__gemm product = {.x = m->patches,
                                .y = merged ? m->planes : g,
                                .z = sums,
                                .m = (c1 - c0) * j->taps,
                                .n = w->out_group,
                                .k = columns,
                                .x_row = columns,
                                .x_step = 1,
                                .y_step = 1,
                                .y_column = merged ? columns : j->out_size,
                                .z_row = w->out_group,
                                .accumulate = accumulate};
    reel__cpu_loops()->gemm[j->f64](&product, m->panel);
}

/* Part i: some channels of a group, and some of the blocks of columns. */
static void add_part(const weights *w, const room *m, int64_t i) {
    const int64_t c0 = i % w->steps * w->step, group = i / w->steps % w->j->groups,
                  part = i / w->steps / w->j->groups, blocks = reel__conv_blocks(&w->cut),
                  end = blocks * (part + 1) / w->parts, c1 = reel__least(c0 + w->step, w->in_group);
    const int64_t first = blocks * part / w->parts;
    for (int64_t k = first; k < end; k++) {
        const reel__conv_columns b = reel__conv_block(w->j, &w->cut, k);
        add_block(w, m, &b, group, c0, c1, sums_of(w, part, group, c0), k > first);
    }
}

static void weight_work(void *context, int64_t begin, int64_t end) {
    weights *w = context;
    const int64_t columns = reel__conv_most_columns(&w->cut);
    const size_t patches = ((size_t)(w->step * w->j->taps * columns) * w->size + 63) / 64 * 64,
                 planes = w->cut.images > 1 ? (size_t)(w->out_group * columns) * w->size : 0,
                 bytes = REEL__GEMM_ROOM + patches + planes;
    room m = {.panel = reel__cpu_alloc(0, bytes)};
    if (!m.panel) {
        w->failed = true;
        return;
    }
    m.patches = m.panel + REEL__GEMM_ROOM;
    m.planes = m.patches + patches;
    for (int64_t i = begin; i < end; i++) add_part(w, &m, i);
    reel__cpu_free(0, m.panel, bytes);
}

/* ---- the sums of all parts, as [O][C/groups][taps] ---- */

typedef struct {
    const weights *w;
    void *dw;
} joining;

#define JOIN(T)                                                                                    \
    for (int64_t r = 0; r < rows; r++) {                                                           \
        T *to = (T *)k->dw + group * out * all + c * w->j->taps + r;                               \
        const T *from = (const T *)sums_of(w, 0, group, c) + r * out;                              \
        const int64_t apart = w->j->groups * all * out;                                            \
        for (int64_t o = 0; o < out; o++) {                                                        \
            T sum = from[o];                                                                       \
            for (int64_t p = 1; p < w->parts; p++) sum += from[p * apart + o];                     \
            to[o * all] = sum;                                                                     \
        }                                                                                          \
    }
static void join_work(void *context, int64_t begin, int64_t end) {
    const joining *k = context;
    const weights *w = k->w;
    const int64_t out = w->out_group, all = w->in_group * w->j->taps, rows = w->j->taps;
    for (int64_t i = begin; i < end; i++) {
        const int64_t group = i / w->in_group, c = i % w->in_group;
        if (w->j->f64)
            JOIN(double)
        else
            JOIN(float)
    }
}

static int64_t parts_of(const weights *w) {
    const int64_t jobs = w->steps * w->j->groups, blocks = reel__conv_blocks(&w->cut),
                  most = MOST_SUMS / (w->j->channels * w->j->taps * w->out_group + 1);
    int64_t parts = (ENOUGH_PARTS + jobs - 1) / jobs;
    if (parts > blocks) parts = blocks;
    if (parts > most) parts = most;
    return parts > 1 ? parts : 1;
}

static reel_status sum_weights(const reel__call *c, weights *w, void *dw) {
    const reel__conv_job *j = w->j;
    w->step = reel__least(reel__conv_channels(j), w->in_group);
    while (w->step > 1 && w->step * j->taps > 128 && /* channels that threads can share */
           (w->in_group + w->step - 1) / w->step * j->groups < ENOUGH_PARTS)
        w->step = (w->step + 1) / 2;
    w->steps = (w->in_group + w->step - 1) / w->step;
    w->parts = parts_of(w);
    const int64_t elements = w->parts * j->channels * j->taps * w->out_group;
    reel_tensor *sums =
        reel_empty_at(c->at, reel_shape(elements), j->f64 ? REEL_F64 : REEL_F32, c->device);
    if (!sums) return reel_error_status();
    w->sums = reel__data(sums);
    reel__cpu_parallel(w->steps * j->groups * w->parts, 1, weight_work, w);
    if (w->failed) return reel__conv_out_of_memory(c);
    joining k = {w, dw};
    reel__cpu_parallel(j->channels, 16384 / (j->taps * w->out_group * w->parts + 1) + 1, join_work,
                       &k);
    return REEL_OK;
}

reel_status reel__cpu_conv_weight_grad(const reel__call *c) {
    reel_tensor *out = c->out[0];
    if (reel_numel(out) == 0) return REEL_OK;
    if (reel_numel(c->in[0]) == 0)
        return reel_fill_at_(c->at, out, 0) ? REEL_OK : reel_error_status();
    REEL_SCOPE;
    reel_tensor *g = reel_contiguous_at(c->at, c->in[0]), *x = reel_contiguous_at(c->at, c->in[1]),
                *dw = out;
    if (!reel_is_contiguous(out)) dw = reel_empty_like_at(c->at, out);
    if (!g || !x || !dw) return reel_error_status();
    const reel__conv_job j =
        reel__conv_job_of(c, x->layout.shape, out->layout.shape, g->layout.shape);
    weights w = {.j = &j,
                 .cut = reel__conv_cut_of(&j, true),
                 .g = reel__data(g),
                 .x = reel__data(x),
                 .in_group = j.channels / j.groups,
                 .out_group = j.filters / j.groups,
                 .size = j.f64 ? 8 : 4};
    if (reel__conv_is_depthwise(&j)) {
        if (reel__conv_depthwise_weight(&j, w.g, w.x, reel__data(dw)) != REEL_OK)
            return reel__conv_out_of_memory(c);
    } else if (reel__conv_is_winograd(&j)) {
        if (reel__conv_winograd_weight(&j, w.g, w.x, reel__data(dw)) != REEL_OK)
            return reel__conv_out_of_memory(c);
    } else
        REEL_TRY(sum_weights(c, &w, reel__data(dw)));
    if (dw != out && !reel_copy_at_(c->at, out, dw)) return reel_error_status();
    return REEL_OK;
}
