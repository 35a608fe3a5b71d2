/* Small things that the files of data/ share: arrays, and the failures of callbacks. */
#include "data/data_internal.h"

#include <stdarg.h>
#include <stdlib.h>

void *reel__array(int64_t n, size_t size, const char *who) {
    void *a = calloc(n > 0 ? (size_t)n : 1, size);
    if (!a) reel_fail(REEL_ERR_MEMORY, NULL, "%s: out of memory for %lld items", who, (long long)n);
    return a;
}

reel_status reel__callback_status(reel_status status, const char *who) {
    if (reel_failed()) return reel_error_status();
    if (status == REEL_OK) return REEL_OK;
    return reel_fail(status, NULL, "%s failed without saying why", who);
}

reel_status reel__add_context(const char *format, ...) {
    char context[128], message[REEL__MESSAGE];
    va_list args;
    va_start(args, format);
    vsnprintf(context, sizeof context, format, args);
    va_end(args);
    reel_status status = reel_error_status();
    snprintf(message, sizeof message, "%s", reel_error());
    reel_clear_error();
    return reel_fail(status, NULL, "%s: %s", context, message);
}

void reel__sample_retain(reel_sample *s) {
    reel_retain(s->x);
    reel_retain(s->y);
}

void reel__sample_release(reel_sample *s) {
    reel_release(s->x);
    reel_release(s->y);
    *s = (reel_sample){NULL, NULL};
}
