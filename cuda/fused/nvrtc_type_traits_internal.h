/* <type_traits> for NVRTC: what the headers that it is given use. */
#ifndef REEL_CUDA_FUSED_NVRTC_TYPE_TRAITS_INTERNAL_H
#define REEL_CUDA_FUSED_NVRTC_TYPE_TRAITS_INTERNAL_H

namespace std {
template <class A, class B> struct is_same { static constexpr bool value = false; };
template <class A> struct is_same<A, A> { static constexpr bool value = true; };
template <class A, class B> inline constexpr bool is_same_v = is_same<A, B>::value;
template <class T> inline constexpr bool is_integral_v = (T)0.5 == 0;
} // namespace std

#endif
