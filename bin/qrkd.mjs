#!/usr/bin/env node
// The `qrkd` command. `qrkd setup` has to work before anything is built or loaded, so it is taken out first.
import { existsSync } from 'node:fs';

if (process.argv[2] === 'setup' && process.argv.length === 3) {
  await import('../scripts/setup.mjs');
} else {
  const main = new URL('../dist/cli/main.js', import.meta.url);
  if (existsSync(main)) {
    await (await import(main.href)).main(process.argv.slice(2));
  } else {
    process.stderr.write('qrkd: dist/ is missing: this checkout is not built yet; run `npm ci` or `npm run build`\n');
    process.exitCode = 1;
  }
}
