/* cuDNN as it was loaded: Reel is not linked with it, and does without where it is not there. */
#ifndef REEL_CUDA_KERNELS_CUDA_CUDNN_INTERNAL_H
#define REEL_CUDA_KERNELS_CUDA_CUDNN_INTERNAL_H

#include <cudnn.h>
#include <pthread.h>
#include <stdbool.h>

#define REEL__CUDNN(X)                                                                             \
    X(Create)                                                                                      \
    X(SetStream)                                                                                   \
    X(GetErrorString)                                                                              \
    X(CreateTensorDescriptor)                                                                      \
    X(SetTensorNdDescriptor)                                                                       \
    X(DestroyTensorDescriptor)                                                                     \
    X(CreateFilterDescriptor)                                                                      \
    X(SetFilterNdDescriptor)                                                                       \
    X(DestroyFilterDescriptor)                                                                     \
    X(CreateConvolutionDescriptor)                                                                 \
    X(SetConvolutionNdDescriptor)                                                                  \
    X(SetConvolutionGroupCount)                                                                    \
    X(SetConvolutionMathType)                                                                      \
    X(DestroyConvolutionDescriptor)                                                                \
    X(GetConvolutionForwardAlgorithm_v7)                                                           \
    X(GetConvolutionForwardWorkspaceSize)                                                          \
    X(ConvolutionForward)                                                                          \
    X(GetConvolutionBackwardDataAlgorithm_v7)                                                      \
    X(GetConvolutionBackwardDataWorkspaceSize)                                                     \
    X(ConvolutionBackwardData)                                                                     \
    X(GetConvolutionBackwardFilterAlgorithm_v7)                                                    \
    X(GetConvolutionBackwardFilterWorkspaceSize)                                                   \
    X(ConvolutionBackwardFilter)

typedef struct {
#define FIELD(name) __typeof__(&cudnn##name) name;
    REEL__CUDNN(FIELD)
#undef FIELD
} reel__cudnn;

/* NULL where it can't be loaded. */
const reel__cudnn *reel__cudnn_functions(void);

/* A device's handle, whose lock the caller holds while it uses it. */
typedef struct {
    pthread_mutex_t lock;
    cudnnHandle_t handle; /* NULL: there is none */
    bool asked;
} reel__cudnn_place;
/* Locked; its handle is made if need be, on this thread's current device, which it is. */
reel__cudnn_place *reel__cudnn_enter(int device);
void reel__cudnn_leave(reel__cudnn_place *p);

#endif
