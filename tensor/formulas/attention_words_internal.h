/* Which weights of an attention are dropped: a word for each, by its row (a query of a head of the
 * batch) and its key, four keys to a block. Written once for every device. */
#ifndef REEL_TENSOR_FORMULAS_ATTENTION_WORDS_INTERNAL_H
#define REEL_TENSOR_FORMULAS_ATTENTION_WORDS_INTERNAL_H

#include "tensor/formulas/philox_internal.h"

/* Of keys 4 block .. 4 block + 3. */
REEL_FORMULA void reel__attention_words(const uint32_t key[2], uint64_t row, uint64_t block,
                                        uint32_t out[4]) {
    const uint32_t counter[4] = {(uint32_t)block, (uint32_t)(block >> 32), (uint32_t)row,
                                 (uint32_t)(row >> 32)};
    reel__philox(counter, key, out);
}

#endif
