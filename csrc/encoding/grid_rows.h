// A 3-D grid's levels over a run of points as the field queries ask for them: features in rows, and what rows ask of the table.
// Compiled once for all queries; knows nothing of Python.
#pragma once

#include "encoding/grid_choice.h"
#include "encoding/grid_points.h"

namespace neurfield::grid {

// The first `active` levels' features of `count` points (whole tiles) into rows of `out`, which are `row` floats apart, and their
// jacobian unless that is null: its tiles are 3 * kLanes * row floats apart and hold [levels][3][F][kLanes].
void encode_rows(const Grid& grid, bool smooth, int active, const Points<3>& points, int64_t count, const float* table, int64_t row,
                 float* out, float* jacobian);

// Adds w * d_features + (grad w . tangent) * d_value_gradient to each vertex's entry of one level, from rows [count][F]; without
// tangents the first term alone. `table_gradient` is the whole table's.
void scatter_rows(const Grid& grid, bool smooth, int64_t level, const Points<3>& points, int64_t count, const float* d_features,
                  const Points<3>* tangents, const float* d_value_gradient, float* table_gradient);

}  // namespace neurfield::grid
