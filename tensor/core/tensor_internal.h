/* What a tensor is made of, for the library's own files. */
#ifndef REEL_TENSOR_CORE_TENSOR_INTERNAL_H
#define REEL_TENSOR_CORE_TENSOR_INTERNAL_H

#include "tensor/backend.h"
#include "tensor/tensor.h"

#include <pthread.h>
#include <stdatomic.h>

/* Where the half formats are not taken: random draws, initialisers, optimizers, losses. */
static inline bool reel__dtype_is_full(reel_dtype dtype) {
    return dtype == REEL_F32 || dtype == REEL_F64;
}

/* Numbers of options structs: 0 asks for the default, REEL_ZERO for 0. */
static inline double reel__option(double value, double otherwise) {
    return value == REEL_ZERO ? 0.0 : value == 0.0 ? otherwise : value;
}
static inline int64_t reel__option_int(int64_t value, int64_t otherwise) {
    return value == REEL_ZERO ? 0 : value == 0 ? otherwise : value;
}

/* A sanitizer is to see every allocation. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define REEL__SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define REEL__SANITIZED 1
#endif
#endif
#ifndef REEL__SANITIZED
#define REEL__SANITIZED 0
#endif

/* Memory on one device, shared by a tensor and its views. `version` counts in-place changes: the
 * tape compares it. `beside` says, in bits that are its backend's, what uses the memory beside the
 * device's calls: who asks for its address, or lets it go, has these wait for that first. */
typedef struct reel__storage {
    atomic_int refs;
    atomic_int captured; /* references among these that captured steps have */
    atomic_uint version;
    const reel__backend *backend;
    reel_device device;
    void *data;
    size_t bytes;
    atomic_uint beside;
    uint64_t recording; /* in which it was made (reel__thread), 0: in none */
    bool weak;          /* its memory goes when captured steps alone refer to it */
} reel__storage;

/* Element (i0, i1, ...) lies at data[offset + i0 stride0 + i1 stride1 + ...]; all in elements. */
typedef struct {
    reel_dtype dtype;
    reel_shape shape;
    int64_t stride[REEL_MAX_DIMS];
    int64_t offset;
} reel__layout;

struct reel_tensor {
    atomic_int refs;    /* 0: let go; see handles_internal.h */
    bool unscoped;      /* owned by its thread, since no scope was open */
    bool gone_by_scope; /* not by reel_release */
    reel__layout layout;
    reel__storage *storage;
    struct reel__track *track; /* autograd's own; NULL: a constant */
    char *name;                /* NULL: none */
    const char *made_by, *at;  /* op and call site, for messages and the leak report */
    const char *gone_at;       /* where it was let go; NULL: not known */
    reel_tensor *next;         /* the one let go after it */
};

/* ---- tensors (tensor.c) ---- */

/* Each returns a tensor with one reference, which is the caller's (not a scope's); NULL on failure.
 */
reel_tensor *reel__tensor_new(const char *at, const char *made_by, const reel__layout *layout,
                              reel_device d);
/* The same in memory of a backend that is not the device's own: pinned memory of the host. */
reel_tensor *reel__tensor_new_in(const char *at, const char *made_by, const reel__layout *layout,
                                 reel_device d, const reel__backend *memory);
reel_tensor *reel__tensor_view(const char *at, const char *made_by, reel_tensor *of,
                               const reel__layout *layout);
/* reel_release, with where it happens, and whether a scope does it. */
void reel__release(reel_tensor *t, const char *at, bool by_scope);
/* t becomes a view of other's elements, but stays the same tensor: the leaf of a tape that it is.
 */
void reel__tensor_become(reel_tensor *t, const reel_tensor *other);
/* Where element 0 lies, for who sees to it that nothing uses it meanwhile. */
static inline void *reel__place(const reel_tensor *t) {
    return (char *)t->storage->data + (size_t)t->layout.offset * reel_dtype_size(t->layout.dtype);
}
static inline void reel__await(reel__storage *s) {
    if (atomic_load_explicit(&s->beside, memory_order_acquire)) s->backend->await(s);
}
/* Where element 0 lies. */
static inline void *reel__data(const reel_tensor *t) {
    reel__await(t->storage);
    return reel__place(t);
}

/* ---- layouts (layout.c) ---- */

int64_t reel__shape_numel(reel_shape s); /* -1 if it overflows or an axis is negative */
/* Of all elements, wherever they lie: a result's memory may be part of a larger storage. */
static inline size_t reel__layout_bytes(const reel__layout *l) {
    return (size_t)reel__shape_numel(l->shape) * reel_dtype_size(l->dtype);
}
/* Elements along the axes whose bits are set: those that a reduction makes one result of. */
int64_t reel__count_over(reel_shape s, int64_t axes);
void reel__layout_contiguous(reel__layout *l);
bool reel__layout_is_contiguous(const reel__layout *l);
bool reel__layout_overlaps(const reel__layout *l); /* an axis longer than 1 with stride 0 */
/* Axis counted from either end; -1 if there is no such axis. */
int reel__axis(int axis, int ndim);
/* numpy's broadcast of a and b; false if they don't fit. */
bool reel__broadcast(reel_shape a, reel_shape b, reel_shape *out);
/* Strides that stretch `l` over `shape` (which it broadcasts to): 0 on the stretched axes. */
void reel__broadcast_strides(const reel__layout *l, reel_shape shape,
                             int64_t stride[REEL_MAX_DIMS]);

/* ---- the thread's own state (thread.c) ---- */

/* Threads that have tensors, in a scope or in none: at exit, those that may be at work. */
int reel__threads_with_tensors(void);
void reel__thread_has_tensors(bool has); /* the caller's own; scopes.c says when */

/* pthread_create for a thread of the library's own: signals are the program's, so all are blocked
 * in it, and its stack has room for the kernels, however small the program has made the default. */
int reel__thread_start(pthread_t *thread, void *(*work)(void *), void *of);

typedef struct reel__thread reel__thread;

/* A function made of several ops. A failure in one of them is said to be of the function, and of
 * what its caller gave, in that order: the outermost one's, since it is what the caller wrote. */
typedef struct reel__composite {
    const char *name, *at;
    reel_tensor *in[4];
    int first; /* as a call's */
    int given; /* the first so many stand at the call site, and must be there */
    /* What they are called where the call site has no name, and what the others are, which may be
     * NULL and are options; may itself be NULL. */
    const char *const *called;
    reel__thread *thread; /* NULL: not the outermost */
} reel__composite;

enum { REEL__MESSAGE = 1024 }; /* bytes of a failure's text, at most */

struct reel__thread {
    reel_status error;
    char message[REEL__MESSAGE];
    const reel_tensor *looked_at; /* the failure is that it was looked at, let go already */
    reel_site call;      /* where the calls under way stand: functions that take no site, forward */
    const char *context; /* op whose gradient is being computed, NULL outside backward */
    const char *context_at; /* where that was called */
    bool no_grad;
    bool anomaly; /* results are checked: see reel_set_anomaly */
    int threads;  /* 0: not set yet */
    reel_matmul_precision precision;
    int depth;          /* scopes that are open */
    size_t base;        /* the innermost one owns held[base] and what follows */
    reel_tensor **held; /* what the scopes own, innermost last */
    size_t held_count, held_capacity;
    const reel__composite *composite; /* under way; NULL: none */
    struct reel_into_wait *into;      /* the innermost result that waits (into.h); NULL: none */
    const struct reel__into_hook *into_hook; /* where one waits: what calls ask (into.c) */
    struct reel__recorder *recorder;         /* of a step's calls (record_internal.h); NULL: none */
    uint64_t recording;                      /* its number, from 1; 0: none */
    uint64_t switches;                       /* see reel__switch */
    int64_t part; /* the item of a captured step's program under way (capture/), by which a profile
                   * knows it; 0: none */
};

extern _Thread_local reel__thread reel__this_thread __attribute__((visibility("hidden")));
static inline reel__thread *reel__self(void) {
    return &reel__this_thread;
}

/* Something that a step's calls depend on, besides tensors, is switched to its other state: a
 * module to evaluation, a tensor to a leaf. The thread's number is the same again when all is
 * switched back. */
static inline void reel__switch(const void *what) {
    reel__self()->switches ^= ((uint64_t)(uintptr_t)what >> 3) * UINT64_C(0x9E3779B97F4A7C15);
}

const char *reel__caller_push(const char *at); /* returns the one before, to be handed to pop */
void reel__caller_pop(const char *before);

/* Gives t's first reference to the innermost scope (scopes.c) and returns t; NULL in, NULL out. */
reel_tensor *reel__scope_give(reel_tensor *t);

static inline void reel__composite_enter(reel__composite *c) {
    reel__thread *self = reel__self();
    if (self->composite) return;
    self->composite = c;
    c->thread = self;
}
static inline void reel__composite_leave(reel__composite *c) {
    if (c->thread) c->thread->composite = NULL;
}
/* At the head of a block, as REEL_SCOPE: REEL__COMPOSITE(.name = "select", .at = at, .in = {x},
 * .given = 1); */
#define REEL__COMPOSITE(...)                                                                       \
    reel__composite composite __attribute__((cleanup(reel__composite_leave))) = {__VA_ARGS__};     \
    reel__composite_enter(&composite)

/* ---- where a failure is (error.c) ---- */

/* "../apps/model.c:31<TAB>x, W" without what a build directory puts before it and without the
 * arguments. */
void reel__site_text(char *to, size_t size, const char *at);
/* Where a message's own begins: " (model.c:31)" at its end; that end if it has none. */
const char *reel__message_site(const char *message);
/* Puts it there: of `at`, or NULL for that of the call under way. */
void reel__message_place(char *message, size_t size, const char *at);
/* The kept one without what it says of the call under way: to be kept again in a later call. */
void reel__message_apart(char *to, size_t size);

/* The kept failure, put aside: what undoes a part of the work runs as if there were none. */
typedef struct {
    reel_status error;
    char message[REEL__MESSAGE];
    const reel_tensor *looked_at;
} reel__failure;
void reel__failure_put_aside(reel__failure *f);
/* It is kept again, whatever came meanwhile; if there was none, what came stays. */
void reel__failure_put_back(const reel__failure *f);

/* ---- messages (message.c) ---- */

/* Fails with the composite under way, if there is one, and names its operands. For checks of its
 * own, before any op. */
reel_status reel__fail_composite(reel_status code, const char *format, ...) REEL__PRINTF(2, 3);
/* What the function is called that the op is part of, or, as its macro says, is. */
const char *reel__called(const char *at, const char *op);
/* Whether what must be given is, and all that is lives; else a failure is kept. */
bool reel__composite_is_whole(const reel__composite *c);

/* Fails where a step is recorded (record_internal.h): what `op` does, the host does without a call
 * that could be repeated. */
reel_status reel__refuse_recorded(const char *at, const char *op);

/* "x[40, 784]", with " f32" and " on cuda:0" where asked for. Returns the length written, below
 * size. */
size_t reel__describe(char *to, size_t size, const char *name, const reel_tensor *t, bool dtype,
                      bool device);
size_t reel__shape_text(char *to, size_t size, reel_shape s); /* "[40, 784]" */
/* ---- autograd's hooks (hooks.c): tensor/ knows nothing else of gradients ---- */

typedef struct {
    reel_status (*record)(const struct reel__call *c);
    reel_status (*before_inplace)(const struct reel__call *c, reel_tensor *t);
    void (*release)(reel_tensor *t);                          /* t is about to be freed */
    reel_status (*check_results)(const struct reel__call *c); /* where the thread asks for it */
} reel__hooks;
void reel__hooks_set(const reel__hooks *hooks);
const reel__hooks *reel__hooks_get(void); /* NULL until autograd is used */

#endif
