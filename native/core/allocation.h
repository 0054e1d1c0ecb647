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

/// Asks for huge pages in memory of the caller's that is about to be written for the first time: a large matrix takes
/// longer to be handed out in small ones than a tenth of its arithmetic.
void adviseLarge(void* memory, std::size_t bytes);

}  // namespace qrkd
