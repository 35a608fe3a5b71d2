/* How a kernel is launched: how many elements a thread takes at once, and how many blocks. */
#include "cuda/fused/fused_space_internal.h"

/* ---- units ---- */

reel__fused_how reel__fused_how_of(const reel__fused_space *s, const reel__fused_operand *o,
                                   int vector) {
    const int last = s->ndim - 1;
    const int64_t step = o->stride[last];
    if (vector == 1) return REEL__SAME;
    if (o->index >= 0 && s->operand[o->index].stride[last] != 0) return REEL__APART;
    if (step == 0) return REEL__SAME;
    if (step != 1 || (o->index >= 0 && o->row % vector != 0)) return REEL__APART;
    for (int j = 0; j < last; j++)
        if (o->stride[j] % vector != 0) return REEL__APART;
    return REEL__LINE;
}

/* 16 bytes, of the smallest elements if they are alike, else 4 elements. */
void reel__fused_choose_vector(reel__fused_space *s) {
    const int64_t last = s->dim[s->ndim - 1];
    size_t least = 8, most = 1;
    s->vector = 1;
    for (int i = 0; i < s->operands; i++) {
        const size_t size = reel_dtype_size(s->operand[i].dtype);
        if (reel__fused_how_of(s, &s->operand[i], 2) != REEL__LINE && last > 1) continue;
        if (size < least) least = size;
        if (size > most) most = size;
    }
    int vector = (int)(16 / least);
    if (least < most && vector > 4) vector = 4;
    const bool has_tail = s->ndim == 1 && s->kind <= REEL__FUSED_ALL;
    while (vector > 1 && last % vector != 0 && !has_tail) vector /= 2;
    for (int i = 0; i < s->operands; i++)
        if (vector > 1 && reel__fused_how_of(s, &s->operand[i], vector) == REEL__LINE)
            s->vector = vector;
}

/* ---- how it is launched ---- */

#define ENOUGH 528         /* blocks that keep any GPU busy */
#define WORTH 4            /* rows of columns that a thread takes before there are more parts */
#define WARP_UNITS 256     /* of a row that a warp takes */
#define MOST_WORDS 96      /* of registers, for what crosses levels */
#define LONG_ROW (1 << 16) /* worth several blocks, if there are */
#define FEW_ROWS 64        /* few */
#define MOST_TILES (REEL__CUDA_TICKETS - 8)

static int64_t parts_of(int64_t n, int64_t each) {
    return (n + each - 1) / each;
}

static int64_t least_of(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static void shape_columns(const reel__fused_space *s, int vector, reel__fused_shape *h) {
    h->lanes = vector < 32 ? 32 / vector : 1;
    while (h->lanes > 1 && (int64_t)h->lanes / 2 * vector >= s->inner) h->lanes /= 2;
    const int high = h->threads / h->lanes;
    h->tiles = parts_of(s->inner, (int64_t)h->lanes * vector);
    h->parts = least_of(s->outer / (high * WORTH), ENOUGH / h->tiles);
    if (h->parts < 1) h->parts = 1;
    h->each = parts_of(s->outer, h->parts);
    h->blocks = h->tiles <= MOST_TILES ? h->tiles * h->parts : 0;
}

/* What crosses levels stays in registers, so a row has to have room in a block's. */
static void shape_rows(const reel__fused_space *s, int vector, reel__fused_shape *h) {
    int64_t words = 0;
    h->units = s->inner / vector;
    h->lanes = 1;
    while (h->lanes < 32 && h->lanes < h->units) h->lanes *= 2;
    if (h->units > WARP_UNITS) h->lanes = h->threads;
    h->items = parts_of(h->units, h->lanes);
    for (int i = 0; i < s->steps; i++)
        if (s->step[i].crosses) words += h->items * vector;
    const bool fits = words <= MOST_WORDS && (s->inner <= LONG_ROW || s->outer >= FEW_ROWS);
    h->blocks = fits ? parts_of(s->outer, h->threads / h->lanes) : 0;
}

reel__fused_shape reel__fused_shape_of(const reel__fused_space *s, int vector) {
    const int64_t threads = s->count / vector + s->count % vector;
    reel__fused_shape h = {.threads = s->kind == REEL__FUSED_MAP ? REEL__FUSED_THREADS
                                                                 : REEL__FUSED_FOLD_THREADS};
    h.blocks = parts_of(threads, h.threads);
    if (s->kind == REEL__FUSED_ALL) h.blocks = least_of(h.blocks, ENOUGH);
    if (s->kind == REEL__FUSED_COLUMNS) shape_columns(s, vector, &h);
    if (s->kind == REEL__FUSED_ROWS) shape_rows(s, vector, &h);
    if (h.blocks > INT32_MAX) h.blocks = 0;
    return h;
}
