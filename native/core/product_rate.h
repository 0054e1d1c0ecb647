// The yardstick of benchmarks.
#pragma once

namespace qrkd {

/// Operations a second (two for every multiplication and addition) of the engine's real matrix product on operands that
/// stay in L1, on all threads: what a Gram matrix could reach if it cost nothing but arithmetic. Takes about 0.1
/// seconds.
template <class T>
double productRate();

}  // namespace qrkd
