// What moving a vertex costs: squared distances to the planes of faces, and squared errors of what lies on them linearly.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "shape/vector3.h"

namespace neurfield {

constexpr int kMostAttributes = 3;

// A sum of weight (n . p + d)^2 over planes.
struct PlaneQuadric {
    double xx = 0, yy = 0, zz = 0, xy = 0, xz = 0, yz = 0, x = 0, y = 0, z = 0, c = 0;

    void add(const shape::Vector3& n, double d, double weight) {
        xx += weight * n.x * n.x, yy += weight * n.y * n.y, zz += weight * n.z * n.z;
        xy += weight * n.x * n.y, xz += weight * n.x * n.z, yz += weight * n.y * n.z;
        x += weight * n.x * d, y += weight * n.y * d, z += weight * n.z * d, c += weight * d * d;
    }
    void add(const PlaneQuadric& o) {
        xx += o.xx, yy += o.yy, zz += o.zz, xy += o.xy, xz += o.xz, yz += o.yz, x += o.x, y += o.y, z += o.z, c += o.c;
    }
    double at(const shape::Vector3& p) const {
        const double squares = xx * p.x * p.x + yy * p.y * p.y + zz * p.z * p.z;
        const double products = xy * p.x * p.y + xz * p.x * p.z + yz * p.y * p.z;
        return squares + 2.0 * (products + x * p.x + y * p.y + z * p.z) + c;
    }
};

// A sum of weight (g . p + d) over the faces: what an attribute's quadric has beside its squares.
struct AttributeSlope {
    double x = 0, y = 0, z = 0, d = 0;

    void add(const shape::Vector3& g, double offset, double weight) {
        x += weight * g.x, y += weight * g.y, z += weight * g.z, d += weight * offset;
    }
    void add(const AttributeSlope& o) { x += o.x, y += o.y, z += o.z, d += o.d; }
    double at(const shape::Vector3& p) const { return x * p.x + y * p.y + z * p.z + d; }
};

// The slope of values a, b, c at a triangle's corners along the triangle; false where it is too thin to have one.
inline bool slope_of(const shape::Vector3& e1, const shape::Vector3& e2, double d1, double d2, shape::Vector3& slope) {
    const double g11 = dot(e1, e1), g12 = dot(e1, e2), g22 = dot(e2, e2), det = g11 * g22 - g12 * g12;
    if (!(det > 1e-3 * g11 * g22)) return false;
    slope = e1 * ((g22 * d1 - g12 * d2) / det) + e2 * ((g11 * d2 - g12 * d1) / det);
    return true;
}

}  // namespace neurfield
