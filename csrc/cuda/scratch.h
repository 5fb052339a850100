// Device memory that a call needs for itself: from torch's allocator, in the order of the stream, given back when the call returns (later
// calls on the stream may have it then, after the kernels that use it).
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>

#include "common/tensor_view.h"

namespace neurfield::cuda {

class Scratch {
public:
    // `floats` of them, 16-byte aligned, on the device of `like`, a float32 tensor.
    Scratch(const py::object& like, int64_t floats) : memory_(like.attr("new_empty")(floats)) {
        data_ = TensorView<float, 1>(memory_, "scratch").data();
    }
    float* data() const { return data_; }

private:
    py::object memory_;
    float* data_;
};

}  // namespace neurfield::cuda
