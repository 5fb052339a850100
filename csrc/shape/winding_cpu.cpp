// Sums of winding numbers over a tree: at its own points, or at others.
#include <memory>
#include <vector>

#include "common/arguments.h"
#include "common/families.h"
#include "common/parallel.h"
#include "shape/winding_sums.h"
#include "shape/winding_tree.h"

namespace neurfield::winding {
namespace {

constexpr int kPending = 512;  // accepted nodes that are added up together

// Adds up everything for one group of targets, which lie in a sphere. A node counts as one source where its points lie further off
// than `apart` of its radii.
template <class Sum>
void add_all(const WindingTree& tree, const Source* sources, const float* center, float radius, float apart, Group<Sum>& group) {
    const Source* of_nodes = sources + tree.count();
    Source pending[kPending];
    int held = 0, depth = 0;
    int32_t stack[64];
    stack[depth++] = 0;
    while (depth) {
        const int32_t index = stack[--depth];
        const Node& node = tree.nodes()[index];
        float square = 0.0f;
        for (int axis = 0; axis < 3; ++axis) {
            const float step = node.center[axis] - center[axis];
            square += step * step;
        }
        const float reach = apart * node.radius + radius;
        if (square > reach * reach) {
            pending[held++] = of_nodes[index];
            if (held == kPending) group.add(pending, held), held = 0;
        } else if (node.left < 0) {
            group.add(sources + node.begin, node.end - node.begin);
        } else {
            stack[depth++] = node.right, stack[depth++] = node.left;
        }
    }
    group.add(pending, held);
}

// A group of targets [count, 3] in a row, whose sums go to the rows of `out` that `order` names.
template <class Sum>
void sum_group(const WindingTree& tree, const Source* sources, const float* at, const int32_t* order, int64_t count, float width,
               float apart, float* out) {
    float center[3], square = 0.0f;
    for (int axis = 0; axis < 3; ++axis) {
        float low = at[axis], high = low;
        for (int64_t i = 1; i < count; ++i) low = std::min(low, at[3 * i + axis]), high = std::max(high, at[3 * i + axis]);
        center[axis] = 0.5f * (low + high);
        square += 0.25f * (high - low) * (high - low);
    }
    Group<Sum> group(at, count, width);
    add_all(tree, sources, center, std::sqrt(square), apart, group);
    for (int64_t i = 0; i < count; ++i)
        for (int k = 0; k < Sum::out; ++k) out[Sum::out * int64_t{order[i]} + k] = group.total(i, k);
}

template <class Sum>
void sum_own(const WindingTree& tree, const float* values, float width, float apart, float* out) {
    const std::vector<Source> sources = tree.sources<Sum::in>(values);
    parallel_chunks(tree.count(), kLeaf, [&](int64_t begin, int64_t end) {
        sum_group<Sum>(tree, sources.data(), tree.at(begin), tree.order() + begin, end - begin, width, apart, out);
    });
}

template <class Sum>
void own(const WindingTree& tree, const py::object& values_, float width, float apart, const py::object& out_) {
    const float* values = tensor_of(values_, "values", tree.count(), Sum::in);
    float* out = tensor_of(out_, "out", tree.count(), Sum::out);
    py::gil_scoped_release release;
    sum_own<Sum>(tree, values, width, apart, out);
}

template <class Sum>
void elsewhere(const WindingTree& tree, const py::object& values_, const py::object& targets_, float width, float apart,
               const py::object& out_) {
    const float* values = tensor_of(values_, "values", tree.count(), Sum::in);
    const TensorView<float, 2> targets = view_of(targets_, "targets", kAny, 3);
    const int64_t count = targets.shape(0);
    float* out = tensor_of(out_, "out", count, Sum::out);
    py::gil_scoped_release release;
    const std::vector<Source> sources = tree.sources<Sum::in>(values);
    std::vector<int32_t> order(count);
    for (int64_t i = 0; i < count; ++i) order[i] = static_cast<int32_t>(i);
    order_points(targets.data(), order.data(), count);
    parallel_chunks(count, kLeaf, [&](int64_t begin, int64_t end) {
        float at[3 * kLeaf];
        for (int64_t i = begin; i < end; ++i) std::copy_n(targets.row(order[i]), 3, at + 3 * (i - begin));
        sum_group<Sum>(tree, sources.data(), at, order.data() + begin, end - begin, width, apart, out);
    });
}

std::unique_ptr<WindingTree> make_tree(const py::object& points_) {
    const TensorView<float, 2> points = view_of(points_, "points", kAny, 3);
    const int64_t count = points.shape(0);
    if (count < 1 || count > INT32_MAX) throw py::value_error("winding tree: needs 1 to 2^31 - 1 points");
    py::gil_scoped_release release;
    return std::make_unique<WindingTree>(points.data(), count);
}

}  // namespace
}  // namespace neurfield::winding

namespace neurfield {

void bind_winding(py::module_& module) {
    py::class_<winding::WindingTree>(module, "WindingTree", py::module_local())
        .def(py::init(&winding::make_tree))
        .def("flux", &winding::own<winding::Flux>)
        .def("adjoint", &winding::own<winding::Adjoint>)
        .def("slope", &winding::own<winding::Slope>)
        .def("flux_at", &winding::elsewhere<winding::Flux>)
        .def("slope_at", &winding::elsewhere<winding::Slope>);
}

}  // namespace neurfield
