// Any numbers as samples of the relational losses: no bad access, and where the numbers are of ordinary size a finite
// loss and gradient.
#include <fuzzer/FuzzedDataProvider.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "../core/relational.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace qrkd;
  FuzzedDataProvider data(bytes, size);
  const std::size_t n = data.ConsumeIntegralInRange<int>(1, 20);
  const std::size_t f = data.ConsumeIntegralInRange<int>(1, 5), g = data.ConsumeIntegralInRange<int>(1, 5);
  bool ordinary = true;
  // Few different numbers, so that samples coincide.
  const auto samples = [&](std::size_t columns) {
    std::vector<double> few(data.ConsumeIntegralInRange<int>(1, 6)), all(n * columns);
    for (double& v : few) {
      v = data.ConsumeBool() ? data.ConsumeFloatingPointInRange<double>(-5, 5) : data.ConsumeFloatingPoint<double>();
      if (!std::isfinite(v)) v = 0;
      ordinary = ordinary && (v == 0 || (std::abs(v) < 1e6 && std::abs(v) > 1e-6));
    }
    for (double& v : all) v = few[data.ConsumeIntegralInRange<std::size_t>(0, few.size() - 1)];
    return all;
  };
  const auto x = samples(f), t = samples(g);
  for (const auto loss : {distanceLoss, angleLoss}) {
    Job job;
    std::vector<double> gradient(n * f);
    const double value = loss({x.data(), n, f}, {t.data(), n, g}, gradient.data(), job);
    bool finite = std::isfinite(value);
    for (const double v : gradient) finite = finite && std::isfinite(v);
    if (ordinary && !finite) {
      std::fprintf(stderr, "%s is not finite\n", loss == distanceLoss ? "distanceLoss" : "angleLoss");
      std::abort();
    }
  }
  return 0;
}
