// The gradient of a tri-plane's texels. Points are sorted by the row they lie in; rows of even number are worked on side by side, then
// those of odd number: two points' patches meet in a row of texels only if their rows are the same or neighbours, so nobody waits,
// and a texel's sum is taken in an order that depends on the points alone.
#include <algorithm>
#include <memory>
#include <vector>

#include "common/parallel.h"
#include "encoding/triplane_planes.h"

namespace neurfield::triplane {
namespace {

constexpr int64_t kCounted = 8192;  // points of a task, counted by row

// Points by their row along one axis, in their own order within a row.
struct Rows {
    std::unique_ptr<int32_t[]> order;
    std::vector<int64_t> begin;  // per row, and the end
};

Rows sort_by_row(const float* points, int64_t count, int dimensions, int axis, const Level& level) {
    const int64_t rows = level.resolution - 1, chunks = (count + kCounted - 1) / kCounted;
    Rows sorted{std::unique_ptr<int32_t[]>(new int32_t[count]), std::vector<int64_t>(rows + 1)};
    std::vector<int64_t> at(chunks * rows);  // first how many, then where the next one goes
    const auto row_of = [&](int64_t i) { return locate(points[i * dimensions + axis], level, false).cell; };
    parallel_chunks(count, kCounted, [&](int64_t begin, int64_t end) {
        int64_t* counts = at.data() + begin / kCounted * rows;
        for (int64_t i = begin; i < end; ++i) ++counts[row_of(i)];
    });
    int64_t total = 0;
    for (int64_t row = 0; row < rows; ++row) {
        sorted.begin[row] = total;
        for (int64_t chunk = 0; chunk < chunks; ++chunk) {
            const int64_t here = at[chunk * rows + row];
            at[chunk * rows + row] = total;
            total += here;
        }
    }
    sorted.begin[rows] = total;
    parallel_chunks(count, kCounted, [&](int64_t begin, int64_t end) {
        int64_t* next = at.data() + begin / kCounted * rows;
        for (int64_t i = begin; i < end; ++i) sorted.order[next[row_of(i)]++] = static_cast<int32_t>(i);
    });
    return sorted;
}

struct Adjoints {
    const float *features, *tangent, *value;  // null where a term is not there
};

// Adds w * d_features + (grad w . tangent) * d_value to the patches of one row's points, in all planes with this row axis.
template <int Width>
void add_row(const Call& call, int l, int axis, const float* points, const Adjoints& adjoints, const int32_t* first, const int32_t* last,
             float* texels) {
    const int dimensions = call.planes.dimensions;
    const Level& level = call.planes.levels[l];
    const int64_t features = call.planes.features, row = level.resolution * features, size = call.planes.plane_size(level);
    const int64_t plane_step = call.combination == Combination::concatenation ? features : 0;
    for (; first != last; ++first) {
        const int64_t i = *first, at = i * call.row() + l * call.level_dim();
        if (first + 4 < last) {
            const int64_t later = first[4] * call.row() + l * call.level_dim();
            for (int64_t f = 0; f < features; f += 16) {
                if (adjoints.features) __builtin_prefetch(adjoints.features + later + f);
                if (adjoints.tangent) __builtin_prefetch(adjoints.value + later + f);
            }
        }
        const Axis b = locate(points[i * dimensions + axis], level, call.smooth);
        for (int k = 0; k < axis; ++k) {
            const int plane = plane_of(k, axis, dimensions);
            const Axis a = locate(points[i * dimensions + k], level, call.smooth);
            float weights[4] = {}, changes[4] = {};
            if (adjoints.features) value_weights(a, b, weights);
            if (adjoints.tangent)
                tangent_weights(a, b, adjoints.tangent[i * dimensions + k], adjoints.tangent[i * dimensions + axis], changes);
            float* near = texels + level.offset + plane * size + b.cell * row + a.cell * features;
            float* corners[4] = {near, near + features, near + row, near + row + features};
            for (int64_t f = 0; f < features; f += Width) {
                typename Block<Width>::Floats by_value{}, by_change{};
                if (adjoints.features) by_value = Block<Width>::load(adjoints.features + at + plane * plane_step + f);
                if (adjoints.tangent) by_change = Block<Width>::load(adjoints.value + at + plane * plane_step + f);
                for (int corner = 0; corner < 4; ++corner) {
                    float* to = corners[corner] + f;
                    Block<Width>::store(Block<Width>::load(to) + (weights[corner] * by_value + changes[corner] * by_change), to);
                }
            }
        }
    }
}

}  // namespace

void scatter(const Scatter& in) {
    const Call& call = in.call;
    const Planes& planes = call.planes;
    const Adjoints adjoints{in.d_features, in.tangent, in.d_value};
    py::gil_scoped_release release;
    for (int l = 0; l < call.active; ++l) {
        const Level& level = planes.levels[l];
        std::vector<Rows> sorted;
        for (int axis = 1; axis < planes.dimensions; ++axis)
            sorted.push_back(sort_by_row(in.points, in.count, planes.dimensions, axis, level));
        const int64_t rows = level.resolution - 1, axes = planes.dimensions - 1;
        with_width(planes.features, [&](auto width) {
            for (int64_t parity = 0; parity < 2; ++parity) {
                const int64_t tasks = (rows + 1 - parity) / 2;
                parallel_chunks(tasks * axes, 1, [&](int64_t begin, int64_t end) {
                    for (int64_t task = begin; task < end; ++task) {
                        const int axis = static_cast<int>(axes - task / tasks);  // the axis with most planes first
                        const Rows& of_axis = sorted[axis - 1];
                        const int64_t row = 2 * (task % tasks) + parity;
                        add_row<width>(call, l, axis, in.points, adjoints, of_axis.order.get() + of_axis.begin[row],
                                       of_axis.order.get() + of_axis.begin[row + 1], in.d_texels);
                    }
                });
            }
        });
    }
}

}  // namespace neurfield::triplane
