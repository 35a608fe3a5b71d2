/* Text printed into memory. (glibc's open_memstream drops what it has no memory for, unsaid.) */
#include "io/io_internal.h"

#include <stdarg.h>
#include <stdlib.h>

static bool make_room(reel__buffer *b, size_t n) {
    if (n < b->capacity - b->size) return true;
    size_t capacity = 2 * b->capacity + n + 1;
    char *larger = realloc(b->text, capacity);
    if (larger == NULL) return false;
    b->text = larger;
    b->capacity = capacity;
    return true;
}

void reel__buffer_print(reel__buffer *b, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    if (n < 0 || !make_room(b, (size_t)n))
        b->broken = true;
    else
        b->size += (size_t)vsnprintf(b->text + b->size, b->capacity - b->size, format, again);
    va_end(again);
    va_end(args);
}

reel_status reel__buffer_write(reel__buffer *b, const char *path) {
    reel_status status = b->broken ? reel_fail(REEL_ERR_MEMORY, NULL, "out of memory: %s", path)
                                   : reel_file_write(path, b->text, b->size);
    free(b->text);
    *b = (reel__buffer){0};
    return status;
}
