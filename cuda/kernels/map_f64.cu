/* Elementwise ops on f64. */
#include "cuda/kernels/map_internal.cuh"

#define FLOAT(name, inputs) launch_map<REEL_OP_##name, double, inputs>
#define NUMBER(name, inputs) launch_map<REEL_OP_##name, double, inputs>

const reel__cuda_map_launcher reel__cuda_map_f64[REEL__MAPS] = {
#include "tensor/ops/ops_map.def"
};
