// One thread's walk of a tiny network over tiles of points: value, spatial gradient, and the backward of both. Nothing is kept
// between the forward and the backward, which recomputes: a tile's activations cost less to make again than to bring from memory.
#pragma once

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "network/fused_mlp.h"

namespace neurfield {

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
    return [=](int row, int column, Vec even, Vec odd) {
        even.store(out + row * stride + column);
        odd.store(out + (row + 1) * stride + column);
    };
}

// Values are multiplied in float32, their derivatives in precision P: Float32, or Bfloat16 for a network packed so. Offsets `at` are
// the same in every float32 array of a hidden layer.
template <class Activation, class P = Float32>
class TileWorker {
    using Factors = Factor<typename P::Unit>;
    using Term = OuterTerm<P>;

public:
    // One worker of a kind at a time on a thread: they share its memory.
    TileWorker(const Network& network, Activation activation) : network_(network), activation_(activation), tiles_(own_tiles()) {
        const int64_t hidden = network.hidden_layers();
        const int64_t wide_in = padded(network.inputs()), wide_out = padded(network.outputs());
        static thread_local AlignedFloats storage;
        constexpr int64_t arrays = HiddenTile<P>::kArrays;
        tiles_.clear();
        float* free = storage.reserve(kTile * (hidden * arrays * network.widest + 5 * wide_in + 3 * wide_out));
        const auto take = [&](int64_t width) { return std::exchange(free, free + kTile * width); };
        for (int64_t l = 0; l < hidden; ++l) {
            const int64_t width = padded(network.layers[l].outputs);
            tiles_.emplace_back(take(arrays * width), width);
        }
        inputs_copy_ = take(wide_in);
        gradient_copy_ = take(wide_in);
        inputs_out_ = take(wide_in);
        outputs_copy_ = take(wide_out);
        outputs_out_ = take(wide_out);
        inputs_factors_ = take(wide_in);
        gradient_factors_ = take(wide_in);
        outputs_factors_ = take(wide_out);
    }

    // outputs [N, O], and the gradient [N, D] by the inputs of the output `asked` [N] for (null: the first) unless that is null.
    void forward(const float* inputs, const int64_t* asked, float* outputs, float* gradient, bool sigmoid_output, int64_t first,
                 int64_t end) {
        const int64_t count = std::min<int64_t>(kTile, end - first);
        const Rows in = read_rows(inputs, network_.inputs(), first, end, inputs_copy_);
        hidden_forward(in, gradient != nullptr);
        output_layer(sigmoid_output);
        write_rows(outputs + first * network_.outputs(), outputs_out_, network_.outputs(), count);
        if (gradient == nullptr) return;
        pull_back_heads<false>(asked != nullptr ? asked + first : nullptr, count);
        inputs_out(tiles_.front().pulled);
        write_rows(gradient + first * network_.inputs(), inputs_out_, network_.inputs(), count);
    }

    // Adds the weights' and biases' gradients into `sums` (laid out as Network says) and writes d_inputs [N, D]. `d_gradient` may be
    // null. Source: NeuS2, Sec. 3.3, with the curvature term that an activation other than ReLU brings.
    void backward(const float* inputs, const int64_t* asked, const float* d_outputs, const float* d_gradient, float* d_inputs, float* sums,
                  bool sigmoid_output, int64_t first, int64_t end) {
        const int64_t count = std::min<int64_t>(kTile, end - first);
        const int64_t wide_in = padded(network_.inputs()), wide_out = padded(network_.outputs());
        const Rows in = read_rows(inputs, network_.inputs(), first, end, inputs_copy_);
        Rows up_rows = read_rows(d_outputs, network_.outputs(), first, end, outputs_copy_);
        hidden_forward(in, true);
        const Factors in_factors = P::read_columns(in, network_.inputs(), {inputs_factors_, wide_in});
        for (const HiddenTile<P>& tile : tiles_) P::read_columns({tile.value, tile.stride}, tile.stride, tile.input);
        Factors seed{};
        if (d_gradient != nullptr) {
            const Rows rows = read_rows(d_gradient, network_.inputs(), first, end, gradient_copy_);
            seed = P::read(rows, network_.inputs(), {gradient_factors_, wide_in});
            const int64_t* own = asked != nullptr ? asked + first : nullptr;
            pull_back_heads<true>(own, count);
            head_sums(push_forward(seed), own, count, sums);
        }
        if (sigmoid_output) up_rows = through_sigmoid(up_rows);
        Factors up = P::read(up_rows, network_.outputs(), {outputs_factors_, wide_out});
        last_layer_sums(up, up_rows, sums);
        for (int64_t l = network_.hidden_layers() - 1; l >= 0; --l) {
            adjoint_of(l, up, d_gradient != nullptr);
            const HiddenTile<P>& tile = tiles_[l];
            const Layer& layer = network_.layers[l];
            const Term ordinary{l > 0 ? Factors(tiles_[l - 1].input) : in_factors, tile.adjoint};
            float* into = sums + layer.weight_gradient;
            if (d_gradient != nullptr)
                outer<P, 2>({ordinary, {l > 0 ? Factors(tiles_[l - 1].tangent) : seed, tile.pulled}}, layer.inputs, layer.outputs, into);
            else
                outer<P, 1>({ordinary}, layer.inputs, layer.outputs, into);
            add_column_sums(tile.adjoint, tile.stride, sums + layer.bias_gradient);
            up = tile.adjoint;
        }
        inputs_out(up);
        write_rows(d_inputs + first * network_.inputs(), inputs_out_, network_.inputs(), count);
    }

private:
    // a_l, and what act' needs where `keep` says so
    void hidden_forward(Rows below, bool keep) {
        for (size_t l = 0; l < tiles_.size(); ++l) {
            const HiddenTile<P>& tile = tiles_[l];
            const Layer& layer = network_.layers[l];
            product<Float32>(below.data, below.stride, layer.float32.forward, layer.inputs, layer.outputs, layer.padded_bias,
                             [&](int row, int column, Vec even, Vec odd) {
                                 const int64_t at = row * tile.stride + column;
                                 Activation::first(even).store(tile.value + at);
                                 Activation::first(odd).store(tile.value + at + tile.stride);
                             });
            if (keep)
                activation_.apply_and_keep(tile);
            else
                activation_.apply(tile);
            below = {tile.value, tile.stride};
        }
    }

    void output_layer(bool sigmoid_output) {
        const Layer& layer = network_.last();
        const HiddenTile<P>& tile = tiles_.back();
        const int64_t stride = padded(layer.outputs);
        product<Float32>(tile.value, tile.stride, layer.float32.forward, layer.inputs, layer.outputs, layer.padded_bias,
                         store_to(outputs_out_, stride));
        if (sigmoid_output)
            for (int64_t i = 0; i < kTile * stride; i += kLanes) {
                const auto z = Group<1>::load(outputs_out_ + i);
                sigmoid_from(z.at[0], exp2_of_minus_abs(z, 1.44269504f).at[0]).store(outputs_out_ + i);
            }
    }

    // Through a layer in either direction: store(row, column, even, odd) as `product` calls it.
    template <class Store>
    void through(const Layer& layer, Factors from, bool forwards, Store&& store) const {
        const auto& panels = layer.panels<P>();
        if (forwards)
            product<P>(from.rows, from.row_stride, panels.forward, layer.inputs, layer.outputs, nullptr, store);
        else
            product<P>(from.rows, from.row_stride, panels.backward, layer.outputs, layer.inputs, nullptr, store);
    }

    void inputs_out(Factors first) {
        const Layer& layer = network_.layers.front();
        through(layer, first, false, store_to(inputs_out_, padded(layer.inputs)));
    }

    // r_l = act'(z_l) s_l with s_{L-1} = row `asked` of W_L and s_l = W_{l+1}^T r_{l+1}: reverse mode from that output down to layer 1
    template <bool Keep>
    void pull_back_heads(const int64_t* asked, int64_t count) {
        const auto head = [&](int64_t row) { return network_.head(asked != nullptr && row < count ? asked[row] : 0); };
        const auto put = [this](const HiddenTile<P>& tile, int row, int64_t column, Vec even, Vec odd) {
            const int64_t at = row * tile.stride + column;
            if constexpr (Activation::curved && Keep) {
                even.store(tile.chain + at);
                odd.store(tile.chain + at + tile.stride);
            }
            tile.pulled.put(row, column, activation_.times_slope(tile, at, even), activation_.times_slope(tile, at + tile.stride, odd));
        };
        const HiddenTile<P>& top = tiles_.back();
        for (int row = 0; row < kTile; row += 2) {
            const float *even = head(row), *odd = head(row + 1);
            for (int64_t n = 0; n < top.stride; n += kLanes) put(top, row, n, Vec::load(even + n), Vec::load(odd + n));
        }
        for (int64_t l = network_.hidden_layers() - 2; l >= 0; --l) {
            const HiddenTile<P>& tile = tiles_[l];
            through(network_.layers[l + 1], tiles_[l + 1].pulled, false,
                    [&](int row, int column, Vec even, Vec odd) { put(tile, row, column, even, odd); });
        }
    }

    // q_l = W_l V_{l-1}, V_l = act'(z_l) q_l from the seed V_0 = d_gradient: forward mode up to V_{L-1}
    Factors push_forward(Factors below) {
        for (size_t l = 0; l < tiles_.size(); ++l) {
            const HiddenTile<P>& tile = tiles_[l];
            through(network_.layers[l], below, true, [&, this](int row, int column, Vec even, Vec odd) {
                const int64_t at = row * tile.stride + column;
                if constexpr (Activation::curved) {
                    even.store(tile.pushed + at);
                    odd.store(tile.pushed + at + tile.stride);
                }
                tile.tangent.put(row, column, activation_.times_slope(tile, at, even),
                                 activation_.times_slope(tile, at + tile.stride, odd));
            });
            below = tile.tangent;
        }
        return below;
    }

    // d W_L gets each point's V_{L-1} in the row that it asked for.
    void head_sums(Factors tangent, const int64_t* asked, int64_t count, float* sums) {
        const Layer& layer = network_.last();
        if (asked == nullptr) return add_column_sums(tangent, tiles_.back().stride, sums + layer.weight_gradient);
        const int64_t stride = padded(layer.outputs);
        std::fill_n(outputs_out_, kTile * stride, 0.0f);
        for (int64_t row = 0; row < count; ++row) outputs_out_[row * stride + asked[row]] = 1.0f;
        const Factors ones = P::read_columns({outputs_out_, stride}, stride, {outputs_factors_, stride});
        outer<P, 1>({{ones, tangent}}, layer.outputs, layer.inputs, sums + layer.weight_gradient);
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

    void last_layer_sums(Factors up, Rows up_rows, float* sums) {
        const Layer& layer = network_.last();
        outer<P, 1>({{up, tiles_.back().input}}, layer.outputs, layer.inputs, sums + layer.weight_gradient);
        float* bias = sums + layer.bias_gradient;
        for (int row = 0; row < kTile; ++row)
            for (int64_t n = 0; n < layer.outputs; ++n) bias[n] += up_rows.data[row * up_rows.stride + n];
    }

    // d loss / d z_l = act'(z_l) W_{l+1}^T (d loss / d z_{l+1}) + act''(z_l) s_l q_l
    void adjoint_of(int64_t l, Factors up, bool with_gradient) {
        const HiddenTile<P>& tile = tiles_[l];
        const auto bent = [&](int64_t at, Vec x) {
            return activation_.times_slope(tile, at, x) +
                   activation_.curvature(tile, at) * Vec::load(tile.chain + at) * Vec::load(tile.pushed + at);
        };
        if (Activation::curved && with_gradient)
            through(network_.layers[l + 1], up, false, [&](int row, int column, Vec even, Vec odd) {
                const int64_t at = row * tile.stride + column;
                tile.adjoint.put(row, column, bent(at, even), bent(at + tile.stride, odd));
            });
        else
            through(network_.layers[l + 1], up, false, [&, this](int row, int column, Vec even, Vec odd) {
                const int64_t at = row * tile.stride + column;
                tile.adjoint.put(row, column, activation_.times_slope(tile, at, even),
                                 activation_.times_slope(tile, at + tile.stride, odd));
            });
    }

    static void add_column_sums(Factors tile, int64_t stride, float* into) {
        const typename P::Unit ones = P::unit(1.0f, 1.0f);
        for (int64_t n = 0; n < stride; n += kLanes) {
            Vec total = Vec::load(into + n);
            for (int p = 0; p < kTile / P::kDepth; ++p) total = P::multiply_add(&ones, tile.columns + p * tile.column_stride + n, total);
            total.store(into + n);
        }
    }

    static std::vector<HiddenTile<P>>& own_tiles() {
        static thread_local std::vector<HiddenTile<P>> tiles;
        return tiles;
    }

    const Network& network_;
    Activation activation_;
    std::vector<HiddenTile<P>>& tiles_;
    float *inputs_copy_, *gradient_copy_, *inputs_out_, *outputs_copy_, *outputs_out_;
    float *inputs_factors_, *gradient_factors_, *outputs_factors_;  // where bfloat16 copies go
};

}  // namespace neurfield
