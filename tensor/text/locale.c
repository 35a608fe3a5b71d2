/* The C locale, for a while and for one thread. */
#include "tensor/text/locale_internal.h"

bool reel__locale_enter(reel__locale *l) {
    l->c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!l->c) return false;
    l->before = uselocale(l->c);
    return true;
}

void reel__locale_leave(const reel__locale *l) {
    if (!l->c) return;
    uselocale(l->before);
    freelocale(l->c);
}
