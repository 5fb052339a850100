// Adam in one pass over parameter, gradient and both moments; hash tables skip the entries that got no gradient.
#include <pybind11/pybind11.h>

#include <cmath>

#include "common/families.h"
#include "common/parallel.h"
#include "common/simd.h"
#include "common/tensor_view.h"

namespace neurfield {
namespace {

constexpr int64_t kChunk = 1 << 16;  // entries per task
constexpr int kBlock = 4 * kLanes;   // entries whose gradients are looked at together

struct Step {
    float rate;         // learning rate over the first moment's bias correction
    float scale;        // root of the second moment's bias correction, inverted
    float beta1, beta2, eps;
    bool skip_zero, clear_gradient;
};

struct Streams {
    float *parameter, *gradient, *first, *second;
};

inline Vec root(Vec a) {
    for (int i = 0; i < kLanes; ++i) a.v[i] = std::sqrt(a.v[i]);
    return a;
}

inline bool any_nonzero(const float* values) {
    IntLanes found{};
    for (int i = 0; i < kBlock; i += kLanes) found |= Vec::load(values + i).v != 0.0f;
    int32_t any = 0;
    for (int i = 0; i < kLanes; ++i) any |= found[i];
    return any != 0;
}

inline void update_lanes(const Step& step, float* parameter, float* gradient, float* first, float* second) {
    const Vec g = Vec::load(gradient), p = Vec::load(parameter), m0 = Vec::load(first), v0 = Vec::load(second);
    Vec m = m0 + Vec(1.0f - step.beta1) * (g - m0);
    Vec v = Vec(step.beta2) * v0 + Vec(1.0f - step.beta2) * g * g;
    Vec moved = p - Vec(step.rate) * m / (root(v) * Vec(step.scale) + Vec(step.eps));
    if (step.skip_zero) {
        const IntLanes touched = g.v != 0.0f;
        m = touched ? m.v : m0.v;
        v = touched ? v.v : v0.v;
        moved = touched ? moved.v : p.v;
    }
    m.store(first);
    v.store(second);
    moved.store(parameter);
    if (step.clear_gradient) Vec(0.0f).store(gradient);
}

void update_range(const Step& step, const Streams& s, int64_t begin, int64_t end) {
    int64_t i = begin;
    for (; i + kBlock <= end; i += kBlock) {
        if (step.skip_zero && !any_nonzero(s.gradient + i)) continue;
        for (int64_t j = i; j < i + kBlock; j += kLanes)
            update_lanes(step, s.parameter + j, s.gradient + j, s.first + j, s.second + j);
    }
    while (i < end) {
        const int64_t count = std::min<int64_t>(end - i, kLanes);
        float lanes[4][kLanes] = {};
        float* const streams[4] = {s.parameter, s.gradient, s.first, s.second};
        for (int k = 0; k < 4; ++k) std::copy_n(streams[k] + i, count, lanes[k]);
        update_lanes(step, lanes[0], lanes[1], lanes[2], lanes[3]);
        for (int k = 0; k < 4; ++k) std::copy_n(lanes[k], count, streams[k] + i);
        i += count;
    }
}

void adam_step(const py::object& parameter_, const py::object& gradient_, const py::object& first_, const py::object& second_,
               int64_t count, double learning_rate, double beta1, double beta2, double eps, bool skip_zero, bool clear_gradient) {
    const TensorView<float, 1> parameter(parameter_, "parameter"), gradient(gradient_, "gradient");
    const TensorView<float, 1> first(first_, "first"), second(second_, "second");
    const int64_t size = parameter.shape(0);
    gradient.expect(0, size, "gradient");
    first.expect(0, size, "first");
    second.expect(0, size, "second");
    const double steps = static_cast<double>(count);
    const Step step{static_cast<float>(learning_rate / (1.0 - std::pow(beta1, steps))),
                    static_cast<float>(1.0 / std::sqrt(1.0 - std::pow(beta2, steps))),
                    static_cast<float>(beta1), static_cast<float>(beta2), static_cast<float>(eps), skip_zero, clear_gradient};
    const Streams streams{parameter.data(), gradient.data(), first.data(), second.data()};
    py::gil_scoped_release release;
    parallel_chunks(size, kChunk, [&](int64_t begin, int64_t end) { update_range(step, streams, begin, end); });
}

}  // namespace

void bind_adam(py::module_& module) { module.def("adam_step", &adam_step); }

}  // namespace neurfield
