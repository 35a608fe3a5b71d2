/* Locks that a fork holds, and gives back on both sides. */
#include "tensor/core/fork_internal.h"

#include <assert.h>

enum { MOST_LOCKS = 8 };
static pthread_mutex_t *locks[MOST_LOCKS];
static int count;

/* As pthread_atfork has it: the last one first, and given back in the other order. */
static void hold(void) {
    for (int i = count; i-- > 0;) pthread_mutex_lock(locks[i]);
}

static void let_loose(void) {
    for (int i = 0; i < count; i++) pthread_mutex_unlock(locks[i]);
}

void reel__fork_holds(pthread_mutex_t *lock) {
    assert(count < MOST_LOCKS);
    if (count == 0) pthread_atfork(hold, let_loose, let_loose);
    locks[count++] = lock;
}
