/* Cases of every row of tensor/ops.def: see parity_case.h. Of those that change their inputs only
 * the names: parity_optim has them. */
#include "tests/parity/parity_case.h"

static const op_case *const cases[REEL_OP_COUNT] = {
#define REEL_OP(name, inputs, kind, dtypes, rule, saves, gradient) [REEL_OP_##name] = &case_##name,
#include "tensor/ops.def"
};

/* Of probabilities, outside of which PyTorch refuses them or they mean nothing. */
static bool takes_probabilities(reel__op op) {
    return op == REEL_OP_bce || op == REEL_OP_bce_grad;
}

int main(int argc, char **argv) {
    record r;
    if (!record_open(&r, argc, argv)) return 2;
    for (int op = 0; op < REEL_OP_COUNT; op++) {
        const reel__op_info *info = &reel__ops[op];
        op_case c = *cases[op];
        c.probabilities = takes_probabilities((reel__op)op);
        if (c.no_layouts)
            record_subject(&r, "op", info->name);
        else
            parity_cases(&r, &(parity_subject){.family = "op",
                                               .name = info->name,
                                               .c = &c,
                                               .dtypes = info->dtypes,
                                               .differentiable = info->gradient == REEL__GRAD});
    }
    return record_close(&r);
}
