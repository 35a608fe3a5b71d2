/* Autograd: a tape of the ops that tracked tensors went through, and gradients by walking it
 * backwards.
 *
 *     reel_tensor *W = reel_track(reel_randn(reel_shape(784, 10), REEL_F32, g)); // a leaf
 *     {
 *         REEL_SCOPE;
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

#include "../tensor/state.h"
#include "../tensor/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Makes a tensor a leaf whose gradient is wanted, and returns it. An error on integers and on
 * results of ops. */
REEL_API reel_tensor *reel_track_at(const char *at, reel_tensor *t);
#define reel_track(...) reel_track_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
/* Freezes a leaf: no gradient from now on, and the one it has is let go. */
REEL_API void reel_untrack(reel_tensor *leaf);
REEL_API bool reel_is_tracked(const reel_tensor *t);

/* d loss / d leaf for every tracked leaf that loss (one element) came from, added to what is there.
 * The tape is let go on the way: a second call on the same loss is an error. Does nothing while a
 * failure is kept. */
REEL_API reel_status reel_backward_at(const char *at, reel_tensor *loss);
#define reel_backward(...) reel_backward_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)

/* The same with options; zero means the default. */
typedef struct {
    reel_tensor *gradient; /* d/d output, of its shape; NULL: ones, and it has one element */
    bool retain_graph;     /* keep the tape for another call */
    /* Record the pass itself, so that gradients can be differentiated; keeps the tape. A leaf's
     * gradient then holds a tape that holds the leaf, until reel_zero_grad, an optimizer's step or
     * reel_untrack: where that is not wanted, use reel_grad_of. */
    bool create_graph;
    /* An error, which names them, if tracked parameters in it get no gradient from this call:
     *     reel_state *params = reel_module_params(model);
     *     reel_backward_with(loss, .params = params);
     *     backward: no gradient comes to encoder.bias, decoder.weight (train.c:40) */
    const reel_state *params;
} reel_backward_options;
REEL_API reel_status reel_backward_with_at(const char *at, reel_tensor *output,
                                           reel_backward_options options);
#define reel_backward_with(output, ...)                                                            \
    reel_backward_with_at(REEL_AT(output), output, REEL__MAKE(reel_backward_options, __VA_ARGS__))

/* Gradients of outputs with respect to inputs, handed over instead of being added to leaves: as
 * torch.autograd.grad. grads[i] = sum over outputs o of d o / d inputs[i], weighted by o's given
 * gradient, of the shape of inputs[i]. Inputs are tracked: leaves or results of ops; what lies not
 * between them and the outputs is not computed, and no leaf's gradient changes.
 *
 *     reel_tensor *y = reel_sum(reel_mul(x, reel_square(x))), *dy, *ddy;          // x^3
 *     reel_grad_of(&y, 1, &x, 1, &dy, (reel_grad_of_options){.create_graph = true});
 *     dy = reel_sum(dy);                                                          // 3 x^2
 *     reel_grad_of(&dy, 1, &x, 1, &ddy, (reel_grad_of_options){0});               // 6 x
 *
 * A gradient penalty, 10 (|dy/dx| - 1)^2, whose gradient reaches the parameters that y came from:
 *
 *     reel_tensor *x = reel_track(reel_detach(batch)), *y = reel_sum(reel_forward(critic, x)), *g;
 *     reel_grad_of(&y, 1, &x, 1, &g, (reel_grad_of_options){.create_graph = true});
 *     reel_tensor *norm = reel_sqrt(reel_sum_over(reel_square(g), reel_axes(1), false));
 *     reel_backward(reel_scale(reel_mean(reel_square(reel_shift(norm, -1))), 10));
 *
 * grads[0..input_count-1] are borrowed; they may be views and share memory with each other. On
 * failure all are NULL: an input that takes no part in the outputs (named; with
 * allow_unused its gradient is NULL and nothing fails), what reel_backward refuses. Does nothing
 * while a failure is kept. */
typedef struct {
    reel_tensor *const *gradients; /* d/d outputs[i]; NULL, or NULL in it: ones, of one element */
    bool retain_graph;
    bool create_graph; /* record the pass: grads can be differentiated; keeps the tape */
    bool allow_unused;
} reel_grad_of_options;
REEL_API reel_status reel_grad_of_at(const char *at, reel_tensor *const *outputs, int output_count,
                                     reel_tensor *const *inputs, int input_count,
                                     reel_tensor **grads, reel_grad_of_options options);
#define reel_grad_of(...) reel_grad_of_at(REEL_HERE, __VA_ARGS__)

/* A leaf's gradient, borrowed from the leaf until reel_zero_grad, an optimizer's step, or the next
 * backward, which may write into it or put another tensor in its place: retain or copy what is to
 * be kept. NULL where none has arrived since reel_zero_grad. */
REEL_API reel_tensor *reel_grad(const reel_tensor *leaf);
/* Lets it go: no memory is held for gradients between steps. */
REEL_API void reel_zero_grad(reel_tensor *leaf);

/* The same elements, untracked: a view that takes no part in the tape. Borrowed. */
REEL_API reel_tensor *reel_detach_at(const char *at, reel_tensor *t);
#define reel_detach(...) reel_detach_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)

/* REEL_NO_GRAD; at the head of a block: ops from there to its end record nothing. REEL_ENABLE_GRAD;
 * they do, inside REEL_NO_GRAD, and in hooks and backward functions, which a pass runs without
 * recording unless it is recorded itself. Guards as REEL_SCOPE is, which open no scope. */
typedef struct {
    bool before, entered;
} reel_grad_mode;
REEL_API reel_grad_mode reel_grad_mode_enter(bool recording);
REEL_API void reel_grad_mode_leave(reel_grad_mode *mode);
#define REEL_NO_GRAD REEL__GRAD_MODE(REEL__JOIN(reel__no_grad_, __LINE__), false)
#define REEL_ENABLE_GRAD REEL__GRAD_MODE(REEL__JOIN(reel__no_grad_, __LINE__), true)
#define REEL__GRAD_MODE(g, recording)                                                              \
    reel_grad_mode g __attribute__((cleanup(reel_grad_mode_leave), unused)) =                      \
        reel_grad_mode_enter(recording)

/* ---- hooks ---- */

/* Calls fn with t's gradient each time a backward pass has all of it: for a leaf before it is added
 * to what the leaf has, for a result of an op before it goes on to the op's inputs. What fn returns
 * (borrowed; of the same shape, dtype and device, else an error) takes the gradient's place; NULL
 * leaves it. Hooks run in the order of registering; each sees what the one before made of it. fn
 * may keep the gradient (reel_retain), and must not change it in place.
 *
 *     static reel_tensor *halve(reel_tensor *g, void *user) { return reel_scale(g, 0.5); }
 *     int hook = reel_register_hook(W, halve, NULL);
 *     ...
 *     reel_remove_hook(W, hook);
 *
 * Returns the hook's number, 1 or more; 0, and a failure, if t is not tracked. A leaf has its hooks
 * until it is frozen or let go, a result as long as the tape. `user` must live as long. With hooks
 * a leaf's gradient is gathered apart before it is added. A hook may run passes of its own over
 * other tapes. reel_remove_hook takes any number. */
typedef reel_tensor *(*reel_hook_fn)(reel_tensor *gradient, void *user);
REEL_API int reel_register_hook_at(const char *at, reel_tensor *t, reel_hook_fn fn, void *user);
#define reel_register_hook(...) reel_register_hook_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
REEL_API void reel_remove_hook(reel_tensor *t, int hook);

/* ---- ops of one's own ---- */

/* An op by two functions, as torch.autograd.Function: the tape sees one node.
 *
 *     static reel_tensor *forward(reel_context *c, reel_tensor *const *in) {        // y = x^3
 *         reel_context_save(c, in[0]);
 *         return reel_mul(in[0], reel_square(in[0]));
 *     }
 *     static void backward(reel_context *c, reel_tensor *g, reel_tensor **grads) { // dx = 3 g x^2
 *         grads[0] = reel_mul(g, reel_scale(reel_square(reel_context_saved(c, 0)), 3));
 *     }
 *     static const reel_function cube = {.name = "cube", .forward = forward, .backward = backward};
 *     reel_tensor *y = reel_apply(&cube, &x, 1, NULL);
 *
 * forward computes one result from inputs[0..count-1]; nothing inside it is recorded. backward gets
 * the gradient of the result and sets grads[i] to that of inputs[i], of that input's shape, dtype
 * and device (else an error that names the op, the input and the call of reel_apply); what it
 * leaves NULL gets none. Tensors given to it are borrowed, and so are those it returns. If backward
 * is made of ops, gradients of gradients work; say once_differentiable if it is not. What was saved
 * and is neither an input nor the result counts as a constant then. */
typedef struct reel_context reel_context;
typedef struct {
    const char *name; /* in messages and in reel_tape_dot; lives as long as the tape */
    reel_tensor *(*forward)(reel_context *c, reel_tensor *const *inputs);
    void (*backward)(reel_context *c, reel_tensor *gradient, reel_tensor **gradients);
    void (*free)(void *user); /* called once, when the tape lets go, or at once; may be NULL */
    bool once_differentiable; /* backward under create_graph is an error */
} reel_function;

/* Borrowed. NULL, and a failure, if an input is NULL or forward gives NULL. `user` is at hand in
 * both functions. */
REEL_API reel_tensor *reel_apply_at(const char *at, const reel_function *f,
                                    reel_tensor *const *inputs, int count, void *user);
#define reel_apply(...) reel_apply_at(REEL_HERE, __VA_ARGS__)

/* In forward: keeps t for backward, as number 0, 1, ... in the order of the calls. */
REEL_API reel_status reel_context_save(reel_context *c, reel_tensor *t);
/* In backward: borrowed. NULL, and a failure, if it was changed in place since. */
REEL_API reel_tensor *reel_context_saved(reel_context *c, int i);
REEL_API void *reel_context_user(const reel_context *c);
/* Whether a gradient of inputs[i] is wanted: no need to compute another. */
REEL_API bool reel_context_needs(const reel_context *c, int i);

/* ---- looking for mistakes ---- */

/* Writes the tape that root came from as a graph for Graphviz (dot -Tsvg): an ellipse for each op
 * with its result's shape and its call site, dashed once backward has let it go, a box for each
 * leaf with its name, arrows from inputs to results. An error if root is not tracked, or if f,
 * which is flushed, can't be written. */
REEL_API reel_status reel_tape_dot_at(const char *at, FILE *f, reel_tensor *root);
#define reel_tape_dot(...) reel_tape_dot_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)

/* Anomaly mode, for the calling thread: the first op whose result holds NaN or infinity fails, and
 * so does the first whose gradient does. The message names the op and where it was called in the
 * forward pass:
 *
 *     gradient of sqrt: anomaly: its result holds NaN or infinity: [3], [3] (model.c:31)
 *
 * Each result is read back to be looked at: slow, and the host waits for the device. Updates by
 * optimizers are not looked at, nor is what is read from files. Returns what it was before. */
REEL_API bool reel_set_anomaly(bool on);

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
/* The same for the gradients of f's gradients: those by reel_grad_of, as a function of the inputs
 * and of the gradient that they begin with (input `count` in messages), are compared with their
 * differences. */
REEL_API reel_status reel_gradgradcheck(reel_gradcheck_fn f, void *user, reel_tensor **inputs,
                                        int count, reel_gradcheck_options options);

/* ---- call sites: see error.h ---- */

#define reel_gradcheck(...) REEL__CALL(reel_gradcheck(__VA_ARGS__))
#define reel_gradgradcheck(...) REEL__CALL(reel_gradgradcheck(__VA_ARGS__))

#ifdef __cplusplus
}
#endif
#endif
