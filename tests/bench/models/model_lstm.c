/* A language model of two layers of LSTM, of the size that word models were compared by. Zaremba et
 * al., "Recurrent neural network regularization" (2014): the medium one */
#include "tests/bench/models/models.h"

enum { WORDS = 10000, WIDTH = 650 };

typedef struct {
    reel_module base;
    reel_module *drop, *encoder, *rnn, *decoder;
} lstm;

static reel_tensor *forward(reel_module *base, reel_tensor *x) {
    const lstm *m = (lstm *)base;
    reel_tensor *y = reel_forward(m->drop, reel_forward(m->encoder, x));
    return reel_forward(m->decoder, reel_forward(m->drop, reel_forward(m->rnn, y)));
}

reel_module *lstm_new(model_options o) {
    lstm *m = model_struct(sizeof *m, "lstm", forward);
    m->drop = reel_module_child(&m->base, "drop", reel_dropout_new(o.dropout, 1));
    m->encoder =
        reel_module_child(&m->base, "encoder",
                          reel_embedding_new(WORDS, WIDTH,
                                             (reel_embedding_layer_options){
                                                 .dtype = o.dtype, .generator = o.generator}));
    m->rnn = reel_module_child(&m->base, "rnn",
                               reel_lstm_new(WIDTH, WIDTH,
                                             (reel_recurrent_options){.num_layers = 2,
                                                                      .dropout = o.dropout,
                                                                      .batch_first = true,
                                                                      .dtype = o.dtype,
                                                                      .generator = o.generator}));
    m->decoder = reel_module_child(
        &m->base, "decoder",
        reel_linear_new(WIDTH, WORDS,
                        (reel_linear_options){.dtype = o.dtype, .generator = o.generator}));
    return &m->base;
}
