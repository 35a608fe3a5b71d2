/* How many bytes tensors have on the CPU: what benchmarks ask for. */
#include "tensor/cpu/cpu_internal.h"

static struct { atomic_size_t now, most; } tensors;

void *reel__cpu_tensor_alloc(int index, size_t bytes) {
    void *memory = reel__cpu_alloc(index, bytes);
    if (!memory) return NULL;
    const size_t now = atomic_fetch_add_explicit(&tensors.now, bytes, memory_order_relaxed) + bytes;
    size_t most = atomic_load_explicit(&tensors.most, memory_order_relaxed);
    while (now > most && !atomic_compare_exchange_weak_explicit(
                             &tensors.most, &most, now, memory_order_relaxed, memory_order_relaxed))
        continue;
    return memory;
}

void reel__cpu_tensor_free(int index, void *memory, size_t bytes) {
    atomic_fetch_sub_explicit(&tensors.now, bytes, memory_order_relaxed);
    reel__cpu_free(index, memory, bytes);
}

size_t reel__cpu_bytes(void) {
    return atomic_load_explicit(&tensors.now, memory_order_relaxed);
}

size_t reel__cpu_most_bytes(bool restart) {
    return restart
               ? atomic_exchange_explicit(&tensors.most, reel__cpu_bytes(), memory_order_relaxed)
               : atomic_load_explicit(&tensors.most, memory_order_relaxed);
}
