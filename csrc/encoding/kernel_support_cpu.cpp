// How far each kernel may reach and still be among the K nearest of every point it reaches: see encodings/kernel_support.py.
//
// In direction e another kernel at delta is as near to the point r e as this one from 1 / r = e . p on, p = 2 delta / |delta|^2. So
// 1 / radius is the largest value, over all e, of the K-th largest of e . p: branch and bound over the faces of a cube.
#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "common/parallel.h"
#include "common/tensor_view.h"
#include "encoding/radial_basis_families.h"

namespace neurfield::radial_basis {
namespace {

constexpr float kTolerance = 1.05f;  // radii may be so many times smaller than they could be
constexpr float kNearby = 1e-9f;     // centres nearer than this are in one place, and as near in every direction

template <int D>
struct Search {
    static constexpr int kDeepest = D == 2 ? 7 : D == 3 ? 5 : 3;  // halvings of a face; what is left then is taken by its bound
    static constexpr int kSampled = D == 2 ? 4 : D == 3 ? 2 : 1;  // halvings up to which every cell is looked at first
    int wanted;
    int count = 0;
    std::vector<float> pole[D], size, along;
    float best = 0.0f, left_over = 0.0f;

    Search(int neighbours, int others) : wanted(neighbours), size(others), along(others) {
        for (auto& axis : pole) axis.resize(others);
    }

    void add(const float delta[D]) {
        float square = 0.0f;
        for (int k = 0; k < D; ++k) square += delta[k] * delta[k];
        const float distance = std::max(std::sqrt(square), kNearby);
        for (int k = 0; k < D; ++k) pole[k][count] = 2.0f * delta[k] / (distance * distance);
        size[count++] = 2.0f / distance;
    }

    float kth_largest() {
        std::nth_element(along.begin(), along.begin() + (wanted - 1), along.begin() + count, std::greater<float>());
        return along[wanted - 1];
    }

    // Fills `along` for the middle of a cell; a slack is added in proportion to the sizes. How many exceed the threshold.
    int project(const float cell[D], float slack, float threshold) {
        float square = 0.0f;
        for (int k = 0; k < D; ++k) square += cell[k] * cell[k];
        const float scale = 1.0f / std::sqrt(square);
        int above = 0;
        for (int j = 0; j < count; ++j) {
            float total = 0.0f;
            for (int k = 0; k < D; ++k) total += cell[k] * pole[k][j];
            along[j] = size[j] < 2.0f / kNearby ? total * scale + slack * size[j] : size[j];
            above += along[j] > threshold;
        }
        return above;
    }

    // A cell of the face across `axis`: its middle, half its width. Directions in it are at most half sqrt(D - 1) from its middle's.
    void visit(float cell[D], int axis, float half, int depth, bool sampling) {
        if (project(cell, 0.0f, best) >= wanted) best = std::max(best, kth_largest());
        if (sampling ? depth == kSampled : project(cell, half * std::sqrt(D - 1.0f), best * kTolerance) < wanted) return;
        if (depth == kDeepest) {
            left_over = std::max(left_over, kth_largest());
            return;
        }
        const float step = 0.5f * half;
        for (int child = 0; child < 1 << (D - 1); ++child) {
            float middle[D];
            for (int k = 0, bit = 0; k < D; ++k) middle[k] = k == axis ? cell[k] : cell[k] + ((child >> bit++ & 1) ? step : -step);
            visit(middle, axis, step, depth + 1, sampling);
        }
    }

    float reciprocal_radius() {
        if (count < wanted) return 0.0f;
        for (const bool sampling : {true, false})
            for (int face = 0; face < 2 * D; ++face) {
                float cell[D] = {};
                cell[face / 2] = face % 2 ? 1.0f : -1.0f;
                visit(cell, face / 2, 1.0f, 0, sampling);
            }
        return std::max(best * kTolerance, left_over);
    }
};

template <int D>
void find_radii(int64_t count, int64_t others, int neighbours, const float* centres, const int32_t* near, float* out) {
    parallel_chunks(count, 64, [&](int64_t begin, int64_t end) {
        for (int64_t kernel = begin; kernel < end; ++kernel) {
            Search<D> search(neighbours, static_cast<int>(others));
            for (int64_t j = 0; j < others; ++j) {
                const int64_t other = near[kernel * others + j];
                if (other == kernel) continue;
                float delta[D];
                for (int k = 0; k < D; ++k) delta[k] = centres[other * D + k] - centres[kernel * D + k];
                search.add(delta);
            }
            out[kernel] = search.reciprocal_radius();
        }
    });
}

// out [count]: the reciprocal radii, 0 where nothing limits them, of centres whose nearest others are `near` [count, others].
void support(const py::object& centres_, const py::object& near_, int neighbours, const py::object& out_) {
    const TensorView<float, 2> centres(centres_, "centres");
    const TensorView<int32_t, 2> near(near_, "near");
    const TensorView<float, 1> out(out_, "out");
    const int64_t count = centres.shape(0), others = near.shape(1);
    near.expect(0, count, "near");
    out.expect(0, count, "out");
    for (int64_t i = 0; i < near.size(); ++i)
        if (near[i] < 0 || near[i] >= count) throw py::value_error("kernel support: a neighbour is no kernel");
    if (centres.shape(1) < 2 || centres.shape(1) > 4) throw py::value_error("kernel support: centres must have 2 to 4 dimensions");
    if (neighbours < 1) throw py::value_error("kernel support: needs neighbours");
    py::gil_scoped_release release;
    switch (centres.shape(1)) {
        case 2: return find_radii<2>(count, others, neighbours, centres.data(), near.data(), out.data());
        case 3: return find_radii<3>(count, others, neighbours, centres.data(), near.data(), out.data());
        case 4: return find_radii<4>(count, others, neighbours, centres.data(), near.data(), out.data());
    }
}

}  // namespace

void bind_kernel_support(py::module_& module) { module.def("kernel_support", &support); }

}  // namespace neurfield::radial_basis
