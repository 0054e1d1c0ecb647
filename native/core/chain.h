// Chains of gates on one qubit: one 2 x 2 matrix a sample, and its gradient.
#pragma once

#include "compiler.h"

namespace qrkd {

/// Whether a chain's matrix is real (H, RY and X only).
bool isReal(const Chain& chain);

/// Whether a chain has an angle that depends on a sample or a parameter.
bool hasAngles(const Chain& chain);

/// matrix [row][column][re, im][lane] from angles [angle][lane], radians; lanes at most 16.
void chainMatrix(const Chain& chain, const double* angles, int lanes, double* matrix);

/// Adds d loss / d angle to dangles [angle][lane], from products [a][c][re, im][lane] = sum conj(lambda_a) psi_c with
/// lambda after and psi before the chain, and the chain's matrix; d loss = 2 Re <lambda|d psi>.
void chainGradient(const Chain& chain, const double* angles, const double* matrix, const double* products, int lanes,
                   double* dangles);

/// The adjoint of a matrix in that layout.
void adjoint(const double* matrix, int lanes, double* out);

}  // namespace qrkd
