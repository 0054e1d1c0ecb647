// Reading the description of a network, its loss and its optimizer.
#pragma once

#include <napi.h>

#include "../core/network/trainer.h"

namespace qrkd::addon {

template <class T>
std::shared_ptr<network::Trainer<T>> readTrainer(const Napi::Object& spec);

}  // namespace qrkd::addon
