// What the warp of patches takes from Python.
#pragma once

#include "common/arguments.h"

namespace neurfield::stereo {

constexpr int64_t kMostTaps = 128;  // of a window

struct PatchWarp {
    int64_t count, views, height, width;
    const int32_t* quads;  // [n, height, width], see pictures.h
    const float *gain, *homographies, *shifts;  // [n], [pairs, 3, 3], [pairs, 3]
    const int64_t* reference;  // [count]
    const float *uv, *planes;  // [count, 2], [count, 3]
    const int64_t *sources, *pairs;  // [count, views]; pair -1: none
    int side, radius, spacing;  // taps along a side; pixels
    float absolute;
    float *cost, *slope, *texture;  // [count, views], [count, views, 3], [count]
    uint8_t* valid;  // [count, views]
};

inline PatchWarp patch_warp_of(const py::object& quads_, const py::object& gain, const py::object& homographies_, const py::object& shifts,
                               const py::object& reference_, const py::object& uv, const py::object& planes, const py::object& sources_,
                               const py::object& pairs_, int radius, int spacing, float absolute, const py::object& cost,
                               const py::object& slope, const py::object& valid, const py::object& texture) {
    const auto quads = view_of<int32_t>(quads_, "quads", kAny, kAny, kAny);
    const auto homographies = view_of(homographies_, "homographies", kAny, 3, 3);
    const auto reference = view_of<int64_t>(reference_, "reference", kAny);
    const int64_t count = reference.size(), pictures = quads.shape(0), known = homographies.shape(0);
    const auto sources = view_of<int64_t>(sources_, "sources", count, kAny),
               pairs = view_of<int64_t>(pairs_, "pairs", count, sources.shape(1));
    if (radius < 1 || spacing < 1) throw py::value_error("patch_warp: 'radius' and 'spacing' must be at least 1");
    const int64_t side = 2 * int64_t{radius} / spacing + 1;
    if (side * side > kMostTaps) throw py::value_error("patch_warp: 'radius' is too large for 'spacing'");
    rows_below(reference, pictures, "reference");
    for (int64_t i = 0; i < sources.size(); ++i) {
        if (pairs[i] < -1 || pairs[i] >= known) throw py::value_error("patch_warp: 'pairs' names a pair that is not there");
        if (pairs[i] >= 0 && (sources[i] < 0 || sources[i] >= pictures))
            throw py::value_error("patch_warp: 'sources' names a picture that is not there");
    }
    return {count,
            sources.shape(1),
            quads.shape(1),
            quads.shape(2),
            quads.data(),
            tensor_of(gain, "gain", pictures),
            homographies.data(),
            tensor_of(shifts, "shifts", known, 3),
            reference.data(),
            tensor_of(uv, "uv", count, 2),
            tensor_of(planes, "planes", count, 3),
            sources.data(),
            pairs.data(),
            static_cast<int>(side),
            radius,
            spacing,
            absolute,
            tensor_of(cost, "cost", count, sources.shape(1)),
            tensor_of(slope, "slope", count, sources.shape(1), 3),
            tensor_of(texture, "texture", count),
            tensor_of<uint8_t>(valid, "valid", count, sources.shape(1))};
}

}  // namespace neurfield::stereo
