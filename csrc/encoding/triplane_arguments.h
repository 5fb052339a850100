// What the loops over a tri-plane share on the CPU and on the GPU: its levels, and the arguments that cross from Python.
#pragma once

#include <type_traits>
#include <utility>
#include <vector>

#include "common/tensor_view.h"
#include "encoding/triplane.h"

namespace neurfield::triplane {

enum class Combination { sum, product, concatenation };

struct Planes {
    int dimensions, features;
    std::vector<Level> levels;

    int planes() const { return dimensions * (dimensions - 1) / 2; }
    int64_t plane_size(const Level& level) const { return int64_t{level.resolution} * level.resolution * features; }
    int64_t size() const { return levels.back().offset + planes() * plane_size(levels.back()); }
};

inline Planes make_planes(int dimensions, int features, const std::vector<int32_t>& resolutions,
                          const std::vector<std::pair<float, float>>& lattices) {
    Planes planes{dimensions, features, {}};
    int64_t offset = 0;
    for (size_t l = 0; l < resolutions.size(); ++l) {
        planes.levels.push_back({offset, resolutions[l], lattices[l].first, lattices[l].second});
        offset += planes.planes() * planes.plane_size(planes.levels.back());
    }
    return planes;
}

// One call's choice of planes: how they are interpolated and put together, and how many levels take part.
struct Call {
    const Planes& planes;
    bool smooth;
    Combination combination;
    int active;

    // Features of one level in a row of all levels.
    int64_t level_dim() const { return planes.features * (combination == Combination::concatenation ? planes.planes() : 1); }
    int64_t row() const { return level_dim() * static_cast<int64_t>(planes.levels.size()); }
};

template <class Body>
void with_dimensions(int dimensions, Body&& body) {
    if (dimensions == 2) return body(std::integral_constant<int, 2>());
    if (dimensions == 3) return body(std::integral_constant<int, 3>());
    body(std::integral_constant<int, 4>());
}

// A tensor's data, or null for None.
inline float* rows_of(const py::object& object, const char* name, int64_t count, int64_t row) {
    if (object.is_none()) return nullptr;
    const TensorView<float, 2> view(object, name);
    view.expect(0, count, name);
    view.expect(1, row, name);
    return view.data();
}

inline float* texels_of(const py::object& object, const char* name, const Planes& planes) {
    const TensorView<float, 1> view(object, name);
    view.expect(0, planes.size(), name);
    return view.data();
}

}  // namespace neurfield::triplane
