// Adam in one pass over parameter, gradient and both moments, four entries a thread where the tensors are aligned for it.
#include <pybind11/pybind11.h>

#include "common/families.h"
#include "common/tensor_view.h"
#include "cuda/launch.h"
#include "optim/adam.h"

namespace neurfield {
namespace {

template <int Count>
struct alignas(Count * sizeof(float)) Entries {
    float at[Count];
};

// An entry that got no gradient keeps all it has; where none of a thread's did, only the gradient is read.
template <int Count>
__global__ void __launch_bounds__(256) update(const AdamStep step, int64_t count, float* parameter, float* gradient, float* first,
                                              float* second) {
    using Group = Entries<Count>;
    const int64_t i = cuda::global_index();
    if (i >= count / Count) return;
    Group g = reinterpret_cast<Group*>(gradient)[i];
    bool touched = !step.skip_zero;
    for (int k = 0; k < Count; ++k) touched |= g.at[k] != 0.0f;
    if (!touched) return;
    Group p = reinterpret_cast<Group*>(parameter)[i], m = reinterpret_cast<Group*>(first)[i], v = reinterpret_cast<Group*>(second)[i];
    for (int k = 0; k < Count; ++k)
        if (!step.skip_zero || g.at[k] != 0.0f)
            adam_update(step, g.at[k], p.at[k], m.at[k], v.at[k], [](float x) { return sqrtf(x); });
    reinterpret_cast<Group*>(parameter)[i] = p;
    reinterpret_cast<Group*>(first)[i] = m;
    reinterpret_cast<Group*>(second)[i] = v;
    if (step.clear_gradient) reinterpret_cast<Group*>(gradient)[i] = Group{};
}

template <int Count>
void start(const AdamStep& step, int64_t count, float* parameter, float* gradient, float* first, float* second) {
    cuda::launch(update<Count>, cuda::one_each(count / Count), step, count, parameter, gradient, first, second);
}

bool aligned(const float* pointer) { return reinterpret_cast<uintptr_t>(pointer) % sizeof(Entries<4>) == 0; }

void adam_step(const py::object& parameter_, const py::object& gradient_, const py::object& first_, const py::object& second_,
               int64_t count, double learning_rate, double beta1, double beta2, double eps, bool skip_zero, bool clear_gradient) {
    const TensorView<float, 1> parameter(parameter_, "parameter"), gradient(gradient_, "gradient");
    const TensorView<float, 1> first(first_, "first"), second(second_, "second");
    const int64_t size = parameter.shape(0);
    gradient.expect(0, size, "gradient");
    first.expect(0, size, "first");
    second.expect(0, size, "second");
    const AdamStep step(count, learning_rate, beta1, beta2, eps, skip_zero, clear_gradient);
    float *p = parameter.data(), *g = gradient.data(), *m = first.data(), *v = second.data();
    const int64_t grouped = aligned(p) && aligned(g) && aligned(m) && aligned(v) ? size / 4 * 4 : 0;
    start<4>(step, grouped, p, g, m, v);
    start<1>(step, size - grouped, p + grouped, g + grouped, m + grouped, v + grouped);
}

}  // namespace

void bind_adam(py::module_& module) { module.def("adam_step", &adam_step); }

}  // namespace neurfield
