/* <stdint.h> for NVRTC, which has none, and gcc's built-in functions: what the headers that it is
 * given use. */
#ifndef REEL_CUDA_FUSED_NVRTC_STDINT_INTERNAL_H
#define REEL_CUDA_FUSED_NVRTC_STDINT_INTERNAL_H

typedef signed char int8_t;
typedef short int16_t;
typedef int int32_t;
typedef long int64_t;
typedef unsigned char uint8_t;
typedef unsigned short uint16_t;
typedef unsigned uint32_t;
typedef unsigned long uint64_t;
typedef unsigned long uintptr_t;

#define INT32_MIN (-2147483647 - 1)
#define INT32_MAX 2147483647
#define INT64_MIN (-9223372036854775807 - 1)
#define INT64_MAX 9223372036854775807
#define UINT8_MAX 255
#define UINT32_MAX 4294967295u
#define UINT64_MAX 18446744073709551615u
#define INFINITY __builtin_inff()

#define __builtin_memcpy memcpy
#define __builtin_clzll __clzll
#define __builtin_inff() __int_as_float(0x7f800000)
#define __builtin_inf() __longlong_as_double(0x7ff0000000000000)
#define __builtin_nanf(text) __int_as_float(0x7fc00000)
#define __builtin_nan(text) __longlong_as_double(0x7ff8000000000000)

#endif
