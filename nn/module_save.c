/* The state dict: parameters and buffers are tensors, and generators lines of text beside them, so
 * that those who exchange weights see weights alone. */
#include "nn/module_internal.h"

#include "tensor/state/state_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- a generator's state as text, "seed offset" ---- */

/* "prefix.path"; NULL without memory. */
static char *key_of(const char *prefix, const char *path) {
    const bool bare = !prefix || !*prefix;
    char *key;
    return asprintf(&key, "%s%s%s", bare ? "" : prefix, bare ? "" : ".", path) < 0 ? NULL : key;
}

static reel_status note(reel_state *s, const char *key, reel_tensor *state) {
    int64_t v[2];
    char text[64];
    if (!key) return reel_fail(REEL_ERR_MEMORY, NULL, "module_save: out of memory");
    REEL_TRY(reel_read(state, v, sizeof v));
    snprintf(text, sizeof text, "%" PRId64 " %" PRId64, v[0], v[1]);
    return reel_state_put_text(s, key, text);
}

static reel_status note_generators(reel_module *m, reel_state *s, const char *prefix) {
    reel_state *generators = reel__module_generators("module_save", m);
    reel_status status = generators ? REEL_OK : reel_error_status();
    for (int i = 0; status == REEL_OK && i < reel_state_count(generators); i++) {
        char *key = key_of(prefix, reel_state_name(generators, i));
        status = note(s, key, reel_state_at(generators, i));
        free(key);
    }
    reel_state_free(generators);
    return status;
}

static bool parse(const char *text, int64_t v[2]) {
    char *end = NULL;
    for (int i = 0; i < 2; i++) {
        errno = 0;
        v[i] = strtoll(text, &end, 10);
        if (end == text || errno || *end != (i ? '\0' : ' ')) return false;
        text = end + 1;
    }
    return true;
}

/* Puts what a generator of that path had into `found`: from the text, or from a tensor, as states
 * were saved before. One that is in neither stays as it is. */
static reel_status find_generator(reel_state *found, const reel_state *s, const char *prefix,
                                  const char *path) {
    char *key = key_of(prefix, path);
    int64_t v[2];
    if (!key) return reel_fail(REEL_ERR_MEMORY, NULL, "module_load: out of memory");
    const char *text = reel_state_text(s, key);
    reel_tensor *old = reel_state_get(s, key);
    reel_status status = REEL_OK;
    REEL_SCOPE;
    if (!text && old)
        status = reel_state_put(found, path, old);
    else if (text && parse(text, v))
        status = reel_state_put(found, path, reel_from(v, reel_shape(2), REEL_I64));
    else if (text)
        status = reel_fail(REEL_ERR_FORMAT, NULL,
                           "module_load: not a seed and an offset: %.200s: \"%.40s\"", key, text);
    free(key);
    return status;
}

/* All that are there, before any is changed. */
static reel_state *find_generators(const reel_state *generators, const reel_state *s,
                                   const char *prefix) {
    reel_state *found = reel_state_new();
    reel_status status = found ? REEL_OK : reel_error_status();
    for (int i = 0; status == REEL_OK && i < reel_state_count(generators); i++)
        status = find_generator(found, s, prefix, reel_state_name(generators, i));
    if (status == REEL_OK)
        status = reel__state_match("module_load", generators, found, NULL,
                                   &(reel__state_terms){.loose = true});
    if (status == REEL_OK) return found;
    reel_state_free(found);
    return NULL;
}

/* ---- whole ---- */

reel_status reel_module_save(reel_module *m, reel_state *s, const char *prefix) {
    if (reel_failed()) return reel_error_status();
    if (!s) return reel_fail(REEL_ERR_ARGUMENT, NULL, "module_save: no state");
    reel_state *weights = reel__module_weights("module_save", m);
    if (!weights) return reel_error_status();
    reel_status status = reel__state_put_all(s, prefix, weights);
    reel_state_free(weights);
    return status == REEL_OK ? note_generators(m, s, prefix) : status;
}

static reel_status load(const reel_state *weights, const reel_state *generators,
                        const reel_state *s, const char *prefix, reel_load_options o) {
    const reel__state_terms terms = {.loose = o.loose,
                                     .cast = o.cast,
                                     .missing = o.missing,
                                     .unexpected = o.unexpected,
                                     .passed_over = generators};
    REEL_TRY(reel__state_match("module_load", weights, s, prefix, &terms));
    reel_state *found = find_generators(generators, s, prefix);
    if (!found) return reel_error_status();
    REEL_NO_GRAD;
    reel_status status = reel__state_copy(weights, s, prefix);
    if (status == REEL_OK) status = reel__state_copy(generators, found, NULL);
    reel_state_free(found);
    return status;
}

reel_status reel_module_load_with(reel_module *m, const reel_state *s, const char *prefix,
                                  reel_load_options options) {
    if (reel_failed()) return reel_error_status();
    if (!s) return reel_fail(REEL_ERR_ARGUMENT, NULL, "module_load: no state");
    reel_state *weights = reel__module_weights("module_load", m),
               *generators = weights ? reel__module_generators("module_load", m) : NULL;
    const reel_status status =
        generators ? load(weights, generators, s, prefix, options) : reel_error_status();
    reel_state_free(generators);
    reel_state_free(weights);
    return status;
}

reel_status reel_module_load(reel_module *m, const reel_state *s, const char *prefix) {
    return reel_module_load_with(m, s, prefix, (reel_load_options){0});
}
