/* a b + c where a formula adds two products: which of them a compiler fuses with the sum differs
 * from loop to loop (contiguous, strided, what is left at the end), and with it the last bit. So
 * the formula says which. In any other sum there is but one product to fuse, and the compiler does
 * it in all loops of a file or in none.
 *
 * REEL_FUSED is defined, as what fuses three doubles or three floats, for files that are compiled
 * for processors that do: by the meson.build of each device, and for kernels that are compiled as
 * the program runs. */
#ifndef REEL_TENSOR_FORMULAS_FUSED_INTERNAL_H
#define REEL_TENSOR_FORMULAS_FUSED_INTERNAL_H

/* C's. */
#define REEL__FMA(a, b, c) _Generic((a), float : __builtin_fmaf, double : __builtin_fma)(a, b, c)

#ifdef REEL_FUSED
#define REEL__FUSED_F64(a, b, c) REEL_FUSED((double)(a), (double)(b), (double)(c))
#define REEL__FUSED(a, b, c) REEL_FUSED((REAL)(a), (REAL)(b), (REAL)(c))
#else
#define REEL__FUSED_F64(a, b, c) ((a) * (b) + (c))
#define REEL__FUSED(a, b, c) ((a) * (b) + (c))
#endif

#endif
