// The inner loops of all layers but convolutions and dense ones, a part of the table in network.h. Counts are of whole
// lines. Where a layer is a map of single values, y may be the memory of the first x, and the first dx that of dy.
#pragma once

#include <cstddef>

namespace qrkd {

struct ConvolutionPlan;
struct KernelGradientPlan;

/// Maps of single values; the derivatives of those up to kSoftplus follow from the output.
enum class Activation {
  kRelu,
  kRelu6,
  kLeakyRelu,
  kElu,
  kSelu,
  kTanh,
  kSigmoid,
  kSoftplus,
  kHardSigmoid,
  kSwish,
  kGelu,
  kGeluNew,
  kMish
};

/// Maps of several values, one of each input.
enum class Merge { kAdd, kSubtract, kMultiply, kAverage, kMaximum, kMinimum };

/// Input coordinates [first, last) that one output coordinate of a pooling looks at; never empty.
struct PoolRange {
  int first, last;
};

struct PoolPlan {
  int inHeight, inWidth, channels, outHeight, outWidth;
  const PoolRange* rows;     // [outHeight]
  const PoolRange* columns;  // [outWidth]
  int overlaps;              // whether an input may be in several windows
};

/// What decides which values a dropout drops: a block of the generator gives the words of four elements of one sample.
struct DropoutMask {
  unsigned long long seed, step, sample;  // sample: that of lane 0
  unsigned long long threshold;           // a value stays where its 32-bit word is below
};

template <class T>
struct LayerTable {
  void (*activate)(Activation kind, T alpha, const T* x, std::size_t count, T* y);
  /// dx = dy * derivative; `from`: the output up to kSoftplus, the input of the later kinds.
  void (*activateGradient)(Activation kind, T alpha, const T* from, const T* dy, std::size_t count, T* dx);
  /// Over the channels of each pixel.
  void (*softmax)(const T* x, std::size_t pixels, std::size_t channels, T* y);
  void (*softmaxGradient)(const T* y, const T* dy, std::size_t pixels, std::size_t channels, T* dx);

  void (*merge)(Merge kind, const T* const* x, int inputs, std::size_t count, T* y);
  /// Writes gradients that are not null. The extreme value's gradient goes to the first input that has it.
  void (*mergeGradient)(Merge kind, const T* const* x, int inputs, const T* y, const T* dy, std::size_t count,
                        T* const* dx);

  void (*maxPool)(const PoolPlan& plan, const T* x, T* y);
  /// The gradient goes to the first of the largest values of a window, in memory order.
  void (*maxPoolGradient)(const PoolPlan& plan, const T* x, const T* y, const T* dy, T* dx);
  void (*averagePool)(const PoolPlan& plan, const T* x, T* y);
  void (*averagePoolGradient)(const PoolPlan& plan, const T* dy, T* dx);

  /// sums[c] = sum over pixels and the first `lanes` samples of x.
  void (*channelSums)(const T* x, std::size_t pixels, std::size_t channels, int lanes, double* sums);
  /// The same of (x - mean[c])^2.
  void (*channelSquares)(const T* x, const T* mean, std::size_t pixels, std::size_t channels, int lanes, double* sums);
  /// The same of dy and of dy (x - mean[c]).
  void (*channelProducts)(const T* x, const T* mean, const T* dy, std::size_t pixels, std::size_t channels, int lanes,
                          double* sums, double* products);
  /// y = (x - mean[c]) scale[c] + shift[c]
  void (*channelAffine)(const T* x, const T* mean, const T* scale, const T* shift, std::size_t pixels,
                        std::size_t channels, T* y);
  /// dx = dy a[c] + (x - mean[c]) b[c] + shift[c]
  void (*channelAffineGradient)(const T* x, const T* mean, const T* dy, const T* a, const T* b, const T* shift,
                                std::size_t pixels, std::size_t channels, T* dx);
  /// Each of `groups` times `size` values of a sample to mean 0 and variance 1, then times gamma plus beta (null: 1,
  /// 0). kept: [group][mean, 1 / deviation][line].
  void (*layerNormalize)(const T* x, const T* gamma, const T* beta, double epsilon, std::size_t groups,
                         std::size_t size, T* kept, T* y);
  /// dx may be null. gammaGradient, betaGradient: added to, null where not wanted; scratch: 2 * size lines.
  void (*layerNormalizeGradient)(const T* x, const T* gamma, const T* kept, const T* dy, std::size_t groups,
                                 std::size_t size, T* scratch, T* dx, T* gammaGradient, T* betaGradient);

  /// y = x * scale where the mask keeps it, else 0: the map and its gradient.
  void (*dropout)(const DropoutMask& mask, T scale, const T* x, std::size_t elements, T* y);

  /// Depthwise convolution: output channel c * multiplier + j sums input channel c times packed[tap][that channel]. In
  /// `plan`, outChannels = inChannels * multiplier.
  void (*depthwise)(const ConvolutionPlan& plan, const T* x, const T* packed, const T* bias, T* y);
  /// The input's gradient, the same with exchanged sides: `plan` has inChannels = outChannels * multiplier.
  void (*depthwiseInput)(const ConvolutionPlan& plan, const T* dy, const T* packed, T* dx);
  /// gradient[ky][kx][output channel] += sum over pixels and lanes of x * dy.
  void (*depthwiseKernel)(const KernelGradientPlan& plan, const T* x, const T* dy, T* gradient);
};

}  // namespace qrkd
