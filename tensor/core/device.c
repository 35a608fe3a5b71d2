/* Dtypes, devices, and the registry of backends. */
#include "tensor/core/profile_internal.h"
#include "tensor/version.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

const char *reel_version(void) {
    return REEL_VERSION;
}

const char *reel_dtype_name(reel_dtype dtype) {
    static const char *const names[] = {"f32", "f64", "i64", "u8", "f16", "bf16"};
    return dtype < REEL__DTYPES ? names[dtype] : "?";
}

size_t reel_dtype_size(reel_dtype dtype) {
    static const size_t sizes[] = {4, 8, 8, 1, 2, 2};
    return dtype < REEL__DTYPES ? sizes[dtype] : 0;
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

int reel_device_count(reel_device_type type) {
    const char *why = NULL;
    const reel__backend *b = type == REEL_CPU    ? &reel__cpu_backend
                             : type == REEL_CUDA ? reel__cuda_backend(&why)
                                                 : NULL;
    return b ? b->count() : 0;
}

reel_status reel_synchronize(reel_device device) {
    const reel__backend *b = reel__backend_of(NULL, device);
    REEL__PROFILE_BLOCK(REEL__PROFILE_PASS, "synchronize", NULL, 0);
    return b ? b->wait(device.index) : REEL_ERR_DEVICE;
}

reel_status reel_device_check(reel_device device) {
    return reel__backend_of(NULL, device) ? REEL_OK : REEL_ERR_DEVICE;
}
