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

void forward(const Network& network, int64_t points, const float* inputs, float* outputs, float* gradient, bool sigmoid_output) {
    parallel_chunks(points, kPart, [&](int64_t begin, int64_t end) {
        forward_tiles(network, inputs, outputs, gradient, sigmoid_output, begin, end);
    });
}

void backward(const Network& network, int64_t points, const float* inputs, const float* d_outputs, const float* d_gradient,
              bool sigmoid_output, float* d_inputs, const Derivatives& to) {
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
        backward_tiles(network, inputs, d_outputs, d_gradient, d_inputs, own, sigmoid_output, begin, end);
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

void mlp_forward(const py::object& inputs_, const Objects& weights, const Objects& biases, const std::string& activation,
                 float beta, bool sigmoid_output, const py::object& outputs_, const py::object& gradient_, const std::string& precision) {
    const TensorView<float, 2> inputs(inputs_, "inputs"), outputs(outputs_, "outputs");
    const Network network = make_network(weights, biases, inputs.shape(1), activation, beta, precision);
    outputs.expect(0, inputs.shape(0), "outputs");
    outputs.expect(1, network.outputs(), "outputs");
    float* gradient = nullptr;
    if (!gradient_.is_none()) {
        const TensorView<float, 2> view(gradient_, "gradient");
        view.expect(0, inputs.shape(0), "gradient");
        view.expect(1, inputs.shape(1), "gradient");
        gradient = view.data();
    }
    const py::gil_scoped_release release;
    forward(network, inputs.shape(0), inputs.data(), outputs.data(), gradient, sigmoid_output);
}

void mlp_backward(const py::object& inputs_, const Objects& weights, const Objects& biases, const std::string& activation,
                  float beta, bool sigmoid_output, const py::object& d_outputs_, const py::object& d_gradient_,
                  const py::object& d_inputs_, const Objects& d_weights_, const Objects& d_biases_, const std::string& precision) {
    const TensorView<float, 2> inputs(inputs_, "inputs"), d_outputs(d_outputs_, "d_outputs"), d_inputs(d_inputs_, "d_inputs");
    const Network network = make_network(weights, biases, inputs.shape(1), activation, beta, precision);
    d_outputs.expect(0, inputs.shape(0), "d_outputs");
    d_outputs.expect(1, network.outputs(), "d_outputs");
    d_inputs.expect(0, inputs.shape(0), "d_inputs");
    d_inputs.expect(1, inputs.shape(1), "d_inputs");
    const float* d_gradient = nullptr;
    if (!d_gradient_.is_none()) {
        const TensorView<float, 2> view(d_gradient_, "d_gradient");
        view.expect(0, inputs.shape(0), "d_gradient");
        view.expect(1, inputs.shape(1), "d_gradient");
        d_gradient = view.data();
    }
    const Derivatives to = derivatives_of(network, d_weights_, d_biases_);
    const py::gil_scoped_release release;
    backward(network, inputs.shape(0), inputs.data(), d_outputs.data(), d_gradient, sigmoid_output, d_inputs.data(), to);
}

}  // namespace

void bind_fused_mlp(py::module_& module) {
    module.def("has_bf16", &has_bf16);
    module.def("has_float16", [] { return false; });
    module.def("mlp_serves", [](int64_t, const std::vector<int64_t>&) { return true; });  // any network
    module.def("mlp_forward", &mlp_forward, py::arg("inputs"), py::arg("weights"), py::arg("biases"), py::arg("activation"),
               py::arg("beta"), py::arg("sigmoid_output"), py::arg("outputs"), py::arg("gradient"), py::arg("precision"));
    module.def("mlp_backward", &mlp_backward, py::arg("inputs"), py::arg("weights"), py::arg("biases"), py::arg("activation"),
               py::arg("beta"), py::arg("sigmoid_output"), py::arg("d_outputs"), py::arg("d_gradient"), py::arg("d_inputs"),
               py::arg("d_weights"), py::arg("d_biases"), py::arg("precision"));
}

}  // namespace neurfield
