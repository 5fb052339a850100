// A grid of several levels, and the choice of code by what it is. Knows nothing of Python.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

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
        default: throw std::invalid_argument("grid: features must be 1, 2 or 4, got " + std::to_string(features));
    }
}

// The same for the number of dimensions, 2 to 4.
template <class Body>
void with_dimensions(int dimensions, Body&& body) {
    switch (dimensions) {
        case 2: return body(std::integral_constant<int, 2>());
        case 3: return body(std::integral_constant<int, 3>());
        case 4: return body(std::integral_constant<int, 4>());
        default: throw std::invalid_argument("grid: dimensions must be 2 to 4, got " + std::to_string(dimensions));
    }
}

}  // namespace neurfield::grid
