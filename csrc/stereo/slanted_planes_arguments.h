// What crosses from Python for the refinement of slanted planes.
#pragma once

#include <string>
#include <vector>

#include "common/arguments.h"
#include "stereo/depth_lookup.h"
#include "stereo/slanted_window.h"

namespace neurfield::stereo {

constexpr int kMostSources = 16;

// R references of S sources each. Pairs go from reference to source, `back` the other way.
struct SlantedPictures {
    Pictures pictures;
    const float* lens;  // [n][4]
    const int64_t *reference, *sources;  // [R], [R][S]; sources below 0 are none
    const float *a, *b, *back_a, *back_b;  // [R][S][3][3], [R][S][3]
    const float* depths;  // [n][h][w] or null
    int64_t references, most_sources;
};

inline SlantedPictures slanted_pictures(const py::object& quads, const py::object& gain, float tolerance, const py::object& lens,
                                        const py::object& reference, const py::object& sources, const py::object& a, const py::object& b,
                                        const py::object& back_a, const py::object& back_b, const py::object& depths) {
    const TensorView<int32_t, 3> words(quads, "quads");
    const TensorView<int64_t, 2> source(sources, "sources");
    const int64_t n = words.shape(0), h = words.shape(1), w = words.shape(2), R = source.shape(0), S = source.shape(1);
    SlantedPictures given;
    given.pictures = {words.data(), tensor_of(gain, "gain", n), n, h, w, tolerance};
    given.lens = tensor_of(lens, "lens", n, 4);
    given.reference = rows_below(view_of<int64_t>(reference, "reference", R), n, "reference");
    given.sources = source.data(), given.references = R, given.most_sources = S;
    if (n * h * w > INT32_MAX) throw py::value_error("neurfield native: 'quads' must hold fewer than 2^31 pixels");
    if (S > kMostSources) throw py::value_error("neurfield native: 'sources' must be at most " + std::to_string(kMostSources));
    for (int64_t i = 0; i < source.size(); ++i)
        if (source[i] >= n) throw py::value_error("neurfield native: 'sources' must be below " + std::to_string(n));
    given.a = tensor_of(a, "a", R, S, 3, 3), given.b = tensor_of(b, "b", R, S, 3);
    given.back_a = tensor_of(back_a, "back_a", R, S, 3, 3), given.back_b = tensor_of(back_b, "back_b", R, S, 3);
    given.depths = optional_of(depths, "depths", n, h, w);
    return given;
}

struct Source {
    int32_t number;  // of the picture
    Picture picture;
    bool masked;  // it has background
    float gain;  // over the reference's
    Pair forth, back;
    DepthMap depth;  // of null where none is known
};

// The sources of one reference that are there.
inline std::vector<Source> sources_of(const SlantedPictures& given, int64_t r) {
    std::vector<Source> found;
    for (int64_t k = 0; k < given.most_sources; ++k) {
        const int64_t at = r * given.most_sources + k, s = given.sources[at];
        if (s < 0) continue;
        const Picture picture = given.pictures[s];
        const float* depth = given.depths == nullptr ? nullptr : given.depths + s * given.pictures.height * given.pictures.width;
        found.push_back({static_cast<int32_t>(s), picture, picture.has_background(),
                         given.pictures.gain[s] / given.pictures.gain[given.reference[r]], Pair{given.a + 9 * at, given.b + 3 * at},
                         Pair{given.back_a + 9 * at, given.back_b + 3 * at}, DepthMap{depth, picture.height, picture.width}});
    }
    return found;
}

struct PlaneCosts {
    SlantedPictures given;
    int radius;
    const float* planes;  // [R][h][w][3]
    float *costs, *texture;  // [R][S][h][w], [R][h][w]
};

inline PlaneCosts plane_costs_arguments(const py::object& quads, const py::object& gain, float tolerance, const py::object& lens,
                                        const py::object& reference, const py::object& sources, const py::object& a, const py::object& b,
                                        const py::object& back_a, const py::object& back_b, const py::object& depths, int radius,
                                        const py::object& planes, const py::object& costs, const py::object& texture) {
    PlaneCosts call{slanted_pictures(quads, gain, tolerance, lens, reference, sources, a, b, back_a, back_b, depths), radius, nullptr,
                    nullptr, nullptr};
    const int64_t R = call.given.references, S = call.given.most_sources, h = call.given.pictures.height, w = call.given.pictures.width;
    call.planes = tensor_of(planes, "planes", R, h, w, 3), call.costs = tensor_of(costs, "costs", R, S, h, w);
    call.texture = tensor_of(texture, "texture", R, h, w);
    return call;
}

struct Refinement {
    SlantedPictures given;
    int passes, radius;
    uint32_t seed;
    float shift, turn, margin, reach;  // turn: a tangent
    bool far;
    const float *start, *interval;  // [R][h][w][3], [R][h][w][2] or null
    float *planes, *cost;  // [R][h][w][3], [R][h][w]
};

inline Refinement refinement_arguments(const py::object& quads, const py::object& gain, float tolerance, const py::object& lens,
                                       const py::object& reference, const py::object& sources, const py::object& a, const py::object& b,
                                       const py::object& back_a, const py::object& back_b, const py::object& depths, int passes,
                                       uint32_t seed, int radius, float shift, float turn, bool far, float margin, float reach,
                                       const py::object& start, const py::object& interval, const py::object& planes,
                                       const py::object& cost) {
    Refinement call;
    call.given = slanted_pictures(quads, gain, tolerance, lens, reference, sources, a, b, back_a, back_b, depths);
    call.passes = passes, call.radius = radius, call.seed = seed, call.shift = shift, call.turn = turn, call.margin = margin;
    call.reach = reach, call.far = far;
    const int64_t R = call.given.references, h = call.given.pictures.height, w = call.given.pictures.width;
    call.start = tensor_of(start, "start", R, h, w, 3), call.interval = optional_of(interval, "interval", R, h, w, 2);
    call.planes = tensor_of(planes, "planes", R, h, w, 3), call.cost = tensor_of(cost, "cost", R, h, w);
    return call;
}

}  // namespace neurfield::stereo
