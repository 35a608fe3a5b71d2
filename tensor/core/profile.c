/* Recording. Events lie in blocks that are taken as they fill; a thread that records takes the next
 * place by counting, so that threads share one counter and nothing else.
 *
 * Who writes into a block is `inside`, and looks whether the profile is still under way after he
 * has said so; who ends one, says so, and then waits until nobody is inside. So what was recorded
 * is whole, and stays, once a profile is stopped. */
#include "tensor/core/fork_internal.h"
#include "tensor/core/profile_internal.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BLOCK = 1024, MOST_DEPTH = 64 };
#define MOST_EVENTS ((int64_t)1 << 18) /* where nobody says more */
#define MOST_ASKED ((int64_t)1 << 32)

typedef _Atomic(reel__profile_event *) block;

typedef enum { NONE, UNDER_WAY, STOPPED } profile_state;

static struct {
    pthread_mutex_t lock; /* of all that is not atomic: start, stop, and readers */
    profile_state state;
    block *blocks;
    int64_t most, start, end;
    atomic_uint number;
    atomic_llong count; /* places asked for */
    atomic_llong lost;  /* of these, without memory */
    atomic_llong deep;  /* not asked for: too deep inside others */
    atomic_int threads, inside;
} profile = {.lock = PTHREAD_MUTEX_INITIALIZER};

atomic_uint reel__profile_on;
static bool has_tool; /* set once: a tool for NVTX has started the program */

/* An event that this thread has begun. */
typedef struct {
    int64_t event; /* -1: it has no place */
    int64_t inner;
    bool pushed; /* as a range of NVTX */
} frame;

static _Thread_local struct {
    unsigned profile; /* that the events in the frames are of */
    int id, depth;
    frame frame[MOST_DEPTH];
} mine;

/* ---- who is inside ---- */

static bool enter(void) {
    atomic_fetch_add(&profile.inside, 1);
    if (atomic_load(&reel__profile_on) & REEL__PROFILE_EVENTS) return true;
    atomic_fetch_sub(&profile.inside, 1);
    return false;
}

static void leave(void) {
    atomic_fetch_sub(&profile.inside, 1);
}

/* What the frames held was of a profile before. */
static void join(void) {
    const unsigned now = atomic_load_explicit(&profile.number, memory_order_relaxed);
    if (mine.profile == now) return;
    mine.profile = now;
    mine.id = atomic_fetch_add(&profile.threads, 1);
    for (int i = 0; i < mine.depth; i++) mine.frame[i].event = -1;
}

/* ---- places ---- */

static reel__profile_event *place_of(int64_t i) {
    reel__profile_event *b = atomic_load_explicit(&profile.blocks[i / BLOCK], memory_order_acquire);
    return b ? &b[i % BLOCK] : NULL;
}

static bool take_block(block *to) {
    reel__profile_event *fresh = calloc(BLOCK, sizeof *fresh), *none = NULL;
    if (fresh && !atomic_compare_exchange_strong(to, &none, fresh)) {
        free(fresh); /* another thread was faster */
        return true;
    }
    return fresh != NULL;
}

/* The next one, which is like e; -1: there is none. */
static int64_t take_place(const reel__profile_event *e) {
    const int64_t i = atomic_fetch_add_explicit(&profile.count, 1, memory_order_relaxed);
    if (i >= profile.most) return -1;
    if (!place_of(i) && !take_block(&profile.blocks[i / BLOCK])) {
        atomic_fetch_add_explicit(&profile.lost, 1, memory_order_relaxed);
        return -1;
    }
    *place_of(i) = *e;
    return i;
}

/* ---- events ---- */

int64_t reel__profile_clock(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Where that was not said, it is that of the op whose gradient it is part of, or of the call under
 * way. */
static const char *site_of(const reel__profile_event *e) {
    const reel__thread *self = reel__self();
    if (e->at) return e->at;
    return self->context && self->context_at ? self->context_at : self->call.site;
}

/* Of the event around the one that is being begun. */
static const char *site_around(void) {
    const int64_t around = mine.depth > 1 ? mine.frame[mine.depth - 2].event : -1;
    return around >= 0 ? place_of(around)->at : NULL;
}

static int64_t recorded(const reel__profile_event *e) {
    if (!enter()) return -1;
    join();
    const int64_t i = take_place(e);
    if (i >= 0) {
        reel__profile_event *kept = place_of(i);
        kept->at = site_of(e);
        if (!kept->at) kept->at = site_around();
        kept->from = reel__self()->call.caller;
        kept->part = reel__self()->part;
        kept->thread = mine.id;
        kept->begin = reel__profile_clock() - profile.start;
    }
    leave();
    return i;
}

reel__profile_mark reel__profile_open(const reel__profile_event *e) {
    const unsigned does = reel__profile_does();
    if (!does) return (reel__profile_mark){0};
    if (mine.depth == MOST_DEPTH) {
        atomic_fetch_add_explicit(&profile.deep, 1, memory_order_relaxed);
        return (reel__profile_mark){0};
    }
    frame *f = &mine.frame[mine.depth++];
    *f = (frame){.event = -1, .pushed = does & REEL__PROFILE_NVTX};
    if (f->pushed) reel__profile_push(reel__profile_name(e), site_of(e));
    if (does & REEL__PROFILE_EVENTS) f->event = recorded(e);
    return (reel__profile_mark){mine.depth};
}

/* The innermost one. */
static void finish(int64_t now) {
    const frame *f = &mine.frame[--mine.depth];
    if (f->pushed) reel__profile_pop();
    if (f->event < 0 || !enter()) return;
    if (mine.profile == atomic_load_explicit(&profile.number, memory_order_relaxed)) {
        reel__profile_event *e = place_of(f->event);
        e->end = now - profile.start;
        e->inner = f->inner;
        if (mine.depth > 0) mine.frame[mine.depth - 1].inner += e->end - e->begin;
    }
    leave();
}

/* Those inside it that never ended, since a longjmp went past them, end with it. */
void reel__profile_close(reel__profile_mark mark) {
    const int64_t now = reel__profile_clock();
    while (mark.depth > 0 && mine.depth >= mark.depth) finish(now);
}

reel__profile_mark reel__profile_open_as(reel__profile_kind kind, const char *name, const char *at,
                                         int64_t bytes) {
    const reel__profile_event e = {
        .name = name, .at = at, .bytes = bytes, .call = -1, .kind = (uint8_t)kind};
    return reel__profile_open(&e);
}

static reel__profile_mark open_text(reel__profile_kind kind, const char *name, const char *at,
                                    int64_t bytes) {
    reel__profile_event e = {.at = at, .bytes = bytes, .call = -1, .kind = (uint8_t)kind};
    if (!name) name = "NULL";
    memcpy(e.text, name, strnlen(name, sizeof e.text - 1));
    return reel__profile_open(&e);
}

reel__profile_mark reel__profile_pass(const char *name, const char *at) {
    return open_text(REEL__PROFILE_PASS, name, at, 0);
}

reel__profile_mark reel__profile_fused(const char *name, const char *at, int64_t bytes) {
    return open_text(REEL__PROFILE_FUSED, name, at, bytes);
}

reel_profile_range reel_profile_range_open(const char *at, const char *name) {
    if (!reel__profile_does()) return (reel_profile_range){0};
    return (reel_profile_range){open_text(REEL__PROFILE_RANGE, name, at, 0).depth};
}

void reel_profile_range_close(reel_profile_range *range) {
    if (range && range->depth) reel__profile_close((reel__profile_mark){range->depth});
    if (range) range->depth = 0;
}

/* ---- devices ---- */

unsigned reel__profile_number(void) {
    const bool is = reel__profile_does() & REEL__PROFILE_EVENTS;
    return is ? atomic_load_explicit(&profile.number, memory_order_relaxed) : 0;
}

reel__profile_call reel__profile_current(void) {
    const int64_t event = mine.depth ? mine.frame[mine.depth - 1].event : -1;
    reel__profile_call none = {0}, call = {mine.profile, event};
    return event < 0 ? none : call;
}

void reel__profile_launch(reel__profile_call call, const char *name, const char *at, int device,
                          int64_t begin, int64_t end) {
    reel__profile_event e = {.name = name,
                             .at = at,
                             .call = -1,
                             .thread = device,
                             .where = reel_cuda(device),
                             .kind = REEL__PROFILE_DEVICE};
    if (!enter()) return;
    if (call.profile == atomic_load_explicit(&profile.number, memory_order_relaxed))
        e.call = call.event;
    e.begin = begin > profile.start ? begin - profile.start : 0;
    e.end = end > profile.start + e.begin ? end - profile.start : e.begin + 1;
    take_place(&e);
    leave();
}

void reel__profile_push(const char *name, const char *at) {
    const reel__ranges *r = reel__cuda_ranges();
    if (r) r->push(name, at);
}

void reel__profile_pop(void) {
    const reel__ranges *r = reel__cuda_ranges();
    if (r) r->pop();
}

/* ---- start and stop ---- */

/* Neither under way nor being read. */
static void let_events_go(void) {
    const int64_t blocks = profile.blocks ? (profile.most + BLOCK - 1) / BLOCK : 0;
    for (int64_t i = 0; i < blocks; i++) free(atomic_load(&profile.blocks[i]));
    free(profile.blocks);
    profile.blocks = NULL;
    profile.state = NONE;
    atomic_store(&profile.count, 0);
    atomic_store(&profile.lost, 0);
    atomic_store(&profile.deep, 0);
    atomic_store(&profile.threads, 0);
}

static reel_status begin(const reel_profile_options *o) {
    if (profile.state == UNDER_WAY)
        return reel_fail(REEL_ERR_STATE, NULL, "profile_start: a profile is under way");
    let_events_go();
    profile.most = o->most_events ? o->most_events : MOST_EVENTS;
    profile.blocks = calloc((size_t)((profile.most - 1) / BLOCK + 1), sizeof *profile.blocks);
    if (!profile.blocks) return reel_fail(REEL_ERR_MEMORY, NULL, "profile_start: out of memory");
    profile.state = UNDER_WAY;
    profile.start = reel__profile_clock();
    atomic_fetch_add(&profile.number, 1);
    atomic_store(&reel__profile_on, REEL__PROFILE_EVENTS |
                                        (o->device_times ? REEL__PROFILE_TIMES : 0u) |
                                        (o->nvtx || has_tool ? REEL__PROFILE_NVTX : 0u));
    return REEL_OK;
}

reel_status reel_profile_start(reel_profile_options o) {
    if (o.most_events < 0 || o.most_events > MOST_ASKED)
        return reel_fail(REEL_ERR_ARGUMENT, NULL,
                         "profile_start: most_events must lie in 0..2^32: %lld",
                         (long long)o.most_events);
    pthread_mutex_lock(&profile.lock);
    const reel_status status = begin(&o);
    pthread_mutex_unlock(&profile.lock);
    return status;
}

/* What GPUs have timed and not told yet. */
static reel_status take_device_times(void) {
    const char *why;
    const reel__backend *b =
        reel__profile_does() & REEL__PROFILE_TIMES ? reel__cuda_backend(&why) : NULL;
    return b ? b->tell_times() : REEL_OK;
}

reel_status reel_profile_stop(void) {
    const reel_status told = take_device_times();
    pthread_mutex_lock(&profile.lock);
    const bool was = profile.state == UNDER_WAY;
    if (was) {
        atomic_store(&reel__profile_on, has_tool ? REEL__PROFILE_NVTX : 0u);
        while (atomic_load(&profile.inside) > 0) sched_yield();
        profile.end = reel__profile_clock() - profile.start;
        profile.state = STOPPED;
    }
    pthread_mutex_unlock(&profile.lock);
    if (was) return told;
    return reel_fail(REEL_ERR_STATE, NULL, "profile_stop: no profile is under way");
}

void reel_profile_clear(void) {
    pthread_mutex_lock(&profile.lock);
    if (profile.state != UNDER_WAY) let_events_go();
    pthread_mutex_unlock(&profile.lock);
}

/* Both counts; the profile is locked. */
static int64_t kept(int64_t *dropped) {
    const int64_t count = atomic_load(&profile.count), lost = atomic_load(&profile.lost);
    const int64_t more = count > profile.most ? count - profile.most : 0;
    *dropped = more + lost + atomic_load(&profile.deep);
    return count - more;
}

int64_t reel_profile_events(int64_t *dropped) {
    int64_t less;
    pthread_mutex_lock(&profile.lock);
    const int64_t count = kept(&less) - atomic_load(&profile.lost);
    pthread_mutex_unlock(&profile.lock);
    if (dropped) *dropped = less;
    return count;
}

/* ---- a fork ---- */

/* The thread that forked is alone, and threads that were inside never leave. What they were writing
 * is let go by the next start. */
static void in_child(void) {
    atomic_store(&profile.inside, 0);
    if (profile.state != UNDER_WAY) return;
    atomic_store(&reel__profile_on, 0);
    atomic_fetch_add(&profile.number, 1);
    atomic_store(&profile.count, 0);
    profile.state = NONE;
}

__attribute__((constructor)) static void watch_forks(void) {
    reel__fork_holds(&profile.lock);
    pthread_atfork(NULL, NULL, in_child);
    has_tool = getenv("NVTX_INJECTION64_PATH") && reel__cuda_ranges();
    if (has_tool) atomic_store(&reel__profile_on, REEL__PROFILE_NVTX);
}

/* ---- reading ---- */

/* The state, with the lock held where it is STOPPED. */
static profile_state look(reel__profile_view *view) {
    pthread_mutex_lock(&profile.lock);
    const profile_state state = profile.state;
    if (state != STOPPED) {
        pthread_mutex_unlock(&profile.lock);
        return state;
    }
    *view = (reel__profile_view){.end = profile.end, .threads = atomic_load(&profile.threads)};
    view->count = kept(&view->dropped);
    return state;
}

reel_status reel__profile_look(const char *who, reel__profile_view *view) {
    const profile_state state = look(view);
    if (state == STOPPED) return REEL_OK;
    return reel_fail(REEL_ERR_STATE, NULL, "%s: %s", who,
                     state == UNDER_WAY ? "a profile is under way: stop it first"
                                        : "there is no profile");
}

bool reel__profile_is_there(reel__profile_view *view) {
    return look(view) == STOPPED;
}

void reel__profile_let_go(void) {
    pthread_mutex_unlock(&profile.lock);
}

const reel__profile_event *reel__profile_at(int64_t i) {
    const reel__profile_event *e = place_of(i);
    return e && e->kind != REEL__PROFILE_NOTHING ? e : NULL;
}

const char *reel__profile_kind_name(reel__profile_kind kind) {
    static const char *const names[] = {
        [REEL__PROFILE_NOTHING] = "",          [REEL__PROFILE_FORWARD] = "forward",
        [REEL__PROFILE_BACKWARD] = "backward", [REEL__PROFILE_OPTIMIZER] = "optimizer",
        [REEL__PROFILE_FUSED] = "fused",       [REEL__PROFILE_COPY] = "copy",
        [REEL__PROFILE_PASS] = "pass",         [REEL__PROFILE_RANGE] = "range",
        [REEL__PROFILE_DEVICE] = "device",
    };
    return names[kind];
}
