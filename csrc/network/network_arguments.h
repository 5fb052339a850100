// How a network crosses from Python: its weights and biases in, their gradients out. Shared by the network's own calls and by the field
// queries that run it on what they encoded, on the CPU and on the GPU.
#pragma once

#include <pybind11/stl.h>

#include <string>
#include <vector>

#include "common/arguments.h"

namespace neurfield {

using Objects = std::vector<py::object>;

// Python's `Network`: layers as torch.nn.Linear holds them, `activation` relu, or softplus with its beta, and the precision in which
// derivatives are multiplied: float32, or bfloat16 or float16 where they are.
struct NetworkArguments {
    Objects weights, biases;
    std::string activation;
    float beta;
    std::string precision;
};

struct CheckedLayer {
    int64_t inputs, outputs;
    const float *weight, *bias;
};

enum class Precision { float32, bfloat16, float16 };

struct CheckedNetwork {
    std::vector<CheckedLayer> layers;
    bool softplus;
    float beta;
    Precision precision;

    int64_t inputs() const { return layers.front().inputs; }
    int64_t outputs() const { return layers.back().outputs; }
};

// A network that takes so many inputs.
inline CheckedNetwork checked(const NetworkArguments& network, int64_t inputs) {
    const auto refuse = [](const char* what) { throw py::value_error(std::string("neurfield native: ") + what); };
    const bool softplus = network.activation == "softplus";
    if (!softplus && network.activation != "relu") refuse("'activation' must be relu or softplus");
    const bool bfloat16 = network.precision == "bfloat16", float16 = network.precision == "float16";
    if (!bfloat16 && !float16 && network.precision != "float32") refuse("'precision' must be float32, bfloat16 or float16");
    if (network.weights.size() < 2 || network.weights.size() != network.biases.size())
        refuse("'weights' and 'biases' must have the same length, at least 2");
    CheckedNetwork found{{}, softplus, network.beta, bfloat16 ? Precision::bfloat16 : float16 ? Precision::float16 : Precision::float32};
    for (size_t l = 0; l < network.weights.size(); ++l) {
        const auto weight = view_of(network.weights[l], "weights", kAny, inputs);
        const int64_t outputs = weight.shape(0);
        found.layers.push_back({inputs, outputs, weight.data(), tensor_of(network.biases[l], "biases", outputs)});
        inputs = outputs;
    }
    return found;
}

// Where the gradients of weights [outputs, inputs] and biases [outputs] go, layer by layer.
struct Derivatives {
    std::vector<float*> weights, biases;
};

inline Derivatives derivatives_of(const CheckedNetwork& network, const Objects& d_weights, const Objects& d_biases) {
    if (d_weights.size() != network.layers.size() || d_biases.size() != network.layers.size())
        throw py::value_error("neurfield native: 'd_weights' and 'd_biases' must be as many as the weights");
    Derivatives to;
    for (size_t l = 0; l < network.layers.size(); ++l) {
        const CheckedLayer& layer = network.layers[l];
        to.weights.push_back(tensor_of(d_weights[l], "d_weights", layer.outputs, layer.inputs));
        to.biases.push_back(tensor_of(d_biases[l], "d_biases", layer.outputs));
    }
    return to;
}

// Of each point the output whose gradient is asked for; null for None: the first.
inline const int64_t* asked_of(const py::object& row, int64_t count, int64_t outputs) {
    return row.is_none() ? nullptr : rows_below(view_of<int64_t>(row, "row", count), outputs, "row");
}

struct NetworkForward {
    const py::object& like;  // a tensor where the others are
    CheckedNetwork network;
    bool sigmoid;
    int64_t count;
    const float* inputs;        // [count, D]
    const int64_t* asked;       // [count] or null
    float *outputs, *gradient;  // [count, O]; [count, D] or null
};

inline NetworkForward mlp_forward_of(const py::object& inputs_, const NetworkArguments& network_, bool sigmoid, const py::object& row,
                                     const py::object& outputs, const py::object& gradient) {
    const auto inputs = view_of(inputs_, "inputs", kAny, kAny);
    const CheckedNetwork network = checked(network_, inputs.shape(1));
    const int64_t count = inputs.shape(0);
    float* to = tensor_of(outputs, "outputs", count, network.outputs());
    const int64_t* asked = asked_of(row, count, network.outputs());
    return {inputs_, network, sigmoid, count, inputs.data(), asked, to, optional_of(gradient, "gradient", count, network.inputs())};
}

struct NetworkBackward {
    const py::object& like;  // a tensor where the others are
    CheckedNetwork network;
    bool sigmoid;
    int64_t count;
    const float* inputs;                  // [count, D]
    const int64_t* asked;                 // [count] or null
    const float *d_outputs, *d_gradient;  // [count, O], [count, D] or null
    float* d_inputs;                      // [count, D]
    Derivatives to;
};

inline NetworkBackward mlp_backward_of(const py::object& inputs_, const NetworkArguments& network_, bool sigmoid, const py::object& row,
                                       const py::object& d_outputs, const py::object& d_gradient, const py::object& d_inputs,
                                       const Objects& d_weights, const Objects& d_biases) {
    const auto inputs = view_of(inputs_, "inputs", kAny, kAny);
    const CheckedNetwork network = checked(network_, inputs.shape(1));
    const int64_t count = inputs.shape(0), width = network.inputs();
    const int64_t* asked = asked_of(row, count, network.outputs());
    const float* above = tensor_of(d_outputs, "d_outputs", count, network.outputs());
    const float* change = optional_of(d_gradient, "d_gradient", count, width);
    float* below = tensor_of(d_inputs, "d_inputs", count, width);
    const Derivatives to = derivatives_of(network, d_weights, d_biases);
    return {inputs_, network, sigmoid, count, inputs.data(), asked, above, change, below, to};
}

inline void bind_network_arguments(py::module_& module) {
    py::class_<NetworkArguments>(module, "Network", py::module_local()).def(py::init<Objects, Objects, std::string, float, std::string>());
}

}  // namespace neurfield
