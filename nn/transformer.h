/* Transformers: attention with several heads, positions, and the layers of encoders and decoders.
 *
 *     reel_module *gpt = reel_transformer_encoder_new(384, 6, 6, true, (reel_transformer_options){
 *         .dim_feedforward = 1536, .activation = reel_gelu_at, .batch_first = true,
 *         .norm_first = true, .is_causal = true});
 *     reel_tensor *y = reel_forward(gpt, reel_add(embedded, positions));   // [B,T,384]
 *
 * Names, defaults and first values are those of PyTorch's nn. Sequences are x[T,B,E], with the
 * option batch_first x[B,T,E], or without a batch x[T,E]. Masks of modules say what may *not* be
 * looked at, as PyTorch's do (reel_scaled_dot_product_attention's, and PyTorch's, say what may):
 *   attn_mask         [T,S] or [B H,T,S]; u8: 1 is hidden; of x's dtype: added to the scores
 *   key_padding_mask  [B,S], or [S] without a batch; likewise
 * Where both are given, both hold. Modules are owned, freed by reel_module_free; results are
 * borrowed. Vaswani et al., "Attention is all you need" (2017) */
#ifndef REEL_NN_TRANSFORMER_H
#define REEL_NN_TRANSFORMER_H

#include "../tensor/attention.h"
#include "../tensor/random.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct reel_module reel_module; /* nn.h */

/* ---- attention with several heads ---- */

/* kdim, vdim: what keys and values have for E; 0: E. generator: of the first values, which says the
 * device as well. dropout: of the weights, in training, drawn from a generator of the module's own
 * (reel_module_generator, "generator"), by seed; 0: one of reel_next_seed.
 * is_causal: query i looks at keys 0..i alone.
 * need_weights: a second result, the weights [B,T,S], the mean over heads, or with
 *     weights_by_head [B,H,T,S]; then the scores of all queries and keys are in memory, and a query
 *     that may look at nothing has NaN. */
typedef struct {
    double dropout;
    uint64_t seed;
    bool no_bias, add_bias_kv, add_zero_attn;
    int64_t kdim, vdim;
    bool batch_first, is_causal, need_weights, weights_by_head;
    reel_dtype dtype; /* f32 or f64 */
    reel_generator *generator;
} reel_multihead_attention_options;
/* query, key, value, key_padding_mask, attn_mask -> y (as query), weights if asked for. Without a
 * value that is the key, without a key the query: reel_forward(m, x) is self-attention.
 *
 *     y = concat(head_1, ..., head_H) out_proj.weight^T + out_proj.bias
 *     head_i = attention(query Wq_i^T + bq_i, key Wk_i^T + bk_i, value Wv_i^T + bv_i)
 *
 * Parameters: in_proj_weight[3E,E], of which Wq, Wk and Wv are thirds, or where kdim or vdim is not
 * E, q_proj_weight[E,E], k_proj_weight[E,kdim] and v_proj_weight[E,vdim]; in_proj_bias[3E];
 * bias_k and bias_v [1,1,E], a key and value behind all others (add_bias_kv); out_proj.weight[E,E],
 * out_proj.bias[E]. add_zero_attn: one key and value more, of zeros. */
REEL_API reel_module *reel_multihead_attention_new(int64_t embed_dim, int64_t num_heads,
                                                   reel_multihead_attention_options options);

/* ---- positions ---- */

/* pe[t, 2i] = sin(t / 10000^(2i / E)), pe[t, 2i+1] = cos of the same: [T,E], to be added to what is
 * embedded. Vaswani et al. (2017), section 3.5 */
REEL_API reel_tensor *reel_sinusoidal_positions_at(const char *at, int64_t length, int64_t width,
                                                   reel_dtype dtype, reel_device device);
#define reel_sinusoidal_positions(...) reel_sinusoidal_positions_at(REEL_HERE, __VA_ARGS__)

/* The cosines and sines of t base^(-2i / E), [2,T,E/2], for positions 0..T-1; base 0: 10000. To be
 * made once, and kept (reel_module_buffer). E is even. */
REEL_API reel_tensor *reel_rotary_table_at(const char *at, int64_t length, int64_t width,
                                           double base, reel_dtype dtype, reel_device device);
#define reel_rotary_table(...) reel_rotary_table_at(REEL_HERE, __VA_ARGS__)
/* Each pair of x[...,T,E] turned by its position's angle, so that products of queries and keys
 * depend on how far apart they are: (a, b) -> (a cos - b sin, b cos + a sin). Pairs are elements i
 * and i + E/2, or if interleaved 2i and 2i + 1, as in the paper. The positions are start, start +
 * 1, ..., of which the table must have as many. Su et al., "RoFormer" (2021), equation 34 */
REEL_API reel_tensor *reel_rotary_at(const char *at, reel_tensor *x, reel_tensor *table,
                                     int64_t start, bool interleaved);
#define reel_rotary(x, table, ...) reel_rotary_at(REEL_AT(x, table), x, table, __VA_ARGS__)

/* ---- layers of encoders and decoders ---- */

/* dim_feedforward: 0: 2048. dropout: 0: 0.1; REEL_ZERO: none. seed: of dropout; what drops by
 * itself, of which a layer has up to 6, takes it and those that follow; 0: of reel_next_seed.
 * activation: a function of ops.h; NULL: reel_relu_at. layer_norm_eps: 0: 1e-5. norm_first: layers
 * are normalized before they are applied, not after what they give was added. is_causal: of
 * self-attention. no_bias: of linear and normalizing layers too. */
typedef struct {
    int64_t dim_feedforward;
    double dropout;
    uint64_t seed;
    reel_tensor *(*activation)(const char *at, reel_tensor *x);
    double layer_norm_eps;
    bool batch_first, norm_first, no_bias, is_causal;
    reel_dtype dtype;
    reel_generator *generator;
} reel_transformer_options;

/* src, src_mask, src_key_padding_mask -> y:  x = norm1(x + self_attn(x)), x = norm2(x + ff(x)), or
 * with norm_first x + self_attn(norm1(x)), x + ff(norm2(x)); ff = linear2(activation(linear1(x))).
 * Dropout behind self_attn, behind the activation and behind linear2. */
REEL_API reel_module *reel_transformer_encoder_layer_new(int64_t d_model, int64_t nhead,
                                                         reel_transformer_options options);
/* tgt, memory, tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask -> y: the same
 * with multihead_attn, which looks at memory, norm2 and dropout2 between the two. */
REEL_API reel_module *reel_transformer_decoder_layer_new(int64_t d_model, int64_t nhead,
                                                         reel_transformer_options options);

/* Layers one after the other, "layers.0", "layers.1", ..., each drawn by itself, and with `norm` a
 * layer norm, "norm", behind the last. Inputs and results are a layer's. */
REEL_API reel_module *reel_transformer_encoder_new(int64_t d_model, int64_t nhead,
                                                   int64_t num_layers, bool norm,
                                                   reel_transformer_options options);
REEL_API reel_module *reel_transformer_decoder_new(int64_t d_model, int64_t nhead,
                                                   int64_t num_layers, bool norm,
                                                   reel_transformer_options options);

/* src, tgt, src_mask, tgt_mask, memory_mask, src_key_padding_mask, tgt_key_padding_mask,
 * memory_key_padding_mask -> y: "decoder" of tgt and of what "encoder" makes of src, both with
 * norm; is_causal is the decoder's. Weights are drawn as xavier_uniform. Numbers of layers: 0 is
 * none. */
REEL_API reel_module *reel_transformer_new(int64_t d_model, int64_t nhead,
                                           int64_t num_encoder_layers, int64_t num_decoder_layers,
                                           reel_transformer_options options);

/* ---- call sites: see error.h ---- */

#define reel_multihead_attention_new(...) REEL__CALL(reel_multihead_attention_new(__VA_ARGS__))
#define reel_transformer_encoder_layer_new(...)                                                    \
    REEL__CALL(reel_transformer_encoder_layer_new(__VA_ARGS__))
#define reel_transformer_decoder_layer_new(...)                                                    \
    REEL__CALL(reel_transformer_decoder_layer_new(__VA_ARGS__))
#define reel_transformer_encoder_new(...) REEL__CALL(reel_transformer_encoder_new(__VA_ARGS__))
#define reel_transformer_decoder_new(...) REEL__CALL(reel_transformer_decoder_new(__VA_ARGS__))
#define reel_transformer_new(...) REEL__CALL(reel_transformer_new(__VA_ARGS__))

#ifdef __cplusplus
}
#endif
#endif
