// The table of a network's inner loops, filled by each instruction set from network.inl. The rules of table.h hold here
// too: plain structs and pointers, nothing inline.
//
// A line is kLanes<T> scalars, one for each sample of a panel. Activations are [y][x][channel][line].
#pragma once

#include <cstddef>

#include "layers.h"

namespace qrkd {

/// A run of neighbouring input pixels that meet neighbouring taps of a kernel: pixel `input` + i meets tap `tap` + i.
struct TapRun {
  int input, tap, count;
};

/// `count` neighbouring output pixels from `first` that use the same runs, their inputs `step` pixels apart.
struct PixelGroup {
  int first, count, step;
};

/// A convolution as sums over runs: an output pixel (y, x) adds, for every row run of y and every column run of x, the
/// products of input channels and taps. The same form serves the forward pass and the input's gradient.
struct ConvolutionPlan {
  int inWidth, inChannels, outHeight, outWidth, outChannels;
  int kernelWidth;         // taps in a row of the packed kernel
  std::size_t kernelSize;  // all its taps
  const int* rowStarts;    // [outHeight + 1]: runs of y (of one tap each)
  const TapRun* rows;
  const int* columnStarts;  // [outWidth + 1]
  const TapRun* columns;
  const PixelGroup* groups;  // of a row
  int groupCount;
};

/// The same for the kernel's gradient: tap (ky, kx) pairs output pixels [first, last) with inputs at offset + stride *
/// output.
struct TapRange {
  int first, last, offset, stride;
};
struct KernelGradientPlan {
  int inWidth, inChannels, outHeight, outWidth, outChannels, kernelHeight, kernelWidth;
  const TapRange* rows;     // [kernelHeight]
  const TapRange* columns;  // [kernelWidth]
  int rowsAtOnce;           // output rows whose operands stay in the cache
};

/// gradient[k * aStride + j * bStride] += sum over pixels and lanes of a[pixel][k] * b[pixel][j].
struct PointwiseGradientPlan {
  std::size_t pixels;
  int aChannels, bChannels;  // a should be the narrower side
  std::size_t aStride, bStride;
};

/// Scalars that it needs for itself: so many lines for each channel of a, and for kPointwiseGroup others.
constexpr std::size_t kPointwiseLines = 32, kPointwiseGroup = 8;

/// c[row][column] = sum over steps of a[row][step] * b[column][step], lane by lane; distances are in lines.
struct LineProduct {
  std::size_t rows, columns, steps;
  std::size_t aRow, aStep, bColumn, bStep, cRow, cColumn;
};

/// The numbers of one update of weights, the same for all of them.
template <class T>
struct UpdateStep {
  T rate;                      // learning rate
  T shrink;                    // of the weights, before the update: decoupled weight decay
  T factor, limit;             // gradients are multiplied, then clipped to +- limit
  T momentum;                  // momentum, rmsprop
  int nesterov;                // momentum
  T beta1, rest1;              // adam: decay of the first moment, 1 - it
  T beta2, rest2;              // adam: of the second; rmsprop: of the mean square
  T correction1, correction2;  // adam: 1 / (1 - beta^steps)
  T epsilon;
};

template <class T>
using Update = void (*)(const UpdateStep<T>& step, const T* gradient, std::size_t count, T* weight, T* first,
                        T* second);

template <class T>
struct OptimizerTable {
  /// Sum of squares.
  double (*squares)(const T* gradient, std::size_t count);
  /// Updates `count` weights and their moments; momentum has one, adam (mean, square) and rmsprop (square, step) two.
  Update<T> sgd, momentum, adam, rmsProp;
};

/// What the gradient of one token's loss is made of; [class][line] but for the lines.
template <class T>
struct TokenGradient {
  const T *x, *z;                  // logits of student and teacher; read where s is not null, and then x may be g
  const T* e;                      // exponentials of x; null: no cross-entropy
  const T *s, *t;                  // of x and z by the temperature; null: no distillation
  const T* crossEntropy;           // lines: the factors of e,
  const T *student, *teacher;      //        1 / the sums of s and t,
  const T *offset, *distillation;  //        the difference of the logarithms of the sums, the factors of p - q
  T inverseTemperature;
};

template <class T>
struct TokenTable {
  /// e = exp((x - largest) * inverseTemperature); sums: lines of the largest x, of the sum of e and of its squares.
  void (*exponentials)(const T* x, std::size_t classes, T inverseTemperature, T* e, T* sums);
  /// With p = s * student and q = t * teacher: g = e * crossEntropy + (p - q) * distillation.
  /// sums: lines of the sum of q ((z - x) * inverseTemperature + offset), and of that of (p - q)^2.
  void (*gradient)(const TokenGradient<T>& plan, std::size_t classes, T* g, T* sums);
};

template <class T>
struct NetworkTable {
  /// Widest tile of output channels. Kernels are packed in ceil(channels / tile) tiles of nearly equal width, the wider
  /// first.
  int tile;

  /// y = convolution(x) + bias, then max(0, .) if `relu`, or 0 where `mask` (like y; may be null) is not above 0;
  /// packed: [tile][tap][input channel][channel in tile]. bias: null for none.
  void (*convolve)(const ConvolutionPlan& plan, const T* x, const T* packed, const T* bias, int relu, const T* mask,
                   T* y);
  /// gradient[ky][kx][ci][co] += sum over pixels and lanes of x * dy.
  void (*kernelGradient)(const KernelGradientPlan& plan, const T* x, const T* dy, T* gradient);
  /// gradient[c] += sum over pixels and lanes of dy.
  void (*biasGradient)(const T* dy, std::size_t pixels, std::size_t channels, T* gradient);
  /// dy = 0 where y <= 0: the gradient of max(0, .).
  void (*reluMask)(const T* y, std::size_t count, T* dy);
  /// y[j] = bias[j] + sum_k x[k] w[k * kStride + j * jStride], then max(0, .) if `relu`.
  void (*dense)(const T* x, std::size_t inputs, const T* w, std::size_t kStride, std::size_t jStride,
                std::size_t outputs, const T* bias, int relu, T* y);
  /// gradient[k][j] = sum over samples of x[k] dy[j], for k in [first, last). x: panels [k][lane]; dy:
  /// [panel][lane][stride].
  void (*denseGradient)(const T* const* x, std::size_t panels, std::size_t first, std::size_t last, const T* dy,
                        std::size_t stride, std::size_t outputs, T* gradient);
  /// scratch: kPointwiseLines * (aChannels + kPointwiseGroup) lines.
  void (*pointwiseGradient)(const PointwiseGradientPlan& plan, const T* a, const T* b, T* scratch, T* gradient);
  /// c = scale * product, or added to c.
  void (*lineProduct)(const LineProduct& plan, T scale, const T* a, const T* b, int adds, T* c);

  LayerTable<T> layers;
  TokenTable<T> tokens;
  OptimizerTable<T> optimizer;
};

}  // namespace qrkd
