/* The thread's first failure, and where it is said to have happened. */
#include "tensor/core/tensor_internal.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>

/* ---- where ---- */

void reel__site_text(char *to, size_t size, const char *at) {
    while (strncmp(at, "../", 3) == 0) at += 3;
    snprintf(to, size, "%.*s", (int)strcspn(at, "\t"), at);
}

const char *reel__message_site(const char *message) {
    const char *end = message + strlen(message), *open = strrchr(message, '('), *digit = end - 1;
    if (!open || open == message || *digit != ')') return end;
    if (strncmp(open, "(made at ", 9) == 0) return end; /* of a tensor, which was let go */
    while (digit > open && isdigit((unsigned char)digit[-1])) digit--;
    return digit[-1] == ':' && isdigit((unsigned char)*digit) ? open - 1 : end;
}

/* " (model.c:31, called from train.c:10)": where the failure is, and where the user's outermost
 * call stands. A message that was kept before, by another thread or without what it is part of, has
 * its place already. */
void reel__message_place(char *message, size_t size, const char *at) {
    const reel__thread *self = reel__self();
    char here[256] = "", caller[256] = "";
    char *end = message + strlen(message),
         *known = message + (reel__message_site(message) - message);
    const bool has_place = !at && known < end;
    if (!at) at = self->call.site;
    if (!has_place && !at) return;
    if (has_place)
        snprintf(here, sizeof here, "%.*s", (int)(end - known - 3), known + 2);
    else
        reel__site_text(here, sizeof here, at);
    if (self->call.caller && !strstr(here, ", called from "))
        reel__site_text(caller, sizeof caller, self->call.caller);
    char place[576];
    const bool apart = *caller && strcmp(caller, here) != 0;
    const int n =
        snprintf(place, sizeof place, apart ? " (%s, called from %s)" : " (%s)", here, caller);
    if (has_place) end = known;
    if (end + n >= message + size)
        end = message + size - n - 1; /* a long text is cut, not its place */
    memcpy(end, place, (size_t)n + 1);
}

void reel__message_apart(char *to, size_t size) {
    const reel__thread *self = reel__self();
    const char *place = reel__message_site(self->message), *more = strstr(place, ", called from ");
    char here[256];
    snprintf(to, size, "%s", self->message);
    if (!self->call.site || !*place) return;
    reel__site_text(here, sizeof here, self->call.site);
    const size_t said = (size_t)(place - self->message), length = strlen(here);
    if (more)
        snprintf(to + (more - self->message), size - (size_t)(more - self->message), ")");
    else if (strncmp(place + 2, here, length) == 0 && strcmp(place + 2 + length, ")") == 0)
        to[said] = '\0';
}

/* ---- the failure that is kept ---- */

bool reel_failed(void) {
    return reel__self()->error != REEL_OK;
}

reel_status reel_error_status(void) {
    return reel__self()->error;
}

const char *reel_error(void) {
    const reel__thread *self = reel__self();
    return self->error == REEL_OK ? "" : self->message;
}

void reel_clear_error(void) {
    reel__thread *self = reel__self();
    self->error = REEL_OK;
    self->looked_at = NULL;
}

void reel__failure_put_aside(reel__failure *f) {
    const reel__thread *self = reel__self();
    f->error = self->error;
    f->looked_at = self->looked_at;
    memcpy(f->message, self->message, sizeof f->message);
    reel_clear_error();
}

void reel__failure_put_back(const reel__failure *f) {
    reel__thread *self = reel__self();
    if (f->error == REEL_OK) return;
    self->error = f->error;
    self->looked_at = f->looked_at;
    memcpy(self->message, f->message, sizeof f->message);
}

int reel_report(FILE *f) {
    const reel__thread *self = reel__self();
    if (self->error == REEL_OK) return 0;
    if (f) fprintf(f, "reel: %s\n", self->message);
    return 1;
}

reel_status reel_fail(reel_status code, const char *at, const char *format, ...) {
    reel__thread *self = reel__self();
    if (self->error != REEL_OK) return code;
    va_list args;
    va_start(args, format);
    vsnprintf(self->message, sizeof self->message, format, args);
    va_end(args);
    for (char *c = self->message; *c;
         c++) /* a name out of a file may hold anything; a message is one line */
        if ((unsigned char)*c < ' ') *c = '?';
    reel__message_place(self->message, sizeof self->message, at);
    self->error = code;
    return code;
}
