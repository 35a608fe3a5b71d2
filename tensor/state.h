/* State: an ordered map from names to tensors, with a line of text here and there beside them.
 *
 * It is what a module's parameters are listed in, what an optimizer is built from, and what a
 * checkpoint stores. Names are unique, as given: parts are joined by dots ("model.encoder.weight").
 *
 *     reel_state *s = reel_state_new();
 *     reel_module_save(&model.base, s, "model");
 *     reel_optim_save(adam, s, "optim");
 *     reel_state_put_int(s, "epoch", epoch);
 *     reel_checkpoint_write(s, "run/checkpoint.safetensors", 3);
 *     reel_state_free(s);
 *
 * A state holds references, not copies: what it names is what the model changes next. */
#ifndef REEL_TENSOR_STATE_H
#define REEL_TENSOR_STATE_H

#include "tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct reel_state reel_state;

REEL_API reel_state *reel_state_new(void); /* owned; NULL when out of memory */
REEL_API void reel_state_free(reel_state *s);

/* Retains t under `name` (or "prefix.name" by reel_state_put_in, with prefix "" or NULL for none).
 * A name that is there already is an error. s or t NULL is a failure of its own or the kept one. */
REEL_API reel_status reel_state_put(reel_state *s, const char *name, reel_tensor *t);
REEL_API reel_status reel_state_put_in(reel_state *s, const char *prefix, const char *name,
                                       reel_tensor *t);

REEL_API int reel_state_count(const reel_state *s);
REEL_API const char *reel_state_name(const reel_state *s, int i);
REEL_API reel_tensor *reel_state_at(const reel_state *s, int i); /* borrowed from s */
/* Borrowed; NULL if absent, no failure */
REEL_API reel_tensor *reel_state_get(const reel_state *s, const char *name);
REEL_API reel_tensor *reel_state_get_in(const reel_state *s, const char *prefix, const char *name);

/* What the file that a state was read from holds and the state does not, as no tensor of Reel does:
 * names, and why ("its dtype is C64, which Reel has not"). NULL beyond the count. Whoever loads one
 * from the state fails with these words; a write leaves it out. */
REEL_API int reel_state_left_out_count(const reel_state *s);
REEL_API const char *reel_state_left_out_name(const reel_state *s, int i);
REEL_API const char *reel_state_left_out_why(const reel_state *s, int i);

/* Text by key (a checkpoint's metadata); putting a key again replaces it. */
REEL_API reel_status reel_state_put_text(reel_state *s, const char *key, const char *value);
REEL_API const char *reel_state_text(const reel_state *s, const char *key); /* NULL if absent */
REEL_API int reel_state_text_count(const reel_state *s);
REEL_API const char *reel_state_text_key(const reel_state *s, int i);
REEL_API const char *reel_state_text_value(const reel_state *s, int i);

/* Integers and doubles kept as text; the getters return false, and leave *v alone, if the key is
 * absent or not a number, or more than *v holds. v may be NULL: that alone is asked. Doubles are
 * written so that they read back to the same bits. */
REEL_API reel_status reel_state_put_int(reel_state *s, const char *key, int64_t v);
REEL_API bool reel_state_int(const reel_state *s, const char *key, int64_t *v);
REEL_API reel_status reel_state_put_double(reel_state *s, const char *key, double v);
REEL_API bool reel_state_double(const reel_state *s, const char *key, double *v);

/* What lies below a prefix ("encoder" of "encoder.0.weight"), by what follows it; what `keeps` is
 * true of, by its name; copies of all tensors, on their devices. Texts go along: those below the
 * prefix, those that it keeps (its tensor is NULL then), all. Owned; the first two hold the same
 * tensors as s. */
REEL_API reel_state *reel_state_below(const reel_state *s, const char *prefix);
typedef bool (*reel_state_keeps_fn)(const char *name, reel_tensor *t, void *user);
REEL_API reel_state *reel_state_filter(const reel_state *s, reel_state_keeps_fn keeps, void *user);
REEL_API reel_state *reel_state_clone(const reel_state *s);

/* ---- call sites: see error.h ---- */

#define reel_state_new(...) REEL__CALL(reel_state_new(__VA_ARGS__))
#define reel_state_below(...) REEL__CALL(reel_state_below(__VA_ARGS__))
#define reel_state_filter(...) REEL__CALL(reel_state_filter(__VA_ARGS__))
#define reel_state_clone(...) REEL__CALL(reel_state_clone(__VA_ARGS__))
#define reel_state_put(...) REEL__CALL(reel_state_put(__VA_ARGS__))
#define reel_state_put_in(...) REEL__CALL(reel_state_put_in(__VA_ARGS__))
#define reel_state_put_text(...) REEL__CALL(reel_state_put_text(__VA_ARGS__))
#define reel_state_put_int(...) REEL__CALL(reel_state_put_int(__VA_ARGS__))
#define reel_state_put_double(...) REEL__CALL(reel_state_put_double(__VA_ARGS__))

#ifdef __cplusplus
}
#endif
#endif
