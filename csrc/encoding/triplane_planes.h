// What the loops over a tri-plane share: its levels, the vectors along a texel's features, and the arguments that cross from Python.
#pragma once

#include <cstring>
#include <type_traits>
#include <vector>

#include "common/simd.h"
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

inline int plane_of(int a, int b, int dimensions) { return a * (2 * dimensions - a - 1) / 2 + b - a - 1; }

// Width floats of a texel, at any address.
template <int Width>
struct Block {
    typedef float Floats __attribute__((vector_size(4 * Width)));
    static Floats load(const float* p) { Floats v; std::memcpy(&v, p, sizeof v); return v; }
    static void store(const Floats& v, float* p) { std::memcpy(p, &v, sizeof v); }
    static float sum(const Floats& v) {
        float halves[Width];
        std::memcpy(halves, &v, sizeof halves);
        for (int half = Width / 2; half > 0; half /= 2)
            for (int i = 0; i < half; ++i) halves[i] += halves[i + half];
        return halves[0];
    }
};

// Calls body with the widest block that divides a texel's features.
template <class Body>
void with_width(int features, Body&& body) {
    if constexpr (kLanes >= 16)
        if (features % 16 == 0) return body(std::integral_constant<int, 16>());
    if constexpr (kLanes >= 8)
        if (features % 8 == 0) return body(std::integral_constant<int, 8>());
    if (features % 4 == 0) return body(std::integral_constant<int, 4>());
    if (features == 2) return body(std::integral_constant<int, 2>());
    body(std::integral_constant<int, 1>());
}

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

void scatter(const Planes& planes, bool smooth, int combination, int active, const py::object& points, const py::object& d_features,
             const py::object& tangent, const py::object& d_value, const py::object& d_texels);

}  // namespace neurfield::triplane
