/* A build without NVRTC's header, or with a CUDA that can't load kernels as the program runs: each
 * node is a kernel. */
#include "cuda/fused/cuda_fused_internal.h"

bool reel__cuda_fuses(const reel__group_node *n) {
    (void)n;
    return false;
}

bool reel__cuda_joins(const reel__group *g) {
    (void)g;
    return false;
}

reel__fused *reel__cuda_fuse(const reel__group *g) {
    (void)g;
    return NULL;
}

reel__fused *reel__cuda_resident(const reel__group *g, bool beside) {
    (void)g;
    (void)beside;
    return NULL;
}

const char *reel__cuda_fused_text(const reel__fused *f) {
    (void)f;
    return NULL;
}
