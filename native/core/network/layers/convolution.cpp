#include "convolution.h"

#include <algorithm>
#include <numeric>
#include <stdexcept>

#include "../../isa.h"

namespace qrkd::network {
namespace {

// What one output coordinate adds up: input coordinates and the places of their taps, by place.
struct Tap {
  int input, place;
};

void appendRuns(const std::vector<Tap>& taps, bool merge, std::vector<int>& starts, std::vector<TapRun>& runs) {
  if (starts.empty()) starts.push_back(0);
  const std::size_t begin = runs.size();
  for (const Tap& tap : taps) {
    if (merge && runs.size() > begin && runs.back().input + runs.back().count == tap.input &&
        runs.back().tap + runs.back().count == tap.place) {
      ++runs.back().count;
    } else {
      runs.push_back({tap.input, tap.place, 1});
    }
  }
  starts.push_back(static_cast<int>(runs.size()));
}

std::vector<Tap> forwardTaps(int o, int in, int kernel, int stride, int dilation, int pad) {
  std::vector<Tap> taps;
  for (int k = 0; k < kernel; ++k) {
    const int i = o * stride - pad + k * dilation;
    if (i >= 0 && i < in) taps.push_back({i, k});
  }
  return taps;
}

// Output coordinates that input coordinate i went to; `order`: the tap at each place.
std::vector<Tap> backwardTaps(int i, int out, const std::vector<int>& order, int stride, int dilation, int pad) {
  std::vector<Tap> taps;
  for (std::size_t place = 0; place < order.size(); ++place) {
    const int at = i + pad - order[place] * dilation;
    if (at >= 0 && at % stride == 0 && at / stride < out) taps.push_back({at / stride, static_cast<int>(place)});
  }
  return taps;
}

// Bytes of both operands of a gradient's tile that should stay in L1, and lines of them at a pixel.
constexpr std::size_t kL1Bytes = 24 * 1024;
constexpr std::size_t kTileLines = 7;

}  // namespace

TapRange tapRange(int k, int in, int out, int stride, int dilation, int pad) {
  TapRange range{out, 0, k * dilation - pad, stride};
  for (int o = 0; o < out; ++o) {
    const int i = o * stride + range.offset;
    if (i < 0 || i >= in) continue;
    range.first = std::min(range.first, o);
    range.last = o + 1;
  }
  if (range.last == 0) range.first = 0;
  return range;
}

Window readWindow(const NodeSpec& node, const std::string& prefix) {
  const auto dilation = [&](const char* key) { return node.numbers.count(key) != 0 ? node.integer(key) : 1; };
  const Window window{node.integer(prefix + "Height"), node.integer(prefix + "Width"), node.integer("strideY"),
                      node.integer("strideX"),         dilation("dilationY"),          dilation("dilationX"),
                      node.integer("padTop"),          node.integer("padLeft"),        node.integer("outHeight"),
                      node.integer("outWidth")};
  for (int v : {window.kernelHeight, window.kernelWidth, window.strideY, window.strideX, window.dilationY,
                window.dilationX, window.outHeight, window.outWidth}) {
    if (v < 1) throw std::invalid_argument(node.kind + ": sizes of windows must be at least 1");
  }
  if (window.padTop < 0 || window.padLeft < 0) throw std::invalid_argument(node.kind + ": negative padding");
  return window;
}

void TapTables::group() {
  const auto same = [&](int a, int b, int step) {
    const int count = columnStarts[a + 1] - columnStarts[a];
    if (columnStarts[b + 1] - columnStarts[b] != count) return false;
    for (int c = 0; c < count; ++c) {
      const TapRun &left = columns[columnStarts[a] + c], &right = columns[columnStarts[b] + c];
      if (left.tap != right.tap || left.count != right.count || right.input - left.input != step) return false;
    }
    return true;
  };
  const int width = static_cast<int>(columnStarts.size()) - 1;
  for (int x = 0; x < width;) {
    PixelGroup group{x, 1, 0};
    const bool any =
        x + 1 < width && columnStarts[x + 1] > columnStarts[x] && columnStarts[x + 2] > columnStarts[x + 1];
    if (any) group.step = columns[columnStarts[x + 1]].input - columns[columnStarts[x]].input;
    while (any && x + group.count < width && same(x + group.count - 1, x + group.count, group.step)) ++group.count;
    groups.push_back(group);
    x += group.count;
  }
}

TapTables TapTables::forward(const Window& w, int inHeight, int inWidth) {
  TapTables tables;
  tables.columnOrder.resize(static_cast<std::size_t>(w.kernelWidth));
  std::iota(tables.columnOrder.begin(), tables.columnOrder.end(), 0);
  for (int y = 0; y < w.outHeight; ++y) {
    appendRuns(forwardTaps(y, inHeight, w.kernelHeight, w.strideY, w.dilationY, w.padTop), false, tables.rowStarts,
               tables.rows);
  }
  for (int x = 0; x < w.outWidth; ++x) {
    appendRuns(forwardTaps(x, inWidth, w.kernelWidth, w.strideX, w.dilationX, w.padLeft), true, tables.columnStarts,
               tables.columns);
  }
  tables.group();
  return tables;
}

TapTables TapTables::backward(const Window& w, int inHeight, int inWidth) {
  TapTables tables;
  std::vector<int> rowOrder(static_cast<std::size_t>(w.kernelHeight));
  std::iota(rowOrder.begin(), rowOrder.end(), 0);
  // Taps that meet neighbouring outputs at the same input: every stride-th, the last first.
  for (int residue = 0; residue < w.strideX; ++residue) {
    for (int k = w.kernelWidth - 1; k >= 0; --k) {
      if (k % w.strideX == residue) tables.columnOrder.push_back(k);
    }
  }
  for (int y = 0; y < inHeight; ++y) {
    appendRuns(backwardTaps(y, w.outHeight, rowOrder, w.strideY, w.dilationY, w.padTop), false, tables.rowStarts,
               tables.rows);
  }
  for (int x = 0; x < inWidth; ++x) {
    appendRuns(backwardTaps(x, w.outWidth, tables.columnOrder, w.strideX, w.dilationX, w.padLeft), true,
               tables.columnStarts, tables.columns);
  }
  tables.group();
  return tables;
}

template <class T>
Convolution<T>::Convolution(const NodeSpec& node, Shape input, std::vector<Weight<T>*> weights)
    : input_(input),
      output_{node.integer("outHeight"), node.integer("outWidth"), node.integer("filters")},
      window_(readWindow(node, "kernel")),
      relu_(node.number("relu") != 0),
      weights_(std::move(weights)),
      forwardTables_(TapTables::forward(window_, input.height, input.width)),
      backwardTables_(TapTables::backward(window_, input.height, input.width)) {
  const std::size_t taps =
      static_cast<std::size_t>(window_.kernelHeight) * static_cast<std::size_t>(window_.kernelWidth);
  const std::size_t kernel =
      taps * static_cast<std::size_t>(input_.channels) * static_cast<std::size_t>(output_.channels);
  if (weights_.empty() || weights_.size() > 2 || weights_[0]->value.size() != kernel ||
      (weights_.size() == 2 && weights_[1]->value.size() != static_cast<std::size_t>(output_.channels))) {
    throw std::invalid_argument("conv2d: weights do not fit the kernel's size");
  }
  for (int k = 0; k < window_.kernelHeight; ++k) {
    gradientRows_.push_back(
        tapRange(k, input.height, output_.height, window_.strideY, window_.dilationY, window_.padTop));
  }
  for (int k = 0; k < window_.kernelWidth; ++k) {
    gradientColumns_.push_back(
        tapRange(k, input.width, output_.width, window_.strideX, window_.dilationX, window_.padLeft));
  }
}

template <class T>
double Convolution<T>::flops() const {
  return 2.0 * static_cast<double>(output_.pixels()) * static_cast<double>(weights_[0]->value.size()) * kLanes<T>;
}

template <class T>
ConvolutionPlan Convolution<T>::plan(const TapTables& tables, const Shape& from, const Shape& to) const {
  ConvolutionPlan plan;
  plan.inWidth = from.width;
  plan.inChannels = from.channels;
  plan.outHeight = to.height;
  plan.outWidth = to.width;
  plan.outChannels = to.channels;
  plan.kernelWidth = window_.kernelWidth;
  plan.kernelSize = static_cast<std::size_t>(window_.kernelHeight) * static_cast<std::size_t>(window_.kernelWidth);
  plan.rowStarts = tables.rowStarts.data();
  plan.rows = tables.rows.data();
  plan.columnStarts = tables.columnStarts.data();
  plan.columns = tables.columns.data();
  plan.groups = tables.groups.data();
  plan.groupCount = static_cast<int>(tables.groups.size());
  return plan;
}

// [tile][ky][place of kx][channel summed over][channel in tile]
template <class T>
void Convolution<T>::pack(const TapTables& tables, bool backward, std::vector<T>& out) const {
  const std::vector<T>& kernel = weights_[0]->value;
  const int ins = input_.channels, outs = output_.channels;
  const int summed = backward ? outs : ins, produced = backward ? ins : outs;
  const std::size_t summedStride = backward ? 1 : static_cast<std::size_t>(outs);
  const std::size_t producedStride = backward ? static_cast<std::size_t>(outs) : 1;
  out.resize(kernel.size());
  T* to = out.data();
  const int tiles = (produced + packedTile_ - 1) / packedTile_;
  for (int t = 0, first = 0; t < tiles; ++t) {
    const int width = produced / tiles + (t < produced % tiles ? 1 : 0);
    for (int ky = 0; ky < window_.kernelHeight; ++ky) {
      for (const int kx : tables.columnOrder) {
        const T* tap = kernel.data() + static_cast<std::size_t>(ky * window_.kernelWidth + kx) *
                                           static_cast<std::size_t>(ins) * static_cast<std::size_t>(outs);
        for (int c = 0; c < summed; ++c) {
          const T* from =
              tap + static_cast<std::size_t>(c) * summedStride + static_cast<std::size_t>(first) * producedStride;
          for (int j = 0; j < width; ++j) *to++ = from[static_cast<std::size_t>(j) * producedStride];
        }
      }
    }
    first += width;
  }
}

template <class T>
void Convolution<T>::weightsChanged() {
  packedTile_ = networkKernels<T>().tile;
  pack(forwardTables_, false, packedForward_);
  pack(backwardTables_, true, packedBackward_);
}

template <class T>
void Convolution<T>::forward(const PanelPass<T>& pass) {
  networkKernels<T>().convolve(plan(forwardTables_, input_, output_), pass.inputs[0], packedForward_.data(),
                               weights_.size() == 2 ? weights_[1]->value.data() : nullptr, relu_, nullptr, pass.output);
}

template <class T>
void Convolution<T>::backward(const PanelPass<T>& pass) {
  const NetworkTable<T>& kernels = networkKernels<T>();
  if (relu_ && !pass.masked) kernels.reluMask(pass.output, output_.size() * kLanes<T>, pass.outputGradient);
  if (pass.weightGradients[0] != nullptr) {
    KernelGradientPlan plan;
    plan.inWidth = input_.width;
    plan.inChannels = input_.channels;
    plan.outHeight = output_.height;
    plan.outWidth = output_.width;
    plan.outChannels = output_.channels;
    plan.kernelHeight = window_.kernelHeight;
    plan.kernelWidth = window_.kernelWidth;
    plan.rows = gradientRows_.data();
    plan.columns = gradientColumns_.data();
    plan.rowsAtOnce =
        std::max(1, static_cast<int>(kL1Bytes / (kTileLines * kAlignment * static_cast<std::size_t>(output_.width))));
    kernels.kernelGradient(plan, pass.inputs[0], pass.outputGradient, pass.weightGradients[0]);
  }
  if (weights_.size() == 2 && pass.weightGradients[1] != nullptr) {
    kernels.biasGradient(pass.outputGradient, output_.pixels(), static_cast<std::size_t>(output_.channels),
                         pass.weightGradients[1]);
  }
  if (pass.inputGradients[0] != nullptr) {
    kernels.convolve(plan(backwardTables_, output_, input_), pass.outputGradient, packedBackward_.data(), nullptr, 0,
                     pass.inputRectified ? pass.inputs[0] : nullptr, pass.inputGradients[0]);
  }
}

template class Convolution<float>;
template class Convolution<double>;

}  // namespace qrkd::network
