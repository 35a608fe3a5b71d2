/* printf and strtod follow the program's locale, which may write 0,5. What goes to disk, and what a
 * tensor looks like, must be the same everywhere: between these two the thread is in C's. */
#ifndef REEL_TENSOR_TEXT_LOCALE_INTERNAL_H
#define REEL_TENSOR_TEXT_LOCALE_INTERNAL_H

#include <locale.h>
#include <stdbool.h>
#ifdef __APPLE__
#include <xlocale.h>
#endif

typedef struct {
    locale_t c, before;
} reel__locale;

/* False, and the locale as it was, when out of memory. */
bool reel__locale_enter(reel__locale *l);
/* Back; does nothing after an enter that failed. */
void reel__locale_leave(const reel__locale *l);

#endif
