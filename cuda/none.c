/* A build without CUDA: asking for a CUDA device is one clear error. */
#include "tensor/backend.h"

const reel__backend *reel__cuda_backend(const char **why) {
    *why = "this build of Reel has no CUDA";
    return NULL;
}
