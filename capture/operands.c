/* The memory that a step's calls used, as a trace knows it. All storages stay known until the trace
 * is let go, so that an address is one storage; the memory of those made in the step goes when the
 * step lets it go. */
#include "capture/capture_internal.h"
#include "tensor/core/alive_internal.h"

#include <stdlib.h>

reel_status reel__capture_no_memory(const char *at) {
    return reel_fail(REEL_ERR_MEMORY, at, "capture: out of memory");
}

bool reel__grow(void **array, int count, int *room, size_t size) {
    if (count < *room) return true;
    const int more = *room ? 2 * *room : 64;
    void *grown = realloc(*array, (size_t)more * size);
    if (!grown) {
        reel__capture_no_memory(NULL);
        return false;
    }
    *array = grown;
    *room = more;
    return true;
}

reel_tensor *reel__hold(reel_tensor *t, const reel__layout *layout, const char *at) {
    reel_tensor *view = reel__tensor_view(at, "capture", t, layout);
    if (view) atomic_fetch_add(&view->storage->captured, 1);
    return view;
}

void reel__let_go(reel_tensor *view) {
    if (!view) return;
    atomic_fetch_sub(&view->storage->captured, 1);
    reel_release(view);
}

bool reel__is_held(const reel_tensor *view) {
    return atomic_load(&view->storage->refs) > atomic_load(&view->storage->captured);
}

bool reel__same_layout(const reel__layout *a, const reel__layout *b, bool anywhere) {
    if (a->dtype != b->dtype || !reel_shape_equal(a->shape, b->shape)) return false;
    for (int i = 0; i < a->shape.ndim; i++)
        if (a->stride[i] != b->stride[i]) return false;
    return anywhere || a->offset == b->offset;
}

reel_tensor *reel__whole(reel_tensor *t) {
    const reel__layout bytes = {
        .dtype = REEL_U8, .shape = reel_shape((int64_t)t->storage->bytes), .stride = {1}};
    return reel__hold(t, &bytes, NULL);
}

int reel__value_of(const reel__trace *t, const reel__storage *s) {
    for (int i = t->values - 1; i >= 0; i--)
        if (t->value[i].base->storage == s) return i;
    return -1;
}

reel__operand reel__trace_operand(reel__trace *t, reel_tensor *x) {
    reel__operand o = {reel__value_of(t, x->storage), x->layout};
    if (o.value >= 0) return o;
    if (!reel__grow((void **)&t->value, t->values, &t->value_room, sizeof *t->value)) return o;
    reel_tensor *base = reel__whole(x);
    if (!base) return o;
    x->storage->weak = x->storage->recording == t->number;
    o.value = t->values++;
    t->value[o.value] = (reel__value){.base = base,
                                      .bytes = x->storage->bytes,
                                      .device = x->storage->device,
                                      .inner = x->storage->recording == t->number};
    return o;
}

static bool is_there(const reel__host_part *part) {
    const reel__section *s = &part->is;
    if (part->memory) {
        const reel_tensor *t = s->of;
        return reel__is_alive(t) && t->storage == part->memory;
    }
    return !s->kind || reel__alive_number(s->of, s->kind) == part->alive;
}

bool reel__part_lives(const reel__host_part *part) {
    return !part->gone && is_there(part);
}

void reel__part_back(reel__host_part *part) {
    if (part->did && reel__part_lives(part)) {
        part->is.back(&part->is);
        part->is.kept = NULL;
    }
    part->did = false;
}

void reel__part_forget(reel__host_part *part) {
    if (part->is.forget) part->is.forget(part->is.kept);
    part->is.kept = NULL;
}

reel_status reel__copy_elements(reel_tensor *to, reel_tensor *from) {
    reel__call c = {.op = REEL_OP_copy, .first = REEL__NO_NAMES, .nin = 1, .nout = 1};
    c.in[0] = from;
    c.out[0] = to;
    c.device = to->storage->device;
    return reel__dispatch_again(&c);
}
