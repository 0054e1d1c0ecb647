#include "token_sampling.h"

#include <algorithm>
#include <cstdint>
#include <stdexcept>

#include "../../isa.h"

namespace qrkd::network {
namespace {

// MurmurHash3's finaliser: every bit of the result depends on all bits.
std::uint32_t finish(std::uint32_t h) {
  h = (h ^ (h >> 16)) * 0x85ebca6bU;
  h = (h ^ (h >> 13)) * 0xc2b2ae35U;
  return h ^ (h >> 16);
}

}  // namespace

template <class T>
TokenSampling<T>::TokenSampling(const NodeSpec& node, const std::vector<Shape>& inputs)
    : input_(inputs[0]), count_(node.integer("count")), padToken_(static_cast<T>(node.number("padToken"))) {
  if (count_ < 1 || inputs.size() != 2 || inputs[1].channels != 1 || inputs[1].pixels() != input_.pixels()) {
    throw std::invalid_argument("tokenSampling: the inputs must be values and one id for each of them");
  }
}

template <class T>
template <class Use>
void TokenSampling<T>::draw(const T* ids, Use use) const {
  const std::size_t length = input_.pixels();
  std::uint32_t hash = 0x811c9dc5U;
  std::size_t present = 0;
  for (std::size_t t = 0; t < length; ++t) {
    const T id = ids[t * kLanes<T>];
    if (id == padToken_) continue;
    ++present;
    hash = (hash ^ static_cast<std::uint32_t>(static_cast<std::int64_t>(id))) * 0x01000193U;
  }
  // `before` tokens that are no padding stand left of `place`.
  std::size_t place = 0, before = 0;
  for (int k = 0; k < count_; ++k) {
    if (present > 0) {
      const double share = k + finish(hash + static_cast<std::uint32_t>(k) * 0x9e3779b9U) / 4294967296.0;
      const auto wanted = std::min(
          present - 1, static_cast<std::size_t>(share * static_cast<double>(present) / static_cast<double>(count_)));
      while (before < wanted || ids[place * kLanes<T>] == padToken_) {
        if (ids[place * kLanes<T>] != padToken_) ++before;
        ++place;
      }
    }
    use(static_cast<std::size_t>(k), place);
  }
}

template <class T>
void TokenSampling<T>::forward(const PanelPass<T>& pass) {
  const auto line = static_cast<std::size_t>(input_.channels) * kLanes<T>;
  for (std::size_t lane = 0; lane < kLanes<T>; ++lane) {
    draw(pass.inputs[1] + lane, [&](std::size_t k, std::size_t place) {
      const T* from = pass.inputs[0] + place * line;
      T* to = pass.output + k * line;
      for (std::size_t c = lane; c < line; c += kLanes<T>) to[c] = from[c];
    });
  }
}

template <class T>
void TokenSampling<T>::backward(const PanelPass<T>& pass) {
  const auto line = static_cast<std::size_t>(input_.channels) * kLanes<T>;
  if (pass.inputGradients[0] != nullptr) {
    std::fill(pass.inputGradients[0], pass.inputGradients[0] + input_.pixels() * line, T(0));
    for (std::size_t lane = 0; lane < kLanes<T>; ++lane) {
      draw(pass.inputs[1] + lane, [&](std::size_t k, std::size_t place) {
        const T* from = pass.outputGradient + k * line;
        T* to = pass.inputGradients[0] + place * line;
        for (std::size_t c = lane; c < line; c += kLanes<T>) to[c] += from[c];
      });
    }
  }
  if (pass.inputGradients[1] != nullptr) {
    std::fill(pass.inputGradients[1], pass.inputGradients[1] + input_.pixels() * kLanes<T>, T(0));
  }
}

template class TokenSampling<float>;
template class TokenSampling<double>;

}  // namespace qrkd::network
