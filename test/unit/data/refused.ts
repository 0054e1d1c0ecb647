import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';

/** A folder for a test file, removed at its end; the function gives a new place in it at every call. */
export function scratch(): () => string {
  const root = mkdtempSync(join(tmpdir(), 'qrkd-data-'));
  after(() => rmSync(root, { recursive: true, force: true }));
  let count = 0;
  return () => join(root, `set${count++}`);
}

/** Asserts one line of an error with this code. */
export function refuses(work: () => unknown, code: string, message: RegExp): void {
  assert.throws(work, (error: Error & { code: string }) => {
    assert.match(error.message, message);
    assert.equal(error.code, code);
    assert.ok(!error.message.includes('\n'));
    return true;
  });
}

/** The same of a promise. */
export async function refusesLater(work: Promise<unknown>, code: string, message: RegExp): Promise<void> {
  const [result] = await Promise.allSettled([work]);
  refuses(
    () => {
      if (result.status === 'rejected') throw result.reason;
    },
    code,
    message,
  );
}
