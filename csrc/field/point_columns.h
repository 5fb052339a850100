// What a network sees of points: columns [coordinates (3) | frequencies (6 n) | grid features (levels F)] of rows in a buffer, made for
// a chunk of points at a time so that rows and their derivatives stay in the second-level cache.
#pragma once

#include <algorithm>
#include <cstring>
#include <optional>

#include "encoding/grid_feature_rows.h"
#include "encoding/grid_rows.h"
#include "field/frequencies.h"
#include "network/fused_mlp.h"

namespace neurfield::field {

using grid::Grid;
using grid::Level;
using Points = grid::Points<3>;

constexpr int64_t whole_vectors(int64_t count) { return (count + kLanes - 1) / kLanes * kLanes; }

// Points that are kept from call to call, and replaced by more where more are asked for.
inline Points& grown(std::optional<Points>& points, int64_t count) {
    if (!points || points->stride < count) points.emplace(count);
    return *points;
}

struct PointColumns {
    const Grid& grid;
    const float* table;
    bool smooth;
    int active;  // levels; the others' columns are zero
    bool coordinates;
    int frequencies;

    int64_t frequencies_at() const { return coordinates ? 3 : 0; }
    int64_t features_at() const { return frequencies_at() + 6 * frequencies; }
    int64_t width() const { return features_at() + grid.row(); }
};

// One thread's chunk of points with its columns.
class Chunk {
public:
    int64_t count() const { return count_; }
    float* inputs() const { return inputs_; }  // [count, width]
    const Points& points() const { return *points_; }      // in the grid's cube, filled up to whole vectors with its centre
    const Points& tangents() const { return *tangents_; }  // along which `change` was taken, filled up with zeros

    // Takes `count` points [count, 3] of the unit frame [-1, 1]^3, those of `rows` where that is not null; room for rows of `width`.
    // Rows go to `inputs` [whole vectors of points, width], and their derivatives to `jacobian` (three times that), where these are not
    // null, else to memory of the chunk's own.
    void take(const float* points, const int64_t* rows, int64_t count, int64_t width, float* inputs = nullptr, float* jacobian = nullptr) {
        count_ = count;
        whole_ = whole_vectors(count);
        inputs_ = inputs != nullptr ? inputs : input_storage_.reserve(whole_ * width);
        jacobian_ = jacobian;
        Points& p = grown(points_, whole_);
        for (int64_t i = 0; i < whole_; ++i) {
            const float* from = points + 3 * (rows != nullptr && i < count ? rows[i] : i);
            for (int k = 0; k < 3; ++k) p.coordinates[k * p.stride + i] = i < count ? from[k] * 0.5f + 0.5f : 0.5f;
        }
        for (int64_t tile = 0; tile < whole_; tile += kLanes) {
            bool inside = true;
            for (int k = 0; k < 3; ++k)
                for (int64_t i = tile; i < tile + kLanes; ++i) inside &= p.axis(k)[i] >= 0.0f && p.axis(k)[i] <= 1.0f;
            p.inside[tile / kLanes] = inside;
        }
        source_ = points;
    }

    // Fills the first columns of rows of `width` floats, with the jacobian of the grid's features where asked for.
    template <bool Jacobian>
    void encode(const PointColumns& columns, int64_t width) {
        if (Jacobian && jacobian_ == nullptr) jacobian_ = jacobian_storage_.reserve(3 * whole_ * width);
        plain_columns(columns, width);
        grid::encode_rows(columns.grid, columns.smooth, columns.active, *points_, whole_, columns.table, width,
                          inputs_ + columns.features_at(), Jacobian ? jacobian_ : nullptr);
        clear_inactive(columns, inputs_, width);
    }

    // [count, width]: the columns' change along `tangents` [count, 3] of the unit frame, by the jacobian; after encode<true>, of this
    // chunk or of another that took the same memory.
    const float* push_from_points(const PointColumns& columns, const float* tangents, int64_t width) {
        float* change = change_storage_.reserve(whole_ * width);
        Points& t = grown(tangents_, whole_);
        for (int64_t i = 0; i < whole_; ++i)
            for (int k = 0; k < 3; ++k) t.coordinates[k * t.stride + i] = i < count_ ? tangents[3 * i + k] * 0.5f : 0.0f;
        for (int64_t i = 0; i < count_; ++i) {
            float* to = change + i * width;
            if (columns.coordinates) std::copy_n(tangents + 3 * i, 3, to);
            frequency_product(inputs_ + i * width + columns.frequencies_at(), tangents + 3 * i, columns.frequencies,
                              to + columns.frequencies_at());
        }
        grid::with_features(columns.grid.features, [&](auto features) {
            for (int64_t tile = 0; tile < whole_; tile += kLanes)
                push_tile<decltype(features)::value>(columns, t, width, change + columns.features_at(), tile);
        });
        clear_inactive(columns, change, width);
        return change;
    }

    // gradient [count, 3] with respect to the points of the unit frame, from slope [count, width] = d y / d columns; after
    // encode<true>.
    void pull_to_points(const PointColumns& columns, const float* slope, int64_t width, float* gradient) {
        for (int64_t i = 0; i < count_; ++i) {
            float* to = gradient + 3 * i;
            const float* from = slope + i * width;
            for (int k = 0; k < 3; ++k) to[k] = columns.coordinates ? from[k] : 0.0f;
            frequency_t_product(inputs_ + i * width + columns.frequencies_at(), from + columns.frequencies_at(), columns.frequencies, to);
        }
        grid::with_features(columns.grid.features, [&](auto features) {
            for (int64_t tile = 0; tile < count_; tile += kLanes)
                pull_tile<decltype(features)::value>(columns, slope + columns.features_at(), width, gradient, tile);
        });
    }

private:
    void plain_columns(const PointColumns& columns, int64_t width) {
        if (columns.coordinates)
            for (int64_t i = 0; i < count_; ++i) std::copy_n(source_ + 3 * i, 3, inputs_ + i * width);
        if (columns.frequencies == 0) return;
        float* own = own_storage_.reserve(3 * whole_);
        for (int64_t i = 0; i < whole_; ++i)
            for (int k = 0; k < 3; ++k) own[k * whole_ + i] = i < count_ ? source_[3 * i + k] : 0.0f;
        frequency_columns(own, whole_, whole_, columns.frequencies, width, inputs_ + columns.frequencies_at());
    }

    void clear_inactive(const PointColumns& columns, float* rows, int64_t width) const {
        const int64_t first = columns.features_at() + columns.active * columns.grid.features, last = columns.width();
        for (int64_t i = 0; first < last && i < count_; ++i) std::fill(rows + i * width + first, rows + i * width + last, 0.0f);
    }

    template <int F>
    void pull_tile(const PointColumns& columns, const float* slope, int64_t width, float* gradient, int64_t tile) {
        Vec sums[3] = {Vec(0.0f), Vec(0.0f), Vec(0.0f)};
        for (int64_t l = 0; l < columns.active; ++l) {
            const float* derivatives = jacobian_ + 3 * (tile * width + l * F * kLanes);
            Vec q[F];
            grid::take_rows<F>(slope + tile * width + l * F, width, q);
            for (int k = 0; k < 3; ++k)
                for (int f = 0; f < F; ++f) sums[k] += q[f] * Vec::load(derivatives + (k * F + f) * kLanes);
        }
        for (int k = 0; k < 3; ++k)
            for (int64_t i = 0; i < std::min<int64_t>(kLanes, count_ - tile); ++i) gradient[3 * (tile + i) + k] += 0.5f * sums[k].v[i];
    }

    template <int F>
    void push_tile(const PointColumns& columns, const Points& tangents, int64_t width, float* change, int64_t tile) const {
        for (int64_t l = 0; l < columns.active; ++l) {
            const float* derivatives = jacobian_ + 3 * (tile * width + l * F * kLanes);
            Vec along[F];
            for (int f = 0; f < F; ++f) {
                along[f] = Vec(0.0f);
                for (int k = 0; k < 3; ++k) along[f] += Vec::load(tangents.axis(k) + tile) * Vec::load(derivatives + (k * F + f) * kLanes);
            }
            grid::put_rows<F>(along, width, change + tile * width + l * F);
        }
    }

    std::optional<Points> points_, tangents_;
    AlignedFloats input_storage_, change_storage_, jacobian_storage_, own_storage_;
    const float* source_ = nullptr;
    float *inputs_ = nullptr, *jacobian_ = nullptr;
    int64_t count_ = 0, whole_ = 0;
};

}  // namespace neurfield::field
