/* Tensors: an n-dimensional array of one dtype on one device, a strided view over a shared storage.
 *
 * Invariants: row-major; shapes and strides count elements; at most REEL_MAX_DIMS axes; every
 * tensor has a device, and only reel_to moves data between devices.
 *
 *     {
 *         REEL_SCOPE;
 *         reel_tensor *x = reel_ones(reel_shape(2, 3), REEL_F32, reel_cpu());
 *         reel_tensor *y = reel_matmul(x, reel_t(x));
 *         reel_print(stdout, y);
 *     } // x, y and what lay between are let go here
 *
 * Ownership. Each function below and in ops.h that returns a tensor returns it *borrowed*: the
 * innermost REEL_SCOPE of the thread owns its first reference and lets it go at the brace.
 * reel_retain takes a reference of one's own, which lives until reel_release. Without a scope the
 * thread keeps it until it ends.
 *
 * Errors. NULL in, NULL out; see error.h. */
#ifndef REEL_TENSOR_TENSOR_H
#define REEL_TENSOR_TENSOR_H

#include "error.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* In the options of optimizers, schedules and losses a number that is not named, and so is 0, is
 * its default. This one is 0 itself, also where 0 is the default: (reel_adam_options){.beta1 =
 * REEL_ZERO}.
 * (-2^31, which is no option's value, and is exact in each number's type.) */
#define REEL_ZERO (-2147483647 - 1)

/* ---- dtype, device, shape ---- */

/* f16 (IEEE binary16) and bf16 (the upper half of an f32) are for storage: ops compute in f32, and
 * round the result once, to nearest, ties to even, as a cast does. Random numbers, arange, linspace
 * and optimizers take none of them. Truth values are u8: 0 or 1 as results, any but 0 is true. */
typedef enum { REEL_F32 = 0, REEL_F64, REEL_I64, REEL_U8, REEL_F16, REEL_BF16 } reel_dtype;

/* "f32", "f64", "i64", "u8", "f16", "bf16" */
REEL_API const char *reel_dtype_name(reel_dtype dtype);
REEL_API size_t reel_dtype_size(reel_dtype dtype); /* bytes of one element */

/* f32, f64, f16, bf16: those that have gradients. */
static inline bool reel_dtype_is_float(reel_dtype dtype) {
    return dtype != REEL_I64 && dtype != REEL_U8;
}

typedef enum { REEL_CPU = 0, REEL_CUDA } reel_device_type;

typedef struct {
    reel_device_type type;
    int index;
} reel_device;

static inline reel_device reel_cpu(void) {
    reel_device d = {REEL_CPU, 0};
    return d;
}
static inline reel_device reel_cuda(int index) {
    reel_device d = {REEL_CUDA, index};
    return d;
}

static inline bool reel_device_equal(reel_device a, reel_device b) {
    return a.type == b.type && a.index == b.index;
}

/* Reads "cpu", "cuda" or "cuda:1" into *device. Whether there is such a device is known when it is
 * used. */
REEL_API reel_status reel_device_parse(const char *text, reel_device *device);

/* REEL_OK if `device` can be used here, else the reason is kept as this thread's failure. */
REEL_API reel_status reel_device_check(reel_device device);

/* How many devices of a type there are: indices 0..n-1. 0 for CUDA if it can't be used. */
REEL_API int reel_device_count(reel_device_type type);

/* Waits until the device has done all that it was asked for; the CPU always has. Failures of
 * kernels that nobody has seen yet are kept as this thread's. */
REEL_API reel_status reel_synchronize(reel_device device);

#define REEL_MAX_DIMS 8

typedef struct {
    int ndim;
    int64_t dim[REEL_MAX_DIMS];
} reel_shape;

/* reel_shape(784, 100) is a shape of two axes; REEL_SCALAR is the shape of a 0-d tensor.
 * reel_axes(0, -1) lists axes where a function asks for some; negative axes count from the end. */
#ifdef __cplusplus
extern "C++" { /* sizes of any integer type, v.size() say */
template <class... sizes> inline reel_shape reel__shape(sizes... size) {
    return {static_cast<int>(sizeof...(size)), {static_cast<int64_t>(size)...}};
}
}
#define reel_shape(...) reel__shape(__VA_ARGS__)
#else
#define reel_shape(...)                                                                            \
    REEL__MAKE(reel_shape, REEL__COUNT(__VA_ARGS__, 8, 7, 6, 5, 4, 3, 2, 1, 0), {__VA_ARGS__})
#endif
#define reel_axes(...) reel_shape(__VA_ARGS__)
#define REEL_SCALAR REEL__MAKE(reel_shape, 0, {0})
#define REEL__COUNT(a, b, c, d, e, f, g, h, n, ...) n

/* ---- references and scopes ---- */

typedef struct reel_tensor reel_tensor;

/* A tensor whose last reference went, by its scope or by reel_release, must not be used any more: a
 * failure that names the lines where it was made and let go, in every function that takes a tensor.
 * (It is known by its handle, which serves another tensor once 2,048 more were let go; never in
 * builds with assertions.) */
REEL_API reel_tensor *reel_retain(reel_tensor *t);             /* returns t; NULL in, NULL out */
REEL_API void reel_release_at(const char *at, reel_tensor *t); /* takes NULL */
REEL_API void reel_release(reel_tensor *t);
#define reel_release(...) reel_release_at(REEL_HERE, __VA_ARGS__)

/* REEL_SCOPE; at the head of a block: what is made from there on is let go where the block ends,
 * however it is left. It is a guard, a variable that the compiler clears away: break, continue,
 * return and goto do what they do anywhere. What the operand of a `return` makes belongs to it too.
 *
 *     for (reel_batch b; reel_loader_next(train, &b);) {
 *         REEL_SCOPE;
 *         ...
 *         if (reel_failed()) break; // out of the loop
 *     }
 *
 * Compilers that know no cleanup attribute call reel_scope_open and reel_scope_close in pairs, the
 * innermost first. */
typedef struct {
    const char *at;      /* names the scope in messages; NULL: nothing does */
    size_t start, outer; /* places in the thread's list of what its scopes own */
    int depth;
    bool open;
} reel_scope;

REEL_API reel_scope reel_scope_open(const char *at);
REEL_API void reel_scope_close(reel_scope *scope); /* does nothing to one that is not open */

#define REEL_SCOPE                                                                                 \
    reel_scope REEL__JOIN(reel__scope_, __LINE__)                                                  \
        __attribute__((cleanup(reel_scope_close), unused)) = reel_scope_open(REEL_HERE)

/* Lifts t out of the innermost scope into the one around it, and returns t: what a layer's forward
 * does with its result, so that the rest is let go as soon as backward does not need it. */
REEL_API reel_tensor *reel_scope_return(reel_tensor *t);

/* Writes the tensors alive to f: op, shape, dtype, references, call site, one line for all that are
 * alike and made in one place. Of a loop that makes tensors outside any scope it says so:
 *
 *     mul -> [3] f32, 1 reference, made at loop.c:12, and 999 more like it; no scope lets them go:
 *     REEL_SCOPE; heads the loop
 *
 * (in one line). Returns how many tensors are alive. f NULL:
 * nothing is written. */
REEL_API size_t reel_leak_report(FILE *f);
REEL_API size_t reel_tensors_alive(void);

/* ---- creation: all borrowed ---- */

REEL_API reel_tensor *reel_empty_at(const char *at, reel_shape shape, reel_dtype dtype,
                                    reel_device device);
#define reel_empty(...) reel_empty_at(REEL_HERE, __VA_ARGS__)

/* Every element is `value`: cut off after the point for integers, rounded for floats. An error if
 * the dtype does not hold it: beyond the range of i64, u8 or f32, NaN as an integer. So it is of
 * reel_fill_ and reel_masked_fill. */
REEL_API reel_tensor *reel_full_at(const char *at, reel_shape shape, double value, reel_dtype dtype,
                                   reel_device device);
static inline reel_tensor *reel_zeros_at(const char *at, reel_shape shape, reel_dtype dtype,
                                         reel_device device) {
    return reel_full_at(at, shape, 0, dtype, device);
}
static inline reel_tensor *reel_ones_at(const char *at, reel_shape shape, reel_dtype dtype,
                                        reel_device device) {
    return reel_full_at(at, shape, 1, dtype, device);
}
#define reel_full(...) reel_full_at(REEL__AS("full", ""), __VA_ARGS__)
#define reel_zeros(...) reel_zeros_at(REEL__AS("zeros", ""), __VA_ARGS__)
#define reel_ones(...) reel_ones_at(REEL__AS("ones", ""), __VA_ARGS__)
#define reel_scalar(value, dtype, device)                                                          \
    reel_full_at(REEL__AS("scalar", ""), REEL_SCALAR, value, dtype, device)

/* The same of t's shape, dtype and device, contiguous; untracked whatever t is. */
REEL_API reel_tensor *reel_empty_like_at(const char *at, const reel_tensor *t);
REEL_API reel_tensor *reel_full_like_at(const char *at, const reel_tensor *t, double value);
#define reel_empty_like(...) reel_empty_like_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_full_like(...) reel_full_like_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_zeros_like(t) reel_full_like_at(REEL__AS("zeros_like", #t), t, 0.0)
#define reel_ones_like(t) reel_full_like_at(REEL__AS("ones_like", #t), t, 1.0)

/* arange: 0, 1, ..., n-1.  -> y[n] */
REEL_API reel_tensor *reel_arange_at(const char *at, int64_t n, reel_dtype dtype,
                                     reel_device device);
#define reel_arange(...) reel_arange_at(REEL_HERE, __VA_ARGS__)

/* start, start + step, ... as far as they lie before stop:
 *     y[i] = start + i step,  i < n = ceil((stop - start) / step), none if that is below 1
 * in f64, rounded once to f32; integers are cut off after the point, and wrap around. Errors: a
 * step of 0, bounds that are not finite, for integers bounds beyond 2^53. The same bits on every
 * device, as linspace. */
REEL_API reel_tensor *reel_arange_from_at(const char *at, double start, double stop, double step,
                                          reel_dtype dtype, reel_device device);
#define reel_arange_from(...) reel_arange_from_at(REEL_HERE, __VA_ARGS__)

/* n numbers evenly from start to stop, both ends included to the bit, f32 or f64: y[n],
 *     y[i] = start + i d      for i < n/2 (rounded down),  d = (stop - start) / (n - 1)
 *     y[i] = stop - (n-1-i) d for the others
 * in f64, rounded once to f32: symmetric where start = -stop, as PyTorch's linspace. One number is
 * start. */
REEL_API reel_tensor *reel_linspace_at(const char *at, double start, double stop, int64_t n,
                                       reel_dtype dtype, reel_device device);
#define reel_linspace(...) reel_linspace_at(REEL_HERE, __VA_ARGS__)

/* y[n,m], 1 where row and column are the same, else 0. */
REEL_API reel_tensor *reel_eye_at(const char *at, int64_t n, int64_t m, reel_dtype dtype,
                                  reel_device device);
#define reel_eye(...) reel_eye_at(REEL_HERE, __VA_ARGS__)

/* Copies row-major data of the host into a new tensor on the CPU. `data` may be NULL if the shape
 * is empty. */
REEL_API reel_tensor *reel_from_at(const char *at, const void *data, reel_shape shape,
                                   reel_dtype dtype);
#define reel_from(...) reel_from_at(REEL_HERE, __VA_ARGS__)

/* ---- what a tensor is: NULL gives 0 ---- */

REEL_API int reel_ndim(const reel_tensor *t);
/* Negative axes count from the end; 0 if absent */
REEL_API int64_t reel_dim(const reel_tensor *t, int axis);
REEL_API int64_t reel_stride(const reel_tensor *t, int axis); /* in elements */
REEL_API reel_shape reel_shape_of(const reel_tensor *t);
REEL_API int64_t reel_numel(const reel_tensor *t);
REEL_API reel_dtype reel_dtype_of(const reel_tensor *t);
REEL_API reel_device reel_device_of(const reel_tensor *t);
REEL_API bool reel_is_contiguous(const reel_tensor *t);
REEL_API bool reel_shape_equal(reel_shape a, reel_shape b);

/* The name a tensor goes by in messages and checkpoints (a module names its parameters); "" if
 * none. */
REEL_API const char *reel_name(const reel_tensor *t);
REEL_API reel_status reel_set_name(reel_tensor *t, const char *name);

/* ---- data to and from the host ---- */

/* The first element of a tensor on the CPU, to be read and written by strides; NULL on other
 * devices, and, with a failure, in a step that is captured. Who writes through it tells autograd
 * nothing: use the in-place ops on what a tape may have saved. */
REEL_API void *reel_data(reel_tensor *t);

/* Copies all elements, in row-major order, to or from host memory of exactly `bytes` bytes. Waits.
 */
REEL_API reel_status reel_read_at(const char *at, reel_tensor *t, void *to, size_t bytes);
REEL_API reel_status reel_write_at(const char *at, reel_tensor *t, const void *from, size_t bytes);
#define reel_read(...) reel_read_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_write(...) reel_write_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)

/* The value of a one-element tensor; NaN, and a failure, of any other. Waits for the device. */
REEL_API double reel_item_at(const char *at, reel_tensor *t);
#define reel_item(...) reel_item_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)

/* t on `device`: t itself if it is there already, else a copy. Not differentiable: an error if t is
 * tracked, outside REEL_NO_GRAD. Borrowed. */
REEL_API reel_tensor *reel_to_at(const char *at, reel_tensor *t, reel_device device);
#define reel_to(...) reel_to_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)

/* Prints as numpy prints: summarised beyond 1000 elements, 8 digits, 75 columns, and a newline.
 * Only what is shown is read, or copied from another device. f NULL: does nothing. */
REEL_API void reel_print(FILE *f, reel_tensor *t);

/* ---- the machine ---- */

/* How many threads the calling thread's CPU kernels use, 1..REEL_MAX_THREADS; at first
 * OMP_NUM_THREADS if that is set, else as many as there are processors to run on. Another number
 * may round matrix products differently.
 *
 * A thread that calls Reel needs 256 KB of stack; those that Reel starts see to theirs. */
#define REEL_MAX_THREADS 256
REEL_API reel_status reel_set_threads(int n);
REEL_API int reel_threads(void);

/* How products of f32 matrices are rounded on a GPU, for the calling thread. Sums are f32. The CPU
 * always multiplies f32. */
typedef enum {
    /* At first. As exact as f32: large products go by tensor cores on a Hopper GPU, where each
     * factor is the sum of three bf16, and six of their nine products are added up. An element of
     * x[M,K] y[K,N] was then within 2^-24 (4 + sqrt(K) / 4) of the sum of its |x| |y|, of numbers
     * of all kinds and K up to 8192, on an H200, where a plain sum of positive numbers is off by
     * four times that. Infinities and NaN are where they belong. Of factors below 2^-110 it may
     * lose what is worth less than 2^-134. */
    REEL_MATMUL_F32 = 0,
    REEL_MATMUL_TF32,      /* factors have 10 bits of mantissa */
    REEL_MATMUL_BF16,      /* 7 bits */
    REEL_MATMUL_F32_STRICT /* factors are f32 as they are, multiplied without tensor cores */
} reel_matmul_precision;
REEL_API reel_status reel_set_matmul_precision(reel_matmul_precision p);

/* ---- call sites: see error.h ---- */

#define reel_device_parse(...) REEL__CALL(reel_device_parse(__VA_ARGS__))
#define reel_device_check(...) REEL__CALL(reel_device_check(__VA_ARGS__))
#define reel_synchronize(...) REEL__CALL(reel_synchronize(__VA_ARGS__))
#define reel_data(...) REEL__CALL(reel_data(__VA_ARGS__))
#define reel_set_name(...) REEL__CALL(reel_set_name(__VA_ARGS__))
#define reel_print(...) REEL__CALL(reel_print(__VA_ARGS__))
#define reel_set_threads(...) REEL__CALL(reel_set_threads(__VA_ARGS__))
#define reel_set_matmul_precision(...) REEL__CALL(reel_set_matmul_precision(__VA_ARGS__))

#ifdef __cplusplus
}
#endif
#endif
