// Tiny networks over tiles, for every activation and every precision of derivatives that there is.
#include "network/mlp_tiles.h"

#include "network/mlp_worker.h"

namespace neurfield {
namespace {

template <class P, class Run>
void with_activation(const Network& network, Run&& run) {
    if (network.softplus) {
        TileWorker<Softplus, P> worker(network, Softplus{network.beta});
        run(worker);
    } else {
        TileWorker<Relu, P> worker(network, Relu{});
        run(worker);
    }
}

// Calls run(worker) with the worker of the network's kind.
template <class Run>
void with_worker(const Network& network, Run&& run) {
#if defined(__AVX512F__)
    if (network.bf16_derivatives) return with_activation<Bfloat16>(network, run);
#endif
    with_activation<Float32>(network, run);
}

}  // namespace

void forward_tiles(const Network& network, const float* inputs, const int64_t* asked, float* outputs, float* gradient, bool sigmoid_output,
                   int64_t begin, int64_t end) {
    with_worker(network, [&](auto& worker) {
        for (int64_t first = begin; first < end; first += kTile)
            worker.forward(inputs, asked, outputs, gradient, sigmoid_output, first, end);
    });
}

void backward_tiles(const Network& network, const float* inputs, const int64_t* asked, const float* d_outputs, const float* d_gradient,
                    float* d_inputs, float* sums, bool sigmoid_output, int64_t begin, int64_t end) {
    with_worker(network, [&](auto& worker) {
        for (int64_t first = begin; first < end; first += kTile)
            worker.backward(inputs, asked, d_outputs, d_gradient, d_inputs, sums, sigmoid_output, first, end);
    });
}

}  // namespace neurfield
