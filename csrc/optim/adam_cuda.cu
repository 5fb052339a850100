// Adam in one pass over parameter, gradient and both moments, four entries a thread where the tensors are aligned for it.
#include "common/families.h"
#include "cuda/launch.h"
#include "optim/adam_arguments.h"

namespace neurfield {
namespace {

template <int Count>
struct alignas(Count * sizeof(float)) Entries {
    float at[Count];
};

// An entry that got no gradient keeps all it has; where none of a thread's did, only the gradient is read.
template <int Count>
__global__ void __launch_bounds__(256)
    update(const AdamStep step, int64_t count, float* parameter, float* gradient, float* first, float* second) {
    using Group = Entries<Count>;
    const int64_t i = cuda::global_index();
    if (i >= count / Count) return;
    Group g = reinterpret_cast<Group*>(gradient)[i];
    bool touched = !step.skip_zero;
    for (int k = 0; k < Count; ++k) touched |= g.at[k] != 0.0f;
    if (!touched) return;
    Group p = reinterpret_cast<Group*>(parameter)[i], m = reinterpret_cast<Group*>(first)[i], v = reinterpret_cast<Group*>(second)[i];
    for (int k = 0; k < Count; ++k)
        if (!step.skip_zero || g.at[k] != 0.0f) adam_update(step, g.at[k], p.at[k], m.at[k], v.at[k], [](float x) { return sqrtf(x); });
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

void adam_step(const AdamCall& call) {
    float *p = call.parameter, *g = call.gradient, *m = call.first, *v = call.second;
    const int64_t grouped = aligned(p) && aligned(g) && aligned(m) && aligned(v) ? call.size / 4 * 4 : 0;
    start<4>(call.step, grouped, p, g, m, v);
    start<1>(call.step, call.size - grouped, p + grouped, g + grouped, m + grouped, v + grouped);
}

}  // namespace

void bind_adam(py::module_& module) { define(module, "adam_step", adam_step_of, adam_step); }

}  // namespace neurfield
