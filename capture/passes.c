/* Passes over a trace: which of its calls a plan needs. */
#include "capture/capture_internal.h"

#include <stdlib.h>
#include <string.h>

static bool changes_any(const reel__entry *e) {
    for (int i = 0; i < e->call.nin; i++)
        if (reel__changes(&e->call, i)) return true;
    return false;
}

/* ---- dead code: backwards, what is read later is alive ---- */

/* Whoever reads its result. In a gradient it is of what the op itself looked at. */
static bool may_fail(const reel__entry *e) {
    return reel__may_fail(&e->call) && !e->context;
}

static bool is_needed(const reel__entry *e, const bool *alive, const int *value) {
    if (e->section >= 0 || changes_any(e) || may_fail(e)) return true;
    for (int i = 0; i < e->call.nout; i++)
        if (alive[value[e->operand[e->call.nin + i].value]]) return true;
    return false;
}

reel_status reel__pass_dead(const reel__trace *t, bool *stays, const int *value) {
    bool *alive = calloc((size_t)t->values + 1, 1);
    if (!alive) return reel__capture_no_memory(NULL);
    for (int i = 0; i < t->values; i++) alive[i] = !t->value[i].inner || t->value[i].outlives;
    for (int k = 0; k < t->parts; k++)
        for (int i = 0; i < REEL__SECTION_RESULTS; i++)
            if (t->part[k].result[i].value >= 0) alive[t->part[k].result[i].value] = true;
    for (int k = t->count - 1; k >= 0; k--) {
        const reel__entry *e = &t->entry[k];
        stays[k] = stays[k] && is_needed(e, alive, value);
        for (int i = 0; stays[k] && i < e->call.nin; i++) alive[value[e->operand[i].value]] = true;
    }
    free(alive);
    return REEL_OK;
}

/* ---- common subexpressions: the same op of the same elements ---- */

typedef struct {
    int *version; /* of each value: how often it was written so far */
    int *writers; /* of each value: how often it is written in all */
    int *seen;    /* of each operand's value when its entry was made: its version, by entry */
    int **at;     /* where these are */
} versions;

static bool is_pure(const reel__trace *t, const reel__entry *e, const int *writers) {
    if (e->section >= 0 || e->call.accumulate || changes_any(e)) return false;
    for (int i = 0; i < e->call.nout; i++) {
        const int v = e->operand[e->call.nin + i].value;
        if (!t->value[v].inner || t->value[v].outlives || writers[v] != 1) return false;
    }
    return true;
}

static bool same_operand(const reel__operand *a, const reel__operand *b, const int *value) {
    return value[a->value] == value[b->value] && reel__same_layout(&a->layout, &b->layout, false);
}

static bool repeats(const reel__entry *a, const reel__entry *b, const versions *v, int ka, int kb,
                    const int *value) {
    if (a->call.op != b->call.op || may_fail(a) != may_fail(b) || a->call.nin != b->call.nin ||
        a->call.nout != b->call.nout || !reel_device_equal(a->call.device, b->call.device) ||
        memcmp(&a->call.with, &b->call.with, sizeof a->call.with) != 0)
        return false;
    for (int i = 0; i < a->call.nin; i++)
        if (!same_operand(&a->operand[i], &b->operand[i], value) || v->at[ka][i] != v->at[kb][i])
            return false;
    for (int i = a->call.nin; i < a->call.nin + a->call.nout; i++)
        if (!reel__same_layout(&a->operand[i].layout, &b->operand[i].layout, false)) return false;
    return true;
}

static void count_writes(const reel__entry *e, int *writes) {
    for (int i = 0; i < e->call.nin; i++)
        if (reel__changes(&e->call, i)) writes[e->operand[i].value]++;
    for (int i = 0; i < e->call.nout; i++) writes[e->operand[e->call.nin + i].value]++;
}

static bool make_versions(const reel__trace *t, versions *v) {
    size_t operands = 1;
    for (int k = 0; k < t->count; k++) operands += (size_t)t->entry[k].call.nin;
    v->version = calloc((size_t)t->values + 1, sizeof *v->version);
    v->writers = calloc((size_t)t->values + 1, sizeof *v->writers);
    v->seen = calloc(operands, sizeof *v->seen);
    v->at = calloc((size_t)t->count + 1, sizeof *v->at);
    if (!v->version || !v->writers || !v->seen || !v->at) return false;
    int *next = v->seen;
    for (int k = 0; k < t->count; k++) {
        const reel__entry *e = &t->entry[k];
        v->at[k] = next;
        for (int i = 0; i < e->call.nin; i++) *next++ = v->version[e->operand[i].value];
        count_writes(e, v->version);
    }
    for (int k = 0; k < t->count; k++) count_writes(&t->entry[k], v->writers);
    return true;
}

enum { LOOKED_BACK = 256 }; /* entries: what is repeated stands near */

reel_status reel__pass_common(const reel__trace *t, bool *stays, int *value) {
    versions v = {0};
    const bool good = make_versions(t, &v);
    for (int k = 0; good && k < t->count; k++) {
        const reel__entry *e = &t->entry[k];
        if (!stays[k] || !is_pure(t, e, v.writers)) continue;
        for (int j = k - 1; j >= 0 && j >= k - LOOKED_BACK; j--) {
            const reel__entry *before = &t->entry[j];
            if (!stays[j] || !is_pure(t, before, v.writers) || !repeats(before, e, &v, j, k, value))
                continue;
            for (int i = 0; i < e->call.nout; i++)
                value[e->operand[e->call.nin + i].value] =
                    value[before->operand[e->call.nin + i].value];
            stays[k] = false;
            break;
        }
    }
    free(v.version);
    free(v.writers);
    free(v.seen);
    free(v.at);
    return good ? REEL_OK : reel__capture_no_memory(NULL);
}
