/* Optimizers' steps and clipping: all tensors of a list in one launch. Formulas in optim.h. */
#include "cuda/kernels/kernels_update_internal.h"
#include "cuda/kernels/vector_internal.cuh"

#include <stdint.h>

#define REEL_FORMULA static __device__ __forceinline__

/* The formulas of tensor/formulas/update_formulas_internal.h as members of update_formula<T>. */
template <class T> struct update_formula;

#define R(name) name
#define REAL float
#define SQRT ::sqrtf
template <> struct update_formula<float> {
#include "tensor/formulas/update_formulas_internal.h"
};
#undef REAL
#undef SQRT

#define REAL double
#define SQRT ::sqrt
template <> struct update_formula<double> {
#include "tensor/formulas/update_formulas_internal.h"
};
#undef REAL
#undef SQRT
#undef R

#define BLOCK 256
#define ITEMS (REEL__CUDA_LIST_BLOCK / BLOCK) /* elements of a thread */

/* The tensor that this block works on. */
static __device__ __forceinline__ int find_tensor(const reel__cuda_lists &l) {
    int first = 0, last = l.count - 1;
    while (first < last) {
        const int middle = last - (last - first) / 2;
        if (l.first_block[middle] <= blockIdx.x)
            first = middle;
        else
            last = middle - 1;
    }
    return first;
}

/* Where this block's share of tensor i begins. */
static __device__ __forceinline__ int64_t first_of(const reel__cuda_lists &l, int i) {
    return (int64_t)(blockIdx.x - l.first_block[i]) * REEL__CUDA_LIST_BLOCK;
}

/* ---- optimizers' steps ---- */

typedef reel__step (*step_function)(const reel__rule *, const reel__now *);

/* Where tensor i has its steps taken, the last of its `width` lists, and before it what it carries.
 */
static __device__ __forceinline__ unsigned long long *taken_by(const reel__cuda_lists &l, int i,
                                                               int width) {
    return (unsigned long long *)l.data[i * width + width - 1];
}
static __device__ __forceinline__ double *carried_by(const reel__cuda_lists &l, int i, int width) {
    return (double *)l.data[i * width + width - 2];
}

template <step_function STEP, bool CARRIES>
static __device__ __forceinline__ reel__step step_of_tensor(const reel__cuda_lists &l,
                                                            const reel__cuda_update_work &u, int i,
                                                            int width) {
    const reel__now now = {*u.lr, (double)(*taken_by(l, i, width) + 1),
                           CARRIES ? *carried_by(l, i, width) : 0};
    return STEP(&u.rule, &now);
}

/* By a whole warp. After every block has read its tensor's counts, the last one moves those of all
 * on, without waiting for what they were; and that of the last launch the count of all steps. */
template <step_function STEP, bool CARRIES>
static __device__ __forceinline__ void count_step(const reel__cuda_lists &l,
                                                  const reel__cuda_update_work &u, int width) {
    bool last = false;
    if (threadIdx.x == 0) last = comes_last(u.ticket, gridDim.x);
    if (!__shfl_sync(~0u, last, 0)) return;
    for (int i = threadIdx.x; i < l.count; i += 32) {
        if constexpr (CARRIES)
            *carried_by(l, i, width) = step_of_tensor<STEP, CARRIES>(l, u, i, width).carry;
        atomicAdd(taken_by(l, i, width), 1ull);
    }
    if (threadIdx.x == 0 && u.last) atomicAdd((unsigned long long *)u.step, 1ull);
}

/* How many moments there are before moment k. */
static __host__ __device__ constexpr int before(unsigned has, int k) {
    return k == 0 ? 0 : before(has, k - 1) + (has >> (k - 1) & 1);
}

/* One element's row: p, g, and the moments that there are. */
template <class T, auto FORMULA, unsigned HAS>
static __device__ __forceinline__ void update_row(const typename update_formula<T>::step *s,
                                                  T *row) {
    constexpr int A = 2 + before(HAS, 0), B = 2 + before(HAS, 1), C = 2 + before(HAS, 2);
    T moment[REEL__MAX_MOMENTS] = {};
    if constexpr (HAS & 1) moment[0] = row[A];
    if constexpr (HAS & 2) moment[1] = row[B];
    if constexpr (HAS & 4) moment[2] = row[C];
    row[0] = FORMULA(s, row[0], row[1], moment);
    if constexpr (HAS & 1) row[A] = moment[0];
    if constexpr (HAS & 2) row[B] = moment[1];
    if constexpr (HAS & 4) row[C] = moment[2];
}

template <class T, step_function STEP, auto FORMULA, unsigned HAS, bool CARRIES>
static __global__ void __launch_bounds__(BLOCK)
    update(const __grid_constant__ reel__cuda_lists l,
           const __grid_constant__ reel__cuda_update_work u) {
    begin();
    constexpr int WIDTH = 2 + before(HAS, REEL__MAX_MOMENTS), LISTS = WIDTH + CARRIES + 1;
    __shared__ typename update_formula<T>::step shared;
    const int i = find_tensor(l);
    const int64_t first = first_of(l, i);
    T *list[WIDTH], row[ITEMS][WIDTH];
#pragma unroll
    for (int j = 0; j < WIDTH; j++) list[j] = (T *)l.data[i * LISTS + j];
#pragma unroll
    for (int k = 0; k < ITEMS; k++) { /* on their way while the constants are worked out */
        const int64_t at = first + k * BLOCK + threadIdx.x;
        if (at >= l.n[i]) break;
#pragma unroll
        for (int j = 0; j < WIDTH; j++) row[k][j] = list[j][at];
    }
    if (threadIdx.x == 0 && l.count > 0) {
        const reel__step its = step_of_tensor<STEP, CARRIES>(l, u, i, LISTS);
        shared = update_formula<T>::step_of(&its, HAS);
    }
    __syncthreads();
    if (threadIdx.x < 32) count_step<STEP, CARRIES>(l, u, LISTS);
    typename update_formula<T>::step s = shared;
    s.has = HAS; /* known when compiled */
#pragma unroll
    for (int k = 0; k < ITEMS; k++) {
        const int64_t at = first + k * BLOCK + threadIdx.x;
        if (at >= l.n[i]) break;
        update_row<T, FORMULA, HAS>(&s, row[k]);
        list[0][at] = row[k][0];
#pragma unroll
        for (int j = 2; j < WIDTH; j++) list[j][at] = row[k][j];
    }
}

typedef void (*update_kernel)(reel__cuda_lists, reel__cuda_update_work);

/* With those of MAY that are in `has`: a kernel for each set that the row allows. */
template <class T, step_function STEP, auto FORMULA, unsigned HAS, unsigned MAY, bool CARRIES>
static update_kernel kernel_with(unsigned has) {
    if constexpr (MAY == 0) {
        return update<T, STEP, FORMULA, HAS, CARRIES>;
    } else {
        constexpr unsigned NEXT = MAY & ~(MAY - 1), REST = MAY & (MAY - 1);
        return has & NEXT ? kernel_with<T, STEP, FORMULA, HAS | NEXT, REST, CARRIES>(has)
                          : kernel_with<T, STEP, FORMULA, HAS, REST, CARRIES>(has);
    }
}

template <class T> static update_kernel kernel_of(reel__op op, unsigned has) {
    using f = update_formula<T>;
    switch (op) {
#define REEL_UPDATE(name, first, second, third, carried)                                           \
    case REEL_OP_##name:                                                                           \
        return kernel_with<T, f::name##_step, f::name, REEL__ALWAYS(first, second, third),         \
                           REEL__MAYBE(first, second, third), REEL__ALWAYS_##carried>(has);
#include "tensor/ops/ops_update.def"
    default:
        return nullptr;
    }
}

static_assert(sizeof(reel__cuda_lists) + sizeof(reel__cuda_update_work) <= 4096,
              "more than a kernel's arguments may be");

cudaError_t reel__cuda_launch_update(reel__op op, unsigned has, const reel__cuda_lists *l,
                                     const reel__cuda_update_work *u, reel_dtype dtype,
                                     reel__cuda_queue *queue) {
    const update_kernel kernel =
        dtype == REEL_F32 ? kernel_of<float>(op, has) : kernel_of<double>(op, has);
    if (!kernel) return cudaErrorInvalidDeviceFunction;
    return launch(kernel, l->first_block[l->count], BLOCK, queue, *l, *u);
}

/* ---- clipping ---- */

/* In all threads of a block: the largest of their x >= 0, whose bits are in the same order. */
static __device__ __forceinline__ double largest_of_block(double x) {
    __shared__ unsigned long long bits;
    if (threadIdx.x == 0) bits = 0;
    __syncthreads();
    atomicMax(&bits, (unsigned long long)__double_as_longlong(x));
    __syncthreads();
    return __longlong_as_double((long long)bits);
}

/* What brings numbers of which `largest` is the largest near 1, and their squares away from what
 * overflows or vanishes; exact, and so is its inverse. */
static __device__ __forceinline__ double scale_of(double largest) {
    if (!(largest > 0) || isinf(largest)) return 1;
    const int exponent = ilogb(largest);
    return ldexp(1.0, exponent > 1022 ? -1022 : exponent < -1022 ? 1022 : -exponent);
}

/* Those of f32 fit into f64; those of f64 are of numbers scaled by scales[block]. */
template <class T>
static __global__ void __launch_bounds__(BLOCK)
    list_squares(const __grid_constant__ reel__cuda_lists l, double *squares, double *scales) {
    begin();
    const int i = find_tensor(l);
    const int64_t first = first_of(l, i);
    const T *g = (const T *)l.data[i];
    double x[ITEMS], largest = 0, scale = 1, sum = 0;
#pragma unroll
    for (int k = 0; k < ITEMS; k++) {
        const int64_t at = first + k * BLOCK + threadIdx.x;
        x[k] = at < l.n[i] ? (double)g[at] : 0;
        largest = fmax(largest, fabs(x[k]));
    }
    if constexpr (sizeof(T) == sizeof(double)) scale = scale_of(largest_of_block(largest));
#pragma unroll
    for (int k = 0; k < ITEMS; k++) sum += (x[k] * scale) * (x[k] * scale);
    sum = add_block<BLOCK>(sum);
    if (threadIdx.x > 0) return;
    squares[blockIdx.x] = sum;
    if (scales) scales[blockIdx.x] = scale;
}

cudaError_t reel__cuda_launch_list_squares(const reel__cuda_lists *l, double *squares,
                                           double *scales, reel_dtype dtype,
                                           reel__cuda_queue *queue) {
    const unsigned blocks = l->first_block[l->count];
    return dtype == REEL_F32
               ? launch(list_squares<float>, blocks, BLOCK, queue, *l, squares, scales)
               : launch(list_squares<double>, blocks, BLOCK, queue, *l, squares, scales);
}

/* Brought to the scale of the block whose numbers are the largest; a block of zeros has none. */
static __global__ void __launch_bounds__(BLOCK)
    norm_of(void *norm, double *squares, const double *scales, int64_t n, bool f32) {
    begin();
    double sum = 0, largest = 0;
    for (int64_t i = threadIdx.x; scales && i < n; i += BLOCK)
        if (squares[i] != 0) largest = fmax(largest, 1 / scales[i]);
    if (scales) largest = largest_of_block(largest);
    const double scale = largest > 0 ? 1 / largest : 1;
    for (int64_t i = threadIdx.x; i < n; i += BLOCK) {
        const double by = scales ? scale / scales[i] : 1;
        sum += squares[i] * by * by;
    }
    sum = add_block<BLOCK>(sum);
    if (threadIdx.x > 0) return;
    squares[n] = sqrt(sum) / scale;
    if (f32)
        *(float *)norm = (float)squares[n];
    else
        *(double *)norm = squares[n];
}

cudaError_t reel__cuda_launch_norm(void *norm, double *squares, const double *scales, int64_t n,
                                   reel_dtype dtype, reel__cuda_queue *queue) {
    return launch(norm_of, 1, BLOCK, queue, norm, squares, scales, n, dtype == REEL_F32);
}

template <class T>
static __global__ void __launch_bounds__(BLOCK)
    list_scale(const __grid_constant__ reel__cuda_lists l, const double *norm, double most) {
    begin();
    const double scale = most / (*norm + 1e-6);
    if (scale >= 1) return; /* NaN scales */
    const int i = find_tensor(l);
    const int64_t first = first_of(l, i);
    T *g = (T *)l.data[i];
#pragma unroll
    for (int k = 0; k < ITEMS; k++) {
        const int64_t at = first + k * BLOCK + threadIdx.x;
        if (at < l.n[i]) g[at] = g[at] * (T)scale;
    }
}

cudaError_t reel__cuda_launch_list_scale(const reel__cuda_lists *l, const double *norm, double most,
                                         reel_dtype dtype, reel__cuda_queue *queue) {
    const unsigned blocks = l->first_block[l->count];
    return dtype == REEL_F32 ? launch(list_scale<float>, blocks, BLOCK, queue, *l, norm, most)
                             : launch(list_scale<double>, blocks, BLOCK, queue, *l, norm, most);
}

template <class T>
static __global__ void __launch_bounds__(BLOCK)
    list_clamp(const __grid_constant__ reel__cuda_lists l, double limit) {
    begin();
    const int i = find_tensor(l);
    const int64_t first = first_of(l, i);
    T *g = (T *)l.data[i];
    const T most = (T)limit;
#pragma unroll
    for (int k = 0; k < ITEMS; k++) {
        const int64_t at = first + k * BLOCK + threadIdx.x;
        if (at < l.n[i]) g[at] = g[at] > most ? most : g[at] < -most ? -most : g[at];
    }
}

cudaError_t reel__cuda_launch_list_clamp(const reel__cuda_lists *l, double limit, reel_dtype dtype,
                                         reel__cuda_queue *queue) {
    const unsigned blocks = l->first_block[l->count];
    return dtype == REEL_F32 ? launch(list_clamp<float>, blocks, BLOCK, queue, *l, limit)
                             : launch(list_clamp<double>, blocks, BLOCK, queue, *l, limit);
}
