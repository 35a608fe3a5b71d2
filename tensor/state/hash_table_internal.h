/* A hash table from text to pointers: entries in the order they came, found through a table of
 * their indices. A zeroed one is empty, and is not to be moved once it has entries. */
#ifndef REEL_TENSOR_STATE_HASH_TABLE_INTERNAL_H
#define REEL_TENSOR_STATE_HASH_TABLE_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    char *key; /* owned */
    void *value;
    uint32_t hash;
} reel__hash_entry;

typedef struct {
    reel__hash_entry *entries;
    int *slots; /* twice as many as there is room for entries; index + 1, or 0 */
    int count, capacity;
} reel__hash;

/* Frees entries and keys; the values are the caller's. */
void reel__hash_free(reel__hash *m);

/* The entry of `key`, or of "prefix.key" where prefix is neither NULL nor ""; NULL if there is
 * none.
 */
reel__hash_entry *reel__hash_find(const reel__hash *m, const char *prefix, const char *key);

/* Takes `key` over, which must not be there yet. False when out of memory: then nothing is taken.
 */
bool reel__hash_add(reel__hash *m, char *key, void *value);

#endif
