// Whether a surface passes between two points, told from a distance without a sign at both. The specification is
// ops/reference/dual_steps.py.
#pragma once

#include <cmath>
#include <cstdint>

#include "surface/cell_vertex.h"

namespace neurfield {

enum class Turn : uint8_t { kApart = 0, kTurned = 1, kUnclear = 2, kLikely = 3 };

// What is known of a point, in cells.
struct FieldSample {
    Vector3 point, normal;
    double distance;

    FieldSample(const double* points, const double* distances, const double* normals, int64_t row)
        : point{points[3 * row], points[3 * row + 1], points[3 * row + 2]},
          normal{normals[3 * row], normals[3 * row + 1], normals[3 * row + 2]}, distance(distances[row]) {}

    // Whether another point lies behind the tangent plane that this one tells of.
    bool has_behind(const Vector3& other) const {
        Vector3 way;
        for (int k = 0; k < 3; ++k) way[k] = other[k] - (point[k] - distance * normal[k]);
        return dot(way, normal) < 0.0;
    }
};

inline Turn turn_between(const FieldSample& low, const FieldSample& high, double length, double noise) {
    constexpr double kClear = 0.9;  // the cosine of two gradients of one side of a smooth surface
    constexpr double kAlike = 0.5;
    const double both = low.distance + high.distance;
    if (both > 1.05 * length + 2.0 * noise) return Turn::kApart;
    const double alike = dot(low.normal, high.normal);
    const bool low_behind = high.has_behind(low.point), high_behind = low.has_behind(high.point);
    if (alike < -kClear && low_behind && high_behind) return Turn::kTurned;
    if (alike < -kClear && !low_behind && !high_behind) return Turn::kApart;
    if (alike > kClear) {
        Vector3 way;
        for (int k = 0; k < 3; ++k) way[k] = (high.point[k] - low.point[k]) / length;
        const bool steep = std::abs(dot(low.normal, way)) > kClear;
        // Along a sheet that is closer than the one that is crossed, gradients alone do not tell of that.
        if (both > length || steep) return Turn::kApart;
    }
    return alike < kAlike && (low_behind || high_behind) ? Turn::kLikely : Turn::kUnclear;
}

}  // namespace neurfield
