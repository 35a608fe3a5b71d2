/* By what convolutions are done on CUDA, for tests that want to see each of the ways. */
#ifndef REEL_CUDA_CONV_WAY_INTERNAL_H
#define REEL_CUDA_CONV_WAY_INTERNAL_H

#include <stdbool.h>

typedef enum {
    REEL__CONV_BEST = 0, /* by shape */
    REEL__CONV_TILES,    /* Reel's kernel for many channels */
    REEL__CONV_DIRECT,   /* its kernel for few */
    REEL__CONV_PLAIN,    /* its kernel for any size */
    REEL__CONV_CUDNN,    /* where cuDNN takes the convolution, else as by shape */
    REEL__CONV_WAYS
} reel__conv_way;

/* Of all threads, from now on. */
void reel__cuda_conv_by(reel__conv_way way);
/* Whether cuDNN is built in and was found; asked of the thread's current device. */
bool reel__cuda_has_cudnn(int device);

#endif
