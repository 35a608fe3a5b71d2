/* What a call was told, made comparable: what lies between the fields of a struct, and behind it in
 * the union, and what a shape has behind its axes, is anything. */
#include "capture/capture_internal.h"

#include <stddef.h>
#include <string.h>

/* From the end of one field to where the next begins. */
static void clear(void *from, const void *to) {
    memset(from, 0, (size_t)((const char *)to - (char *)from));
}

static void clear_shape(reel_shape *s) {
    clear(&s->ndim + 1, s->dim);
    for (int i = s->ndim; i < REEL_MAX_DIMS; i++) s->dim[i] = 0;
}

#define BETWEEN(a, b) clear(&w->a + 1, &w->b)
#define BEHIND(a) clear(&w->a + 1, w + 1)

static void tidy_made(reel__with *w, reel__op op) {
    clear_shape(&w->made.shape);
    switch (op) {
    case REEL_OP_arange:
    case REEL_OP_linspace:
        BETWEEN(ramp.dtype, ramp.start);
        BEHIND(ramp.half);
        break;
    case REEL_OP_uniform:
    case REEL_OP_normal:
    case REEL_OP_randint: /* two numbers of eight bytes each */
        BETWEEN(uniform.dtype, uniform.low);
        BEHIND(uniform.high);
        break;
    case REEL_OP_fill:
    case REEL_OP_bernoulli_fill:
    case REEL_OP_attention_kept:
        BETWEEN(fill.dtype, fill.value);
        BEHIND(fill.value);
        break;
    default:
        BEHIND(made.dtype);
    }
}

static void tidy_along(reel__with *w, reel__op op) {
    switch (op) {
    case REEL_OP_cumsum:
        BETWEEN(scan.axis, scan.reverse);
        BEHIND(scan.reverse);
        break;
    case REEL_OP_topk:
    case REEL_OP_sort:
        BETWEEN(topk.axis, topk.k);
        BEHIND(topk.largest);
        break;
    case REEL_OP_slice_put:
        clear_shape(&w->slice.shape);
        BETWEEN(slice.axis, slice.start);
        BETWEEN(slice.step, slice.shape);
        BEHIND(slice.shape);
        break;
    default:
        BETWEEN(index.axis, index.size);
        BEHIND(index.dtype);
    }
}

void reel__tidy_told(reel__call *c) {
    reel__with *w = &c->with;
    const reel__kind kind = reel__ops[c->op].kind;
    if (kind == REEL__MAP) {
        BEHIND(map.checked);
        return;
    }
    if (kind == REEL__UPDATE) {
        BEHIND(update.carries);
        return;
    }
    switch (c->op) {
    case REEL_OP_fill:
    case REEL_OP_arange:
    case REEL_OP_linspace:
    case REEL_OP_uniform:
    case REEL_OP_normal:
    case REEL_OP_randint:
    case REEL_OP_randperm:
    case REEL_OP_bernoulli_fill:
    case REEL_OP_attention_kept:
        tidy_made(w, c->op);
        break;
    case REEL_OP_cumsum:
    case REEL_OP_topk:
    case REEL_OP_sort:
    case REEL_OP_slice_put:
    case REEL_OP_index_select:
    case REEL_OP_index_add:
    case REEL_OP_gather:
    case REEL_OP_scatter_add:
    case REEL_OP_dequantize_rows:
        tidy_along(w, c->op);
        break;
    case REEL_OP_softmax:
    case REEL_OP_log_softmax:
    case REEL_OP_flip:
    case REEL_OP_concat:
    case REEL_OP_stack:
        BEHIND(axis);
        break;
    case REEL_OP_cast:
    case REEL_OP_dequantize:
        BETWEEN(cast.dtype, cast.scale);
        BEHIND(cast.scale);
        break;
    case REEL_OP_one_hot:
        BEHIND(one_hot.dtype);
        break;
    case REEL_OP_multinomial:
        BEHIND(multinomial.replacement);
        break;
    case REEL_OP_attention:
    case REEL_OP_attention_grad:
        BEHIND(attention.causal);
        break;
    case REEL_OP_conv:
    case REEL_OP_conv_input_grad:
    case REEL_OP_conv_weight_grad:
        BETWEEN(conv.dilation, conv.groups);
        BEHIND(conv.size);
        break;
    case REEL_OP_standardize:
    case REEL_OP_standardize_grad:
        BETWEEN(norm.uncentred, norm.affine);
        BEHIND(norm.affine);
        break;
    case REEL_OP_recurrent:
    case REEL_OP_recurrent_grad:
        BEHIND(recurrent.reverse);
        break;
    case REEL_OP_track_statistics:
        BEHIND(track.cumulative);
        break;
    default:
        break;
    }
}
