/* uniform, normal, randint, randperm's words, bernoulli: a thread takes every so many-th block of
 * words. */
#include "cuda/kernels/draw_internal.cuh"
#include "cuda/kernels/errors_internal.cuh"

/* ---- uniform and normal ---- */

/* What one block of four words makes. */
static __device__ __forceinline__ unit<float, 4> numbers(uint4 w, bool normal, float a,
                                                         float scale) {
    unit<float, 4> z = {{reel__uniform_f32(w.x), reel__uniform_f32(w.y), reel__uniform_f32(w.z),
                         reel__uniform_f32(w.w)}};
    if (normal) {
        formula<float>::box_muller(z.v[0], z.v[1], &z.v[0], &z.v[1]);
        formula<float>::box_muller(z.v[2], z.v[3], &z.v[2], &z.v[3]);
    }
#pragma unroll
    for (int i = 0; i < 4; i++) z.v[i] = a + scale * z.v[i];
    return z;
}

static __device__ __forceinline__ unit<double, 2> numbers(uint4 w, bool normal, double a,
                                                          double scale) {
    unit<double, 2> z = {{reel__uniform_f64(w.x, w.y), reel__uniform_f64(w.z, w.w)}};
    if (normal) formula<double>::box_muller(z.v[0], z.v[1], &z.v[0], &z.v[1]);
#pragma unroll
    for (int i = 0; i < 2; i++) z.v[i] = a + scale * z.v[i];
    return z;
}

/* Unit b of out, as far as n reaches. */
template <class T, int N>
static __device__ __forceinline__ void put(T *out, int64_t n, int64_t b, const unit<T, N> &z) {
    if ((b + 1) * N <= n) {
        ((unit<T, N> *)out)[b] = z;
    } else {
        for (int i = 0; b * N + i < n; i++) out[b * N + i] = z.v[i];
    }
}

template <class T>
static __global__ void __launch_bounds__(THREADS)
    draw(T *out, int64_t n, bool normal, T a, T scale, int64_t *state, unsigned *ticket) {
    begin();
    constexpr int N = 16 / sizeof(T);
    const int64_t blocks = (n + N - 1) / N;
    const stream s = open_stream(state, blocks, ticket);
    EACH(int64_t, b, blocks) put(out, n, b, numbers(s.block(b), normal, a, scale));
}

cudaError_t reel__cuda_launch_random(void *out, int64_t n, reel_dtype dtype, bool normal, double a,
                                     double b, int64_t *state, unsigned *ticket,
                                     reel__cuda_queue *queue) {
    const double scale = normal ? b : b - a;
    if (dtype == REEL_F32)
        return launch(draw<float>, drawing(blocks_for(n, 4)), THREADS, queue, (float *)out, n,
                      normal, (float)a, (float)scale, state, ticket);
    return launch(draw<double>, drawing(blocks_for(n, 2)), THREADS, queue, (double *)out, n, normal,
                  a, scale, state, ticket);
}

/* ---- whole numbers ---- */

static __global__ void __launch_bounds__(THREADS)
    randint(int64_t *out, int64_t n, int64_t low, uint64_t count, int64_t *state,
            unsigned *ticket) {
    begin();
    const int64_t blocks = (n + 1) / 2;
    const stream s = open_stream(state, blocks, ticket);
    EACH(int64_t, b, blocks) {
        const uint4 w = s.block(b);
        const uint64_t x = reel__below(reel__word64(w.x, w.y), count),
                       y = reel__below(reel__word64(w.z, w.w), count);
        const unit<int64_t, 2> z = {{(int64_t)((uint64_t)low + x), (int64_t)((uint64_t)low + y)}};
        put(out, n, b, z);
    }
}

cudaError_t reel__cuda_launch_randint(int64_t *out, int64_t n, int64_t low, uint64_t count,
                                      int64_t *state, unsigned *ticket, reel__cuda_queue *queue) {
    return launch(randint, drawing(blocks_for(n, 2)), THREADS, queue, out, n, low, count, state,
                  ticket);
}

static __global__ void __launch_bounds__(THREADS)
    placed_words(uint64_t *word, int64_t n, int bits, int64_t *state, unsigned *ticket) {
    begin();
    const int64_t blocks = (n + 1) / 2;
    const stream s = open_stream(state, blocks, ticket);
    EACH(int64_t, b, blocks) {
        const uint4 w = s.block(b);
        const unit<uint64_t, 2> words = {
            {reel__placed_word(reel__word64(w.x, w.y), 2 * b, bits),
             reel__placed_word(reel__word64(w.z, w.w), 2 * b + 1, bits)}};
        put(word, n, b, words);
    }
}

cudaError_t reel__cuda_launch_placed_words(uint64_t *word, int64_t n, int bits, int64_t *state,
                                           unsigned *ticket, reel__cuda_queue *queue) {
    return launch(placed_words, drawing(blocks_for(n, 2)), THREADS, queue, word, n, bits, state,
                  ticket);
}

static __global__ void __launch_bounds__(THREADS) keep_places(int64_t *word, int64_t n, int bits) {
    begin();
    EACH(int64_t, i, n) word[i] &= ((int64_t)1 << bits) - 1;
}

cudaError_t reel__cuda_launch_places(int64_t *word, int64_t n, int bits, reel__cuda_queue *queue) {
    return launch(keep_places, grid(n), THREADS, queue, word, n, bits);
}

/* ---- yes or no ---- */

/* T: as many bytes as the result's elements, of which `one` is 1. */
template <class T>
static __global__ void __launch_bounds__(THREADS)
    yes_or_no(T *out, int64_t n, double p, T one, int64_t *state, unsigned *ticket) {
    begin();
    const int64_t blocks = (n + 3) / 4;
    const stream s = open_stream(state, blocks, ticket);
    EACH(int64_t, b, blocks) {
        const uint4 w = s.block(b);
        const unsigned word[4] = {w.x, w.y, w.z, w.w};
        unit<T, 4> z;
#pragma unroll
        for (int i = 0; i < 4; i++) z.v[i] = reel__says_yes(word[i], p) ? one : (T)0;
        put(out, n, b, z);
    }
}

template <class T>
static cudaError_t fill_yes(void *out, int64_t n, double p, uint64_t one, int64_t *state,
                            unsigned *ticket, reel__cuda_queue *queue) {
    return launch(yes_or_no<T>, drawing(blocks_for(n, 4)), THREADS, queue, (T *)out, n, p, (T)one,
                  state, ticket);
}

cudaError_t reel__cuda_launch_bernoulli_fill(void *out, int64_t n, int size, double p, uint64_t one,
                                             int64_t *state, unsigned *ticket,
                                             reel__cuda_queue *queue) {
    if (size == 1) return fill_yes<uint8_t>(out, n, p, one, state, ticket, queue);
    if (size == 2) return fill_yes<uint16_t>(out, n, p, one, state, ticket, queue);
    if (size == 4) return fill_yes<uint32_t>(out, n, p, one, state, ticket, queue);
    return fill_yes<uint64_t>(out, n, p, one, state, ticket, queue);
}

template <class T>
static __global__ void __launch_bounds__(THREADS)
    yes_by_each(T *out, const T *p, int64_t n, const reel__cuda_error_slot errors, int64_t *state,
                unsigned *ticket) {
    begin();
    const int64_t blocks = (n + 3) / 4;
    const stream s = open_stream(state, blocks, ticket);
    EACH(int64_t, b, blocks) {
        const uint4 w = s.block(b);
        const unsigned word[4] = {w.x, w.y, w.z, w.w};
#pragma unroll
        for (int k = 0; k < 4; k++) {
            const int64_t i = 4 * b + k;
            if (i >= n) break;
            const double chance = p[i];
            if (!(chance >= 0 && chance <= 1))
                report_error(errors, REEL__CUDA_WRONG_PROBABILITY, chance, 0, i, 0);
            out[i] = reel__says_yes(word[k], chance) ? (T)1 : (T)0;
        }
    }
}

cudaError_t reel__cuda_launch_bernoulli(void *out, const void *p, int64_t n, reel_dtype dtype,
                                        const reel__cuda_error_slot *errors, int64_t *state,
                                        unsigned *ticket, reel__cuda_queue *queue) {
    const int64_t blocks = drawing(blocks_for(n, 4));
    if (dtype == REEL_F32)
        return launch(yes_by_each<float>, blocks, THREADS, queue, (float *)out, (const float *)p, n,
                      *errors, state, ticket);
    return launch(yes_by_each<double>, blocks, THREADS, queue, (double *)out, (const double *)p, n,
                  *errors, state, ticket);
}
