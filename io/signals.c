/* Signals that a call of the system would raise where its errno says the same: SIGXFSZ of a write
 * past the limit of file sizes, SIGPIPE of one to a socket whose other end is gone. Their default
 * is to kill the process; here the failure is enough. Blocked in the calling thread alone: what the
 * program does with signals is the program's. */
#include "io/io_internal.h"

#include <signal.h>

void reel__hold_signal(reel__held_signal *h, int number) {
    sigset_t pending;
    h->number = number;
    sigemptyset(&h->only);
    sigaddset(&h->only, number);
    h->was_pending = sigpending(&pending) == 0 && sigismember(&pending, number) == 1;
    pthread_sigmask(SIG_BLOCK, &h->only, &h->before);
}

/* One that came meanwhile is taken back, unless the program's own mask had kept one waiting. */
void reel__let_signal(const reel__held_signal *h) {
    static const struct timespec at_once;
    if (!h->was_pending) sigtimedwait(&h->only, NULL, &at_once);
    pthread_sigmask(SIG_SETMASK, &h->before, NULL);
}
