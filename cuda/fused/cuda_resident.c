/* A whole step as one kernel, as the plan sees it. */
#include "cuda/fused/cuda_resident_internal.h"
#include "cuda/runtime/cuda_compile_internal.h"
#include "tensor/ops/record_internal.h"

#include <stdlib.h>
#include <string.h>

#define MESSAGE_BYTES 16

typedef struct {
    const int64_t *index;
    double rate;
} fed;

/* As the text has it. */
typedef struct {
    uint64_t word[REEL__RESIDENT_WORDS];
    uint32_t steps, first;
    fed step[REEL__RESIDENT_STEPS];
} arguments;

typedef struct {
    reel__resident found;
    reel__group group;
    reel__cuda_device *device;
    const void *kernel;
    bool beside, was_sent; /* into its lane */
    int lane;              /* its own, if it runs beside others */
    void *messages;
    size_t bytes;
    uint32_t next; /* the number of the next step, in messages; 0 is none */
    arguments with;
    reel_tensor *index[REEL__RESIDENT_STEPS]; /* of steps that are noted, kept until they run */
} kernel_of_steps;

/* ---- memory ---- */

/* Bytes that clusters tell each other through, and moments of shares. */
static size_t bytes_of_messages(const reel__resident *r) {
    const size_t told = (size_t)(REEL__RESIDENT_SPARE * reel__resident_told(r));
    return (size_t)r->blocks * (REEL__RESIDENT_COUNTER * sizeof(uint32_t) +
                                told * (size_t)r->clusters * MESSAGE_BYTES * 2) +
           (size_t)reel__resident_moments(r) * sizeof(float) + MESSAGE_BYTES;
}

/* ---- a launch ---- */

#define FIRST_WORD 5 /* of those that are memory of tensors */

static const reel_tensor *tensor_at(const kernel_of_steps *s, int word, bool *writes) {
    const reel__call *c = &s->group.node[s->found.word[word].node].call;
    const int slot = s->found.word[word].slot;
    *writes = slot >= c->nin || reel__changes(c, slot);
    return slot < c->nin ? reel__input(c, slot) : c->out[slot - c->nin];
}

static int list_touched(const kernel_of_steps *s, reel__cuda_touch *touch) {
    int n = 0;
    for (int i = FIRST_WORD; i < s->found.words; i++, n++)
        touch[n].storage = tensor_at(s, i, &touch[n].writes)->storage;
    for (uint32_t i = 0; i < s->with.steps; i++)
        if (i == 0 || s->index[i]->storage != s->index[i - 1]->storage)
            touch[n++] = (reel__cuda_touch){s->index[i]->storage, false};
    return n;
}

static void fill_words(kernel_of_steps *s) {
    const reel__group_node *gather = &s->group.node[s->found.gather];
    s->with.word[0] = (uintptr_t)s->device->claimed;
    s->with.word[1] = (uintptr_t)s->device->error_there;
    s->with.word[2] = (uintptr_t)(gather->function ? gather->function : "dequantize_rows");
    s->with.word[3] = (uintptr_t)gather->call.at;
    s->with.word[4] = (uintptr_t)s->messages;
    for (int i = FIRST_WORD; i < s->found.words; i++) {
        bool writes;
        s->with.word[i] = (uintptr_t)reel__place(tensor_at(s, i, &writes));
    }
}

static void let_go(kernel_of_steps *s) {
    for (uint32_t i = 0; i < s->with.steps; i++) reel_release(s->index[i]);
    s->with.steps = 0;
}

static void note(void *of) {
    kernel_of_steps *s = of;
    const uint32_t i = s->with.steps++;
    const reel__call *gather = &s->group.node[s->found.gather].call;
    s->index[i] = reel_retain(gather->in[1]);
    s->with.step[i].index = reel__place(gather->in[1]);
    if (s->found.rate >= 0)
        s->with.step[i].rate = s->group.node[s->found.rate].call.with.fill.value;
}

/* In its lane, or with all others, as where launches are timed. */
static reel_status send(kernel_of_steps *s, const reel__cuda_launch *l) {
    const reel__call *c = &s->group.node[0].call;
    reel__cuda_touch touch[REEL__RESIDENT_WORDS + REEL__RESIDENT_STEPS];
    const int count = list_touched(s, touch);
    if (s->beside && !(reel__profile_does() & REEL__PROFILE_TIMES)) {
        const reel__cuda_part part = {s->found.clusters, s->found.clusters_at_once, !s->was_sent};
        REEL_TRY(reel__cuda_lane_send(c, s->lane, l, part, touch, count));
        s->was_sent = true;
        return REEL_OK;
    }
    for (int i = 0; i < count; i++) reel__await(touch[i].storage);
    REEL_TRY(reel__cuda_lanes_stop(s->device));
    REEL_TRY(reel__cuda_launched(c, reel__cuda_enqueue(s->device->queue, l)));
    return reel__cuda_flush(s->device->queue);
}

static reel_status run(void *of) {
    kernel_of_steps *s = of;
    const reel__call *c = &s->group.node[0].call;
    if (s->with.steps == 0) return REEL_OK;
    if (!reel__cuda_enter(c)) {
        let_go(s);
        return reel_error_status();
    }
    fill_words(s);
    s->with.first = s->next;
    s->next += s->with.steps;
    const reel__cuda_launch l = {.function = s->kernel,
                                 .blocks = (unsigned)(s->found.blocks * s->found.clusters),
                                 .x = REEL__RESIDENT_THREADS,
                                 .y = 1,
                                 .cluster = (unsigned)s->found.blocks,
                                 .shared = REEL__RESIDENT_BYTES,
                                 .count = 1,
                                 .argument = {&s->with},
                                 .size = {sizeof s->with}};
    const reel_status status = send(s, &l);
    let_go(s);
    return status;
}

/* ---- as the plan sees it ---- */

static void release(void *of) {
    kernel_of_steps *s = of;
    if (!s) return;
    let_go(s);
    if (s->beside) reel__cuda_lanes_await(s->device);
    if (s->messages) reel__cuda_free(s->device->index, s->messages, s->bytes);
    free(s);
}

static void describe(const void *of, char *to, size_t size) {
    const kernel_of_steps *s = of;
    snprintf(
        to, size,
        "resident, up to %d steps a launch: %d clusters of %d blocks, which cut %s axis of %lld",
        REEL__RESIDENT_STEPS, s->found.clusters, s->found.blocks,
        s->found.across < 0                 ? "no"
        : s->found.across == s->found.batch ? "the batch's"
                                            : "a layer's",
        s->found.across < 0 ? 0LL : (long long)s->found.size[s->found.across]);
}

static bool clear(const kernel_of_steps *s) {
    return cudaMemsetAsync(s->messages, 0, s->bytes, reel__cuda_stream(s->device->queue)) ==
           cudaSuccess;
}

static bool make(kernel_of_steps *s, const reel__group *g) {
    int major = 0;
    s->group = *g;
    s->next = 1;
    if (!reel__cuda_compiles() || !reel__resident_find(&s->found, &s->group)) return false;
    s->device = reel__cuda_device_at(g->node[0].call.device.index);
    if (reel__cuda_use(s->device) != REEL_OK) return false;
    cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, s->device->index);
    s->kernel = major == 9 ? reel__resident_choose(&s->found) : NULL;
    if (!s->kernel) return false;
    if (s->beside) s->lane = reel__cuda_lane_take(s->device);
    s->bytes = bytes_of_messages(&s->found);
    s->messages = reel__cuda_alloc(s->device->index, s->bytes);
    return s->messages && clear(s);
}

reel__fused *reel__cuda_resident(const reel__group *g, bool beside) {
    kernel_of_steps *s = calloc(1, sizeof *s);
    reel__fused *made = malloc(sizeof *made);
    if (s) s->beside = beside;
    if (s && made && make(s, g)) {
        *made = (reel__fused){.run = run,
                              .free = release,
                              .describe = describe,
                              .note = note,
                              .most = REEL__RESIDENT_STEPS,
                              .of = s};
        return made;
    }
    release(s);
    free(made);
    return NULL;
}
