/* The device under test: the CPU, or what $REEL_TEST_DEVICE names ("cuda", "cuda:1"). */
#ifndef REEL_TESTS_TEST_DEVICE_H
#define REEL_TESTS_TEST_DEVICE_H

#include "tensor/tensor.h"

#include <stdlib.h>

/* Of a name that can't be read a failure is kept, which run_suite reports. */
static inline reel_device test_device(void) {
    const char *name = getenv("REEL_TEST_DEVICE");
    reel_device device = reel_cpu();
    if (name && *name) reel_device_parse(name, &device);
    return device;
}

static inline reel_tensor *to_device(reel_tensor *t) {
    return reel_to(t, test_device());
}

#endif
