// A network as the CPU's kernels take it, from what crossed from Python, and the way back of its gradients.
#pragma once

#include <algorithm>

#include "network/fused_mlp.h"
#include "network/network_arguments.h"

namespace neurfield {

inline Network make_network(const CheckedNetwork& from) {
    if (from.precision == Precision::float16) throw py::value_error("neurfield native: 'precision' float16 needs a GPU");
    if (from.precision == Precision::bfloat16 && !has_bf16())
        throw py::value_error("neurfield native: 'precision' bfloat16 needs AVX-512 with bf16 dot products, which are not here");
    Network network;
    network.softplus = from.softplus;
    network.beta = from.beta;
    network.layers.reserve(from.layers.size());
    for (const CheckedLayer& layer : from.layers)
        network.layers.push_back({.inputs = layer.inputs, .outputs = layer.outputs, .weight = layer.weight, .bias = layer.bias});
    network.pack(from.precision == Precision::bfloat16);
    return network;
}

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

}  // namespace neurfield
