/* Data: a dataset gives item i and its label, a sampler an order, a collate function makes items a
 * batch, and a loader hands batches over, read ahead by threads if asked to.
 *
 *     reel_dataset *set = reel_tensor_dataset_new(mnist.train_images, mnist.train_labels);
 *     reel_loader *train = reel_loader_new(
 *         set, (reel_loader_options){.batch_size = 40, .shuffle = true, .scale = 1.0 / 255});
 *     for (reel_batch b; reel_loader_next(train, &b);) {
 *         ... b.x f32[40, 28, 28], b.y i64[40] ...
 *     }                                        // one epoch; the next loop is the next
 *     reel_loader_free(train);
 *     reel_dataset_free(set);
 *
 * Batches come in the same order, with the same bits, for any number of workers: a batch depends on
 * the sampler, the epoch and its position in it, and on nothing else.
 *
 * Ownership. What _new returns is owned, and NULL on failure. A dataset, sampler or loader that
 * stands on another borrows it: free the outer one first.
 *
 * A dataset or sampler of one's own is a struct whose first member is a reel_dataset or
 * reel_sampler with a class of functions. They return REEL_OK, or what reel_fail returned:
 *
 *     typedef struct { reel_dataset base; int64_t n; } squares;            // i^2, labelled i
 *     static int64_t length(reel_dataset *d) { return ((squares *)d)->n; }
 *     static reel_status get(reel_dataset *d, int64_t i, reel_sample *out) {
 *         out->x = reel_scalar((double)(i * i), REEL_F32, reel_cpu());
 *         out->y = reel_from(&i, REEL_SCALAR, REEL_I64);
 *         return reel_error_status();
 *     }
 *     static const reel_dataset_class squares_class = {.length = length, .get = get};
 *     squares hundred = {{&squares_class}, 100};
 *     reel_loader *l = reel_loader_new(&hundred.base, (reel_loader_options){.batch_size = 10}); */
#ifndef REEL_DATA_DATA_H
#define REEL_DATA_DATA_H

#include "../tensor/state.h"
#include "../tensor/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- datasets ---- */

/* Item i: x, and its label y (NULL if it has none). Borrowed. */
typedef struct {
    reel_tensor *x, *y;
} reel_sample;

typedef struct reel_dataset reel_dataset;

/* get gives one item. gather (may be NULL) gives a whole batch: x[n,...] and y[n,...] of the n
 * items in `index`, in its order. Both may be called by several threads at once, each in a scope of
 * its own. free (may be NULL) frees the struct.
 *
 * rows (may be NULL) is for items that are rows of tensors: it gives these, all->x[N,...] and
 * all->y[N,...] (or NULL) on one device, borrowed, and changes the n items in `index` (n may be 0)
 * into rows of them. A loader asks when it is made and then once an epoch, in its own thread, and
 * picks the batches by itself where the tensors lie. An x of NULL says that there are none. */
typedef struct {
    int64_t (*length)(reel_dataset *d);
    reel_status (*get)(reel_dataset *d, int64_t i, reel_sample *out);
    reel_status (*gather)(reel_dataset *d, const int64_t *index, int64_t n, reel_sample *out);
    void (*free)(reel_dataset *d);
    reel_status (*rows)(reel_dataset *d, int64_t *index, int64_t n, reel_sample *all);
} reel_dataset_class;
struct reel_dataset {
    const reel_dataset_class *cls;
};

/* An i outside 0..length-1 is an error. */
REEL_API int64_t reel_dataset_length(reel_dataset *d);
REEL_API reel_status reel_dataset_get(reel_dataset *d, int64_t i, reel_sample *out);
REEL_API void reel_dataset_free(reel_dataset *d); /* takes NULL */

/* Item i is x[i,...] and y[i,...] of x[N,...] and y[N,...] on one device; y may be NULL. Retains
 * both, or a copy of one that is not contiguous. */
REEL_API reel_dataset *reel_tensor_dataset_new(reel_tensor *x, reel_tensor *y);

/* The n items of d in `index`, which is copied; an item may come twice. */
REEL_API reel_dataset *reel_subset_dataset_new(reel_dataset *d, const int64_t *index, int64_t n);

/* The items of one part after the other's. */
REEL_API reel_dataset *reel_concat_dataset_new(reel_dataset **parts, int count);

/* The items of d, each changed by f: it puts other tensors into the sample. Called by any thread.
 */
typedef reel_status (*reel_map_fn)(reel_sample *sample, int64_t i, void *user);
REEL_API reel_dataset *reel_map_dataset_new(reel_dataset *d, reel_map_fn f, void *user);

/* Splits d at random into `count` subsets, out[k] of lengths[k] items, which add up to d's. The
 * subsets are owned, and stand on d. On failure out[] is all NULL. */
REEL_API reel_status reel_random_split(reel_dataset *d, const int64_t *lengths, int count,
                                       uint64_t seed, reel_dataset **out);

/* ---- samplers: which items, in which order, in an epoch ---- */

typedef struct reel_sampler reel_sampler;

/* length is that of an epoch; order fills index[length] for epoch 0, 1, ... from nothing but the
 * sampler and the epoch, so that a resumed run sees the same. free may be NULL. */
typedef struct {
    int64_t (*length)(reel_sampler *s);
    reel_status (*order)(reel_sampler *s, int64_t epoch, int64_t *index);
    void (*free)(reel_sampler *s);
} reel_sampler_class;
struct reel_sampler {
    const reel_sampler_class *cls;
};

REEL_API int64_t reel_sampler_length(reel_sampler *s);
REEL_API reel_status reel_sampler_order(reel_sampler *s, int64_t epoch, int64_t *index);
REEL_API void reel_sampler_free(reel_sampler *s); /* takes NULL */

/* 0, 1, ..., n-1. */
REEL_API reel_sampler *reel_sequential_sampler_new(int64_t n);

/* A new order of 0..n-1 each epoch; with replacement, `draws` independent draws (0: n). */
REEL_API reel_sampler *reel_random_sampler_new(int64_t n, bool replacement, int64_t draws,
                                               uint64_t seed);

/* `draws` draws (at least 1), i with probability weights[i] / sum; without replacement, each among
 * what is left, so that draws <= the count of weights > 0. The weights are copied. */
REEL_API reel_sampler *reel_weighted_sampler_new(const double *weights, int64_t n, int64_t draws,
                                                 bool replacement, uint64_t seed);

/* The given items (copied), in a new order each epoch. */
REEL_API reel_sampler *reel_subset_sampler_new(const int64_t *index, int64_t n, uint64_t seed);

typedef struct reel_batch_sampler reel_batch_sampler;

/* For batches whose sizes differ. length is the most items an epoch has. plan fills index[] with
 * the items of batch 0, of batch 1 and so on, sizes[] with how many each has, and *batches with
 * their count; there is room for `length` of each. As order, it sees nothing but the epoch. */
typedef struct {
    int64_t (*length)(reel_batch_sampler *s);
    reel_status (*plan)(reel_batch_sampler *s, int64_t epoch, int64_t *index, int64_t *sizes,
                        int64_t *batches);
    void (*free)(reel_batch_sampler *s);
} reel_batch_sampler_class;
struct reel_batch_sampler {
    const reel_batch_sampler_class *cls;
};

/* A sampler cut into batches of batch_size; drop_last leaves out a last one that is short. */
REEL_API reel_batch_sampler *reel_batch_sampler_new(reel_sampler *s, int64_t batch_size,
                                                    bool drop_last);
REEL_API void reel_batch_sampler_free(reel_batch_sampler *s); /* takes NULL */

/* ---- collate: n samples into one ---- */

/* The samples are borrowed, and so is the result, which may be one of them. Called by any thread.
 */
typedef reel_status (*reel_collate_fn)(const reel_sample *samples, int64_t n, reel_sample *out,
                                       void *user);

/* Stacks x into [n,...] and y into [n,...]; shapes, dtypes and devices must agree, and all have
 * labels or none. */
REEL_API reel_status reel_collate_default(const reel_sample *samples, int64_t n, reel_sample *out,
                                          void *user);

/* ---- loader ---- */

typedef struct {
    int64_t batch_size;                /* 0: 1 */
    bool shuffle;                      /* a random sampler of the loader's own, by seed */
    bool drop_last;                    /* leave out a last batch that is short */
    uint64_t seed;                     /* of shuffle */
    reel_sampler *sampler;             /* borrowed; excludes shuffle */
    reel_batch_sampler *batch_sampler; /* borrowed; excludes the above but for seed */
    reel_collate_fn collate;           /* NULL: the dataset's gather, else reel_collate_default */
    void *user;                        /* collate's */
    int workers;        /* threads that make batches ahead, 0..256; 0: reel_loader_next does */
    int prefetch;       /* batches ahead per worker; 0: 2 */
    double scale;       /* not 0: x becomes scale x in f32 (pixels: 1.0 / 255) */
    reel_device device; /* where batches go, wherever the dataset has them; 0: the CPU */
} reel_loader_options;

/* Valid until the next call on the loader; the tensors are the loader's. */
typedef struct {
    reel_tensor *x, *y;   /* y NULL if the dataset has no labels */
    const int64_t *index; /* its items in the dataset */
    int64_t n, number;    /* how many items; 0, 1, ... in the epoch */
} reel_batch;

typedef struct reel_loader reel_loader;

/* A loader is one thread's, whatever its number of workers. Freeing it may wait for the batches
 * that workers are making, and for orders: of 16,384 to 16 million items, shuffled, those of the
 * next two epochs are made ahead by threads. In a forked child it goes on behind the batch handed
 * over last, with workers of the child's own.
 *
 * For a GPU, batches travel as the dataset has them (pixels as u8) and are scaled there. The two
 * behind the one handed over are read and uploaded ahead: by reel_loader_next itself, or as far as
 * workers have made them. No batch is read ahead beyond an epoch's end.
 *
 * A dataset of tensors on a GPU, or a subset of one, is gathered there: the epoch's order is
 * uploaded once, and a batch for the same GPU is then a launch for x and one for y, no copy and no
 * wait. Workers would have nothing to do: none are started, whatever `workers` says. */
REEL_API reel_loader *reel_loader_new(reel_dataset *d, reel_loader_options options);
REEL_API void reel_loader_free(reel_loader *l); /* takes NULL; mid-epoch too */

/* The next batch, true; or false (and an empty batch) at an epoch's end, after which the next call
 * starts the next epoch. False, too, while a failure is kept: one of a batch that was read ahead
 * arrives here when its turn comes, and the batch is tried again by the first call after
 * reel_clear_error. */
REEL_API bool reel_loader_next(reel_loader *l, reel_batch *b);

REEL_API int64_t reel_loader_batches(reel_loader *l);        /* in this epoch; 0 on failure */
REEL_API int64_t reel_loader_epoch(const reel_loader *l);    /* of the batch to come: 0, 1, ... */
REEL_API int64_t reel_loader_position(const reel_loader *l); /* batches handed over in this epoch */

/* Epoch, position and this epoch's order as tensors prefix.progress, .order and .starts. A loader
 * over the same dataset that loads them goes on with the very next batch, with any number of
 * workers. Loading checks all before it changes anything, and ends the batch handed over. It is an
 * error if the dataset has another length, or the loader another batch_size, shuffle, seed or
 * drop_last, or a sampler where there was none; what a sampler of the caller's is made with it
 * cannot see: the epoch under way is the one saved, those after it are this sampler's. */
REEL_API reel_status reel_loader_save(reel_loader *l, reel_state *s, const char *prefix);
REEL_API reel_status reel_loader_load(reel_loader *l, const reel_state *s, const char *prefix);

/* ---- call sites: see error.h ---- */

#define reel_dataset_length(...) REEL__CALL(reel_dataset_length(__VA_ARGS__))
#define reel_dataset_get(...) REEL__CALL(reel_dataset_get(__VA_ARGS__))
#define reel_tensor_dataset_new(...) REEL__CALL(reel_tensor_dataset_new(__VA_ARGS__))
#define reel_sampler_length(...) REEL__CALL(reel_sampler_length(__VA_ARGS__))
#define reel_sampler_order(...) REEL__CALL(reel_sampler_order(__VA_ARGS__))
#define reel_sequential_sampler_new(...) REEL__CALL(reel_sequential_sampler_new(__VA_ARGS__))
#define reel_random_sampler_new(...) REEL__CALL(reel_random_sampler_new(__VA_ARGS__))
#define reel_weighted_sampler_new(...) REEL__CALL(reel_weighted_sampler_new(__VA_ARGS__))
#define reel_subset_sampler_new(...) REEL__CALL(reel_subset_sampler_new(__VA_ARGS__))
#define reel_collate_default(...) REEL__CALL(reel_collate_default(__VA_ARGS__))
#define reel_loader_next(...) REEL__CALL(reel_loader_next(__VA_ARGS__))
#define reel_loader_batches(...) REEL__CALL(reel_loader_batches(__VA_ARGS__))
#define reel_loader_save(...) REEL__CALL(reel_loader_save(__VA_ARGS__))
#define reel_loader_load(...) REEL__CALL(reel_loader_load(__VA_ARGS__))

/* What these are handed they keep, compound literals too, which in a statement expression would end
 * with it: their arguments stay outside. */
#ifndef REEL__LIBRARY
static inline reel_dataset *reel__subset_dataset_new(const char *at, reel_dataset *d,
                                                     const int64_t *index, int64_t n) {
    REEL__SITE(at);
    return reel_subset_dataset_new(d, index, n);
}
static inline reel_dataset *reel__concat_dataset_new(const char *at, reel_dataset **parts,
                                                     int count) {
    REEL__SITE(at);
    return reel_concat_dataset_new(parts, count);
}
static inline reel_dataset *reel__map_dataset_new(const char *at, reel_dataset *d, reel_map_fn f,
                                                  void *user) {
    REEL__SITE(at);
    return reel_map_dataset_new(d, f, user);
}
static inline reel_status reel__random_split(const char *at, reel_dataset *d,
                                             const int64_t *lengths, int count, uint64_t seed,
                                             reel_dataset **out) {
    REEL__SITE(at);
    return reel_random_split(d, lengths, count, seed, out);
}
static inline reel_batch_sampler *reel__batch_sampler_new(const char *at, reel_sampler *s,
                                                          int64_t batch_size, bool drop_last) {
    REEL__SITE(at);
    return reel_batch_sampler_new(s, batch_size, drop_last);
}
static inline reel_loader *reel__loader_new(const char *at, reel_dataset *d,
                                            reel_loader_options options) {
    REEL__SITE(at);
    return reel_loader_new(d, options);
}
#define reel_subset_dataset_new(...) reel__subset_dataset_new(REEL_HERE, __VA_ARGS__)
#define reel_concat_dataset_new(...) reel__concat_dataset_new(REEL_HERE, __VA_ARGS__)
#define reel_map_dataset_new(...) reel__map_dataset_new(REEL_HERE, __VA_ARGS__)
#define reel_random_split(...) reel__random_split(REEL_HERE, __VA_ARGS__)
#define reel_batch_sampler_new(...) reel__batch_sampler_new(REEL_HERE, __VA_ARGS__)
#define reel_loader_new(...) reel__loader_new(REEL_HERE, __VA_ARGS__)
#endif

#ifdef __cplusplus
}
#endif
#endif
