/* The structs of the library's own datasets and samplers. Their memory is never given back, and
 * one that was freed has a class that refuses: a pointer to it finds that, or, long afterwards,
 * another dataset or sampler of the library's, and never what is neither. */
#include "data/data_internal.h"
#include "tensor/core/fork_internal.h"

#include <pthread.h>
#include <stddef.h>

typedef struct head {
    const void *cls; /* where a reel_dataset, reel_sampler and reel_batch_sampler have theirs */
    char room[REEL__HEAD_BYTES - sizeof(void *)];
    struct head *next;
} head;

enum { WAITING = 256 }; /* heads that were freed before the first of them is used again */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of all below */
static head *oldest, *newest;                            /* of those that were freed */
static int waiting;

__attribute__((constructor)) static void watch_forks(void) {
    reel__fork_holds(&lock);
}

static head *used_before(void) {
    head *h = NULL;
    pthread_mutex_lock(&lock);
    if (waiting >= WAITING) {
        h = oldest;
        oldest = h->next;
        waiting--;
    }
    pthread_mutex_unlock(&lock);
    if (h) *h = (head){0};
    return h;
}

void *reel__head_new(const char *who) {
    head *h = used_before();
    return h ? h : reel__array(1, sizeof *h, who);
}

reel_status reel__say_freed(const char *who) {
    return reel_fail(REEL_ERR_ARGUMENT, NULL, "%s: freed already", who);
}

void reel__head_free(void *object, const void *cls) {
    head *h = object;
    *h = (head){.cls = cls};
    pthread_mutex_lock(&lock);
    if (waiting++ > 0)
        newest->next = h;
    else
        oldest = h;
    newest = h;
    pthread_mutex_unlock(&lock);
}
