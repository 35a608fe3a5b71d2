/* What records itself in a profile (profile.h), and who reads it.
 *
 *     const reel__profile_mark mark = reel__profile_begin("add, relu", at, bytes);
 *     ...
 *     reel__profile_end(mark);
 *
 * Where `at` is NULL, it is that of the call under way. Events of one thread nest; whoever leaves
 * by a jump is closed with what is around it. While no profile is under way, both are one
 * comparison. */
#ifndef REEL_TENSOR_CORE_PROFILE_INTERNAL_H
#define REEL_TENSOR_CORE_PROFILE_INTERNAL_H

#include "tensor/core/tensor_internal.h"
#include "tensor/profile.h"

typedef enum {
    REEL__PROFILE_NOTHING, /* a place that was never filled */
    REEL__PROFILE_FORWARD, /* ops */
    REEL__PROFILE_BACKWARD,
    REEL__PROFILE_OPTIMIZER,
    REEL__PROFILE_FUSED, /* several as one kernel */
    REEL__PROFILE_COPY,  /* between host and device */
    REEL__PROFILE_PASS,  /* of many calls, by the library */
    REEL__PROFILE_RANGE,
    REEL__PROFILE_DEVICE /* a launch, as the device saw it */
} reel__profile_kind;

enum { REEL__PROFILE_INPUTS = 4, REEL__PROFILE_DIMS = 12, REEL__PROFILE_TEXT = 48 };

typedef struct {
    const char *name;  /* what runs, a literal; NULL: it is the text */
    const char *in;    /* a literal: the function that it is part of; NULL: none */
    const char *at;    /* where it was called; NULL: not known */
    const char *from;  /* the program's call that it is part of; NULL: that itself */
    int64_t begin;     /* ns since the start; and when it was over, */
    int64_t end;       /*     0: not yet, when the profile was stopped */
    int64_t inner;     /* of that, in what it called */
    int64_t bytes;     /* read and written */
    int64_t part;      /* of which program's step it is: see the thread's; 0: of none */
    int64_t call;      /* DEVICE: the event that launched it; -1: none that is kept */
    int thread;        /* from 0, in the order of their first events; DEVICE: the device */
    reel_device where; /* of an op's */
    uint8_t kind;
    uint8_t inputs; /* those listed: axes that no place was left for make one the last */
    uint8_t ndim[REEL__PROFILE_INPUTS], dtype[REEL__PROFILE_INPUTS];
    int64_t dim[REEL__PROFILE_DIMS]; /* of all inputs, one behind the other */
    char text[REEL__PROFILE_TEXT];   /* its name, or whose gradient it is part of; may be empty */
} reel__profile_event;

/* What is done with calls now; bits. */
enum { REEL__PROFILE_EVENTS = 1, REEL__PROFILE_NVTX = 2, REEL__PROFILE_TIMES = 4 };
extern atomic_uint reel__profile_on __attribute__((visibility("hidden")));
static inline unsigned reel__profile_does(void) {
    const unsigned does = atomic_load_explicit(&reel__profile_on, memory_order_relaxed);
    return __builtin_expect(does != 0, 0) ? does : 0;
}

/* One that was begun; zeroed: none. */
typedef struct {
    int depth;
} reel__profile_mark;

/* Begins an event like e, whose times and thread are filled in. */
reel__profile_mark reel__profile_open(const reel__profile_event *e);
void reel__profile_close(reel__profile_mark mark);

static inline void reel__profile_end(reel__profile_mark mark) {
    if (mark.depth) reel__profile_close(mark);
}

/* Of a kind, with a name and a site that are literals. */
reel__profile_mark reel__profile_open_as(reel__profile_kind kind, const char *name, const char *at,
                                         int64_t bytes);
/* Several ops as one kernel; the name may go as soon as this has returned. */
reel__profile_mark reel__profile_fused(const char *name, const char *at, int64_t bytes);
static inline reel__profile_mark reel__profile_begin(const char *name, const char *at,
                                                     int64_t bytes) {
    return reel__profile_does() ? reel__profile_fused(name, at, bytes) : (reel__profile_mark){0};
}

/* At the head of a block: what is in it is a pass. The name may go as soon as this has returned. */
reel__profile_mark reel__profile_pass(const char *name, const char *at);
static inline void reel__profile_leave(const reel__profile_mark *mark) {
    reel__profile_end(*mark);
}
#define REEL__PROFILE_PASS_OF(name, at)                                                            \
    const reel__profile_mark profile_mark __attribute__((unused, cleanup(reel__profile_leave))) =  \
        reel__profile_does() ? reel__profile_pass(name, at) : (reel__profile_mark) {               \
        0                                                                                          \
    }

/* The same of an event of another kind, whose name and site are literals. */
#define REEL__PROFILE_BLOCK(kind, name, at, bytes)                                                 \
    const reel__profile_mark profile_mark __attribute__((unused, cleanup(reel__profile_leave))) =  \
        reel__profile_does() ? reel__profile_open_as(kind, name, at, (int64_t)(bytes))             \
                             : (reel__profile_mark) {                                              \
        0                                                                                          \
    }

/* ---- devices ---- */

/* The event under way in this thread, to be named with launches that it makes. */
typedef struct {
    unsigned profile; /* whose; 0: none */
    int64_t event;
} reel__profile_call;
reel__profile_call reel__profile_current(void);

/* On which it was, when it began and ended (ns by reel__profile_clock), and who launched it. */
void reel__profile_launch(reel__profile_call call, const char *name, const char *at, int device,
                          int64_t begin, int64_t end);
int64_t reel__profile_clock(void); /* ns, monotonic */
/* Of the profile under way, from 1; 0: none is. */
unsigned reel__profile_number(void);

/* NVTX, which cuda/ has, or answers NULL. Literals both. */
typedef struct {
    void (*push)(const char *name, const char *at);
    void (*pop)(void);
} reel__ranges;
const reel__ranges *reel__cuda_ranges(void);
/* Does nothing where there are none. */
void reel__profile_push(const char *name, const char *at);
void reel__profile_pop(void);

/* ---- reading (who writes it as a table, or a trace) ---- */

typedef struct {
    int64_t count, dropped, end; /* end: ns since the start, when it was stopped */
    int threads;
} reel__profile_view;
/* REEL_ERR_STATE unless a profile was stopped; else it stays as it is until let go. */
reel_status reel__profile_look(const char *who, reel__profile_view *view);
/* The same, and false, without a failure, unless one was stopped. */
bool reel__profile_is_there(reel__profile_view *view);
void reel__profile_let_go(void);
/* 0 to count - 1; NULL: this one was lost. */
const reel__profile_event *reel__profile_at(int64_t i);
/* When it ended. */
static inline int64_t reel__profile_end_of(const reel__profile_event *e,
                                           const reel__profile_view *v) {
    return e->end ? e->end : v->end;
}
static inline const char *reel__profile_name(const reel__profile_event *e) {
    return e->name ? e->name : e->text;
}
/* "forward", ... */
const char *reel__profile_kind_name(reel__profile_kind kind);

#endif
