// One thread's walk of a tiny network over tiles of points: value, spatial gradient, and the backward of both. Nothing is kept
// between the forward and the backward, which recomputes: a tile's activations cost less to make again than to bring from memory.
#pragma once

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "network/fused_mlp.h"

namespace neurfield {

// A tile's rows of one [N, width] tensor: the tensor itself, or a zero-filled copy for the last, incomplete tile.
struct Rows {
    const float* data;
    int64_t stride;
};

// The tile that starts at row `first`, of which rows up to `end` are ours.
inline Rows read_rows(const float* tensor, int64_t width, int64_t first, int64_t end, float* copy) {
    const float* rows = tensor + first * width;
    const int64_t floats = kTile * width, left = (end - first) * width;
    if (left >= floats) return {rows, width};
    std::memcpy(copy, rows, left * sizeof(float));
    std::memset(copy + left, 0, (floats - left) * sizeof(float));
    return {copy, width};
}

// Copies rows of a padded tile into a [N, width] tensor. Whole vectors overshoot into the next row, which is written after; the last
// row is exact.
inline void write_rows(float* to, const float* from, int64_t width, int64_t count) {
    const int64_t stride = padded(width);
    if (width < kLanes) {
        for (int64_t row = 0; row < count; ++row)
            for (int64_t n = 0; n < width; ++n) to[row * width + n] = from[row * stride + n];
        return;
    }
    for (int64_t row = 0; row + 1 < count; ++row)
        for (int64_t n = 0; n < width; n += kLanes) Vec::load(from + row * stride + n).store(to + row * width + n);
    std::memcpy(to + (count - 1) * width, from + (count - 1) * stride, width * sizeof(float));
}

inline auto store_to(float* out, int64_t stride) {
    return [=](int row, int column, Vec x) { x.store(out + row * stride + column); };
}

// Offsets `at` are the same in every array of a hidden layer.
template <class Activation>
class TileWorker {
public:
    TileWorker(const Network& network, Activation activation) : network_(network), activation_(activation) {
        const int64_t hidden = network.hidden_layers();
        const int64_t wide_in = padded(network.inputs()), wide_out = padded(network.outputs());
        static thread_local AlignedFloats storage;
        float* free = storage.reserve(kTile * (hidden * 7 * network.widest + 3 * wide_in + 2 * wide_out));
        const auto take = [&](int64_t width) { return std::exchange(free, free + kTile * width); };
        for (int64_t l = 0; l < hidden; ++l) {
            const int64_t width = padded(network.layers[l].outputs);
            tiles_.push_back({width, take(width), take(width), take(width), take(width), take(width), take(width), take(width)});
        }
        inputs_copy_ = take(wide_in);
        gradient_copy_ = take(wide_in);
        inputs_out_ = take(wide_in);
        outputs_copy_ = take(wide_out);
        outputs_out_ = take(wide_out);
    }

    // outputs [N, O], and d outputs[:, 0] / d inputs [N, D] unless that is null.
    void forward(const float* inputs, float* outputs, float* gradient, bool sigmoid_output, int64_t first, int64_t end) {
        const int64_t count = std::min<int64_t>(kTile, end - first);
        const Rows in = read_rows(inputs, network_.inputs(), first, end, inputs_copy_);
        hidden_forward(in, gradient != nullptr);
        output_layer(sigmoid_output);
        write_rows(outputs + first * network_.outputs(), outputs_out_, network_.outputs(), count);
        if (gradient == nullptr) return;
        pull_back_head<false>();
        const Layer& layer = network_.layers.front();
        product(tiles_.front().pulled, tiles_.front().stride, layer.backward_panel, layer.outputs, layer.inputs, nullptr,
                store_to(inputs_out_, padded(layer.inputs)));
        write_rows(gradient + first * layer.inputs, inputs_out_, layer.inputs, count);
    }

    // Adds the weights' and biases' gradients into `sums` (laid out as Network says) and writes d_inputs [N, D]. `d_gradient` may be
    // null. Source: NeuS2, Sec. 3.3, with the curvature term that an activation other than ReLU brings.
    void backward(const float* inputs, const float* d_outputs, const float* d_gradient, float* d_inputs, float* sums,
                  bool sigmoid_output, int64_t first, int64_t end) {
        const int64_t count = std::min<int64_t>(kTile, end - first);
        const Rows in = read_rows(inputs, network_.inputs(), first, end, inputs_copy_);
        Rows up = read_rows(d_outputs, network_.outputs(), first, end, outputs_copy_);
        Rows seed{nullptr, 0};
        hidden_forward(in, true);
        if (d_gradient != nullptr) {
            seed = read_rows(d_gradient, network_.inputs(), first, end, gradient_copy_);
            pull_back_head<true>();
            push_forward(seed, sums);
        }
        if (sigmoid_output) up = through_sigmoid(up);
        last_layer_sums(up, sums);
        for (int64_t l = network_.hidden_layers() - 1; l >= 0; --l) {
            adjoint_of(l, up, d_gradient != nullptr);
            const HiddenTile& tile = tiles_[l];
            const Layer& layer = network_.layers[l];
            const Rows below = l > 0 ? Rows{tiles_[l - 1].value, tiles_[l - 1].stride} : in;
            const OuterTerm ordinary{below.data, below.stride, tile.adjoint, tile.stride};
            float* into = sums + layer.weight_gradient;
            if (d_gradient != nullptr) {
                const Rows pushed = l > 0 ? Rows{tiles_[l - 1].tangent, tiles_[l - 1].stride} : seed;
                outer<2>({ordinary, {pushed.data, pushed.stride, tile.pulled, tile.stride}}, layer.inputs, layer.outputs, into);
            } else {
                outer<1>({ordinary}, layer.inputs, layer.outputs, into);
            }
            add_column_sums(tile.adjoint, tile.stride, sums + layer.bias_gradient);
            up = {tile.adjoint, tile.stride};
        }
        const Layer& layer = network_.layers.front();
        product(up.data, up.stride, layer.backward_panel, layer.outputs, layer.inputs, nullptr,
                store_to(inputs_out_, padded(layer.inputs)));
        write_rows(d_inputs + first * layer.inputs, inputs_out_, layer.inputs, count);
    }

private:
    // a_l, and what act' needs where `keep` says so
    void hidden_forward(Rows below, bool keep) {
        for (size_t l = 0; l < tiles_.size(); ++l) {
            const HiddenTile& tile = tiles_[l];
            const Layer& layer = network_.layers[l];
            product(below.data, below.stride, layer.forward_panel, layer.inputs, layer.outputs, layer.padded_bias,
                    [&](int row, int column, Vec z) { Activation::first(z).store(tile.value + row * tile.stride + column); });
            if (keep) activation_.apply_and_keep(tile); else activation_.apply(tile);
            below = {tile.value, tile.stride};
        }
    }

    void output_layer(bool sigmoid_output) {
        const Layer& layer = network_.last();
        const HiddenTile& tile = tiles_.back();
        const int64_t stride = padded(layer.outputs);
        product(tile.value, tile.stride, layer.forward_panel, layer.inputs, layer.outputs, layer.padded_bias,
                store_to(outputs_out_, stride));
        if (sigmoid_output)
            for (int64_t i = 0; i < kTile * stride; i += kLanes) {
                const auto z = Group<1>::load(outputs_out_ + i);
                sigmoid_from(z.at[0], exp2_of_minus_abs(z, 1.44269504f).at[0]).store(outputs_out_ + i);
            }
    }

    // r_l = act'(z_l) s_l with s_{L-1} = row 0 of W_L and s_l = W_{l+1}^T r_{l+1}: reverse mode from output 0 down to layer 1
    template <bool Keep>
    void pull_back_head() {
        const HiddenTile& top = tiles_.back();
        for (int row = 0; row < kTile; ++row)
            for (int64_t n = 0; n < top.stride; n += kLanes) {
                const int64_t at = row * top.stride + n;
                const Vec s = Vec::load(network_.head + n);
                if constexpr (Activation::curved && Keep) s.store(top.chain + at);
                activation_.times_slope(top, at, s).store(top.pulled + at);
            }
        for (int64_t l = network_.hidden_layers() - 2; l >= 0; --l) {
            const HiddenTile &tile = tiles_[l], &above = tiles_[l + 1];
            const Layer& layer = network_.layers[l + 1];
            product(above.pulled, above.stride, layer.backward_panel, layer.outputs, layer.inputs, nullptr,
                    [&, this](int row, int column, Vec s) {
                        const int64_t at = row * tile.stride + column;
                        if constexpr (Activation::curved && Keep) s.store(tile.chain + at);
                        activation_.times_slope(tile, at, s).store(tile.pulled + at);
                    });
        }
    }

    // q_l = W_l V_{l-1}, V_l = act'(z_l) q_l from the seed V_0 = d_gradient: forward mode; d W_L gets V_{L-1} in row 0
    void push_forward(Rows below, float* sums) {
        for (size_t l = 0; l < tiles_.size(); ++l) {
            const HiddenTile& tile = tiles_[l];
            const Layer& layer = network_.layers[l];
            product(below.data, below.stride, layer.forward_panel, layer.inputs, layer.outputs, nullptr,
                    [&, this](int row, int column, Vec q) {
                        const int64_t at = row * tile.stride + column;
                        if constexpr (Activation::curved) q.store(tile.pushed + at);
                        activation_.times_slope(tile, at, q).store(tile.tangent + at);
                    });
            below = {tile.tangent, tile.stride};
        }
        add_column_sums(below.data, below.stride, sums + network_.last().weight_gradient);
    }

    // d y -> d z_L for y = sigmoid(z_L)
    Rows through_sigmoid(Rows up) {
        output_layer(true);
        const int64_t width = network_.outputs(), stride = padded(width);
        for (int row = 0; row < kTile; ++row)
            for (int64_t n = 0; n < width; ++n) {
                float& y = outputs_out_[row * stride + n];
                y = up.data[row * up.stride + n] * y * (1.0f - y);
            }
        return {outputs_out_, stride};
    }

    void last_layer_sums(Rows up, float* sums) {
        const Layer& layer = network_.last();
        const HiddenTile& tile = tiles_.back();
        outer<1>({{up.data, up.stride, tile.value, tile.stride}}, layer.outputs, layer.inputs, sums + layer.weight_gradient);
        float* bias = sums + layer.bias_gradient;
        for (int row = 0; row < kTile; ++row)
            for (int64_t n = 0; n < layer.outputs; ++n) bias[n] += up.data[row * up.stride + n];
    }

    // d loss / d z_l = act'(z_l) W_{l+1}^T (d loss / d z_{l+1}) + act''(z_l) s_l q_l
    void adjoint_of(int64_t l, Rows up, bool with_gradient) {
        const HiddenTile& tile = tiles_[l];
        const Layer& layer = network_.layers[l + 1];
        const auto walk = [&](auto&& store) {
            product(up.data, up.stride, layer.backward_panel, layer.outputs, layer.inputs, nullptr, store);
        };
        if (Activation::curved && with_gradient)
            walk([&, this](int row, int column, Vec x) {
                const int64_t at = row * tile.stride + column;
                const Vec bent = activation_.curvature(tile, at) * Vec::load(tile.chain + at) * Vec::load(tile.pushed + at);
                (activation_.times_slope(tile, at, x) + bent).store(tile.adjoint + at);
            });
        else
            walk([&, this](int row, int column, Vec x) {
                const int64_t at = row * tile.stride + column;
                activation_.times_slope(tile, at, x).store(tile.adjoint + at);
            });
    }

    static void add_column_sums(const float* tile, int64_t stride, float* into) {
        for (int64_t n = 0; n < stride; n += kLanes) {
            Vec total = Vec::load(into + n);
            for (int row = 0; row < kTile; ++row) total += Vec::load(tile + row * stride + n);
            total.store(into + n);
        }
    }

    const Network& network_;
    Activation activation_;
    std::vector<HiddenTile> tiles_;
    float *inputs_copy_, *gradient_copy_, *inputs_out_, *outputs_copy_, *outputs_out_;
};

}  // namespace neurfield
