// The inner loops of network layers for one instruction set; included after template.inl, whose rules hold here too.
#include "network/convolution.inl"
#include "network/dense.inl"
#include "network/optimizer.inl"

template <class T>
static constexpr NetworkTable<T> makeNetworkTable() {
  return {kNetworkTile<T>, convolve<T>, kernelGradient<T>, biasGradient<T>,
          reluMask<T>,     dense<T>,    denseGradient<T>,  makeOptimizerTable<T>()};
}
