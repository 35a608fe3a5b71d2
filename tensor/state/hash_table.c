/* Open addressing with linear probing, at most half full. Nothing is ever taken out. */
#include "tensor/state/hash_table_internal.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Keys come out of files, whose writer might choose ones that meet in one slot. So the hash starts
 * from where the table lies, which no file knows, and each byte's step mixes all 64 bits: a
 * multiply spreads upwards, a shift downwards. A text may come in parts. */
static uint64_t start_of(const reel__hash *m) {
    return (uint64_t)(uintptr_t)m * 0x9e3779b97f4a7c15u;
}

static uint64_t mix(uint64_t hash, const char *text) {
    for (; *text; text++) {
        hash = (hash ^ (uint8_t)*text) * 0xd6e8feb86659fd93u;
        hash ^= hash >> 32;
    }
    return hash;
}

void reel__hash_free(reel__hash *m) {
    for (int i = 0; i < m->count; i++) free(m->entries[i].key);
    free(m->entries);
    free(m->slots);
}

static bool is_key(const reel__hash_entry *e, const char *prefix, const char *key) {
    if (!prefix) return strcmp(e->key, key) == 0;
    size_t n = strlen(prefix);
    return strncmp(e->key, prefix, n) == 0 && e->key[n] == '.' && strcmp(e->key + n + 1, key) == 0;
}

/* The next slot after the last is the first: `mask` is the number of slots less one. */
static unsigned mask_of(const reel__hash *m) {
    return 2 * (unsigned)m->capacity - 1;
}

reel__hash_entry *reel__hash_find(const reel__hash *m, const char *prefix, const char *key) {
    if (m->count == 0) return NULL;
    if (prefix && !*prefix) prefix = NULL;
    const uint64_t start = start_of(m);
    const uint32_t hash = (uint32_t)mix(prefix ? mix(mix(start, prefix), ".") : start, key);
    unsigned mask = mask_of(m);
    for (unsigned at = hash & mask; m->slots[at]; at = (at + 1) & mask) {
        reel__hash_entry *e = &m->entries[m->slots[at] - 1];
        if (e->hash == hash && is_key(e, prefix, key)) return e;
    }
    return NULL;
}

static void fill_slot(reel__hash *m, int index) {
    unsigned mask = mask_of(m), at = m->entries[index].hash & mask;
    while (m->slots[at]) at = (at + 1) & mask;
    m->slots[at] = index + 1;
}

static bool grow(reel__hash *m) {
    if (m->capacity > INT_MAX / 4) return false;
    int capacity = m->capacity ? 2 * m->capacity : 8;
    reel__hash_entry *entries = realloc(m->entries, (size_t)capacity * sizeof *entries);
    if (!entries) return false;
    m->entries = entries;
    int *slots = calloc(2 * (size_t)capacity, sizeof *slots);
    if (!slots) return false;
    free(m->slots);
    m->slots = slots;
    m->capacity = capacity;
    for (int i = 0; i < m->count; i++) fill_slot(m, i);
    return true;
}

bool reel__hash_add(reel__hash *m, char *key, void *value) {
    if (m->count == m->capacity && !grow(m)) return false;
    m->entries[m->count] = (reel__hash_entry){key, value, (uint32_t)mix(start_of(m), key)};
    fill_slot(m, m->count++);
    return true;
}
