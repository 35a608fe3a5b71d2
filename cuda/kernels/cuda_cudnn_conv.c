/* Convolutions by cuDNN. The algorithm is the first of its heuristics' whose bits are always the
 * same and whose workspace is not too large: they know the device and the shapes, and nothing that
 * changes from run to run. f32 is f32, unless the thread asked for less. */
#include "cuda/kernels/cuda_conv_internal.h"
#include "cuda/kernels/cuda_cudnn_internal.h"

#include <stdlib.h>
#include <string.h>

/* More was no faster. Transforms' grows with the images, which are taken part by part then. */
#define MOST_WORKSPACE ((size_t)256 << 20)
#define MOST_OF_TRANSFORMS ((size_t)1 << 30)
#define MOST_ALGORITHMS 16

typedef struct plan {
    struct plan *next; /* of those that hash alike */
    reel__cuda_cudnn_conv of;
    bool works;
    cudnnTensorDescriptor_t big, small;
    cudnnFilterDescriptor_t w;
    cudnnConvolutionDescriptor_t how;
    cudnnConvolutionFwdAlgo_t forward;
    cudnnConvolutionBwdDataAlgo_t input_grad;
    cudnnConvolutionBwdFilterAlgo_t weight_grad;
    size_t workspace;
} plan;

/* Plans are never taken out: batches on their way and graphs name them. One that does not work is
 * kept too. */
#define PLACES 1024
static struct {
    pthread_mutex_t lock;
    plan *first[PLACES];
} plans = {.lock = PTHREAD_MUTEX_INITIALIZER};

#define TRY(call)                                                                                  \
    do {                                                                                           \
        const cudnnStatus_t status_ = (call);                                                      \
        if (status_ != CUDNN_STATUS_SUCCESS) return status_;                                       \
    } while (0)

/* ---- what it is told ---- */

/* Two axes in space at least, three if the first is more than a lone element. */
static int axes_of(const reel__cuda_conv_shape *v) {
    const bool lone =
        v->size[0] == 1 && v->small_size[0] == 1 && v->kernel[0] == 1 && v->before[0] == 0;
    return lone ? 2 : 3;
}

static cudnnStatus_t describe_tensor(const reel__cudnn *dnn, cudnnTensorDescriptor_t *t,
                                     const reel__cuda_conv_shape *v, int64_t channels,
                                     const int64_t size[3]) {
    const int axes = axes_of(v);
    int dim[5] = {(int)v->images, (int)(v->groups * channels)}, stride[5];
    for (int i = 0; i < axes; i++) dim[2 + i] = (int)size[3 - axes + i];
    stride[axes + 1] = 1;
    for (int i = axes; i >= 0; i--) stride[i] = stride[i + 1] * dim[i + 1];
    TRY(dnn->CreateTensorDescriptor(t));
    return dnn->SetTensorNdDescriptor(*t, CUDNN_DATA_FLOAT, axes + 2, dim, stride);
}

static cudnnStatus_t describe_filter(const reel__cudnn *dnn, plan *p) {
    const reel__cuda_conv_shape *v = &p->of.of;
    const int axes = axes_of(v);
    int dim[5] = {(int)(v->groups * v->small_channels), (int)v->big_channels};
    for (int i = 0; i < axes; i++) dim[2 + i] = (int)v->kernel[3 - axes + i];
    TRY(dnn->CreateFilterDescriptor(&p->w));
    return dnn->SetFilterNdDescriptor(p->w, CUDNN_DATA_FLOAT, CUDNN_TENSOR_NCHW, axes + 2, dim);
}

static cudnnStatus_t describe_steps(const reel__cudnn *dnn, plan *p) {
    const reel__cuda_conv_shape *v = &p->of.of;
    const int axes = axes_of(v);
    int before[3], stride[3], dilation[3];
    for (int i = 0; i < axes; i++) {
        before[i] = (int)v->before[3 - axes + i];
        stride[i] = (int)v->stride[3 - axes + i];
        dilation[i] = (int)v->dilation[3 - axes + i];
    }
    TRY(dnn->CreateConvolutionDescriptor(&p->how));
    TRY(dnn->SetConvolutionNdDescriptor(p->how, axes, before, stride, dilation,
                                        CUDNN_CROSS_CORRELATION, CUDNN_DATA_FLOAT));
    TRY(dnn->SetConvolutionGroupCount(p->how, (int)v->groups));
    return dnn->SetConvolutionMathType(
        p->how, p->of.precision == REEL_MATMUL_F32 ? CUDNN_FMA_MATH : CUDNN_DEFAULT_MATH);
}

/* ---- which algorithm ---- */

static bool is_good(cudnnStatus_t status, cudnnDeterminism_t determinism) {
    return status == CUDNN_STATUS_SUCCESS && determinism == CUDNN_DETERMINISTIC;
}

static bool has_room(const plan *p) {
    const bool transforms = reel__cuda_conv_is_for_fourier(&p->of.of);
    return p->workspace <= (transforms ? MOST_OF_TRANSFORMS : MOST_WORKSPACE);
}

static cudnnStatus_t choose_forward(const reel__cudnn *dnn, cudnnHandle_t handle, plan *p) {
    cudnnConvolutionFwdAlgoPerf_t found[MOST_ALGORITHMS];
    int count = 0;
    TRY(dnn->GetConvolutionForwardAlgorithm_v7(handle, p->big, p->w, p->how, p->small,
                                               MOST_ALGORITHMS, &count, found));
    for (int i = 0; i < count; i++) {
        if (!is_good(found[i].status, found[i].determinism)) continue;
        p->forward = found[i].algo;
        if (dnn->GetConvolutionForwardWorkspaceSize(handle, p->big, p->w, p->how, p->small,
                                                    p->forward,
                                                    &p->workspace) == CUDNN_STATUS_SUCCESS &&
            has_room(p))
            return CUDNN_STATUS_SUCCESS;
    }
    return CUDNN_STATUS_NOT_SUPPORTED;
}

static bool is_wasteful(const reel__cuda_conv_shape *v, cudnnConvolutionBwdDataAlgo_t algorithm) {
    return !reel__cuda_conv_is_for_fourier(v) &&
           (algorithm == CUDNN_CONVOLUTION_BWD_DATA_ALGO_FFT ||
            algorithm == CUDNN_CONVOLUTION_BWD_DATA_ALGO_FFT_TILING);
}

static cudnnStatus_t choose_input_grad(const reel__cudnn *dnn, cudnnHandle_t handle, plan *p) {
    cudnnConvolutionBwdDataAlgoPerf_t found[MOST_ALGORITHMS];
    int count = 0;
    TRY(dnn->GetConvolutionBackwardDataAlgorithm_v7(handle, p->w, p->small, p->how, p->big,
                                                    MOST_ALGORITHMS, &count, found));
    for (int i = 0; i < count; i++) {
        if (!is_good(found[i].status, found[i].determinism) ||
            is_wasteful(&p->of.of, found[i].algo))
            continue;
        p->input_grad = found[i].algo;
        if (dnn->GetConvolutionBackwardDataWorkspaceSize(handle, p->w, p->small, p->how, p->big,
                                                         p->input_grad,
                                                         &p->workspace) == CUDNN_STATUS_SUCCESS &&
            has_room(p))
            return CUDNN_STATUS_SUCCESS;
    }
    return CUDNN_STATUS_NOT_SUPPORTED;
}

static cudnnStatus_t choose_weight_grad(const reel__cudnn *dnn, cudnnHandle_t handle, plan *p) {
    cudnnConvolutionBwdFilterAlgoPerf_t found[MOST_ALGORITHMS];
    int count = 0;
    TRY(dnn->GetConvolutionBackwardFilterAlgorithm_v7(handle, p->big, p->small, p->how, p->w,
                                                      MOST_ALGORITHMS, &count, found));
    for (int i = 0; i < count; i++) {
        if (!is_good(found[i].status, found[i].determinism)) continue;
        p->weight_grad = found[i].algo;
        if (dnn->GetConvolutionBackwardFilterWorkspaceSize(handle, p->big, p->small, p->how, p->w,
                                                           p->weight_grad,
                                                           &p->workspace) == CUDNN_STATUS_SUCCESS &&
            has_room(p))
            return CUDNN_STATUS_SUCCESS;
    }
    return CUDNN_STATUS_NOT_SUPPORTED;
}

static cudnnStatus_t fill_in(const reel__cudnn *dnn, cudnnHandle_t handle, plan *p) {
    const reel__cuda_conv_shape *v = &p->of.of;
    TRY(describe_tensor(dnn, &p->big, v, v->big_channels, v->size));
    TRY(describe_tensor(dnn, &p->small, v, v->small_channels, v->small_size));
    TRY(describe_filter(dnn, p));
    TRY(describe_steps(dnn, p));
    switch ((reel__conv_kind)p->of.kind) {
    case REEL__CONV_FORWARD:
        return choose_forward(dnn, handle, p);
    case REEL__CONV_INPUT_GRAD:
        return choose_input_grad(dnn, handle, p);
    default:
        return choose_weight_grad(dnn, handle, p);
    }
}

static void drop_descriptors(const reel__cudnn *dnn, plan *p) {
    if (p->big) dnn->DestroyTensorDescriptor(p->big);
    if (p->small) dnn->DestroyTensorDescriptor(p->small);
    if (p->w) dnn->DestroyFilterDescriptor(p->w);
    if (p->how) dnn->DestroyConvolutionDescriptor(p->how);
    p->big = p->small = NULL;
    p->w = NULL;
    p->how = NULL;
}

/* ---- plans ---- */

static plan **place_of(const reel__cuda_cudnn_conv *of) {
    return &plans.first[reel__cuda_hash(REEL__CUDA_HASH_BASIS, of, sizeof *of) % PLACES];
}

/* The plan of a convolution, made if need be; the plans are locked. NULL: out of memory. */
static const plan *find_plan(const reel__cudnn *dnn, const reel__cuda_cudnn_conv *of) {
    plan **first = place_of(of);
    for (plan *p = *first; p; p = p->next)
        if (memcmp(&p->of, of, sizeof *of) == 0) return p;
    plan *p = calloc(1, sizeof *p);
    if (!p) return NULL;
    p->of = *of;
    reel__cudnn_place *place = reel__cudnn_enter(of->device);
    p->works = place->handle && fill_in(dnn, place->handle, p) == CUDNN_STATUS_SUCCESS;
    reel__cudnn_leave(place);
    if (!p->works) {
        drop_descriptors(dnn, p);
        cudaGetLastError();
    }
    p->next = *first;
    *first = p;
    return p;
}

reel__cuda_cudnn_plan reel__cuda_cudnn_plan_of(const reel__cuda_cudnn_conv *of) {
    const reel__cudnn *dnn = reel__cudnn_functions();
    if (!dnn) return (reel__cuda_cudnn_plan){.plan = NULL};
    pthread_mutex_lock(&plans.lock);
    const plan *p = find_plan(dnn, of);
    pthread_mutex_unlock(&plans.lock);
    if (!p || !p->works) return (reel__cuda_cudnn_plan){.plan = NULL};
    return (reel__cuda_cudnn_plan){p, p->workspace};
}

/* ---- a call ---- */

/* before: 1, and a weight's gradient is added to what is there; or 0. */
static cudnnStatus_t send(const reel__cudnn *dnn, cudnnHandle_t handle, const plan *p,
                          const reel__cuda_library_call *c, float before) {
    const float one = 1, zero = 0;
    switch ((reel__conv_kind)p->of.kind) {
    case REEL__CONV_FORWARD: /* x, w -> y */
        return dnn->ConvolutionForward(handle, &one, p->big, c->x, p->w, c->y, p->how, p->forward,
                                       c->workspace, p->workspace, &zero, p->small, c->z);
    case REEL__CONV_INPUT_GRAD: /* g, w -> dx */
        return dnn->ConvolutionBackwardData(handle, &one, p->w, c->y, p->small, c->x, p->how,
                                            p->input_grad, c->workspace, p->workspace, &zero,
                                            p->big, c->z);
    default: /* g, x -> dw */
        return dnn->ConvolutionBackwardFilter(handle, &one, p->big, c->y, p->small, c->x, p->how,
                                              p->weight_grad, c->workspace, p->workspace, &before,
                                              p->w, c->z);
    }
}

static const char *send_with(const reel__cuda_library_call *call, cudaStream_t stream,
                             float before) {
    const plan *p = call->plan;
    const reel__cudnn *dnn = reel__cudnn_functions();
    reel__cudnn_place *place = reel__cudnn_enter(p->of.device);
    cudnnStatus_t status = dnn->SetStream(place->handle, stream);
    if (status == CUDNN_STATUS_SUCCESS) status = send(dnn, place->handle, p, call, before);
    reel__cudnn_leave(place);
    return status == CUDNN_STATUS_SUCCESS ? NULL : dnn->GetErrorString(status);
}

const char *reel__cuda_cudnn_send(const reel__cuda_library_call *call, cudaStream_t stream) {
    return send_with(call, stream, 0);
}

const char *reel__cuda_cudnn_send_more(const reel__cuda_library_call *call, cudaStream_t stream) {
    return send_with(call, stream, 1);
}
