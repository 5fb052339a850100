// What the loops over a tri-plane share on the CPU and on the GPU: its levels, and the arguments that cross from Python.
#pragma once

#include <type_traits>
#include <utility>
#include <vector>

#include "common/arguments.h"
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

inline Call call_of(const Planes& planes, bool smooth, int combination, int active) {
    if (combination < 0 || combination > 2 || active < 0 || active > static_cast<int>(planes.levels.size()))
        throw py::value_error("triplane: there is no such combination, or there are fewer levels");
    return {planes, smooth, static_cast<Combination>(combination), active};
}

// out [N, row]: the features or, with a tangent [N, dimensions], their change along it.
struct Encode {
    Call call;
    int64_t count;
    const float *points, *tangent, *texels;
    float* out;
};

inline Encode encode_of(const Planes& planes, bool smooth, int combination, int active, const py::object& points_,
                        const py::object& tangent, const py::object& texels, const py::object& out) {
    const Call call = call_of(planes, smooth, combination, active);
    const auto points = view_of(points_, "points", kAny, planes.dimensions);
    const int64_t count = points.shape(0);
    return {call,
            count,
            points.data(),
            optional_of(tangent, "tangent", count, planes.dimensions),
            tensor_of(texels, "texels", planes.size()),
            tensor_of(out, "out", count, call.row())};
}

// out [N, dimensions]: the gradient of the points from that of their features or, with a vector [N, dimensions], the product of that
// gradient's derivative with it.
struct Pull {
    Call call;
    int64_t count;
    const float *points, *vector, *texels, *d_features;
    float* out;
};

inline Pull pull_of(const Planes& planes, bool smooth, int combination, int active, const py::object& points_, const py::object& vector,
                    const py::object& texels, const py::object& d_features, const py::object& out) {
    const Call call = call_of(planes, smooth, combination, active);
    const auto points = view_of(points_, "points", kAny, planes.dimensions);
    const int64_t count = points.shape(0);
    return {call,
            count,
            points.data(),
            optional_of(vector, "vector", count, planes.dimensions),
            tensor_of(texels, "texels", planes.size()),
            tensor_of(d_features, "d_features", count, call.row()),
            tensor_of(out, "out", count, planes.dimensions)};
}

// Adds w d_features + (grad w . tangent) d_value to the texels around points, w being their weights.
struct Scatter {
    Call call;
    int64_t count;
    const float *points, *d_features, *tangent, *d_value;
    float* d_texels;
};

inline Scatter scatter_of(const Planes& planes, bool smooth, int combination, int active, const py::object& points_,
                          const py::object& d_features, const py::object& tangent_, const py::object& d_value_,
                          const py::object& d_texels) {
    const Call call = call_of(planes, smooth, combination, active);
    const auto points = view_of(points_, "points", kAny, planes.dimensions);
    const int64_t count = points.shape(0);
    if (count > INT32_MAX) throw py::value_error("triplane: 'points' must be fewer than 2^31");
    const float* tangent = optional_of(tangent_, "tangent", count, planes.dimensions);
    const float* d_value = optional_of(d_value_, "d_value", count, call.row());
    if ((tangent == nullptr) != (d_value == nullptr)) throw py::value_error("triplane: 'tangent' and 'd_value' come together");
    return {call,
            count,
            points.data(),
            optional_of(d_features, "d_features", count, call.row()),
            tangent,
            d_value,
            tensor_of(d_texels, "d_texels", planes.size())};
}

}  // namespace neurfield::triplane
