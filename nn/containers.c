/* Children, and parameters, by name. */
#include "nn/module_internal.h"

/* What is listed; NULL, and a failure, if there is nothing where something should be. */
static reel_module *begin(const char *type, const void *names, const void *parts, int count,
                          bool named) {
    if (count >= 0 && (count == 0 || (parts && (names || !named))))
        return reel__module_new(sizeof(reel_module), type, NULL, NULL);
    reel_fail(REEL_ERR_ARGUMENT, NULL, "%s_new: no %s: %d of them", type, parts ? "names" : "parts",
              count);
    return NULL;
}

reel_module *reel_module_dict_new(const char *const *names, reel_module **children, int count) {
    reel_module *m = begin("module_dict", names, children, count, true);
    bool whole = m != NULL;
    for (int i = 0; children && i < count; i++)
        if (!reel__module_adopt("module_dict_new", m, names ? names[i] : NULL, children[i]))
            whole = false;
    return reel__module_made(m, whole);
}

static reel_module *of_params(const char *type, const char *const *names,
                              reel_tensor *const *params, int count, bool named) {
    reel_module *m = begin(type, names, params, count, named);
    bool whole = m != NULL;
    for (int i = 0; whole && i < count; i++) {
        char number[16];
        snprintf(number, sizeof number, "%d", i);
        whole = reel_module_param(m, names ? names[i] : number, params[i]) != NULL;
    }
    return reel__module_made(m, whole);
}

reel_module *reel_parameter_list_new(reel_tensor *const *params, int count) {
    return of_params("parameter_list", NULL, params, count, false);
}

reel_module *reel_parameter_dict_new(const char *const *names, reel_tensor *const *params,
                                     int count) {
    return of_params("parameter_dict", names, params, count, true);
}
