/* Autograd: a tape of the ops that tracked tensors went through, and gradients by walking it
 * backwards.
 *
 *     reel_tensor *W = reel_track(reel_randn(reel_shape(784, 10), REEL_F32, g)); // a leaf
 *     REEL_SCOPE {
 *         reel_tensor *loss = reel_mean(reel_square(reel_matmul(x, W)));
 *         reel_backward(loss);
 *         reel_tensor *dW = reel_grad(W);              // dloss/dW, of W's shape
 *     }
 *
 * What comes out of an op is tracked if one of its inputs is. The tape holds what the op's gradient
 * rule asked for and lets it go as backward passes. Gradients of leaves accumulate over calls of
 * reel_backward, in place, until reel_zero_grad or an optimizer's step. Leaves' gradients belong to
 * no scope.
 *
 * A tape belongs to the threads that made it: two threads must not go backward over nodes or leaves
 * they share at the same time. */
#ifndef REEL_AUTOGRAD_AUTOGRAD_H
#define REEL_AUTOGRAD_AUTOGRAD_H

#include "tensor/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Makes a tensor a leaf whose gradient is wanted, and returns it. An error on integers and on
 * results of ops. */
REEL_API reel_tensor *reel_track_at(const char *at, reel_tensor *t);
#define reel_track(t) reel_track_at(REEL_AT(t), t)
/* Freezes a leaf: no gradient from now on, and the one it has is let go. */
REEL_API void reel_untrack(reel_tensor *leaf);
REEL_API bool reel_is_tracked(const reel_tensor *t);

/* d loss / d leaf for every tracked leaf that loss (one element) came from, added to what is there.
 * The tape is let go on the way: a second call on the same loss is an error. Does nothing while a
 * failure is kept. */
REEL_API reel_status reel_backward_at(const char *at, reel_tensor *loss);
#define reel_backward(loss) reel_backward_at(REEL_AT(loss), loss)

/* The same with options; zero means the default. */
typedef struct {
    reel_tensor *gradient; /* d/d output, of its shape; NULL: ones, and it has one element */
    bool retain_graph;     /* keep the tape for another call */
} reel_backward_options;
REEL_API reel_status reel_backward_with_at(const char *at, reel_tensor *output,
                                           reel_backward_options options);
#define reel_backward_with(output, ...)                                                            \
    reel_backward_with_at(REEL_AT(output), output, (reel_backward_options){__VA_ARGS__})

/* A leaf's gradient, borrowed from the leaf; NULL where none has arrived since reel_zero_grad. The
 * next backward may write into it or put another tensor in its place: copy what is to be kept. */
REEL_API reel_tensor *reel_grad(const reel_tensor *leaf);
/* Forgets it, and keeps its memory for the next one. */
REEL_API void reel_zero_grad(reel_tensor *leaf);

/* The same elements, untracked: a view that takes no part in the tape. Borrowed. */
REEL_API reel_tensor *reel_detach_at(const char *at, reel_tensor *t);
#define reel_detach(t) reel_detach_at(REEL_AT(t), t)

/* REEL_NO_GRAD { ... }: ops inside record nothing. Leaves as REEL_SCOPE leaves, and opens no scope.
 */
typedef struct {
    bool entered, before;
} reel_no_grad;
REEL_API bool reel__no_grad_enter(reel_no_grad *guard);
REEL_API void reel__no_grad_leave(reel_no_grad *guard);
#define REEL_NO_GRAD REEL__NO_GRAD(REEL__JOIN(reel__no_grad_, __LINE__))
#define REEL__NO_GRAD(g)                                                                           \
    for (reel_no_grad g __attribute__((cleanup(reel__no_grad_leave))) = {false, false};            \
         reel__no_grad_enter(&g);)

/* Compares d f / d inputs by the tape with central differences, (f(x + h) - f(x - h)) / 2h, in f64,
 * for every element of every tracked input; f's result may have any shape (its sum under fixed
 * weights is what is differentiated). REEL_OK where |tape - difference| <= atol + rtol |difference|
 * throughout; else the worst element is kept as the failure. The inputs' gradients are those of
 * this check afterwards. Options of zero: h 1e-6, rtol 1e-5, atol 1e-7. */
typedef reel_tensor *(*reel_gradcheck_fn)(reel_tensor **inputs, void *user);
typedef struct {
    double h, rtol, atol;
} reel_gradcheck_options;
REEL_API reel_status reel_gradcheck(reel_gradcheck_fn f, void *user, reel_tensor **inputs,
                                    int count, reel_gradcheck_options options);

#ifdef __cplusplus
}
#endif
#endif
