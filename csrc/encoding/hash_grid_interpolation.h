// The features of tiles of points in one level of the hash grid, and their derivatives, with one point a lane.
//
// A cell is interpolated along all other axes at either end of x, and then along x. In a dense level both ends of an edge along x lie
// side by side, so one load brings both, and vectors hold [point][end][feature] until x is interpolated; elsewhere vectors hold
// [point][feature] of one end. The arithmetic is the same: a point's features do not depend on the points beside it.
#pragma once

#include "encoding/hash_grid_tiles.h"

namespace neurfield::grid {

// The interpolant over M axes, and its derivatives by their weights.
template <int M>
struct Face {
    Vec value, by[M];
};

template <int M, bool Jacobian>
[[gnu::always_inline]] inline Face<M> interpolate_face(const Vec at[1 << M], const Vec weights[M]) {
    if constexpr (M == 1) {
        const Vec step = at[1] - at[0];
        return {fma(weights[0], step, at[0]), {step}};
    } else {
        const Face<M - 1> low = interpolate_face<M - 1, Jacobian>(at, weights);
        const Face<M - 1> high = interpolate_face<M - 1, Jacobian>(at + (1 << (M - 1)), weights);
        Face<M> face;
        const Vec weight = weights[M - 1];
        face.by[M - 1] = high.value - low.value;
        face.value = fma(weight, face.by[M - 1], low.value);
        if constexpr (Jacobian)
            for (int k = 0; k < M - 1; ++k) face.by[k] = fma(weight, high.by[k] - low.by[k], low.by[k]);
        return face;
    }
}

// Faces of vectors, in columns: what is interpolated along x.
template <int M, int Count>
struct FaceColumns {
    Vec value[Count], by[M][Count];

    template <bool Jacobian>
    [[gnu::always_inline]] void set(const Face<M> faces[Count]) {
        Vec rows[Count];
        for (int i = 0; i < Count; ++i) rows[i] = faces[i].value;
        to_columns<Count>(rows, value);
        if constexpr (Jacobian)
            for (int k = 0; k < M; ++k) {
                for (int i = 0; i < Count; ++i) rows[i] = faces[i].by[k];
                to_columns<Count>(rows, by[k]);
            }
    }
};

// Interpolates along x, from columns [0, F) of `low` to columns [offset, offset + F) of `high`.
template <int D, int F, bool Jacobian, class Ends>
[[gnu::always_inline]] inline void interpolate_ends(const Ends& low, const Ends& high, int offset, const Blend<Vec> axes[D],
                                                    TileFeatures<D, F, Jacobian>& out) {
    const auto along_x = [&](Vec a, Vec b) { return fma(axes[0].weight, b - a, a); };
    for (int f = 0; f < F; ++f) {
        out.value[f] = along_x(low.value[f], high.value[offset + f]);
        if constexpr (Jacobian) {
            out.slope[0][f] = (high.value[offset + f] - low.value[f]) * axes[0].slope;
            for (int k = 1; k < D; ++k) out.slope[k][f] = along_x(low.by[k - 1][f], high.by[k - 1][offset + f]) * axes[k].slope;
        }
    }
}

template <int D, int F, bool Smooth, bool Jacobian>
[[gnu::always_inline]] inline void interpolate_tile(const CubeTile<D>& tile, const Level& level, const float* table,
                                                    TileFeatures<D, F, Jacobian>& out) {
    constexpr int M = D - 1;
    Blend<Vec> axes[D];
    for (int k = 0; k < D; ++k) axes[k] = blend<Smooth>(tile.f[k], level.scale);
    FaceColumns<M, F> ends[2];
#pragma GCC unroll 2
    for (int end = 0; end < 2; ++end) {
        Face<M> faces[F];
        for_parts<F>([&](auto part) {
            constexpr int Part = decltype(part)::value;
            Vec at[1 << M], weights[M];
            for (int i = 0; i < 1 << M; ++i) at[i] = gather_entries<F, F>(table, tile.entries[2 * i + end] + Part * kLanes / F);
            for (int k = 0; k < M; ++k) weights[k] = spread<F, Part>(axes[k + 1].weight);
            faces[Part] = interpolate_face<M, Jacobian>(at, weights);
        });
        ends[end].template set<Jacobian>(faces);
    }
    interpolate_ends<D, F, Jacobian>(ends[0], ends[1], 0, axes, out);
}

// The same for a tile whose corners lie as in the lattice, from the entries of their first corners.
template <int D, int F, bool Smooth, bool Jacobian>
[[gnu::always_inline]] inline void interpolate_lattice_tile(const CubeTile<D>& tile, const Level& level, const float* table,
                                                            TileFeatures<D, F, Jacobian>& out) {
    constexpr int M = D - 1, E = 2 * F;  // E: floats of an edge, and vectors that hold a tile's
    const float* edges[1 << M];
    for (int i = 0; i < 1 << M; ++i) edges[i] = table + static_cast<size_t>(dense_step(level, 2 * i)) * F;
    Blend<Vec> axes[D];
    for (int k = 0; k < D; ++k) axes[k] = blend<Smooth>(tile.f[k], level.scale);
    Face<M> faces[E];
    for_parts<E>([&](auto part) {
        constexpr int Part = decltype(part)::value;
        Vec at[1 << M], weights[M];
        for (int i = 0; i < 1 << M; ++i) at[i] = gather_entries<E, F>(edges[i], tile.entries[0] + Part * kLanes / E);
        for (int k = 0; k < M; ++k) weights[k] = spread<E, Part>(axes[k + 1].weight);
        faces[Part] = interpolate_face<M, Jacobian>(at, weights);
    });
    FaceColumns<M, E> ends;
    ends.template set<Jacobian>(faces);
    interpolate_ends<D, F, Jacobian>(ends, ends, F, axes, out);
}

template <int D, int F, bool Smooth, bool Jacobian, bool Hashed, class Use>
inline void interpolate_cubes(const Level& level_, const Points<D>& points, int64_t count, const float* table, Use&& use) {
    const Level level = level_;  // a copy, since `use` might write anything
    constexpr bool Lattice = !Hashed && F <= 2;
    for_cubes<D, Hashed, Lattice>(level, points, count, [&](int64_t begin, const CubeTile<D>& tile) __attribute__((always_inline)) {
        TileFeatures<D, F, Jacobian> features;
        if (Lattice && tile.lattice) {
            if constexpr (Lattice) interpolate_lattice_tile<D, F, Smooth, Jacobian>(tile, level, table, features);
        } else {
            interpolate_tile<D, F, Smooth, Jacobian>(tile, level, table, features);
        }
        use(begin, features);
    });
}

}  // namespace neurfield::grid
