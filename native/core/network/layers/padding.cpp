#include "padding.h"

#include <algorithm>
#include <stdexcept>

namespace qrkd::network {

template <class T>
ZeroPadding<T>::ZeroPadding(const NodeSpec& node, Shape input, const std::vector<Weight<T>*>&)
    : input_(input), output_(input), top_(node.integer("top")), left_(node.integer("left")) {
  const int bottom = node.integer("bottom"), right = node.integer("right");
  if (std::min({top_, bottom, left_, right}) < 0) throw std::invalid_argument("zeroPadding2d: negative padding");
  output_.height += top_ + bottom;
  output_.width += left_ + right;
}

template <class T>
std::size_t ZeroPadding<T>::row() const {
  return static_cast<std::size_t>(input_.width) * static_cast<std::size_t>(input_.channels) * kLanes<T>;
}

template <class T>
std::size_t ZeroPadding<T>::place(int y) const {
  return (static_cast<std::size_t>(y + top_) * static_cast<std::size_t>(output_.width) +
          static_cast<std::size_t>(left_)) *
         static_cast<std::size_t>(input_.channels) * kLanes<T>;
}

template <class T>
void ZeroPadding<T>::forward(const PanelPass<T>& pass) {
  T* next = pass.output;
  for (int y = 0; y < input_.height; ++y) {
    std::fill(next, pass.output + place(y), T(0));
    next = std::copy_n(pass.inputs[0] + static_cast<std::size_t>(y) * row(), row(), pass.output + place(y));
  }
  std::fill(next, pass.output + output_.size() * kLanes<T>, T(0));
}

template <class T>
void ZeroPadding<T>::backward(const PanelPass<T>& pass) {
  if (pass.inputGradients[0] == nullptr) return;
  for (int y = 0; y < input_.height; ++y) {
    std::copy_n(pass.outputGradient + place(y), row(), pass.inputGradients[0] + static_cast<std::size_t>(y) * row());
  }
}

template class ZeroPadding<float>;
template class ZeroPadding<double>;

}  // namespace qrkd::network
