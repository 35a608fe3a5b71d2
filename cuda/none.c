/* A build without CUDA: asking for a CUDA device is one clear error. */
#include "cuda/conv_way_internal.h"
#include "cuda/cuda.h"
#include "tensor/core/profile_internal.h"

static const char no_cuda[] = "this build of Reel has no CUDA";

const reel__backend *reel__cuda_backend(const char **why) {
    *why = no_cuda;
    return NULL;
}

static reel_status refuse(int index) {
    return reel_fail(REEL_ERR_DEVICE, NULL, "device cuda:%d: %s", index, no_cuda);
}

reel_status reel_cuda_count_calls(int index, reel_cuda_counts *out) {
    if (out) *out = (reel_cuda_counts){0};
    return refuse(index);
}

reel_status reel_cuda_memory_info(int index, reel_cuda_memory *out) {
    if (out) *out = (reel_cuda_memory){0};
    return refuse(index);
}

reel_status reel_cuda_release_kept(int index) {
    return refuse(index);
}

void reel__cuda_conv_by(reel__conv_way way) {
    (void)way;
}

bool reel__cuda_has_cudnn(int device) {
    (void)device;
    return false;
}

const reel__ranges *reel__cuda_ranges(void) {
    return NULL;
}
