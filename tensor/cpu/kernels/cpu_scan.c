/* cumsum: running sums along an axis, of rows or of columns side by side.
 *
 * A row is cut into blocks, and a block into lanes, by its length alone. First the lanes' sums are
 * taken, all at once, then each lane begins with the sum of what comes before it, and all of them
 * run again at once: eight chains of additions instead of one that waits for itself. A block begins
 * with the sum of the blocks before it. Blocks of long rows are shared by threads, in two passes,
 * which do the same additions. */
#include "tensor/cpu/cpu_internal.h"
#include "tensor/ops/call_internal.h"
#include "tensor/ops/nest_internal.h"

#define GRAIN 4096
#define LANES 8
#define BLOCK 4096
#define WIDE 256 /* columns that go together */

/* x and y begin with what is added first; `step` is 1, or -1 where it is the row's end. */
typedef struct scan scan;
struct scan {
    const char *x;
    char *y;
    int64_t outer, n, inner, size, result; /* bytes of an element of x, and of y */
    bool reverse;
    int64_t blocks; /* of a row */
    char *sums; /* [outer, blocks], 8 bytes each: what comes before each; NULL: found on the way */
    void (*sum)(const scan *s, int64_t row, int64_t block);
    void (*rows)(const scan *s, int64_t row, int64_t block, int64_t end);
    void (*before)(const scan *s, int64_t row);
    void (*columns)(const scan *s, int64_t outer, int64_t column, int64_t count);
};

#define ACC double
#define NUMBER float
#define RESULT float
#define F(name) name##_f32
#include "tensor/cpu/kernels/cpu_scan_of_internal.h"
#define NUMBER double
#define RESULT double
#define F(name) name##_f64
#include "tensor/cpu/kernels/cpu_scan_of_internal.h"
#undef ACC
#define ACC uint64_t /* which wraps */
#define NUMBER int64_t
#define RESULT int64_t
#define F(name) name##_i64
#include "tensor/cpu/kernels/cpu_scan_of_internal.h"
#define NUMBER uint8_t
#define RESULT int64_t
#define F(name) name##_u8
#include "tensor/cpu/kernels/cpu_scan_of_internal.h"
#undef ACC

static void work_rows(void *context, int64_t begin, int64_t end) {
    const scan *s = context;
    for (int64_t row = begin; row < end; row++) s->rows(s, row, 0, s->blocks);
}

static void work_sums(void *context, int64_t begin, int64_t end) {
    const scan *s = context;
    for (int64_t i = begin; i < end; i++) s->sum(s, i / s->blocks, i % s->blocks);
}

static void work_blocks(void *context, int64_t begin, int64_t end) {
    const scan *s = context;
    for (int64_t i = begin; i < end; i++)
        s->rows(s, i / s->blocks, i % s->blocks, i % s->blocks + 1);
}

/* Fewer rows than threads: their blocks are shared. */
static reel_status run_blocks(const reel__call *c, scan *s) {
    const size_t bytes = (size_t)(s->outer * s->blocks) * 8;
    s->sums = reel__cpu_alloc(0, bytes);
    if (!s->sums) return reel__fail_call(REEL_ERR_MEMORY, c, "out of memory");
    reel__cpu_parallel(s->outer * s->blocks, 4, work_sums, s);
    for (int64_t row = 0; row < s->outer; row++) s->before(s, row);
    reel__cpu_parallel(s->outer * s->blocks, 4, work_blocks, s);
    reel__cpu_free(0, s->sums, bytes);
    return REEL_OK;
}

static void work_columns(void *context, int64_t begin, int64_t end) {
    const scan *s = context;
    const int64_t chunks = (s->inner + WIDE - 1) / WIDE;
    for (int64_t i = begin; i < end; i++) {
        const int64_t column = i % chunks * WIDE, left = s->inner - column;
        s->columns(s, i / chunks, column, left < WIDE ? left : WIDE);
    }
}

static void choose(scan *s, reel_dtype dtype) {
#define CHOOSE(name)                                                                               \
    s->sum = sum_##name, s->rows = rows_##name, s->before = before_##name,                         \
    s->columns = columns_##name
    switch (dtype) {
    case REEL_F32:
        CHOOSE(f32);
        break;
    case REEL_F64:
        CHOOSE(f64);
        break;
    case REEL_I64:
        CHOOSE(i64);
        break;
    default:
        CHOOSE(u8);
        break;
    }
#undef CHOOSE
}

reel_status reel__cpu_cumsum(const reel__call *c) {
    if (reel_numel(c->in[0]) == 0) return REEL_OK;
    REEL_SCOPE;
    const reel_tensor *x = reel_contiguous_at(c->at, c->in[0]);
    if (!x) return reel_error_status();
    const int axis = c->with.scan.axis;
    scan s = {.x = reel__data(x),
              .y = reel__data(c->out[0]),
              .n = x->layout.shape.dim[axis],
              .reverse = c->with.scan.reverse};
    reel__around_axis(x->layout.shape, axis, &s.outer, &s.inner);
    choose(&s, x->layout.dtype);
    s.blocks = (s.n + BLOCK - 1) / BLOCK;
    if (s.inner > 1)
        reel__cpu_parallel(s.outer * ((s.inner + WIDE - 1) / WIDE),
                           GRAIN / (s.n * (s.inner < WIDE ? s.inner : WIDE)) + 1, work_columns, &s);
    else if (s.outer < reel_threads() && s.blocks >= 16)
        return run_blocks(c, &s);
    else
        reel__cpu_parallel(s.outer, GRAIN / s.n + 1, work_rows, &s);
    return REEL_OK;
}
