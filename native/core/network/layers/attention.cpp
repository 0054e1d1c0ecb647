#include "attention.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "../../isa.h"
#include "../../kernels/network.h"

namespace qrkd::network {
namespace {

// Queries at a time.
constexpr std::size_t kBlock = 16;

}  // namespace

template <class T>
CausalAttention<T>::CausalAttention(const NodeSpec& node, Shape input, const std::vector<Weight<T>*>&)
    : output_{1, static_cast<int>(input.pixels()), input.channels / 3},
      heads_(static_cast<std::size_t>(node.integer("heads"))),
      rate_(node.number("rate")) {
  const auto width = static_cast<std::size_t>(output_.channels);
  if (heads_ == 0 || input.channels % 3 != 0 || width % heads_ != 0) {
    throw std::invalid_argument("causalAttention: the channels must be three times a multiple of the heads");
  }
  each_ = width / heads_;
  if (!(rate_ >= 0 && rate_ < 1)) throw std::invalid_argument("causalAttention: rate must be at least 0 and below 1");
  const double seed = node.number("seed");
  if (!(seed >= 0 && seed <= 0x1p53)) {
    throw std::invalid_argument("causalAttention: seed must be an integer from 0 to 2^53");
  }
  mask_.seed = static_cast<unsigned long long>(seed);
  mask_.threshold = static_cast<unsigned long long>(std::llround((1 - rate_) * 0x1p32));
}

template <class T>
std::size_t CausalAttention<T>::scratchSize() const {
  return (rate_ > 0 ? 3 : 2) * kBlock * output_.pixels() * kLanes<T>;
}

template <class T>
double CausalAttention<T>::flops() const {
  return 2.0 * static_cast<double>(output_.size()) * static_cast<double>(output_.pixels()) * kLanes<T>;
}

template <class T>
void CausalAttention<T>::shares(const T* qkv, std::size_t head, std::size_t first, std::size_t last, T* out) const {
  const NetworkTable<T>& kernels = networkKernels<T>();
  const auto width = static_cast<std::size_t>(output_.channels), length = output_.pixels();
  const T* q = qkv + (first * 3 * width + head * each_) * kLanes<T>;
  const T* k = qkv + (width + head * each_) * kLanes<T>;
  const LineProduct product{last - first, last, each_, 3 * width, 1, 3 * width, 1, length, 1};
  kernels.lineProduct(product, static_cast<T>(1 / std::sqrt(static_cast<double>(each_))), q, k, 0, out);
  for (std::size_t i = first; i < last; ++i, out += length * kLanes<T>) {
    kernels.layers.softmax(out, 1, i + 1, out);
    std::fill(out + (i + 1) * kLanes<T>, out + last * kLanes<T>, T(0));
  }
}

// Every query of every head has a stream of its own: its number is the upper half of the step.
template <class T>
void CausalAttention<T>::drop(const PanelPass<T>& pass, std::size_t head, std::size_t first, std::size_t last,
                              const T* from, T* to) const {
  const std::size_t length = output_.pixels();
  DropoutMask mask = mask_;
  mask.sample = pass.panel * kLanes<T>;
  for (std::size_t i = first; i < last; ++i, from += length * kLanes<T>, to += length * kLanes<T>) {
    mask.step = (pass.context->step & 0xffffffffULL) | static_cast<unsigned long long>(head * length + i) << 32;
    networkKernels<T>().layers.dropout(mask, static_cast<T>(1 / (1 - rate_)), from, last, to);
  }
}

template <class T>
void CausalAttention<T>::forward(const PanelPass<T>& pass) {
  const auto width = static_cast<std::size_t>(output_.channels), length = output_.pixels();
  for (std::size_t head = 0; head < heads_; ++head) {
    const T* v = pass.inputs[0] + (2 * width + head * each_) * kLanes<T>;
    for (std::size_t first = 0; first < length; first += kBlock) {
      const std::size_t last = std::min(length, first + kBlock);
      shares(pass.inputs[0], head, first, last, pass.scratch);
      if (drops(pass)) drop(pass, head, first, last, pass.scratch, pass.scratch);
      networkKernels<T>().lineProduct({last - first, each_, last, length, 1, 1, 3 * width, width, 1}, T(1),
                                      pass.scratch, v, 0, pass.output + (first * width + head * each_) * kLanes<T>);
    }
  }
}

// With P the shares, D those that are left of them and dS the gradient of the scaled scores: dV = D' dO, dS =
// softmax'(P, drop(dO V')), dQ = dS K, dK = dS' Q.
template <class T>
void CausalAttention<T>::backward(const PanelPass<T>& pass) {
  if (pass.inputGradients[0] == nullptr) return;
  const NetworkTable<T>& kernels = networkKernels<T>();
  const auto width = static_cast<std::size_t>(output_.channels), length = output_.pixels();
  const T scale = static_cast<T>(1 / std::sqrt(static_cast<double>(each_)));
  T* shares = pass.scratch;
  T* changes = shares + kBlock * length * kLanes<T>;
  T* left = drops(pass) ? changes + kBlock * length * kLanes<T> : shares;
  for (std::size_t head = 0; head < heads_; ++head) {
    const std::size_t q = head * each_ * kLanes<T>, k = q + width * kLanes<T>, v = k + width * kLanes<T>;
    // The last block first: it sees all keys, so that it begins the sums.
    for (std::size_t block = (length + kBlock - 1) / kBlock; block-- > 0;) {
      const std::size_t first = block * kBlock, last = std::min(length, first + kBlock), rows = last - first;
      const int adds = last < length;
      const T* dy = pass.outputGradient + (first * width + head * each_) * kLanes<T>;
      const T* in = pass.inputs[0];
      T* dx = pass.inputGradients[0];
      const std::size_t own = first * 3 * width * kLanes<T> + q;  // the block's queries
      this->shares(in, head, first, last, shares);
      if (drops(pass)) drop(pass, head, first, last, shares, left);
      kernels.lineProduct({last, each_, rows, 1, length, 1, width, 3 * width, 1}, T(1), left, dy, adds, dx + v);
      kernels.lineProduct({rows, last, each_, width, 1, 3 * width, 1, length, 1}, T(1), dy, in + v, 0, changes);
      if (drops(pass)) drop(pass, head, first, last, changes, changes);
      for (std::size_t i = 0; i < rows; ++i) {
        T* line = changes + i * length * kLanes<T>;
        kernels.layers.softmaxGradient(shares + i * length * kLanes<T>, line, 1, last, line);
      }
      kernels.lineProduct({rows, each_, last, length, 1, 1, 3 * width, 3 * width, 1}, scale, changes, in + k, 0,
                          dx + own);
      kernels.lineProduct({last, each_, rows, 1, length, 1, 3 * width, 3 * width, 1}, scale, changes, in + own, adds,
                          dx + k);
    }
  }
}

template class CausalAttention<float>;
template class CausalAttention<double>;

}  // namespace qrkd::network
