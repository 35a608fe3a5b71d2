/* Reel: a small autograd tensor framework in C.
 *
 *     tensor/     tensors, shapes, views, scopes, errors, ops, random numbers
 *     autograd/   the tape, backward, gradient checks
 *     capture/    training steps that are replayed
 *     nn/         modules, layers, losses, initialisers, meters
 *     optim/      optimizers, schedules, gradient clipping
 *     data/       datasets, samplers, collate, loader
 *     io/         MNIST, pictures, safetensors, checkpoints, history, plots
 *
 * Start with tensor/tensor.h: ownership and errors are the same everywhere. */
#ifndef REEL_H
#define REEL_H

#include "autograd/autograd.h"
#include "capture/capture.h"
#include "data/data.h"
#include "io/io.h"
#include "nn/nn.h"
#include "optim/ema.h"
#include "optim/optim.h"
#include "tensor/attention.h"
#include "tensor/convolution.h"
#include "tensor/distances.h"
#include "tensor/einsum.h"
#include "tensor/error.h"
#include "tensor/nonlinear.h"
#include "tensor/normalization.h"
#include "tensor/ops.h"
#include "tensor/profile.h"
#include "tensor/random.h"
#include "tensor/state.h"
#include "tensor/tensor.h"
#include "tensor/version.h"
#include "tensor/windows.h"

#endif
