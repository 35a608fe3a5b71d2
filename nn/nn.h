/* Modules: parameters by name, nested; layers, losses and initialisers on top of ops.
 *
 * A model is a struct whose first member is a reel_module:
 *
 *     typedef struct { reel_module base; reel_tensor *W, *b; } linear;
 *
 *     static reel_tensor *forward(reel_module *base, reel_tensor *x) {
 *         linear *m = (linear *)base;
 *         return reel_add(reel_matmul(x, m->W), m->b);
 *     }
 *     reel_module_init(&m->base, "linear", forward);
 *     m->W = reel_module_param(&m->base, "W", reel_randn(reel_shape(784, 10), REEL_F32, g));
 *     m->b = reel_module_param(&m->base, "b", reel_zeros(reel_shape(10), REEL_F32, reel_cpu()));
 *     reel_tensor *y = reel_forward(&m->base, x);
 *     reel_module_free(&m->base);
 *
 * A module may take and give several tensors, a state among them, as one that codes and decodes:
 *
 *     typedef struct { reel_module base; reel_module *encoder, *mean, *spread, *decoder; } vae;
 *
 *     // x[B,784], noise[B,L] -> y[B,784], mu[B,L], logvar[B,L]
 *     static void run(reel_module *base, reel_tensor *const *in, reel_tensor **out) {
 *         const vae *m = (vae *)base;
 *         reel_tensor *h = reel_relu(reel_forward(m->encoder, in[0]));
 *         reel_tensor *mu = reel_forward(m->mean, h);
 *         reel_tensor *logvar = reel_forward(m->spread, h);
 *         reel_tensor *spread = reel_exp(reel_scale(logvar, 0.5));
 *         reel_tensor *z = in[1] ? reel_add(mu, reel_mul(in[1], spread)) : mu;
 *         out[0] = reel_sigmoid(reel_forward(m->decoder, z));
 *         out[1] = mu;
 *         out[2] = logvar;
 *     }
 *     reel_module_init_run(&m.base, "vae", run, 2, 3);
 *     m.encoder = reel_module_child(&m.base, "encoder", reel_linear_new(784, 400, ...));
 *     reel_tensor *y, *mu, *logvar;
 *     reel_run(&m.base, reel_results(&y, &mu, &logvar), x, noise);
 *
 * A tensor that is registered twice (a tied weight) is one parameter: it is listed, stepped and
 * saved once, under the first of its names. Parameters belong to the module, never to a scope. */
#ifndef REEL_NN_NN_H
#define REEL_NN_NN_H

#include "../autograd/autograd.h"
#include "../tensor/ops.h"
#include "../tensor/random.h"
#include "../tensor/state.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- modules ---- */

typedef struct reel_module reel_module;
typedef reel_tensor *(*reel_forward_fn)(reel_module *m, reel_tensor *x);
/* Inputs that were not given are NULL. Each result must be set. */
typedef void (*reel_run_fn)(reel_module *m, reel_tensor *const *in, reel_tensor **out);

#define REEL_MODULE_TENSORS 8 /* inputs, and results, that a module may have at most */

struct reel_module {
    const char *type;        /* "linear": what the summary prints; borrowed, a literal */
    reel_forward_fn forward; /* x -> y; NULL for a module that is only a list of parts */
    reel_run_fn run;         /* or in[inputs] -> out[results] */
    int inputs, results;
    void (*free)(reel_module *m); /* frees the struct around it; NULL if it is not on the heap */
    bool training;                /* true at first; reel_train and reel_eval set it */
    bool owned;                   /* a child of another module, which frees it */
    struct reel_module_entry *entries; /* what is registered, in that order */
    int count, capacity;
    size_t size; /* of the struct around it; 0: not known (module_clone.h) */
    reel_status (*copied)(reel_module *copy, const reel_module *from);
    reel_module *parametrizations; /* a child; NULL: none (parametrize.h) */
};

/* From here to reel_module_free m stays where it is: it is known by its address. What was never
 * initialised, or freed already, is refused by every function that takes a module. */
REEL_API void reel_module_init(reel_module *m, const char *type, reel_forward_fn forward);
/* The same of a module that takes and gives several tensors. */
REEL_API void reel_module_init_run(reel_module *m, const char *type, reel_run_fn run, int inputs,
                                   int results);
/* Lets the parameters go, frees the children, then calls m->free. Takes NULL; a child of another is
 * refused. */
REEL_API void reel_module_free(reel_module *m);

/* Registers t (retained, tracked, and named `name` if it has no name) and returns it, borrowed from
 * m; NULL on failure. A name is not empty, has no dot, and is not in m yet; so for children.
 *
 * Tracked (reel_track) means that t is f32 or f64 and no result of an op; that from here on ops on
 * it are recorded and reel_backward gives it a gradient, whoever else holds t; and that in-place
 * ops may change it only within REEL_NO_GRAD. To freeze it, still listed and saved:
 * reel_untrack(t). */
REEL_API reel_tensor *reel_module_param(reel_module *m, const char *name, reel_tensor *t);
/* Registers a tensor that is no parameter: saved, loaded and moved with the module, and not
 * trained. Of any dtype, retained, named and returned as above; an error if it is tracked. */
REEL_API reel_tensor *reel_module_buffer(reel_module *m, const char *name, reel_tensor *t);
/* Registers a generator, which m owns from now on, and returns it; NULL on failure, which frees it.
 * Its state moves with m. It is no part of the weights that others read: save notes it as a line of
 * text, so that a run that is resumed draws what it would have drawn. */
REEL_API reel_generator *reel_module_generator(reel_module *m, const char *name, reel_generator *g);
/* Registers a child, which m owns from now on, and returns it; NULL on failure, which frees the
 * child. A module that has an owner already, or contains m, is refused and left as it is. */
REEL_API reel_module *reel_module_child(reel_module *m, const char *name, reel_module *child);

/* y = m(x). An error if m has no forward, or it gives NULL. Result borrowed. A forward runs in a
 * scope of its own: what it makes is let go when it returns, but for y and what backward needs;
 * reel_retain what else is to stay. */
REEL_API reel_tensor *reel_forward_at(const char *at, reel_module *m, reel_tensor *x);
#define reel_forward(...) reel_forward_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)

/* The same of a module with several inputs or results. Those at the end need not be given, nor
 * asked for; a module with forward alone takes one and gives one, and reel_forward of one that runs
 * gives its first result. reel_results(&y, &state) says where results go, borrowed; all are NULL on
 * failure. State goes in and comes out as any tensor does: what is kept for the next step is
 * detached, or backward goes through all steps. */
REEL_API reel_status reel_run_at(const char *at, reel_module *m, reel_tensor **const *to,
                                 int results, reel_tensor *const *x, int inputs);
#define reel_run(m, results, ...)                                                                  \
    reel_run_at(REEL_SITE(#m ", " #__VA_ARGS__), m, results,                                       \
                REEL__ARRAY(reel_tensor *, __VA_ARGS__), REEL__LENGTH(reel_tensor *, __VA_ARGS__))
#define reel_results(...)                                                                          \
    REEL__ARRAY(reel_tensor **, __VA_ARGS__), REEL__LENGTH(reel_tensor **, __VA_ARGS__)

/* All parameters by path ("encoder.weight"), each tensor once. Owned: free with reel_state_free. */
REEL_API reel_state *reel_module_params(reel_module *m);
REEL_API int64_t reel_module_param_count(reel_module *m); /* elements */

/* A parameter, buffer or generator's state by its path, a module by its own ("": m itself):
 * borrowed from m; NULL, and a failure, if there is none. */
REEL_API reel_tensor *reel_module_get(reel_module *m, const char *path);
REEL_API reel_module *reel_module_get_child(reel_module *m, const char *path);
/* Children by number, in the order they were registered: 0..count-1. */
REEL_API int reel_module_child_count(const reel_module *m);
REEL_API reel_module *reel_module_child_at(reel_module *m, int i);

REEL_API void reel_train(reel_module *m); /* sets training, throughout */
REEL_API void reel_eval(reel_module *m);
/* Freezes all parameters of m and of what is below it: reel_untrack, so that backward computes no
 * gradient for them, and an optimizer leaves them and their moments alone. They stay listed and
 * saved; one that another module shares is frozen there as well. Unfreezing tracks them all. */
REEL_API void reel_module_freeze(reel_module *m);
REEL_API reel_status reel_module_unfreeze(reel_module *m);
/* Moves parameters, buffers and generators, all or none: they stay the same tensors, without
 * gradients. Before the optimizer is made, whose moments stay where they are. */
REEL_API reel_status reel_module_to(reel_module *m, reel_device device);

/* The state dict: puts parameters and buffers into s as "prefix.path" ("path" if prefix is NULL or
 * ""); load copies them back by name, between devices too. Load checks every name, shape and dtype
 * first and changes nothing unless all fit: one that s lacks is an error, and so is an entry under
 * a prefix that m lacks. Both do nothing while a failure is kept. For a part of m, a file of that
 * part: reel_module_load(reel_module_get_child(m, "encoder"), s, "model.encoder").
 *
 * Generators are texts of s, "seed offset" by "prefix.path", as they are at the time: the tensors
 * are those of PyTorch's state dict, and the file's metadata let a run go on with the same bits.
 * One that s has no text of, as in files of others, stays as it is; older files have a tensor of
 * that name, which is taken. */
REEL_API reel_status reel_module_save(reel_module *m, reel_state *s, const char *prefix);
REEL_API reel_status reel_module_load(reel_module *m, const reel_state *s, const char *prefix);

/* The same on other terms. Lists, where given, get m's tensors that s lacks, by path, and the
 * entries of s below the prefix that m lacks, by what follows it (without a prefix all that m
 * lacks); where one of these is an error they end with it. A list may have been given before: what
 * it has of a name is replaced. */
typedef struct {
    bool loose;          /* PyTorch's strict = False: both are passed over; shapes must fit */
    bool cast;           /* dtypes may differ: elements are cast to m's */
    reel_state *missing; /* borrowed; NULL: not asked for */
    reel_state *unexpected;
} reel_load_options;
REEL_API reel_status reel_module_load_with(reel_module *m, const reel_state *s, const char *prefix,
                                           reel_load_options options);

/* A table of paths, types, shapes and parameter counts, and the total. A tied parameter counts
 * where it comes first. */
REEL_API void reel_module_summary(FILE *f, reel_module *m);

/* ---- layers: owned, freed by reel_module_free ---- */

/* y[B,O] = x[B,I] weight[O,I]^T + bias[O]; both drawn from U(-a, a), a = 1 / sqrt(I), as PyTorch's
 * default. */
typedef struct {
    bool no_bias;
    reel_dtype dtype;          /* f32 or f64 */
    reel_generator *generator; /* says the device as well; NULL: one of reel_next_seed on the CPU */
} reel_linear_options;
REEL_API reel_module *reel_linear_new(int64_t in, int64_t out, reel_linear_options options);

/* Children "0", "1", ... one after the other; reel_sequential(a, b, c) takes them over, also on
 * failure. */
REEL_API reel_module *reel_sequential_new(reel_module **children, int count);
#define reel_sequential(...)                                                                       \
    reel_sequential_new(REEL__ARRAY(reel_module *, __VA_ARGS__),                                   \
                        REEL__LENGTH(reel_module *, __VA_ARGS__))

/* The same children as a list, without forward: of layers that a module goes through by itself. */
REEL_API reel_module *reel_module_list_new(reel_module **children, int count);
#define reel_module_list(...)                                                                      \
    reel_module_list_new(REEL__ARRAY(reel_module *, __VA_ARGS__),                                  \
                         REEL__LENGTH(reel_module *, __VA_ARGS__))

/* Activations are in activations.h, dropout in dropout_layers.h, what only gives a shape and lists
 * by name in containers.h, what takes pairs in pair_layers.h, normalizations in norm_layers.h. */

/* ---- losses ---- */

/* Each is a formula by element, reduced: its mean over all elements, their sum, or none. y and
 * target are f32 or f64, of one dtype and of equal shapes: no broadcast. Gradients go to both, and
 * where the formula has a corner they are 0, as PyTorch's, whose names these are. Plain macros take
 * the mean and the defaults; reel_huber_loss_with(y, t, .delta = 2, .reduction = REEL_SUM) takes
 * options by name, of which zero means the default and REEL_ZERO (tensor.h) zero. Results are
 * borrowed. */
typedef enum { REEL_MEAN = 0, REEL_SUM, REEL_NONE } reel_reduction;

/* mse: (y - target)^2;  l1: |y - target|;  bce: reel_bce(y, target), where y lies in [0, 1]:
 * another y is an error, which comes late on a GPU, as a bad index does. */
REEL_API reel_tensor *reel_mse_loss_at(const char *at, reel_tensor *y, reel_tensor *target,
                                       reel_reduction r);
REEL_API reel_tensor *reel_l1_loss_at(const char *at, reel_tensor *y, reel_tensor *target,
                                      reel_reduction r);
REEL_API reel_tensor *reel_bce_loss_at(const char *at, reel_tensor *y, reel_tensor *target,
                                       reel_reduction r);
#define reel_mse_loss(y, target) reel_mse_loss_at(REEL_AT(y, target), y, target, REEL_MEAN)
#define reel_l1_loss(y, target) reel_l1_loss_at(REEL_AT(y, target), y, target, REEL_MEAN)
#define reel_bce_loss(y, target) reel_bce_loss_at(REEL_AT(y, target), y, target, REEL_MEAN)
#define reel_mse_loss_with(...) reel_mse_loss_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_l1_loss_with(...) reel_l1_loss_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)
#define reel_bce_loss_with(...) reel_bce_loss_at(REEL_SITE(#__VA_ARGS__), __VA_ARGS__)

/* With d = |y - target|: d^2 / 2 where d < delta, else delta (d - delta / 2); delta 1. Huber,
 * "Robust estimation of a location parameter" (1964) */
typedef struct {
    reel_reduction reduction;
    double delta;
} reel_huber_options;
REEL_API reel_tensor *reel_huber_loss_at(const char *at, reel_tensor *y, reel_tensor *target,
                                         reel_huber_options options);
#define reel_huber_loss(y, target)                                                                 \
    reel_huber_loss_at(REEL_AT(y, target), y, target, REEL__MAKE(reel_huber_options, REEL_MEAN, 0))
#define reel_huber_loss_with(y, target, ...)                                                       \
    reel_huber_loss_at(REEL_AT(y, target), y, target, REEL__MAKE(reel_huber_options, __VA_ARGS__))

/* Huber's loss over its width: d^2 / (2 beta) where d < beta, else d - beta / 2; beta 1, of 0 l1.
 */
typedef struct {
    reel_reduction reduction;
    double beta;
} reel_smooth_l1_options;
REEL_API reel_tensor *reel_smooth_l1_loss_at(const char *at, reel_tensor *y, reel_tensor *target,
                                             reel_smooth_l1_options options);
#define reel_smooth_l1_loss(y, target)                                                             \
    reel_smooth_l1_loss_at(REEL_AT(y, target), y, target,                                          \
                           REEL__MAKE(reel_smooth_l1_options, REEL_MEAN, 0))
#define reel_smooth_l1_loss_with(y, target, ...)                                                   \
    reel_smooth_l1_loss_at(REEL_AT(y, target), y, target,                                          \
                           REEL__MAKE(reel_smooth_l1_options, __VA_ARGS__))

/* max(0, margin - target y), targets being 1 and -1; margin 1. */
typedef struct {
    reel_reduction reduction;
    double margin;
} reel_hinge_options;
REEL_API reel_tensor *reel_hinge_loss_at(const char *at, reel_tensor *y, reel_tensor *target,
                                         reel_hinge_options options);
#define reel_hinge_loss(y, target)                                                                 \
    reel_hinge_loss_at(REEL_AT(y, target), y, target, REEL__MAKE(reel_hinge_options, REEL_MEAN, 0))
#define reel_hinge_loss_with(y, target, ...)                                                       \
    reel_hinge_loss_at(REEL_AT(y, target), y, target, REEL__MAKE(reel_hinge_options, __VA_ARGS__))

/* Binary cross-entropy of a logit x, with s = 1 / (1 + e^-x) and targets t in [0, 1]:
 *   -weight (pos_weight t ln s + (1 - t) ln(1 - s))
 * for any x, infinite ones too, without s. What has a weight of 0 counts for nothing. The two
 * weights (NULL: 1) broadcast to x's shape. Its gradient is the formula's everywhere. The mean is
 * over the elements, whatever the weights. */
typedef struct {
    reel_reduction reduction;
    reel_tensor *weight, *pos_weight;
} reel_bce_with_logits_options;
REEL_API reel_tensor *reel_bce_with_logits_loss_at(const char *at, reel_tensor *x,
                                                   reel_tensor *target,
                                                   reel_bce_with_logits_options options);
#define reel_bce_with_logits_loss(x, target)                                                       \
    reel_bce_with_logits_loss_at(REEL_AT(x, target), x, target,                                    \
                                 REEL__MAKE(reel_bce_with_logits_options, REEL_MEAN, NULL, NULL))
#define reel_bce_with_logits_loss_with(x, target, ...)                                             \
    reel_bce_with_logits_loss_at(REEL_AT(x, target), x, target,                                    \
                                 REEL__MAKE(reel_bce_with_logits_options, __VA_ARGS__))

/* Negative log-likelihood: x[N,C,...] holds log-probabilities, target[N,...] (i64) classes:
 *   z[n,...] = -weight[target] x[n,target,...], 0 for a weight of 0
 * weight[C] (NULL: 1) is constant. A target of ignore_index counts for nothing, any other outside
 * 0..C-1 is an error that names it and its position. ignore_index is -100 if nothing is said. The
 * mean is sum z / sum of the weights that took part. */
typedef struct {
    reel_reduction reduction;
    reel_tensor *weight;
    int64_t ignore_index;
} reel_nll_options;
REEL_API reel_tensor *reel_nll_loss_at(const char *at, reel_tensor *x, reel_tensor *target,
                                       reel_nll_options options);
#define reel_nll_loss(x, target)                                                                   \
    reel_nll_loss_at(REEL_AT(x, target), x, target,                                                \
                     REEL__MAKE(reel_nll_options, REEL_MEAN, NULL, 0))
#define reel_nll_loss_with(x, target, ...)                                                         \
    reel_nll_loss_at(REEL_AT(x, target), x, target, REEL__MAKE(reel_nll_options, __VA_ARGS__))

/* Cross-entropy of logits x[N,C,...]: with l = log_softmax of x over axis 1, and a share s of
 * label_smoothing in [0, 1] that is spread over all classes,
 *   of classes, target[N,...] (i64):   z = -(1 - s) weight[target] l[target] - s/C sum weight l
 *   of probabilities, target[N,C,...]: z = -sum weight ((1 - s) target + s/C) l
 * where sums are over classes. Of classes, all that nll_loss says of weight, ignore_index and the
 * mean holds; of probabilities, in x's dtype, none is ignored, the mean is over all z, and target
 * has a gradient too. A class whose target or weight is 0 counts for nothing, even if its logit is
 * -infinity; nor does a row that is ignored, whatever is in it. Szegedy et al., "Rethinking the
 * Inception architecture" (2016), section 7 */
typedef struct {
    reel_reduction reduction;
    reel_tensor *weight;
    int64_t ignore_index;
    double label_smoothing;
} reel_cross_entropy_options;
REEL_API reel_tensor *reel_cross_entropy_loss_at(const char *at, reel_tensor *x,
                                                 reel_tensor *target,
                                                 reel_cross_entropy_options options);
#define reel_cross_entropy_loss(x, target)                                                         \
    reel_cross_entropy_loss_at(REEL_AT(x, target), x, target,                                      \
                               REEL__MAKE(reel_cross_entropy_options, REEL_MEAN, NULL, 0, 0))
#define reel_cross_entropy_loss_with(x, target, ...)                                               \
    reel_cross_entropy_loss_at(REEL_AT(x, target), x, target,                                      \
                               REEL__MAKE(reel_cross_entropy_options, __VA_ARGS__))

/* Kullback and Leibler's divergence by element, x being log-probabilities: t (ln t - x), 0 for t =
 * 0, whatever x is; with log_target, whose target is ln t, e^t (t - x), 0 for t = -infinity. A
 * target's gradient, ln t + 1 - x, is -infinity at t = 0. Per distribution, PyTorch's "batchmean":
 * the sum over the number of rows. */
typedef struct {
    reel_reduction reduction;
    bool log_target;
} reel_kl_div_options;
REEL_API reel_tensor *reel_kl_div_loss_at(const char *at, reel_tensor *x, reel_tensor *target,
                                          reel_kl_div_options options);
#define reel_kl_div_loss(x, target)                                                                \
    reel_kl_div_loss_at(REEL_AT(x, target), x, target,                                             \
                        REEL__MAKE(reel_kl_div_options, REEL_MEAN, false))
#define reel_kl_div_loss_with(x, target, ...)                                                      \
    reel_kl_div_loss_at(REEL_AT(x, target), x, target, REEL__MAKE(reel_kl_div_options, __VA_ARGS__))

/* x[B,D] y[B,D] target[B] of 1 and -1 -> z[B]: with the cosine c of x[b] and y[b], 1 - c where
 * target is 1, max(0, c - margin) where it is -1; margin 0, in [-1, 1]. c = x.y / (|x| |y|), where
 * |x| is sqrt(x.x + 1e-12). */
typedef struct {
    reel_reduction reduction;
    double margin;
} reel_cosine_embedding_options;
REEL_API reel_tensor *reel_cosine_embedding_loss_at(const char *at, reel_tensor *x, reel_tensor *y,
                                                    reel_tensor *target,
                                                    reel_cosine_embedding_options options);
#define reel_cosine_embedding_loss(x, y, target)                                                   \
    reel_cosine_embedding_loss_at(REEL_AT(x, y, target), x, y, target,                             \
                                  REEL__MAKE(reel_cosine_embedding_options, REEL_MEAN, 0))
#define reel_cosine_embedding_loss_with(x, y, target, ...)                                         \
    reel_cosine_embedding_loss_at(REEL_AT(x, y, target), x, y, target,                             \
                                  REEL__MAKE(reel_cosine_embedding_options, __VA_ARGS__))

/* ---- initialisers: in place, they return t ---- */

/* t is f32 or f64. What they draw depends on neither the device nor the number of threads. They may
 * change parameters: nothing is recorded. Plain uniform, normal and constant are reel_uniform_,
 * reel_normal_ and reel_fill_. */

/* For t[O,I]: fan_in I, fan_out O, as PyTorch counts them.
 *   xavier_uniform   U(-a, a), a = gain sqrt(6 / (fan_in + fan_out))
 *   xavier_normal    N(0, s),  s = gain sqrt(2 / (fan_in + fan_out))
 *   kaiming_uniform  U(-a, a), a = gain sqrt(3 / fan_in)
 *   kaiming_normal   N(0, s),  s = gain / sqrt(fan_in)
 * Glorot and Bengio 2010, eq. 16; He et al. 2015, eq. 10, whose gain for ReLU is sqrt 2.
 * Axes past the second multiply both fans. gain > 0, finite. */
REEL_API reel_tensor *reel_xavier_uniform_(reel_tensor *t, reel_generator *g, double gain);
REEL_API reel_tensor *reel_xavier_normal_(reel_tensor *t, reel_generator *g, double gain);
REEL_API reel_tensor *reel_kaiming_uniform_(reel_tensor *t, reel_generator *g, double gain);
REEL_API reel_tensor *reel_kaiming_normal_(reel_tensor *t, reel_generator *g, double gain);

/* t[O,...] as a matrix [O, the rest] = gain Q, whose rows are orthonormal, or whose columns are
 * where it has more rows. Drawn uniformly from all such matrices, that is from Q of a normal
 * matrix's QR whose R has a positive diagonal; computed on the host in f64, in O(rows columns
 * min(rows, columns)). Saxe, McClelland and Ganguli, "Exact solutions to the nonlinear dynamics of
 * learning" (2013) */
REEL_API reel_tensor *reel_orthogonal_(reel_tensor *t, reel_generator *g, double gain);
/* N(mean, std) given that it lies in [low, high]: bounds of t, not multiples of std, which may be
 * infinite. PyTorch's defaults are 0, 1, -2, 2. Computed on the host in f64. */
REEL_API reel_tensor *reel_trunc_normal_(reel_tensor *t, reel_generator *g, double mean, double std,
                                         double low, double high);

/* The gain that goes with what follows a layer, PyTorch's calculate_gain: linear and sigmoid 1,
 * tanh 5/3, relu sqrt 2, leaky_relu sqrt(2 / (1 + slope^2)), selu 3/4. `slope` is leaky_relu's
 * alone. NaN, and a failure, of any other. */
typedef enum {
    REEL_GAIN_LINEAR = 0,
    REEL_GAIN_SIGMOID,
    REEL_GAIN_TANH,
    REEL_GAIN_RELU,
    REEL_GAIN_LEAKY_RELU,
    REEL_GAIN_SELU,
} reel_nonlinearity;
REEL_API double reel_gain(reel_nonlinearity f, double slope);

/* ---- meter: a running mean on the device ---- */

/* mean = sum of weight value / sum of weight. Accumulates in f64 where the first value lies,
 * without waiting; reel_meter_mean waits. A value has one element; weight >= 0, and 1 in
 * reel_meter_add. Nothing is added while a failure is kept. Zero-initialise. */
typedef struct {
    reel_tensor *sum; /* f64, 0-d */
    double weight;
} reel_meter;
REEL_API reel_status reel_meter_add(reel_meter *m, reel_tensor *value);
REEL_API reel_status reel_meter_add_weighted(reel_meter *m, reel_tensor *value, double weight);
REEL_API double reel_meter_mean(reel_meter *m); /* NaN if nothing was added */
REEL_API void reel_meter_reset(reel_meter *m);  /* also frees it */

/* ---- call sites: see error.h ---- */

#define reel_module_init(...) REEL__CALL(reel_module_init(__VA_ARGS__))
#define reel_module_init_run(...) REEL__CALL(reel_module_init_run(__VA_ARGS__))
#define reel_module_param(...) REEL__CALL(reel_module_param(__VA_ARGS__))
#define reel_module_buffer(...) REEL__CALL(reel_module_buffer(__VA_ARGS__))
#define reel_module_generator(...) REEL__CALL(reel_module_generator(__VA_ARGS__))
#define reel_module_child(...) REEL__CALL(reel_module_child(__VA_ARGS__))
#define reel_module_params(...) REEL__CALL(reel_module_params(__VA_ARGS__))
#define reel_module_param_count(...) REEL__CALL(reel_module_param_count(__VA_ARGS__))
#define reel_module_get(...) REEL__CALL(reel_module_get(__VA_ARGS__))
#define reel_module_get_child(...) REEL__CALL(reel_module_get_child(__VA_ARGS__))
#define reel_module_child_count(...) REEL__CALL(reel_module_child_count(__VA_ARGS__))
#define reel_module_child_at(...) REEL__CALL(reel_module_child_at(__VA_ARGS__))
#define reel_module_unfreeze(...) REEL__CALL(reel_module_unfreeze(__VA_ARGS__))
#define reel_module_to(...) REEL__CALL(reel_module_to(__VA_ARGS__))
#define reel_module_save(...) REEL__CALL(reel_module_save(__VA_ARGS__))
#define reel_module_load(...) REEL__CALL(reel_module_load(__VA_ARGS__))
#define reel_module_load_with(...) REEL__CALL(reel_module_load_with(__VA_ARGS__))
#define reel_module_summary(...) REEL__CALL(reel_module_summary(__VA_ARGS__))
#define reel_linear_new(...) REEL__CALL(reel_linear_new(__VA_ARGS__))
#define reel_sequential_new(...) REEL__CALL(reel_sequential_new(__VA_ARGS__))
#define reel_module_list_new(...) REEL__CALL(reel_module_list_new(__VA_ARGS__))
#define reel_xavier_uniform_(...) REEL__CALL(reel_xavier_uniform_(__VA_ARGS__))
#define reel_xavier_normal_(...) REEL__CALL(reel_xavier_normal_(__VA_ARGS__))
#define reel_kaiming_uniform_(...) REEL__CALL(reel_kaiming_uniform_(__VA_ARGS__))
#define reel_kaiming_normal_(...) REEL__CALL(reel_kaiming_normal_(__VA_ARGS__))
#define reel_orthogonal_(...) REEL__CALL(reel_orthogonal_(__VA_ARGS__))
#define reel_trunc_normal_(...) REEL__CALL(reel_trunc_normal_(__VA_ARGS__))
#define reel_gain(...) REEL__CALL(reel_gain(__VA_ARGS__))
#define reel_meter_add(...) REEL__CALL(reel_meter_add(__VA_ARGS__))
#define reel_meter_add_weighted(...) REEL__CALL(reel_meter_add_weighted(__VA_ARGS__))
#define reel_meter_mean(...) REEL__CALL(reel_meter_mean(__VA_ARGS__))

#ifdef __cplusplus
}
#endif
/* Layers and tools of their own headers. */
#include "activations.h"
#include "containers.h"
#include "conv_layers.h"
#include "dropout_layers.h"
#include "embedding.h"
#include "module_clone.h"
#include "norm_layers.h"
#include "pair_layers.h"
#include "parametrize.h"
#include "recurrent.h"
#include "transformer.h"
#include "window_layers.h"

#endif
