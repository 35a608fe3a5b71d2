/* What the files of data/ share. A batch's way: a plan says which items it has (epoch_plan.c),
 * fetch makes them one (fetch.c; rows.c where they are rows of tensors), in the caller's thread or
 * in one of a crew (worker.c), it is uploaded if it is to go to a GPU (read_ahead.c), and the
 * loader hands it over (loader.c). */
#ifndef REEL_DATA_DATA_INTERNAL_H
#define REEL_DATA_DATA_INTERNAL_H

#include "data/data.h"
#include "tensor/core/alive_internal.h"
#include "tensor/core/tensor_internal.h"
#include "tensor/ops/upload_internal.h"

/* ---- support.c ---- */

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
/* As the class's rows; all->x is NULL where there are none. */
reel_status reel__dataset_rows(reel_dataset *d, int64_t *index, int64_t n, reel_sample *all);

void reel__sample_retain(reel_sample *s);
void reel__sample_release(reel_sample *s); /* and forgets its tensors */

/* ---- heads.c ---- */

#define REEL__HEAD_BYTES 56
/* A zeroed struct of a type, of REEL__HEAD_BYTES at most, whose first member is its class. Out of
 * memory: NULL, and a failure that names `who`. */
#define REEL__HEAD_NEW(type, who)                                                                  \
    ((void)sizeof(char[sizeof(type) <= REEL__HEAD_BYTES ? 1 : -1]), (type *)reel__head_new(who))
void *reel__head_new(const char *who);
/* `cls`, which is static, is what calls on it meet from here on. */
void reel__head_free(void *head, const void *cls);
reel_status reel__say_freed(const char *who);
/* A class that says "dataset: freed already", and so on. */
extern const reel_dataset_class reel__freed_dataset;
extern const reel_sampler_class reel__freed_sampler;
extern const reel_batch_sampler_class reel__freed_batch_sampler;

/* ---- shuffle.c: random integers on the host ---- */

/* What a stream is for: streams of one seed that serve different purposes never meet, nor do they
 * meet a generator's, which counts blocks from 0. */
typedef enum { REEL__FOR_ORDER = 1, REEL__FOR_SPLIT = 2 } reel__purpose;

enum { REEL__STREAM_WORDS = 128 };

/* 64-bit words, a pure function of (seed, purpose, epoch). */
typedef struct {
    uint64_t seed, epoch, block; /* the next one to be made */
    uint64_t word[REEL__STREAM_WORDS];
    int at; /* the next one to be given out */
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
typedef struct reel__plan_ahead reel__plan_ahead;
enum { REEL__PLANS_AHEAD = 2 };

enum { REEL__AHEAD = 3 }; /* batches on their way at most: the one asked for, two behind it */

/* Batch k is in slot k % REEL__AHEAD. */
typedef struct {
    reel__upload x[REEL__AHEAD], y[REEL__AHEAD];
    int count;                   /* from the loader's position on */
    reel_status status;          /* of reading the one behind them; delivered in its turn */
    char message[REEL__MESSAGE]; /* if that is not REEL_OK */
} reel__ahead;

/* While a crew works, its threads read dataset, options, plan, epoch, rows, order and read_ahead,
 * and nothing else. */
struct reel_loader {
    reel_dataset *dataset;
    reel_loader_options options; /* workers: 0 where they would have nothing to do */
    reel_sampler *own_sampler;
    reel_batch_sampler *own_batch_sampler, *batch_sampler;
    reel__plan plan;
    /* Of epoch e in e % REEL__PLANS_AHEAD; NULL: no thread is at it. */
    reel__plan_ahead *plan_ahead[REEL__PLANS_AHEAD];
    bool has_rows;      /* items are rows of tensors */
    reel_sample rows;   /* these */
    reel_tensor *order; /* the plan's index as rows of them, beside them; NULL: not there yet */
    int64_t epoch, position;
    reel_sample batch; /* the one handed over last */
    bool read_ahead;   /* batches are uploaded before they are asked for */
    reel__ahead ahead;
    reel__crew *crew; /* NULL: no thread is running */
};

#define REEL__LOADER "a loader"

/* Makes sure that the current epoch is planned. */
reel_status reel__loader_plan(reel_loader *l);
/* Stops reading ahead, lets the batch handed over go, and puts the loader at a position of a plan,
 * which becomes the loader's. */
void reel__loader_move(reel_loader *l, reel__plan plan, int64_t epoch, int64_t position);

/* ---- plan_ahead.c ---- */

/* Has the next epochs' plans made meanwhile, if that is worth it and nobody is at them. */
void reel__plan_ahead_start(reel_loader *l);
/* Waits for the plan of the loader's epoch, over so many items. False: there is none. */
bool reel__plan_ahead_take(reel_loader *l, int64_t items, reel__plan *plan);
/* Waits for all that was started, and lets it go. */
void reel__plan_ahead_stop(reel_loader *l);

/* ---- fetch.c ---- */

/* Makes batch `number` of the loader's epoch, in any thread. *out's tensors are owned. A batch to
 * be uploaded is as the dataset has it: the loader's thread alone talks to the device. Any other is
 * finished. */
reel_status reel__fetch(const reel_loader *l, int64_t number, reel_sample *out);
/* x, or what options.scale makes of it. Borrowed. */
reel_tensor *reel__scaled(const reel_loader *l, reel_tensor *x);
/* Says in the kept failure which batch it happened in; returns its status. */
reel_status reel__name_batch(const reel_loader *l, int64_t number);

/* ---- rows.c ---- */

/* Asks whether the dataset's items are rows of tensors, and where. */
reel_status reel__rows_look(reel_loader *l);
/* Makes sure that the plan's order lies beside them; does nothing if there are none. */
reel_status reel__rows_open(reel_loader *l);
void reel__rows_close(reel_loader *l);
/* Batch `number`, picked where the rows lie; with a scale other than 0, x in f32 in the same pass.
 * Borrowed. */
reel_status reel__rows_gather(const reel_loader *l, int64_t number, double scale, reel_sample *out);

/* ---- read_ahead.c ---- */

/* The batch at the loader's position, on its device and scaled; starts uploads of those behind it.
 * *out's tensors are owned. After a failure all that is ahead is to be cancelled. */
reel_status reel__ahead_take(reel_loader *l, reel_sample *out);
void reel__ahead_cancel(reel__ahead *a);

/* ---- worker.c ---- */

/* How many forks this process is away from the first: of another number, threads are not here. */
unsigned reel__process_number(void);
/* Starts options.workers threads that make the plan's batches from `first` on. NULL on failure. */
reel__crew *reel__crew_start(const reel_loader *l, int64_t first);
/* The next batch in order; waits for it. A failure while it was made becomes this thread's, and the
 * crew is then to be freed. *out's tensors are owned. */
reel_status reel__crew_take(reel__crew *crew, reel_sample *out);
/* Whether reel__crew_take would not wait, where a batch is left to be taken. */
bool reel__crew_ready(reel__crew *crew);
/* Whether its threads are another process's, of which this one was forked: then it is to be freed.
 */
bool reel__crew_is_gone(const reel__crew *crew);
/* Stops and joins the threads, if they are this process's, and lets the batches that nobody took
 * go. Takes NULL. */
void reel__crew_free(reel__crew *crew);
/* Reads batch `number`, the next that nobody has read: from the workers, started if need be, or
 * here. *out's tensors are owned. */
reel_status reel__read_batch(reel_loader *l, int64_t number, reel_sample *out);

#endif
