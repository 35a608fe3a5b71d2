/* The CPU's backend table. */
#include "tensor/cpu/cpu_internal.h"
#include "tensor/cpu/fused/cpu_fused_internal.h"

#include <string.h>

static reel_status check(int index) {
    (void)index;
    return REEL_OK;
}

static reel_status copy_out(int index, void *host, const void *device, size_t bytes) {
    (void)index;
    memcpy(host, device, bytes);
    return REEL_OK;
}

static reel_status copy_in(int index, void *device, const void *host, size_t bytes) {
    (void)index;
    memcpy(device, host, bytes);
    return REEL_OK;
}

static reel_status between(int to, void *there, int from, const void *here, size_t bytes) {
    (void)to, (void)from;
    memcpy(there, here, bytes);
    return REEL_OK;
}

static reel_status wait(int index) {
    (void)index;
    return REEL_OK;
}

static int count(void) {
    return 1;
}

#define KERNEL_MAP(name) reel__cpu_map
#define KERNEL_REDUCE(name) reel__cpu_reduce
#define KERNEL_CALL(name) reel__cpu_##name
#define KERNEL_STRICT(name) reel__cpu_##name
#define KERNEL_UPDATE(name) reel__cpu_update
#define KERNEL_VIEW(name) NULL

static const reel__kernel kernels[REEL_OP_COUNT] = {
#define REEL_OP(name, inputs, kind, dtypes, told, rule, saves, gradient)                           \
    [REEL_OP_##name] = KERNEL_##kind(name),
#include "tensor/ops/ops.def"
};

static const reel__fusing fusing = {
    .takes = reel__cpu_takes, .joins = reel__cpu_joins, .fuse = reel__cpu_fuse};

const reel__backend reel__cpu_backend = {
    .name = "cpu",
    .host = true,
    .check = check,
    .alloc = reel__cpu_tensor_alloc,
    .free = reel__cpu_tensor_free,
    .to_host = copy_out,
    .from_host = copy_in,
    .between = between,
    .wait = wait,
    .count = count,
    .kernels = kernels,
    .fusing = &fusing,
};
