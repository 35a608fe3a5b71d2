/* Attention's tiles of scores, between its driver (cpu_attention.c) and the vector code
 * (cpu_attention_loops.c).
 *
 * A tile lies turned, as s[key][query], so that the softmax of a query is along its column: there
 * vectors of queries are worked on side by side, and nothing is added across a vector. */
#ifndef REEL_TENSOR_CPU_LOOPS_CPU_ATTENTION_INTERNAL_H
#define REEL_TENSOR_CPU_LOOPS_CPU_ATTENTION_INTERNAL_H

#include "tensor/cpu/cpu_internal.h"

#define REEL__TILE_QUERIES 96 /* whole vectors, and whole tiles of a product, of every set */
#define REEL__TILE_KEYS 192   /* whole blocks of words */

typedef struct {
    void *s, *dp; /* products, from key to key REEL__TILE_QUERIES elements; dp: backward alone */
    int64_t keys, queries;
    int64_t first; /* the first query that looks at key 0; at key j, first + j */
    bool causal;
    double scale;
    const void *bias; /* NULL: none; of key 0 and query 0, steps in elements */
    int64_t bias_key, bias_query;
    bool drops;
    uint32_t seed[2], threshold;
    uint64_t row, block; /* of query 0, of key 0: see attention_words_internal.h */
    double kept;         /* 1 / (1 - p) */
} reel__attention_tile;

/* Of the keys so far, by query. */
typedef struct {
    void *most, *sum, *fade; /* of e^(score - most); what sums so far were multiplied by */
} reel__attention_state;

/* By dtype. */
typedef struct {
    /* s becomes e^(score - most), and 0 where dropped. */
    void (*soften[2])(const reel__attention_tile *t, const reel__attention_state *state);
    /* s becomes the weights, dp the gradients of the products, by the logarithm of the sum and by
     * delta, that of g y over a value, of each query. */
    void (*bend[2])(const reel__attention_tile *t, const void *lse, const void *delta);
    /* y, `rows` rows of n, times factor[row]. */
    void (*scale_rows[2])(void *y, int64_t step, int64_t rows, int64_t n, const void *factor);
    /* factor = kept / sum, and lse, of state; 0 and infinite where there is nothing. */
    void (*finish[2])(const reel__attention_state *state, int64_t queries, double kept, void *lse);
    /* out[row] = sum of x y over n */
    void (*dot_rows[2])(void *out, const void *x, int64_t x_step, const void *y, int64_t y_step,
                        int64_t rows, int64_t n);
} reel__attentions;

extern const reel__attentions reel__attentions_plain, reel__attentions_avx2,
    reel__attentions_avx512;
const reel__attentions *reel__cpu_attentions(void); /* the best that this machine runs */

#endif
