/* index_add, scatter_add: what the index sends to one place is added in the order of the entries,
 * however the work is cut: by columns (outer times inner of them), each of which has places of its
 * own, or, of rows under few outer indices, by places. */
#include "tensor/cpu/kernels/cpu_index_internal.h"

#include <string.h>

#define F(name) name##_f32
#define T float
#include "tensor/cpu/kernels/cpu_index_add_of_internal.h"
#undef F
#undef T
#define F(name) name##_f64
#define T double
#include "tensor/cpu/kernels/cpu_index_add_of_internal.h"
#undef F
#undef T
#define F(name) name##_i64
#define T uint64_t /* which wraps */
#include "tensor/cpu/kernels/cpu_index_add_of_internal.h"
#undef F
#undef T
#define F(name) name##_u8
#define T uint8_t
#include "tensor/cpu/kernels/cpu_index_add_of_internal.h"

typedef void (*row_adder)(const reel__move *m, int64_t o, int64_t first, int64_t end, int64_t j,
                          int64_t n);
typedef void (*element_adder)(const reel__move *m, int64_t o, int64_t j, int64_t n);

static const row_adder add_rows[] = {[REEL_F32] = add_rows_f32,
                                     [REEL_F64] = add_rows_f64,
                                     [REEL_I64] = add_rows_i64,
                                     [REEL_U8] = add_rows_u8};
static const element_adder add_elements[] = {[REEL_F32] = add_elements_f32,
                                             [REEL_F64] = add_elements_f64,
                                             [REEL_I64] = add_elements_i64,
                                             [REEL_U8] = add_elements_u8};

/* Columns j..j + n of one outer index, or all of some places. */
static void clear(const reel__move *m, int64_t o, int64_t first, int64_t end, int64_t j,
                  int64_t n) {
    const size_t size = reel_dtype_size(m->dtype), row = (size_t)m->inner * size;
    char *to = (char *)m->out + (size_t)(o * m->size + first) * row + (size_t)j * size;
    if (n == m->inner)
        memset(to, 0, (size_t)(end - first) * row);
    else
        for (int64_t i = first; i < end; i++, to += row) memset(to, 0, (size_t)n * size);
}

typedef struct {
    const reel__move *m;
    bool rows; /* index_add */
} task;

/* Columns begin..end of outer times inner. */
static void work_columns(void *context, int64_t begin, int64_t end) {
    const task *t = context;
    const reel__move *m = t->m;
    for (int64_t n; begin < end; begin += n) {
        const int64_t o = begin / m->inner, j = begin % m->inner;
        n = m->inner - j < end - begin ? m->inner - j : end - begin;
        clear(m, o, 0, m->size, j, n);
        if (t->rows)
            add_rows[m->dtype](m, o, 0, m->size, j, n);
        else
            add_elements[m->dtype](m, o, j, n);
    }
}

/* Places begin..end, all columns of them. */
static void work_places(void *context, int64_t begin, int64_t end) {
    const reel__move *m = ((const task *)context)->m;
    for (int64_t o = 0; o < m->outer; o++) {
        clear(m, o, begin, end, 0, m->inner);
        add_rows[m->dtype](m, o, begin, end, 0, m->inner);
    }
}

#define GRAIN 8192 /* elements to be added */
#define SHORTEST 4 /* a row that costs more to add than to pass over */
#define WIDE 64    /* columns that are worth while of a row that is cut */

/* By places, each thread adds whole rows, and passes over those of others. */
static bool goes_by_places(const task *t) {
    const int64_t enough = 4 * (int64_t)reel_threads();
    return t->rows && t->m->outer < enough && t->m->size >= enough && t->m->inner >= SHORTEST;
}

static void add(task *t) {
    const reel__move *m = t->m;
    const int64_t columns = m->outer * m->inner;
    if (columns == 0) return; /* and `size` may be anything */
    const int64_t grain = GRAIN / (m->entries + m->size + 1) + 1;
    if (goes_by_places(t))
        reel__cpu_parallel(m->size, GRAIN * m->size / (m->entries * columns + 1) + 1, work_places,
                           t);
    else
        reel__cpu_parallel(columns, t->rows && m->inner > 1 && grain < WIDE ? WIDE : grain,
                           work_columns, t);
}

static reel_status add_by_index(const reel__call *c, bool rows) {
    reel__move m;
    reel_status status = REEL_OK;
    REEL_SCOPE;
    REEL_TRY(reel__cpu_move_make(&m, c));
    status = reel__cpu_check_indices(c, m.index, m.indices, m.size);
    if (status == REEL_OK) add(&(task){&m, rows});
    return status;
}

reel_status reel__cpu_index_add(const reel__call *c) {
    return add_by_index(c, true);
}

reel_status reel__cpu_scatter_add(const reel__call *c) {
    return add_by_index(c, false);
}
