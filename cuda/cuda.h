/* The CUDA backend: what programs may ask of it beyond what every device does.
 *
 * Tensors come to a GPU by reel_to, modules by reel_module_to, batches by a loader's `device`:
 *
 *     if (reel_device_check(reel_cuda(0)) != REEL_OK) return reel_report(stderr);
 *     reel_tensor *x = reel_to(images, reel_cuda(0));
 *
 * Ops on a GPU return before their kernels have run. What reads a value on the host (reel_read,
 * reel_item, reel_to the CPU, reel_synchronize) waits. A failure of a kernel, as an index out of
 * range, is kept by the first call that comes after it has happened, in whichever thread makes it,
 * the ones that wait at the latest; it names the op and call site that it happened in.
 *
 * Launches are gathered and sent off together: at an optimizer's step, where something waits or is
 * copied, and when there are many or a long one. A batch that has passed by a few times goes off as
 * a CUDA graph.
 *
 * Memory that tensors let go is kept and used again, so that after its first step a training loop
 * asks the driver for none; when the driver has none left, what is kept is given back first.
 *
 * All kernels of a device run in one stream, in the order of the calls, whichever thread made them:
 * results do not depend on the number of threads. Whole steps of a plan that has REEL_PASS_BESIDE
 * (capture.h) go in a stream beside it: what comes to the memory that they use comes after them,
 * without a wait on the host. Sums are added up in an order that their shape alone decides, so two
 * runs have the same bits.
 *
 * Calls leave the device that they worked on as the thread's current one (cudaGetDevice).
 *
 * In a build of Reel without CUDA each function here fails and says so. */
#ifndef REEL_CUDA_CUDA_H
#define REEL_CUDA_CUDA_H

#include "../tensor/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What one device has been asked for, since the program began. */
typedef struct {
    int64_t launches;         /* of kernels, calls of cuBLAS or cuDNN counted as one */
    int64_t batches, graphs;  /* that they were sent off in, and those that went as a graph */
    int64_t device_allocs;    /* of memory, from the driver */
    int64_t pinned_allocs;    /* of host memory, from the driver; of all devices, at cuda:0 */
    int64_t copies_to_host;   /* each of which waits */
    int64_t copies_from_host; /* uploads of loaders too */
    int64_t waits;            /* for the device, copies to the host included */
} reel_cuda_counts;

/* Bytes. */
typedef struct {
    size_t used, peak;  /* by tensors: now, and at most so far */
    size_t kept;        /* let go by tensors, kept for the next */
    size_t free, total; /* of the device, as its driver says */
} reel_cuda_memory;

/* index: N of cuda:N. */
REEL_API reel_status reel_cuda_count_calls(int index, reel_cuda_counts *out);
REEL_API reel_status reel_cuda_memory_info(int index, reel_cuda_memory *out);
/* Gives the memory that is kept back to the driver. Waits. */
REEL_API reel_status reel_cuda_release_kept(int index);

/* ---- call sites: see error.h ---- */

#define reel_cuda_count_calls(...) REEL__CALL(reel_cuda_count_calls(__VA_ARGS__))
#define reel_cuda_memory_info(...) REEL__CALL(reel_cuda_memory_info(__VA_ARGS__))
#define reel_cuda_release_kept(...) REEL__CALL(reel_cuda_release_kept(__VA_ARGS__))

#ifdef __cplusplus
}
#endif
#endif
