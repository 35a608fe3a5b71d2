/* Dtypes, devices, and the registry of backends. */
#include "tensor/tensor_internal.h"

#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *reel_dtype_name(reel_dtype dtype) {
    static const char *const names[] = {"f32", "f64", "i64", "u8"};
    return dtype <= REEL_U8 ? names[dtype] : "?";
}

size_t reel_dtype_size(reel_dtype dtype) {
    static const size_t sizes[] = {4, 8, 8, 1};
    return dtype <= REEL_U8 ? sizes[dtype] : 0;
}

reel_status reel_device_parse(const char *text, reel_device *device) {
    if (!device) return reel_fail(REEL_ERR_ARGUMENT, NULL, "device: nowhere to put it");
    if (text && strcmp(text, "cpu") == 0) {
        *device = reel_cpu();
        return REEL_OK;
    }
    if (text && strncmp(text, "cuda", 4) == 0) {
        const char *digits = text + 5;
        char *end = NULL;
        long index = text[4] == ':' ? strtol(digits, &end, 10) : 0;
        bool number =
            text[4] == ':' && *digits >= '0' && *digits <= '9' && *end == '\0' && index <= INT_MAX;
        if (text[4] == '\0' || number) {
            *device = reel_cuda((int)index);
            return REEL_OK;
        }
    }
    return reel_fail(REEL_ERR_ARGUMENT, NULL, "device: \"%s\" is none of cpu, cuda, cuda:N",
                     text ? text : "");
}

const reel__backend *reel__backend_of(const char *at, reel_device d) {
    if (d.type == REEL_CPU && d.index == 0) return &reel__cpu_backend;
    if (d.type == REEL_CUDA && d.index >= 0) {
        const char *why = NULL;
        const reel__backend *b = reel__cuda_backend(&why);
        if (!b)
            reel_fail(REEL_ERR_DEVICE, at, "device cuda:%d: %s", d.index, why);
        else if (b->check(d.index) == REEL_OK)
            return b;
        return NULL;
    }
    reel_fail(REEL_ERR_DEVICE, at, "device: no device of type %d, index %d", (int)d.type, d.index);
    return NULL;
}

reel_status reel_device_check(reel_device device) {
    return reel__backend_of(NULL, device) ? REEL_OK : REEL_ERR_DEVICE;
}

reel_status reel_set_threads(int n) {
    if (n < 1) return reel_fail(REEL_ERR_ARGUMENT, NULL, "threads: %d, at least 1 is needed", n);
    reel__self()->threads = n;
    return REEL_OK;
}

/* OMP_NUM_THREADS, which people set for every such library, or the processors that we may use. */
static int default_threads(void) {
    const char *asked = getenv("OMP_NUM_THREADS");
    long n = asked ? strtol(asked, NULL, 10) : 0;
#if defined(__linux__)
    cpu_set_t set;
    if (n < 1 && sched_getaffinity(0, sizeof set, &set) == 0) n = CPU_COUNT(&set);
#endif
    if (n < 1) n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : n > 256 ? 256 : (int)n;
}

int reel_threads(void) {
    reel__thread *self = reel__self();
    if (self->threads == 0) self->threads = default_threads();
    return self->threads;
}

/* Autograd's hooks: the one thing here that is set once and read by all. */
static _Atomic(const reel__hooks *) hooks;

void reel__hooks_set(const reel__hooks *h) {
    atomic_store_explicit(&hooks, h, memory_order_release);
}

const reel__hooks *reel__hooks_get(void) {
    return atomic_load_explicit(&hooks, memory_order_acquire);
}
