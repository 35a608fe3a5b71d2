/* A module's parameters, buffers and generators as lists: counted and moved. */
#include "nn/module_internal.h"

#include "tensor/core/tensor_internal.h"

const char *reel__tensor_path(const reel_state *list, const reel_tensor *t) {
    for (int i = 0; i < reel_state_count(list); i++)
        if (reel_state_at(list, i) == t) return reel_state_name(list, i);
    return NULL;
}

static reel_status add(reel_state *list, const char *path, reel_tensor *t) {
    if (!t || reel__tensor_path(list, t)) return REEL_OK;
    return reel_state_put(list, path, t);
}

static reel_status add_param(const char *path, const struct reel_module_entry *e, void *list) {
    return add(list, path, e->param);
}

static reel_status add_tensor(const char *path, const struct reel_module_entry *e, void *list) {
    return add(list, path, reel__entry_tensor(e));
}

static reel_status add_weight(const char *path, const struct reel_module_entry *e, void *list) {
    return add(list, path, e->param ? e->param : e->buffer);
}

static reel_status add_generator(const char *path, const struct reel_module_entry *e, void *list) {
    return add(list, path, reel_generator_state(e->generator));
}

static reel_state *list_by(const char *what, reel_module *m, reel__module_visit visit) {
    if (reel__module_check(m, what, NULL) != REEL_OK) return NULL;
    reel_state *list = reel_state_new();
    if (list && reel__module_walk(m, visit, list) != REEL_OK) {
        reel_state_free(list);
        return NULL;
    }
    return list;
}

reel_state *reel_module_params(reel_module *m) {
    return list_by("module_params", m, add_param);
}

reel_state *reel__module_tensors(const char *what, reel_module *m) {
    return list_by(what, m, add_tensor);
}

reel_state *reel__module_weights(const char *what, reel_module *m) {
    return list_by(what, m, add_weight);
}

reel_state *reel__module_generators(const char *what, reel_module *m) {
    return list_by(what, m, add_generator);
}

int64_t reel_module_param_count(reel_module *m) {
    reel_state *params = list_by("module_param_count", m, add_param);
    int64_t total = 0;
    for (int i = 0; i < reel_state_count(params); i++)
        total += reel_numel(reel_state_at(params, i));
    reel_state_free(params);
    return total;
}

static reel_status copy_to(reel_state *copies, const reel_state *tensors, reel_device device) {
    REEL_NO_GRAD;
    REEL_SCOPE;
    for (int i = 0; i < reel_state_count(tensors); i++) {
        reel_tensor *copy = reel_to(reel_state_at(tensors, i), device);
        if (!copy) return reel_error_status();
        REEL_TRY(reel_state_put(copies, reel_state_name(tensors, i), copy));
    }
    return REEL_OK;
}

/* Copies of all first: they may not find room. */
reel_status reel_module_to(reel_module *m, reel_device device) {
    REEL_TRY(reel_device_check(device));
    reel_state *tensors = reel__module_tensors("module_to", m),
               *copies = tensors ? reel_state_new() : NULL;
    reel_status status = copies ? copy_to(copies, tensors, device) : reel_error_status();
    for (int i = 0; status == REEL_OK && i < reel_state_count(tensors); i++) {
        reel_zero_grad(reel_state_at(tensors, i)); /* it is the old device's */
        reel__tensor_become(reel_state_at(tensors, i), reel_state_at(copies, i));
    }
    reel_state_free(copies);
    reel_state_free(tensors);
    return status;
}
