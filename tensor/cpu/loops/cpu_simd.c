/* Which vector code this machine runs. */
#include "tensor/cpu/loops/cpu_attention_internal.h"
#include "tensor/cpu/loops/cpu_fold_internal.h"
#include "tensor/cpu/loops/cpu_norms_internal.h"
#include "tensor/cpu/loops/cpu_recurrent_internal.h"
#include "tensor/cpu/loops/cpu_words_internal.h"

typedef enum { PLAIN, AVX2, AVX512 } simd;

static simd best(void) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw"))
        return AVX512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return AVX2;
#endif
    return PLAIN;
}

#if defined(__x86_64__)
static const reel__loops *const loops[] = {&reel__loops_plain, &reel__loops_avx2,
                                           &reel__loops_avx512};
static const reel__folds *const folds[] = {&reel__folds_plain, &reel__folds_avx2,
                                           &reel__folds_avx512};
static const reel__exponentials *const exponentials[] = {
    &reel__exponentials_plain, &reel__exponentials_avx2, &reel__exponentials_avx512};
static const reel__attentions *const attentions[] = {
    &reel__attentions_plain, &reel__attentions_avx2, &reel__attentions_avx512};
static const reel__recurrents *const recurrents[] = {
    &reel__recurrents_plain, &reel__recurrents_avx2, &reel__recurrents_avx512};
static const reel__norms *const norms[] = {&reel__norms_plain, &reel__norms_avx2,
                                           &reel__norms_avx512};
static const reel__words *const words[] = {&reel__words_plain, &reel__words_avx2,
                                           &reel__words_avx512};
#else
static const reel__recurrents *const recurrents[] = {&reel__recurrents_plain};
static const reel__norms *const norms[] = {&reel__norms_plain};
static const reel__words *const words[] = {&reel__words_plain};
static const reel__loops *const loops[] = {&reel__loops_plain};
static const reel__folds *const folds[] = {&reel__folds_plain};
static const reel__exponentials *const exponentials[] = {&reel__exponentials_plain};
static const reel__attentions *const attentions[] = {&reel__attentions_plain};
#endif

const reel__loops *reel__cpu_loops(void) {
    return loops[best()];
}

const reel__folds *reel__cpu_folds(void) {
    return folds[best()];
}

const reel__exponentials *reel__cpu_exponentials(void) {
    return exponentials[best()];
}

const reel__attentions *reel__cpu_attentions(void) {
    return attentions[best()];
}

const reel__recurrents *reel__cpu_recurrents(void) {
    return recurrents[best()];
}

const reel__words *reel__cpu_words(void) {
    return words[best()];
}

const reel__norms *reel__cpu_norms(void) {
    return norms[best()];
}
