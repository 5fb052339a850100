// What Adam takes from Python: a flat parameter, its gradient and its moments, all of one length.
#pragma once

#include "common/arguments.h"
#include "optim/adam.h"

namespace neurfield {

struct AdamCall {
    AdamStep step;
    int64_t size;
    float *parameter, *gradient, *first, *second;
};

inline AdamCall adam_step_of(const py::object& parameter_, const py::object& gradient, const py::object& first, const py::object& second,
                             int64_t count, double learning_rate, double beta1, double beta2, double eps, bool skip_zero,
                             bool clear_gradient) {
    const auto parameter = view_of(parameter_, "parameter", kAny);
    const int64_t size = parameter.size();
    return {AdamStep(count, learning_rate, beta1, beta2, eps, skip_zero, clear_gradient),
            size,
            parameter.data(),
            tensor_of(gradient, "gradient", size),
            tensor_of(first, "first", size),
            tensor_of(second, "second", size)};
}

}  // namespace neurfield
