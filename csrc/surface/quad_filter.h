// Whether a quad faces as its vertices say, and how it is cut: the filter of the released DualMesh-UDF. The specification is
// ops/reference/dual_steps.py.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>

#include "surface/cell_vertex.h"

namespace neurfield {

struct QuadFit {
    bool kept, along_02;
};

inline QuadFit fit_of_quad(const std::array<CellVertex, 4>& corner) {
    constexpr int kPlane = 1, kEdge = 2;
    Vector3 middle{};
    for (const CellVertex& vertex : corner)
        for (int k = 0; k < 3; ++k) middle[k] += 0.25 * vertex.place[k];
    std::array<Vector3, 3> spread{};
    int planes = 0, first_plane = 0;
    for (int j = 3; j >= 0; --j) {
        Vector3 way;
        for (int k = 0; k < 3; ++k) way[k] = corner[j].place[k] - middle[k];
        for (int r = 0; r < 3; ++r)
            for (int c = 0; c < 3; ++c) spread[r][c] += way[r] * way[c];
        if (corner[j].rank == kPlane) ++planes, first_plane = j;
    }
    const Axes3 axes(spread);
    if (axes.value[2] < 0.0625 * axes.value[0]) {  // flat: of singular values a quarter
        bool kept = true;
        for (const CellVertex& vertex : corner) {
            const double alike = std::abs(dot(vertex.direction, axes.axis[2]));
            kept &= !(vertex.rank == kPlane && alike < 0.85) && !(vertex.rank == kEdge && alike > 0.5);
        }
        return {kept, true};
    }
    bool kept = planes <= 1 || (planes == 2 && (corner[0].rank == kPlane) == (corner[2].rank == kPlane));
    for (int j = 0; j < 4; ++j) {
        if (corner[j].rank != kPlane) continue;
        Vector3 a, b;
        for (int k = 0; k < 3; ++k) {
            a[k] = corner[(j + 1) % 4].place[k] - corner[j].place[k];
            b[k] = corner[(j + 3) % 4].place[k] - corner[j].place[k];
        }
        const Vector3 normal = {a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]};
        kept &= std::abs(dot(normal, corner[j].direction)) >= 0.85 * std::max(std::sqrt(dot(normal, normal)), 1e-300);
    }
    const bool both_edges = corner[0].rank == kEdge && corner[2].rank == kEdge;
    return {kept, planes > 0 ? first_plane % 2 == 1 : both_edges};
}

}  // namespace neurfield
