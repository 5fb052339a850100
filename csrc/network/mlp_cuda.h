// A tiny network on the GPU as other kernels' hosts use it: weights checked and packed, then forward and backward over device pointers.
#pragma once

#include <optional>
#include <vector>

#include "cuda/scratch.h"
#include "network/mlp_layers.h"
#include "network/network_arguments.h"

namespace neurfield::cuda {

// The hidden width that kernels pad to, or 0 if there is none: 16, 32, 64 or 128.
int padded_width(int widest);

// Whether a network with so many inputs and layers of these outputs fits: hidden layers of at most 128 units, and few enough for the
// GPU's shared memory.
bool mlp_serves(int64_t inputs, const std::vector<int64_t>& outputs);

class Mlp {
public:
    // Packs the weights, in the order of the stream. Raises ValueError naming what does not fit. `like` is a tensor on the device.
    Mlp(const CheckedNetwork& network, const py::object& like);

    int inputs() const { return net_.at[0].inputs; }
    int outputs() const { return net_.last().outputs; }

    // outputs [count, O], and the gradient [count, D] by the inputs of the output `asked` [count] for (null: the first) unless that is
    // null. Rows of inputs and gradient are `row` floats apart.
    void forward(int64_t count, const float* inputs, int64_t row, const int64_t* asked, float* outputs, float* gradient,
                 bool sigmoid) const;

    // d_inputs [count, D]; the gradients of weights and biases are overwritten. `d_gradient` may be null. Rows of inputs, d_gradient and
    // d_inputs are `row` floats apart.
    void backward(int64_t count, const float* inputs, int64_t row, const int64_t* asked, const float* d_outputs, const float* d_gradient,
                  bool sigmoid, float* d_inputs, const Derivatives& to) const;

private:
    void pack();

    MlpLayers net_{};
    Precision precision_;
    py::object like_;
    std::optional<Scratch> packed_;
};

}  // namespace neurfield::cuda
