/* A module's parameters as a list: counted, moved, saved and loaded. */
#include "nn/module_internal.h"

#include "tensor/state_internal.h"
#include "tensor/tensor_internal.h"

const char *reel__param_path(const reel_state *params, const reel_tensor *t) {
    for (int i = 0; i < reel_state_count(params); i++)
        if (reel_state_at(params, i) == t) return reel_state_name(params, i);
    return NULL;
}

static reel_status list_param(const char *path, const struct reel_module_entry *e, void *user) {
    reel_state *params = user;
    if (!e->param || reel__param_path(params, e->param)) return REEL_OK;
    return reel_state_put(params, path, e->param);
}

reel_state *reel_module_params(reel_module *m) {
    if (!m) {
        reel_fail(REEL_ERR_ARGUMENT, NULL, "module_params: no module");
        return NULL;
    }
    reel_state *params = reel_state_new();
    if (params && reel__module_walk(m, list_param, params) != REEL_OK) {
        reel_state_free(params);
        return NULL;
    }
    return params;
}

int64_t reel_module_param_count(reel_module *m) {
    reel_state *params = reel_module_params(m);
    int64_t total = 0;
    for (int i = 0; i < reel_state_count(params); i++)
        total += reel_numel(reel_state_at(params, i));
    reel_state_free(params);
    return total;
}

static reel_status copy_to(reel_state *copies, const reel_state *params, reel_device device) {
    REEL_NO_GRAD REEL_SCOPE {
        for (int i = 0; i < reel_state_count(params); i++) {
            reel_tensor *copy = reel_to(reel_state_at(params, i), device);
            if (!copy) return reel_error_status();
            REEL_TRY(reel_state_put(copies, reel_state_name(params, i), copy));
        }
    }
    return REEL_OK;
}

/* Copies of all first: they may not find room. */
reel_status reel_module_to(reel_module *m, reel_device device) {
    REEL_TRY(reel_device_check(device));
    reel_state *params = reel_module_params(m), *copies = params ? reel_state_new() : NULL;
    reel_status status = copies ? copy_to(copies, params, device) : reel_error_status();
    for (int i = 0; status == REEL_OK && i < reel_state_count(params); i++) {
        reel_zero_grad(reel_state_at(params, i)); /* its memory stays behind */
        reel__tensor_become(reel_state_at(params, i), reel_state_at(copies, i));
    }
    reel_state_free(copies);
    reel_state_free(params);
    return status;
}

reel_status reel_module_save(reel_module *m, reel_state *s, const char *prefix) {
    if (reel_failed()) return reel_error_status();
    reel_state *params = reel_module_params(m);
    if (!params) return reel_error_status();
    reel_status status = reel__state_put_all(s, prefix, params);
    reel_state_free(params);
    return status;
}

reel_status reel_module_load(reel_module *m, const reel_state *s, const char *prefix) {
    if (reel_failed()) return reel_error_status();
    if (!s) return reel_fail(REEL_ERR_ARGUMENT, NULL, "module_load: no state");
    reel_state *params = reel_module_params(m);
    if (!params) return reel_error_status();
    reel_status status = reel__state_check("module_load", params, s, prefix);
    if (status == REEL_OK) REEL_NO_GRAD {
            status = reel__state_copy(params, s, prefix);
        }
    reel_state_free(params);
    return status;
}
