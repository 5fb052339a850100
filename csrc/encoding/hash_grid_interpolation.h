// The features of tiles of points in one level, and their derivatives, with one point a lane.
//
// A cell is interpolated along y and z at either end of x, and then along x. In a dense level both ends of an edge along x lie side
// by side, so one load brings both, and vectors hold [point][end][feature] until x is interpolated; elsewhere vectors hold
// [point][feature] of one end. The arithmetic is the same: a point's features do not depend on the points beside it.
#pragma once

#include "encoding/hash_grid_tiles.h"

namespace neurfield::hash_grid {

// A tile's features with one point a lane, and their derivatives along x, y and z.
template <int F, bool Jacobian>
struct TileFeatures {
    Vec value[F];
    Vec slope[Jacobian ? 3 : 0][F];
};

// The interpolant along y and z, and its derivatives by the two weights.
struct Face {
    Vec value, by_y, by_z;
};

template <bool Jacobian>
inline Face interpolate_face(const Vec at[4], Vec y, Vec z) {
    const Vec low = at[1] - at[0], high = at[3] - at[2];
    const Vec front = fma(y, low, at[0]), back = fma(y, high, at[2]);
    Face face;
    face.by_z = back - front;
    face.value = fma(z, face.by_z, front);
    if constexpr (Jacobian) face.by_y = fma(z, high - low, low);
    return face;
}

// Faces of vectors, in columns: what is interpolated along x.
template <int Count>
struct FaceColumns {
    Vec value[Count], by_y[Count], by_z[Count];

    template <bool Jacobian>
    void set(const Face faces[Count]) {
        const auto columns = [&](Vec Face::*member, Vec* to) {
            Vec rows[Count];
            for (int i = 0; i < Count; ++i) rows[i] = faces[i].*member;
            to_columns<Count>(rows, to);
        };
        columns(&Face::value, value);
        if constexpr (Jacobian) {
            columns(&Face::by_y, by_y);
            columns(&Face::by_z, by_z);
        }
    }
};

// Interpolates along x, from columns [0, F) of `low` to columns [offset, offset + F) of `high`.
template <int F, bool Jacobian, class Ends>
inline void interpolate_ends(const Ends& low, const Ends& high, int offset, const Blend<Vec> axes[3],
                             TileFeatures<F, Jacobian>& out) {
    const auto along_x = [&](Vec a, Vec b) { return fma(axes[0].weight, b - a, a); };
    for (int k = 0; k < F; ++k) {
        out.value[k] = along_x(low.value[k], high.value[offset + k]);
        if constexpr (Jacobian) {
            out.slope[0][k] = (high.value[offset + k] - low.value[k]) * axes[0].slope;
            out.slope[1][k] = along_x(low.by_y[k], high.by_y[offset + k]) * axes[1].slope;
            out.slope[2][k] = along_x(low.by_z[k], high.by_z[offset + k]) * axes[2].slope;
        }
    }
}

template <int F, bool Smooth, bool Jacobian>
[[gnu::always_inline]] inline void interpolate_tile(const Tile& tile, const Level& level, const float* table,
                                                    TileFeatures<F, Jacobian>& out) {
    Blend<Vec> axes[3];
    for (int k = 0; k < 3; ++k) axes[k] = blend<Smooth>(tile.f[k], level.scale);
    FaceColumns<F> ends[2];
#pragma GCC unroll 2
    for (int end = 0; end < 2; ++end) {
        Face faces[F];
        for_parts<F>([&](auto part) {
            constexpr int Part = decltype(part)::value;
            Vec at[4];
            for (int i = 0; i < 4; ++i) at[i] = gather_entries<F, F>(table, tile.entries[2 * i + end] + Part * kLanes / F);
            faces[Part] = interpolate_face<Jacobian>(at, spread<F, Part>(axes[1].weight), spread<F, Part>(axes[2].weight));
        });
        ends[end].template set<Jacobian>(faces);
    }
    interpolate_ends<F, Jacobian>(ends[0], ends[1], 0, axes, out);
}

// The same for a tile whose corners lie as in the lattice, from the entries of their first corners.
template <int F, bool Smooth, bool Jacobian>
[[gnu::always_inline]] inline void interpolate_lattice_tile(const Tile& tile, const Level& level, const float* table,
                                                            TileFeatures<F, Jacobian>& out) {
    constexpr int E = 2 * F;  // floats of an edge, and vectors that hold a tile's
    const size_t row = static_cast<size_t>(level.resolution) * F, plane = row * level.resolution;
    const float* const edges[4] = {table, table + row, table + plane, table + plane + row};
    Blend<Vec> axes[3];
    for (int k = 0; k < 3; ++k) axes[k] = blend<Smooth>(tile.f[k], level.scale);
    Face faces[E];
    for_parts<E>([&](auto part) {
        constexpr int Part = decltype(part)::value;
        Vec at[4];
        for (int i = 0; i < 4; ++i) at[i] = gather_entries<E, F>(edges[i], tile.entries[0] + Part * kLanes / E);
        faces[Part] = interpolate_face<Jacobian>(at, spread<E, Part>(axes[1].weight), spread<E, Part>(axes[2].weight));
    });
    FaceColumns<E> ends;
    ends.template set<Jacobian>(faces);
    interpolate_ends<F, Jacobian>(ends, ends, F, axes, out);
}

template <int F, bool Smooth, bool Jacobian, bool Hashed, class Use>
inline void interpolate_level(const Level& level_, const Points& points, int64_t count, const float* table, Use&& use) {
    const Level level = level_;  // a copy, since `use` might write anything
    const auto interpolate = [&](int64_t begin, const Tile& tile) __attribute__((always_inline)) {
        TileFeatures<F, Jacobian> features;
        if constexpr (!Hashed && F <= 2) {
            if (tile.lattice) {
                interpolate_lattice_tile<F, Smooth, Jacobian>(tile, level, table, features);
                use(begin, features);
                return;
            }
        }
        interpolate_tile<F, Smooth, Jacobian>(tile, level, table, features);
        use(begin, features);
    };
    locate_ahead<Hashed, !Hashed && F <= 2>(level, points, count, interpolate);
}

// Calls use(begin, features) for each tile of a run of whole tiles.
template <int F, bool Smooth, bool Jacobian, class Use>
inline void interpolate_level(const Level& level, const Points& points, int64_t count, const float* table, Use&& use) {
    if (level.hashed)
        interpolate_level<F, Smooth, Jacobian, true>(level, points, count, table, use);
    else
        interpolate_level<F, Smooth, Jacobian, false>(level, points, count, table, use);
}

}  // namespace neurfield::hash_grid
