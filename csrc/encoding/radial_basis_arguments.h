// What the loops over radial bases share on the CPU and on the GPU: the arguments that cross from Python, and the choice of a kernel.
#pragma once

#include <type_traits>

#include "common/arguments.h"
#include "encoding/radial_basis.h"

namespace neurfield::radial_basis {

constexpr int kMaxNeighbours = 8, kMaxDimensions = 4;

// Rows of kernels [N, K]. On the GPU nobody looks: it would have to be waited for. There neighbours must be what a lookup found.
inline TensorView<int32_t, 2> neighbours_of(const py::object& object, int64_t count, int64_t each, [[maybe_unused]] int64_t kernels) {
    const auto neighbours = view_of<int32_t>(object, "neighbours", count, each);
#if !defined(NEURFIELD_CUDA)
    for (int64_t i = 0; i < neighbours.size(); ++i)
        if (neighbours[i] < 0 || neighbours[i] >= kernels) throw py::value_error("radial basis: a neighbour is no kernel");
#endif
    return neighbours;
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

inline Kernels kernels_of(const py::object& points_, const py::object& centres_, const py::object& factors,
                          const py::object& inverse_squares, const py::object& neighbours_, int kind, bool normalise, float floor) {
    const auto points = view_of(points_, "points", kAny, kAny);
    const int64_t count = points.shape(0), dimensions = points.shape(1);
    const auto centres = view_of(centres_, "centres", kAny, dimensions);
    const auto neighbours = neighbours_of(neighbours_, count, kAny, centres.shape(0));
    const int64_t k = neighbours.shape(1);
    if (dimensions < 2 || dimensions > kMaxDimensions || k < 1 || k > kMaxNeighbours || kind < 0 || kind > 4)
        throw py::value_error("radial basis: such dimensions, neighbours or kernel are not supported");
    return {points.data(),
            centres.data(),
            tensor_of(factors, "shapes", centres.shape(0), factor_size(static_cast<int>(dimensions))),
            optional_of(inverse_squares, "support", centres.shape(0)),
            neighbours.data(),
            count,
            static_cast<int>(k),
            static_cast<int>(dimensions),
            kind,
            normalise,
            floor};
}

struct Activate {
    Kernels kernels;
    float *values, *jacobian;  // [count, k]; [count, k, dimensions], or null
};

inline Activate activate_of(const py::object& points, const py::object& centres, const py::object& factors,
                            const py::object& inverse_squares, const py::object& neighbours, int kind, bool normalise, float floor,
                            const py::object& values, const py::object& jacobian) {
    const Kernels in = kernels_of(points, centres, factors, inverse_squares, neighbours, kind, normalise, floor);
    return {in, tensor_of(values, "values", in.count, in.k), optional_of(jacobian, "jacobian", in.count, in.k, in.dimensions)};
}

struct Bend {
    Kernels kernels;
    const float *weights, *along;  // [count, k]; [count, dimensions]
    float* out;                    // [count, dimensions]
};

inline Bend bend_of(const py::object& points, const py::object& centres, const py::object& factors, const py::object& inverse_squares,
                    const py::object& neighbours, int kind, bool normalise, float floor, const py::object& weights, const py::object& along,
                    const py::object& out) {
    const Kernels in = kernels_of(points, centres, factors, inverse_squares, neighbours, kind, normalise, floor);
    return {in, tensor_of(weights, "weights", in.count, in.k), tensor_of(along, "along", in.count, in.dimensions),
            tensor_of(out, "out", in.count, in.dimensions)};
}

// Kernels seen by points, as their activations become features.
struct Pairs {
    const float* activations;   // [count, k]
    const int32_t* neighbours;  // [count, k]
    const float* frequencies;   // [channels], or null without waves
    int64_t count;
    int k, channels, active;    // channels from `active` on are zeros
    int order;                  // of the derivative: 0, 1 or 2
};

// Calls body(constant order, constant whether there are waves).
template <class Body>
void specialise(const Pairs& in, Body&& body) {
    const auto with_order = [&](auto waves) {
        switch (in.order) {
            case 0: return body(std::integral_constant<int, 0>{}, waves);
            case 1: return body(std::integral_constant<int, 1>{}, waves);
            default: return body(std::integral_constant<int, 2>{}, waves);
        }
    };
    return in.frequencies ? with_order(std::true_type{}) : with_order(std::false_type{});
}

inline Pairs pairs_of(const py::object& activations_, const py::object& neighbours_, const py::object& frequencies, int64_t kernels,
                      int64_t channels, int64_t active, int order) {
    const auto activations = view_of(activations_, "activations", kAny, kAny);
    const int64_t count = activations.shape(0), k = activations.shape(1);
    if (count * k > INT32_MAX) throw py::value_error("radial basis: too many points at once");
    if (active < 0 || active > channels) throw py::value_error("radial basis: active channels must be 0 to all");
    if (order < 0 || order > 2) throw py::value_error("radial basis: order must be 0, 1 or 2");
    return {activations.data(),
            neighbours_of(neighbours_, count, k, kernels).data(),
            optional_of(frequencies, "frequencies", channels),
            count,
            static_cast<int>(k),
            static_cast<int>(channels),
            static_cast<int>(active),
            order};
}

struct SumKernels {
    Pairs pairs;
    const float *features, *bias, *scales;  // [kernels, channels]; [channels] or null; [count, k] or null
    float* out;                             // [count, channels]
};

inline SumKernels sum_kernels_of(const py::object& activations, const py::object& neighbours, const py::object& frequencies, int64_t active,
                                 int order, const py::object& features_, const py::object& bias, const py::object& scales,
                                 const py::object& out) {
    const auto features = view_of(features_, "features", kAny, kAny);
    const Pairs in = pairs_of(activations, neighbours, frequencies, features.shape(0), features.shape(1), active, order);
    return {in, features.data(), optional_of(bias, "bias", in.channels), optional_of(scales, "scales", in.count, in.k),
            tensor_of(out, "out", in.count, in.channels)};
}

struct SumChannels {
    Pairs pairs;
    const float *features, *d_features;  // [kernels, channels]; [count, channels]
    float* out;                          // [count, k]
};

inline SumChannels sum_channels_of(const py::object& activations, const py::object& neighbours, const py::object& frequencies,
                                   int64_t active, int order, const py::object& features_, const py::object& d_features,
                                   const py::object& out) {
    const auto features = view_of(features_, "features", kAny, kAny);
    const Pairs in = pairs_of(activations, neighbours, frequencies, features.shape(0), features.shape(1), active, order);
    return {in, features.data(), tensor_of(d_features, "d_features", in.count, in.channels), tensor_of(out, "out", in.count, in.k)};
}

struct ScatterFeatures {
    Pairs pairs;
    const float *d_features, *scales;  // [count, channels]; [count, k] or null
    int64_t kernels;
    float* out;  // [kernels, channels]
};

inline ScatterFeatures scatter_of(const py::object& activations, const py::object& neighbours, const py::object& frequencies,
                                  int64_t active, int order, const py::object& d_features, const py::object& scales,
                                  const py::object& out_) {
    const auto out = view_of(out_, "out", kAny, kAny);
    const Pairs in = pairs_of(activations, neighbours, frequencies, out.shape(0), out.shape(1), active, order);
    return {in, tensor_of(d_features, "d_features", in.count, in.channels), optional_of(scales, "scales", in.count, in.k), out.shape(0),
            out.data()};
}

}  // namespace neurfield::radial_basis
