/* Elementwise ops: broadcasting, and runs of elements as long as the strides allow. */
#include "tensor/cpu/cpu_internal.h"
#include "tensor/ops/nest_internal.h"

#include <string.h>

#define GRAIN 8192
#define FAR ((int64_t)8 << 20) /* bytes of the result beyond which rows are fetched ahead */
#define SHORT 32               /* rows of up to so many elements are worked on together, */
#define TOGETHER 1024          /* up to so many elements */

typedef struct {
    reel__nest axes;
    reel__loop loop;
    const double *constants;
    char *data[REEL__OPERANDS];
    size_t size[REEL__OPERANDS];
    bool far; /* too much for a cache */
} nest;

/* A run along the last axis, but for where it begins. */
static reel__run run_of(const nest *n, int64_t length) {
    const int last = n->axes.ndim - 1;
    reel__run r = {.n = length, .out_stride = n->axes.stride[0][last], .constants = n->constants};
    for (int k = 1; k < n->axes.operands; k++) r.in_stride[k - 1] = n->axes.stride[k][last];
    return r;
}

INLINE void run_loop(const nest *n, reel__run *r, char *const data[REEL__OPERANDS]) {
    r->out = data[0];
    for (int k = 1; k < n->axes.operands; k++) r->in[k - 1] = data[k];
    n->loop(r);
}

static void advance(const nest *n, char *data[REEL__OPERANDS], int axis, int64_t by) {
    for (int k = 0; k < n->axes.operands; k++)
        data[k] += n->axes.stride[k][axis] * by * (int64_t)n->size[k];
}

/* Elements begin..end of a single run. */
static void work_run(void *context, int64_t begin, int64_t end) {
    const nest *n = context;
    char *data[REEL__OPERANDS] = {0};
    for (int k = 0; k < n->axes.operands; k++) data[k] = n->data[k];
    advance(n, data, 0, begin);
    reel__run r = run_of(n, end - begin);
    run_loop(n, &r, data);
}

/* The next row of each operand that has one there. */
INLINE void fetch_next(const nest *n, char *const data[REEL__OPERANDS]) {
    const int last = n->axes.ndim - 1;
    for (int k = 1; k < n->axes.operands; k++) {
        const int64_t size = (int64_t)n->size[k];
        if (n->axes.stride[k][last] == 1 && n->axes.stride[k][last - 1])
            reel__cpu_fetch(data[k] + n->axes.stride[k][last - 1] * size, n->axes.dim[last] * size);
    }
}

/* Rows begin..end of all outer axes, one run each. */
static void work_rows(void *context, int64_t begin, int64_t end) {
    const nest *n = context;
    int64_t at[REEL_MAX_DIMS] = {0}, rest = begin;
    char *data[REEL__OPERANDS] = {0};
    for (int k = 0; k < n->axes.operands; k++) data[k] = n->data[k];
    for (int i = n->axes.ndim - 2; i >= 0; i--) {
        at[i] = rest % n->axes.dim[i];
        rest /= n->axes.dim[i];
        advance(n, data, i, at[i]);
    }
    reel__run r = run_of(n, n->axes.dim[n->axes.ndim - 1]);
    for (int64_t row = begin; row < end; row++) {
        if (n->far) fetch_next(n, data);
        run_loop(n, &r, data);
        for (int i = n->axes.ndim - 2; i >= 0; i--) {
            advance(n, data, i, 1);
            if (++at[i] < n->axes.dim[i]) break;
            advance(n, data, i, -at[i]);
            at[i] = 0;
        }
    }
}

/* ---- short rows, many together: what is broadcast is written out ---- */

static bool is_whole(const reel__nest *n, int k) {
    return n->stride[k][0] == n->dim[1] && n->stride[k][1] == 1;
}

/* Of two axes: rows that follow each other, but for operands that are broadcast along either. */
static bool has_short_rows(const reel__nest *n) {
    if (n->ndim != 2 || n->dim[1] > SHORT || !is_whole(n, 0)) return false;
    for (int k = 1; k < n->operands; k++)
        if (!is_whole(n, k) && n->stride[k][0] && n->stride[k][1]) return false;
    return true;
}

/* With size and column, the step from element to element, known where they are put in. */
INLINE void write_elements(const nest *n, int k, char *to, const char *from, int64_t rows,
                           int64_t size, int64_t column) {
    const int64_t columns = n->axes.dim[1], row = n->axes.stride[k][0] * size;
    for (int64_t i = 0; i < rows; i++, from += row)
        for (int64_t j = 0; j < columns; j++, to += size)
            memcpy(to, from + j * column, (size_t)size);
}

INLINE void write_rows(const nest *n, int k, char *to, const char *from, int64_t rows,
                       int64_t size) {
    const int64_t column = n->axes.stride[k][1];
    if (column == 0)
        write_elements(n, k, to, from, rows, size, 0);
    else
        write_elements(n, k, to, from, rows, size, column * size);
}

static void write_out(const nest *n, int k, char *to, const char *from, int64_t rows) {
    if (n->size[k] == 1)
        write_rows(n, k, to, from, rows, 1);
    else if (n->size[k] == 2)
        write_rows(n, k, to, from, rows, 2);
    else if (n->size[k] == 4)
        write_rows(n, k, to, from, rows, 4);
    else
        write_rows(n, k, to, from, rows, 8);
}

static void work_short_rows(void *context, int64_t begin, int64_t end) {
    const nest *n = context;
    const int64_t columns = n->axes.dim[1], most = TOGETHER / columns;
    uint64_t written[REEL__MOST_MAPPED][TOGETHER];
    for (int64_t i = begin; i < end; i += most) {
        const int64_t rows = end - i < most ? end - i : most;
        char *data[REEL__OPERANDS] = {0};
        for (int k = 0; k < n->axes.operands; k++) data[k] = n->data[k];
        advance(n, data, 0, i);
        reel__run r = {
            .n = rows * columns, .out = data[0], .out_stride = 1, .constants = n->constants};
        for (int k = 1; k < n->axes.operands; k++) {
            const bool whole = is_whole(&n->axes, k);
            if (!whole) write_out(n, k, (char *)written[k - 1], data[k], rows);
            r.in[k - 1] = whole ? data[k] : (char *)written[k - 1];
            r.in_stride[k - 1] = 1;
        }
        n->loop(&r);
    }
}

/* ---- the op ---- */

void reel__cpu_map_with(reel__loop loop, reel_tensor *out, int nin, reel_tensor *const *in,
                        const double *constants) {
    static const double none[2] = {0, 0};
    nest n = {.loop = loop, .constants = constants ? constants : none};
    if (reel_numel(out) == 0) return;
    reel__nest_make(&n.axes, out, nin, in);
    for (int k = 0; k <= nin; k++) {
        const reel_tensor *t = k ? in[k - 1] : out;
        n.data[k] = reel__data(t);
        n.size[k] = reel_dtype_size(t->layout.dtype);
    }
    n.far = reel_numel(out) * (int64_t)n.size[0] > FAR;
    int64_t rows = 1, length = n.axes.dim[n.axes.ndim - 1];
    for (int i = 0; i < n.axes.ndim - 1; i++) rows *= n.axes.dim[i];
    if (rows == 1)
        reel__cpu_parallel(length, GRAIN, work_run, &n);
    else if (has_short_rows(&n.axes))
        reel__cpu_parallel(rows, GRAIN / length, work_short_rows, &n);
    else
        reel__cpu_parallel(rows, length < GRAIN ? GRAIN / length : 1, work_rows, &n);
}

reel_status reel__cpu_map(const reel__call *c) {
    reel__loop loop = reel__cpu_loops()->map[c->op][c->in[0]->layout.dtype];
    reel__cpu_map_with(loop, c->out[0], c->nin, c->in,
                       (const double[2]){c->with.map.a, c->with.map.b});
    return REEL_OK;
}
