/* Elementwise ops on i64: those that take any number. */
#include "cuda/kernels/map_internal.cuh"

#define FLOAT(name, inputs) nullptr
#define NUMBER(name, inputs) launch_map<REEL_OP_##name, int64_t, inputs>

const reel__cuda_map_launcher reel__cuda_map_i64[REEL__MAPS] = {
#include "tensor/ops/ops_map.def"
};
