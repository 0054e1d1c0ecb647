/** An image in bytes, `[height][width][channels]`. */
export interface ByteImage {
  bytes: Uint8Array;
  height: number;
  width: number;
  channels: number;
}

/**
 * An image in another size by its box filter: a new pixel is the mean of what it covers of the old ones, weighted by area. So
 * nothing is skipped when images shrink, and pixels are repeated when they grow by a whole factor.
 */
export function resize(image: ByteImage, height: number, width: number): ByteImage {
  if (image.height === height && image.width === width) return image;
  const { channels } = image;
  const rows = overlaps(image.height, height);
  const columns = overlaps(image.width, width);
  const bytes = new Uint8Array(height * width * channels);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let channel = 0; channel < channels; channel++) {
        let sum = 0;
        for (const [oldY, rowWeight] of rows[y]) {
          for (const [oldX, weight] of columns[x]) {
            sum += rowWeight * weight * image.bytes[(oldY * image.width + oldX) * channels + channel];
          }
        }
        bytes[(y * width + x) * channels + channel] = Math.round(sum);
      }
    }
  }
  return { bytes, height, width, channels };
}

/** For each of `to` equal pieces of a length, which of its `from` pieces it covers, and the share of itself in each. */
function overlaps(from: number, to: number): [index: number, weight: number][][] {
  return Array.from({ length: to }, (_, piece) => {
    // In units of 1 / (from * to), where all borders are whole numbers.
    const [start, end] = [piece * from, (piece + 1) * from];
    const shares: [number, number][] = [];
    for (let old = Math.floor(start / to); old * to < end; old++) {
      shares.push([old, (Math.min(end, (old + 1) * to) - Math.max(start, old * to)) / from]);
    }
    return shares;
  });
}
