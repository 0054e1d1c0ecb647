// The loss that compares hidden states token by token, in the lanes of the network's panels.
#pragma once

#include "objective.h"
#include "token_loss.h"

namespace qrkd::network {

/// 1 - cosine of a token's state and the teacher's, averaged over the tokens that count (src/losses/hidden.ts). Writes
/// the gradient of `output` {.., t, d}, times `weight`; it may take the output's place. `batch`: the teacher's states,
/// [token][d]; labels null: all tokens count.
template <class T>
TermResult hiddenLoss(Network<T>& network, std::size_t output, const TokenBatch& batch, double weight, Job& job);

}  // namespace qrkd::network
