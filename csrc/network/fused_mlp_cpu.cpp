// Value, spatial gradient, and the backward of both for a tiny network, tile by tile: nothing is kept between the forward and the
// backward, which recomputes (a tile's activations cost less to make again than to bring back from memory).
#include <pybind11/stl.h>

#include <cstring>
#include <optional>
#include <string>

#include "common/families.h"
#include "common/parallel.h"
#include "common/tensor_view.h"
#include "network/fused_mlp.h"

namespace neurfield {
namespace {

// A tile's rows of one [N, width] tensor: the tensor itself, or a zero-filled copy for the last, incomplete tile.
struct Rows {
    const float* data;
    int64_t stride;
};

Rows read_rows(const float* tensor, int64_t width, int64_t first, int64_t count, float* copy) {
    if (count == kTile) return {tensor + first * width, width};
    std::memcpy(copy, tensor + first * width, count * width * sizeof(float));
    std::memset(copy + count * width, 0, (kTile - count) * width * sizeof(float));
    return {copy, width};
}

// Copies rows of a padded tile into a [N, width] tensor. Whole vectors overshoot into the next row, written after; the last is exact.
void write_rows(float* to, const float* from, int64_t width, int64_t count) {
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

auto store_to(float* out, int64_t stride) {
    return [=](int row, int column, Vec x) { x.store(out + row * stride + column); };
}

// One thread's walk over its tiles. Offsets `at` are the same in every array of a hidden layer.
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
    void forward(const float* inputs, float* outputs, float* gradient, bool sigmoid_output, int64_t first, int64_t count) {
        const Rows in = read_rows(inputs, network_.inputs(), first, count, inputs_copy_);
        hidden_forward(in, gradient != nullptr);
        output_layer(sigmoid_output);
        write_rows(outputs + first * network_.outputs(), outputs_out_, network_.outputs(), count);
        if (gradient == nullptr) return;
        pull_back_head();
        const Layer& layer = network_.layers.front();
        product(tiles_.front().pulled, tiles_.front().stride, layer.backward_panel, layer.outputs, layer.inputs, nullptr,
                store_to(inputs_out_, padded(layer.inputs)));
        write_rows(gradient + first * layer.inputs, inputs_out_, layer.inputs, count);
    }

    // Adds the weights' and biases' gradients into `sums` (laid out as Network says) and writes d_inputs [N, D]. `d_gradient` may be
    // null. Source: NeuS2, Sec. 3.3, with the curvature term that an activation other than ReLU brings.
    void backward(const float* inputs, const float* d_outputs, const float* d_gradient, float* d_inputs, float* sums,
                  bool sigmoid_output, int64_t first, int64_t count) {
        const Rows in = read_rows(inputs, network_.inputs(), first, count, inputs_copy_);
        Rows up = read_rows(d_outputs, network_.outputs(), first, count, outputs_copy_);
        Rows seed{nullptr, 0};
        hidden_forward(in, true);
        if (d_gradient != nullptr) {
            seed = read_rows(d_gradient, network_.inputs(), first, count, gradient_copy_);
            pull_back_head();
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
            const auto walk = [&](auto&& store) {
                product(below.data, below.stride, layer.forward_panel, layer.inputs, layer.outputs, layer.padded_bias, store);
            };
            if (keep)
                walk([&, this](int row, int column, Vec z) { activation_.keep(tile, row * tile.stride + column, z); });
            else
                walk([&, this](int row, int column, Vec z) { activation_.value(z).store(tile.value + row * tile.stride + column); });
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
            for (int64_t i = 0; i < kTile * stride; i += kLanes) sigmoid(Vec::load(outputs_out_ + i)).store(outputs_out_ + i);
    }

    // r_l = act'(z_l) s_l with s_{L-1} = row 0 of W_L and s_l = W_{l+1}^T r_{l+1}: reverse mode from output 0 down to layer 1
    void pull_back_head() {
        const HiddenTile& top = tiles_.back();
        for (int row = 0; row < kTile; ++row)
            for (int64_t n = 0; n < top.stride; n += kLanes) {
                const int64_t at = row * top.stride + n;
                const Vec s = Vec::load(network_.head + n);
                if constexpr (Activation::curved) s.store(top.chain + at);
                activation_.times_slope(top, at, s).store(top.pulled + at);
            }
        for (int64_t l = network_.hidden_layers() - 2; l >= 0; --l) {
            const HiddenTile &tile = tiles_[l], &above = tiles_[l + 1];
            const Layer& layer = network_.layers[l + 1];
            product(above.pulled, above.stride, layer.backward_panel, layer.outputs, layer.inputs, nullptr,
                    [&, this](int row, int column, Vec s) {
                        const int64_t at = row * tile.stride + column;
                        if constexpr (Activation::curved) s.store(tile.chain + at);
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

// Calls visit(worker, first, count, thread) for every tile; a thread's tiles depend on the number of threads only.
template <class Activation, class Visit>
void for_each_tile(const Network& network, Activation activation, int64_t points, Visit&& visit) {
    parallel_parts(points, kTile, [&](int thread, int64_t begin, int64_t end) {
        TileWorker<Activation> worker(network, activation);
        for (int64_t first = begin; first < end; first += kTile) visit(worker, first, std::min<int64_t>(kTile, end - first), thread);
    });
}

// Adds the threads' sums up, in the threads' order, into dense [outputs, inputs] and [outputs].
void reduce(const Network& network, const float* sums, int64_t size, float* const* d_weights, float* const* d_biases) {
    for (size_t l = 0; l < network.layers.size(); ++l) {
        const Layer& layer = network.layers[l];
        const bool is_last = l + 1 == network.layers.size();
        const int64_t to_next_output = is_last ? padded(layer.inputs) : 1, to_next_input = is_last ? 1 : padded(layer.outputs);
        const auto total = [&](int64_t at) {
            float value = 0.0f;
            for (; at < size; at += network.gradient_size) value += sums[at];
            return value;
        };
        for (int64_t o = 0; o < layer.outputs; ++o) {
            for (int64_t i = 0; i < layer.inputs; ++i)
                d_weights[l][o * layer.inputs + i] = total(layer.weight_gradient + o * to_next_output + i * to_next_input);
            d_biases[l][o] = total(layer.bias_gradient + o);
        }
    }
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
        for_each_tile(network, activation, inputs.shape(0), [&](auto& worker, int64_t first, int64_t count, int) {
            worker.forward(inputs.data(), outputs.data(), gradient, sigmoid_output, first, count);
        });
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
    std::vector<float*> d_weights, d_biases;
    for (size_t l = 0; l < weights.size(); ++l) {
        const TensorView<float, 2> weight(d_weights_[l], "d_weights");
        const TensorView<float, 1> bias(d_biases_[l], "d_biases");
        weight.expect(0, network.layers[l].outputs, "d_weights");
        weight.expect(1, network.layers[l].inputs, "d_weights");
        bias.expect(0, network.layers[l].outputs, "d_biases");
        d_weights.push_back(weight.data());
        d_biases.push_back(bias.data());
    }
    with_activation(activation_name, beta, [&](auto activation) {
        const py::gil_scoped_release release;
        AlignedFloats storage;
        const int64_t size = network.gradient_size * max_threads();
        float* sums = storage.reserve(size);
        std::fill_n(sums, size, 0.0f);
        for_each_tile(network, activation, inputs.shape(0), [&](auto& worker, int64_t first, int64_t count, int thread) {
            worker.backward(inputs.data(), d_outputs.data(), d_gradient, d_inputs.data(), sums + thread * network.gradient_size,
                            sigmoid_output, first, count);
        });
        reduce(network, sums, size, d_weights.data(), d_biases.data());
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
