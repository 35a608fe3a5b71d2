/* The vector code of recurrent layers. Compiled once for each instruction set, as cpu_loops.c is.
 */
#include "tensor/cpu/loops/cpu_recurrent_internal.h"

#include "tensor/cpu/loops/cpu_formulas_internal.h"

#define REAL float
#define R(name) name##_f32
#include "tensor/cpu/loops/cpu_recurrent_of_internal.h"
#undef REAL
#undef R

#define REAL double
#define R(name) name##_f64
#include "tensor/cpu/loops/cpu_recurrent_of_internal.h"

#define NAME_(set) reel__recurrents_##set
#define NAME(set) NAME_(set)

const reel__recurrents NAME(REEL_SIMD) = {
    .forward = {[REEL__CELL_TANH] = {tanh_forward_f32, tanh_forward_f64},
                [REEL__CELL_RELU] = {relu_forward_f32, relu_forward_f64},
                [REEL__CELL_LSTM] = {lstm_forward_f32, lstm_forward_f64},
                [REEL__CELL_GRU] = {gru_forward_f32, gru_forward_f64}},
    .back = {[REEL__CELL_TANH] = {tanh_backward_f32, tanh_backward_f64},
             [REEL__CELL_RELU] = {relu_backward_f32, relu_backward_f64},
             [REEL__CELL_LSTM] = {lstm_backward_f32, lstm_backward_f64},
             [REEL__CELL_GRU] = {gru_backward_f32, gru_backward_f64}},
};
