// Slanted planes of R pictures refined, and their costs.
#include <vector>

#include "common/aligned_floats.h"
#include "common/families.h"
#include "common/parallel.h"
#include "stereo/slanted_planes.h"

namespace neurfield {
namespace stereo {
namespace {

constexpr int64_t kRows = 8;  // of a picture that a thread works on at a time

// body(reference, row) for all rows of all references.
template <class Body>
void for_rows(int64_t references, int64_t height, Body&& body) {
    const int64_t blocks = (height + kRows - 1) / kRows;
    parallel_chunks(references * blocks, 1, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i)
            for (int64_t row = i % blocks * kRows; row < std::min(height, (i % blocks + 1) * kRows); ++row) body(i / blocks, row);
    });
}

// Of lanes in a row of one colour.
int64_t groups_of(int64_t width) { return (width + 2 * kLanes - 1) / (2 * kLanes); }

// Pixels whose row and column add up to `colour`, modulo 2, are worked on at once: they read the others only.
template <class Body>
void for_colour(const Surface& surface, int64_t row, int64_t colour, Body&& body) {
    const int64_t width = surface.picture.width, groups = groups_of(width), sources = static_cast<int64_t>(surface.sources.size());
    Vec* kept = surface.start_costs + (2 * row + colour) * groups * sources;
    for (int64_t first = (row + colour) % 2; first < width; first += 2 * kLanes, kept += sources) {
        Neighbourhood pixels(surface, Lanes(static_cast<int32_t>(row), static_cast<int32_t>(first), 2, width), kept);
        body(pixels);
    }
}

void refine(const Refinement& call) {
    py::gil_scoped_release release;
    const SlantedPictures& given = call.given;
    const int64_t height = given.pictures.height, size = height * given.pictures.width;
    const Taps taps(call.radius);
    const Regions regions;
    std::vector<uint32_t> selected(given.references * size);
    AlignedFloats memory;
    const int64_t most_costs = 2 * height * groups_of(given.pictures.width) * given.most_sources;
    Vec* const start_costs = reinterpret_cast<Vec*>(memory.reserve(given.references * most_costs * kLanes));
    std::vector<Surface> surfaces;
    for (int64_t r = 0; r < given.references; ++r) {
        const int64_t number = given.reference[r];
        const float* lens = given.lens + 4 * number;
        std::vector<Source> sources = sources_of(given, r);
        const bool masked = std::any_of(sources.begin(), sources.end(), [](const Source& source) { return source.masked; });
        surfaces.push_back({&call, &taps, &regions, given.pictures[number], std::move(sources), static_cast<uint32_t>(number), masked,
                            lens[0], lens[1], lens[2], lens[3], call.start + 3 * r * size,
                            call.interval == nullptr ? nullptr : call.interval + 2 * r * size, call.planes + 3 * r * size,
                            call.cost + r * size, selected.data() + r * size, start_costs + r * most_costs});
    }
    for_rows(given.references, height, [&](int64_t r, int64_t row) {
        for (int64_t colour = 0; colour < 2; ++colour) for_colour(surfaces[r], row, colour, [](Neighbourhood& pixels) { pixels.begin(); });
    });
    for (int number = 0; number < call.passes; ++number)
        for (int64_t colour = 0; colour < 2; ++colour)
            for_rows(given.references, height, [&](int64_t r, int64_t row) {
                if (surfaces[r].sources.empty()) return;
                for_colour(surfaces[r], row, colour, [&](Neighbourhood& pixels) { pixels.half_pass(number, number == call.passes - 1); });
            });
    for_rows(given.references, height, [&](int64_t r, int64_t row) {
        const Surface& surface = surfaces[r];
        for (int64_t i = row * surface.picture.width; i < (row + 1) * surface.picture.width; ++i)
            if (!(surface.planes[3 * i] > 0.0f) || surface.sources.empty()) surface.cost[i] = 1.0f;
    });
}

void costs(const PlaneCosts& call) {
    py::gil_scoped_release release;
    const SlantedPictures& given = call.given;
    const int64_t height = given.pictures.height, width = given.pictures.width, size = height * width;
    const Taps taps(call.radius);
    for_rows(given.references, height, [&](int64_t r, int64_t row) {
        const int64_t number = given.reference[r];
        for (int64_t first = 0; first < width; first += kLanes) {
            const Lanes lanes(static_cast<int32_t>(row), static_cast<int32_t>(first), 1, width);
            Window window;
            window.read(given.pictures[number], taps, lanes);
            const Planes planes = planes_at(call.planes + 3 * r * size, lanes.pixel(width));
            const int64_t lanes_here = std::min<int64_t>(kLanes, width - first), at = row * width + first;
            for (int64_t i = 0; i < lanes_here; ++i) call.texture[r * size + at + i] = window.active[i] ? window.texture.v[i] : 0.0f;
            for (int64_t k = 0; k < given.most_sources; ++k) {
                const int64_t pair = r * given.most_sources + k, s = given.sources[pair];
                Vec cost(1.0f);
                if (s >= 0) {
                    const Vec gain(given.pictures.gain[s] / given.pictures.gain[number]);
                    const Pair to{given.a + 9 * pair, given.b + 3 * pair};
                    const Vec found = window.cost(taps, to, given.pictures[s], true, gain, planes);
                    cost = choose(window.active & (planes.w.v > 0.0f), found, cost);
                }
                for (int64_t i = 0; i < lanes_here; ++i) call.costs[pair * size + at + i] = cost.v[i];
            }
        }
    });
}

}  // namespace
}  // namespace stereo

void bind_slanted_planes(py::module_& module) {
    define(module, "stereo_refine_planes", stereo::refinement_arguments, stereo::refine);
    define(module, "stereo_plane_costs", stereo::plane_costs_arguments, stereo::costs);
}

}  // namespace neurfield
