// Planes swept through reference pictures, a picture a thread.
#include <cstring>
#include <vector>

#include "common/families.h"
#include "common/parallel.h"
#include "stereo/sweep_arguments.h"

namespace neurfield {
namespace stereo {
namespace {

void plane_sweep(const PlaneSweepCall& call) {
    const SweepCall& sweep = call.sweep;
    const int64_t pixels = sweep.pictures.height * sweep.pictures.width;
    py::gil_scoped_release release;
    parallel_chunks(sweep.count, 1, [&](int64_t begin, int64_t end) {
        DepthSweep depth_sweep;
        for (int64_t i = begin; i < end; ++i) {
            const CostVolume volume = depth_sweep.volume(sweep.task(i));
            uint8_t* cost = call.cost + i * pixels * sweep.planes;
            for (int64_t p = 0; p < pixels; ++p) std::copy_n(volume.costs + p * volume.stride, sweep.planes, cost + p * sweep.planes);
        }
    });
}

void path_costs(const PathCall& call) {
    const int64_t pixels = call.height * call.width, stride = padded_planes(call.planes);
    py::gil_scoped_release release;
    parallel_chunks(call.count, 1, [&](int64_t begin, int64_t end) {
        PathCosts paths;
        std::vector<uint8_t> costs(static_cast<size_t>(pixels * stride), kUnsearched);
        std::vector<int16_t> sums(static_cast<size_t>(pixels * stride));
        for (int64_t i = begin; i < end; ++i) {
            const uint8_t* from = call.cost + i * pixels * call.planes;
            int16_t* to = call.sums + i * pixels * call.planes;
            for (int64_t p = 0; p < pixels; ++p) std::copy_n(from + p * call.planes, call.planes, costs.data() + p * stride);
            const CostVolume volume{costs.data(), static_cast<int32_t>(call.height), static_cast<int32_t>(call.width), call.planes, stride};
            paths.run(volume, call.grey + i * pixels, call.steps, sums.data(), [&](int32_t y, int32_t x, const int16_t* sum) {
                std::copy_n(sum, call.planes, to + (static_cast<int64_t>(y) * call.width + x) * call.planes);
            });
        }
    });
}

void sweep_depth(const SweepDepthCall& call) {
    const SweepCall& sweep = call.sweep;
    const int64_t pixels = sweep.pictures.height * sweep.pictures.width;
    py::gil_scoped_release release;
    parallel_chunks(sweep.count, 1, [&](int64_t begin, int64_t end) {
        DepthSweep depth_sweep;
        for (int64_t i = begin; i < end; ++i) {
            const int64_t at = i * pixels;
            depth_sweep.run(sweep.task(i), call.grey + sweep.reference[i] * pixels, call.steps,
                            {call.maps.inverse_depth + at, call.maps.cost + at, call.maps.ratio + at, call.maps.texture + at});
        }
    });
}

}  // namespace
}  // namespace stereo

void bind_plane_sweep(py::module_& module) {
    define(module, "stereo_plane_sweep", &stereo::plane_sweep_of, &stereo::plane_sweep);
    define(module, "stereo_path_costs", &stereo::path_costs_of, &stereo::path_costs);
    define(module, "stereo_sweep_depth", &stereo::sweep_depth_of, &stereo::sweep_depth);
}

}  // namespace neurfield
