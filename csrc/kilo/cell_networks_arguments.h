// How tiny networks of cells cross from Python: weights [K, outputs, inputs] and biases [K, outputs] layer by layer, rows sorted by cell,
// and the grid that says which cell a place is in.
#pragma once

#include <array>
#include <string>

#include "common/arguments.h"
#include "kilo/cell_grid.h"
#include "kilo/cell_networks.h"
#include "kilo/cell_shells.h"
#include "network/network_arguments.h"

namespace neurfield::kilo {

[[noreturn]] inline void refuse(const char* what) { throw py::value_error(std::string("neurfield native: ") + what); }

inline CellNetworks networks_of(const NetworkArguments& from, int64_t inputs) {
    if (from.activation != "softplus" && from.activation != "relu") refuse("'activation' must be relu or softplus");
    if (from.weights.size() < 2 || from.weights.size() != from.biases.size())
        refuse("'weights' and 'biases' must have the same length, at least 2");
    CellNetworks found{view_of(from.weights[0], "weights", kAny, kAny, inputs).shape(0), {}, from.activation == "softplus", from.beta};
    for (size_t l = 0; l < from.weights.size(); ++l) {
        const auto weight = view_of(from.weights[l], "weights", found.count, kAny, inputs);
        const int64_t outputs = weight.shape(1);
        found.layers.push_back({inputs, outputs, weight.data(), tensor_of(from.biases[l], "biases", found.count, outputs)});
        inputs = outputs;
    }
    return found;
}

// Where each cell's rows begin, and where the last one's end.
inline const int64_t* starts_of(const py::object& starts_, int64_t cells, int64_t rows) {
    const auto starts = view_of<int64_t>(starts_, "starts", cells + 1);
    bool good = starts[0] == 0 && starts[cells] == rows;
    for (int64_t cell = 0; cell < cells; ++cell) good &= starts[cell] <= starts[cell + 1];
    if (!good) refuse("'starts' must rise from 0 to the number of rows");
    return starts.data();
}

struct CellForward {
    CellNetworks networks;
    bool sigmoid;
    const float* inputs;        // [N, D]
    const int64_t* starts;      // [K + 1]
    float *outputs, *gradient;  // [N, O]; [N, D] or null
};

inline CellForward cell_forward_of(const py::object& inputs_, const py::object& starts, const NetworkArguments& network, bool sigmoid,
                                   const py::object& outputs, const py::object& gradient) {
    const auto inputs = view_of(inputs_, "inputs", kAny, kAny);
    const int64_t count = inputs.shape(0), width = inputs.shape(1);
    const CellNetworks networks = networks_of(network, width);
    const int64_t* from = starts_of(starts, networks.count, count);
    float* to = tensor_of(outputs, "outputs", count, networks.outputs());
    return {networks, sigmoid, inputs.data(), from, to, optional_of(gradient, "gradient", count, width)};
}

struct CellBackward {
    CellNetworks networks;
    bool sigmoid;
    const float* inputs;                  // [N, D]
    const int64_t* starts;                // [K + 1]
    const float *d_outputs, *d_gradient;  // [N, O]; [N, D] or null
    float* d_inputs;                      // [N, D]
    std::vector<float*> d_weights, d_biases;
};

inline CellBackward cell_backward_of(const py::object& inputs_, const py::object& starts, const NetworkArguments& network, bool sigmoid,
                                     const py::object& d_outputs, const py::object& d_gradient, const py::object& d_inputs,
                                     const Objects& d_weights, const Objects& d_biases) {
    const auto inputs = view_of(inputs_, "inputs", kAny, kAny);
    const int64_t count = inputs.shape(0), width = inputs.shape(1);
    const CellNetworks networks = networks_of(network, width);
    if (d_weights.size() != networks.layers.size() || d_biases.size() != networks.layers.size())
        refuse("'d_weights' and 'd_biases' must be as many as the weights");
    CellBackward call{networks, sigmoid, inputs.data(), starts_of(starts, networks.count, count), nullptr, nullptr, nullptr, {}, {}};
    call.d_outputs = tensor_of(d_outputs, "d_outputs", count, networks.outputs());
    call.d_gradient = optional_of(d_gradient, "d_gradient", count, width);
    call.d_inputs = tensor_of(d_inputs, "d_inputs", count, width);
    for (size_t l = 0; l < networks.layers.size(); ++l) {
        const CellLayer& layer = networks.layers[l];
        call.d_weights.push_back(tensor_of(d_weights[l], "d_weights", networks.count, layer.outputs, layer.inputs));
        call.d_biases.push_back(tensor_of(d_biases[l], "d_biases", networks.count, layer.outputs));
    }
    return call;
}

// Of a table that names no network which is not there.
inline CellGrid grid_of(const py::object& table_, const std::array<float, 3>& low, float edge, int64_t networks) {
    const auto table = view_of<int32_t>(table_, "table", kAny, kAny, kAny);
    if (table.size() == 0 || !(edge > 0.0f)) refuse("'table' must have cells, and 'edge' must be positive");
    bool good = true;
    for (int64_t i = 0; i < table.size(); ++i) good &= table.data()[i] >= kMatter && table.data()[i] < networks;
    if (!good) refuse("'table' must be -2, -1 or a network's number");
    return {{low[0], low[1], low[2]}, edge, {table.shape(0), table.shape(1), table.shape(2)}, table.data()};
}

struct CellQuery {
    CellGrid grid;
    CellNetworks networks;
    int octaves;
    int64_t count;
    const float* points;        // [N, 3]
    float *outputs, *gradient;  // [N, O]; [N, 3] or null
};

inline CellQuery cell_query_of(const py::object& points_, const py::object& table, const std::array<float, 3>& low, float edge, int octaves,
                               const NetworkArguments& network, const py::object& outputs, const py::object& gradient) {
    const auto points = view_of(points_, "points", kAny, 3);
    if (octaves < 0) refuse("'octaves' must not be negative");
    const CellNetworks networks = networks_of(network, LocalColumns::width(octaves));
    const int64_t count = points.shape(0);
    float* to = tensor_of(outputs, "outputs", count, networks.outputs());
    float* slope = optional_of(gradient, "gradient", count, 3);
    return {grid_of(table, low, edge, networks.count), networks, octaves, count, points.data(), to, slope};
}

struct CellShells {
    CellGrid grid;
    CellNetworks networks;
    int octaves, fine;
    float *values, *errors;  // as of Shells
    int8_t* sides;
};

inline CellShells cell_shells_of(const py::object& table, const std::array<float, 3>& low, float edge, int octaves,
                                 const NetworkArguments& network, const py::object& values, const py::object& errors,
                                 const py::object& sides) {
    if (octaves < 0) refuse("'octaves' must not be negative");
    const CellNetworks networks = networks_of(network, LocalColumns::width(octaves));
    const CellGrid grid = grid_of(table, low, edge, networks.count);
    const int64_t side = view_of(values, "values", networks.count, kAny, kAny, kAny).shape(1), fine = side - 1;
    if (fine < 1) refuse("'values' must have two points along an edge at least");
    float* lattice = tensor_of(values, "values", networks.count, side, side, side);
    float* wrong = tensor_of(errors, "errors", networks.count, fine, fine, fine);
    auto* known = reinterpret_cast<int8_t*>(  // which cross as the bytes that they are
        tensor_of<uint8_t>(sides, "sides", grid.size[0] * fine, grid.size[1] * fine, grid.size[2] * fine));
    return {grid, networks, octaves, static_cast<int>(fine), lattice, wrong, known};
}

struct CellTrace {
    CellGrid grid;
    CellNetworks networks;
    int octaves;
    const float* steepness;             // [K]
    Shells shells;
    int64_t count;
    const float *origins, *directions;  // [R, 3]
    const float *t_min, *t_max;         // [R]
    float* t;                           // [R]
};

inline CellTrace cell_trace_of(const py::object& origins_, const py::object& directions, const py::object& t_min, const py::object& t_max,
                               const py::object& table, const std::array<float, 3>& low, float edge, int octaves,
                               const NetworkArguments& network, const py::object& steepness, const py::object& values,
                               const py::object& errors, const py::object& sides, const py::object& t) {
    const auto origins = view_of(origins_, "origins", kAny, 3);
    if (octaves < 0) refuse("'octaves' must not be negative");
    const int64_t count = origins.shape(0);
    const CellNetworks networks = networks_of(network, LocalColumns::width(octaves));
    const float* steep = tensor_of(steepness, "steepness", networks.count);
    const float* ahead = tensor_of(directions, "directions", count, 3);
    const float *near = tensor_of(t_min, "t_min", count), *far = tensor_of(t_max, "t_max", count);
    const CellShells known = cell_shells_of(table, low, edge, octaves, network, values, errors, sides);
    return {known.grid,
            networks,
            octaves,
            steep,
            {known.fine, known.values, known.errors, known.sides},
            count,
            origins.data(),
            ahead,
            near,
            far,
            tensor_of(t, "t", count)};
}

void bind_cell_shells(py::module_& module);

}  // namespace neurfield::kilo
