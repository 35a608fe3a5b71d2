/* Recording: leaves, and the nodes of ops on what is tracked. */
#include "autograd/autograd_internal.h"
#include "autograd/gradient_internal.h"
#include "tensor/core/handles_internal.h"
#include "tensor/ops/record_internal.h"

#include <stdlib.h>

/* ---- leaves ---- */

static void free_track(struct reel__track *k) {
    if (!k) return;
    reel__node_release(k->node);
    reel_release(k->grad);
    reel__hooks_free(&k->hooks);
    free(k);
}

static void release_track(reel_tensor *t) {
    struct reel__track *k = t->track;
    if (!k->node) reel__switch(t);
    t->track = NULL;
    free_track(k);
}

/* ---- leaves that are tracked and frozen: at each replay of a captured step anew ---- */

static void forget(void *kept) {
    free_track(kept);
}

static void turn_back(const reel__section *s) {
    reel_tensor *leaf = s->of;
    struct reel__track *now = leaf->track;
    reel__switch(leaf);
    leaf->track = s->kept;
    free_track(now);
}

static bool is_of_the_step(const reel_tensor *t) {
    const uint64_t recording = reel__self()->recording;
    return recording && t->storage->recording == recording;
}

/* `now` in the place of what the leaf has; NULL: it is frozen. A leaf that a step made itself is
 * tracked where it is made, and in no replay. */
static reel_status turn(reel_tensor *leaf, struct reel__track *now,
                        void (*again)(void *leaf, double number)) {
    struct reel__track *was = leaf->track;
    const reel__section s = {
        .again = again, .back = turn_back, .forget = forget, .of = leaf, .kept = was, .life = leaf};
    const bool own = is_of_the_step(leaf);
    if (!own) REEL_TRY(reel__section_begin(&s));
    reel__switch(leaf);
    leaf->track = now;
    if (was) was->slot = NULL; /* the pass under way is over when this one comes back */
    if (was && was->grad && is_of_the_step(was->grad)) { /* so is the step */
        reel_release(was->grad);
        was->grad = NULL;
    }
    if (own)
        free_track(was);
    else
        reel__section_end(&s, true);
    return REEL_OK;
}

static void track_again(void *leaf, double number) {
    (void)number;
    reel_track_at(NULL, leaf);
}

static void untrack_again(void *leaf, double number) {
    (void)number;
    reel_untrack(leaf);
}

static const reel__hooks hooks; /* below */

static void install_hooks(void) {
    if (!reel__hooks_get()) reel__hooks_set(&hooks);
}

reel_tensor *reel_track_at(const char *at, reel_tensor *t) {
    if (!t || !reel__live(at, "track", NULL, t)) return NULL;
    if (t->track && !t->track->node) return t;
    if (t->track || !reel_dtype_is_float(t->layout.dtype)) {
        char operand[200];
        reel__describe(operand, sizeof operand, reel_name(t), t, true, false);
        reel_fail(REEL_ERR_ARGUMENT, at, "%s: %s: %s", reel__called(at, "track"),
                  t->track ? "is the result of an op" : "takes floats", operand);
        return NULL;
    }
    struct reel__track *track = calloc(1, sizeof *track);
    if (!track) {
        reel_fail(REEL_ERR_MEMORY, at, "track: out of memory");
        return NULL;
    }
    install_hooks();
    if (turn(t, track, track_again) == REEL_OK) return t;
    free(track);
    return NULL;
}

void reel_untrack(reel_tensor *leaf) {
    if (!leaf || !reel__live(NULL, "untrack", NULL, leaf) || !leaf->track || leaf->track->node)
        return;
    if (reel__note_gradient(leaf, false) == REEL_OK) turn(leaf, NULL, untrack_again);
}

bool reel_is_tracked(const reel_tensor *t) {
    return t && reel__live(NULL, "is_tracked", NULL, t) && t->track;
}

reel_tensor *reel_grad(const reel_tensor *leaf) {
    if (!leaf || !reel__live(NULL, "grad", NULL, leaf) || !leaf->track) return NULL;
    if (reel__note_gradient((reel_tensor *)leaf, true) != REEL_OK) return NULL;
    return leaf->track->grad;
}

void reel_zero_grad(reel_tensor *leaf) {
    if (!leaf || !reel__live(NULL, "zero_grad", NULL, leaf) || !leaf->track) return;
    if (reel__note_gradient(leaf, false) != REEL_OK) return;
    struct reel__track *k = leaf->track;
    reel_tensor *grad = k->grad;
    k->grad = NULL;
    reel_release(grad);
}

bool reel__has_gradient(const reel_tensor *t) {
    return reel__is_alive(t) && t->track;
}

reel_tensor *reel__gradient_of(const reel_tensor *leaf) {
    return leaf->track->grad;
}

void reel__put_gradient(reel_tensor *leaf, reel_tensor *g) {
    reel_tensor *was = leaf->track->grad;
    leaf->track->grad = reel_retain(g);
    reel_release(was);
}

bool reel_set_anomaly(bool on) {
    reel__thread *self = reel__self();
    const bool before = self->anomaly;
    install_hooks();
    self->anomaly = on;
    return before;
}

/* ---- recording ---- */

/* CROSS: an input is needed for the gradient of the other. */
static unsigned what_to_save(const reel__node *n) {
    const unsigned saves = reel__ops[n->op].saves;
    if (!(saves & REEL__CROSS)) return saves;
    return (reel__needs(n, 1) ? REEL__IN(0) : 0) | (reel__needs(n, 0) ? REEL__IN(1) : 0);
}

/* An output is saved as a view without a track of its own: it would keep its own node alive for
 * ever. */
static reel_status save(reel__node *n, const reel__call *c) {
    for (unsigned left = what_to_save(n); left; left &= left - 1) {
        const int i = __builtin_ctz(left);
        const bool is_input = i < REEL__MOST_INPUTS;
        if (is_input && i >= c->nin) continue; /* an input that this call is without */
        reel_tensor *t = is_input ? reel__input(c, i) : c->out[i - REEL__MOST_INPUTS];
        n->saved[i] = is_input ? reel_retain(t) : reel__tensor_view(c->at, "saved", t, &t->layout);
        if (!n->saved[i]) return reel_error_status();
        n->saves |= 1u << i;
        n->version[i] = atomic_load_explicit(&t->storage->version, memory_order_relaxed);
    }
    return REEL_OK;
}

static reel_status record(const reel__call *c) {
    const reel_dtype dtype = c->out[0]->layout.dtype;
    if (dtype == REEL_I64 || dtype == REEL_U8) return REEL_OK; /* integers have no gradient */
    reel__node *n = reel__node_new(reel__ops[c->op].name, c->at, reel__inputs(c), c->nin);
    if (!n) return reel__fail_call(REEL_ERR_MEMORY, c, "out of memory");
    n->op = c->op;
    n->rule = reel__rules[c->op];
    n->with = c->with;
    n->dtype = reel__input(c, 0)->layout.dtype;
    reel_status status = save(n, c);
    if (status == REEL_OK) status = reel__node_attach(n, c->out[0]);
    reel__node_release(n);
    return status;
}

static reel_status before_inplace(const reel__call *c, reel_tensor *t) {
    char operand[200];
    reel__describe(operand, sizeof operand, reel_name(t), t, false, false);
    return reel__fail_call(REEL_ERR_STATE, c, "%s is tracked: change it inside REEL_NO_GRAD",
                           operand);
}

static const reel__hooks hooks = {
    .record = record,
    .before_inplace = before_inplace,
    .release = release_track,
    .check_results = reel__check_results,
};
