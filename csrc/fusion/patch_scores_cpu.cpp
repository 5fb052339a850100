// How alike small patches of one image look where a plane at a guessed depth puts them in others.
#include <algorithm>
#include <cmath>
#include <vector>

#include "common/families.h"
#include "common/parallel.h"
#include "common/tensor_view.h"

namespace neurfield {
namespace fusion {
namespace {

constexpr int kMostPixels = 128;  // of a patch
constexpr float kNowhere = -1.0f;  // the score of a patch that leaves the picture, or lies behind the camera

struct Pinhole {
    const float* lens;  // fx, fy, cx, cy in pixels, pixel centres at +0.5
    const float* turn;  // [3, 3] world from camera
    const float* centre;
};

// Values of an image at places given in pixels: bilinear. Returns whether all of them lie between pixel centres.
bool sample(const float* image, int64_t height, int64_t width, const float* u, const float* v, int count, float* value) {
    const float right = static_cast<float>(width) - 0.5f, lowest = static_cast<float>(height) - 0.5f;
    int inside = 1;  // NaN is outside
#pragma omp simd reduction(& : inside)
    for (int p = 0; p < count; ++p) inside &= (u[p] >= 0.5f) & (v[p] >= 0.5f) & (u[p] < right) & (v[p] < lowest);
    if (!inside) return false;
#pragma omp simd
    for (int p = 0; p < count; ++p) {
        const float x = u[p] - 0.5f, y = v[p] - 0.5f;
        const int32_t column = static_cast<int32_t>(x), row = static_cast<int32_t>(y);
        const float a = x - static_cast<float>(column), b = y - static_cast<float>(row);
        const int32_t at = row * static_cast<int32_t>(width) + column, below = at + static_cast<int32_t>(width);
        const float top = image[at] + a * (image[at + 1] - image[at]);
        const float bottom = image[below] + a * (image[below + 1] - image[below]);
        value[p] = top + b * (bottom - top);
    }
    return true;
}

// One patch: its pixels' rays, scaled so that at depth z of the middle they meet the plane at z times themselves.
struct Patch {
    int count = 0;
    alignas(64) float x[kMostPixels], y[kMostPixels], z[kMostPixels], value[kMostPixels];
    float variance = 0.0f;  // the sum of squares of `value`, whose mean is 0

    bool take(const Pinhole& camera, const float* image, int64_t height, int64_t width, const float* uv, const float* normal, int radius,
              float spacing) {
        alignas(64) float u[kMostPixels], v[kMostPixels];
        count = 0;
        for (int row = -radius; row <= radius; ++row)
            for (int column = -radius; column <= radius; ++column, ++count)
                u[count] = uv[0] + spacing * static_cast<float>(column), v[count] = uv[1] + spacing * static_cast<float>(row);
        if (!sample(image, height, width, u, v, count, value)) return false;
        const float* lens = camera.lens;
        const float middle[2] = {(uv[0] - lens[2]) / lens[0], (uv[1] - lens[3]) / lens[1]};
        const float facing = normal[0] * middle[0] + normal[1] * middle[1] + normal[2];
        float mean = 0.0f;
        for (int p = 0; p < count; ++p) {
            const float ray_x = (u[p] - lens[2]) / lens[0], ray_y = (v[p] - lens[3]) / lens[1];
            const float scale = facing / (normal[0] * ray_x + normal[1] * ray_y + normal[2]);
            if (!(scale > 0.2f && scale < 5.0f)) return false;  // the plane is seen from its edge
            x[p] = scale * ray_x, y[p] = scale * ray_y, z[p] = scale;
            mean += value[p];
        }
        mean /= static_cast<float>(count);
        variance = 0.0f;
        for (int p = 0; p < count; ++p) value[p] -= mean, variance += value[p] * value[p];
        return true;
    }
};

// Scores [V, D] of one patch. `noise` is the deviation of a picture's values that says nothing.
void score_patch(const Patch& patch, const Pinhole& first, const Pinhole* cameras, const float* images, int64_t height, int64_t width,
                 const int64_t* seconds, int64_t views, const float* depth, int64_t depths, float noise, float* scores) {
    const float floor = static_cast<float>(patch.count) * noise * noise;
    const int count = patch.count;
    alignas(64) float x[kMostPixels], y[kMostPixels], z[kMostPixels], u[kMostPixels], v[kMostPixels], value[kMostPixels];
    for (int64_t k = 0; k < views; ++k) {
        const Pinhole& second = cameras[seconds[k]];
        const float* image = images + seconds[k] * height * width;
        float turn[9], shift[3];  // second camera from first
        for (int r = 0; r < 3; ++r) {
            shift[r] = 0.0f;
            for (int a = 0; a < 3; ++a) shift[r] += second.turn[3 * a + r] * (first.centre[a] - second.centre[a]);
            for (int c = 0; c < 3; ++c) {
                turn[3 * r + c] = 0.0f;
                for (int a = 0; a < 3; ++a) turn[3 * r + c] += second.turn[3 * a + r] * first.turn[3 * a + c];
            }
        }
        for (int p = 0; p < count; ++p) {
            x[p] = turn[0] * patch.x[p] + turn[1] * patch.y[p] + turn[2] * patch.z[p];
            y[p] = turn[3] * patch.x[p] + turn[4] * patch.y[p] + turn[5] * patch.z[p];
            z[p] = turn[6] * patch.x[p] + turn[7] * patch.y[p] + turn[8] * patch.z[p];
        }
        for (int64_t d = 0; d < depths; ++d) {
            float& score = scores[k * depths + d];
            score = kNowhere;
            int before = 1;
#pragma omp simd reduction(& : before)
            for (int p = 0; p < count; ++p) {
                const float at = z[p] * depth[d] + shift[2], inverse = 1.0f / at;
                before &= static_cast<int>(at > 0.0f);
                u[p] = (x[p] * depth[d] + shift[0]) * inverse * second.lens[0] + second.lens[2];
                v[p] = (y[p] * depth[d] + shift[1]) * inverse * second.lens[1] + second.lens[3];
            }
            if (!before || !sample(image, height, width, u, v, count, value)) continue;
            float total = 0.0f, squares = 0.0f, both = 0.0f;
#pragma omp simd reduction(+ : total)
            for (int p = 0; p < count; ++p) total += value[p];
            const float mean = total / static_cast<float>(count);
#pragma omp simd reduction(+ : squares, both)
            for (int p = 0; p < count; ++p) {
                const float b = value[p] - mean;
                squares += b * b, both += b * patch.value[p];
            }
            score = both / std::sqrt((patch.variance + floor) * (squares + floor));
        }
    }
}

// scores [N, V, D]: of N pixels uv of images `first`, on planes of a normal (in that camera's axes) at D depths, in V images each.
void patch_scores(const py::object& images_, const py::object& lens_, const py::object& turns_, const py::object& centers_,
                  const py::object& first_, const py::object& uv_, const py::object& normal_, const py::object& depth_,
                  const py::object& second_, int radius, float spacing, float noise, const py::object& scores_) {
    const TensorView<float, 3> images(images_, "images"), turns(turns_, "turns"), scores(scores_, "scores");
    const TensorView<float, 2> lens(lens_, "lens"), centers(centers_, "centers"), uv(uv_, "uv"), normal(normal_, "normal"),
        depth(depth_, "depth");
    const TensorView<int64_t, 1> first(first_, "first");
    const TensorView<int64_t, 2> second(second_, "second");
    const int64_t frames = images.shape(0), height = images.shape(1), width = images.shape(2), count = first.shape(0);
    lens.expect(0, frames, "lens"), lens.expect(1, 4, "lens");
    turns.expect(0, frames, "turns"), turns.expect(1, 3, "turns"), turns.expect(2, 3, "turns");
    centers.expect(0, frames, "centers"), centers.expect(1, 3, "centers");
    uv.expect(0, count, "uv"), uv.expect(1, 2, "uv"), normal.expect(0, count, "normal"), normal.expect(1, 3, "normal");
    depth.expect(0, count, "depth"), second.expect(0, count, "second");
    scores.expect(0, count, "scores"), scores.expect(1, second.shape(1), "scores"), scores.expect(2, depth.shape(1), "scores");
    if (radius < 1 || (2 * radius + 1) * (2 * radius + 1) > kMostPixels) throw py::value_error("patch_scores: 'radius' must be 1 to 5");
    for (int64_t i = 0; i < count; ++i)
        if (first[i] < 0 || first[i] >= frames) throw py::value_error("patch_scores: 'first' names an image that is not there");
    for (int64_t i = 0; i < second.size(); ++i)
        if (second[i] < 0 || second[i] >= frames) throw py::value_error("patch_scores: 'second' names an image that is not there");
    py::gil_scoped_release release;
    std::vector<Pinhole> cameras;
    for (int64_t i = 0; i < frames; ++i) cameras.push_back({lens.row(i), turns.row(i), centers.row(i)});
    const int64_t views = second.shape(1), depths = depth.shape(1);
    parallel_chunks(count, 16, [&](int64_t begin, int64_t end) {
        Patch patch;
        for (int64_t i = begin; i < end; ++i) {
            const Pinhole& camera = cameras[first[i]];
            if (patch.take(camera, images.row(first[i]), height, width, uv.row(i), normal.row(i), radius, spacing))
                score_patch(patch, camera, cameras.data(), images.data(), height, width, second.row(i), views, depth.row(i), depths, noise,
                            scores.row(i));
            else
                std::fill_n(scores.row(i), views * depths, kNowhere);
        }
    });
}

}  // namespace
}  // namespace fusion

void bind_patch_scores(py::module_& module) { module.def("fusion_patch_scores", &fusion::patch_scores); }

}  // namespace neurfield
