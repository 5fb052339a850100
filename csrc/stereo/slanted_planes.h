// Slanted planes refined by red-black PatchMatch, kLanes pixels of one colour in a row at a time. `neurfield/ops/reference/slanted_planes.py` is
// the same in torch, and says what each number means.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "stereo/random_lanes.h"
#include "stereo/slanted_planes_arguments.h"
#include "stereo/surroundings.h"

namespace neurfield::stereo {

constexpr int kBest = 4;
constexpr float kGood = 0.4f, kSpread = 0.15f, kHardly = 1e-3f;
constexpr float kUnseen = 0.02f;
constexpr float kStay = 0.3f, kFree = 0.5f, kLeft = 1.0f, kSmooth = 0.1f, kPlain = 0.5f, kApart = 1.0f;
constexpr float kGeometric = 0.1f, kParabola = 0.25f;
constexpr int kMostCandidates = kRegions + 2;

// One reference with what its passes change.
struct Surface {
    const Refinement* call;
    const Taps* taps;
    const Regions* regions;
    Picture picture;
    std::vector<Source> sources;
    uint32_t number;  // of the picture
    bool masked;  // some source has background
    float fx, fy, cx, cy;
    const float *start, *interval;
    float *planes, *cost;
    uint32_t* selected;  // [h][w], a bit a source
    Vec* start_costs;  // [h][colours][groups][sources], of the planes that pixels start with, without the geometric term
};

class Neighbourhood {
public:
    // `kept`: the group's entries of `start_costs`.
    Neighbourhood(const Surface& surface, const Lanes& lanes, Vec* kept)
        : s_(surface), lanes_(lanes), pixel_(lanes.pixel(surface.picture.width)), kept_(kept) {
        window_.read(surface.picture, *surface.taps, lanes);
        if (surface.interval != nullptr)
            low_ = gather_floats(surface.interval, 2 * pixel_), high_ = gather_floats(surface.interval + 1, 2 * pixel_);
        start_ = planes_at(surface.start, pixel_);
        start_ = choose(allowed(start_), start_, none());
    }

    bool idle() const { return !any(window_.active); }

    // The plane that each pixel starts with, and what it costs in the better half of its sources.
    void begin() {
        const Vec nothing(kNothing);
        Vec cost(nothing);
        const int count = static_cast<int>(s_.sources.size()), half = (count + 1) / 2;
        if (!idle() && count > 0) {
            Vec costs[kMostSources];
            photometric(start_, kept_);
            for (int k = 0; k < count; ++k) costs[k] = kept_[k] + geometric(s_.sources[k], start_);
            for (int i = 0; i < count; ++i)  // sorted lane by lane
                for (int k = count - 1; k > i; --k) {
                    const Vec low = min(costs[k - 1], costs[k]);
                    costs[k] = max(costs[k - 1], costs[k]), costs[k - 1] = low;
                }
            cost = Vec(0.0f);
            for (int i = 0; i < half; ++i) cost += costs[i];
            cost = choose(start_.w.v > 0.0f, cost * Vec(1.0f / static_cast<float>(half)), nothing);
        }
        write(start_, cost, nullptr);
    }

    void half_pass(int number, bool last) {
        if (idle()) return;
        const Refinement& call = *s_.call;
        number_ = static_cast<uint32_t>(number);
        const int regions = call.far ? kRegions : kRegions / 2, count = regions + 2, sources = static_cast<int>(s_.sources.size());
        Planes candidates[kMostCandidates];
        IntLanes valid[kMostCandidates];
        Vec costs[kMostCandidates][kMostSources];
        candidates[0] = planes_at(s_.planes, pixel_);
        for (int i = 0; i < regions; ++i) candidates[1 + i] = propagated(s_.regions->each[i], lanes_, s_.picture, s_.planes, s_.cost);
        candidates[count - 1] = fresh();
        for (int i = 0; i < count; ++i) {
            valid[i] = allowed(candidates[i]);
            const bool known = (i == 0 && number == 0) || (i == count - 1 && !any(valid[i] & ~(start_.w.v > 0.0f)));
            if (any(valid[i]) && known)
                std::copy_n(kept_, sources, costs[i]);
            else if (any(valid[i]))
                photometric(candidates[i], costs[i]);
            else
                std::fill_n(costs[i], sources, Vec(1.0f));
        }
        weigh(costs, valid, count, number);
        Vec first(0.0f);
        for (int i = 0; i < count; ++i) first = choose((first.v > 0.0f) | ~valid[i], first, candidates[i].w);
        const Vec step = pixel_step(choose(first.v > 0.0f, first, Vec(1.0f)));
        read_around(step);

        best_ = none(), cost_ = Vec(kNothing), total_ = Vec(kNothing);
        for (int i = 0; i < count; ++i)
            if (any(valid[i])) offer(candidates[i], blend(candidates[i], costs[i]), valid[i], i == 0 ? call.margin : 0.0f);
        const IntLanes some = best_.w.v > 0.0f;
        const Planes one{Vec(1.0f), Vec(0.0f), Vec(0.0f)};
        const float scale = std::ldexp(1.0f, -number);
        const Planes leaned = leaning(best_);
        const IntLanes upright = some & allowed(leaned);
        if (any(upright)) try_plane(leaned, upright);
        for (uint32_t k = 0; k < 3; ++k) {
            const Planes moved = perturbed(choose(some, best_, one), k == 1 ? Vec(0.0f) : Vec(scale * call.shift) * step,
                                           k == 0 ? 0.0f : scale * call.turn, k);
            const IntLanes good = some & allowed(moved);
            if (any(good)) try_plane(moved, good);
        }
        if (last && any(some)) settle(choose(some, best_, one), step, some);
        write(best_, cost_, &weights_[0]);
    }

private:
    IntLanes allowed(const Planes& p) const {
        const Vec radius(static_cast<float>(s_.taps->radius));
        IntLanes good = window_.active & (p.w.v > 0.0f) & ((radius * (abs(p.a) + abs(p.b))).v <= (Vec(kSteepest) * p.w).v);
        if (s_.interval != nullptr) good &= (p.w.v >= low_.v) & (p.w.v <= high_.v);
        return good;
    }

    void photometric(const Planes& planes, Vec* costs) const {
        for (size_t k = 0; k < s_.sources.size(); ++k) {
            const Source& source = s_.sources[k];
            costs[k] = window_.cost(*s_.taps, source.forth, source.picture, source.masked, Vec(source.gain), planes);
        }
    }

    // What reprojection adds to it.
    Vec geometric(const Source& source, const Planes& planes) const {
        return source.depth.depth == nullptr ? Vec(0.0f) : reprojected(source.forth, source.back, source.depth, planes);
    }
    template <class AnyPair>
    Vec reprojected(const AnyPair& forth, const AnyPair& back, const DepthMap& depth, const Planes& planes) const {
        const RoundTrip trip = round_trip(forth, back, depth, window_.u, window_.v, planes.w);
        return Vec(kGeometric) * min(trip.error, Vec(s_.call->reach));
    }

    // The plane that a pixel starts with, or a level one anywhere in its interval.
    Planes fresh() const {
        if (s_.interval == nullptr) return start_;
        const Vec share = fma(random(0, 0), Vec(0.5f), Vec(0.5f));
        return choose(start_.w.v > 0.0f, start_, Planes{fma(high_ - low_, share, low_), Vec(0.0f), Vec(0.0f)});
    }

    Vec random(uint32_t candidate, uint32_t which) const {
        return random_lanes(pixel_, {s_.call->seed, s_.number, number_, candidate, which});
    }

    // The weights of the sources, 0 for all but the best (ACMH, Sec. 3.2, without its draws).
    void weigh(const Vec (*costs)[kMostSources], const IntLanes* valid, int count, int number) {
        const int sources = static_cast<int>(s_.sources.size());
        const float limit = kGood * std::exp(-static_cast<float>(number * number) / 90.0f);
        const Vec zero(0.0f), one(1.0f), all(8.0f), part(3.0f), unsure(std::exp(-limit * limit / 0.08f));
        constexpr float kSharpness = 1.44269504f / (2.0f * kSpread * kSpread);
        IntLanes around[4];
        neighbours_selected(around);
        for (int k = 0; k < sources; ++k) {
            Vec good(0.0f), bad(0.0f), total(0.0f), least(1.0f), offered(0.0f);
            for (int i = 0; i < count; ++i) {
                const Vec c = costs[i][k];
                const IntLanes speaks = valid[i] & (c.v < limit);
                offered += choose(valid[i], one, zero), good += choose(speaks, one, zero);
                bad += choose(valid[i] & (c.v >= kOutside), one, zero);
                total += choose(speaks, exp2_of_minus_abs(Group<1>{{c * c}}, kSharpness).at[0], zero);
                least = choose(valid[i], min(least, c), least);
            }
            Vec support(0.0f);
            for (const IntLanes bits : around) support += choose((bits >> k & 1) != 0, Vec(0.9f), Vec(0.1f));
            const Vec weight = choose((all * good).v >= (part * offered).v, total / max(good, one), unsure);
            weights_[k] = fma(one - least, Vec(kHardly), choose((all * bad).v < (part * offered).v, weight * support, zero));
        }
        Vec kept[kMostSources];
        for (int k = 0; k < sources; ++k) {
            Vec rank(0.0f);
            for (int j = 0; j < sources; ++j) {
                if (j == k) continue;
                const IntLanes before = j < k ? weights_[j].v >= weights_[k].v : weights_[j].v > weights_[k].v;
                rank += choose(before, one, zero);
            }
            kept[k] = choose(rank.v < static_cast<float>(kBest), weights_[k], zero);
        }
        std::copy_n(kept, sources, weights_);
        choose_sources();
    }

    // The chosen sources of each lane, in their order.
    void choose_sources() {
        const int32_t size = s_.picture.height * s_.picture.width;
        chosen_count_ = 0;
        for (int k = 0; k < kBest; ++k) chosen_[k].weight = Vec(0.0f), chosen_[k].number = IntLanes{};
        for (int lane = 0; lane < kLanes; ++lane) {
            int count = 0;
            for (int k = 0; k < static_cast<int>(s_.sources.size()); ++k)
                if (weights_[k].v[lane] > 0.0f) chosen_[count].weight.v[lane] = weights_[k].v[lane], chosen_[count++].number[lane] = k;
            chosen_count_ = std::max(chosen_count_, count);
        }
        for (int i = 0; i < chosen_count_; ++i) {
            Chosen& one = chosen_[i];
            for (int lane = 0; lane < kLanes; ++lane) {
                const Source& source = s_.sources[one.number[lane]];
                for (int c = 0; c < 9; ++c) one.forth.a[c].v[lane] = source.forth.a[c], one.back.a[c].v[lane] = source.back.a[c];
                for (int c = 0; c < 3; ++c) one.forth.b[c].v[lane] = source.forth.b[c], one.back.b[c].v[lane] = source.back.b[c];
                one.gain.v[lane] = source.gain, one.base[lane] = source.number * size;
            }
        }
    }

    // Which sources the four next pixels chose; none beyond the border.
    void neighbours_selected(IntLanes* around) const {
        for (int i = 0; i < 4; ++i) {
            const Beside next(lanes_, kNext[i], s_.picture);
            around[i] = gather_words(s_.selected, next.pixel) & next.exist;
        }
    }

    // The inverse depths that planes should pass through, and how far apart they may be.
    void read_around(Vec step) {
        per_apart_ = Vec(1.0f / kApart) / step, per_pixel_ = Vec(1.0f / kLeft) / step;
        Vec count(0.0f);
        for (int i = 0; i < 8; ++i) {
            const Beside there(lanes_, kAround[i], s_.picture);
            around_[i] = choose(there.exist, gather_floats(s_.planes, 3 * there.pixel), Vec(0.0f));
            count += choose(around_[i].v > 0.0f, Vec(1.0f), Vec(0.0f));
        }
        smooth_ = fma(Vec(kSmooth - kPlain), window_.texture, Vec(kPlain)) / max(count, Vec(1.0f));
    }

    // A plane with the slopes of the inverse depths around.
    Planes leaning(const Planes& p) const {
        const auto slope = [&](int i, Vec old) {
            const Vec near = around_[i + 1] - around_[i], far = around_[i + 5] - around_[i + 4];
            const IntLanes known = (min(min(around_[i], around_[i + 1]), min(around_[i + 4], around_[i + 5])).v > 0.0f);
            return choose(known, (near + Vec(3.0f) * far) * Vec(0.05f), old);
        };
        return {p.w, slope(2, p.a), slope(0, p.b)};
    }

    // What a plane costs that misses its neighbours.
    Vec missing(const Planes& p) const {
        Vec sum(0.0f);
        for (int i = 0; i < 8; ++i) {
            const Vec there = fma(p.a, Vec(kAround[i].right), fma(p.b, Vec(kAround[i].down), p.w));
            const Vec apart = (there - around_[i]) * per_apart_;
            sum += choose(around_[i].v > 0.0f, min(apart * apart, Vec(1.0f)), Vec(0.0f));
        }
        return sum * smooth_;
    }

    // What a plane costs because it is not the one that its pixel starts with.
    Vec leaving(const Planes& p) const {
        const Vec away = max(abs(p.w - start_.w) * per_pixel_ - Vec(kFree), Vec(0.0f));
        return choose(start_.w.v > 0.0f, Vec(kStay) * (Vec(1.0f) - window_.texture) * min(away * away, Vec(1.0f)), Vec(0.0f));
    }

    // The weighted mean over the chosen sources.
    Vec blend(const Planes& planes) const {
        Vec total(0.0f), sum(0.0f);
        for (int i = 0; i < chosen_count_; ++i) {
            const Chosen& one = chosen_[i];
            Vec cost = window_.cost(*s_.taps, one.forth, s_.call->given.pictures[0], s_.masked, one.gain, planes, one.base);
            if (const float* depths = s_.call->given.depths; depths != nullptr)
                cost += reprojected(one.forth, one.back, DepthMap{depths, s_.picture.height, s_.picture.width, one.base}, planes);
            total += one.weight, sum = fma(one.weight, cost, sum);
        }
        return choose(total.v > 0.0f, sum / max(total, Vec(1e-12f)), Vec(1.0f));
    }

    // The same of photometric costs that are known.
    Vec blend(const Planes& planes, const Vec* costs) const {
        Vec total(0.0f), sum(0.0f);
        for (size_t k = 0; k < s_.sources.size(); ++k) {
            if (!any(weights_[k].v > 0.0f)) continue;
            total += weights_[k], sum = fma(weights_[k], costs[k] + geometric(s_.sources[k], planes), sum);
        }
        return choose(total.v > 0.0f, sum / max(total, Vec(1e-12f)), Vec(1.0f));
    }

    void offer(const Planes& planes, Vec cost, IntLanes good, float less) {
        const Vec total = cost + leaving(planes) + missing(planes) - Vec(less);
        const IntLanes better = good & (total.v < total_.v);
        best_ = choose(better, planes, best_);
        cost_ = choose(better, cost, cost_), total_ = choose(better, total, total_);
    }
    void try_plane(const Planes& planes, IntLanes good) { offer(planes, blend(planes), good, 0.0f); }

    // The change of inverse depth that moves a pixel's place by one pixel in the source where it moves most.
    Vec pixel_step(Vec w) const {
        Vec most(0.0f);
        for (size_t k = 0; k < s_.sources.size(); ++k) {
            const Pair& pair = s_.sources[k].forth;
            const Affine to = affine_at(pair, window_.u, window_.v, w, Vec(0.0f), Vec(0.0f));
            Vec depth = fma(Vec(pair.a[6]), window_.u, fma(Vec(pair.a[7]), window_.v, fma(Vec(pair.b[2]), w, Vec(pair.a[8]))));
            const Vec x = Vec(pair.b[0]) - to.u * Vec(pair.b[2]), y = Vec(pair.b[1]) - to.v * Vec(pair.b[2]);
            const Vec moved = PairSums::square_root(x * x + y * y) / depth;
            most = choose(depth.v > 0.0f, max(most, moved), most);
        }
        return choose(most.v > 0.0f, Vec(1.0f) / max(most, Vec(1e-12f)), Vec(kUnseen) * w);
    }

    Planes perturbed(const Planes& p, Vec step, float turn, uint32_t k) const {
        const Vec one(1.0f), inverse = one / p.w;
        const Vec w = k == 1 ? p.w : fma(step, random(1 + k, 0), p.w);
        Vec a = p.a * inverse, b = p.b * inverse;
        if (k != 0) {
            const Vec right = window_.u - Vec(s_.cx), down = window_.v - Vec(s_.cy);
            Vec x = Vec(s_.fx) * a, y = Vec(s_.fy) * b, z = one - a * right - b * down;
            const Vec length = Vec(turn) * PairSums::square_root(x * x + y * y + z * z);
            x = fma(length, random(1 + k, 1), x), y = fma(length, random(1 + k, 2), y), z = fma(length, random(1 + k, 3), z);
            const Vec along = x * right * Vec(1.0f / s_.fx) + y * down * Vec(1.0f / s_.fy) + z;
            const Vec share = choose(along.v > 0.0f, one / along, Vec(INFINITY));  // no plane
            a = x * Vec(1.0f / s_.fx) * share, b = y * Vec(1.0f / s_.fy) * share;
        }
        return {w, w * a, w * b};
    }

    // The last step: inverse depth at the lowest point of a parabola through three costs.
    void settle(const Planes& p, Vec step, IntLanes some) {
        const Vec move = Vec(kParabola) * step;
        const auto total = [&](const Planes& planes) { return blend(planes) + leaving(planes) + missing(planes); };
        const Vec before = total({p.w - move, p.a, p.b}), after = total({p.w + move, p.a, p.b});
        const Vec middle = cost_ + leaving(p) + missing(p);
        const Vec bend = before - middle - middle + after;
        const Vec share = Vec(0.5f) * (before - after) / max(bend, Vec(1e-6f));
        const Planes moved{fma(min(max(share, Vec(-1.0f)), Vec(1.0f)), move, p.w), p.a, p.b};
        const IntLanes good = some & (bend.v > 1e-6f) & allowed(moved);
        if (any(good)) try_plane(moved, good);
    }

    void write(const Planes& planes, Vec cost, const Vec* weights) const {
        for (int lane = 0; lane < kLanes; ++lane) {
            if (!lanes_.exist[lane]) continue;
            const int32_t pixel = pixel_[lane];
            s_.planes[3 * pixel] = planes.w.v[lane], s_.planes[3 * pixel + 1] = planes.a.v[lane],
                          s_.planes[3 * pixel + 2] = planes.b.v[lane];
            s_.cost[pixel] = cost.v[lane];
            uint32_t bits = 0;
            for (size_t k = 0; k < s_.sources.size(); ++k)
                if (weights == nullptr || weights[k].v[lane] > 0.0f) bits |= 1u << k;
            s_.selected[pixel] = bits;
        }
    }

    const Surface& s_;
    const Lanes lanes_;
    const IntLanes pixel_;
    Window window_;
    Vec low_, high_;
    Planes start_;
    Vec around_[8], per_apart_, per_pixel_, smooth_;
    uint32_t number_ = 0;
    Vec* const kept_;
    Vec weights_[kMostSources];
    struct Chosen {
        IntLanes number, base;  // of the sources, and where their pictures and maps begin
        Vec weight, gain;
        LanePair forth, back;
    } chosen_[kBest];
    int chosen_count_ = 0;
    Planes best_;
    Vec cost_, total_;
};

}  // namespace neurfield::stereo
