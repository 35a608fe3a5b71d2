/* Seeded random choices for tests: SplitMix64 (Steele, Lea and Flood, "Fast splittable
 * pseudorandom number generators", 2014). */
#ifndef REEL_TESTS_PARITY_DICE_H
#define REEL_TESTS_PARITY_DICE_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    uint64_t state;
} dice;

static inline uint64_t dice_roll(dice *d) {
    uint64_t z = d->state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* A number for each (name, seed), so that what is drawn for one name does not depend on others. */
static inline dice dice_of(const char *name, int64_t seed) {
    dice d = {(uint64_t)seed};
    for (; *name; name++) d.state = dice_roll(&d) ^ (unsigned char)*name;
    return d;
}

/* In low..high, both included. */
static inline int64_t dice_int(dice *d, int64_t low, int64_t high) {
    return low + (int64_t)(dice_roll(d) % (uint64_t)(high - low + 1));
}

static inline double dice_real(dice *d, double low, double high) {
    return low + (high - low) * (double)(dice_roll(d) >> 11) * 0x1p-53;
}

static inline bool dice_one_in(dice *d, int n) {
    return dice_int(d, 1, n) == 1;
}

#endif
