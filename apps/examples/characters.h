/* A text as numbers of its characters, of which the last tenth is kept back for validation. */
#ifndef EXAMPLES_CHARACTERS_H
#define EXAMPLES_CHARACTERS_H

#include "reel.h"

typedef struct {
    int64_t count;              /* of the characters that there are */
    unsigned char of[256];      /* by number */
    reel_tensor *train, *valid; /* i64, on the device; retained */
} characters;

/* Of a file; NULL: a few lines that are built in, over and over. *c is zeroed. A text whose last
 * tenth is not longer than `context` is an error. */
void characters_read(characters *c, const char *file, int64_t context, reel_device device);
void characters_free(characters *c);

#endif
