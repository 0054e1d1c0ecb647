// Work space of the simulator, shared by its sources.
#pragma once

#include <vector>

#include "simulator.h"

namespace qrkd {

inline constexpr int kMatrix = 8;  ///< scalars of a 2 x 2 complex matrix

/// Buffers of one thread.
template <class T>
struct Simulator<T>::Worker {
  Buffer<T> block[4];  // psi and lambda of a block, and room for permutations
  Buffer<T> state;     // psi of a whole panel on its way back, or room for its permutations
  Buffer<T> state2, spare;
  Buffer<T> table;  // of a step whose table nobody else uses
  std::vector<Buffer<T>> groupTables, groupGradients;
  std::vector<bool> ready;
  Buffer<T> levels, products;
  typename PhasePolynomial::Scratch<T> phases;

  static T* room(Buffer<T>& buffer, std::size_t size) {
    if (buffer.size() < size) buffer = Buffer<T>(size);
    return buffer.data();
  }
};

/// Gradients of one share of a state's blocks.
template <class T>
struct Simulator<T>::Sums {
  std::vector<double> angles;  // [angle][lane]
  std::vector<double> chains;  // [chain][8][lane]
  std::vector<double> prefix;  // [qubit][bit][re, im][lane]
};

}  // namespace qrkd
