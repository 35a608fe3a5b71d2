/* Text that grows as it is printed to; zero it first, free `text` afterwards. (glibc's
 * open_memstream drops what it has no memory for, unsaid.)
 *
 *     reel__text t = {0};
 *     reel__text_add(&t, "%d\n", n);
 *     if (t.failed) ...
 *     free(t.text); */
#ifndef REEL_TENSOR_TEXT_TEXT_BUFFER_INTERNAL_H
#define REEL_TENSOR_TEXT_TEXT_BUFFER_INTERNAL_H

#include "tensor/error.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct {
    char *text; /* NULL: nothing was printed yet */
    size_t used, room;
    bool failed; /* something had no room, and nothing is added any more */
} reel__text;

void reel__text_add(reel__text *t, const char *format, ...) REEL__PRINTF(2, 3);

#endif
