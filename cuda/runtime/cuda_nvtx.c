/* NVTX: ranges of the host that Nsight Systems and its like show, "matmul model.c:31". Without such
 * a tool a range is a look at a pointer. */
#include "tensor/core/profile_internal.h"

#include <nvtx3/nvToolsExt.h>

static void push(const char *name, const char *at) {
    char text[256], site[160] = "";
    if (at) reel__site_text(site, sizeof site, at);
    snprintf(text, sizeof text, *site ? "%.90s %s" : "%.90s%s", name, site);
    nvtxRangePushA(text);
}

static void pop(void) {
    nvtxRangePop();
}

static const reel__ranges ranges = {push, pop};

const reel__ranges *reel__cuda_ranges(void) {
    return &ranges;
}
