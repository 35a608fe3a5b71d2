/* Copies of elements as they are, whatever they stand for. */
#ifndef REEL_TENSOR_CPU_CPU_COPY_INTERNAL_H
#define REEL_TENSOR_CPU_CPU_COPY_INTERNAL_H

#include "tensor/cpu/cpu_internal.h"
#include "tensor/nest_internal.h"

/* out = in, broadcast to out; of one dtype (cpu_copy.c). */
void reel__cpu_copy_into(const reel_tensor *out, const reel_tensor *in);

/* Copies operand 1 to operand 0 by tiles. False: that does not pay, or operand 0 is not contiguous
 * along the last axis (cpu_transpose.c). */
bool reel__cpu_transpose(const reel__nest *n, void *out, const void *in, size_t size);

#endif
