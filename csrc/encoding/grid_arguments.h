// A grid as Python hands it to kernels, and the choice of kernel by what it is.
#pragma once

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <string>
#include <type_traits>
#include <vector>

#include "common/tensor_view.h"
#include "encoding/grid.h"

namespace neurfield::grid {

struct Grid {
    std::vector<Level> levels;
    int features, dimensions;
    bool simplex;
    int64_t row() const { return static_cast<int64_t>(levels.size()) * features; }
    int64_t floats() const { return (levels.back().offset + levels.back().size) * features; }
};

// Calls body with the number of features, 1, 2 or 4, as a compile-time constant.
template <class Body>
void with_features(int features, Body&& body) {
    switch (features) {
        case 1: return body(std::integral_constant<int, 1>());
        case 2: return body(std::integral_constant<int, 2>());
        case 4: return body(std::integral_constant<int, 4>());
        default: throw pybind11::value_error("grid: features must be 1, 2 or 4, got " + std::to_string(features));
    }
}

// The same for the number of dimensions, 2 to 4.
template <class Body>
void with_dimensions(int dimensions, Body&& body) {
    switch (dimensions) {
        case 2: return body(std::integral_constant<int, 2>());
        case 3: return body(std::integral_constant<int, 3>());
        case 4: return body(std::integral_constant<int, 4>());
        default: throw pybind11::value_error("grid: dimensions must be 2 to 4, got " + std::to_string(dimensions));
    }
}

inline Grid make_grid(const std::vector<float>& scales, const std::vector<std::vector<uint32_t>>& steps, const std::vector<int64_t>& offsets,
               const std::vector<bool>& hashed, int features, int dimensions, bool simplex) {
    with_features(features, [](auto) {});  // refuses here what a thread could not
    with_dimensions(dimensions, [](auto) {});
    Grid grid{{}, features, dimensions, simplex};
    for (size_t l = 0; l < scales.size(); ++l) {
        Level level{scales[l], static_cast<uint32_t>(offsets[l + 1] - offsets[l]), offsets[l], hashed[l], {}};
        std::copy_n(steps[l].begin(), std::min<size_t>(steps[l].size(), kMostDimensions), level.steps);
        grid.levels.push_back(level);
    }
    return grid;
}

// The data of a [count, columns] argument; null for None.
inline float* rows_of(const pybind11::object& object, const char* name, int64_t count, int64_t columns) {
    if (object.is_none()) return nullptr;
    const TensorView<float, 2> view(object, name);
    view.expect(0, count, name);
    view.expect(1, columns, name);
    return view.data();
}

}  // namespace neurfield::grid
