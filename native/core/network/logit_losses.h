// Losses on logits: cross-entropy with labels, distillation of a teacher's.
#pragma once

#include <cstddef>
#include <cstdint>

namespace qrkd::network {

/// Cross-entropy of the labels under softmax(logits), in nats, averaged over the batch; gradient (softmax - onehot) /
/// n. logits, gradient: [samples][classes]. Throws std::invalid_argument for a label that is no class.
double crossEntropyLoss(const double* logits, const std::int32_t* labels, std::size_t samples, std::size_t classes,
                        double* gradient);

/// Hinton, Vinyals, Dean 2015: T^2 KL(softmax(t/T) || softmax(s/T)), in nats, averaged over the batch; gradient
/// T (softmax(s/T) - softmax(t/T)) / n. All [samples][classes]; scratch: [classes].
double distillationLoss(const double* student, const double* teacher, double temperature, std::size_t samples,
                        std::size_t classes, double* gradient, double* scratch);

}  // namespace qrkd::network
