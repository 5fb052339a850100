// How a network crosses from Python: its weights and biases in, their gradients out. Shared by the network's own calls and by the
// field queries that run it on what they encoded.
#pragma once

#include <pybind11/stl.h>

#include <algorithm>
#include <string>
#include <vector>

#include "common/tensor_view.h"
#include "network/fused_mlp.h"

namespace neurfield {

using Objects = std::vector<py::object>;

// `activation` is relu, or softplus with its beta; `precision` is that of derivatives: float32, or bfloat16 where the processor has it.
inline Network make_network(const Objects& weights, const Objects& biases, int64_t inputs, const std::string& activation, float beta,
                            const std::string& precision) {
    if (activation != "relu" && activation != "softplus")
        throw py::value_error("neurfield native: 'activation' must be relu or softplus");
    if (precision != "float32" && precision != "bfloat16")
        throw py::value_error("neurfield native: 'precision' must be float32 or bfloat16");
    if (precision == "bfloat16" && !has_bf16())
        throw py::value_error("neurfield native: 'precision' bfloat16 needs AVX-512 with bf16 dot products, which are not here");
    if (weights.size() < 2 || weights.size() != biases.size())
        throw py::value_error("neurfield native: 'weights' and 'biases' must have the same length, at least 2");
    Network network;
    network.softplus = activation == "softplus";
    network.beta = beta;
    network.layers.reserve(weights.size());
    for (size_t l = 0; l < weights.size(); ++l) {
        const TensorView<float, 2> weight(weights[l], "weights");
        const TensorView<float, 1> bias(biases[l], "biases");
        weight.expect(1, inputs, "weights");
        bias.expect(0, weight.shape(0), "biases");
        inputs = weight.shape(0);
        network.layers.push_back({.inputs = weight.shape(1), .outputs = weight.shape(0), .weight = weight.data(), .bias = bias.data()});
    }
    network.pack(precision == "bfloat16");
    return network;
}

// Where the gradients of weights [outputs, inputs] and biases [outputs] go, layer by layer.
struct Derivatives {
    std::vector<float*> weights, biases;
};

// Copies one buffer of sums, laid out as Network says, into dense [outputs, inputs] and [outputs].
inline void unpack(const Network& network, const float* sums, const Derivatives& to) {
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

inline Derivatives derivatives_of(const Network& network, const Objects& d_weights, const Objects& d_biases) {
    if (d_weights.size() != network.layers.size() || d_biases.size() != network.layers.size())
        throw py::value_error("neurfield native: 'd_weights' and 'd_biases' must be as many as the weights");
    Derivatives to;
    for (size_t l = 0; l < network.layers.size(); ++l) {
        const TensorView<float, 2> weight(d_weights[l], "d_weights");
        const TensorView<float, 1> bias(d_biases[l], "d_biases");
        weight.expect(0, network.layers[l].outputs, "d_weights");
        weight.expect(1, network.layers[l].inputs, "d_weights");
        bias.expect(0, network.layers[l].outputs, "d_biases");
        to.weights.push_back(weight.data());
        to.biases.push_back(bias.data());
    }
    return to;
}

}  // namespace neurfield
