/* Convolutions of f32 by kernels of 3 x 3 with steps of 1, by fewer multiplications: four elements
 * of y at a time, a tile, are made of a patch d of 4 x 4 elements of x as
 *     y = A^T ((G w G^T) . (B^T d B)) A
 * where . is by element: 16 multiplications and not 36. Over channels it is 16 products of
 * matrices. The transforms add, and halve: an error is about that of the sums themselves. What is
 * not finite in a patch is in all of its tile.
 *
 * Source: Lavin and Gray, "Fast algorithms for convolutional neural networks" (2015), F(2x2, 3x3)
 */
#include "tensor/cpu/kernels/cpu_conv_internal.h"

#include <stdatomic.h>

enum { PARTS = 16, TILE = 2, LEAST = 24, MOST = 4096 /* channels and filters of a group */ };

static int64_t whole(int64_t columns) {
    return (columns + 15) / 16 * 16;
}

/* Patches are those of a kernel of 4 x 4, and tiles are its positions, two apart. */
reel__conv_job reel__conv_tiles_of(const reel__conv_job *j) {
    reel__conv_job t = *j;
    for (int i = 1; i < 3; i++) {
        t.kernel[i] = 4;
        t.stride[i] = TILE;
        t.out[i] = (j->out[i] + TILE - 1) / TILE;
    }
    t.taps = PARTS;
    t.out_size = t.out[1] * t.out[2];
    return t;
}

bool reel__conv_is_winograd(const reel__conv_job *j) {
    const int64_t in = j->channels / j->groups, out = j->filters / j->groups;
    if (j->f64 || in < LEAST || out < LEAST || in > MOST || out > MOST) return false;
    if (j->kernel[0] != 1 || j->out[0] != 1 || j->in[0] != 1 || j->before[0] != 0) return false;
    for (int i = 1; i < 3; i++)
        if (j->kernel[i] != 3 || j->stride[i] != 1 || j->dilation[i] != 1) return false;
    return 4 * PARTS * reel__conv_tiles_of(j).out_size <= 3 * 9 * j->out_size;
}

typedef struct {
    const reel__conv_job *j;
    reel__conv_job tiles;
    reel__conv_cut cut;
    const float *x, *w, *bias;
    float *y, *turned; /* G w G^T, [groups][16][O/groups][C/groups] */
    int64_t in_group, out_group;
    atomic_bool failed;
} winograd;

/* ---- kernels ---- */

static void kernel_work(void *context, int64_t begin, int64_t end) {
    const winograd *f = context;
    const int64_t in = f->in_group, out = f->out_group;
    for (int64_t i = begin; i < end; i++)
        reel__cpu_loops()->winograd.kernel(
            f->w + i * in * 9, in, f->turned + (i / out * PARTS * out + i % out) * in, out * in);
}

/* ---- blocks of tiles ---- */

typedef struct {
    void *panel;
    float *patch, *patches, *sums, *result; /* [16], [16][C/groups], [16][O/groups], [4], of
                                               columns each */
    size_t bytes;
} room;

static bool room_new(room *r, const winograd *f) {
    const int64_t columns = whole(reel__conv_most_columns(&f->cut));
    const int64_t elements = columns * PARTS * (f->in_group + f->out_group + 2);
    r->bytes = REEL__GEMM_ROOM + (size_t)elements * sizeof(float);
    r->panel = reel__cpu_alloc(0, r->bytes);
    if (!r->panel) return false;
    r->patch = (float *)((char *)r->panel + REEL__GEMM_ROOM);
    r->result = r->patch + columns * PARTS;
    r->patches = r->result + columns * PARTS;
    r->sums = r->patches + columns * PARTS * f->in_group;
    return true;
}

/* The four results of each column, where they belong in planes of filter o. */
static void put(const winograd *f, const reel__conv_columns *b, int64_t o, const float *result,
                int64_t apart) {
    const reel__conv_job *j = f->j;
    const int64_t width = b->w1 - b->w0, x0 = b->w0 * TILE,
                  count = reel__least(b->w1 * TILE, j->out[2]) - x0;
    for (int64_t n = b->n0; n < b->n1; n++) {
        float *plane = f->y + (n * j->filters + o) * j->out_size;
        for (int64_t row = b->row0; row < b->row1; row++, result += width)
            for (int64_t i = 0; i < TILE && row * TILE + i < j->out[1]; i++)
                reel__cpu_loops()->winograd.row(result + 2 * i * apart,
                                                result + (2 * i + 1) * apart,
                                                plane + (row * TILE + i) * j->out[2] + x0, count);
    }
}

static void multiply(const winograd *f, const room *r, int64_t group, int64_t columns) {
    const int64_t apart = whole(columns), in = f->in_group, out = f->out_group;
    for (int64_t k = 0; k < PARTS; k++) {
        const reel__gemm g = {.x = f->turned + (group * PARTS + k) * out * in,
                              .y = r->patches + k * in * apart,
                              .z = r->sums + k * out * apart,
                              .m = out,
                              .n = columns,
                              .k = in,
                              .x_row = in,
                              .x_step = 1,
                              .y_step = apart,
                              .y_column = 1,
                              .z_row = apart};
        reel__cpu_loops()->gemm[0](&g, r->panel);
    }
}

static void block(const winograd *f, const room *r, int64_t group, const reel__conv_columns *b) {
    const int64_t columns = reel__conv_count(b), apart = whole(columns);
    for (int64_t c = 0; c < f->in_group; c++) {
        const int64_t channel = group * f->in_group + c;
        reel__conv_pack(&f->tiles, f->x, channel, channel + 1, b, r->patch, apart);
        reel__cpu_loops()->winograd.patch(r->patch, apart, r->patches + c * apart,
                                          f->in_group * apart, columns);
    }
    multiply(f, r, group, columns);
    for (int64_t i = 0; i < f->out_group; i++) {
        const int64_t o = group * f->out_group + i;
        reel__cpu_loops()->winograd.result(r->sums + i * apart, f->out_group * apart, r->result,
                                           apart, columns, f->bias ? f->bias + o : NULL);
        put(f, b, o, r->result, apart);
    }
}

static void forward_work(void *context, int64_t begin, int64_t end) {
    winograd *f = context;
    room r;
    if (!room_new(&r, f)) {
        f->failed = true;
        return;
    }
    for (int64_t i = begin; i < end; i++) {
        const reel__conv_columns b = reel__conv_block(&f->tiles, &f->cut, i / f->j->groups);
        block(f, &r, i % f->j->groups, &b);
    }
    reel__cpu_free(0, r.panel, r.bytes);
}

/* As many tiles as keep all 16 products in the cache, and fewer where threads had nothing to share.
 */
static int64_t most_columns(const winograd *f) {
    const int64_t all = f->tiles.out_size * f->tiles.images,
                  most = f->in_group + f->out_group <= 192 ? 96 : 48;
    return all >= 4 * most ? most : reel__least(most, whole((all + 3) / 4 + 1));
}

reel_status reel__conv_winograd(const reel__conv_job *j, const void *x, const void *w,
                                const void *bias, void *y) {
    winograd f = {.j = j,
                  .tiles = reel__conv_tiles_of(j),
                  .x = x,
                  .w = w,
                  .bias = bias,
                  .y = y,
                  .in_group = j->channels / j->groups,
                  .out_group = j->filters / j->groups};
    f.cut = reel__conv_cut_by(&f.tiles, true, most_columns(&f));
    const size_t bytes = (size_t)(j->filters * f.in_group * PARTS) * sizeof(float);
    f.turned = reel__cpu_alloc(0, bytes);
    if (!f.turned) return REEL_ERR_MEMORY;
    reel__cpu_parallel(j->filters, 4096 / f.in_group + 1, kernel_work, &f);
    reel__cpu_parallel(reel__conv_blocks(&f.cut) * j->groups, 1, forward_work, &f);
    reel__cpu_free(0, f.turned, bytes);
    return f.failed ? REEL_ERR_MEMORY : REEL_OK;
}
