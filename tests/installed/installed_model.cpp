// A user's first C++ program: what C writes as compound literals is there too.
#include <reel/reel.h>

#include <cstring>
#include <vector>

int main() {
    reel_manual_seed(7);
    reel_module *m = reel_sequential(reel_linear_new(4, 3, {}), reel_relu_new(),
                                     reel_linear_new(3, 2, {}));
    double loss;
    {
        REEL_SCOPE;
        const std::vector<float> ones(32, 1.0f);
        reel_tensor *x = reel_from(ones.data(), reel_shape(ones.size() / 4, 4), REEL_F32);
        reel_tensor *both = reel_concat(0, x, reel_in_place(neg, reel_zeros_like(x)));
        reel_tensor *y = reel_forward(m, both);
        loss = reel_item(reel_huber_loss(y, reel_zeros_like(y)));
    }
    reel_module_free(m);
    return reel_report(stderr) || !(loss > 0) || std::strcmp(reel_version(), REEL_VERSION) != 0;
}
