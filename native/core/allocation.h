// Aligned memory for panels and their scratch.
#pragma once

#include <cstddef>

namespace qrkd {

inline constexpr std::size_t kAlignment = 64;

/// Uninitialised memory, aligned to a cache line. Throws std::bad_alloc.
///
/// Blocks of 2 MiB and more ask for huge pages, and up to 128 MiB of released ones are kept for the next call: at 12
/// qubits the system takes three times as long to hand out fresh pages as it takes to simulate the states that go into
/// them.
void* allocate(std::size_t bytes);

/// Gives back what `allocate(bytes)` returned.
void release(void* memory, std::size_t bytes) noexcept;

}  // namespace qrkd
