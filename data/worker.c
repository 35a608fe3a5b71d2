/* A loader's threads: each takes on the next batch that nobody has, makes it, and puts it where the
 * loader looks for it. Batch k goes to slot k % slots, and none is taken on whose slot is not free:
 * that bounds what is read ahead, and the loader takes the slots in turn, so that batches arrive in
 * order whoever made them.
 *
 * A forked child has a crew's memory, as it was at some moment, and none of its threads. */
#include "data/data_internal.h"
#include "tensor/core/tensor_internal.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    bool full;
    reel_status status;
    reel_sample batch;           /* owned; if status is REEL_OK */
    char message[REEL__MESSAGE]; /* else */
} slot;

struct reel__crew {
    const reel_loader *loader;
    unsigned process;
    pthread_mutex_t lock;  /* of all below */
    pthread_cond_t freed;  /* a slot was, or the crew is to stop */
    pthread_cond_t filled; /* a slot was */
    int64_t claimed;       /* the batch to be taken on next */
    int64_t taken;         /* the batch that the loader takes next */
    int64_t end;           /* none from here on is taken on; after a failure, those behind it */
    int64_t slots;
    slot *slot;
    int threads;
    pthread_t thread[];
};

/* ---- forks ---- */

static atomic_uint process; /* how many forks this one is away from the first */

static void in_child(void) {
    atomic_fetch_add(&process, 1);
}
static void watch_forks(void) {
    pthread_atfork(NULL, NULL, in_child);
}

unsigned reel__process_number(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, watch_forks);
    return atomic_load(&process);
}

bool reel__crew_is_gone(const reel__crew *c) {
    return c->process != reel__process_number();
}

/* ---- in the workers ---- */

/* The number of a batch to make; -1 when there is none any more. Waits for its slot. */
static int64_t claim(reel__crew *c) {
    pthread_mutex_lock(&c->lock);
    while (c->claimed < c->end && c->claimed >= c->taken + c->slots)
        pthread_cond_wait(&c->freed, &c->lock);
    int64_t number = c->claimed < c->end ? c->claimed++ : -1;
    pthread_mutex_unlock(&c->lock);
    return number;
}

static void hand_over(reel__crew *c, int64_t number, const slot *made) {
    pthread_mutex_lock(&c->lock);
    c->slot[number % c->slots] = *made;
    if (made->status != REEL_OK && c->end > number + 1) {
        c->end = number + 1;
        pthread_cond_broadcast(&c->freed);
    }
    pthread_cond_signal(&c->filled);
    pthread_mutex_unlock(&c->lock);
}

/* A failure stays this thread's: it gets no further batch. */
static void *work(void *crew) {
    reel__crew *c = crew;
    reel_set_threads(1);
    for (int64_t number; (number = claim(c)) >= 0;) {
        slot made = {.full = true};
        made.status = reel__fetch(c->loader, number, &made.batch);
        snprintf(made.message, sizeof made.message, "%s", reel_error());
        hand_over(c, number, &made);
    }
    return NULL;
}

/* ---- in the loader's thread ---- */

static reel_status start_threads(reel__crew *c, int count) {
    int error = 0;
    while (c->threads < count && !error) {
        error = reel__thread_start(&c->thread[c->threads], work, c);
        c->threads += !error;
    }
    if (!error) return REEL_OK;
    return reel_fail(REEL_ERR_IO, NULL, "loader: can't start worker %d of %d: %s", c->threads + 1,
                     count, strerror(error));
}

reel__crew *reel__crew_start(const reel_loader *l, int64_t first) {
    const reel_loader_options *o = &l->options;
    int64_t left = l->plan.batches - first, slots = (int64_t)o->workers * o->prefetch;
    reel__crew *c = malloc(sizeof *c + (size_t)o->workers * sizeof *c->thread);
    if (!c) {
        reel_fail(REEL_ERR_MEMORY, NULL, "loader: out of memory for %d workers", o->workers);
        return NULL;
    }
    *c = (reel__crew){.loader = l,
                      .process = reel__process_number(),
                      .lock = PTHREAD_MUTEX_INITIALIZER,
                      .freed = PTHREAD_COND_INITIALIZER,
                      .filled = PTHREAD_COND_INITIALIZER,
                      .claimed = first,
                      .taken = first,
                      .end = l->plan.batches,
                      .slots = slots < left ? slots : left};
    c->slot = reel__array(c->slots, sizeof *c->slot, "loader");
    if (c->slot && start_threads(c, o->workers) == REEL_OK) return c;
    reel__crew_free(c);
    return NULL;
}

reel_status reel__crew_take(reel__crew *c, reel_sample *out) {
    pthread_mutex_lock(&c->lock);
    assert(c->taken < c->end);
    slot *s = &c->slot[c->taken % c->slots];
    while (!s->full) pthread_cond_wait(&c->filled, &c->lock);
    *out = s->batch;
    reel_status status = s->status;
    if (status != REEL_OK) reel_fail(status, NULL, "%s", s->message);
    s->full = false;
    c->taken++;
    pthread_cond_signal(&c->freed);
    pthread_mutex_unlock(&c->lock);
    return status;
}

bool reel__crew_ready(reel__crew *c) {
    pthread_mutex_lock(&c->lock);
    bool ready = c->slot[c->taken % c->slots].full;
    pthread_mutex_unlock(&c->lock);
    return ready;
}

static void stop_threads(reel__crew *c) {
    pthread_mutex_lock(&c->lock);
    c->end = 0;
    pthread_cond_broadcast(&c->freed);
    pthread_mutex_unlock(&c->lock);
    for (int k = 0; k < c->threads; k++) pthread_join(c->thread[k], NULL);
    pthread_cond_destroy(&c->filled);
    pthread_cond_destroy(&c->freed);
    pthread_mutex_destroy(&c->lock);
}

/* Of a crew that is gone, a thread may have been about to fill a slot: it had the lock then, and
 * what the slots hold is left alone. Nobody unlocks, and nobody is waited for. */
void reel__crew_free(reel__crew *c) {
    if (!c) return;
    bool whole = true;
    if (reel__crew_is_gone(c))
        whole = pthread_mutex_trylock(&c->lock) == 0;
    else
        stop_threads(c);
    for (int64_t k = 0; whole && c->slot && k < c->slots; k++)
        if (c->slot[k].full) reel__sample_release(&c->slot[k].batch);
    free(c->slot);
    free(c);
}

reel_status reel__read_batch(reel_loader *l, int64_t number, reel_sample *out) {
    if (l->options.workers == 0) return reel__fetch(l, number, out);
    if (!l->crew) l->crew = reel__crew_start(l, number);
    return l->crew ? reel__crew_take(l->crew, out) : reel_error_status();
}
