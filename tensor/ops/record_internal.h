/* What a thread's calls are told to while a step is recorded (capture/), which stands above them.
 *
 * A recorder sees each call that went through the funnel. What the host does anew at each step, and
 * not by calls alone, is a section: it says how to do it again.
 *
 *     reel__section s = {.again = again, .back = back, .of = loader};
 *     REEL_TRY(reel__section_begin(&s));
 *     ... calls, and what the host does besides ...
 *     s.result[0] = x;
 *     reel__section_end(&s, more);
 *
 * Whatever a recorder has no memory to write down is not done, so that all that was done can be
 * undone. */
#ifndef REEL_TENSOR_OPS_RECORD_INTERNAL_H
#define REEL_TENSOR_OPS_RECORD_INTERNAL_H

#include "tensor/backend.h"
#include "tensor/core/tensor_internal.h"

#define REEL__SECTION_RESULTS 2

typedef struct reel__section reel__section;
struct reel__section {
    /* Does all of it once more, and begins and ends a section like this one. */
    void (*again)(void *of, double number);
    /* Whether it would have nothing to give; NULL: it always has. Changes nothing. */
    bool (*over)(void *of);
    /* Undoes the last time, unless it failed: what was taken is there to be taken again. Needs no
     * memory, and takes `kept`. */
    void (*back)(const reel__section *s);
    /* Lets `kept` go: it is not undone any more. NULL: nothing is kept. */
    void (*forget)(void *kept);
    void *of;
    const char *kind; /* of `of`, in the set of living objects; NULL: it is none of these */
    double number;    /* for `again` */
    double was;       /* before it, for `back` */
    void *kept;       /* the same, owned by whoever may undo it, from the section's end on */
    reel_tensor *result[REEL__SECTION_RESULTS]; /* what it gives to the step; NULL: none */
    /* Once this one is let go, `of` is gone too; it may be `of` itself. NULL: it looks after
     * itself.
     */
    reel_tensor *life;
};

/* Of a call that is about to run: it does; it need not, its results are set, each with a reference
 * that is the caller's; it must not, a failure is kept. */
typedef enum { REEL__RUNS, REEL__ANSWERED, REEL__REFUSED } reel__answer;

typedef struct reel__recorder reel__recorder;
struct reel__recorder {
    /* After a call ran: it is written down. */
    reel_status (*took)(reel__recorder *r, const reel__call *c);
    /* Before a call runs. */
    reel__answer (*answers)(reel__recorder *r, reel__call *c, const reel__layout *layout);
    /* Before a leaf's gradient is looked at or changed; not seen: it is let go, whatever it is.
     * NULL: of no interest. */
    reel_status (*gradient)(reel__recorder *r, reel_tensor *leaf, bool seen);
    reel_status (*section_begin)(reel__recorder *r, const reel__section *s);
    void (*section_end)(reel__recorder *r, const reel__section *s, bool more);
};

/* On failure there is none to end. */
static inline reel_status reel__section_begin(const reel__section *s) {
    reel__recorder *r = reel__self()->recorder;
    return r ? r->section_begin(r, s) : REEL_OK;
}
/* `more`: it gave what there is to go on with. Else its epoch is over, or it failed, and did
 * nothing.
 */
static inline void reel__section_end(const reel__section *s, bool more) {
    reel__recorder *r = reel__self()->recorder;
    if (r)
        r->section_end(r, s, more);
    else if (s->forget)
        s->forget(s->kept);
}

static inline reel_status reel__note_gradient(reel_tensor *leaf, bool seen) {
    reel__recorder *r = reel__self()->recorder;
    return r && r->gradient ? r->gradient(r, leaf, seen) : REEL_OK;
}

/* What the host does besides calls, at each step anew, is not recorded. At the head of a block. */
typedef struct reel__unrecorded {
    reel__recorder *recorder;
    uint64_t recording;
} reel__unrecorded;
static inline reel__unrecorded reel__unrecorded_begin(void) {
    reel__thread *self = reel__self();
    const reel__unrecorded was = {self->recorder, self->recording};
    self->recorder = NULL;
    self->recording = 0;
    return was;
}
static inline void reel__unrecorded_end(reel__unrecorded *was) {
    reel__self()->recorder = was->recorder;
    reel__self()->recording = was->recording;
}
#define REEL__UNRECORDED                                                                           \
    reel__unrecorded unrecorded __attribute__((cleanup(reel__unrecorded_end), unused)) =           \
        reel__unrecorded_begin()

/* A call whose results are there, once more: its kernel, and what anomaly mode looks at. */
reel_status reel__dispatch_again(reel__call *c);

/* Whether a call changes the elements of an input: an optimizer those of parameters, a draw the
 * state of its generator. */
bool reel__changes(const reel__call *c, int input);

#endif
