// What the compositing of packed samples takes from Python: S samples of R rays, ray after ray.
#pragma once

#include "common/arguments.h"
#include "marching/compositing.h"

namespace neurfield {

// The (start, count) of each ray's samples.
struct Packing {
    const int64_t* info;
    int64_t rays;

    int64_t start(int64_t ray) const { return info[2 * ray]; }
    int64_t count(int64_t ray) const { return info[2 * ray + 1]; }
};

// Rays must tile [0, samples) in order, so that every sample is written once. On the GPU nobody looks: it would have to be waited for.
inline Packing packing_of(const py::object& packed_info, [[maybe_unused]] int64_t samples) {
    const auto view = view_of<int64_t>(packed_info, "packed_info", kAny, 2);
    const Packing packing{view.data(), view.shape(0)};
#if !defined(NEURFIELD_CUDA)
    int64_t next = 0;
    for (int64_t ray = 0; ray < packing.rays; ++ray) {
        if (packing.start(ray) != next || packing.count(ray) < 0)
            throw py::value_error("packed_info: ray " + std::to_string(ray) +
                                  " does not start where the one before it ends; rays must follow one another without gaps");
        next += packing.count(ray);
    }
    if (next != samples)
        throw py::value_error("packed_info: counts sum to " + std::to_string(next) + " but there are " + std::to_string(samples) +
                              " samples");
#endif
    return packing;
}

struct PackInfo {
    const int64_t* ray_indices;
    int64_t samples;
    int64_t* packed_info;
    int64_t rays;
};

inline PackInfo pack_info_of(const py::object& ray_indices_, const py::object& packed_info_) {
    const auto ray_indices = view_of<int64_t>(ray_indices_, "ray_indices", kAny);
    const auto packed_info = view_of<int64_t>(packed_info_, "packed_info", kAny, 2);
    return {ray_indices.data(), ray_indices.size(), packed_info.data(), packed_info.shape(0)};
}

struct WeightsForward {
    Packing packing;
    const float* alpha;
    float *weights, *transmittance;
};

inline WeightsForward weights_forward_of(const py::object& alpha_, const py::object& packed_info, const py::object& weights,
                                         const py::object& transmittance) {
    const auto alpha = view_of(alpha_, "alpha", kAny);
    const int64_t samples = alpha.size();
    return {packing_of(packed_info, samples), alpha.data(), tensor_of(weights, "weights", samples),
            tensor_of(transmittance, "transmittance", samples)};
}

struct WeightsBackward {
    Packing packing;
    const float *alpha, *transmittance, *grad_weights, *grad_transmittance;
    float* grad_alpha;
};

inline WeightsBackward weights_backward_of(const py::object& alpha_, const py::object& transmittance, const py::object& grad_weights,
                                           const py::object& grad_transmittance, const py::object& packed_info,
                                           const py::object& grad_alpha) {
    const auto alpha = view_of(alpha_, "alpha", kAny);
    const int64_t samples = alpha.size();
    return {packing_of(packed_info, samples),
            alpha.data(),
            tensor_of(transmittance, "transmittance", samples),
            tensor_of(grad_weights, "grad_weights", samples),
            tensor_of(grad_transmittance, "grad_transmittance", samples),
            tensor_of(grad_alpha, "grad_alpha", samples)};
}

struct AccumulateForward {
    Packing packing;
    int64_t channels;
    const float *weights, *values;
    float* out;
};

inline AccumulateForward accumulate_forward_of(const py::object& weights_, const py::object& values_, const py::object& packed_info,
                                               const py::object& out) {
    const auto weights = view_of(weights_, "weights", kAny);
    const auto values = view_of(values_, "values", weights.size(), kAny);
    const Packing packing = packing_of(packed_info, weights.size());
    const int64_t channels = values.shape(1);
    return {packing, channels, weights.data(), values.data(), tensor_of(out, "out", packing.rays, channels)};
}

struct AccumulateBackward {
    Packing packing;
    int64_t channels;
    const float *weights, *values, *grad_out;
    float *grad_weights, *grad_values;
};

inline AccumulateBackward accumulate_backward_of(const py::object& weights_, const py::object& values_, const py::object& grad_out,
                                                 const py::object& packed_info, const py::object& grad_weights,
                                                 const py::object& grad_values) {
    const auto weights = view_of(weights_, "weights", kAny);
    const int64_t samples = weights.size();
    const auto values = view_of(values_, "values", samples, kAny);
    const Packing packing = packing_of(packed_info, samples);
    const int64_t channels = values.shape(1);
    return {packing,
            channels,
            weights.data(),
            values.data(),
            tensor_of(grad_out, "grad_out", packing.rays, channels),
            tensor_of(grad_weights, "grad_weights", samples),
            tensor_of(grad_values, "grad_values", samples, channels)};
}

struct CompositeForward {
    Packing packing;
    int64_t channels;
    const float *alpha, *values;
    float *out, *opacity, *weights;
};

inline CompositeForward composite_forward_of(const py::object& alpha_, const py::object& values_, const py::object& packed_info,
                                             const py::object& out, const py::object& opacity, const py::object& weights) {
    const auto alpha = view_of(alpha_, "alpha", kAny);
    const int64_t samples = alpha.size();
    const auto values = view_of(values_, "values", samples, kAny);
    const Packing packing = packing_of(packed_info, samples);
    const int64_t channels = values.shape(1);
    return {packing,
            channels,
            alpha.data(),
            values.data(),
            tensor_of(out, "out", packing.rays, channels),
            tensor_of(opacity, "opacity", packing.rays),
            tensor_of(weights, "weights", samples)};
}

struct CompositeBackward {
    Packing packing;
    int64_t channels;
    const float *alpha, *values, *weights, *grad_out, *grad_opacity, *grad_weights;
    float *grad_alpha, *grad_values;
};

inline CompositeBackward composite_backward_of(const py::object& alpha_, const py::object& values_, const py::object& weights,
                                               const py::object& grad_out, const py::object& grad_opacity, const py::object& grad_weights,
                                               const py::object& packed_info, const py::object& grad_alpha, const py::object& grad_values) {
    const auto alpha = view_of(alpha_, "alpha", kAny);
    const int64_t samples = alpha.size();
    const auto values = view_of(values_, "values", samples, kAny);
    const Packing packing = packing_of(packed_info, samples);
    const int64_t channels = values.shape(1);
    return {packing,
            channels,
            alpha.data(),
            values.data(),
            tensor_of(weights, "weights", samples),
            tensor_of(grad_out, "grad_out", packing.rays, channels),
            tensor_of(grad_opacity, "grad_opacity", packing.rays),
            tensor_of(grad_weights, "grad_weights", samples),
            tensor_of(grad_alpha, "grad_alpha", samples),
            tensor_of(grad_values, "grad_values", samples, channels)};
}

// Colour [S, 3], unit normal [S, 3] and distance [S] of samples to those of rays, without gathering them into one array first.
struct SurfaceForward {
    Packing packing;
    const float *alpha, *rgb, *normal, *t;
    float *out, *weights;
};

inline SurfaceForward composite_surface_of(const py::object& alpha_, const py::object& rgb, const py::object& normal, const py::object& t,
                                           const py::object& packed_info, const py::object& out, const py::object& weights) {
    const auto alpha = view_of(alpha_, "alpha", kAny);
    const int64_t samples = alpha.size();
    const float *colors = tensor_of(rgb, "rgb", samples, 3), *normals = tensor_of(normal, "normal", samples, 3);
    const float* distances = tensor_of(t, "t", samples);
    const Packing packing = packing_of(packed_info, samples);
    return {packing,
            alpha.data(),
            colors,
            normals,
            distances,
            tensor_of(out, "out", packing.rays, kSurfaceChannels),
            tensor_of(weights, "weights", samples)};
}

struct SurfaceBackward {
    Packing packing;
    const float *alpha, *rgb, *normal, *t, *weights, *grad_out;
    float *grad_alpha, *grad_rgb, *grad_normal;
};

inline SurfaceBackward composite_surface_backward_of(const py::object& alpha_, const py::object& rgb, const py::object& normal,
                                                     const py::object& t, const py::object& weights, const py::object& grad_out,
                                                     const py::object& packed_info, const py::object& grad_alpha,
                                                     const py::object& grad_rgb, const py::object& grad_normal) {
    const auto alpha = view_of(alpha_, "alpha", kAny);
    const int64_t samples = alpha.size();
    const Packing packing = packing_of(packed_info, samples);
    return {packing,
            alpha.data(),
            tensor_of(rgb, "rgb", samples, 3),
            tensor_of(normal, "normal", samples, 3),
            tensor_of(t, "t", samples),
            tensor_of(weights, "weights", samples),
            tensor_of(grad_out, "grad_out", packing.rays, kSurfaceChannels),
            tensor_of(grad_alpha, "grad_alpha", samples),
            tensor_of(grad_rgb, "grad_rgb", samples, 3),
            tensor_of(grad_normal, "grad_normal", samples, 3)};
}

}  // namespace neurfield
