/* The one pool of threads, and how a kernel's work is shared over it.
 *
 * Work is cut into as many parts as the caller has threads, the same parts each time, and parts are
 * claimed: by the pool's threads as they come, and by the caller, who takes what nobody has claimed
 * yet. So a thread that the system has taken off its processor delays nothing but the part it is in
 * the middle of, and on a busy machine the caller simply does the work alone. (OpenMP's teams wait
 * for all of their threads at each barrier, by spinning: on a busy machine that made a training
 * step forty times slower.)
 *
 * The pool serves one caller at a time; another finds it taken and works alone. Its threads end
 * with the last thread that called: a process whose own threads have all ended must not live on. */
#include "tensor/cpu/cpu_internal.h"

#include <pthread.h>
#include <sched.h>

#define SPINS                                                                                      \
    1000 /* looks for work before going to sleep: some 50 us, longer than between two ops of a     \
            step */

/* The job under way: number of the job, count of its parts, and the next one to be claimed, in one
 * word, so that a thread that comes late cannot claim a part of another job. */
typedef uint64_t ticket;
static ticket make_ticket(uint64_t job, uint64_t parts, uint64_t next) {
    return job << 32 | parts << 16 | next;
}
static uint64_t job_of(ticket t) {
    return t >> 32;
}
static int64_t parts_of(ticket t) {
    return (int64_t)(t >> 16 & 0xffff);
}
static int64_t next_of(ticket t) {
    return (int64_t)(t & 0xffff);
}

static struct {
    pthread_mutex_t owner; /* held by the caller whose job it is */
    _Atomic ticket ticket;
    atomic_int done; /* parts finished */
    reel__part run;
    void *context;

    pthread_mutex_t sleep;
    pthread_cond_t wake;
    atomic_int sleepers;
    atomic_bool stop;
    bool refused; /* the system has no more threads for us */
    int count;    /* threads in the pool; both changed by the owner alone */
    pthread_t thread[REEL_MAX_THREADS];
} pool = {.owner = PTHREAD_MUTEX_INITIALIZER,
          .sleep = PTHREAD_MUTEX_INITIALIZER,
          .wake = PTHREAD_COND_INITIALIZER};

static void relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Claims parts of the job that `seen` belongs to and runs them, until none is left. */
static void run_parts(ticket seen) {
    const uint64_t job = job_of(seen);
    while (job_of(seen) == job && next_of(seen) < parts_of(seen)) {
        if (!atomic_compare_exchange_weak(&pool.ticket, &seen, seen + 1)) continue;
        pool.run(pool.context, next_of(seen), parts_of(seen));
        atomic_fetch_add(&pool.done, 1);
        seen = atomic_load(&pool.ticket);
    }
}

static void sleep_until_job(uint64_t last) {
    pthread_mutex_lock(&pool.sleep);
    atomic_fetch_add(&pool.sleepers, 1);
    while (job_of(atomic_load(&pool.ticket)) == last && !atomic_load(&pool.stop))
        pthread_cond_wait(&pool.wake, &pool.sleep);
    atomic_fetch_sub(&pool.sleepers, 1);
    pthread_mutex_unlock(&pool.sleep);
}

static void *work(void *unused) {
    uint64_t last = 0;
    for (int spins = 0; !atomic_load_explicit(&pool.stop, memory_order_relaxed);) {
        ticket seen = atomic_load_explicit(&pool.ticket, memory_order_acquire);
        if (job_of(seen) != last) {
            last = job_of(seen);
            run_parts(seen);
            spins = 0;
        } else if (++spins < SPINS) {
            relax();
        } else {
            sleep_until_job(last);
            spins = 0;
        }
    }
    return unused;
}

static void wake_sleepers(void) {
    if (atomic_load(&pool.sleepers) == 0) return;
    pthread_mutex_lock(&pool.sleep);
    pthread_cond_broadcast(&pool.wake);
    pthread_mutex_unlock(&pool.sleep);
}

/* By the owner. */
static void end_threads(void) {
    atomic_store(&pool.stop, true);
    pthread_mutex_lock(&pool.sleep);
    pthread_cond_broadcast(&pool.wake);
    pthread_mutex_unlock(&pool.sleep);
    for (int i = 0; i < pool.count; i++) pthread_join(pool.thread[i], NULL);
    pool.count = 0;
    atomic_store(&pool.stop, false);
}

/* ---- who calls ---- */

static pthread_key_t at_end; /* without one the threads end with the process */
static bool has_key;         /* written once */
static atomic_int callers;
static _Thread_local bool is_caller;

/* The last caller's thread ends. If another has begun to call, the pool is its; that one may have
 * ended too, and found the pool taken, while this thread looked. */
static void leave(void *unused) {
    (void)unused;
    is_caller = false;
    if (atomic_fetch_sub(&callers, 1) > 1) return;
    for (bool ended = false; !ended && atomic_load(&callers) == 0;) {
        if (pthread_mutex_trylock(&pool.owner) != 0) return;
        ended = atomic_load(&callers) == 0;
        if (ended) end_threads();
        pthread_mutex_unlock(&pool.owner);
    }
}

static void join_callers(void) {
    if (is_caller || !has_key || pthread_setspecific(at_end, &pool) != 0) return;
    is_caller = true;
    atomic_fetch_add(&callers, 1);
}

/* A forked child has the memory of its parent and none of its threads: it begins anew. */
static void forget_threads(void) {
    pthread_mutex_init(&pool.owner, NULL);
    pthread_mutex_init(&pool.sleep, NULL);
    pthread_cond_init(&pool.wake, NULL);
    atomic_store(&pool.sleepers, 0);
    atomic_store(&pool.ticket, make_ticket(job_of(atomic_load(&pool.ticket)), 0, 0));
    atomic_store(&pool.stop, false);
    pool.refused = false;
    pool.count = 0;
    atomic_store(&callers, is_caller);
}

__attribute__((constructor)) static void watch_forks(void) {
    pthread_atfork(NULL, NULL, forget_threads);
    has_key = pthread_key_create(&at_end, leave) == 0;
}

/* Threads that can't be had are done without. */
static void grow(int count) {
    for (; pool.count < count && !pool.refused; pool.count += !pool.refused)
        pool.refused = reel__thread_start(&pool.thread[pool.count], work, NULL) != 0;
}

/* So that nothing runs in a library that is unloaded. At exit another thread may have a job under
 * way, or this one, where a signal's handler called exit: then the threads end with the process. */
__attribute__((destructor)) static void end(void) {
    if (has_key) pthread_key_delete(at_end);
    if (pthread_mutex_trylock(&pool.owner) != 0) return;
    end_threads();
    pool.refused = true;
    pthread_mutex_unlock(&pool.owner);
}

void reel__cpu_share(int64_t parts, reel__part run, void *context) {
    if (parts > REEL_MAX_THREADS) parts = REEL_MAX_THREADS;
    if (parts <= 1 || pthread_mutex_trylock(&pool.owner) != 0) {
        for (int64_t i = 0; i < parts; i++) run(context, i, parts);
        return;
    }
    join_callers();
    if (pool.count < parts - 1 && !pool.refused) grow((int)parts - 1);
    pool.run = run;
    pool.context = context;
    atomic_store(&pool.done, 0);
    uint64_t job = (job_of(atomic_load(&pool.ticket)) + 1) & 0xffffffff;
    ticket mine = make_ticket(job, (uint64_t)parts, 0);
    atomic_store(&pool.ticket, mine);
    wake_sleepers();
    run_parts(mine);
    for (int spins = 0; atomic_load_explicit(&pool.done, memory_order_acquire) < parts; spins++) {
        if (spins < SPINS)
            relax();
        else
            sched_yield();
    }
    pthread_mutex_unlock(&pool.owner);
}
