/* What the files of data/ share. A batch's way: a plan says which items it has (epoch_plan.c),
 * fetch makes them one (fetch.c), in the caller's thread or in one of a crew (worker.c), and the
 * loader hands it over (loader.c). */
#ifndef REEL_DATA_DATA_INTERNAL_H
#define REEL_DATA_DATA_INTERNAL_H

#include "data/data.h"

/* ---- support.c ---- */

#define REEL__MESSAGE 1024 /* bytes of a failure's line that is handed on */

/* n zeroed elements, to be freed; never NULL for n = 0. Out of memory: NULL, and a failure that
 * names `who`. */
void *reel__array(int64_t n, size_t size, const char *who);

/* A callback's status, with a failure kept wherever it is not REEL_OK: one that fails without a
 * word is given one, and one that says REEL_OK while its ops failed is not believed. */
reel_status reel__callback_status(reel_status status, const char *who);

/* Puts "<format>: " before the kept failure's message, and returns its status. */
reel_status reel__add_context(const char *format, ...) REEL__PRINTF(1, 2);

/* As reel_dataset_get for a whole batch; d's class has a gather. */
reel_status reel__dataset_gather(reel_dataset *d, const int64_t *index, int64_t n,
                                 reel_sample *out);

void reel__sample_retain(reel_sample *s);
void reel__sample_release(reel_sample *s); /* and forgets its tensors */

/* ---- shuffle.c: random integers on the host ---- */

/* What a stream is for: streams of one seed that serve different purposes never meet, nor do they
 * meet a generator's, which counts blocks from 0. */
typedef enum { REEL__FOR_ORDER = 1, REEL__FOR_SPLIT = 2 } reel__purpose;

/* 64-bit words, a pure function of (seed, purpose, epoch). */
typedef struct {
    uint64_t seed, epoch, block;
    uint64_t word[2];
    int left; /* words not yet given out */
} reel__stream;

reel__stream reel__stream_open(uint64_t seed, reel__purpose purpose, int64_t epoch);
/* Uniform in 0..n-1, without bias; n >= 1. */
int64_t reel__stream_below(reel__stream *r, int64_t n);
/* Uniform in (0, 1), both ends excluded. */
double reel__stream_uniform(reel__stream *r);
void reel__shuffle(reel__stream *r, int64_t *a, int64_t n);

/* ---- epoch_plan.c ---- */

/* An epoch's batches: batch k has items index[start[k]] .. index[start[k + 1] - 1]. */
typedef struct {
    int64_t *index; /* NULL: not planned yet */
    int64_t *start; /* batches + 1 of them */
    int64_t batches;
} reel__plan;

/* Asks the sampler for `epoch` of a dataset of `items` items, and checks what it says. */
reel_status reel__plan_make(reel__plan *plan, reel_batch_sampler *s, int64_t epoch, int64_t items);
/* Takes an order and starts from elsewhere over: `count` indices, `starts` starts. Both become the
 * plan's, or are freed on failure; either may be NULL after a failure to make it. */
reel_status reel__plan_adopt(reel__plan *plan, int64_t *index, int64_t count, int64_t *start,
                             int64_t starts, int64_t items);
void reel__plan_free(reel__plan *plan);

/* ---- loader.c ---- */

typedef struct reel__crew reel__crew;

/* While a crew works, its threads read dataset, options, plan and epoch, and nothing else. */
struct reel_loader {
    reel_dataset *dataset;
    reel_loader_options options;
    reel_sampler *own_sampler;
    reel_batch_sampler *own_batch_sampler, *batch_sampler;
    reel__plan plan;
    int64_t epoch, position;
    reel_sample batch; /* the one handed over last */
    reel__crew *crew;  /* NULL: no thread is running */
};

/* Makes sure that the current epoch is planned. */
reel_status reel__loader_plan(reel_loader *l);
/* Stops reading ahead, lets the batch handed over go, and puts the loader at a position of a plan,
 * which becomes the loader's. */
void reel__loader_move(reel_loader *l, reel__plan plan, int64_t epoch, int64_t position);

/* ---- fetch.c ---- */

/* Makes batch `number` of the loader's epoch, in any thread. *out's tensors are owned. Batches for
 * the CPU are finished; for another device that is left to the thread that takes them, which alone
 * talks to it. */
reel_status reel__fetch(const reel_loader *l, int64_t number, reel_sample *out);

/* Brings an owned batch to its device and scales x there: pixels travel as u8. */
reel_status reel__finish(const reel_loader *l, int64_t number, reel_sample *batch);

/* ---- worker.c ---- */

/* Starts options.workers threads that make the plan's batches from the loader's position on. NULL
 * on failure. */
reel__crew *reel__crew_start(const reel_loader *l);
/* The next batch in order; waits for it. A failure while it was made becomes this thread's, and the
 * crew is then to be freed. *out's tensors are owned. */
reel_status reel__crew_take(reel__crew *crew, reel_sample *out);
/* Stops and joins the threads and lets the batches that nobody took go. Takes NULL. */
void reel__crew_free(reel__crew *crew);

#endif
