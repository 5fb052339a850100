// One entry of Adam (Kingma and Ba 2015), eps where torch has it; `skip_zero` leaves alone what got no gradient.
#pragma once

#include <cmath>
#include <cstdint>

#include "common/point_maths.h"

namespace neurfield {

struct AdamStep {
    float rate;         // learning rate over the first moment's bias correction
    float scale;        // root of the second moment's bias correction, inverted
    float beta1, beta2, eps;
    bool skip_zero, clear_gradient;

    AdamStep(int64_t count, double learning_rate, double beta1_, double beta2_, double eps_, bool skip_zero_, bool clear_gradient_)
        : rate(static_cast<float>(learning_rate / (1.0 - std::pow(beta1_, static_cast<double>(count))))),
          scale(static_cast<float>(1.0 / std::sqrt(1.0 - std::pow(beta2_, static_cast<double>(count))))), beta1(static_cast<float>(beta1_)),
          beta2(static_cast<float>(beta2_)), eps(static_cast<float>(eps_)), skip_zero(skip_zero_), clear_gradient(clear_gradient_) {}
};

// The entry and its moments, moved; `root` is the square root for the type. The caller keeps what skip_zero leaves alone.
template <class Real, class Root>
NEURFIELD_POINT_MATHS void adam_update(const AdamStep& step, Real gradient, Real& parameter, Real& first, Real& second, Root root) {
    first = first + Real(1.0f - step.beta1) * (gradient - first);
    second = Real(step.beta2) * second + Real(1.0f - step.beta2) * gradient * gradient;
    parameter = parameter - Real(step.rate) * first / (root(second) * Real(step.scale) + Real(step.eps));
}

}  // namespace neurfield
