// Buffers that each thread keeps from call to call, so that a step allocates nothing once it has been warm.
#pragma once

#include "field/point_columns.h"

namespace neurfield::field {

inline Chunk& own_chunk() {
    static thread_local Chunk chunk;
    return chunk;
}

template <int Use>
float* own_rows(int64_t floats) {
    static thread_local AlignedFloats rows;
    return rows.reserve(floats);
}

void bind_sdf_query(pybind11::module_& module);
void bind_radiance_query(pybind11::module_& module);

}  // namespace neurfield::field
