// Steps of dual meshing that look at one stretch, one quad or one answer at a time: their loops and bindings.
#include <cmath>

#include "common/arguments.h"
#include "common/families.h"
#include "common/parallel.h"
#include "surface/crossing_turns.h"
#include "surface/quad_filter.h"

namespace neurfield {

namespace {

constexpr int64_t kStepsPerChunk = 4096;

// Fills turns [m] of stretches between samples `low` and `high` [m], rows of points [n, 3], distances [n], normals [n, 3].
void crossing_turns(const py::object& points_, const py::object& distances_, const py::object& normals_, const py::object& low_,
                    const py::object& high_, double length, double noise, const py::object& turns_) {
    const auto points_view = view_of<double>(points_, "points", kAny, 3);
    const int64_t samples = points_view.shape(0);
    const double* points = points_view.data();
    const double* distances = tensor_of<double>(distances_, "distances", samples);
    const double* normals = tensor_of<double>(normals_, "normals", samples, 3);
    const auto low_view = view_of<int64_t>(low_, "low", kAny), high_view = view_of<int64_t>(high_, "high", low_view.shape(0));
    const int64_t *low = rows_below(low_view, samples, "low"), *high = rows_below(high_view, samples, "high");
    uint8_t* turns = tensor_of<uint8_t>(turns_, "turns", low_view.shape(0));
    py::gil_scoped_release release;
    parallel_chunks(low_view.shape(0), kStepsPerChunk, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
            const FieldSample a(points, distances, normals, low[i]), b(points, distances, normals, high[i]);
            turns[i] = static_cast<uint8_t>(turn_between(a, b, length, noise));
        }
    });
}

// Fills kept and along_02 [q] of quads [q, 4], rows of vertices [v, 3], ranks [v], directions [v, 3].
void filter_quads(const py::object& vertices_, const py::object& ranks_, const py::object& directions_, const py::object& quads_,
                  const py::object& kept_, const py::object& along_02_) {
    const auto vertices_view = view_of<double>(vertices_, "vertices", kAny, 3);
    const int64_t count = vertices_view.shape(0);
    const double* vertices = vertices_view.data();
    const uint8_t* ranks = tensor_of<uint8_t>(ranks_, "ranks", count);
    const double* directions = tensor_of<double>(directions_, "directions", count, 3);
    const auto quads = view_of<int64_t>(quads_, "quads", kAny, 4);
    for (int64_t i = 0; i < quads.size(); ++i)
        if (quads[i] < 0 || quads[i] >= count) throw py::value_error("neurfield native: 'quads' must be rows of vertices");
    uint8_t *kept = tensor_of<uint8_t>(kept_, "kept", quads.shape(0)),
            *along_02 = tensor_of<uint8_t>(along_02_, "along_02", quads.shape(0));
    py::gil_scoped_release release;
    parallel_chunks(quads.shape(0), kStepsPerChunk, [&](int64_t begin, int64_t end) {
        std::array<CellVertex, 4> corner;
        for (int64_t i = begin; i < end; ++i) {
            for (int j = 0; j < 4; ++j) {
                const int64_t v = quads[4 * i + j];
                corner[j].rank = ranks[v];
                for (int k = 0; k < 3; ++k) corner[j].place[k] = vertices[3 * v + k], corner[j].direction[k] = directions[3 * v + k];
            }
            const QuadFit fit = fit_of_quad(corner);
            kept[i] = fit.kept, along_02[i] = fit.along_02;
        }
    });
}

// Fills distances [n] in cells, unit normals [n, 3] and slopes [n] of a field's values [n] and gradients [n, 3]; the first row that is not
// finite, or whose value is below `least`; n where there is none.
int64_t field_answers(const py::object& values_, const py::object& gradients_, double voxel, double least, const py::object& distances_,
                      const py::object& normals_, const py::object& slopes_) {
    const auto values = view_of<float>(values_, "values", kAny);
    const int64_t count = values.shape(0);
    const float* gradients = tensor_of(gradients_, "gradients", count, 3);
    double *distances = tensor_of<double>(distances_, "distances", count), *normals = tensor_of<double>(normals_, "normals", count, 3);
    double* slopes = tensor_of<double>(slopes_, "slopes", count);
    py::gil_scoped_release release;
    std::atomic<int64_t> wrong{count};
    parallel_chunks(count, kStepsPerChunk, [&](int64_t begin, int64_t end) {
        int64_t first = count;
        for (int64_t i = begin; i < end; ++i) {
            const double value = values[i];
            const Vector3 slope = {gradients[3 * i], gradients[3 * i + 1], gradients[3 * i + 2]};
            const double steep = std::sqrt(dot(slope, slope));
            if (!(std::isfinite(value) && std::isfinite(steep) && value >= least)) first = std::min(first, i);
            distances[i] = std::max(value, 0.0) / voxel;
            slopes[i] = steep;
            for (int k = 0; k < 3; ++k) normals[3 * i + k] = steep > 0.0 ? slope[k] / steep : slope[k];
        }
        for (int64_t known = wrong.load(); first < known && !wrong.compare_exchange_weak(known, first);) {
        }
    });
    return wrong.load();
}

}  // namespace

void bind_dual_steps(py::module_& module) {
    module.def("surface_crossing_turns", &crossing_turns);
    module.def("surface_filter_quads", &filter_quads);
    module.def("surface_field_answers", &field_answers);
}

}  // namespace neurfield
