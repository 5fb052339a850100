// Random numbers that follow from what they are for: of a pixel and a key, whoever asks and whenever.
#pragma once

#include <cstdint>
#include <initializer_list>

#include "stereo/pictures.h"

namespace neurfield::stereo {

typedef uint32_t UintLanes __attribute__((vector_size(kLanes * sizeof(uint32_t)), aligned(kLanes * sizeof(uint32_t))));

// A permutation of 32-bit numbers that looks random (Wellons 2018, lowbias32).
template <class Bits>
inline Bits mixed(Bits x) {
    x ^= x >> 16;
    x *= 0x7feb352du;
    x ^= x >> 15;
    x *= 0x846ca68bu;
    return x ^ (x >> 16);
}

// In [-1, 1): whole multiples of 2^-23.
inline Vec random_lanes(IntLanes pixel, std::initializer_list<uint32_t> key) {
    uint32_t state = 0;
    for (const uint32_t part : key) state = mixed(state + part);
    const UintLanes bits = mixed(mixed((UintLanes)pixel ^ state) + 0x9e3779b9u);
    return fma(to_float((IntLanes)(bits >> 8)), Vec(0x1p-23f), Vec(-1.0f));
}

}  // namespace neurfield::stereo
