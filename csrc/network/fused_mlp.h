// A tiny fully connected network as its kernels see it: packed weights, activations with their derivatives, and the weight
// gradients' buffers.
//
// Symbols (layer l = 1 .. L, hidden ones 1 .. L-1): z_l = W_l a_{l-1} + b_l, a_l = act(z_l), a_0 the inputs, y = z_L the outputs.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>

#include "common/aligned_floats.h"
#include "common/simd.h"
#include "common/simd_math.h"
#include "network/tile_product.h"

namespace neurfield {

// A layer's weights as products read them. forward: W^T, a_{l-1} -> z_l; backward: W, adjoint of z_l -> adjoint of a_{l-1}.
template <class P>
struct Panels {
    typename P::Unit *forward, *backward;
};

struct Layer {
    int64_t inputs, outputs;
    const float* weight;  // [outputs, inputs]
    const float* bias;    // [outputs]
    float* padded_bias;
    Panels<Float32> float32;
#if defined(__AVX512F__)
    Panels<Bfloat16> bfloat16;
#endif
    // Offsets into one thread's gradient buffer. A hidden layer's weight gradient is kept as [inputs, padded(outputs)], the last
    // layer's as [outputs, padded(inputs)]: the hidden width is the one that fills whole vectors.
    int64_t weight_gradient, bias_gradient;

    template <class P>
    const Panels<P>& panels() const {
#if defined(__AVX512F__)
        if constexpr (std::is_same_v<P, Bfloat16>)
            return bfloat16;
        else
#endif
            return float32;
    }
};

struct Network {
    std::vector<Layer> layers;
    const float* heads = nullptr;  // rows of the last weight, padded
    int64_t widest = 0;            // padded widths of hidden layers
    int64_t gradient_size = 0;     // floats of one thread's gradient buffer
    bool softplus = false;         // else ReLU
    float beta = 0.0f;             // of softplus
    bool bf16_derivatives = false;
    AlignedFloats storage;

    const Layer& last() const { return layers.back(); }
    int64_t hidden_layers() const { return static_cast<int64_t>(layers.size()) - 1; }
    int64_t inputs() const { return layers.front().inputs; }
    int64_t outputs() const { return layers.back().outputs; }
    const float* head(int64_t output) const { return heads + output * padded(last().inputs); }  // d y_output / d a_{L-1}

    // Packs the weights once per call; layers hold inputs, outputs, weight and bias already. Derivatives are multiplied in bfloat16 if
    // `bf16_derivatives`, which the processor must know; values always in float32.
    void pack(bool bf16_derivatives_ = false) {
        bf16_derivatives = bf16_derivatives_;
        int64_t total = last().outputs * padded(last().inputs);
        for (const Layer& layer : layers)
            total += 2 * ((layer.inputs + 1) * padded(layer.outputs) + (layer.outputs + 1) * padded(layer.inputs)) + padded(layer.outputs);
        float* free = storage.reserve(total);
        const auto take = [&](int64_t count) { return std::exchange(free, free + count); };
        for (size_t i = 0; i < layers.size(); ++i) {
            Layer& layer = layers[i];
            const int64_t in = layer.inputs, out = layer.outputs;
            layer.padded_bias = take(padded(out));
            free = pack_layer(layer, layer.float32, free);
#if defined(__AVX512F__)
            if (bf16_derivatives) free = pack_layer(layer, layer.bfloat16, free);
#endif
            for (int64_t n = 0; n < padded(out); ++n) layer.padded_bias[n] = n < out ? layer.bias[n] : 0.0f;
            const bool is_last = i + 1 == layers.size();
            layer.weight_gradient = std::exchange(gradient_size, gradient_size + (is_last ? out * padded(in) : in * padded(out)));
            layer.bias_gradient = std::exchange(gradient_size, gradient_size + padded(out));
            if (!is_last) widest = std::max(widest, padded(out));
        }
        const int64_t in = last().inputs, stride = padded(in);
        float* rows = take(last().outputs * stride);
        for (int64_t o = 0; o < last().outputs; ++o)
            for (int64_t n = 0; n < stride; ++n) rows[o * stride + n] = n < in ? last().weight[o * in + n] : 0.0f;
        heads = rows;
    }

private:
    template <class P>
    static float* pack_layer(const Layer& layer, Panels<P>& panels, float* free) {
        const float* w = layer.weight;
        const int64_t in = layer.inputs, out = layer.outputs;
        panels.forward = reinterpret_cast<typename P::Unit*>(free);
        panels.backward = pack_panel<P>(panels.forward, in, out, [=](int64_t k, int64_t n) { return w[n * in + k]; });
        return reinterpret_cast<float*>(pack_panel<P>(panels.backward, out, in, [=](int64_t k, int64_t n) { return w[k * in + n]; }));
    }
};

// What one tile keeps of a hidden layer; every array is [kTile, stride]. Those that products read are in the derivatives' precision P.
template <class P>
struct HiddenTile {
    using Factors = typename P::Tile;

    static constexpr int kArrays = std::is_same_v<P, Float32> ? 7 : 8;

    // kArrays * kTile * stride floats of memory
    HiddenTile(float* memory, int64_t stride_)
        : stride(stride_), value(memory), slope(array(memory, 1)), chain(array(memory, 2)), pushed(array(memory, 3)),
          pulled(array(memory, 4), stride), tangent(array(memory, 5), stride), adjoint(array(memory, 6), stride),
          input(std::is_same_v<P, Float32> ? value : array(memory, 7), stride) {}

    int64_t stride;
    float* value;    // a
    float* slope;    // act'(z)                              (Softplus only)
    float* chain;    // s = W_{l+1}^T r_{l+1}                (Softplus only)
    float* pushed;   // q = W_l V_{l-1}                      (Softplus only)
    Factors pulled;   // r = act'(z) s = d y_k / d z, k the output asked for
    Factors tangent;  // V = act'(z) q
    Factors adjoint;  // d loss / d z
    Factors input;    // a again, for weight gradients

private:
    float* array(float* memory, int i) const { return memory + i * kTile * stride; }
};

// Each activation: `first` is what of it is done when z leaves the product, `apply` the rest over a tile that holds first(z) in
// `value`; `apply_and_keep` also stores what derivatives need. `times_slope` is act'(z) x, `curvature` act''(z).
struct Relu {
    static constexpr bool curved = false;

    static Vec first(Vec z) { return max(Vec(0.0f), z); }
    template <class Tile> void apply(const Tile&) const {}
    template <class Tile> void apply_and_keep(const Tile&) const {}
    template <class Tile> Vec times_slope(const Tile& tile, int64_t at, Vec x) const {
        return Vec(Vec::load(tile.value + at).v > 0.0f ? x.v : FloatLanes{});
    }
    template <class Tile> Vec curvature(const Tile&, int64_t) const { return Vec(0.0f); }
};

// softplus(z) = max(z, 0) + log(1 + t) / beta with t = exp(-beta |z|): no overflow, and exact tails on both sides.
struct Softplus {
    static constexpr bool curved = true;
    static constexpr int kGroup = 4;
    float beta;

    static Vec first(Vec z) { return z; }
    template <class Tile> void apply(const Tile& tile) const { walk<false>(tile); }
    template <class Tile> void apply_and_keep(const Tile& tile) const { walk<true>(tile); }
    template <class Tile> Vec times_slope(const Tile& tile, int64_t at, Vec x) const { return x * Vec::load(tile.slope + at); }
    template <class Tile> Vec curvature(const Tile& tile, int64_t at) const {
        const Vec slope = Vec::load(tile.slope + at);
        return Vec(beta) * (slope - slope * slope);
    }

private:
    template <bool Keep, class Tile>
    void walk(const Tile& tile) const {
        static_assert(kTile % kGroup == 0);
        const float scale = beta * 1.44269504f, share = 1.0f / beta;
        for (int64_t at = 0; at < kTile * tile.stride; at += kGroup * kLanes) {
            const auto z = Group<kGroup>::load(tile.value + at);
            const auto t = exp2_of_minus_abs(z, scale);
            auto a = log1p_of_unit(t);
#pragma GCC unroll 16
            for (int i = 0; i < kGroup; ++i) a.at[i] = fma(a.at[i], Vec(share), max(Vec(0.0f), z.at[i]));
            a.store(tile.value + at);
            if constexpr (Keep)
#pragma GCC unroll 16
                for (int i = 0; i < kGroup; ++i) sigmoid_from(z.at[i], t.at[i]).store(tile.slope + at + i * kLanes);
        }
    }
};

}  // namespace neurfield
