// What the loops over radial bases share on the CPU and on the GPU: the arguments that cross from Python, and the choice of a kernel.
#pragma once

#include <type_traits>

#include "common/tensor_view.h"
#include "encoding/radial_basis.h"

namespace neurfield::radial_basis {

constexpr int kMaxNeighbours = 8, kMaxDimensions = 4;

// On the GPU nobody looks: it would have to be waited for. There neighbours must be what a lookup found.
inline void check_neighbours([[maybe_unused]] const TensorView<int32_t, 2>& neighbours, [[maybe_unused]] int64_t kernels) {
#if !defined(NEURFIELD_CUDA)
    for (int64_t i = 0; i < neighbours.size(); ++i)
        if (neighbours[i] < 0 || neighbours[i] >= kernels) throw py::value_error("radial basis: a neighbour is no kernel");
#endif
}

// Kernels as they cross from Python, and which of them each point looks at.
struct Kernels {
    const float *points, *centres, *factors, *inverse_squares;  // the last is null without blended support
    const int32_t* neighbours;                                  // [count, k]
    int64_t count;
    int k, dimensions, kind;
    bool normalise;
    float floor;  // of the sum; with blended support the sum has a gradient, else it counts as constant
    NEURFIELD_POINT_MATHS bool blended() const { return inverse_squares != nullptr; }
};

// Calls body(constant dimensions, constant kind).
template <class Body>
void specialise(const Kernels& in, Body&& body) {
    const auto with_kind = [&](auto dimensions) {
        switch (static_cast<Kind>(in.kind)) {
            case Kind::kInverseQuadratic: return body(dimensions, std::integral_constant<Kind, Kind::kInverseQuadratic>{});
            case Kind::kGaussian: return body(dimensions, std::integral_constant<Kind, Kind::kGaussian>{});
            case Kind::kInverseMultiquadric: return body(dimensions, std::integral_constant<Kind, Kind::kInverseMultiquadric>{});
            case Kind::kMarkov: return body(dimensions, std::integral_constant<Kind, Kind::kMarkov>{});
            default: return body(dimensions, std::integral_constant<Kind, Kind::kTent>{});
        }
    };
    switch (in.dimensions) {
        case 2: return with_kind(std::integral_constant<int, 2>{});
        case 3: return with_kind(std::integral_constant<int, 3>{});
        default: return with_kind(std::integral_constant<int, 4>{});
    }
}

// Checks what crosses; `how` is (kind, normalise, floor of the sum).
inline Kernels kernels_of(const py::object& points_, const py::object& centres_, const py::object& factors_,
                          const py::object& inverse_squares_, const py::object& neighbours_, int kind, bool normalise, float floor) {
    const TensorView<float, 2> points(points_, "points"), centres(centres_, "centres"), factors(factors_, "shapes");
    const TensorView<int32_t, 2> neighbours(neighbours_, "neighbours");
    const int dimensions = static_cast<int>(points.shape(1)), k = static_cast<int>(neighbours.shape(1));
    if (dimensions < 2 || dimensions > kMaxDimensions || k < 1 || k > kMaxNeighbours || kind < 0 || kind > 4)
        throw py::value_error("radial basis: such dimensions, neighbours or kernel are not supported");
    neighbours.expect(0, points.shape(0), "neighbours");
    centres.expect(1, dimensions, "centres");
    factors.expect(0, centres.shape(0), "shapes");
    factors.expect(1, factor_size(dimensions), "shapes");
    const float* inverse_squares = nullptr;
    if (!inverse_squares_.is_none()) {
        const TensorView<float, 1> view(inverse_squares_, "support");
        view.expect(0, centres.shape(0), "support");
        inverse_squares = view.data();
    }
    check_neighbours(neighbours, centres.shape(0));
    return {points.data(), centres.data(), factors.data(), inverse_squares, neighbours.data(), points.shape(0),
            k,             dimensions,     kind,           normalise,       floor};
}

// Kernels seen by points, as their activations become features.
struct Pairs {
    const float* activations;   // [count, k]
    const int32_t* neighbours;  // [count, k]
    const float* frequencies;   // [channels], or null without waves
    int64_t count;
    int k, channels, active;    // channels from `active` on are zeros
};

// Calls body(constant order, constant whether there are waves).
template <class Body>
void specialise(const Pairs& in, int order, Body&& body) {
    const auto with_order = [&](auto waves) {
        switch (order) {
            case 0: return body(std::integral_constant<int, 0>{}, waves);
            case 1: return body(std::integral_constant<int, 1>{}, waves);
            default: return body(std::integral_constant<int, 2>{}, waves);
        }
    };
    return in.frequencies ? with_order(std::true_type{}) : with_order(std::false_type{});
}

inline Pairs pairs_of(const py::object& activations_, const py::object& neighbours_, const py::object& frequencies_, int64_t kernels,
                      int64_t channels, int64_t active) {
    const TensorView<float, 2> activations(activations_, "activations");
    const TensorView<int32_t, 2> neighbours(neighbours_, "neighbours");
    const int64_t count = activations.shape(0), k = activations.shape(1);
    neighbours.expect(0, count, "neighbours");
    neighbours.expect(1, k, "neighbours");
    if (count * k > INT32_MAX) throw py::value_error("radial basis: too many points at once");
    if (active < 0 || active > channels) throw py::value_error("radial basis: active channels must be 0 to all");
    check_neighbours(neighbours, kernels);
    const float* frequencies = nullptr;
    if (!frequencies_.is_none()) {
        const TensorView<float, 1> view(frequencies_, "frequencies");
        view.expect(0, channels, "frequencies");
        frequencies = view.data();
    }
    return {activations.data(), neighbours.data(), frequencies, count, static_cast<int>(k), static_cast<int>(channels),
            static_cast<int>(active)};
}

inline const float* scales_of(const py::object& object, const Pairs& in) {
    if (object.is_none()) return nullptr;
    const TensorView<float, 2> view(object, "scales");
    view.expect(0, in.count, "scales");
    view.expect(1, in.k, "scales");
    return view.data();
}

}  // namespace neurfield::radial_basis
