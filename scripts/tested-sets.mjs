// One line that says which instruction sets the native tests covered, and how: the last line of CI.
import { checkedSets, FOLDERS } from './ctest.mjs';

const names = (sets) => [...new Set(sets.map(({ name }) => name))].join(', ');
const native = checkedSets(FOLDERS.native);
const neon = checkedSets(FOLDERS.neon).filter(({ name }) => name === 'neon');
const emulated = native.filter(
  (set) => set.emulated && !native.some((other) => other.name === set.name && !other.emulated),
);
const tested = [...native, ...neon].map(({ name }) => name);
const missing = ['scalar', 'avx2', 'avx512', 'neon'].filter((name) => !tested.includes(name));

const parts = [`on this processor: ${names(native.filter((set) => !set.emulated)) || 'none'}`];
if (emulated.length > 0) parts.push(`translated by SIMDe: ${names(emulated)}`);
if (neon.length > 0) parts.push('under qemu-aarch64: neon');
if (missing.length > 0) parts.push(`not tested: ${missing.join(', ')}`);
process.stdout.write(`instruction sets tested ${parts.join('; ')}\n`);
