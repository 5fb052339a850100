// What the encodings without parameters take from Python.
#pragma once

#include <string>

#include "common/arguments.h"

namespace neurfield::closed_forms {

constexpr int kMaxDegree = 4;

inline void check_order(int order) {
    if (order < 0 || order > 2) throw py::value_error("closed forms: order must be 0, 1 or 2, got " + std::to_string(order));
}

// Order-th derivatives of sin and cos of 2^k pi x, by their own axes: out [N, bands][2][D].
struct Waves {
    int64_t count, dimensions;
    int bands, active, order;
    const float* points;
    float* out;

    int64_t row() const { return 2 * dimensions * bands; }
};

inline Waves frequency_of(const py::object& points_, int bands, int active, int order, const py::object& out) {
    check_order(order);
    if (bands < 0 || active < 0 || active > bands) throw py::value_error("frequency: active bands must be 0 to all");
    const auto points = view_of(points_, "points", kAny, kAny);
    const int64_t count = points.shape(0), dimensions = points.shape(1);
    return {count, dimensions, bands, active, order, points.data(), tensor_of(out, "out", count, 2 * dimensions * bands)};
}

// Order-th derivatives of the bins' shares of a blob around x that is two bins wide and wraps around: out [N, D][bins].
struct Blobs {
    int64_t count;  // of coordinates, N D
    int bins, order;
    const float* coordinates;
    float* out;
};

inline Blobs one_blob_of(const py::object& points_, int bins, int order, const py::object& out) {
    check_order(order);
    if (bins < 1) throw py::value_error("one_blob: bins must be positive, got " + std::to_string(bins));
    const auto points = view_of(points_, "points", kAny, kAny);
    return {points.size(), bins, order, points.data(), tensor_of(out, "out", points.shape(0), points.shape(1) * bins)};
}

// out [N, degree^2].
struct Harmonics {
    int64_t count;
    int degree;
    const float* directions;
    float* out;

    int64_t row() const { return degree * degree; }
};

inline Harmonics spherical_harmonics_of(const py::object& directions_, int degree, const py::object& out) {
    if (degree < 1 || degree > kMaxDegree)
        throw py::value_error("spherical_harmonics: degree must be 1 to 4, got " + std::to_string(degree));
    const auto directions = view_of(directions_, "directions", kAny, 3);
    return {directions.shape(0), degree, directions.data(), tensor_of(out, "out", directions.shape(0), degree * degree)};
}

// out [N, 3]: the gradient of the directions from that of their harmonics.
struct HarmonicsGradient {
    int64_t count;
    int degree;
    const float *directions, *d_values;
    float* out;

    int64_t row() const { return degree * degree; }
};

inline HarmonicsGradient spherical_harmonics_t_product_of(const py::object& directions_, int degree, const py::object& d_values,
                                                          const py::object& out) {
    if (degree < 1 || degree > kMaxDegree)
        throw py::value_error("spherical_harmonics: degree must be 1 to 4, got " + std::to_string(degree));
    const auto directions = view_of(directions_, "directions", kAny, 3);
    const int64_t count = directions.shape(0);
    return {count, degree, directions.data(), tensor_of(d_values, "d_values", count, degree * degree), tensor_of(out, "out", count, 3)};
}

}  // namespace neurfield::closed_forms
