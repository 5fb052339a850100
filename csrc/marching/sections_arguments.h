// What the kernels of ray sections take from Python: S sections of R rays, and what a field says of their midpoints.
#pragma once

#include <algorithm>
#include <cmath>

#include "common/arguments.h"

namespace neurfield::sections {

// Each section's ray must exist. On the GPU nobody looks: it would have to be waited for.
inline const int64_t* rays_of(const py::object& ray_indices, int64_t count, [[maybe_unused]] int64_t rays) {
    const auto view = view_of<int64_t>(ray_indices, "ray_indices", count);
#if !defined(NEURFIELD_CUDA)
    uint64_t highest = 0;  // a negative index is a huge one
    for (int64_t i = 0; i < view.size(); ++i) highest = std::max(highest, static_cast<uint64_t>(view[i]));
    if (view.size() > 0 && highest >= static_cast<uint64_t>(rays))
        throw py::value_error("ray_indices: must lie within 0.." + std::to_string(rays - 1));
#endif
    return view.data();
}

// A tensor of one number, which may be learnt; its value is looked at on the CPU alone.
inline const float* width_of(const py::object& object) {
    const float* width = tensor_of(object, "width", 1);
#if !defined(NEURFIELD_CUDA)
    if (!(*width > 0.0f) || std::isinf(*width))
        throw py::value_error("opacity: width must be positive and finite, got " + std::to_string(*width));
#endif
    return width;
}

struct Midpoints {
    int64_t count;
    const float *origins, *directions;
    const int64_t* rays;
    const float *t_starts, *t_ends;
    float *points, *t;
};

inline Midpoints section_midpoints_of(const py::object& origins_, const py::object& directions, const py::object& ray_indices_,
                                      const py::object& t_starts, const py::object& t_ends, const py::object& points_,
                                      const py::object& t) {
    const auto origins = view_of(origins_, "origins", kAny, 3);
    const int64_t count = view_of<int64_t>(ray_indices_, "ray_indices", kAny).size();
    const auto points = view_of(points_, "points", kAny, 3);
    if (points.shape(0) < count) throw py::value_error("points: too few rows");
    return {count,
            origins.data(),
            tensor_of(directions, "directions", origins.shape(0), 3),
            rays_of(ray_indices_, count, origins.shape(0)),
            tensor_of(t_starts, "t_starts", count),
            tensor_of(t_ends, "t_ends", count),
            points.data(),
            tensor_of(t, "t", count)};
}

// What is known of sections, and the opacity that is made of it.
struct Sections {
    int64_t count;
    const float *sdf, *gradient, *t_starts, *t_ends, *directions;
    const int64_t* rays;
    bool neus;
    const float* width;
    float anneal;
};

inline Sections sections_of(const py::object& sdf_, const py::object& gradient, const py::object& t_starts, const py::object& t_ends,
                            const py::object& directions_, const py::object& rays, bool neus, const py::object& width, double anneal) {
    const auto sdf = view_of(sdf_, "sdf", kAny);
    const auto directions = view_of(directions_, "directions", kAny, 3);
    const int64_t count = sdf.size();
    return {count,
            sdf.data(),
            tensor_of(gradient, "gradient", count, 3),
            tensor_of(t_starts, "t_starts", count),
            tensor_of(t_ends, "t_ends", count),
            directions.data(),
            rays_of(rays, count, directions.shape(0)),
            neus,
            width_of(width),
            static_cast<float>(anneal)};
}

struct OpacityForward {
    Sections sections;
    float *alpha, *normal;
};

inline OpacityForward section_opacity_of(const py::object& sdf, const py::object& gradient, const py::object& t_starts,
                                         const py::object& t_ends, const py::object& directions, const py::object& rays, bool neus,
                                         const py::object& width, double anneal, const py::object& alpha, const py::object& normal) {
    const Sections sections = sections_of(sdf, gradient, t_starts, t_ends, directions, rays, neus, width, anneal);
    return {sections, tensor_of(alpha, "alpha", sections.count), tensor_of(normal, "normal", sections.count, 3)};
}

struct OpacityBackward {
    const py::object& like;  // a tensor where the others are
    Sections sections;
    const float *d_alpha, *d_normal;
    float *d_sdf, *d_gradient, *d_width;
};

inline OpacityBackward section_opacity_backward_of(const py::object& sdf, const py::object& gradient, const py::object& t_starts,
                                                   const py::object& t_ends, const py::object& directions, const py::object& rays,
                                                   bool neus, const py::object& width, double anneal, const py::object& d_alpha,
                                                   const py::object& d_normal, const py::object& d_sdf, const py::object& d_gradient,
                                                   const py::object& d_width) {
    const Sections sections = sections_of(sdf, gradient, t_starts, t_ends, directions, rays, neus, width, anneal);
    const int64_t count = sections.count;
    return {sdf,
            sections,
            tensor_of(d_alpha, "d_alpha", count),
            tensor_of(d_normal, "d_normal", count, 3),
            tensor_of(d_sdf, "d_sdf", count),
            tensor_of(d_gradient, "d_gradient", count, 3),
            tensor_of(d_width, "d_width", 1)};
}

}  // namespace neurfield::sections
