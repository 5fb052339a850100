// Encodings without parameters. Waves and blobs have one point after the other and vectors along its columns, harmonics have vectors
// of points.
#include "encoding/closed_forms.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "common/families.h"
#include "common/parallel.h"
#include "common/simd_transpose.h"
#include "common/tensor_view.h"
#include "field/frequencies.h"

namespace neurfield {
namespace closed_forms {
namespace {

constexpr int64_t kChunk = 2048;  // points of a task
constexpr int kMaxDegree = 4;

int64_t whole_vectors(int64_t count) { return (count + kLanes - 1) / kLanes * kLanes; }

// `count` floats of a vector.
void store_some(Vec values, int64_t count, float* out) {
    if (count >= kLanes) return values.store(out);
    for (int64_t i = 0; i < count; ++i) out[i] = values.v[i];
}

// Order-th derivatives of sin and cos of 2^k pi x, by their own axes: out [N, bands][2][D].
void frequency(const py::object& points_, int bands, int active, int order, const py::object& out_) {
    const TensorView<float, 2> points(points_, "points"), out(out_, "out");
    const int64_t count = points.shape(0), dimensions = points.shape(1), row = 2 * dimensions * bands, used = 2 * dimensions * active;
    out.expect(0, count, "out"), out.expect(1, row, "out");
    py::gil_scoped_release release;
    // A column sees its own axis only: the others' rates are zero. Phases are in half turns.
    const int64_t padded = whole_vectors(used);
    std::vector<float> rates(dimensions * padded), phases(padded), heights(padded);
    for (int64_t k = 0; k < used; ++k) {
        const int band = static_cast<int>(k / (2 * dimensions));
        rates[k % dimensions * padded + k] = std::ldexp(1.0f, band);
        phases[k] = 0.5f * static_cast<float>((k / dimensions % 2 + order) % 4);
        heights[k] = static_cast<float>(std::pow(static_cast<double>(field::kPi) * std::ldexp(1.0, band), order));
    }
    parallel_chunks(count, kChunk, [&](int64_t begin, int64_t end) {
        constexpr float kRound = 12582912.0f;  // see sin_cos_of_pi
        for (int64_t i = begin; i < end; ++i) {
            const float* x = points.row(i);
            float* to = out.row(i);
            for (int64_t k = 0; k < used; k += kLanes) {
                Vec y(0.0f), sine, cosine;
                for (int64_t axis = 0; axis < dimensions; ++axis) y = fma(Vec(x[axis]), Vec::load(rates.data() + axis * padded + k), y);
                const Vec half = y * Vec(0.5f) + Vec(kRound);  // whole turns go before the phase is added, so that this rounds little
                y -= Vec(2.0f) * (half - Vec(kRound));
                field::sin_cos_of_pi(y + Vec::load(phases.data() + k), sine, cosine);
                store_some(sine * Vec::load(heights.data() + k), used - k, to + k);
            }
            std::fill(to + used, to + row, 0.0f);
        }
    });
}

// Order-th derivatives of the bins' shares of a blob around x that is two bins wide and wraps around: out [N, D][bins].
template <int Order>
void blobs(const TensorView<float, 2>& points, int64_t bins, const TensorView<float, 2>& out) {
    const int64_t dimensions = points.shape(1);
    const float scale = static_cast<float>(bins), height = static_cast<float>(std::pow(-static_cast<double>(bins), Order));
    std::vector<float> edges(whole_vectors(bins) + kLanes);
    for (size_t k = 0; k < edges.size(); ++k) edges[k] = static_cast<float>(k);
    parallel_chunks(points.shape(0), kChunk, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin * dimensions; i < end * dimensions; ++i) {
            const float at = scale * (points[i] - std::floor(points[i]));
            for (int64_t k = 0; k < bins; k += kLanes) {
                const Vec left = Vec::load(edges.data() + k) - Vec(at);
                Vec share(0.0f);
                for (int turn = -1; turn <= 1; ++turn) {
                    const Vec from = left + Vec(static_cast<float>(turn) * scale);
                    const auto below = [](Vec u) { return quartic_step<Order>(min(Vec(1.0f), max(Vec(-1.0f), u))); };  // NaN stays NaN
                    share += below(from + Vec(1.0f)) - below(from);
                }
                store_some(share * Vec(height), bins - k, out.data() + i * bins + k);
            }
        }
    });
}

void one_blob(const py::object& points_, int bins, int order, const py::object& out_) {
    const TensorView<float, 2> points(points_, "points"), out(out_, "out");
    out.expect(0, points.shape(0), "out"), out.expect(1, points.shape(1) * bins, "out");
    py::gil_scoped_release release;
    if (order == 0) return blobs<0>(points, bins, out);
    if (order == 1) return blobs<1>(points, bins, out);
    blobs<2>(points, bins, out);
}

// body(first, some, x, y, z) for kLanes directions at a time, of which `some` exist; the others are zero.
template <class Body>
void for_directions(const TensorView<float, 2>& directions, Body&& body) {
    const int64_t count = directions.shape(0);
    parallel_chunks(count, kChunk, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; i += kLanes) {
            const int64_t some = std::min<int64_t>(kLanes, end - i);
            float rows[3 * kLanes] = {};
            std::copy(directions.row(i), directions.row(i) + 3 * some, rows);
            Vec axes[3];
            columns_of_three(rows, axes);
            body(i, some, axes[0], axes[1], axes[2]);
        }
    });
}

void spherical_harmonics(const py::object& directions_, int degree, const py::object& out_) {
    const TensorView<float, 2> directions(directions_, "directions"), out(out_, "out");
    const int64_t row = degree * degree;
    directions.expect(1, 3, "directions");
    out.expect(0, directions.shape(0), "out"), out.expect(1, row, "out");
    py::gil_scoped_release release;
    for_directions(directions, [&](int64_t first, int64_t some, Vec x, Vec y, Vec z) {
        Vec values[kMaxDegree * kMaxDegree];
        float columns[kMaxDegree * kMaxDegree * kLanes], rows[kMaxDegree * kMaxDegree * kLanes];
        harmonics(x, y, z, degree, values);
        for (int64_t k = 0; k < row; ++k) values[k].store(columns + k * kLanes);
        columns_to_rows(columns, row, rows);
        std::copy(rows, rows + some * row, out.row(first));
    });
}

// out [N, 3]: the gradient of the directions from that of their harmonics.
void spherical_harmonics_t_product(const py::object& directions_, int degree, const py::object& d_values_, const py::object& out_) {
    const TensorView<float, 2> directions(directions_, "directions"), d_values(d_values_, "d_values"), out(out_, "out");
    const int64_t row = degree * degree;
    directions.expect(1, 3, "directions");
    d_values.expect(0, directions.shape(0), "d_values"), d_values.expect(1, row, "d_values");
    out.expect(0, directions.shape(0), "out"), out.expect(1, 3, "out");
    py::gil_scoped_release release;
    for_directions(directions, [&](int64_t first, int64_t some, Vec x, Vec y, Vec z) {
        float rows[kMaxDegree * kMaxDegree * kLanes] = {}, columns[kMaxDegree * kMaxDegree * kLanes];
        Vec d[kMaxDegree * kMaxDegree], gradient[3];
        std::copy(d_values.row(first), d_values.row(first) + some * row, rows);
        rows_to_columns(rows, row, columns);
        for (int64_t k = 0; k < row; ++k) d[k] = Vec::load(columns + k * kLanes);
        harmonics_t_product(x, y, z, degree, d, gradient);
        for (int64_t i = 0; i < some; ++i)
            for (int axis = 0; axis < 3; ++axis) out.row(first)[3 * i + axis] = gradient[axis].v[i];
    });
}

}  // namespace
}  // namespace closed_forms

void bind_closed_forms(py::module_& module) {
    module.def("frequency", &closed_forms::frequency);
    module.def("one_blob", &closed_forms::one_blob);
    module.def("spherical_harmonics", &closed_forms::spherical_harmonics);
    module.def("spherical_harmonics_t_product", &closed_forms::spherical_harmonics_t_product);
}

}  // namespace neurfield
