/* Text printed into memory becomes a file. */
#include "io/io_internal.h"

#include <stdlib.h>

reel_status reel__text_write(reel__text *t, const char *path) {
    const reel_status status = t->failed
                                   ? reel_fail(REEL_ERR_MEMORY, NULL, "out of memory: %s", path)
                                   : reel_file_write(path, t->text, t->used);
    free(t->text);
    *t = (reel__text){0};
    return status;
}
