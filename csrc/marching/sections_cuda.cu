// Ray sections on the GPU, a thread each: where they are, how opaque, which way their surface faces; and the backward of the latter two.
// That ray_indices are within bounds is the caller's word.
#include "common/families.h"
#include "common/tensor_view.h"
#include "cuda/launch.h"
#include "cuda/scratch.h"
#include "marching/opacity_point.h"
#include "marching/ray_scan.h"

namespace neurfield::sections {
namespace {

constexpr int kThreads = 256;

// What is known of S sections.
struct Sections {
    int64_t count;
    const float *sdf, *gradient, *t_starts, *t_ends, *directions;
    const int64_t* rays;
    bool neus;
    const float* width;  // one number
    float anneal;

    __device__ float alpha(int64_t i, PointSlopes* slopes) const {
        const float *g = gradient + 3 * i, *d = directions + 3 * rays[i];
        const float slope = g[0] * d[0] + g[1] * d[1] + g[2] * d[2], length = t_ends[i] - t_starts[i];
        return neus ? neus_alpha(sdf[i], slope, length, *width, anneal, slopes) : volsdf_alpha(sdf[i], length, *width, slopes);
    }
};

__global__ void __launch_bounds__(kThreads) midpoints(int64_t count, const float* __restrict__ origins, const float* __restrict__ directions,
                                                      const int64_t* __restrict__ rays, const float* __restrict__ t_starts,
                                                      const float* __restrict__ t_ends, float* __restrict__ points, float* __restrict__ t) {
    const int64_t i = cuda::global_index();
    if (i >= count) return;
    const float middle = t[i] = 0.5f * (t_starts[i] + t_ends[i]);
#pragma unroll
    for (int a = 0; a < 3; ++a) points[3 * i + a] = origins[3 * rays[i] + a] + middle * directions[3 * rays[i] + a];
}

__global__ void __launch_bounds__(kThreads) opacity(const Sections s, float* __restrict__ alpha, float* __restrict__ normal) {
    const int64_t i = cuda::global_index();
    if (i >= s.count) return;
    alpha[i] = s.alpha(i, nullptr);
    const float* g = s.gradient + 3 * i;
    const float inverse = inverse_length(g);
#pragma unroll
    for (int a = 0; a < 3; ++a) normal[3 * i + a] = g[a] * inverse;
}

// The sum over a block of what its threads bring, in thread 0.
__device__ float block_sum(float mine) {
    __shared__ float sums[kThreads / cuda::kWarp];
    mine = cuda::warp_sum(mine);
    if (threadIdx.x % cuda::kWarp == 0) sums[threadIdx.x / cuda::kWarp] = mine;
    __syncthreads();
    float sum = 0.0f;
    for (int i = 0; i < kThreads / cuda::kWarp; ++i) sum += sums[i];
    return sum;
}

__global__ void __launch_bounds__(kThreads) opacity_back(const Sections s, const float* __restrict__ d_alpha, const float* __restrict__ d_normal,
                                                         float* __restrict__ d_sdf, float* __restrict__ d_gradient, float* __restrict__ d_width) {
    const int64_t i = cuda::global_index();
    float by_width = 0.0f;
    if (i < s.count) {
        PointSlopes slopes;
        s.alpha(i, &slopes);
        const float d = d_alpha[i];
        d_sdf[i] = d * slopes.sdf;
        by_width = d * slopes.width;
        float to[3];
#pragma unroll
        for (int a = 0; a < 3; ++a) to[a] = d * slopes.slope * s.directions[3 * s.rays[i] + a];
        add_unit_backward(s.gradient + 3 * i, d_normal + 3 * i, to);
#pragma unroll
        for (int a = 0; a < 3; ++a) d_gradient[3 * i + a] = to[a];
    }
    const float sum = block_sum(by_width);
    if (threadIdx.x == 0) d_width[blockIdx.x] = sum;
}

// The blocks' sums, by one block, in an order that does not change.
__global__ void __launch_bounds__(kThreads) total(const float* __restrict__ parts, int64_t count, float* __restrict__ out) {
    float mine = 0.0f;
    for (int64_t i = threadIdx.x; i < count; i += kThreads) mine += parts[i];
    const float sum = block_sum(mine);
    if (threadIdx.x == 0) *out = sum;
}

void section_midpoints(const py::object& origins_, const py::object& directions_, const py::object& rays_, const py::object& t_starts_,
                       const py::object& t_ends_, const py::object& points_, const py::object& t_) {
    const TensorView<float, 2> origins(origins_, "origins"), directions(directions_, "directions"), points(points_, "points");
    const TensorView<float, 1> t_starts(t_starts_, "t_starts"), t_ends(t_ends_, "t_ends"), t(t_, "t");
    const TensorView<int64_t, 1> rays(rays_, "ray_indices");
    const int64_t count = rays.size();
    origins.expect(1, 3, "origins"), directions.expect(0, origins.shape(0), "directions"), directions.expect(1, 3, "directions");
    t_starts.expect(0, count, "t_starts"), t_ends.expect(0, count, "t_ends"), t.expect(0, count, "t"), points.expect(1, 3, "points");
    if (points.shape(0) < count) throw py::value_error("points: too few rows");
    cuda::launch(midpoints, cuda::one_each(count, kThreads), count, origins.data(), directions.data(), rays.data(), t_starts.data(), t_ends.data(),
                 points.data(), t.data());
}

Sections sections_of(const py::object& sdf_, const py::object& gradient_, const py::object& t_starts_, const py::object& t_ends_,
                     const py::object& directions_, const py::object& rays_, bool neus, const py::object& width_, double anneal) {
    const TensorView<float, 1> sdf(sdf_, "sdf"), t_starts(t_starts_, "t_starts"), t_ends(t_ends_, "t_ends"), width(width_, "width");
    const TensorView<float, 2> gradient(gradient_, "gradient"), directions(directions_, "directions");
    const TensorView<int64_t, 1> rays(rays_, "ray_indices");
    const int64_t count = sdf.size();
    gradient.expect(0, count, "gradient"), gradient.expect(1, 3, "gradient"), width.expect(0, 1, "width");
    t_starts.expect(0, count, "t_starts"), t_ends.expect(0, count, "t_ends");
    rays.expect(0, count, "ray_indices"), directions.expect(1, 3, "directions");
    return {count, sdf.data(), gradient.data(), t_starts.data(), t_ends.data(), directions.data(), rays.data(), neus, width.data(),
            static_cast<float>(anneal)};
}

void section_opacity(const py::object& sdf, const py::object& gradient, const py::object& t_starts, const py::object& t_ends,
                     const py::object& directions, const py::object& rays, bool neus, const py::object& width, double anneal,
                     const py::object& alpha_, const py::object& normal_) {
    const Sections s = sections_of(sdf, gradient, t_starts, t_ends, directions, rays, neus, width, anneal);
    const TensorView<float, 1> alpha(alpha_, "alpha");
    const TensorView<float, 2> normal(normal_, "normal");
    alpha.expect(0, s.count, "alpha"), normal.expect(0, s.count, "normal"), normal.expect(1, 3, "normal");
    cuda::launch(opacity, cuda::one_each(s.count, kThreads), s, alpha.data(), normal.data());
}

void section_opacity_backward(const py::object& sdf, const py::object& gradient, const py::object& t_starts, const py::object& t_ends,
                              const py::object& directions, const py::object& rays, bool neus, const py::object& width, double anneal,
                              const py::object& d_alpha_, const py::object& d_normal_, const py::object& d_sdf_, const py::object& d_gradient_,
                              const py::object& d_width_) {
    const Sections s = sections_of(sdf, gradient, t_starts, t_ends, directions, rays, neus, width, anneal);
    const TensorView<float, 1> d_alpha(d_alpha_, "d_alpha"), d_sdf(d_sdf_, "d_sdf"), d_width(d_width_, "d_width");
    const TensorView<float, 2> d_normal(d_normal_, "d_normal"), d_gradient(d_gradient_, "d_gradient");
    d_alpha.expect(0, s.count, "d_alpha"), d_sdf.expect(0, s.count, "d_sdf"), d_width.expect(0, 1, "d_width");
    for (const auto* view : {&d_normal, &d_gradient}) view->expect(0, s.count, "d_normal"), view->expect(1, 3, "d_normal");
    const cuda::Shape shape = cuda::one_each(s.count, kThreads);
    const int64_t blocks = shape.blocks.x;
    const cuda::Scratch parts(sdf, blocks);
    cuda::launch(opacity_back, shape, s, d_alpha.data(), d_normal.data(), d_sdf.data(), d_gradient.data(), parts.data());
    cuda::launch(total, {dim3(1), dim3(kThreads)}, parts.data(), blocks, d_width.data());
}

}  // namespace
}  // namespace neurfield::sections

namespace neurfield {

void bind_sections(py::module_& module) {
    module.def("section_midpoints", &sections::section_midpoints);
    module.def("section_opacity", &sections::section_opacity);
    module.def("section_opacity_backward", &sections::section_opacity_backward);
}

}  // namespace neurfield
