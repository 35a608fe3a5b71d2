/* The gradient to kernels of 3 x 3 by fewer multiplications: with the patches, tiles and transforms
 * of cpu_conv_winograd.c,
 *     dw = G^T (sum over tiles of (A g A^T) . (B^T d B)) G
 * which is 16 products of matrices over tiles. The work is cut into channels and tiles, whose sums
 * are added up in their order: by the shape alone. */
#include "tensor/cpu/kernels/cpu_conv_internal.h"

#include <stdatomic.h>

enum {
    PARTS = 16,
    TILES = 96,          /* of a block */
    STEP = 128,          /* channels that are worth the transforms of all of g */
    ENOUGH = 8,          /* pieces of work that threads can share */
    MOST_SUMS = 1 << 23, /* elements of sums in memory at once */
};

static int64_t whole(int64_t columns) {
    return (columns + 15) / 16 * 16;
}

typedef struct {
    const reel__conv_job *j;
    reel__conv_job tiles, results; /* patches of x by 4 x 4, of g by 2 x 2 */
    reel__conv_cut cut;
    const float *g, *x;
    float *sums; /* [parts][groups][16][O/groups][C/groups] */
    float *dw;
    int64_t in_group, out_group, step, steps, parts;
    atomic_bool failed;
} winograd;

static float *sums_of(const winograd *f, int64_t part, int64_t group) {
    return f->sums + (part * f->j->groups + group) * PARTS * f->out_group * f->in_group;
}

typedef struct {
    void *panel;
    float *patch, *patches, *spread; /* [16], [16][step], [16][O/groups], of columns each */
    size_t bytes;
} room;

static bool room_new(room *r, const winograd *f) {
    const int64_t columns = whole(reel__conv_most_columns(&f->cut));
    const int64_t elements = columns * PARTS * (f->step + f->out_group + 1);
    r->bytes = REEL__GEMM_ROOM + (size_t)elements * sizeof(float);
    r->panel = reel__cpu_alloc(0, r->bytes);
    if (!r->panel) return false;
    r->patch = (float *)((char *)r->panel + REEL__GEMM_ROOM);
    r->patches = r->patch + columns * PARTS;
    r->spread = r->patches + columns * PARTS * f->step;
    return true;
}

static void transform(const winograd *f, const room *r, int64_t group, int64_t c0, int64_t c1,
                      const reel__conv_columns *b) {
    const int64_t columns = reel__conv_count(b), apart = whole(columns);
    for (int64_t c = c0; c < c1; c++) {
        const int64_t channel = group * f->in_group + c;
        reel__conv_pack(&f->tiles, f->x, channel, channel + 1, b, r->patch, apart);
        reel__cpu_loops()->winograd.patch(r->patch, apart, r->patches + (c - c0) * apart,
                                          f->step * apart, columns);
    }
    for (int64_t o = 0; o < f->out_group; o++) {
        const int64_t filter = group * f->out_group + o;
        reel__conv_pack(&f->results, f->g, filter, filter + 1, b, r->patch, apart);
        reel__cpu_loops()->winograd.spread(r->patch, apart, r->spread + o * apart,
                                           f->out_group * apart, columns);
    }
}

/* sums[o,c] += spread[o,column] patches[c,column]^T */
static void add_block(const winograd *f, const room *r, float *sums, int64_t c0, int64_t c1,
                      int64_t columns, bool accumulate) {
    const int64_t apart = whole(columns);
    for (int64_t k = 0; k < PARTS; k++) {
        const reel__gemm g = {.x = r->spread + k * f->out_group * apart,
                              .y = r->patches + k * f->step * apart,
                              .z = sums + k * f->out_group * f->in_group + c0,
                              .m = f->out_group,
                              .n = c1 - c0,
                              .k = columns,
                              .x_row = apart,
                              .x_step = 1,
                              .y_step = 1,
                              .y_column = apart,
                              .z_row = f->in_group,
                              .accumulate = accumulate};
        reel__cpu_loops()->gemm[0](&g, r->panel);
    }
}

static void add_part(const winograd *f, const room *r, int64_t i) {
    const int64_t c0 = i % f->steps * f->step, c1 = reel__least(c0 + f->step, f->in_group),
                  group = i / f->steps % f->j->groups, part = i / f->steps / f->j->groups,
                  blocks = reel__conv_blocks(&f->cut), first = blocks * part / f->parts,
                  end = blocks * (part + 1) / f->parts;
    for (int64_t k = first; k < end; k++) {
        const reel__conv_columns b = reel__conv_block(&f->tiles, &f->cut, k);
        transform(f, r, group, c0, c1, &b);
        add_block(f, r, sums_of(f, part, group), c0, c1, reel__conv_count(&b), k > first);
    }
}

static void sum_work(void *context, int64_t begin, int64_t end) {
    winograd *f = context;
    room r;
    if (!room_new(&r, f)) {
        f->failed = true;
        return;
    }
    for (int64_t i = begin; i < end; i++) add_part(f, &r, i);
    reel__cpu_free(0, r.panel, r.bytes);
}

/* ---- the sums of all parts, as [O][C/groups][3][3] ---- */

enum { CHANNELS = 64 }; /* at a time */

/* Of filter o, from channel c on. */
static void join(const winograd *f, int64_t o, int64_t c, int64_t channels) {
    float sums[PARTS * CHANNELS], w[9 * CHANNELS];
    const int64_t group = o / f->out_group;
    for (int64_t k = 0; k < PARTS; k++)
        for (int64_t part = 0; part < f->parts; part++) {
            const float *from =
                sums_of(f, part, group) + (k * f->out_group + o % f->out_group) * f->in_group + c;
            float *to = sums + k * CHANNELS;
            if (part == 0)
                for (int64_t i = 0; i < channels; i++) to[i] = from[i];
            else
                for (int64_t i = 0; i < channels; i++) to[i] += from[i];
        }
    for (int64_t k = 0; k < PARTS; k++) /* what a vector reads beyond them */
        for (int64_t i = channels; i < CHANNELS; i++) sums[k * CHANNELS + i] = 0;
    reel__cpu_loops()->winograd.weight(sums, CHANNELS, w, CHANNELS, channels);
    float *dw = f->dw + (o * f->in_group + c) * 9;
    for (int64_t i = 0; i < channels; i++)
        for (int64_t k = 0; k < 9; k++) dw[i * 9 + k] = w[k * CHANNELS + i];
}

static void join_work(void *context, int64_t begin, int64_t end) {
    const winograd *f = context;
    for (int64_t o = begin; o < end; o++)
        for (int64_t c = 0; c < f->in_group; c += CHANNELS)
            join(f, o, c, reel__least(CHANNELS, f->in_group - c));
}

/* ---- all of it ---- */

static void cut_work(winograd *f) {
    const int64_t blocks = reel__conv_blocks(&f->cut),
                  most = MOST_SUMS / (f->j->filters * f->in_group * PARTS);
    f->parts = reel__least(reel__least(ENOUGH, blocks), most > 1 ? most : 1);
    f->step = f->in_group;
    while (f->step > STEP && (f->in_group + f->step - 1) / f->step * f->parts < ENOUGH)
        f->step = (f->step + 1) / 2;
    f->steps = (f->in_group + f->step - 1) / f->step;
}

reel_status reel__conv_winograd_weight(const reel__conv_job *j, const void *g, const void *x,
                                       void *dw) {
    winograd f = {.j = j,
                  .tiles = reel__conv_tiles_of(j),
                  .g = g,
                  .x = x,
                  .dw = dw,
                  .in_group = j->channels / j->groups,
                  .out_group = j->filters / j->groups};
    f.cut = reel__conv_cut_by(&f.tiles, true, TILES);
    f.results = f.tiles;
    f.results.channels = j->filters;
    for (int i = 0; i < 3; i++) {
        f.results.in[i] = j->out[i];
        f.results.before[i] = 0;
        f.results.kernel[i] = i == 0 ? 1 : 2;
    }
    f.results.in_size = j->out_size;
    f.results.taps = 4;
    cut_work(&f);
    const size_t bytes = (size_t)(f.parts * j->filters * f.in_group * PARTS) * sizeof(float);
    f.sums = reel__cpu_alloc(0, bytes);
    if (!f.sums) return REEL_ERR_MEMORY;
    reel__cpu_parallel(f.steps * j->groups * f.parts, 1, sum_work, &f);
    if (!f.failed) reel__cpu_parallel(j->filters, 4096 / f.in_group + 1, join_work, &f);
    reel__cpu_free(0, f.sums, bytes);
    return f.failed ? REEL_ERR_MEMORY : REEL_OK;
}
