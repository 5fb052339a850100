// Tiny networks on all threads. Weight gradients are summed over fixed parts of the points and then in the parts' order: whichever
// thread takes a part, and however many there are, the sums come out the same.
#include <algorithm>

#include "common/families.h"
#include "common/parallel.h"
#include "network/mlp_arguments.h"
#include "network/mlp_tiles.h"

namespace neurfield {
namespace {

constexpr int64_t kPart = 1024 / kTile * kTile;  // points
constexpr int64_t kMaxParts = 64;                // of which each has a buffer of sums

void forward(const Network& network, int64_t points, const float* inputs, const int64_t* asked, float* outputs, float* gradient,
             bool sigmoid_output) {
    parallel_chunks(points, kPart, [&](int64_t begin, int64_t end) {
        forward_tiles(network, inputs, asked, outputs, gradient, sigmoid_output, begin, end);
    });
}

void backward(const Network& network, int64_t points, const float* inputs, const int64_t* asked, const float* d_outputs,
              const float* d_gradient, bool sigmoid_output, float* d_inputs, const Derivatives& to) {
    const int64_t tiles = (points + kTile - 1) / kTile;
    const int64_t part = std::max(kPart, (tiles + kMaxParts - 1) / kMaxParts * kTile);
    const int64_t parts = std::max<int64_t>(1, (points + part - 1) / part);
    const int64_t size = network.gradient_size;
    static thread_local AlignedFloats storage;
    float* sums = storage.reserve(parts * size);
    if (points == 0) std::fill_n(sums, size, 0.0f);
    parallel_chunks(points, part, [&](int64_t begin, int64_t end) {
        float* own = sums + begin / part * size;
        std::fill_n(own, size, 0.0f);
        backward_tiles(network, inputs, asked, d_outputs, d_gradient, d_inputs, own, sigmoid_output, begin, end);
    });
    parallel_chunks(size, 128 * kLanes, [&](int64_t begin, int64_t end) {
        for (int64_t n = begin; n < end; n += kLanes) {
            Vec total = Vec::load(sums + n);
            for (int64_t i = 1; i < parts; ++i) total += Vec::load(sums + i * size + n);
            total.store(sums + n);
        }
    });
    unpack(network, sums, to);
}

void mlp_forward(const NetworkForward& call) {
    const Network network = make_network(call.network);
    const py::gil_scoped_release release;
    forward(network, call.count, call.inputs, call.asked, call.outputs, call.gradient, call.sigmoid);
}

void mlp_backward(const NetworkBackward& call) {
    const Network network = make_network(call.network);
    const py::gil_scoped_release release;
    backward(network, call.count, call.inputs, call.asked, call.d_outputs, call.d_gradient, call.sigmoid, call.d_inputs, call.to);
}

}  // namespace

void bind_fused_mlp(py::module_& module) {
    module.def("has_bf16", &has_bf16);
    module.def("has_float16", [] { return false; });
    module.def("mlp_serves", [](int64_t, const std::vector<int64_t>&) { return true; });  // any network
    bind_network_arguments(module);
    define(module, "mlp_forward", mlp_forward_of, mlp_forward);
    define(module, "mlp_backward", mlp_backward_of, mlp_backward);
}

}  // namespace neurfield
