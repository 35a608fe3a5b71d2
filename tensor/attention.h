/* Attention: each query looks at all keys, and takes a mean of their values.
 *
 *     // qkv[B,T,3,H,E], as one product makes them; y[B,T,HE], as the next one takes it
 *     reel_tensor *p[3];
 *     reel_unbind(qkv, 2, 3, p);
 *     for (int i = 0; i < 3; i++) p[i] = reel_transpose(p[i], 1, 2);       // [B,H,T,E], no copy
 *     reel_tensor *y = reel_scaled_dot_product_attention(
 *         p[0], p[1], p[2], (reel_attention_options){.is_causal = true});  // [B,H,T,E]
 *     y = reel_reshape(reel_transpose(y, 1, 2), reel_shape(B, T, H * E));  // no copy
 *
 * Results are borrowed, as those of ops.h. Errors are kept as error.h says. */
#ifndef REEL_TENSOR_ATTENTION_H
#define REEL_TENSOR_ATTENTION_H

#include "random.h"
#include "tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* attn_mask: which keys a query may look at, of any shape that broadcasts to the scores',
 *     [...,T,S]; u8: where it is not 0; of q's dtype: what is added to the scores, and has a
 *     gradient if it is tracked. NULL: all. Borrowed.
 * is_causal: query i looks at keys 0..i alone. With a mask both hold.
 * scale: of the products; 0: 1 / sqrt E. REEL_ZERO: 0.
 * dropout_p: in [0, 1): weights become 0 with that probability, and the others are divided by
 *     1 - p. They are drawn by a seed that is taken from `generator`, on q's device, which may not
 *     be NULL then: element by element, so that backward draws them again.
 * enable_gqa: q may have a multiple of the heads of k and v, each of which serves as many in turn.
 *     Ainslie et al., "GQA" (2023) */
typedef struct {
    reel_tensor *attn_mask;
    bool is_causal;
    double scale;
    double dropout_p;
    reel_generator *generator;
    bool enable_gqa;
} reel_attention_options;

/* y = softmax(scale q k^T + mask) v, the softmax over keys: q[...,T,E] k[...,S,E] v[...,S,F] ->
 * y[...,T,F], floats of one dtype. What stands before the last two axes is equal; the last of it
 * are heads. Vaswani et al., "Attention is all you need" (2017), equation 1.
 *
 * A query that may look at no key gets zeros, and gives no gradient, as in PyTorch. The products of
 * all queries and keys are never in memory: tiles of them are made, forward and backward, but where
 * a mask's gradient is asked for, or a second derivative (Dao et al., "FlashAttention" (2022)).
 * Operands may have any strides; where the last axis is not contiguous they are copied. y of
 * [B,H,T,F] is a view of memory that lies as [B,T,H,F], and so are the gradients of q, k and v.
 *
 * Errors: fewer than two axes, shapes that do not belong together, a head of size 0, a mask that
 * does not broadcast or is of another dtype, dropout_p outside [0, 1), or above 0 without a
 * generator. */
REEL_API reel_tensor *reel_scaled_dot_product_attention_at(const char *at, reel_tensor *q,
                                                           reel_tensor *k, reel_tensor *v,
                                                           reel_attention_options options);
#define reel_scaled_dot_product_attention(q, k, v, ...)                                            \
    reel_scaled_dot_product_attention_at(REEL_AT(q, k, v), q, k, v, __VA_ARGS__)

#ifdef __cplusplus
}
#endif
#endif
