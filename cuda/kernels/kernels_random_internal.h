/* Random numbers (random.cu): launchers, of which kernels_internal.h says what they do. */
#ifndef REEL_CUDA_KERNELS_KERNELS_RANDOM_INTERNAL_H
#define REEL_CUDA_KERNELS_KERNELS_RANDOM_INTERNAL_H

#include "cuda/kernels/kernels_internal.h"

#ifdef __cplusplus
extern "C" {
#endif

/* state {seed, offset} moves on by the blocks used; `ticket` is 0 before and after. */
cudaError_t reel__cuda_launch_random(void *out, int64_t n, reel_dtype dtype, bool normal, double a,
                                     double b, int64_t *state, unsigned *ticket,
                                     reel__cuda_queue *queue);

/* Contiguous results. low + 0..count-1. */
cudaError_t reel__cuda_launch_randint(int64_t *out, int64_t n, int64_t low, uint64_t count,
                                      int64_t *state, unsigned *ticket, reel__cuda_queue *queue);
/* Words of 64 bits, the low ones of which say where each stands; and, in place, what they say. */
cudaError_t reel__cuda_launch_placed_words(uint64_t *word, int64_t n, int bits, int64_t *state,
                                           unsigned *ticket, reel__cuda_queue *queue);
cudaError_t reel__cuda_launch_places(int64_t *word, int64_t n, int bits, reel__cuda_queue *queue);
/* 1 with probability p, else 0. `one`: the bits of 1 in elements of `size` bytes. */
cudaError_t reel__cuda_launch_bernoulli_fill(void *out, int64_t n, int size, double p, uint64_t one,
                                             int64_t *state, unsigned *ticket,
                                             reel__cuda_queue *queue);
/* The same with a probability of its own for each element. */
cudaError_t reel__cuda_launch_bernoulli(void *out, const void *p, int64_t n, reel_dtype dtype,
                                        const reel__cuda_error_slot *errors, int64_t *state,
                                        unsigned *ticket, reel__cuda_queue *queue);

/* y = word i is below `least` ? 0 : scale x, of n contiguous elements (dropout.cu). By the words of
 * `state`, which is moved on, after it was copied to `used`; state NULL: by those of `used`. */
cudaError_t reel__cuda_launch_dropout(void *y, const void *x, int64_t n, reel_dtype dtype,
                                      unsigned least, double scale, int64_t *state, int64_t *used,
                                      unsigned *ticket, reel__cuda_queue *queue);

/* Draws by weights (multinomial.cu): weights[rows, n] to out[rows, draws], contiguous. */
typedef struct {
    const void *weights;
    int64_t rows, n, draws;
    int64_t length, chunks; /* of a row, as in multinomial_internal.h */
    double *sum, *base;     /* [rows, n], [rows, chunks + 1] */
    double *time;           /* [rows, n] */
    int64_t *out;
    reel__cuda_error_slot errors;
} reel__cuda_lots;
/* With replacement, by sum and base. */
cudaError_t reel__cuda_launch_lots(const reel__cuda_lots *l, reel_dtype dtype, int64_t *state,
                                   unsigned *ticket, reel__cuda_queue *queue);
/* Without: fills in time; then, from the draws least of them and their places [rows, draws], out.
 */
cudaError_t reel__cuda_launch_race(const reel__cuda_lots *l, reel_dtype dtype, int64_t *state,
                                   unsigned *ticket, reel__cuda_queue *queue);
cudaError_t reel__cuda_launch_winners(const reel__cuda_lots *l, const double *best,
                                      const int64_t *index, reel__cuda_queue *queue);

#ifdef __cplusplus
}
#endif
#endif
