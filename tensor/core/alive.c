/* The set of living objects: a hash table with open addressing and linear probing, no more than
 * half full, that goes when its last entry does. */
#include "tensor/core/alive_internal.h"
#include "tensor/core/fork_internal.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const void *object; /* NULL: free */
    const char *kind;
    uint64_t number; /* from 1, of all that were ever added */
} entry;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of all below */
static entry *table;
static size_t room; /* a power of two, or 0 */
static size_t count;
static uint64_t numbers;

/* ---- a fork finds the table whole, and its lock free in the child ---- */

__attribute__((constructor)) static void watch_forks(void) {
    reel__fork_holds(&lock);
}

/* ---- the table ---- */

/* Fibonacci hashing: Knuth, "The art of computer programming" 3, 6.4. */
static size_t home_of(const void *object) {
    return (size_t)(((uint64_t)(uintptr_t)object * 0x9e3779b97f4a7c15u) >> 32) & (room - 1);
}

/* Where it is, or would be. */
static size_t find(const void *object) {
    size_t at = home_of(object);
    while (table[at].object && table[at].object != object) at = (at + 1) & (room - 1);
    return at;
}

static bool grow(void) {
    const size_t old_room = room, new_room = room ? 2 * room : 64;
    entry *old = table, *grown = calloc(new_room, sizeof *grown);
    if (!grown) return false;
    table = grown;
    room = new_room;
    for (size_t i = 0; i < old_room; i++)
        if (old[i].object) table[find(old[i].object)] = old[i];
    free(old);
    return true;
}

static bool add(entry e) {
    if (2 * (count + 1) > room && !grow()) return false;
    const size_t at = find(e.object);
    count += !table[at].object;
    table[at] = e;
    return true;
}

/* 0: it isn't. */
static uint64_t number_of(const void *object, const char *kind) {
    if (!object || count == 0) return 0;
    const entry *e = &table[find(object)];
    return e->object && strcmp(e->kind, kind) == 0 ? e->number : 0;
}

/* The entries behind it close the gap, lest a search end there (Knuth's algorithm R). */
static void take_out(const void *object) {
    size_t gap = find(object);
    for (size_t at = (gap + 1) & (room - 1); table[at].object; at = (at + 1) & (room - 1)) {
        const size_t home = home_of(table[at].object);
        if (((at - home) & (room - 1)) < ((at - gap) & (room - 1))) continue;
        table[gap] = table[at];
        gap = at;
    }
    table[gap] = (entry){0};
    if (--count > 0) return;
    free(table);
    table = NULL;
    room = 0;
}

/* ---- for objects ---- */

reel_status reel__alive_add(const void *object, const char *kind, const char *who) {
    pthread_mutex_lock(&lock);
    const bool done = add((entry){object, kind, ++numbers});
    pthread_mutex_unlock(&lock);
    return done ? REEL_OK : reel_fail(REEL_ERR_MEMORY, NULL, "%s: out of memory", who);
}

uint64_t reel__alive_number(const void *object, const char *kind) {
    pthread_mutex_lock(&lock);
    const uint64_t number = number_of(object, kind);
    pthread_mutex_unlock(&lock);
    return number;
}

bool reel__alive_is(const void *object, const char *kind) {
    return reel__alive_number(object, kind) != 0;
}

static reel_status refuse(const void *object, const char *kind, const char *who, const char *at) {
    if (object) return reel_fail(REEL_ERR_ARGUMENT, at, "%s: not %s, or freed already", who, kind);
    return reel_fail(REEL_ERR_ARGUMENT, at, "%s: %s is NULL", who, strchr(kind, ' ') + 1);
}

reel_status reel__alive_check(const void *object, const char *kind, const char *who,
                              const char *at) {
    return reel__alive_is(object, kind) ? REEL_OK : refuse(object, kind, who, at);
}

reel_status reel__alive_end(const void *object, const char *kind, const char *who, const char *at) {
    pthread_mutex_lock(&lock);
    const bool was = number_of(object, kind) != 0;
    if (was) take_out(object);
    pthread_mutex_unlock(&lock);
    return was ? REEL_OK : refuse(object, kind, who, at);
}
