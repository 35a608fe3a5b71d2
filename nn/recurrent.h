/* Recurrent layers: sequences through units that keep a state. Owned, freed by reel_module_free.
 *
 *     reel_module *lstm = reel_lstm_new(128, 256, (reel_recurrent_options){.num_layers = 2});
 *     reel_tensor *y, *h, *c;
 *     reel_run(lstm, reel_results(&y, &h, &c), x);                // x[T,B,128] -> y[T,B,256]
 *     reel_run(lstm, reel_results(&y, &h, &c), next, h, c);       // goes on from there
 *
 * Names, order and defaults are PyTorch's, and so are the parameters of layer k, weight_ih_l<k>[G
 * hidden, in], weight_hh_l<k>[G hidden, hidden], bias_ih_l<k> and bias_hh_l<k>, and with
 * "_reverse" those that go from the end to the beginning: all are drawn from U(-a, a), a =
 * 1 / sqrt(hidden). G counts gates: 1, of an LSTM 4 (i, f, g, o), of a GRU 3 (r, z, n).
 *
 * s(x) = 1 / (1 + e^-x), * by element; each product with x and with h has its bias:
 *
 *     RNN   h' = tanh(W_ih x + W_hh h), or relu
 *     LSTM  i, f, o = s(...), g = tanh(...);  c' = f * c + i * g;  h' = o * tanh(c')
 *     GRU   r, z = s(...);  n = tanh(W_in x + r * (W_hn h));  h' = (1 - z) * n + z * h
 *
 * Sources: Hochreiter and Schmidhuber, "Long short-term memory" (1997); Cho et al., "Learning
 * phrase representations using RNN encoder-decoder" (2014). An LSTM's projection (proj_size) is
 * left out. */
#ifndef REEL_NN_RECURRENT_H
#define REEL_NN_RECURRENT_H

#include "../tensor/random.h"
#include "../tensor/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct reel_module reel_module; /* nn.h */

typedef struct {
    int num_layers;     /* 1; each takes what the one before it gives */
    bool bidirectional; /* a second set of units goes from the end to the beginning: y has both */
    bool batch_first;   /* x and y are [B,T,...] */
    bool no_bias;
    bool relu;                 /* of an RNN: PyTorch's nonlinearity = "relu" */
    double dropout;            /* of y between layers, in training: 0..1 */
    uint64_t seed;             /* of dropout; 0: one of reel_next_seed */
    reel_dtype dtype;          /* f32 or f64 */
    reel_generator *generator; /* says the device as well; NULL: one of reel_next_seed on the CPU */
} reel_recurrent_options;

/* x[T,B,in], h[L D,B,hidden] -> y[T,B,D hidden], h[L D,B,hidden]: L layers, D directions (2 of a
 * bidirectional one), layer by layer, each forwards before backwards. An LSTM has c beside h, both
 * of which are given, or neither. Those not given are zeros. Without a batch: x[T,in], h[L D,
 * hidden] -> y[T,D hidden].
 *
 *     reel_run(rnn, reel_results(&y, &h), x, h, lengths);          also of a GRU
 *     reel_run(lstm, reel_results(&y, &h, &c), x, h, c, lengths);
 *
 * lengths (i64[B], NULL: all are T) say how many steps of each sequence there are: behind them y is
 * 0, and h and c are those after the last step, where the way back begins. So PyTorch's
 * pack_padded_sequence and pad_packed_sequence go, but the sequences need no order. One above T
 * counts as T, one below 1 as none.
 *
 * All steps of x go into one product; the gradient goes back in one op. Result borrowed.
 *
 * Errors: sizes below 1, num_layers below 0, dropout outside [0, 1]; shapes that do not fit, no
 * step at all, dtypes that differ, one of h and c alone. */
REEL_API reel_module *reel_rnn_new(int64_t in, int64_t hidden, reel_recurrent_options options);
REEL_API reel_module *reel_lstm_new(int64_t in, int64_t hidden, reel_recurrent_options options);
REEL_API reel_module *reel_gru_new(int64_t in, int64_t hidden, reel_recurrent_options options);

/* A single step: x[B,in], h[B,hidden] -> h[B,hidden], and of an LSTM x, h, c -> h, c; or all of
 * them without a batch. A state not given is zeros. Parameters weight_ih, weight_hh, bias_ih,
 * bias_hh. */
typedef struct {
    bool no_bias;
    bool relu; /* of an RNN */
    reel_dtype dtype;
    reel_generator *generator;
} reel_recurrent_cell_options;
REEL_API reel_module *reel_rnn_cell_new(int64_t in, int64_t hidden,
                                        reel_recurrent_cell_options options);
REEL_API reel_module *reel_lstm_cell_new(int64_t in, int64_t hidden,
                                         reel_recurrent_cell_options options);
REEL_API reel_module *reel_gru_cell_new(int64_t in, int64_t hidden,
                                        reel_recurrent_cell_options options);

/* ---- call sites: see error.h ---- */

#define reel_rnn_new(...) REEL__CALL(reel_rnn_new(__VA_ARGS__))
#define reel_lstm_new(...) REEL__CALL(reel_lstm_new(__VA_ARGS__))
#define reel_gru_new(...) REEL__CALL(reel_gru_new(__VA_ARGS__))
#define reel_rnn_cell_new(...) REEL__CALL(reel_rnn_cell_new(__VA_ARGS__))
#define reel_lstm_cell_new(...) REEL__CALL(reel_lstm_cell_new(__VA_ARGS__))
#define reel_gru_cell_new(...) REEL__CALL(reel_gru_cell_new(__VA_ARGS__))

#ifdef __cplusplus
}
#endif
#endif
