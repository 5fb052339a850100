// Sphere tracing through the cells (Hart 1996): rays go on together, those in one cell ask its network together.
//
// A ray leaps over voxels that are on one side by what is known of them. In others it goes on by the lattice as long as that is farther from
// zero than it may be wrong, then by the network: by its value over the cell's steepness, and no further than the voxel. Where the sign is
// another than at its first sample, the root is between two samples: regula falsi, the Illinois way, which halves the weight of an end that
// stays.
#include "common/families.h"
#include "common/parallel.h"
#include "kilo/cell_networks_arguments.h"

namespace neurfield::kilo {
namespace {

constexpr int64_t kRays = 16384;  // that go on together: neighbours share cells
constexpr int kMostSteps = 512;  // of a ray
constexpr int kMostTurns = 12;  // of a root
constexpr float kLeastStep = 2e-3f;  // of a cell's edge: what is thinner may be passed through
constexpr float kNear = 1e-4f;  // of a cell's edge: a root is as near as that
constexpr float kBeyond = 1e-5f;  // of a cell's edge: into the next cell

struct TracedRay {
    int64_t index;
    float t, far;  // where it is, and where it ends
    float before, at_before;  // the sample before: where, and its value
    float behind, at_behind;  // the other end of a bracket
    bool begun, refining;
    bool in_matter;  // at its first sample
    bool moved_before;  // which end of the bracket moved last
    int steps, turns;
};

class Tracer {
public:
    Tracer(const CellTrace& call, const std::vector<Network>& networks)
        : call_(call), networks_(networks), least_(kLeastStep * call.grid.edge), near_(kNear * call.grid.edge) {}

    void trace(int64_t begin, int64_t end) {
        rays_.clear();
        for (int64_t i = begin; i < end; ++i) {
            call_.t[i] = std::numeric_limits<float>::infinity();
            const float near = std::max(0.0f, call_.t_min[i]), far = call_.t_max[i];
            if (near < far && std::isfinite(far)) rays_.push_back({i, near, far, near, 0.0f, 0.0f, 0.0f, false, false, false, false, 0, 0});
        }
        while (!rays_.empty()) {
            place();
            ask();
            size_t kept = 0;
            for (size_t i = 0; i < rays_.size(); ++i) {
                TracedRay& ray = rays_[i];
                if (ray.refining ? refine(ray, value_[i]) : march(ray, cell_[i], value_[i])) rays_[kept++] = ray;
            }
            rays_.resize(kept);
        }
    }

private:
    // Moves each ray to where a network must be asked and says where in its cell that is; drops those that end before.
    void place() {
        size_t kept = 0;
        cell_.resize(rays_.size()), local_.resize(3 * rays_.size());
        for (size_t i = 0; i < rays_.size(); ++i) {
            TracedRay ray = rays_[i];
            int32_t cell = 0;
            float* local = local_.data() + 3 * kept;
            if (!reach(ray, cell, local)) continue;
            cell_[kept] = cell;
            rays_[kept++] = ray;
        }
        rays_.resize(kept);
    }

    bool reach(TracedRay& ray, int32_t& cell, float* local) {
        const float* o = call_.origins + 3 * ray.index;
        const float* d = call_.directions + 3 * ray.index;
        const float inverse[3] = {1.0f / d[0], 1.0f / d[1], 1.0f / d[2]};
        const CellGrid& grid = call_.grid;
        const int fine = call_.shells.fine;
        while (ray.t <= ray.far) {
            const VoxelPlace place(grid, fine, o, d, ray.t);
            const int64_t* v = place.voxel;
            const int known = call_.shells.sides[(v[0] * grid.size[1] * fine + v[1]) * grid.size[2] * fine + v[2]];
            if (ray.refining || known == 0) {
                const int64_t at[3] = {v[0] / fine, v[1] / fine, v[2] / fine};
                cell = grid.table[(at[0] * grid.size[1] + at[1]) * grid.size[2] + at[2]];
                if (cell < 0) {  // the wall of the empty cell is the surface
                    call_.t[ray.index] = ray.t;
                    return false;
                }
                for (int a = 0; a < 3; ++a)
                    local[a] = (place.from[a] - (static_cast<float>(at[a]) + 0.5f) * grid.edge) * (2.0f / grid.edge);
                if (ray.refining || approach(ray, cell, place, d, inverse, local)) return true;
                continue;
            }
            const bool in_matter = known < 0;
            if (ray.begun && in_matter != ray.in_matter) {
                ray.refining = true, ray.behind = ray.t, ray.at_behind = static_cast<float>(known) * place.edge;
                if (!narrow(ray)) return false;
                continue;
            }
            ray.begun = true, ray.in_matter = in_matter;
            const float step = place.exit(d, inverse, std::abs(known) - 1);
            if (!std::isfinite(step)) return false;
            ray.before = ray.t + step, ray.at_before = static_cast<float>(known) * place.edge;
            ray.t = past(ray.t, step);
        }
        return false;
    }

    // Where a ray is behind a wall that it meets after so many lengths.
    float past(float t, float length) const { return t + length + kBeyond * call_.grid.edge + 1e-6f * t; }

    // Goes on by the lattice of a voxel: whether its network must be asked, at `local`. Else the ray has left the voxel.
    bool approach(TracedRay& ray, int32_t cell, const VoxelPlace& place, const float* d, const float* inverse, float* local) const {
        const int64_t fine = call_.shells.fine, side = fine + 1;
        const int64_t v[3] = {place.voxel[0] % fine, place.voxel[1] % fine, place.voxel[2] % fine};
        const float error = call_.shells.errors[cell * call_.shells.voxels() + (v[0] * fine + v[1]) * fine + v[2]];
        const Corners corners(call_.shells.values + cell * call_.shells.points() + (v[0] * side + v[1]) * side + v[2], fine);
        float from[3], speed[3], rise = 1e-6f;  // in voxels; and how fast the lattice may change along the ray
        for (int a = 0; a < 3; ++a) {
            speed[a] = d[a] / place.edge, from[a] = place.from[a] / place.edge - static_cast<float>(place.voxel[a]);
            rise += corners.steepest(a) * std::abs(speed[a]);
        }
        const auto lattice = [&](float gone) {
            return corners.at(from[0] + gone * speed[0], from[1] + gone * speed[1], from[2] + gone * speed[2]);
        };
        const float end = std::min(place.exit(d, inverse, 0), ray.far - ray.t);
        for (float gone = 0.0f; gone < end || gone == 0.0f;) {
            const float value = lattice(gone);
            if (!ray.begun && std::abs(value) > error) ray.begun = true, ray.in_matter = value < 0.0f;
            const float bound = (ray.in_matter ? -value : value) - error;
            if (!ray.begun || !(bound > 0.0f)) {
                const float last = lattice(end);
                if (ray.begun && (ray.in_matter ? last : -last) > error) {  // it passes the surface in this voxel
                    ray.refining = true, ray.behind = ray.t + end, ray.at_behind = last;
                    gone += (end - gone) * std::min(std::max(value / (value - last), 0.0f), 1.0f);
                }
                ray.t += gone;
                for (int a = 0; a < 3; ++a) local[a] += gone * (2.0f / call_.grid.edge) * d[a];
                return true;
            }
            ray.before = ray.t + gone, ray.at_before = value;
            gone += std::max(bound / rise, least_);
        }
        ray.t = past(ray.t, end);
        return false;
    }

    // value_ of all rays, by the networks of their cells.
    void ask() {
        const int64_t count = static_cast<int64_t>(rays_.size());
        static thread_local LocalColumns columns;
        value_.resize(count), places_.resize(3 * count), answers_.resize(count);
        sort_by_cell(count);
        for (int64_t i = 0; i < count; ++i) std::copy_n(local_.data() + 3 * order_[i], 3, places_.data() + 3 * i);
        for (int64_t begin = 0; begin < count;) {
            const int32_t cell = cell_[order_[begin]];
            int64_t end = begin;
            while (end < count && cell_[order_[end]] == cell) ++end;
            const float* rows = columns.of(places_.data() + 3 * begin, end - begin, call_.octaves);
            forward_tiles(networks_[cell], rows, nullptr, answers_.data(), nullptr, false, 0, end - begin);
            for (int64_t i = begin; i < end; ++i) value_[order_[i]] = 0.5f * call_.grid.edge * answers_[i - begin];
            begin = end;
        }
    }

    // order_, by counting: which cells there are is few numbers, and only those that have rays are looked at again.
    void sort_by_cell(int64_t count) {
        order_.resize(count), ends_.resize(networks_.size(), 0), held_.clear();
        for (int64_t i = 0; i < count; ++i)
            if (ends_[cell_[i]]++ == 0) held_.push_back(cell_[i]);
        std::sort(held_.begin(), held_.end());
        int64_t begin = 0;
        for (const int32_t cell : held_) {
            const int64_t own = ends_[cell];
            ends_[cell] = begin, begin += own;
        }
        for (int64_t i = 0; i < count; ++i) order_[ends_[cell_[i]]++] = i;
        for (const int32_t cell : held_) ends_[cell] = 0;
    }

    // A step; false where the ray ends.
    bool march(TracedRay& ray, int32_t cell, float value) {
        if (!std::isfinite(value) || ++ray.steps > kMostSteps) return false;
        const bool in_matter = value < 0.0f;
        if (!ray.begun) ray.begun = true, ray.in_matter = in_matter;
        if (in_matter != ray.in_matter) {
            ray.refining = true;
            ray.behind = ray.t, ray.at_behind = value;
            return narrow(ray);
        }
        ray.before = ray.t, ray.at_before = value;
        const float* o = call_.origins + 3 * ray.index;
        const float* d = call_.directions + 3 * ray.index;
        const float inverse[3] = {1.0f / d[0], 1.0f / d[1], 1.0f / d[2]};
        const float leave = past(ray.t, VoxelPlace(call_.grid, call_.shells.fine, o, d, ray.t).exit(d, inverse, 0));
        ray.t = std::min(ray.t + std::max(std::abs(value) / call_.steepness[cell], least_), leave);
        return true;
    }

    bool refine(TracedRay& ray, float value) {
        if (!std::isfinite(value)) return false;
        if (std::abs(value) < near_) {
            call_.t[ray.index] = ray.t;
            return false;
        }
        const bool before = (value < 0.0f) == ray.in_matter;
        (before ? ray.before : ray.behind) = ray.t;
        (before ? ray.at_before : ray.at_behind) = value;
        if (ray.turns > 1 && before == ray.moved_before) (before ? ray.at_behind : ray.at_before) *= 0.5f;  // it stays a second time
        ray.moved_before = before;
        return narrow(ray);
    }

    // The next place between the ends of a bracket; false where they are as near as need be.
    bool narrow(TracedRay& ray) {
        const float wide = ray.behind - ray.before;
        const float share = ray.at_before / (ray.at_before - ray.at_behind);
        ray.t = ray.before + wide * std::min(std::max(share, 0.05f), 0.95f);
        if (wide > near_ && ++ray.turns <= kMostTurns) return true;
        call_.t[ray.index] = ray.t <= ray.far ? ray.t : std::numeric_limits<float>::infinity();
        return false;
    }

    const CellTrace& call_;
    const std::vector<Network>& networks_;  // packed, of the distance alone
    float least_, near_;
    std::vector<TracedRay> rays_;
    std::vector<int32_t> cell_, held_;
    std::vector<int64_t> order_, ends_;  // ends_: a number a network, zeros between calls
    std::vector<float> local_, places_, value_, answers_;
};

void cell_trace(const CellTrace& call) {
    const py::gil_scoped_release release;
    std::vector<Network> networks(call.networks.count);  // once: rays come to a cell in many small companies
    parallel_chunks(call.networks.count, 16, [&](int64_t begin, int64_t end) {
        for (int64_t cell = begin; cell < end; ++cell) call.networks.pack(cell, networks[cell], 1);
    });
    parallel_chunks(call.count, kRays, [&](int64_t begin, int64_t end) { Tracer(call, networks).trace(begin, end); });
}

}  // namespace
}  // namespace neurfield::kilo

namespace neurfield {

void bind_cell_trace(py::module_& module) {
    define(module, "cell_trace", kilo::cell_trace_of, kilo::cell_trace);
    kilo::bind_cell_shells(module);
}

}  // namespace neurfield
