import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

// The package as users get it: packed, installed into an empty folder with the README's commands, and used from there.
export const root = fileURLToPath(new URL('../../../', import.meta.url));
export const work = mkdtempSync(join(tmpdir(), 'qrkd-package-'));
export const project = join(work, 'project');

/** Runs a program in the user's project; a failure shows all of its output. */
export async function run(command: string, args: string[], cwd = project): Promise<{ stdout: string; stderr: string }> {
  // Where CI compiles through ccache, the objects of the checkout serve here, too: paths below this folder do not count.
  const env: NodeJS.ProcessEnv = { ...process.env, CCACHE_BASEDIR: work };
  // npm and node:test talk to their children through these; a user's shell has none of them.
  for (const name of Object.keys(env)) if (/^npm_|^NODE_TEST_CONTEXT$|^INIT_CWD$/.test(name)) delete env[name];
  try {
    return await promisify(execFile)(command, args, { cwd, env, maxBuffer: 2 ** 26 });
  } catch (error) {
    const { message, stdout, stderr } = error as { message: string; stdout: string; stderr: string };
    throw new Error(`${message}\n${stdout}\n${stderr}`);
  }
}

let packed: string;
/** The packed package; made before the first test. */
export const tarball = (): string => packed;

before(async () => {
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', work], root);
  // npm 12 answers with an object by package name, earlier ones with a list.
  const [made] = Object.values(
    JSON.parse(stdout.slice(stdout.search(/^[[{]/m))) as Record<string, { filename: string }>,
  );
  packed = join(work, made!.filename);
  mkdirSync(project);
});
after(() => rmSync(work, { recursive: true, force: true }));
