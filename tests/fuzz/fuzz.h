/* A fuzz target is a file fuzz_<name>.c with this one function, which takes any bytes and looks
 * whether what it calls keeps its word. It is linked twice: with libFuzzer, which searches for
 * inputs (./dev fuzz), and with replay.c, which runs the seeds and small changes of them (./dev
 * test). */
#ifndef REEL_TESTS_FUZZ_FUZZ_H
#define REEL_TESTS_FUZZ_FUZZ_H

#include "tensor/tensor.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size); /* returns 0 */

/* What must hold of any input; ends the process otherwise, NDEBUG or not. */
#define HOLDS(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);         \
            __builtin_trap();                                                                      \
        }                                                                                          \
    } while (0)

/* The path of a file with these parts one after another, in memory; the same each time. */
typedef struct {
    const void *bytes;
    size_t size;
} fuzz_part;
const char *fuzz_file(const fuzz_part *parts, int count);

/* Either there is a result and no failure, or there is none and one line that says why. No tensor
 * may be left over but for those of the result. Forgets the failure. */
void fuzz_check(bool result);
void fuzz_check_clean(void);

#endif
