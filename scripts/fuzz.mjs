// Fuzzes the native code with libFuzzer and the readers of files and texts with seeded damages: `npm run fuzz [-- --seconds 60]`
// (for each native target). Needs Clang with libFuzzer (Debian: apt-get install clang).
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { firstWorking, run, say } from './run.mjs';

const CASES = 50_000;
const root = fileURLToPath(new URL('..', import.meta.url));
const folder = 'build/fuzz';
const { values } = parseArgs({ options: { seconds: { type: 'string', default: '60' } } });

/** Whether a program succeeded; its output is shown. */
function succeeds(command, args, env = process.env) {
  return spawnSync(command, args, { cwd: root, env, stdio: 'inherit' }).status === 0;
}

async function build() {
  const compiler = await firstWorking([['clang++'], ['clang++-14']]);
  if (!compiler) throw new Error('no clang++ found (Debian: apt-get install clang)');
  const settings = ['CMAKE_BUILD_TYPE=Release', 'QRKD_FUZZ=ON', `CMAKE_CXX_COMPILER=${compiler[0]}`];
  await run('cmake', ['-S', '.', '-B', folder, ...settings.map((setting) => `-D${setting}`)], { cwd: root });
  const jobs = String(availableParallelism());
  await run('cmake', ['--build', folder, '--parallel', jobs], { cwd: root, what: 'building the fuzz targets' });
}

try {
  await build();
  const targets = readdirSync(`${root}/native/fuzz`).filter((file) => file.endsWith('.cpp'));
  for (const target of targets.map((file) => file.replace('.cpp', ''))) {
    const corpus = `${folder}/corpus/${target}`;
    mkdirSync(`${root}/${corpus}`, { recursive: true });
    say(`fuzzing ${target} for ${values.seconds} s`);
    const limits = [`-max_total_time=${values.seconds}`, '-max_len=2048', '-timeout=20', '-print_final_stats=1'];
    if (!succeeds(`${root}/${folder}/native/fuzz/fuzz_${target}`, [corpus, ...limits, `-artifact_prefix=${folder}/`])) {
      throw new Error(`${target} failed; the input is in ${folder}/`);
    }
  }
  say(`${CASES} damaged inputs for each reader`);
  const tests = readdirSync(`${root}/test`, { recursive: true }).filter((file) =>
    /(damaged|mutations)\w*\.test\.ts$/i.test(file),
  );
  await run('npm', ['run', 'build:test'], { cwd: root, what: 'building the tests' });
  const compiled = tests.map((file) => `dist-test/test/${file.replace(/\.ts$/, '.js')}`);
  const env = { ...process.env, QRKD_FUZZ_CASES: String(CASES) };
  if (!succeeds(process.execPath, ['--test', ...compiled], env)) throw new Error('a reader failed');
} catch (error) {
  say(`fuzz: ${error.message}${error.output ? `\n${error.output}` : ''}`);
  process.exitCode = 1;
}
