/* Sums by index: each element of the result adds what the index sends there, in the order of the
 * entries, so that nothing depends on who comes first. */
#include "cuda/kernels/index_internal.cuh"

#define AHEAD 4 /* entries whose elements are on their way at once */

template <class T, int N>
static __device__ __forceinline__ void add(unit<T, N> &sum, const unit<T, N> &x) {
#pragma unroll
    for (int i = 0; i < N; i++) sum.v[i] = (T)(sum.v[i] + x.v[i]);
}

/* Elements that move at once: bytes take a register each, so fewer of them. */
template <class T> static constexpr int wide() {
    return sizeof(T) == 1 ? 4 : REEL__CUDA_VECTOR / sizeof(T);
}

/* Rows of whole units, all of them aligned. */
template <class T> static bool is_aligned(const reel__cuda_move *m) {
    return m->inner % wide<T>() == 0 &&
           ((uintptr_t)m->out | (uintptr_t)m->x) % (wide<T>() * sizeof(T)) == 0;
}

/* ---- index_add of few entries: a block a place, which looks through all of the index ---- */

#define FEW REEL__CUDA_FEW_ROWS
#define BLOCK 256 /* threads at most */

/* hit: a bit for each entry that goes to the place. The block of place 0 checks the index. */
static __device__ void find_entries(const reel__cuda_move &m, int64_t place, uint32_t *hit) {
    const int lane = threadIdx.x % 32, warps = blockDim.x / 32, words = ((int)m.entries + 31) / 32;
    int wrong = -1;
    for (int w = threadIdx.x / 32; w < words; w += AHEAD * warps) {
        int64_t index[AHEAD];
#pragma unroll
        for (int k = 0; k < AHEAD; k++) {
            const int entry = (w + k * warps) * 32 + lane;
            index[k] = entry < m.entries ? m.index[entry] : place + 1;
        }
#pragma unroll
        for (int k = 0; k < AHEAD; k++) {
            const int word = w + k * warps, entry = word * 32 + lane;
            const uint32_t bits = __ballot_sync(0xffffffffu, index[k] == place);
            if (lane == 0 && word < words) hit[word] = bits;
            if (entry < m.entries && !is_in_range(index[k], m.size)) wrong = entry;
        }
    }
    if (blockIdx.x == 0 && wrong >= 0) report_index(m.errors, m.index[wrong], wrong, m.size);
}

/* Makes a list of the bits set, in their order; returns its length in all lanes of the one warp
 * that calls it. */
static __device__ int list_entries(const uint32_t *hit, int words, uint16_t *list) {
    constexpr int EACH_LANE = FEW / 32 / 32;
    const int lane = threadIdx.x % 32;
    uint32_t mine[EACH_LANE];
    int count = 0;
#pragma unroll
    for (int i = 0; i < EACH_LANE; i++) {
        const int word = lane * EACH_LANE + i;
        mine[i] = word < words ? hit[word] : 0;
        count += __popc(mine[i]);
    }
    int end = count; /* of this lane's part of the list */
    for (int d = 1; d < 32; d *= 2) {
        const int before = __shfl_up_sync(0xffffffffu, end, d);
        if (lane >= d) end += before;
    }
    int at = end - count;
#pragma unroll
    for (int i = 0; i < EACH_LANE; i++)
        for (uint32_t bits = mine[i]; bits; bits &= bits - 1)
            list[at++] = (uint16_t)((lane * EACH_LANE + i) * 32 + __ffs(bits) - 1);
    return __shfl_sync(0xffffffffu, end, 31);
}

/* The sum of one unit of so many rows, in the order of the list. */
template <class T, int N>
static __device__ __forceinline__ unit<T, N> add_listed(const unit<T, N> *x, uint32_t units,
                                                        const uint16_t *list, int length) {
    unit<T, N> sum = {};
    for (int i = 0; i < length; i += AHEAD) {
        unit<T, N> a[AHEAD];
#pragma unroll
        for (int k = 0; k < AHEAD; k++) {
            if (i + k >= length) break;
            a[k] = x[(uint64_t)list[i + k] * units];
        }
#pragma unroll
        for (int k = 0; k < AHEAD; k++) {
            if (i + k >= length) break;
            add(sum, a[k]);
        }
    }
    return sum;
}

template <class T, int N>
static __global__ void __launch_bounds__(BLOCK, 8)
    index_add_few(const __grid_constant__ reel__cuda_move m) {
    begin();
    __shared__ uint32_t hit[FEW / 32];
    __shared__ uint16_t list[FEW];
    __shared__ int length;
    const unsigned o = blockIdx.x / (unsigned)m.size, place = blockIdx.x % (unsigned)m.size;
    find_entries(m, place, hit);
    __syncthreads();
    if (threadIdx.x < 32) {
        const int count = list_entries(hit, ((int)m.entries + 31) / 32, list);
        if (threadIdx.x == 0) length = count;
    }
    __syncthreads();
    const uint32_t units = (uint32_t)m.inner / N;
    const unit<T, N> *x = (const unit<T, N> *)m.x + o * m.entries * units;
    unit<T, N> *out = (unit<T, N> *)m.out + (uint64_t)blockIdx.x * units;
    for (uint32_t u = threadIdx.x; u < units; u += blockDim.x)
        out[u] = add_listed(x + u, units, list, length);
}

template <class T, int N>
static cudaError_t add_few(const reel__cuda_move *m, reel__cuda_queue *queue) {
    int threads = 64;
    while (threads < BLOCK && threads < m->inner / N) threads *= 2;
    return launch(index_add_few<T, N>, m->outer * m->size, threads, queue, *m);
}

template <class T>
static cudaError_t add_few_of(const reel__cuda_move *m, reel__cuda_queue *queue) {
    return is_aligned<T>(m) ? add_few<T, wide<T>()>(m, queue) : add_few<T, 1>(m, queue);
}

cudaError_t reel__cuda_launch_index_add_few(const reel__cuda_move *m, reel_dtype dtype,
                                            reel__cuda_queue *queue) {
    if (dtype == REEL_F32) return add_few_of<float>(m, queue);
    if (dtype == REEL_F64) return add_few_of<double>(m, queue);
    if (dtype == REEL_I64) return add_few_of<int64_t>(m, queue);
    return add_few_of<uint8_t>(m, queue);
}

/* ---- scatter_add of few entries: a thread an element, which looks through its column ---- */

template <class T, class COUNT>
static __global__ void __launch_bounds__(THREADS)
    scatter_add_few(const __grid_constant__ reel__cuda_move m, COUNT n) {
    begin();
    const COUNT inner = (COUNT)m.inner, size = (COUNT)m.size;
    EACH(COUNT, u, n) {
        const COUNT row = u / inner, o = row / size;
        const int64_t place = row - o * size,
                      first = (int64_t)o * m.entries * m.inner + (u - row * inner);
        T sum = 0;
        int64_t wrong = -1;
#pragma unroll 4
        for (int64_t e = 0, k = first; e < m.entries; e++, k += m.inner) {
            const int64_t index = m.index[k];
            if (index == place) sum = (T)(sum + ((const T *)m.x)[k]);
            if (!is_in_range(index, m.size)) wrong = k;
        }
        ((T *)m.out)[u] = sum;
        if (place == 0 && wrong >= 0) report_index(m.errors, m.index[wrong], wrong, m.size);
    }
}

template <class T>
static cudaError_t scatter_few(const reel__cuda_move *m, reel__cuda_queue *queue) {
    const int64_t n = m->outer * m->size * m->inner;
    return is_short(n)
               ? launch(scatter_add_few<T, uint32_t>, grid(n), THREADS, queue, *m, (uint32_t)n)
               : launch(scatter_add_few<T, uint64_t>, grid(n), THREADS, queue, *m, (uint64_t)n);
}

cudaError_t reel__cuda_launch_scatter_add_few(const reel__cuda_move *m, reel_dtype dtype,
                                              reel__cuda_queue *queue) {
    if (dtype == REEL_F32) return scatter_few<float>(m, queue);
    if (dtype == REEL_F64) return scatter_few<double>(m, queue);
    if (dtype == REEL_I64) return scatter_few<int64_t>(m, queue);
    return scatter_few<uint8_t>(m, queue);
}

/* ---- many entries: keys to sort, and the runs of what was sorted ---- */

static __global__ void __launch_bounds__(THREADS)
    index_keys(const __grid_constant__ reel__cuda_move m, uint64_t *key, int64_t *value) {
    begin();
    EACH(int64_t, k, m.entries) {
        const int64_t place = checked(m, k, m.size);
        key[k] = place < 0 ? m.size : place;
        value[k] = k;
    }
}

cudaError_t reel__cuda_launch_index_keys(const reel__cuda_move *m, uint64_t *key, int64_t *value,
                                         reel__cuda_queue *queue) {
    return launch(index_keys, grid(m->entries), THREADS, queue, *m, key, value);
}

template <class COUNT>
static __global__ void __launch_bounds__(THREADS)
    scatter_keys(const __grid_constant__ reel__cuda_move m, uint64_t *key, int64_t *value,
                 COUNT n) {
    begin();
    const COUNT inner = (COUNT)m.inner, per_outer = (COUNT)(m.entries * m.inner);
    EACH(COUNT, k, n) {
        const int64_t place = checked(m, k, m.size);
        key[k] = place < 0 ? m.outer * m.size * m.inner
                           : (k / per_outer * m.size + place) * m.inner + k % inner;
        value[k] = k;
    }
}

cudaError_t reel__cuda_launch_scatter_keys(const reel__cuda_move *m, uint64_t *key, int64_t *value,
                                           reel__cuda_queue *queue) {
    const int64_t n = m->outer * m->entries * m->inner;
    return is_short(n) ? launch(scatter_keys<uint32_t>, grid(n), THREADS, queue, *m, key, value,
                                (uint32_t)n)
                       : launch(scatter_keys<uint64_t>, grid(n), THREADS, queue, *m, key, value,
                                (uint64_t)n);
}

static __global__ void __launch_bounds__(THREADS)
    find_runs(reel__cuda_run *run, int64_t places, const uint64_t *key, int64_t n) {
    begin();
    EACH(int64_t, k, n) {
        const uint64_t place = key[k];
        if (place >= (uint64_t)places) continue; /* its index was out of range */
        if (k == 0 || key[k - 1] != place) run[place].begin = k;
        if (k == n - 1 || key[k + 1] != place) run[place].end = k + 1;
    }
}

cudaError_t reel__cuda_launch_runs(reel__cuda_run *run, int64_t places, const uint64_t *key,
                                   int64_t n, reel__cuda_queue *queue) {
    const cudaError_t e =
        cudaMemsetAsync(run, 0, (size_t)places * sizeof *run, reel__cuda_stream(queue));
    if (e != cudaSuccess) return e;
    return launch(find_runs, grid(n), THREADS, queue, run, places, key, n);
}

/* ---- many entries: the sums of index_add ---- */

/* `lanes` threads, side by side, have UNITS units each of a place's row. */
typedef struct {
    unsigned lanes, groups; /* threads, and so many of them for a row */
} shape;

/* out[o, place, :] = sum of x[o, value, :] over the place's run; n: groups in all. */
template <class T, int N, int UNITS, class COUNT>
static __global__ void __launch_bounds__(THREADS)
    index_sums(const __grid_constant__ reel__cuda_move m, const reel__cuda_run *run,
               const int64_t *value, const shape by, COUNT n) {
    begin();
    constexpr int LOADS = 2 * AHEAD / UNITS;
    const COUNT group = blockIdx.x * (COUNT)(THREADS / by.lanes) + threadIdx.x / by.lanes;
    if (group >= n) return;
    const COUNT row = group / by.groups, o = row / (COUNT)m.size, place = row - o * (COUNT)m.size;
    const int64_t units = m.inner / N,
                  first = (int64_t)(group - row * by.groups) * by.lanes * UNITS +
                          threadIdx.x % by.lanes;
    const unit<T, N> *x = (const unit<T, N> *)m.x + o * m.entries * units;
    const reel__cuda_run mine = run[place];
    unit<T, N> sum[UNITS] = {};
    for (int64_t k = mine.begin; k < mine.end; k += LOADS) {
        unit<T, N> a[LOADS][UNITS];
#pragma unroll
        for (int i = 0; i < LOADS; i++) {
            if (k + i >= mine.end) break;
            const unit<T, N> *from = x + value[k + i] * units;
#pragma unroll
            for (int j = 0; j < UNITS; j++)
                if (first + j * by.lanes < units) a[i][j] = from[first + j * by.lanes];
        }
#pragma unroll
        for (int i = 0; i < LOADS; i++) {
            if (k + i >= mine.end) break;
#pragma unroll
            for (int j = 0; j < UNITS; j++) add(sum[j], a[i][j]);
        }
    }
    unit<T, N> *out = (unit<T, N> *)m.out + row * units;
#pragma unroll
    for (int j = 0; j < UNITS; j++)
        if (first + j * by.lanes < units) out[first + j * by.lanes] = sum[j];
}

template <class T, int N, int UNITS>
static cudaError_t sum_units(const reel__cuda_move *m, const reel__cuda_run *run,
                             const int64_t *value, reel__cuda_queue *queue) {
    const int64_t units = m->inner / N;
    shape by = {1, 1};
    while (by.lanes < 32 && by.lanes * UNITS < units) by.lanes *= 2;
    by.groups = (unsigned)blocks_for(units, by.lanes * UNITS);
    const int64_t n = m->outer * m->size * by.groups;
    const int64_t blocks = blocks_for(n, THREADS / by.lanes);
    return is_short(n) ? launch(index_sums<T, N, UNITS, uint32_t>, blocks, THREADS, queue, *m, run,
                                value, by, (uint32_t)n)
                       : launch(index_sums<T, N, UNITS, uint64_t>, blocks, THREADS, queue, *m, run,
                                value, by, (uint64_t)n);
}

template <class T, int N>
static cudaError_t sum_rows(const reel__cuda_move *m, const reel__cuda_run *run,
                            const int64_t *value, reel__cuda_queue *queue) {
    return m->outer * m->size * (m->inner / N) < LARGE ? sum_units<T, N, 1>(m, run, value, queue)
                                                       : sum_units<T, N, 4>(m, run, value, queue);
}

template <class T>
static cudaError_t index_sums_of(const reel__cuda_move *m, const reel__cuda_run *run,
                                 const int64_t *value, reel__cuda_queue *queue) {
    return is_aligned<T>(m) ? sum_rows<T, wide<T>()>(m, run, value, queue)
                            : sum_rows<T, 1>(m, run, value, queue);
}

cudaError_t reel__cuda_launch_index_sums(const reel__cuda_move *m, const reel__cuda_run *run,
                                         const int64_t *value, reel_dtype dtype,
                                         reel__cuda_queue *queue) {
    if (dtype == REEL_F32) return index_sums_of<float>(m, run, value, queue);
    if (dtype == REEL_F64) return index_sums_of<double>(m, run, value, queue);
    if (dtype == REEL_I64) return index_sums_of<int64_t>(m, run, value, queue);
    return index_sums_of<uint8_t>(m, run, value, queue);
}

/* ---- many entries: the sums of scatter_add ---- */

/* out[place] = sum of x[value] over the place's run */
template <class T>
static __global__ void __launch_bounds__(THREADS)
    scatter_sums(const __grid_constant__ reel__cuda_move m, const reel__cuda_run *run,
                 const int64_t *value) {
    begin();
    EACH(int64_t, place, m.outer * m.size * m.inner) {
        const reel__cuda_run mine = run[place];
        T sum = 0;
#pragma unroll 4
        for (int64_t k = mine.begin; k < mine.end; k++) sum = (T)(sum + ((const T *)m.x)[value[k]]);
        ((T *)m.out)[place] = sum;
    }
}

cudaError_t reel__cuda_launch_scatter_sums(const reel__cuda_move *m, const reel__cuda_run *run,
                                           const int64_t *value, reel_dtype dtype,
                                           reel__cuda_queue *queue) {
    static void (*const kernel[4])(const reel__cuda_move, const reel__cuda_run *,
                                   const int64_t *) = {
        scatter_sums<float>, scatter_sums<double>, scatter_sums<int64_t>, scatter_sums<uint8_t>};
    return launch(kernel[dtype], grid(m->outer * m->size * m->inner), THREADS, queue, *m, run,
                  value);
}
