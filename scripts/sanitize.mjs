// Runs the native tests under AddressSanitizer with UBSan, then under ThreadSanitizer: `npm run sanitize`.
import { buildAndTest } from './ctest.mjs';
import { say } from './run.mjs';

for (const sanitizer of ['address,undefined', 'thread']) {
  say(`sanitizer: ${sanitizer}`);
  const folder = `build/sanitize-${sanitizer.replace(',', '-')}`;
  if (!(await buildAndTest(folder, ['QRKD_WERROR=ON', `QRKD_SANITIZE=${sanitizer}`]))) process.exit(1);
}
