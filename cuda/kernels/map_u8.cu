/* Elementwise ops on u8: those that take any number. */
#include "cuda/kernels/map_internal.cuh"

#define FLOAT(name, inputs) nullptr
#define NUMBER(name, inputs) launch_map<REEL_OP_##name, uint8_t, inputs>

const reel__cuda_map_launcher reel__cuda_map_u8[REEL__MAPS] = {
#include "tensor/ops/ops_map.def"
};
