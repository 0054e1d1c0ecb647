// The snippets of the README's section on kernels run, one after the other as it says, and its drawing is what is drawn.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = new URL('../../../', import.meta.url);
const readme = readFileSync(new URL('README.md', root), 'utf8');
const kernels = readme.slice(readme.indexOf('\n### Kernels'), readme.indexOf('\n### Distillation'));
const folder = mkdtempSync(join(tmpdir(), 'qrkd-readme-'));
// Beside the compiled tests, where 'qrkd' is this package.
const program = fileURLToPath(new URL(`readme-${process.pid}.mjs`, import.meta.url));

after(() => {
  rmSync(folder, { recursive: true });
  rmSync(program, { force: true });
});

describe('README, Kernels', () => {
  it('the snippets run and leave their files; the drawing is that of the circuit', async () => {
    const snippets = [...kernels.matchAll(/^```js\n(.*?)^```$/gms)].map(([, code]) => code);
    const [, drawing] = /^```\n( +┌.*?)^```$/ms.exec(kernels)!;
    assert.ok(snippets.length > 5);
    writeFileSync(program, `${snippets.join('\n')}\nprocess.stdout.write(own.draw());\n`);
    const { stdout } = await promisify(execFile)(process.execPath, [program], { cwd: folder });
    const lines = (text: string) => text.split('\n').map((line) => line.trimEnd());
    assert.deepEqual(lines(stdout.trimEnd()), lines(drawing.trimEnd()));
    for (const file of ['K.npy', 'bandwidth.svg']) assert.ok(existsSync(join(folder, file)), file);
  });
});
