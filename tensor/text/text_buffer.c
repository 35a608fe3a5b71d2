/* Texts that grow. */
#include "tensor/text/text_buffer_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static bool grow(reel__text *t, size_t by) {
    if (t->used + by < t->room) return true;
    const size_t room = 2 * (t->used + by) + 1024;
    char *text = realloc(t->text, room);
    if (!text) return false;
    t->text = text;
    t->room = room;
    return true;
}

void reel__text_add(reel__text *t, const char *format, ...) {
    va_list list;
    if (t->failed) return;
    va_start(list, format);
    const int n = vsnprintf(NULL, 0, format, list);
    va_end(list);
    t->failed = n < 0 || !grow(t, (size_t)n + 1);
    if (t->failed) return;
    va_start(list, format);
    vsnprintf(t->text + t->used, (size_t)n + 1, format, list);
    va_end(list);
    t->used += (size_t)n;
}
