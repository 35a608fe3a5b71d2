/* Elementwise ops on f32. */
#include "cuda/kernels/map_internal.cuh"

#define FLOAT(name, inputs) launch_map<REEL_OP_##name, float, inputs>
#define NUMBER(name, inputs) launch_map<REEL_OP_##name, float, inputs>

const reel__cuda_map_launcher reel__cuda_map_f32[REEL__MAPS] = {
#include "tensor/ops/ops_map.def"
};
