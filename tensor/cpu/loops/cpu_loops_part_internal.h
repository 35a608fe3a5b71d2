/* Vectors of which only the first elements are in memory: included by cpu_loops.c once per type. */

typedef REAL R(wide) __attribute__((vector_size(WIDE_BYTES)));
typedef REAL R(wide_at) __attribute__((vector_size(WIDE_BYTES), aligned(sizeof(REAL)), may_alias));
/* f(0), f(1), ... for each lane. */
#undef EACH_LANE
#if WIDE_BYTES / (REEL_REAL_IS_F64 + 1) == 64
#define EACH_LANE(f)                                                                               \
    f(0), f(1), f(2), f(3), f(4), f(5), f(6), f(7), f(8), f(9), f(10), f(11), f(12), f(13), f(14), \
        f(15)
#elif WIDE_BYTES / (REEL_REAL_IS_F64 + 1) == 32
#define EACH_LANE(f) f(0), f(1), f(2), f(3), f(4), f(5), f(6), f(7)
#elif WIDE_BYTES / (REEL_REAL_IS_F64 + 1) == 16
#define EACH_LANE(f) f(0), f(1), f(2), f(3)
#else
#define EACH_LANE(f) f(0), f(1)
#endif

#if REEL_REAL_IS_F64
typedef int64_t R(lanes) __attribute__((vector_size(WIDE_BYTES)));
#else
typedef int32_t R(lanes) __attribute__((vector_size(WIDE_BYTES)));
#endif
#undef WIDTH
#define WIDTH ((int)(WIDE_BYTES / sizeof(REAL)))

#if defined(__AVX512F__)

typedef unsigned R(mask);
INLINE R(mask) R(mask_of)(int count) {
    return (1u << count) - 1;
}
INLINE R(wide) R(load_part)(const REAL *x, R(mask) mask) {
    return (R(wide))MASKED_LOAD((MASK_WORD)mask, x);
}
INLINE void R(store_part)(REAL *x, R(mask) mask, R(wide) v) {
    MASKED_STORE(x, (MASK_WORD)mask, (MASK_VECTOR)v);
}

#elif defined(__AVX2__)

typedef __m256i R(mask);
INLINE R(mask) R(mask_of)(int count) {
    MASK_WORD lane[WIDTH];
    for (int i = 0; i < WIDTH; i++) lane[i] = i < count ? -1 : 0;
    R(mask) mask;
    memcpy(&mask, lane, sizeof mask);
    return mask;
}
INLINE R(wide) R(load_part)(const REAL *x, R(mask) mask) {
    return (R(wide))MASKED_LOAD(x, mask);
}
INLINE void R(store_part)(REAL *x, R(mask) mask, R(wide) v) {
    MASKED_STORE(x, mask, (MASK_VECTOR)v);
}

#else

typedef int R(mask);
INLINE R(mask) R(mask_of)(int count) {
    return count;
}
INLINE R(wide) R(load_part)(const REAL *x, R(mask) count) {
    R(wide) v = {0};
    for (int i = 0; i < WIDTH; i++) v[i] = i < count ? x[i] : 0;
    return v;
}
INLINE void R(store_part)(REAL *x, R(mask) count, R(wide) v) {
    for (int i = 0; i < count; i++) x[i] = v[i];
}

#endif
