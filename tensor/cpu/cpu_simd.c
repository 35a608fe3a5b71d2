/* Which vector code this machine runs. */
#include "tensor/cpu/cpu_internal.h"

const reel__loops *reel__cpu_loops(void) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw"))
        return &reel__loops_avx512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return &reel__loops_avx2;
#endif
    return &reel__loops_plain;
}
