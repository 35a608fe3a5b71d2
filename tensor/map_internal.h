/* An ordered map from text to pointers: entries in the order they came, found through a hash table
 * of their indices. A zeroed one is empty, and is not to be moved once it has entries. */
#ifndef REEL_TENSOR_MAP_INTERNAL_H
#define REEL_TENSOR_MAP_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    char *key; /* owned */
    void *value;
    uint32_t hash;
} reel__map_entry;

typedef struct {
    reel__map_entry *entries;
    int *slots; /* twice as many as there is room for entries; index + 1, or 0 */
    int count, capacity;
} reel__map;

/* Frees entries and keys; the values are the caller's. */
void reel__map_free(reel__map *m);

/* The entry of `key`, or of "prefix.key" where prefix is neither NULL nor ""; NULL if there is
 * none.
 */
reel__map_entry *reel__map_find(const reel__map *m, const char *prefix, const char *key);

/* Takes `key` over, which must not be there yet. False when out of memory: then nothing is taken.
 */
bool reel__map_add(reel__map *m, char *key, void *value);

#endif
