/* What a call costs: for profiles, and for plans that are shown. */
#ifndef REEL_TENSOR_OPS_CALL_COST_INTERNAL_H
#define REEL_TENSOR_OPS_CALL_COST_INTERNAL_H

#include "tensor/backend.h"

/* That an operand has in memory: an axis that it is expanded along counts once. */
int64_t reel__operand_bytes(const reel_tensor *t);
/* Of all that a call reads and writes; of a table that rows are picked from, as many as are picked.
 */
int64_t reel__call_bytes(const reel__call *c);
/* Of products, convolutions, attention (all scores, whatever is masked) and recurrent layers the
 * multiplications and additions; else one for each element that is computed with: of the largest
 * operand, and of none where elements are moved. */
double reel__call_flops(const reel__call *c);

#endif
