/* A build without cuDNN's headers: convolutions are Reel's own kernels. */
#include "cuda/kernels/cuda_conv_internal.h"

bool reel__cuda_has_cudnn(int device) {
    (void)device;
    return false;
}

reel__cuda_cudnn_plan reel__cuda_cudnn_plan_of(const reel__cuda_cudnn_conv *of) {
    (void)of;
    return (reel__cuda_cudnn_plan){.plan = NULL};
}

const char *reel__cuda_cudnn_send(const reel__cuda_library_call *call, cudaStream_t stream) {
    (void)call;
    (void)stream;
    return "this build of Reel has no cuDNN";
}

const char *reel__cuda_cudnn_send_more(const reel__cuda_library_call *call, cudaStream_t stream) {
    return reel__cuda_cudnn_send(call, stream);
}
