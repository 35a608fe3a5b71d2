/* What the CPU's kernels over windows share. */
#ifndef REEL_TENSOR_CPU_KERNELS_CPU_WINDOW_INTERNAL_H
#define REEL_TENSOR_CPU_KERNELS_CPU_WINDOW_INTERNAL_H

#include "tensor/cpu/cpu_internal.h"
#include "tensor/formulas/window_formulas_internal.h"
#include "tensor/ops/window_axes_internal.h"

#define REEL__WINDOW_GRAIN 4096

#endif
