/* Copies of elements as they are, whatever they stand for. */
#ifndef REEL_TENSOR_CPU_KERNELS_CPU_COPY_INTERNAL_H
#define REEL_TENSOR_CPU_KERNELS_CPU_COPY_INTERNAL_H

#include "tensor/cpu/cpu_internal.h"
#include "tensor/ops/nest_internal.h"

/* out = in, broadcast to out; of one dtype (cpu_copy.c). */
void reel__cpu_copy_into(const reel_tensor *out, const reel_tensor *in);

/* Copies operand 1 to operand 0 by tiles. False: that does not pay, or operand 0 is not contiguous
 * along the last axis (cpu_transpose.c). */
bool reel__cpu_transpose(const reel__nest *n, void *out, const void *in, size_t size);

/* out[a, b] = in[a, b] of so many rows a and columns b; out's b and, where vectors are to be used,
 * in's a are contiguous. Steps in elements, of `size` bytes (cpu_transpose.c). */
typedef void (*reel__tile)(void *out, int64_t out_a, const void *in, int64_t in_a, int64_t in_b,
                           int64_t rows, int64_t columns);
reel__tile reel__cpu_tile(size_t size);

#endif
