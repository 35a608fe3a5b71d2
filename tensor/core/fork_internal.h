/* A fork copies one thread, and the locks as they are: one that another thread held would never be
 * free in the child. So a fork waits for the locks listed here, and the child finds them free and
 * what they guard whole:
 *
 *     __attribute__((constructor)) static void watch_forks(void) {
 *         reel__fork_holds(&lock);
 *     }
 *
 * Nobody takes one of them while holding another. */
#ifndef REEL_TENSOR_CORE_FORK_INTERNAL_H
#define REEL_TENSOR_CORE_FORK_INTERNAL_H

#include <pthread.h>

/* For constructors: there is one thread. */
void reel__fork_holds(pthread_mutex_t *lock);

#endif
