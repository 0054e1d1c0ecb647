#include "batch_normalization.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "../../isa.h"

namespace qrkd::network {
namespace {

std::size_t lanesOf(std::size_t panel, std::size_t samples, std::size_t lanes) {
  return std::min(lanes, samples - panel * lanes);
}

}  // namespace

template <class T>
BatchNormalization<T>::BatchNormalization(const NodeSpec& node, Shape input, const std::vector<Weight<T>*>& weights)
    : shape_(input), epsilon_(node.number("epsilon")), momentum_(node.number("momentum")) {
  const bool scale = node.number("scale") != 0, center = node.number("center") != 0;
  if (weights.size() != 2U + scale + center ||
      std::any_of(weights.begin(), weights.end(), [&](auto* w) { return w->value.size() != channels(); })) {
    throw std::invalid_argument("batchNormalization: weights do not fit the channels");
  }
  std::size_t next = 0;
  if (scale) gamma_ = weights[next++];
  if (center) beta_ = weights[next++];
  movingMean_ = weights[next++];
  movingVariance_ = weights[next];
  for (Affine* affine : {&inference_, &training_}) {
    for (auto* values : {&affine->mean, &affine->scale, &affine->shift}) values->resize(channels());
  }
  for (auto* values : {&mean_, &variance_, &inverse_}) values->resize(channels());
  deviationFactor_.resize(channels());
  constant_.resize(channels());
}

template <class T>
double BatchNormalization<T>::flops() const {
  return 8.0 * static_cast<double>(shape_.size()) * kLanes<T>;
}

template <class T>
void BatchNormalization<T>::prepare(std::size_t panels) {
  statistics_.resize(panels * 2 * channels());
  gradients_.resize(panels * 2 * channels());
}

template <class T>
void BatchNormalization<T>::weightsChanged() {
  for (std::size_t c = 0; c < channels(); ++c) {
    inference_.mean[c] = movingMean_->value[c];
    inference_.scale[c] =
        static_cast<T>(gamma(c) / std::sqrt(static_cast<double>(movingVariance_->value[c]) + epsilon_));
    inference_.shift[c] = beta(c);
  }
}

template <class T>
void BatchNormalization<T>::forwardStatistics(const PanelPass<T>& pass) {
  // Two passes over the panel, the second around its mean: nothing is lost where the mean is far from 0.
  const double count = static_cast<double>(shape_.pixels()) * pass.lanes;
  double* mean = part(statistics_, pass.panel, 0);
  double* squares = part(statistics_, pass.panel, 1);
  networkKernels<T>().layers.channelSums(pass.inputs[0], shape_.pixels(), channels(), pass.lanes, mean);
  T* pivot = pass.scratch;
  for (std::size_t c = 0; c < channels(); ++c) {
    mean[c] /= count;
    pivot[c] = static_cast<T>(mean[c]);
  }
  networkKernels<T>().layers.channelSquares(pass.inputs[0], pivot, shape_.pixels(), channels(), pass.lanes, squares);
}

template <class T>
void BatchNormalization<T>::combineForward(const StepContext& context) {
  // Chan, Golub and LeVeque 1979, in the panels' order.
  const std::size_t panels = panelCount<T>(context.samples);
  for (std::size_t c = 0; c < channels(); ++c) {
    double count = 0, mean = 0, squares = 0;
    for (std::size_t p = 0; p < panels; ++p) {
      const double more = static_cast<double>(shape_.pixels() * lanesOf(p, context.samples, kLanes<T>));
      const double difference = part(statistics_, p, 0)[c] - mean;
      mean += difference * more / (count + more);
      squares += part(statistics_, p, 1)[c] + difference * difference * count * more / (count + more);
      count += more;
    }
    mean_[c] = mean;
    variance_[c] = squares / count;
    inverse_[c] = 1 / std::sqrt(variance_[c] + epsilon_);
    training_.mean[c] = static_cast<T>(mean);
    training_.scale[c] = static_cast<T>(gamma(c) * inverse_[c]);
    training_.shift[c] = beta(c);
  }
  fresh_ = true;
}

template <class T>
void BatchNormalization<T>::forward(const PanelPass<T>& pass) {
  const Affine& affine = pass.context->training ? training_ : inference_;
  networkKernels<T>().layers.channelAffine(pass.inputs[0], affine.mean.data(), affine.scale.data(), affine.shift.data(),
                                           shape_.pixels(), channels(), pass.output);
}

template <class T>
void BatchNormalization<T>::backwardStatistics(const PanelPass<T>& pass) {
  networkKernels<T>().layers.channelProducts(pass.inputs[0], training_.mean.data(), pass.outputGradient,
                                             shape_.pixels(), channels(), pass.lanes, part(gradients_, pass.panel, 0),
                                             part(gradients_, pass.panel, 1));
}

// With n = (x - mean) inverse: dx = gamma inverse (dy - mean(dy) - n mean(dy n)).
template <class T>
void BatchNormalization<T>::combineBackward(const StepContext& context) {
  const std::size_t panels = panelCount<T>(context.samples);
  const double count = static_cast<double>(shape_.pixels() * context.samples);
  for (std::size_t c = 0; c < channels(); ++c) {
    double sum = 0, product = 0;
    for (std::size_t p = 0; p < panels; ++p) {
      sum += part(gradients_, p, 0)[c];
      product += part(gradients_, p, 1)[c];
    }
    const double scale = gamma(c) * inverse_[c];
    deviationFactor_[c] = static_cast<T>(-scale * inverse_[c] * inverse_[c] * product / count);
    constant_[c] = static_cast<T>(-scale * sum / count);
  }
}

template <class T>
void BatchNormalization<T>::backward(const PanelPass<T>& pass) {
  std::size_t own = 0;
  for (const bool isGamma : {true, false}) {
    if ((isGamma ? gamma_ : beta_) == nullptr) continue;
    T* gradient = pass.weightGradients[own++];
    if (gradient == nullptr) continue;
    const double* sums = part(gradients_, pass.panel, isGamma ? 1 : 0);
    for (std::size_t c = 0; c < channels(); ++c) {
      gradient[c] += static_cast<T>(isGamma ? sums[c] * inverse_[c] : sums[c]);
    }
  }
  T* gradient = pass.inputGradients[0];
  if (gradient == nullptr) return;
  networkKernels<T>().layers.channelAffineGradient(pass.inputs[0], training_.mean.data(), pass.outputGradient,
                                                   training_.scale.data(), deviationFactor_.data(), constant_.data(),
                                                   shape_.pixels(), channels(), gradient);
  // The batch's part of the gradient reached the padding too; layers before this one sum over all lanes.
  for (std::size_t k = 0; pass.lanes < kLanes<T> && k < shape_.size(); ++k) {
    std::fill(gradient + k * kLanes<T> + pass.lanes, gradient + (k + 1) * kLanes<T>, T(0));
  }
}

template <class T>
void BatchNormalization<T>::stepTaken() {
  if (!fresh_) return;
  fresh_ = false;
  for (std::size_t c = 0; c < channels(); ++c) {
    T &mean = movingMean_->value[c], &variance = movingVariance_->value[c];
    mean = static_cast<T>(mean - (mean - mean_[c]) * (1 - momentum_));
    variance = static_cast<T>(variance - (variance - variance_[c]) * (1 - momentum_));
  }
}

template class BatchNormalization<float>;
template class BatchNormalization<double>;

}  // namespace qrkd::network
