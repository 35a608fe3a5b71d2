/* resample and its transpose: sums with weights along each of up to three axes.
 *
 * What each element of an axis is a sum of is written to a table first, and the transposed sum is
 * one of another table: the rest is the same. Rows of the result are shared by threads. A row is
 * summed across rows of the input, into a buffer, and then along itself. */
#include "tensor/cpu/kernels/cpu_window_internal.h"
#include "tensor/ops/call_internal.h"

#include <string.h>

#define BUFFER 2048

/* Element j is the sum of weight[k] in[index[k]], first[j] <= k < first[j + 1]. */
typedef struct {
    int64_t in, out, *first, *index;
    void *weight; /* of the dtype */
    bool picks;   /* each is one element, or none, as it is */
    bool pairs;   /* each is a sum of two */
    bool runs;    /* picks, of which from..to - 1 lie `shift` further, many side by side */
    int64_t shift, from, to;
} table;

typedef void rows_fn(const void *w, int64_t begin, int64_t end);

typedef struct {
    table axis[3];
    const char *x;
    char *y;
    int64_t outer, size;
    double value;
    rows_fn *rows;
} resampling;

#define NUMBER float
#define F(name) name##_f32
#include "tensor/cpu/kernels/cpu_resample_of_internal.h"
#define NUMBER double
#define F(name) name##_f64
#include "tensor/cpu/kernels/cpu_resample_of_internal.h"

/* ---- tables ---- */

/* Calls for every weight of element j, in order; how many there are. `t` NULL: they are counted. */
static int64_t write_forward(table *t, const reel__span *a, int64_t j, int64_t at, double times,
                             size_t size) {
    const reel__taps_of taps = reel__taps_at(a, j);
    for (int64_t k = 0; t && k < taps.count; k++) {
        const double w = times * taps.weight[taps.even ? 0 : k];
        t->index[at + k] = reel__clamped(taps.first + k, a->in);
        if (size == sizeof(float))
            ((float *)t->weight)[at + k] = (float)w;
        else
            ((double *)t->weight)[at + k] = w;
    }
    return taps.count;
}

static int64_t write_back(table *t, const reel__span *a, int64_t p, int64_t at, double times,
                          size_t size) {
    int64_t count = 0;
    for (int range = 0; range < REEL__TAP_RANGES; range++) {
        int64_t j, end;
        reel__tap_range(a, p, range, &j, &end);
        for (; j < end; j++) {
            const double w = times * reel__tap_weight(a, j, p);
            if (w == 0) continue;
            if (t) {
                t->index[at + count] = j;
                if (size == sizeof(float))
                    ((float *)t->weight)[at + count] = (float)w;
                else
                    ((double *)t->weight)[at + count] = w;
            }
            count++;
        }
    }
    return count;
}

static double weight_of(const table *t, int64_t k, size_t size) {
    return size == sizeof(float) ? (double)((const float *)t->weight)[k]
                                 : ((const double *)t->weight)[k];
}

/* The longest run of picks from elements side by side; whether it is most of the axis. */
static bool find_run(table *t) {
    for (int64_t j = 0, end; j < t->out; j = end) {
        end = j + 1;
        if (t->first[j + 1] == t->first[j]) continue;
        const int64_t shift = t->index[t->first[j]] - j;
        while (end < t->out && t->first[end + 1] > t->first[end] &&
               t->index[t->first[end]] - end == shift)
            end++;
        if (end - j > t->to - t->from) t->from = j, t->to = end, t->shift = shift;
    }
    return 2 * (t->to - t->from) >= t->out;
}

static void describe(table *t, size_t size) {
    t->picks = t->pairs = true;
    for (int64_t j = 0; j < t->out; j++) {
        const int64_t k = t->first[j], n = t->first[j + 1] - k;
        t->pairs = t->pairs && n == 2;
        t->picks = t->picks && (n == 0 || (n == 1 && weight_of(t, k, size) == 1));
    }
    t->runs = t->picks && find_run(t);
}

static reel_status make_table(table *t, const reel__call *c, const reel__span *a, bool back,
                              double times, size_t size) {
    int64_t (*write)(table *, const reel__span *, int64_t, int64_t, double, size_t) =
        back ? write_back : write_forward;
    t->in = back ? a->out : a->in;
    t->out = back ? a->in : a->out;
    const size_t bytes = (size_t)(t->out + 1) * sizeof *t->first;
    t->first = reel__cpu_alloc(0, bytes);
    if (!t->first) return reel__fail_call(REEL_ERR_MEMORY, c, "out of memory");
    t->first[0] = 0;
    for (int64_t j = 0; j < t->out; j++)
        t->first[j + 1] = t->first[j] + write(NULL, a, j, 0, times, size);
    const size_t all = (size_t)t->first[t->out] + 1; /* never nothing */
    t->index = reel__cpu_alloc(0, all * sizeof *t->index);
    t->weight = reel__cpu_alloc(0, all * size);
    if (!t->index || !t->weight) return reel__fail_call(REEL_ERR_MEMORY, c, "out of memory");
    for (int64_t j = 0; j < t->out; j++) write(t, a, j, t->first[j], times, size);
    describe(t, size);
    return REEL_OK;
}

static void free_table(table *t, size_t size) {
    if (!t->first) return;
    const size_t all = (size_t)t->first[t->out] + 1;
    if (t->weight) reel__cpu_free(0, t->weight, all * size);
    if (t->index) reel__cpu_free(0, t->index, all * sizeof *t->index);
    reel__cpu_free(0, t->first, (size_t)(t->out + 1) * sizeof *t->first);
}

/* ---- the ops ---- */

static void work(void *context, int64_t begin, int64_t end) {
    const resampling *r = context;
    r->rows(r, begin, end);
}

static rows_fn *rows_of(const resampling *r) {
    const bool single = r->size == sizeof(float);
    if (r->axis[0].picks && r->axis[1].picks && r->axis[2].runs)
        return single ? picked_rows_f32 : picked_rows_f64;
    return single ? rows_f32 : rows_f64;
}

static reel_status resample(const reel__call *c, bool back) {
    if (reel_numel(c->out[0]) == 0) return REEL_OK;
    REEL_SCOPE;
    const reel_tensor *x = reel_contiguous_at(c->at, c->in[0]);
    if (!x) return reel_error_status();
    reel__span axis[3];
    const int64_t outer = reel__three_axes(&c->with, x, axis);
    const size_t size = reel_dtype_size(x->layout.dtype);
    resampling r = {.x = reel__data(x),
                    .y = reel__data(c->out[0]),
                    .outer = outer,
                    .size = (int64_t)size,
                    .value = back ? 0 : c->with.window.value};
    reel_status status = REEL_OK;
    for (int i = 0; i < 3 && status == REEL_OK; i++)
        status = make_table(&r.axis[i], c, &axis[i], back, i == 0 ? c->with.window.times : 1, size);
    r.rows = rows_of(&r);
    if (status == REEL_OK) {
        const int64_t each = r.axis[2].in + r.axis[2].out;
        reel__cpu_parallel(r.outer * r.axis[0].out * r.axis[1].out,
                           REEL__WINDOW_GRAIN / (each + 1) + 1, work, &r);
    }
    for (int i = 0; i < 3; i++) free_table(&r.axis[i], size);
    return status;
}

reel_status reel__cpu_resample(const reel__call *c) {
    return resample(c, false);
}

reel_status reel__cpu_resample_grad(const reel__call *c) {
    return resample(c, true);
}
