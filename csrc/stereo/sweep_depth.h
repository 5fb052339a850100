// One reference picture: its cost volume from all sources, and the depth where the sums over paths are least.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "stereo/path_costs.h"
#include "stereo/plane_sweep.h"

namespace neurfield::stereo {

constexpr int32_t kStrip = 96;  // columns that are swept together: their sums stay in the cache
constexpr int64_t kMostSwept = 64;  // sources
constexpr float kMostRatio = 8.0f;  // of a second minimum over the first, and where there is none

struct SweepTask {
    Pictures pictures;
    int64_t reference;
    const int64_t* sources;  // [count]; negative: none
    const float *a, *b;  // [count][3][3], [count][3], of each pair
    int64_t source_count;
    const float* inverse_depth;  // [planes]
    int64_t planes;
    const int16_t *first, *last;  // [height][width], the planes to look at, both included; may be null
    int radius;
};

// What is found of a reference picture, [height][width] each.
struct SweptMaps {
    float *inverse_depth, *cost, *ratio, *texture;
};

// The mean of the lowest `best_of(count)` of `count` costs, from 0 to kWorst.
class BestCosts {
public:
    explicit BestCosts(int64_t count) : count_(count), kept_(best_of(count)) {}

    // costs [count][apart] bytes, of which `length` count; they are read, and means are written, up to the next multiple of kShortLanes.
    void run(const uint8_t* costs, int64_t apart, int64_t length, uint8_t* means) {
        const Vec scale(static_cast<float>(kWorst) / (kCostSteps * static_cast<float>(kept_))), half(0.5f);
        ShortLanes lowest[kBestSources];
        for (int64_t i = 0; i < length; i += kShortLanes) {
            for (int64_t j = 0; j < kept_; ++j) lowest[j] = shorts(255);
            for (int64_t s = 0; s < count_; ++s) {
                ShortLanes cost = load_bytes(costs + s * apart + i);
                for (int64_t j = 0; j < kept_; ++j) {
                    const ShortLanes low = least(lowest[j], cost);
                    cost = cost + lowest[j] - low;  // the other one
                    lowest[j] = low;
                }
            }
            ShortLanes sum{};
            for (int64_t j = 0; j < kept_; ++j) sum += lowest[j];
            typedef int16_t Half __attribute__((vector_size(2 * kLanes)));
            typedef uint8_t Bytes __attribute__((vector_size(kLanes)));
            for (int part = 0; part < 2; ++part) {
                Half here;
                std::memcpy(&here, reinterpret_cast<const char*>(&sum) + part * sizeof here, sizeof here);
                const IntLanes mean = to_int(fma(to_float(__builtin_convertvector(here, IntLanes)), scale, half));
                const Bytes bytes = __builtin_convertvector(mean, Bytes);
                std::memcpy(means + i + part * kLanes, &bytes, sizeof bytes);
            }
        }
    }

private:
    int64_t count_, kept_;
};

class DepthSweep {
public:
    // The volume of a task, to be read until the next call.
    CostVolume volume(const SweepTask& task) {
        const Picture picture = task.pictures[task.reference];
        const int64_t pixels = static_cast<int64_t>(picture.height) * picture.width, stride = padded_planes(task.planes);
        windows_.prepare(picture, task.radius);
        volume_.resize(static_cast<size_t>(pixels * stride));
        std::fill(volume_.begin(), volume_.end(), kUnsearched);
        const CostVolume volume{volume_.data(), picture.height, picture.width, task.planes, stride};
        int64_t sources = 0;
        for (int64_t i = 0; i < task.source_count; ++i) sources += task.sources[i] >= 0;
        if (sources == 0) return volume;
        costs_.resize(static_cast<size_t>(sources * pixels * kLanes + kShortLanes)),
            means_.resize(static_cast<size_t>(picture.width * kLanes + kShortLanes));
        wanted_.resize(static_cast<size_t>(picture.height));
        of_strip_.resize(wanted_.size());
        const int32_t strips = (picture.width + kStrip - 1) / kStrip, strip = (picture.width + strips - 1) / strips;
        BestCosts best(sources);
        for (int64_t k = 0; k < task.planes; k += kLanes) {
            if (!look(task, picture, k)) continue;
            float inverse_depth[kLanes];
            for (int64_t i = 0; i < kLanes; ++i) inverse_depth[i] = task.inverse_depth[std::min(k + i, task.planes - 1)];
            int64_t slot = 0;
            for (int64_t i = 0; i < task.source_count; ++i) {
                const int64_t source = task.sources[i];
                if (source < 0) continue;
                const float gain = task.pictures.gain[source] / task.pictures.gain[task.reference];
                uint8_t* costs = costs_.data() + slot++ * pixels * kLanes;
                for (int32_t x = 0; x < picture.width; x += strip) {
                    for (size_t y = 0; y < wanted_.size(); ++y)
                        of_strip_[y] = {std::max(wanted_[y].begin, x), std::min(wanted_[y].end, x + strip)};
                    source_sweep_.run(windows_, task.pictures[source], {task.a + 9 * i, task.b + 3 * i}, gain, inverse_depth,
                                      of_strip_.data(), costs);
                }
            }
            for (int64_t y = 0; y < picture.height; ++y) keep(task, best, y, k, stride, pixels * kLanes);
        }
        return volume;
    }

    void run(const SweepTask& task, const uint8_t* grey, const PathSteps& steps, const SweptMaps& maps) {
        const CostVolume volume = this->volume(task);
        sums_.resize(static_cast<size_t>(volume.stride) * volume.height * volume.width);
        ordered_.resize(static_cast<size_t>(volume.stride));
        paths_.run(volume, grey, steps, sums_.data(), [&](int32_t y, int32_t x, const int16_t* sums) {
            const int64_t p = static_cast<int64_t>(y) * volume.width + x;
            maps.texture[p] = windows_.inside(y, x) ? windows_.window_row(y)[x].kappa : 0.0f;
            maps.inverse_depth[p] = 0.0f, maps.cost[p] = 1.0f, maps.ratio[p] = 1.0f;
            if (paths_.searched(y, x)) choose_plane(task, volume, volume.at(y, x), sums, p, maps);
        });
    }

private:
    // Which columns of each row have pixels that look at planes k to k + kLanes; whether any have.
    bool look(const SweepTask& task, const Picture& picture, int64_t k) {
        bool any = false;
        for (int64_t y = 0; y < picture.height; ++y) {
            Span& span = wanted_[static_cast<size_t>(y)] = Span{};
            for (int32_t x = 0; x < picture.width; ++x) {
                const int64_t p = y * picture.width + x;
                const bool looks =
                    windows_.inside(y, x) && (!task.first || task.first[p] < k + kLanes) && (!task.last || task.last[p] >= k);
                if (looks) span.include({x, x + 1});
            }
            any |= !span.empty();
        }
        return any;
    }

    // The means over the sources of row y into the volume, where pixels look at these planes.
    void keep(const SweepTask& task, BestCosts& best, int64_t y, int64_t k, int64_t stride, int64_t apart) {
        const Span span = wanted_[static_cast<size_t>(y)];
        if (span.empty()) return;
        const int64_t width = windows_.width;
        best.run(costs_.data() + (y * width + span.begin) * kLanes, apart, (span.end - span.begin) * static_cast<int64_t>(kLanes),
                 means_.data());
        for (int64_t x = span.begin; x < span.end; ++x) {
            if (!windows_.inside(y, x)) continue;
            const int64_t p = y * width + x;
            const int64_t begin = std::max(k, task.first ? static_cast<int64_t>(task.first[p]) : 0);
            const int64_t end = std::min({k + kLanes, task.planes, task.last ? static_cast<int64_t>(task.last[p]) + 1 : task.planes});
            if (begin < end)
                std::copy_n(means_.data() + (x - span.begin) * kLanes + (begin - k), end - begin, volume_.data() + p * stride + begin);
        }
    }

    void choose_plane(const SweepTask& task, const CostVolume& volume, const uint8_t* costs, const int16_t* sums, int64_t p,
                      const SweptMaps& maps) {
        constexpr int16_t kNone = INT16_MAX;
        constexpr int64_t kBeside = 2;  // planes beside the best that belong to it
        ShortLanes lowest = shorts(kNone);
        for (int64_t k = 0; k < volume.stride; k += kShortLanes) {
            const ShortLanes there = load_bytes(costs + k) == kUnsearched ? shorts(kNone) : load_shorts(sums + k);
            store(ordered_.data() + k, there);
            lowest = least(lowest, there);
        }
        const int16_t best = least_lane(lowest);
        const int64_t k = std::find(ordered_.begin(), ordered_.end(), best) - ordered_.begin();
        const float before = k > 0 ? ordered_[k - 1] : kNone, after = k + 1 < volume.planes ? ordered_[k + 1] : kNone;
        const float* planes = task.inverse_depth;
        float found = planes[k];
        const float bend = before - 2.0f * static_cast<float>(best) + after;
        if (before < kNone && after < kNone && bend > 0.0f) {
            const float moved = 0.5f * (before - after) / bend;
            found += moved < 0.0f ? moved * (planes[k] - planes[k - 1]) : moved * (planes[k + 1] - planes[k]);
        }
        for (int64_t i = std::max<int64_t>(0, k - kBeside); i <= std::min(k + kBeside, volume.planes - 1); ++i) ordered_[i] = kNone;
        ShortLanes others = shorts(kNone);
        for (int64_t i = 0; i < volume.stride; i += kShortLanes) others = least(others, load_shorts(ordered_.data() + i));
        const int16_t second = least_lane(others);
        maps.inverse_depth[p] = found;
        maps.cost[p] = static_cast<float>(costs[k]) / static_cast<float>(kWorst);
        maps.ratio[p] = second == kNone ? kMostRatio
                                        : std::min(kMostRatio, static_cast<float>(second) / static_cast<float>(std::max<int16_t>(best, 1)));
    }

    ReferenceWindows windows_;
    SourceSweep source_sweep_;
    PathCosts paths_;
    std::vector<Span> wanted_, of_strip_;
    std::vector<uint8_t> costs_, means_, volume_;
    std::vector<int16_t> sums_, ordered_;
};

}  // namespace neurfield::stereo
