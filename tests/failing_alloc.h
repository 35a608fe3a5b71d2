/* malloc and its kin as this program has them: they count what is alive, and fail when told to,
 * wherever they are called from: the library, zlib, libc itself. */
#ifndef REEL_TESTS_FAILING_ALLOC_H
#define REEL_TESTS_FAILING_ALLOC_H

#include <stdbool.h>
#include <stddef.h>

/* From here on the n-th allocation (from 1) and the `more` after it fail, in whatever thread. */
void fail_allocations(long n, long more);
/* No further one fails. True if one did. */
bool stop_failing(void);

/* From here on what would take more than so many bytes beyond those that are alive now fails; 0: no
 * longer. */
void limit_memory(size_t more);

/* Blocks that are not freed yet. */
long blocks_alive(void);

#endif
