/* a b + c where a formula adds two products: which of them a compiler fuses with the sum differs
 * from loop to loop (contiguous, strided, what is left at the end), and with it the last bit. So
 * the formula says which. In any other sum there is but one product to fuse, and the compiler does
 * it in all loops of a file or in none.
 *
 * REEL_FUSED is defined for files that are compiled for processors that fuse: by the meson.build of
 * each device, and by cuda_compile.c. */
#ifndef REEL_TENSOR_FORMULAS_FUSED_INTERNAL_H
#define REEL_TENSOR_FORMULAS_FUSED_INTERNAL_H

#if defined REEL_FUSED && defined __CUDACC__
#define REEL__FUSED_F64(a, b, c) ::fma(a, b, c)
#define REEL__FUSED(a, b, c) ::fma((REAL)(a), (REAL)(b), (REAL)(c))
#elif defined REEL_FUSED
#define REEL__FUSED_F64(a, b, c) __builtin_fma(a, b, c)
#define REEL__FUSED(a, b, c)                                                                       \
    __builtin_choose_expr(sizeof(REAL) == sizeof(double), __builtin_fma(a, b, c),                  \
                          __builtin_fmaf((float)(a), (float)(b), (float)(c)))
#else
#define REEL__FUSED_F64(a, b, c) ((a) * (b) + (c))
#define REEL__FUSED(a, b, c) ((a) * (b) + (c))
#endif

#endif
