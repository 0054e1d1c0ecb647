// The inner loops of network layers for one instruction set; included after template.inl, whose rules hold here too.
#include "network/math.inl"

#include "network/activations.inl"
#include "network/convolution.inl"
#include "network/dense.inl"
#include "network/depthwise.inl"
#include "network/dropout.inl"
#include "network/merge.inl"
#include "network/normalization.inl"
#include "network/optimizer.inl"
#include "network/pointwise.inl"
#include "network/pooling.inl"
#include "network/product.inl"
#include "network/token_loss.inl"

template <class T>
static constexpr LayerTable<T> makeLayerTable() {
  return {activate<T>,
          activateGradient<T>,
          softmax<T>,
          softmaxGradient<T>,
          merge<T>,
          mergeGradient<T>,
          maxPool<T>,
          maxPoolGradient<T>,
          averagePool<T>,
          averagePoolGradient<T>,
          channelSums<T>,
          channelSquares<T>,
          channelProducts<T>,
          channelAffine<T>,
          channelAffineGradient<T>,
          layerNormalize<T>,
          layerNormalizeGradient<T>,
          dropout<T>,
          depthwise<T>,
          depthwiseInput<T>,
          depthwiseKernel<T>};
}

template <class T>
static constexpr NetworkTable<T> makeNetworkTable() {
  return {kNetworkTile<T>,     convolve<T>,          kernelGradient<T>,
          biasGradient<T>,     reluMask<T>,          dense<T>,
          denseGradient<T>,    pointwiseGradient<T>, lineProduct<T>,
          makeLayerTable<T>(), makeTokenTable<T>(),  makeOptimizerTable<T>()};
}
