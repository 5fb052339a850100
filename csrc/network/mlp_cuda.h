// A tiny network on the GPU as other kernels' hosts use it: weights checked and packed, then forward and backward over device pointers.
#pragma once

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <optional>
#include <string>
#include <vector>

#include "common/tensor_view.h"
#include "cuda/scratch.h"
#include "network/mlp_layers.h"

namespace neurfield::cuda {

using Objects = std::vector<py::object>;

// Which formats derivatives are multiplied in; values always as float32.
enum class MlpPrecision { float32, bfloat16, float16 };

// The hidden width that kernels pad to, or 0 if there is none: 16, 32, 64 or 128.
int padded_width(int widest);

// Whether a network with so many inputs and layers of these outputs fits: hidden layers of at most 128 units, and few enough for the
// GPU's shared memory.
bool mlp_serves(int64_t inputs, const std::vector<int64_t>& outputs);

class Mlp {
public:
    // Packs the weights, in the order of the stream. Raises ValueError naming what does not fit.
    Mlp(const Objects& weights, const Objects& biases, int64_t inputs, const std::string& activation, float beta, const std::string& precision);

    int inputs() const { return net_.at[0].inputs; }
    int outputs() const { return net_.last().outputs; }

    // outputs [count, O], and d outputs[:, 0] / d inputs [count, D] unless that is null. Rows of inputs and gradient are `row` floats apart.
    void forward(int64_t count, const float* inputs, int64_t row, float* outputs, float* gradient, bool sigmoid) const;

    // d_inputs [count, D]; the gradients of weights and biases are overwritten. `d_gradient` may be null. Rows of inputs, d_gradient and
    // d_inputs are `row` floats apart.
    void backward(int64_t count, const float* inputs, int64_t row, const float* d_outputs, const float* d_gradient, bool sigmoid,
                  float* d_inputs, const Objects& d_weights, const Objects& d_biases) const;

private:
    void pack(const py::object& like);

    MlpLayers net_{};
    MlpPrecision precision_;
    py::object like_;
    std::optional<Scratch> packed_;
};

}  // namespace neurfield::cuda
