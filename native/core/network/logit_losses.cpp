#include "logit_losses.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

namespace qrkd::network {
namespace {

// Writes exp(z / T - max) of one row. log softmax(z / T) is z / T - logSum, softmax itself exp * inverse.
struct Softmax {
  double logSum, inverse;

  Softmax(const double* logits, std::size_t classes, double temperature, double* exponentials) {
    const double largest = *std::max_element(logits, logits + classes) / temperature;
    double sum = 0;
    for (std::size_t c = 0; c < classes; ++c) {
      exponentials[c] = std::exp(logits[c] / temperature - largest);
      sum += exponentials[c];
    }
    logSum = std::log(sum) + largest;
    inverse = 1 / sum;
  }
};

}  // namespace

double crossEntropyLoss(const double* logits, const std::int32_t* labels, std::size_t samples, std::size_t classes,
                        double* gradient) {
  const double n = static_cast<double>(samples);
  double loss = 0;
  for (std::size_t i = 0; i < samples; ++i, logits += classes, gradient += classes) {
    if (labels[i] < 0 || static_cast<std::size_t>(labels[i]) >= classes) {
      throw std::invalid_argument("label " + std::to_string(labels[i]) + " is none of the " + std::to_string(classes) +
                                  " classes");
    }
    const auto label = static_cast<std::size_t>(labels[i]);
    const Softmax softmax(logits, classes, 1, gradient);
    loss += softmax.logSum - logits[label];
    for (std::size_t c = 0; c < classes; ++c) gradient[c] *= softmax.inverse / n;
    gradient[label] -= 1 / n;
  }
  return loss / n;
}

double distillationLoss(const double* student, const double* teacher, double temperature, std::size_t samples,
                        std::size_t classes, double* gradient, double* wanted) {
  const double n = static_cast<double>(samples);
  double loss = 0;
  for (std::size_t i = 0; i < samples; ++i, student += classes, teacher += classes, gradient += classes) {
    const Softmax s(student, classes, temperature, gradient), t(teacher, classes, temperature, wanted);
    for (std::size_t c = 0; c < classes; ++c) {
      const double p = wanted[c] * t.inverse;
      // A class that the teacher rules out (p underflows to 0) adds nothing, also where its log is -infinity.
      if (p > 0) loss += p * ((teacher[c] - student[c]) / temperature - (t.logSum - s.logSum));
      gradient[c] = temperature * (gradient[c] * s.inverse - p) / n;
    }
  }
  return temperature * temperature * loss / n;
}

}  // namespace qrkd::network
