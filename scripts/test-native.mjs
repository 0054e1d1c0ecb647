// Builds the native tests and runs them with ctest: `npm run test:native`.
import { buildAndTest, FOLDERS } from './ctest.mjs';

if (!(await buildAndTest(FOLDERS.native))) process.exitCode = 1;
