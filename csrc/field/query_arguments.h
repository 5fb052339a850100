// What the fused field queries take from Python: the shape of a query, a network, points and what goes with them.
#pragma once

#include "encoding/grid_arguments.h"
#include "network/network_arguments.h"

namespace neurfield::field {

using grid::Grid;

// Python's `QueryShape`: what a network sees of a point [coordinates (3) | frequencies (6 n) | the grid's features], the features of
// levels from `active` on being zeros. A query of colours sees no more of the point itself than the grid.
struct QueryShape {
    const Grid& grid;
    bool smooth;
    int active;
    bool coordinates;
    int frequencies;

    int64_t width() const { return (coordinates ? 3 : 0) + 6 * frequencies + grid.row(); }
};

// Floats that the backward wants of the forward, for so many points; each device has its own layout.
int64_t sdf_query_keeps(const QueryShape& shape, int64_t count);
int64_t radiance_query_keeps(int64_t width, int64_t samples);

struct SdfQuery {
    const py::object& like;  // a tensor where the others are
    QueryShape shape;
    const float* table;
    CheckedNetwork network;
    int64_t count;
    const float* points;   // [count, 3]
    const int64_t* asked;  // [count], the output whose gradient is asked for, or null: the first
};

inline SdfQuery sdf_query_of(const QueryShape& shape, const py::object& table, const NetworkArguments& network_, const py::object& points_,
                             const py::object& row) {
    const auto points = view_of(points_, "points", kAny, 3);
    const float* entries = tensor_of(table, "table", shape.grid.floats());
    const CheckedNetwork network = checked(network_, shape.width());
    const int64_t count = points.shape(0);
    return {points_, shape, entries, network, count, points.data(), asked_of(row, count, network.outputs())};
}

struct SdfForward {
    SdfQuery query;
    float *outputs, *gradient, *kept;  // [count, O]; [count, 3] or null; null where no backward follows
};

inline SdfForward sdf_query_forward_of(const QueryShape& shape, const py::object& table, const NetworkArguments& network,
                                       const py::object& points, const py::object& row, const py::object& outputs,
                                       const py::object& gradient, const py::object& kept) {
    const SdfQuery query = sdf_query_of(shape, table, network, points, row);
    float* to = tensor_of(outputs, "outputs", query.count, query.network.outputs());
    return {query, to, optional_of(gradient, "gradient", query.count, 3), optional_of(kept, "kept", sdf_query_keeps(shape, query.count))};
}

struct SdfBackward {
    SdfQuery query;
    const float *d_outputs, *d_gradient;  // [count, O] and [count, 3], or null
    float* kept;
    Derivatives to;
    float* table_gradient;
};

inline SdfBackward sdf_query_backward_of(const QueryShape& shape, const py::object& table, const NetworkArguments& network,
                                         const py::object& points, const py::object& row, const py::object& d_outputs,
                                         const py::object& d_gradient, const py::object& kept, const Objects& d_weights,
                                         const Objects& d_biases, const py::object& table_gradient) {
    const SdfQuery query = sdf_query_of(shape, table, network, points, row);
    if (kept.is_none()) throw py::value_error("neurfield native: the backward needs what the forward kept");
    const float* above = optional_of(d_outputs, "d_outputs", query.count, query.network.outputs());
    const float* change = optional_of(d_gradient, "d_gradient", query.count, 3);
    float* rows = tensor_of(kept, "kept", sdf_query_keeps(shape, query.count));
    const Derivatives to = derivatives_of(query.network, d_weights, d_biases);
    return {query, above, change, rows, to, tensor_of(table_gradient, "table_gradient", shape.grid.floats())};
}

// Rows of an array, however far apart.
struct FreeRows {
    float* data;
    int64_t stride;
    int width;

    NEURFIELD_POINT_MATHS float* row(int64_t i) const { return data + i * stride; }
};

inline FreeRows free_rows_of(const py::object& object, const char* name, int64_t rows, int64_t columns) {
    const TensorView<float, 2, true> view(object, name);
    if (rows != kAny) view.expect(0, rows, name);
    if (columns != kAny) view.expect(1, columns, name);
    return {view.data(), view.shape(0) > 1 ? view.row(1) - view.row(0) : 0, static_cast<int>(view.shape(1))};
}

// Python's `QuerySamples`: of each sample its point, the SDF's feature, the unit normal, and the row of `views` that it sees (its own
// where `rays` is None). Colours are asked of the `counted` alone, of all where that is None.
struct QuerySamples {
    py::object points, feature, normal, views, rays, counted;
};

struct RadianceQuery {
    const py::object& like;  // a tensor where the others are
    QueryShape shape;
    const float* table;
    CheckedNetwork network;
    int64_t all, count;  // samples, and those of them that count
    bool some;           // whether only the counted do, be they none: an empty tensor has no data either
    const float* points;  // [all, 3]
    FreeRows feature, normal, views;
    const int64_t *rays, *counted;  // null where each sample has its own view, and where all count or none

    int64_t width() const { return network.inputs(); }
};

inline RadianceQuery radiance_query_of(const QueryShape& shape, const py::object& table, const NetworkArguments& network_,
                                       const QuerySamples& samples) {
    const auto points = view_of(samples.points, "points", kAny, 3);
    const int64_t all = points.shape(0);
    const float* entries = tensor_of(table, "table", shape.grid.floats());
    const FreeRows feature = free_rows_of(samples.feature, "feature", all, kAny), normal = free_rows_of(samples.normal, "normal", all, 3);
    const TensorView<float, 2, true> views(samples.views, "views");
    const int64_t *rays = nullptr, *counted = nullptr;
    int64_t count = all;
    if (samples.rays.is_none())
        views.expect(0, all, "views");
    else
        rays = rows_below(view_of<int64_t>(samples.rays, "rays", all), views.shape(0), "rays");
    if (!samples.counted.is_none()) {
        const auto view = view_of<int64_t>(samples.counted, "counted", kAny);
        counted = rows_below(view, all, "counted");
        count = view.size();
    }
    const CheckedNetwork network = checked(network_, shape.width() + feature.width + 3 + views.shape(1));
    if (network.outputs() != 3) throw py::value_error("neurfield native: the network of colours must have 3 outputs");
    return {samples.points,
            shape,
            entries,
            network,
            all,
            count,
            !samples.counted.is_none(),
            points.data(),
            feature,
            normal,
            free_rows_of(samples.views, "views", kAny, kAny),
            rays,
            counted};
}

struct RadianceForward {
    RadianceQuery query;
    float *rgb, *kept;  // [all, 3]; null where no backward follows
};

inline RadianceForward radiance_query_forward_of(const QueryShape& shape, const py::object& table, const NetworkArguments& network,
                                                 const QuerySamples& samples, const py::object& rgb, const py::object& kept) {
    const RadianceQuery query = radiance_query_of(shape, table, network, samples);
    return {query, tensor_of(rgb, "rgb", query.all, 3), optional_of(kept, "kept", radiance_query_keeps(query.width(), query.count))};
}

struct RadianceBackward {
    RadianceQuery query;
    float* kept;
    FreeRows d_rgb;
    float *d_feature, *d_normal;  // [all, F], [all, 3]
    Derivatives to;
    float* table_gradient;
};

inline RadianceBackward radiance_query_backward_of(const QueryShape& shape, const py::object& table, const NetworkArguments& network,
                                                   const QuerySamples& samples, const py::object& kept, const py::object& d_rgb,
                                                   const py::object& d_feature, const py::object& d_normal, const Objects& d_weights,
                                                   const Objects& d_biases, const py::object& table_gradient) {
    const RadianceQuery query = radiance_query_of(shape, table, network, samples);
    if (kept.is_none()) throw py::value_error("neurfield native: the backward needs what the forward kept");
    float* rows = tensor_of(kept, "kept", radiance_query_keeps(query.width(), query.count));
    const FreeRows above = free_rows_of(d_rgb, "d_rgb", query.all, 3);
    float* by_feature = tensor_of(d_feature, "d_feature", query.all, query.feature.width);
    float* by_normal = tensor_of(d_normal, "d_normal", query.all, 3);
    const Derivatives to = derivatives_of(query.network, d_weights, d_biases);
    return {query, rows, above, by_feature, by_normal, to, tensor_of(table_gradient, "table_gradient", shape.grid.floats())};
}

inline void bind_query_arguments(py::module_& module) {
    py::class_<QueryShape>(module, "QueryShape", py::module_local())
        .def(py::init<const Grid&, bool, int, bool, int>(), py::keep_alive<1, 2>());
    py::class_<QuerySamples>(module, "QuerySamples", py::module_local())
        .def(py::init<py::object, py::object, py::object, py::object, py::object, py::object>());
    module.def("sdf_query_keeps", &sdf_query_keeps);
    module.def("radiance_query_keeps", &radiance_query_keeps);
}

}  // namespace neurfield::field
