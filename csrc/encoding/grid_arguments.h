// A grid as Python hands it to kernels.
#pragma once

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <vector>

#include "common/tensor_view.h"
#include "encoding/grid_choice.h"

namespace neurfield::grid {

inline Grid make_grid(const std::vector<float>& scales, const std::vector<std::vector<uint32_t>>& steps,
                      const std::vector<int64_t>& offsets, const std::vector<bool>& hashed, int features, int dimensions, bool simplex) {
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
