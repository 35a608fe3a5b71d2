/* The CPU backend's parts. */
#ifndef REEL_TENSOR_CPU_CPU_INTERNAL_H
#define REEL_TENSOR_CPU_CPU_INTERNAL_H

#include "tensor/ops_internal.h"
#include "tensor/tensor_internal.h"

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
    const void *in[3];
    int64_t out_stride, in_stride[3];
    const double *constants; /* attr.f */
} reel__run;
typedef void (*reel__loop)(const reel__run *r);

/* Adam's constants of one step, worked out once: see cpu_update.c. */
typedef struct {
    double beta1, beta2, eps, weight_decay, step_size, root_correction, shrink;
} reel__adam_step;
typedef struct {
    double lr, momentum, dampening, weight_decay;
    bool nesterov, first;
} reel__sgd_step;

typedef struct {
    const char *name;
    reel__loop map[REEL_OP_COUNT][4]; /* by dtype; NULL where the op is none of MAP */
    reel__loop dequantize[2][4];      /* to f32 or f64, from each dtype */
    /* Of contiguous elements, in an order that n alone decides. */
    double (*sum[2])(const void *x, int64_t n);
    double (*sum_squares[2])(const void *x, int64_t n);
    double (*sum_square_differences[2])(const void *x, const void *y, int64_t n);
    /* out[j] = (sum over i < rows of x[i stride + j]) / divisor, j < columns */
    void (*sum_rows[2])(void *out, const void *x, int64_t rows, int64_t columns, int64_t stride,
                        double divisor);
    void (*softmax[2])(void *out, const void *x, int64_t n);
    void (*adam[2])(void *p, const void *g, void *m, void *v, int64_t n, const reel__adam_step *s);
    void (*sgd[2])(void *p, const void *g, void *v, int64_t n, const reel__sgd_step *s);
} reel__loops;

extern const reel__loops reel__loops_plain, reel__loops_avx2, reel__loops_avx512;
const reel__loops *reel__cpu_loops(void); /* the best that this machine runs */

/* ---- elementwise driver (cpu_map.c) ---- */

/* Runs `loop` over out's shape with each input broadcast to it: axes collapsed, work split over
 * threads. */
void reel__cpu_map_with(reel__loop loop, reel_tensor *out, int nin, reel_tensor *const *in,
                        const double *constants);
reel_status reel__cpu_map(const reel__call *c);

/* ---- kernels of ops that have one of their own ---- */

#define REEL_OP(name, inputs, kind, dtypes, rule, saves, gradient)                                 \
    reel_status reel__cpu_##name(const reel__call *c);
#include "tensor/ops.def"

#endif
