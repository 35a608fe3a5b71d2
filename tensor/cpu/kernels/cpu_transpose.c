/* Copies in which two axes change places: what lies along one line of the cache goes to many. They
 * go tile by tile, so that each line is read and written while it is there, and within a tile by
 * vectors. */
#include "tensor/cpu/kernels/cpu_copy_internal.h"

#include <string.h>

#define F(name) name##_of_1
#define T uint8_t
#define LANES 16
#define LOW 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define HIGH 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#include "tensor/cpu/kernels/cpu_transpose_of_internal.h"
#undef F
#undef T
#undef LANES
#undef LOW
#undef HIGH
#define F(name) name##_of_2
#define T uint16_t
#define LANES 8
#define LOW 0, 8, 1, 9, 2, 10, 3, 11
#define HIGH 4, 12, 5, 13, 6, 14, 7, 15
#include "tensor/cpu/kernels/cpu_transpose_of_internal.h"
#undef F
#undef T
#undef LANES
#undef LOW
#undef HIGH
#define F(name) name##_of_4
#define T uint32_t
#define LANES 4
#define LOW 0, 4, 1, 5
#define HIGH 2, 6, 3, 7
#include "tensor/cpu/kernels/cpu_transpose_of_internal.h"
#undef F
#undef T
#undef LANES
#undef LOW
#undef HIGH
#define F(name) name##_of_8
#define T uint64_t
#define LANES 2
#define LOW 0, 2
#define HIGH 1, 3
#include "tensor/cpu/kernels/cpu_transpose_of_internal.h"

reel__tile reel__cpu_tile(size_t size) {
    static const reel__tile tiles[] = {
        [1] = tile_of_1, [2] = tile_of_2, [4] = tile_of_4, [8] = tile_of_8};
    return tiles[size];
}

#define SIDE_A 512
#define SIDE_B 512

typedef struct {
    reel__nest nest;
    int a, b; /* the axes */
    char *out;
    const char *in;
    int64_t size, tiles_a, tiles_b, side_a, side_b;
    reel__tile move;
} transpose;

/* Tiles begin..end, counted along b, then a, then the other axes. */
static void work(void *context, int64_t begin, int64_t end) {
    const transpose *t = context;
    const reel__nest *n = &t->nest;
    for (int64_t k = begin; k < end; k++) {
        const int64_t b = k % t->tiles_b * t->side_b, a = k / t->tiles_b % t->tiles_a * t->side_a;
        int64_t rest = k / t->tiles_b / t->tiles_a;
        int64_t to = a * n->stride[0][t->a] + b,
                from = a * n->stride[1][t->a] + b * n->stride[1][t->b];
        for (int i = n->ndim - 1; i >= 0; i--) {
            if (i == t->a || i == t->b) continue;
            to += rest % n->dim[i] * n->stride[0][i];
            from += rest % n->dim[i] * n->stride[1][i];
            rest /= n->dim[i];
        }
        t->move(t->out + to * t->size, n->stride[0][t->a], t->in + from * t->size,
                n->stride[1][t->a], n->stride[1][t->b], reel__least(n->dim[t->a] - a, t->side_a),
                reel__least(n->dim[t->b] - b, t->side_b));
    }
}

#define SHORTEST 8 /* an axis that is not worth tiles */

static int64_t distance(int64_t stride) {
    return stride < 0 ? -stride : stride;
}

/* The axis, other than the last, along which in's elements lie closest; -1 if that is the last, or
 * too short. */
static int closest_axis(const reel__nest *n) {
    int closest = n->ndim - 1;
    for (int i = n->ndim - 2; i >= 0; i--)
        if (n->stride[1][i] && distance(n->stride[1][i]) < distance(n->stride[1][closest]))
            closest = i;
    return closest < n->ndim - 1 && n->dim[closest] >= SHORTEST ? closest : -1;
}

bool reel__cpu_transpose(const reel__nest *n, void *out, const void *in, size_t size) {
    const int b = n->ndim - 1, a = closest_axis(n);
    if (a < 0 || n->stride[0][b] != 1) return false;
    transpose t = {.nest = *n,
                   .a = a,
                   .b = b,
                   .out = out,
                   .in = in,
                   .size = (int64_t)size,
                   .move = reel__cpu_tile(size)};
    t.side_a = SIDE_A / t.size;
    t.side_b = SIDE_B / t.size;
    t.tiles_a = (n->dim[a] - 1) / t.side_a + 1;
    t.tiles_b = (n->dim[b] - 1) / t.side_b + 1;
    int64_t batches = 1;
    for (int i = 0; i < b; i++)
        if (i != a) batches *= n->dim[i];
    const int64_t elements = reel__least(n->dim[a], t.side_a) * reel__least(n->dim[b], t.side_b);
    reel__cpu_parallel(batches * t.tiles_a * t.tiles_b, 8192 / elements + 1, work, &t);
    return true;
}
