import { type Progress, startProgress } from '../progress.js';
import type { MatrixFile } from '../tiles/matrixFile.js';
import type { WriteOptions } from '../tiles/writeTiles.js';

const MB = 1e6;

/**
 * Runs what writes a large matrix, with a bar on stderr. Ctrl-C stops it so that the same command goes on from there; a second
 * one ends the process at once.
 */
export async function withFileProgress(
  label: string,
  write: (options: WriteOptions) => Promise<MatrixFile>,
): Promise<MatrixFile> {
  const controller = new AbortController();
  const interrupt = () => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort(new Error('interrupted; what is finished is kept, the same command goes on from there'));
  };
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  let progress: Progress | undefined;
  let earlier = 0;
  try {
    return await write({
      signal: controller.signal,
      onProgress(fraction, { totalBytes }) {
        if (!progress) {
          // Only what is left counts: the time that earlier runs took is unknown.
          earlier = fraction;
          progress = startProgress(label, Math.max(1, Math.round(((1 - earlier) * totalBytes) / MB)), { unit: 'MB' });
        }
        progress.update(
          Math.round(((fraction - earlier) * totalBytes) / MB),
          earlier > 0.01 ? `${Math.floor(100 * earlier)} % was there` : undefined,
        );
      },
    });
  } finally {
    progress?.stop();
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }
}
