/* The CPU backend's parts. */
#ifndef REEL_TENSOR_CPU_CPU_INTERNAL_H
#define REEL_TENSOR_CPU_CPU_INTERNAL_H

#include "tensor/core/tensor_internal.h"
#include "tensor/ops/ops_internal.h"
#include "tensor/ops/update_internal.h"

#define INLINE static inline __attribute__((always_inline))

static inline int64_t reel__least(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* Asks for up to a page of what is read next, which need not be there. Measured: where rows of 4 KB
 * come from memory, an op by rows takes up to twice as long without it as one run over all of them.
 * In line, or else gcc takes it for a function that does nothing. */
#define REEL__PAGE 4096
#define REEL__LINE 64
INLINE void reel__cpu_fetch(const char *x, int64_t bytes) {
    for (int64_t i = 0; i < reel__least(bytes, REEL__PAGE); i += REEL__LINE)
        __builtin_prefetch(x + i);
}

/* ---- memory (cpu_memory.c): freed blocks are kept by size and used again ---- */

void *reel__cpu_alloc(int index, size_t bytes);
void reel__cpu_free(int index, void *memory, size_t bytes);

/* ---- the same for tensors, whose bytes are counted (cpu_bytes.c) ---- */

void *reel__cpu_tensor_alloc(int index, size_t bytes);
void reel__cpu_tensor_free(int index, void *memory, size_t bytes);
/* Bytes that tensors have now; the most that they had since it was restarted. For benchmarks. */
size_t reel__cpu_bytes(void);
size_t reel__cpu_most_bytes(bool restart);

/* ---- threads (cpu_pool.c, cpu_threads.c) ---- */

/* Runs parts 0..parts-1 of some work, each once, on this thread and those of the pool; returns when
 * all are done. */
typedef void (*reel__part)(void *context, int64_t part, int64_t parts);
void reel__cpu_share(int64_t parts, reel__part run, void *context);

/* Calls work(context, begin, end) for parts of 0..n that together are all of it, on up to
 * reel_threads() threads, each part about `grain` long or longer; where parts are long, they begin
 * at multiples of 64. Denormals are flushed to zero inside; the caller's floating-point mode is put
 * back. */
typedef void (*reel__work)(void *context, int64_t begin, int64_t end);
void reel__cpu_parallel(int64_t n, int64_t grain, reel__work work, void *context);

/* ---- loops (cpu_loops.c): the vector code, one table for each instruction set, chosen at run time
 * ---- */

/* One run of an elementwise op: n elements, each operand at its own stride (in elements; 0 repeats
 * one). */
typedef struct {
    int64_t n;
    void *out;
    const void *in[REEL__MOST_MAPPED];
    int64_t out_stride, in_stride[REEL__MOST_MAPPED];
    const double *constants; /* a MAP's a and b, or what else the loop takes: two at least */
} reel__run;
typedef void (*reel__loop)(const reel__run *r);

/* One run of an optimizer's step: n elements of a parameter, its gradient, and the moments whose
 * bits are set in `has`. */
typedef struct {
    int64_t n;
    void *p, *moment[REEL__MAX_MOMENTS];
    const void *g;
    unsigned has;
    const reel__step *step;
} reel__update_run;
typedef void (*reel__update_loop)(const reel__update_run *r);

/* z[m,n] (+)= x[m,k] y[k,n], of strides in elements; z's columns are contiguous, and so are y's
 * columns or its rows. */
typedef struct {
    const void *x, *y;
    void *z;
    int64_t m, n, k, x_row, x_step, y_step, y_column, z_row;
    bool accumulate;
} reel__gemm;
#define REEL__GEMM_ROOM 98304 /* bytes of room for copied parts of y and x */

/* A row of a depthwise convolution's y, of which row t of the kernel meets a row of x (from x on,
 * in elements): position i meets it at i stride + k dilation. Rows of x are long enough for whole
 * vectors. */
typedef struct {
    int64_t w, x;
} reel__tap;
typedef struct {
    const reel__tap *tap;
    int count;
    int64_t width, kernel, stride, dilation; /* of y's row, of a row of the kernel */
    const void *x, *w, *bias;                /* bias NULL: none */
} reel__taps;

/* Rows of g and of x, so many elements apart, and the taps of a row of the kernel. */
typedef struct {
    const void *g, *x;
    int64_t rows, width, g_row, x_row, taps, dilation;
} reel__dots;

typedef struct {
    const char *name;
    reel__loop map[REEL__MAPS][REEL__NUMBERS];   /* by dtype; NULL where the row takes none such */
    reel__loop fill[9], where[9];                /* by the size of an element */
    reel__loop cast[REEL__DTYPES][REEL__DTYPES]; /* from each dtype to each */
    reel__loop dequantize[2][REEL__DTYPES];      /* to f32 or f64, from each dtype */
    /* Of contiguous elements, in an order that n alone decides. */
    double (*sum_squares[2])(const void *x, int64_t n);
    bool (*indices_fit)(const int64_t *index, int64_t n, int64_t size); /* all in 0..size-1 */
    void (*gemm[2])(const reel__gemm *g, void *room);
    bool multiplies_large;                         /* gemm is as fast as BLAS, of whatever size */
    void (*taps[2])(const reel__taps *t, void *y); /* y = sum of w x, and bias */
    void (*dot_taps[2])(const reel__dots *d, double *sums); /* sums[k] += g x, of each tap */
    struct { /* of f32: cpu_loops_winograd_internal.h */
        void (*patch)(const void *patches, int64_t from_apart, void *to, int64_t apart,
                      int64_t columns);
        void (*result)(const void *sums, int64_t apart, void *to, int64_t to_apart, int64_t columns,
                       const void *bias);
        void (*spread)(const void *g, int64_t from_apart, void *to, int64_t apart, int64_t columns);
        void (*kernel)(const void *w, int64_t channels, void *to, int64_t apart);
        void (*weight)(const void *sums, int64_t apart, void *to, int64_t to_apart,
                       int64_t columns);
        void (*row)(const void *left, const void *right, void *to, int64_t width);
    } winograd;
    reel__update_loop update[REEL_OP_COUNT][2]; /* NULL where the op is none of UPDATE */
} reel__loops;

extern const reel__loops reel__loops_plain, reel__loops_avx2, reel__loops_avx512;
const reel__loops *reel__cpu_loops(void); /* the best that this machine runs */

/* ---- elementwise driver (cpu_map.c) ---- */

/* Runs `loop` over out's shape with each input broadcast to it: axes collapsed, work split over
 * threads. */
void reel__cpu_map_with(reel__loop loop, reel_tensor *out, int nin, reel_tensor *const *in,
                        const double *constants);
reel_status reel__cpu_map(const reel__call *c);

/* ---- optimizers' steps (cpu_update.c) ---- */

reel_status reel__cpu_update(const reel__call *c);

/* ---- reductions (cpu_reduce.c) ---- */

reel_status reel__cpu_reduce(const reel__call *c);

/* ---- kernels of ops that have one of their own ---- */

#define REEL_OP(name, inputs, kind, dtypes, told, rule, saves, gradient)                           \
    reel_status reel__cpu_##name(const reel__call *c);
#include "tensor/ops/ops.def"

#endif
