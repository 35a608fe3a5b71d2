/* copy: runs of elements as long as the strides allow, or tiles where two axes change places. */
#include "tensor/cpu/kernels/cpu_copy_internal.h"

#include <string.h>

#define F(name) name##_of_1
#define T uint8_t
#include "tensor/cpu/kernels/cpu_copy_of_internal.h"
#undef F
#undef T
#define F(name) name##_of_2
#define T uint16_t
#include "tensor/cpu/kernels/cpu_copy_of_internal.h"
#undef F
#undef T
#define F(name) name##_of_4
#define T uint32_t
#include "tensor/cpu/kernels/cpu_copy_of_internal.h"
#undef F
#undef T
#define F(name) name##_of_8
#define T uint64_t
#include "tensor/cpu/kernels/cpu_copy_of_internal.h"

static void swap_axes(reel__layout *l, int i, int j) {
    const int64_t dim = l->shape.dim[i], stride = l->stride[i];
    l->shape.dim[i] = l->shape.dim[j];
    l->stride[i] = l->stride[j];
    l->shape.dim[j] = dim;
    l->stride[j] = stride;
}

/* Axes in the order in which out lies in memory, the outermost first. */
static void sort_axes(reel__layout *out, reel__layout *in) {
    for (int i = 1; i < out->shape.ndim; i++)
        for (int j = i; j > 0 && out->stride[j - 1] < out->stride[j]; j--) {
            swap_axes(out, j - 1, j);
            swap_axes(in, j - 1, j);
        }
}

void reel__cpu_copy_into(const reel_tensor *out, const reel_tensor *in) {
    static const reel__loop runs[] = {
        [1] = run_of_1, [2] = run_of_2, [4] = run_of_4, [8] = run_of_8};
    const size_t size = reel_dtype_size(out->layout.dtype);
    reel_tensor to = {.refs = 1, .layout = out->layout, .storage = out->storage},
                from = {.refs = 1, .layout = in->layout, .storage = in->storage}, *source = &from;
    reel__nest n;
    if (reel_numel(out) == 0) return;
    from.layout.shape = to.layout.shape;
    reel__broadcast_strides(&in->layout, to.layout.shape, from.layout.stride);
    if (!reel_is_contiguous(out)) sort_axes(&to.layout, &from.layout);
    reel__nest_make(&n, &to, 1, &source);
    if (!reel__cpu_transpose(&n, reel__data(&to), reel__data(&from), size))
        reel__cpu_map_with(runs[size], &to, 1, &source, NULL);
}

reel_status reel__cpu_copy(const reel__call *c) {
    reel__cpu_copy_into(c->out[0], c->in[0]);
    return REEL_OK;
}
