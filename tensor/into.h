/* Results in memory that is there already.
 *
 *     reel_into(d, sub, y, t);       // d = y - t, in d's memory
 *     reel_in_place(mul, x, scale);  // x *= scale, broadcast to x's shape
 *
 * reel_into(out, f, ...) is reel_f(...) whose result goes into out; returns out, NULL on failure. f
 * is any function that has a reel_f_at and returns a tensor, ... is what that one takes. An
 * elementwise op of f32, f64, i64 or u8 writes there at once, and so does a matmul without
 * broadcasts into a contiguous out of its shape; the result of any other function is copied.
 * reel_in_place(f, x, ...) is reel_into(x, f, x, ...), which evaluates x twice.
 *
 * The result has the dtype that f gives, and a shape that broadcasts to out's. out may be a strided
 * view, and an input may be out itself, or other elements of its memory, which are copied first.
 * Nothing is recorded: outside REEL_NO_GRAD it is an error if out is tracked, or if the op would be
 * recorded for an input of its. An expanded view, whose elements share memory, is refused as out. A
 * failure may leave some of out changed. */
#ifndef REEL_TENSOR_INTO_H
#define REEL_TENSOR_INTO_H

#include "tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* t = from: broadcasts, casts, and moves between devices. */
REEL_API reel_tensor *reel_copy_at_(const char *at, reel_tensor *to, reel_tensor *from);
#define reel_copy_(...) reel_copy_at_(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
REEL_API reel_tensor *reel_fill_at_(const char *at, reel_tensor *t, double value);
#define reel_fill_(...) reel_fill_at_(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)

#define reel_into(out, f, ...)                                                                     \
    REEL__INTO(REEL__JOIN(reel__into_, __COUNTER__), out, REEL__AS(#f, #__VA_ARGS__),              \
               reel_##f##_at, __VA_ARGS__)
#define reel_in_place(f, ...)                                                                      \
    REEL__INTO(REEL__JOIN(reel__into_, __COUNTER__), REEL__FIRST(__VA_ARGS__, 0),                  \
               REEL__AS(#f, #__VA_ARGS__), reel_##f##_at, __VA_ARGS__)
#define REEL__FIRST(first, ...) first

/* A result that waits in the thread for the call from its site, until its end; they nest. */
typedef struct reel_into_wait {
    reel_tensor *out;
    const char *at;
    struct reel_into_wait *outer;
    bool ready, linked; /* no op has taken it; it is among those that wait */
} reel_into_wait;
REEL_API const char *reel_into_begin(reel_into_wait *wait); /* returns its at */
REEL_API reel_tensor *reel_into_end(reel_into_wait *wait, reel_tensor *result);
REEL_API void reel_into_leave(reel_into_wait *wait); /* without a result, if it has not ended */

#define REEL__INTO(wait, out, at, function, ...)                                                   \
    __extension__({                                                                                \
        reel_into_wait wait __attribute__((cleanup(reel_into_leave))) =                            \
            REEL__MAKE(reel_into_wait, out, at, 0, 0, 0);                                          \
        reel_into_end(&wait, function(reel_into_begin(&wait), __VA_ARGS__));                       \
    })

#ifdef __cplusplus
}
#endif

#endif
