// Tiny networks on all threads. Weight gradients are summed over fixed parts of the points and then in the parts' order: whichever
// thread takes a part, and however many there are, the sums come out the same.
#include <pybind11/stl.h>

#include <algorithm>
#include <string>
#include <vector>

#include "common/families.h"
#include "common/parallel.h"
#include "common/tensor_view.h"
#include "network/mlp_worker.h"

namespace neurfield {
namespace {

constexpr int64_t kPart = 1024 / kTile * kTile;  // points
constexpr int64_t kMaxParts = 64;                // of which each has a buffer of sums

template <class Activation>
void forward(const Network& network, Activation activation, int64_t points, const float* inputs, float* outputs, float* gradient,
             bool sigmoid_output) {
    parallel_chunks(points, kPart, [&](int64_t begin, int64_t end) {
        TileWorker<Activation> worker(network, activation);
        for (int64_t first = begin; first < end; first += kTile) worker.forward(inputs, outputs, gradient, sigmoid_output, first, end);
    });
}

struct Derivatives {
    float* inputs;
    std::vector<float*> weights, biases;
};

// Copies one buffer of sums, laid out as Network says, into dense [outputs, inputs] and [outputs].
void unpack(const Network& network, const float* sums, const Derivatives& to) {
    for (size_t l = 0; l < network.layers.size(); ++l) {
        const Layer& layer = network.layers[l];
        const bool is_last = l + 1 == network.layers.size();
        const int64_t to_next_output = is_last ? padded(layer.inputs) : 1, to_next_input = is_last ? 1 : padded(layer.outputs);
        for (int64_t o = 0; o < layer.outputs; ++o)
            for (int64_t i = 0; i < layer.inputs; ++i)
                to.weights[l][o * layer.inputs + i] = sums[layer.weight_gradient + o * to_next_output + i * to_next_input];
        std::copy_n(sums + layer.bias_gradient, layer.outputs, to.biases[l]);
    }
}

template <class Activation>
void backward(const Network& network, Activation activation, int64_t points, const float* inputs, const float* d_outputs,
              const float* d_gradient, bool sigmoid_output, const Derivatives& to) {
    const int64_t tiles = (points + kTile - 1) / kTile;
    const int64_t part = std::max(kPart, (tiles + kMaxParts - 1) / kMaxParts * kTile);
    const int64_t parts = std::max<int64_t>(1, (points + part - 1) / part);
    const int64_t size = network.gradient_size;
    AlignedFloats storage;
    float* sums = storage.reserve(parts * size);
    std::fill_n(sums, size, 0.0f);
    parallel_chunks(points, part, [&](int64_t begin, int64_t end) {
        float* own = sums + begin / part * size;
        std::fill_n(own, size, 0.0f);
        TileWorker<Activation> worker(network, activation);
        for (int64_t first = begin; first < end; first += kTile)
            worker.backward(inputs, d_outputs, d_gradient, to.inputs, own, sigmoid_output, first, end);
    });
    for (int64_t i = 1; i < parts; ++i)
        for (int64_t n = 0; n < size; n += kLanes) (Vec::load(sums + n) + Vec::load(sums + i * size + n)).store(sums + n);
    unpack(network, sums, to);
}

using Objects = std::vector<py::object>;

Network make_network(const Objects& weights, const Objects& biases, int64_t inputs) {
    if (weights.size() < 2 || weights.size() != biases.size())
        throw py::value_error("neurfield native: 'weights' and 'biases' must have the same length, at least 2");
    Network network;
    for (size_t l = 0; l < weights.size(); ++l) {
        const TensorView<float, 2> weight(weights[l], "weights");
        const TensorView<float, 1> bias(biases[l], "biases");
        weight.expect(1, inputs, "weights");
        bias.expect(0, weight.shape(0), "biases");
        inputs = weight.shape(0);
        network.layers.push_back({.inputs = weight.shape(1), .outputs = weight.shape(0), .weight = weight.data(), .bias = bias.data()});
    }
    network.pack();
    return network;
}

template <class Run>
void with_activation(const std::string& name, float beta, Run&& run) {
    if (name == "relu") return run(Relu{});
    if (name == "softplus") return run(Softplus{beta});
    throw py::value_error("neurfield native: 'activation' must be relu or softplus");
}

void mlp_forward(const py::object& inputs_, const Objects& weights, const Objects& biases, const std::string& activation_name,
                 float beta, bool sigmoid_output, const py::object& outputs_, const py::object& gradient_) {
    const TensorView<float, 2> inputs(inputs_, "inputs"), outputs(outputs_, "outputs");
    const Network network = make_network(weights, biases, inputs.shape(1));
    outputs.expect(0, inputs.shape(0), "outputs");
    outputs.expect(1, network.outputs(), "outputs");
    float* gradient = nullptr;
    if (!gradient_.is_none()) {
        const TensorView<float, 2> view(gradient_, "gradient");
        view.expect(0, inputs.shape(0), "gradient");
        view.expect(1, inputs.shape(1), "gradient");
        gradient = view.data();
    }
    with_activation(activation_name, beta, [&](auto activation) {
        const py::gil_scoped_release release;
        forward(network, activation, inputs.shape(0), inputs.data(), outputs.data(), gradient, sigmoid_output);
    });
}

void mlp_backward(const py::object& inputs_, const Objects& weights, const Objects& biases, const std::string& activation_name,
                  float beta, bool sigmoid_output, const py::object& d_outputs_, const py::object& d_gradient_,
                  const py::object& d_inputs_, const Objects& d_weights_, const Objects& d_biases_) {
    const TensorView<float, 2> inputs(inputs_, "inputs"), d_outputs(d_outputs_, "d_outputs"), d_inputs(d_inputs_, "d_inputs");
    const Network network = make_network(weights, biases, inputs.shape(1));
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
    if (d_weights_.size() != weights.size() || d_biases_.size() != weights.size())
        throw py::value_error("neurfield native: 'd_weights' and 'd_biases' must be as many as the weights");
    Derivatives to{.inputs = d_inputs.data(), .weights = {}, .biases = {}};
    for (size_t l = 0; l < weights.size(); ++l) {
        const TensorView<float, 2> weight(d_weights_[l], "d_weights");
        const TensorView<float, 1> bias(d_biases_[l], "d_biases");
        weight.expect(0, network.layers[l].outputs, "d_weights");
        weight.expect(1, network.layers[l].inputs, "d_weights");
        bias.expect(0, network.layers[l].outputs, "d_biases");
        to.weights.push_back(weight.data());
        to.biases.push_back(bias.data());
    }
    with_activation(activation_name, beta, [&](auto activation) {
        const py::gil_scoped_release release;
        backward(network, activation, inputs.shape(0), inputs.data(), d_outputs.data(), d_gradient, sigmoid_output, to);
    });
}

}  // namespace

void bind_fused_mlp(py::module_& module) {
    module.def("mlp_forward", &mlp_forward, py::arg("inputs"), py::arg("weights"), py::arg("biases"), py::arg("activation"),
               py::arg("beta"), py::arg("sigmoid_output"), py::arg("outputs"), py::arg("gradient"));
    module.def("mlp_backward", &mlp_backward, py::arg("inputs"), py::arg("weights"), py::arg("biases"), py::arg("activation"),
               py::arg("beta"), py::arg("sigmoid_output"), py::arg("d_outputs"), py::arg("d_gradient"), py::arg("d_inputs"),
               py::arg("d_weights"), py::arg("d_biases"));
}

}  // namespace neurfield
