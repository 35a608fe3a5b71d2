/* Weighted samplers: item i with probability weights[i] / sum.
 *
 * Items of weight 0 are left out when the sampler is made; what is left are candidates, each with a
 * number: with replacement, the sum of the weights up to and with it: a draw is the first whose
 * number is above u * sum; without, the logarithm of its weight. Each epoch gives candidate i an
 * exponential time of rate w[i], e[i] / w[i] with e[i] = -ln u, and takes the earliest ones: the
 * first is i with probability w[i] / sum, and by the lack of memory so it goes on among the rest.
 * Logarithms of the times keep extreme weights from overflowing.
 *
 * Source: Efraimidis and Spirakis, "Weighted random sampling with a reservoir" (IPL 97, 2006),
 * whose keys u^(1/w) are in the opposite order of these times. */
#include "data/data_internal.h"

#include <math.h>
#include <stdlib.h>

typedef struct {
    int64_t item;
    double number;
} candidate;

typedef struct {
    reel_sampler base;
    uint64_t seed;
    int64_t draws, count;
    candidate *candidate;
} weighted_sampler;

static int64_t weighted_length(reel_sampler *s) {
    return ((weighted_sampler *)s)->draws;
}

/* u < 1 and 52 bits long, so u * sum rounds to less than the last candidate's number: the search
 * always ends on one. */
static int64_t first_above(const candidate *c, int64_t count, double target) {
    int64_t first = 0, last = count - 1;
    while (first < last) {
        int64_t middle = first + (last - first) / 2;
        if (c[middle].number > target)
            last = middle;
        else
            first = middle + 1;
    }
    return c[first].item;
}

static reel_status replaced_order(reel_sampler *s, int64_t epoch, int64_t *index) {
    const weighted_sampler *w = (weighted_sampler *)s;
    reel__stream stream = reel__stream_open(w->seed, REEL__FOR_ORDER, epoch);
    double sum = w->candidate[w->count - 1].number;
    for (int64_t i = 0; i < w->draws; i++)
        index[i] = first_above(w->candidate, w->count, reel__stream_uniform(&stream) * sum);
    return REEL_OK;
}

/* Earlier first; equal times, by chance or by rounding, in the order of the items. */
static int by_time(const void *a, const void *b) {
    const candidate *x = a, *y = b;
    if (x->number != y->number) return x->number < y->number ? -1 : 1;
    return x->item < y->item ? -1 : 1;
}

static reel_status kept_order(reel_sampler *s, int64_t epoch, int64_t *index) {
    const weighted_sampler *w = (weighted_sampler *)s;
    reel__stream stream = reel__stream_open(w->seed, REEL__FOR_ORDER, epoch);
    candidate *timed = reel__array(w->count, sizeof *timed, "weighted_sampler");
    if (!timed) return reel_error_status();
    for (int64_t i = 0; i < w->count; i++) {
        double log_time = log(-log(reel__stream_uniform(&stream))) - w->candidate[i].number;
        timed[i] = (candidate){w->candidate[i].item, log_time};
    }
    qsort(timed, (size_t)w->count, sizeof *timed, by_time);
    for (int64_t i = 0; i < w->draws; i++) index[i] = timed[i].item;
    free(timed);
    return REEL_OK;
}

static void weighted_free(reel_sampler *s) {
    free(((weighted_sampler *)s)->candidate);
    reel__head_free(s, &reel__freed_sampler);
}

static const reel_sampler_class replaced_class = {weighted_length, replaced_order, weighted_free};
static const reel_sampler_class kept_class = {weighted_length, kept_order, weighted_free};

/* Checks the weights, and counts those above 0. */
static reel_status check_weights(const double *weights, int64_t n, int64_t *count) {
    double sum = 0;
    *count = 0;
    if (n < 1 || !weights)
        return reel_fail(REEL_ERR_ARGUMENT, NULL, "weighted_sampler: %s",
                         weights ? "no weights" : "weights is NULL");
    for (int64_t i = 0; i < n; i++) {
        if (!(weights[i] >= 0 && isfinite(weights[i])))
            return reel_fail(REEL_ERR_ARGUMENT, NULL, "weighted_sampler: weight %lld is %g",
                             (long long)i, weights[i]);
        sum += weights[i];
        *count += weights[i] > 0;
    }
    if (*count > 0 && isfinite(sum)) return REEL_OK;
    return reel_fail(REEL_ERR_ARGUMENT, NULL, "weighted_sampler: the weights add up to %g", sum);
}

static reel_status check_draws(int64_t draws, int64_t count, bool replacement) {
    if (draws < 1)
        return reel_fail(REEL_ERR_ARGUMENT, NULL, "weighted_sampler: draws is %lld",
                         (long long)draws);
    if (!replacement && draws > count)
        return reel_fail(REEL_ERR_ARGUMENT, NULL,
                         "weighted_sampler: %lld draws without replacement from %lld items of "
                         "weight above 0",
                         (long long)draws, (long long)count);
    return REEL_OK;
}

static void fill(weighted_sampler *s, const double *weights, int64_t n, bool replacement) {
    double sum = 0;
    candidate *c = s->candidate;
    for (int64_t i = 0; i < n; i++) {
        if (weights[i] == 0) continue;
        sum += weights[i];
        *c++ = (candidate){i, replacement ? sum : log(weights[i])};
    }
}

reel_sampler *reel_weighted_sampler_new(const double *weights, int64_t n, int64_t draws,
                                        bool replacement, uint64_t seed) {
    int64_t count;
    if (check_weights(weights, n, &count) != REEL_OK) return NULL;
    if (check_draws(draws, count, replacement) != REEL_OK) return NULL;
    candidate *made = reel__array(count, sizeof *made, "weighted_sampler");
    weighted_sampler *s = made ? REEL__HEAD_NEW(weighted_sampler, "weighted_sampler") : NULL;
    if (!s) {
        free(made);
        return NULL;
    }
    *s = (weighted_sampler){.base.cls = replacement ? &replaced_class : &kept_class,
                            .seed = seed,
                            .draws = draws,
                            .count = count,
                            .candidate = made};
    fill(s, weights, n, replacement);
    return &s->base;
}
