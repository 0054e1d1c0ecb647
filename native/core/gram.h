// Gram matrices |<a_i|b_j>|^2 of panels, and the matrix product of their adjoint.
#pragma once

#include <cstddef>
#include <functional>

#include "job.h"
#include "panel.h"

namespace qrkd {

/// Samples as panels: complex amplitudes [amplitude][2][lane], or real components [row][lane].
template <class T>
struct Panels {
  Buffer<T> data;
  std::size_t count = 0;   // samples
  std::size_t length = 0;  // amplitudes or rows
  bool complex = true;

  Panels() = default;
  Panels(std::size_t samples, std::size_t rows, bool isComplex)
      : data(panelCount<T>(samples) * rows * (isComplex ? 2 : 1) * kLanes<T>),
        count(samples),
        length(rows),
        complex(isComplex) {}

  std::size_t panels() const { return panelCount<T>(count); }
  std::size_t width() const { return (complex ? 2 : 1) * kLanes<T>; }
  T* panel(std::size_t p) { return data.data() + p * length * width(); }
  const T* panel(std::size_t p) const { return data.data() + p * length * width(); }
};

/// The overlaps <a_i|b_j> of a forward pass, kept tile by tile for the gradient; only tiles with I <= J if symmetric.
template <class T>
struct Overlaps {
  Buffer<T> tiles;
  std::size_t columns = 0;  // panels of b
  std::size_t tileSize = 0;
  bool symmetric = false;

  std::size_t index(std::size_t i, std::size_t j) const {
    return symmetric ? i * columns - i * (i + 1) / 2 + j : i * columns + j;
  }
  T* tile(std::size_t i, std::size_t j) { return tiles.data() + index(i, j) * tileSize; }
  const T* tile(std::size_t i, std::size_t j) const { return tiles.data() + index(i, j) * tileSize; }
};

/// Arithmetic of a Gram matrix [rows, columns] (half of it if symmetric) of panels with `length` rows.
double gramFlops(std::size_t rows, std::size_t columns, bool symmetric, std::size_t length, bool complex);

/// out[i, j] = |<a_i|b_j>|^2, row-major. With `b` null the symmetric Gram of `a`: panels I <= J are computed, the rest
/// mirrored, so the result is exactly symmetric. `keep` (optional) receives the overlaps.
template <class T>
void gramMatrix(const Panels<T>& a, const Panels<T>* b, T* out, Overlaps<T>* keep, Job& job);

/// Which side of the matrix the adjoint is wanted for.
enum class Side { kRows, kColumns };

/// For every panel of the wanted side, lambda_i = sum_j S_ij conj(<psi_i|psi_j>) psi_j with S = dK + dK^T (symmetric)
/// or dK (cross matrix); then d loss = 2 Re <lambda_i|d psi_i>. `consume(panel, lambda, worker)` may overwrite lambda.
/// `dK` is row-major.
template <class T>
void gramAdjoint(const Panels<T>& a, const Panels<T>* b, const Overlaps<T>& overlaps, const T* dK, Side side, Job& job,
                 const std::function<void(std::size_t, T*, int)>& consume);

}  // namespace qrkd
