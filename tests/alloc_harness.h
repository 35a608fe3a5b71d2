/* Out of memory, everywhere: the n-th allocation of a scenario fails, for every n, once alone and
 * once with all that follow it. What was under way then ends with one clear failure and lets go of
 * all it had, or is done all the same; and afterwards it works as ever.
 *
 * Each n has a process of its own, so that what the library keeps (the CPU's free blocks, its
 * threads) is as new. */
#ifndef REEL_TESTS_ALLOC_HARNESS_H
#define REEL_TESTS_ALLOC_HARNESS_H

#include "tests/expect.h"

typedef struct {
    void (*setup)(void);   /* nothing fails in these three */
    void (*recover)(void); /* what a program does after a failure; NULL: nothing */
    void (*teardown)(void);
    bool (*run)(void); /* false: it failed */
    int least;         /* allocations of a run, roughly: with fewer the test has lost its subject */
    int spare; /* blocks that a run may keep more of: the CPU's free ones, if threads allocate, and
                  heads of freed samplers */
} alloc_scenario;

void fails_everywhere(const alloc_scenario *s);

/* ---- for scenarios ---- */

/* From here to the end of a run nothing fails: what follows looks at the result. */
void alloc_settle(void);

/* What a run that was done came to: in each process the same as in one where nothing failed. A run
 * that was interrupted may have come that far, so that the next is where the one after it would be.
 */
void alloc_outcome(double value);

/* Ends the process; the test fails with this text. */
void alloc_wrong(const char *format, ...) REEL__PRINTF(1, 2) __attribute__((noreturn));

#define NEED(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            alloc_wrong("%s:%d: " #condition " (\"%s\")", __FILE__, __LINE__, reel_error());       \
    } while (0)

#endif
