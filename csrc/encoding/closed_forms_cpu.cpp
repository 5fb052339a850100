// Encodings without parameters. Waves and blobs have one point after the other and vectors along its columns, harmonics have vectors
// of points.
#include "encoding/closed_forms.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "common/families.h"
#include "common/parallel.h"
#include "common/simd_transpose.h"
#include "encoding/closed_forms_arguments.h"
#include "field/frequencies.h"

namespace neurfield {
namespace closed_forms {
namespace {

constexpr int64_t kChunk = 2048;  // points of a task

int64_t whole_vectors(int64_t count) { return (count + kLanes - 1) / kLanes * kLanes; }

// `count` floats of a vector.
void store_some(Vec values, int64_t count, float* out) {
    if (count >= kLanes) return values.store(out);
    for (int64_t i = 0; i < count; ++i) out[i] = values.v[i];
}

void frequency(const Waves& call) {
    const int64_t dimensions = call.dimensions, row = call.row(), used = 2 * dimensions * call.active;
    const int order = call.order;
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
    parallel_chunks(call.count, kChunk, [&](int64_t begin, int64_t end) {
        constexpr float kRound = 12582912.0f;  // see sin_cos_of_pi
        for (int64_t i = begin; i < end; ++i) {
            const float* x = call.points + i * dimensions;
            float* to = call.out + i * row;
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

template <int Order>
void blobs(const Blobs& call) {
    const int64_t bins = call.bins;
    const float scale = static_cast<float>(bins), height = static_cast<float>(std::pow(-static_cast<double>(bins), Order));
    std::vector<float> edges(whole_vectors(bins) + kLanes);
    for (size_t k = 0; k < edges.size(); ++k) edges[k] = static_cast<float>(k);
    parallel_chunks(call.count, kChunk, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
            const float at = scale * (call.coordinates[i] - std::floor(call.coordinates[i]));
            for (int64_t k = 0; k < bins; k += kLanes) {
                const Vec left = Vec::load(edges.data() + k) - Vec(at);
                Vec share(0.0f);
                for (int turn = -1; turn <= 1; ++turn) {
                    const Vec from = left + Vec(static_cast<float>(turn) * scale);
                    const auto below = [](Vec u) { return quartic_step<Order>(min(Vec(1.0f), max(Vec(-1.0f), u))); };  // NaN stays NaN
                    share += below(from + Vec(1.0f)) - below(from);
                }
                store_some(share * Vec(height), bins - k, call.out + i * bins + k);
            }
        }
    });
}

void one_blob(const Blobs& call) {
    py::gil_scoped_release release;
    if (call.order == 0) return blobs<0>(call);
    if (call.order == 1) return blobs<1>(call);
    blobs<2>(call);
}

// body(first, some, x, y, z) for kLanes directions at a time, of which `some` exist; the others are zero.
template <class Body>
void for_directions(const float* directions, int64_t count, Body&& body) {
    parallel_chunks(count, kChunk, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; i += kLanes) {
            const int64_t some = std::min<int64_t>(kLanes, end - i);
            float rows[3 * kLanes] = {};
            std::copy_n(directions + 3 * i, 3 * some, rows);
            Vec axes[3];
            columns_of_three(rows, axes);
            body(i, some, axes[0], axes[1], axes[2]);
        }
    });
}

void spherical_harmonics(const Harmonics& call) {
    const int64_t row = call.row();
    py::gil_scoped_release release;
    for_directions(call.directions, call.count, [&](int64_t first, int64_t some, Vec x, Vec y, Vec z) {
        Vec values[kMaxDegree * kMaxDegree];
        float columns[kMaxDegree * kMaxDegree * kLanes], rows[kMaxDegree * kMaxDegree * kLanes];
        harmonics(x, y, z, call.degree, values);
        for (int64_t k = 0; k < row; ++k) values[k].store(columns + k * kLanes);
        columns_to_rows(columns, row, rows);
        std::copy_n(rows, some * row, call.out + first * row);
    });
}

void spherical_harmonics_t_product(const HarmonicsGradient& call) {
    const int64_t row = call.row();
    py::gil_scoped_release release;
    for_directions(call.directions, call.count, [&](int64_t first, int64_t some, Vec x, Vec y, Vec z) {
        float rows[kMaxDegree * kMaxDegree * kLanes] = {}, columns[kMaxDegree * kMaxDegree * kLanes];
        Vec d[kMaxDegree * kMaxDegree], gradient[3];
        std::copy_n(call.d_values + first * row, some * row, rows);
        rows_to_columns(rows, row, columns);
        for (int64_t k = 0; k < row; ++k) d[k] = Vec::load(columns + k * kLanes);
        harmonics_t_product(x, y, z, call.degree, d, gradient);
        for (int64_t i = 0; i < some; ++i)
            for (int axis = 0; axis < 3; ++axis) call.out[3 * (first + i) + axis] = gradient[axis].v[i];
    });
}

}  // namespace
}  // namespace closed_forms

void bind_closed_forms(py::module_& module) {
    define(module, "frequency", closed_forms::frequency_of, closed_forms::frequency);
    define(module, "one_blob", closed_forms::one_blob_of, closed_forms::one_blob);
    define(module, "spherical_harmonics", closed_forms::spherical_harmonics_of, closed_forms::spherical_harmonics);
    define(module, "spherical_harmonics_t_product", closed_forms::spherical_harmonics_t_product_of,
           closed_forms::spherical_harmonics_t_product);
}

}  // namespace neurfield
