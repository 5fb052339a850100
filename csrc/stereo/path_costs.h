// Semi-global matching (Hirschmueller 2008): costs summed along eight paths to each pixel, on which a step to the next plane costs
// little and a jump more, less where the picture has an edge.
//
// Lanes are planes. Costs are bytes 0 to 64; kUnsearched is a plane that was not looked at, which costs as much as the worst. A pixel
// of which no plane was looked at ends the paths.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "common/simd.h"

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace neurfield::stereo {

constexpr uint8_t kWorst = 64, kUnsearched = 255;

constexpr int kShortLanes = 2 * kLanes;
typedef int16_t ShortLanes __attribute__((vector_size(2 * kShortLanes), aligned(2 * kShortLanes)));

inline ShortLanes shorts(int16_t x) { return ShortLanes{} + x; }
inline ShortLanes load_shorts(const int16_t* p) {
    ShortLanes lanes;
    std::memcpy(&lanes, p, sizeof lanes);
    return lanes;
}
inline void store(int16_t* p, ShortLanes lanes) { std::memcpy(p, &lanes, sizeof lanes); }
inline ShortLanes load_bytes(const uint8_t* p) {
    typedef uint8_t Bytes __attribute__((vector_size(kShortLanes)));
    Bytes bytes;
    std::memcpy(&bytes, p, sizeof bytes);
    return __builtin_convertvector(bytes, ShortLanes);
}

#if defined(__AVX512BW__)
inline ShortLanes least(ShortLanes a, ShortLanes b) { return (ShortLanes)_mm512_maskz_min_epi16(0xffffffffu, (__m512i)a, (__m512i)b); }
#elif defined(__AVX2__)
inline ShortLanes least(ShortLanes a, ShortLanes b) { return (ShortLanes)_mm256_min_epi16((__m256i)a, (__m256i)b); }
#elif defined(__SSE2__)
inline ShortLanes least(ShortLanes a, ShortLanes b) { return (ShortLanes)_mm_min_epi16((__m128i)a, (__m128i)b); }
#else
inline ShortLanes least(ShortLanes a, ShortLanes b) { return a < b ? a : b; }
#endif

// The least lane; none may be negative.
inline int16_t least_lane(ShortLanes lanes) {
#if defined(__AVX2__)
#if defined(__AVX512BW__)
    // In their masked form with all lanes on, as in simd.h.
    const __m512i whole = (__m512i)lanes;
    const __m256i half = _mm256_min_epi16(_mm512_maskz_extracti64x4_epi64(0xff, whole, 0), _mm512_maskz_extracti64x4_epi64(0xff, whole, 1));
#else
    const __m256i half = (__m256i)lanes;
#endif
    const __m128i quarter = _mm_min_epi16(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
    return static_cast<int16_t>(_mm_cvtsi128_si32(_mm_minpos_epu16(quarter)) & 0xffff);
#else
    int16_t found = lanes[0];
    for (int i = 1; i < kShortLanes; ++i) found = std::min<int16_t>(found, lanes[i]);
    return found;
#endif
}

inline int64_t padded_planes(int64_t planes) { return (planes + kShortLanes - 1) / kShortLanes * kShortLanes; }

// The costs of a picture: [height][width][stride] bytes, of which the first `planes` of each pixel count and the rest are kUnsearched;
// stride = padded_planes(planes).
struct CostVolume {
    const uint8_t* costs;
    int32_t height, width;
    int64_t planes, stride;

    const uint8_t* at(int64_t y, int64_t x) const { return costs + (y * width + x) * stride; }
};

// What a path pays for leaving its plane.
struct PathSteps {
    int16_t next;  // to the next plane
    const int16_t* jump;  // [256], farther, by the difference of grey between two pixels
};

class PathCosts {
public:
    // sums [height][width][stride] int16 receives the sums over all paths, 0 where no plane was looked at. `done(y, x, sums)` is called
    // once for each pixel, when its sums are complete.
    template <class Done>
    void run(const CostVolume& volume, const uint8_t* grey, const PathSteps& steps, int16_t* sums, Done&& done) {
        volume_ = volume, grey_ = grey, steps_ = steps;
        slot_ = volume.stride + kShortLanes;
        const size_t row = static_cast<size_t>(volume.width * slot_ + 2 * kShortLanes);
        for (int i = 0; i < kPaths; ++i)
            for (int j = 0; j < 2; ++j) {
                paths_[i][j].assign(row, kFar), least_[i][j].assign(static_cast<size_t>(volume.width), kEnded);
            }
        start_.assign(static_cast<size_t>(volume.stride + 2 * kShortLanes), 0);
        searched_.resize(static_cast<size_t>(volume.height) * volume.width);
        for (int64_t p = 0; p < static_cast<int64_t>(searched_.size()); ++p) searched_[p] = any_searched(volume.costs + p * volume.stride);
        pass<1>(sums, done);
        for (int i = 0; i < kPaths; ++i)
            for (int j = 0; j < 2; ++j) std::fill(least_[i][j].begin(), least_[i][j].end(), kEnded);
        pass<-1>(sums, done);
    }

    bool searched(int64_t y, int64_t x) const { return searched_[static_cast<size_t>(y * volume_.width + x)] != 0; }

private:
    static constexpr int kPaths = 4;  // of a pass: from the side, and from three pixels of the row before
    static constexpr int16_t kFar = 16000;  // a plane that is not there
    static constexpr int16_t kEnded = -1;  // no path comes from that pixel

    bool any_searched(const uint8_t* costs) const {
        ShortLanes lowest = shorts(kUnsearched);
        for (int64_t k = 0; k < volume_.stride; k += kShortLanes) lowest = least(lowest, load_bytes(costs + k));
        return least_lane(lowest) < kUnsearched;
    }

    int16_t* slot(int path, int row, int64_t x) { return paths_[path][row].data() + kShortLanes + x * slot_; }

    // Down and to the right, or up and to the left.
    template <int kSign, class Done>
    void pass(int16_t* sums, Done&& done) {
        const int32_t height = volume_.height, width = volume_.width;
        for (int32_t i = 0; i < height; ++i) {
            const int32_t y = kSign > 0 ? i : height - 1 - i, here = i & 1, before = here ^ 1;
            for (int32_t j = 0; j < width; ++j) {
                const int32_t x = kSign > 0 ? j : width - 1 - j;
                int16_t* sum = sums + (static_cast<int64_t>(y) * width + x) * volume_.stride;
                if (!searched(y, x)) {
                    for (int path = 0; path < kPaths; ++path) least_[path][here][x] = kEnded;
                    if (kSign > 0)
                        std::fill_n(sum, volume_.stride, int16_t{0});
                    else
                        done(y, x, sum);
                    continue;
                }
                From from[kPaths];
                for (int path = 0; path < kPaths; ++path) {
                    const int32_t at = path == 0 ? x - kSign : x + path - 2, row = path == 0 ? here : before;
                    const bool there = at >= 0 && at < width && (path == 0 || i > 0);
                    const int16_t lowest = there ? least_[path][row][at] : kEnded;
                    if (lowest == kEnded) {
                        from[path] = {start_.data() + kShortLanes, 0, 0};
                        continue;
                    }
                    const int32_t other = path == 0 ? y : y - kSign;
                    const int step = std::abs(grey_[static_cast<int64_t>(y) * width + x] - grey_[static_cast<int64_t>(other) * width + at]);
                    from[path] = {slot(path, row, at), lowest, steps_.jump[step]};
                }
                add<kSign>(x, here, volume_.at(y, x), from, sum);
                if (kSign < 0) done(y, x, sum);
            }
        }
    }

    struct From {
        const int16_t* costs;  // of the pixel before on the path; kFar on both sides
        int16_t lowest, jump;
    };

    // Planes beyond the last cost the worst, so that no path is ever cheaper on them than on the last.
    // L(k) = C(k) + min(L'(k), L'(k +- 1) + next, min L' + jump) - min L' of the four paths that reach a pixel.
    template <int kSign>
    void add(int64_t x, int here, const uint8_t* costs, const From* from, int16_t* sum) {
        ShortLanes lowest[kPaths];
        for (ShortLanes& lanes : lowest) lanes = shorts(kFar);
        const ShortLanes next = shorts(steps_.next);
        for (int64_t k = 0; k < volume_.stride; k += kShortLanes) {
            const ShortLanes cost = least(load_bytes(costs + k), shorts(kWorst));
            ShortLanes total = kSign > 0 ? ShortLanes{} : load_shorts(sum + k);
            for (int path = 0; path < kPaths; ++path) {
                const int16_t* before = from[path].costs + k;
                const ShortLanes beside = least(load_shorts(before - 1), load_shorts(before + 1)) + next;
                const ShortLanes best =
                    least(least(load_shorts(before), beside), shorts(static_cast<int16_t>(from[path].lowest + from[path].jump)));
                ShortLanes along = cost + best - shorts(from[path].lowest);
                total += along;
                lowest[path] = least(lowest[path], along);
                store(slot(path, here, x) + k, along);
            }
            store(sum + k, total);
        }
        for (int path = 0; path < kPaths; ++path) least_[path][here][x] = least_lane(lowest[path]);
    }

    CostVolume volume_{};
    const uint8_t* grey_ = nullptr;
    PathSteps steps_{};
    int64_t slot_ = 0;
    std::vector<int16_t> paths_[kPaths][2];  // [row before or this one][pixel]: costs along a path, between kFar
    std::vector<int16_t> least_[kPaths][2];
    std::vector<int16_t> start_;  // zeros: before a path's first pixel
    std::vector<uint8_t> searched_;
};

}  // namespace neurfield::stereo
