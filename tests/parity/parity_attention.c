/* Random shapes of attention: q, k, v, bias, g; param: causal, with a bias, none dropped. */
#include "tests/parity/parity_shapes.h"

void draw_attention(dice *d, op_shapes *s) {
    const int64_t b = dice_int(d, dice_one_in(d, 12) ? 0 : 1, 3), groups = dice_int(d, 1, 3),
                  heads = groups * dice_int(d, 1, 3);
    const int64_t t = dice_int(d, 1, dice_one_in(d, 6) ? 130 : 7),
                  k = dice_int(d, 1, dice_one_in(d, 6) ? 230 : 7),
                  e = dice_int(d, 1, dice_one_in(d, 4) ? 80 : 5),
                  f = dice_int(d, 1, dice_one_in(d, 4) ? 80 : 5);
    s->in[0] = reel_shape(b, heads, t, e);
    s->in[1] = reel_shape(b, groups, k, e);
    s->in[2] = reel_shape(b, groups, k, f);
    s->in[3] = reel_shape(b, heads, t, k);
    s->in[4] = reel_shape(b, t, heads, f);
    for (int i = 0; i < 4; i++)
        if (dice_one_in(d, 2)) s->in[3].dim[i] = 1;
    s->param[0] = dice_int(d, 0, 1);
    s->param[1] = dice_int(d, 0, 1);
}
