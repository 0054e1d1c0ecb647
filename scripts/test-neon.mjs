// Cross-compiles the native tests for AArch64 and runs them under QEMU: `npm run test:neon`. On an AArch64 machine
// `npm run test:native` is the same without emulation.
import { existsSync } from 'node:fs';
import { buildAndTest, FOLDERS } from './ctest.mjs';
import { firstWorking, say } from './run.mjs';

const target = 'aarch64-linux-gnu';
const sysroot = `/usr/${target}`;
const compiler = await firstWorking([[`${target}-g++`]]);
const emulator = await firstWorking([['qemu-aarch64'], ['qemu-aarch64-static']]);

if (!compiler || !emulator || !existsSync(sysroot)) {
  say(
    `NEON tests need ${target}-g++, its C library in ${sysroot} and qemu-aarch64 (Debian, Ubuntu: apt-get install g++-${target} qemu-user)`,
  );
  process.exitCode = 1;
} else {
  const settings = [
    'QRKD_WERROR=ON',
    'CMAKE_SYSTEM_NAME=Linux',
    'CMAKE_SYSTEM_PROCESSOR=aarch64',
    `CMAKE_CXX_COMPILER=${compiler[0]}`,
    `CMAKE_CROSSCOMPILING_EMULATOR=${emulator[0]};-L;${sysroot}`,
  ];
  if (!(await buildAndTest(FOLDERS.neon, settings))) process.exitCode = 1;
}
