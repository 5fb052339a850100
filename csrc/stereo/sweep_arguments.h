// What sweeping planes takes from Python.
#pragma once

#include "common/arguments.h"
#include "stereo/sweep_depth.h"

namespace neurfield {

template <> struct TypeCode<int16_t> {
    static constexpr uint8_t code = dlpack::kInt;
    static constexpr const char* name = "int16";
};

}  // namespace neurfield

namespace neurfield::stereo {

// A batch of reference pictures: quads int32 [n, h, w], gain [n], reference int64 [R], sources int64 [R, S], a [R, S, 3, 3], b [R, S, 3],
// inverse_depth [R, D], first and last int16 [R, h, w] or None.
struct SweepCall {
    Pictures pictures;
    const int64_t *reference, *sources;
    const float *a, *b, *inverse_depth;
    const int16_t *first, *last;
    int64_t count, source_count, planes;
    int radius;

    SweepTask task(int64_t i) const {
        const int64_t pixels = pictures.height * pictures.width;
        return {pictures,
                reference[i],
                sources + i * source_count,
                a + 9 * i * source_count,
                b + 3 * i * source_count,
                source_count,
                inverse_depth + i * planes,
                planes,
                first ? first + i * pixels : nullptr,
                last ? last + i * pixels : nullptr,
                radius};
    }
};

inline SweepCall sweep_of(const py::object& quads_, const py::object& gain, float tolerance, const py::object& reference_,
                          const py::object& sources_, const py::object& a, const py::object& b, const py::object& inverse_depth_,
                          const py::object& first, const py::object& last, int radius) {
    const auto quads = view_of<int32_t>(quads_, "quads", kAny, kAny, kAny);
    const auto reference = view_of<int64_t>(reference_, "reference", kAny);
    const int64_t count = reference.shape(0), height = quads.shape(1), width = quads.shape(2);
    const auto sources = view_of<int64_t>(sources_, "sources", count, kAny);
    const auto inverse_depth = view_of(inverse_depth_, "inverse_depth", count, kAny);
    const int64_t source_count = sources.shape(1);
    rows_below(reference, quads.shape(0), "reference");
    for (int64_t i = 0; i < sources.size(); ++i)
        if (sources[i] >= quads.shape(0)) throw py::value_error("neurfield native: 'sources' names a picture that is not there");
    if (source_count > kMostSwept) throw py::value_error("neurfield native: 'sources' may name 64 pictures at most");
    if (radius < 1 || radius > kMostRadius) throw py::value_error("neurfield native: 'radius' must be 1 to 5");
    return {{quads.data(), tensor_of(gain, "gain", quads.shape(0)), quads.shape(0), height, width, tolerance},
            reference.data(),
            sources.data(),
            tensor_of(a, "a", count, source_count, 3, 3),
            tensor_of(b, "b", count, source_count, 3),
            inverse_depth.data(),
            optional_of<int16_t>(first, "first", count, height, width),
            optional_of<int16_t>(last, "last", count, height, width),
            count,
            source_count,
            inverse_depth.shape(1),
            radius};
}

struct PlaneSweepCall {
    SweepCall sweep;
    uint8_t* cost;  // [R, h, w, D]
};

inline PlaneSweepCall plane_sweep_of(const py::object& quads, const py::object& gain, float tolerance, const py::object& reference,
                                     const py::object& sources, const py::object& a, const py::object& b, const py::object& inverse_depth,
                                     const py::object& first, const py::object& last, int radius, const py::object& cost) {
    const SweepCall sweep = sweep_of(quads, gain, tolerance, reference, sources, a, b, inverse_depth, first, last, radius);
    return {sweep, tensor_of<uint8_t>(cost, "cost", sweep.count, sweep.pictures.height, sweep.pictures.width, sweep.planes)};
}

inline PathSteps path_steps_of(int next, const py::object& jump) {
    return {static_cast<int16_t>(next), tensor_of<int16_t>(jump, "jump", 256)};
}

struct PathCall {
    const uint8_t *cost, *grey;  // [R, h, w, D], [R, h, w]
    PathSteps steps;
    int16_t* sums;  // [R, h, w, D]
    int64_t count, height, width, planes;
};

inline PathCall path_costs_of(const py::object& cost_, const py::object& grey, int next, const py::object& jump, const py::object& sums) {
    const auto cost = view_of<uint8_t>(cost_, "cost", kAny, kAny, kAny, kAny);
    const int64_t count = cost.shape(0), height = cost.shape(1), width = cost.shape(2), planes = cost.shape(3);
    return {cost.data(),
            tensor_of<uint8_t>(grey, "grey", count, height, width),
            path_steps_of(next, jump),
            tensor_of<int16_t>(sums, "sums", count, height, width, planes),
            count,
            height,
            width,
            planes};
}

struct SweepDepthCall {
    SweepCall sweep;
    const uint8_t* grey;  // [n, h, w]
    PathSteps steps;
    SweptMaps maps;  // [R, h, w] each
};

inline SweepDepthCall sweep_depth_of(const py::object& quads, const py::object& gain, float tolerance, const py::object& reference,
                                     const py::object& sources, const py::object& a, const py::object& b, const py::object& inverse_depth,
                                     const py::object& first, const py::object& last, int radius, const py::object& grey, int next,
                                     const py::object& jump, const py::object& found, const py::object& cost, const py::object& ratio,
                                     const py::object& texture) {
    const SweepCall sweep = sweep_of(quads, gain, tolerance, reference, sources, a, b, inverse_depth, first, last, radius);
    const int64_t count = sweep.count, height = sweep.pictures.height, width = sweep.pictures.width;
    return {sweep,
            tensor_of<uint8_t>(grey, "grey", sweep.pictures.count, height, width),
            path_steps_of(next, jump),
            {tensor_of(found, "found", count, height, width), tensor_of(cost, "cost", count, height, width),
             tensor_of(ratio, "ratio", count, height, width), tensor_of(texture, "texture", count, height, width)}};
}

}  // namespace neurfield::stereo
