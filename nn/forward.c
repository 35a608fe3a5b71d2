/* Modules at work: one tensor in and one out, or several of both. */
#include "nn/parametrize_internal.h"
#include "tensor/core/profile_internal.h"

/* In a scope of its own, which messages name by the caller's line. True if all results are there.
 */
static bool run_module(const char *what, const char *at, reel_module *m, reel_tensor *const *in,
                       reel_tensor **out, int results) {
    bool whole = true;
    REEL__PROFILE_PASS_OF(m->type, at);
    const reel_site_guard outer = reel_site_enter(at);
    reel_scope scope = reel_scope_open(at);
    const bool inner = reel__parametrize_is_under_way(m);
    if (inner || reel__parametrize_begin(m) == REEL_OK) {
        if (m->run)
            m->run(m, in, out);
        else
            out[0] = m->forward(m, in[0]);
    }
    if (!inner) reel__parametrize_end(m);
    for (int i = 0; i < results; i++) {
        if (!out[i] && !reel_failed())
            reel_fail(REEL_ERR_ARGUMENT, at,
                      results > 1 ? "%s: gives NULL: %s, result %d" : "%s: gives NULL: %s", what,
                      m->type, i);
        out[i] = reel_scope_return(out[i]);
        whole = whole && out[i];
    }
    reel_scope_close(&scope);
    reel_site_leave(&outer);
    return whole;
}

reel_tensor *reel_forward_at(const char *at, reel_module *m, reel_tensor *x) {
    if (reel__module_check(m, "forward", at) != REEL_OK) return NULL;
    if ((!m->forward && !m->run) || !x) {
        reel_fail(REEL_ERR_ARGUMENT, at, "forward: %s: %s",
                  m->forward || m->run ? "no input" : "a module without one", m->type);
        return NULL;
    }
    reel_tensor *in[REEL_MODULE_TENSORS] = {x}, *out[REEL_MODULE_TENSORS] = {NULL};
    run_module("forward", at, m, in, out, m->run ? m->results : 1);
    return out[0];
}

/* Those that are asked for, of `count` places. */
static void hand_over(reel_tensor **const *to, int count, reel_tensor *const *out) {
    for (int i = 0; i < count; i++)
        if (to[i]) *to[i] = out ? out[i] : NULL;
}

reel_status reel_run_at(const char *at, reel_module *m, reel_tensor **const *to, int results,
                        reel_tensor *const *x, int inputs) {
    if (!to || results < 0) results = 0;
    hand_over(to, results, NULL);
    REEL_TRY(reel__module_check(m, "run", at));
    if (!m->forward && !m->run)
        return reel_fail(REEL_ERR_ARGUMENT, at, "run: a module without forward: %s", m->type);
    const int takes = m->run ? m->inputs : 1, gives = m->run ? m->results : 1;
    if (!x || inputs < 1 || inputs > takes || results > gives)
        return reel_fail(REEL_ERR_ARGUMENT, at,
                         "run: %d inputs and %d results of a module that takes %d and gives %d: %s",
                         inputs, results, takes, gives, m->type);
    reel_tensor *in[REEL_MODULE_TENSORS] = {NULL}, *out[REEL_MODULE_TENSORS] = {NULL};
    for (int i = 0; i < inputs; i++) in[i] = x[i];
    if (!in[0]) return reel_fail(REEL_ERR_ARGUMENT, at, "run: no input: %s", m->type);
    if (!run_module("run", at, m, in, out, gives)) return reel_error_status();
    hand_over(to, results, out);
    return REEL_OK;
}
