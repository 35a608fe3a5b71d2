/* Groups of a plan's nodes, run as one kernel each. */
#include "cuda/fused/cuda_fused_internal.h"
#include "cuda/runtime/cuda_compile_internal.h"
#include "tensor/formulas/philox_internal.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    reel__fused_space space;
    reel__group group;
    reel__cuda_device *device;
    char *text;
    const void *kernel, *plain; /* in units, and one by one */
    void *scratch;
    uint64_t word[REEL__FUSED_WORDS];
} fused;

bool reel__cuda_joins(const reel__group *g) {
    reel__fused_space *s = malloc(sizeof *s);
    const bool joins = s && reel__fused_find(s, g);
    free(s);
    return joins;
}

/* ---- arguments ---- */

static uint64_t bits_of(double x) {
    uint64_t b;
    memcpy(&b, &x, sizeof b);
    return b;
}

static uint64_t constant_of(const reel__call *c, int which) {
    switch (c->op) {
    case REEL_OP_fill:
        return bits_of(c->with.fill.value);
    case REEL_OP_dequantize:
        return bits_of(c->with.cast.scale);
    case REEL_OP_dequantize_rows:
        return bits_of(c->with.index.scale);
    case REEL_OP_dropout:
    case REEL_OP_dropout_again:
        if (which == 0) return reel__least_kept(c->with.dropout.p);
        return bits_of(1 / (1 - c->with.dropout.p));
    default:
        break;
    }
    if (reel__ops[c->op].kind != REEL__REDUCE)
        return bits_of(which ? c->with.map.b : c->with.map.a);
    return bits_of(which == 0   ? reel__times(c)
                   : which == 1 ? c->with.reduce.correction
                                : c->with.reduce.p);
}

static const char *name_of(const reel__group_node *n) {
    return n->function ? n->function : reel__ops[n->call.op].name;
}

static void *memory_of(const fused *f, int operand) {
    const reel__fused_operand *o = &f->space.operand[operand];
    const reel__call *c = &f->group.node[o->node].call;
    return reel__data(o->slot < REEL__MOST_INPUTS ? c->in[o->slot]
                                                  : c->out[o->slot - REEL__MOST_INPUTS]);
}

static uint64_t word_of(const fused *f, const reel__fused_word *w) {
    const reel__group_node *n = &f->group.node[w->of];
    switch (w->kind) {
    case REEL__WORD_ZERO:
        break;
    case REEL__WORD_CLAIMED:
        return (uintptr_t)f->device->claimed;
    case REEL__WORD_ERROR:
        return (uintptr_t)f->device->error_there;
    case REEL__WORD_TICKETS:
        return (uintptr_t)f->device->tickets;
    case REEL__WORD_DATA:
        return (uintptr_t)memory_of(f, w->of);
    case REEL__WORD_CONSTANT:
        return constant_of(&n->call, w->which);
    case REEL__WORD_NAME:
        return (uintptr_t)name_of(n);
    case REEL__WORD_SITE:
        return (uintptr_t)n->call.at;
    case REEL__WORD_SCRATCH:
        return (uintptr_t)f->scratch + (uint64_t)w->which * REEL__CUDA_FOLD_BYTES;
    }
    return 0;
}

/* Units can be moved at once. */
static bool is_aligned(const fused *f) {
    const reel__fused_space *s = &f->space;
    for (int i = 0; i < s->operands; i++) {
        const reel__fused_operand *o = &s->operand[i];
        const size_t bytes = (size_t)s->vector * reel_dtype_size(o->dtype);
        if (reel__fused_how_of(s, o, s->vector) == REEL__LINE &&
            f->word[o->word] % (bytes < 16 ? bytes : 16) != 0)
            return false;
    }
    return true;
}

/* ---- kernels ---- */

static int arch_of(const reel__cuda_device *d) {
    int major = 0, minor = 0;
    cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, d->index);
    cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, d->index);
    return 10 * major + minor;
}

/* Where units are not aligned. */
static const void *plain_kernel(fused *f) {
    char why[300];
    if (f->plain) return f->plain;
    char *text = reel__fused_text(&f->space, 1);
    if (text) f->plain = reel__cuda_compiled(text, "fused", arch_of(f->device), why, sizeof why);
    free(text);
    return f->plain;
}

/* ---- as the plan sees it ---- */

static reel_status run(void *of) {
    fused *f = of;
    const reel__call *c = &f->group.node[0].call;
    if (!reel__cuda_enter(c)) return reel_error_status();
    for (int i = 0; i < f->space.words; i++) f->word[i] = word_of(f, &f->space.word[i]);
    const bool aligned = f->space.vector == 1 || is_aligned(f);
    const void *kernel = aligned ? f->kernel : plain_kernel(f);
    if (!kernel) return reel__fail_call(REEL_ERR_DEVICE, c, "a fused kernel can't be compiled");
    const reel__fused_shape h = reel__fused_shape_of(&f->space, aligned ? f->space.vector : 1);
    const reel__cuda_launch l = {.function = kernel,
                                 .blocks = (unsigned)h.blocks,
                                 .x = (unsigned)h.threads,
                                 .y = 1,
                                 .cluster = 1,
                                 .count = 1,
                                 .argument = {f->word},
                                 .size = {(size_t)f->space.words * sizeof *f->word}};
    return reel__cuda_launched(c, reel__cuda_enqueue(f->device->queue, &l));
}

static void release(void *of) {
    fused *f = of;
    if (!f) return;
    if (f->scratch) reel__cuda_free(f->device->index, f->scratch, f->space.scratch);
    free(f->text);
    free(f);
}

/* Bytes that go to memory and come from it. */
static int64_t bytes_of(const reel__fused_space *s) {
    int64_t bytes = 0;
    for (int i = 0; i < s->operands; i++) {
        int64_t count = 1;
        for (int j = 0; j < s->ndim; j++)
            if (s->operand[i].stride[j] != 0) count *= s->dim[j];
        bytes += count * (int64_t)reel_dtype_size(s->operand[i].dtype);
    }
    return bytes;
}

static void describe(const void *of, char *to, size_t size) {
    const fused *f = of;
    int used = snprintf(to, size, "fused");
    for (int i = 0; i < f->group.count && used >= 0 && (size_t)used < size; i++)
        used += snprintf(to + used, size - (size_t)used, "%s%s", i ? "+" : " ",
                         reel__ops[f->group.node[i].call.op].name);
    if (used >= 0 && (size_t)used < size)
        snprintf(to + used, size - (size_t)used, ", %lld bytes", (long long)bytes_of(&f->space));
}

const char *reel__cuda_fused_text(const reel__fused *f) {
    return ((const fused *)f->of)->text;
}

static bool make(fused *f, const reel__group *g) {
    char why[300];
    f->group = *g;
    if (!reel__cuda_compiles() || !reel__fused_find(&f->space, &f->group)) return false;
    f->device = reel__cuda_device_at(g->node[0].call.device.index);
    if (reel__cuda_use(f->device) != REEL_OK) return false;
    f->text = reel__fused_text(&f->space, f->space.vector);
    if (f->text)
        f->kernel = reel__cuda_compiled(f->text, "fused", arch_of(f->device), why, sizeof why);
    if (!f->kernel || f->space.scratch == 0) return f->kernel != NULL;
    f->scratch = reel__cuda_alloc(f->device->index, f->space.scratch);
    return f->scratch != NULL;
}

reel__fused *reel__cuda_fuse(const reel__group *g) {
    fused *f = calloc(1, sizeof *f);
    reel__fused *made = malloc(sizeof *made);
    if (f && made && make(f, g)) {
        *made = (reel__fused){.run = run, .free = release, .describe = describe, .of = f};
        return made;
    }
    release(f);
    free(made);
    return NULL;
}
