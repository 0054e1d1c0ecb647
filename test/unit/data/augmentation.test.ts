import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { augmentation } from 'qrkd/data';

const SHAPE = [5, 4, 2];
const SIZE = 40;
/** Images without zeros, all pixels different. */
const batch = (n: number) => Float32Array.from({ length: n * SIZE }, (_, i) => 1 + i);

/** Every pixel by itself, from where it would come: the slow and obvious way. */
function slow(
  image: Float32Array,
  down: number,
  right: number,
  flip: boolean,
  hole?: { y: number; x: number; side: number },
) {
  const [height, width, channels] = SHAPE;
  const at = (y: number, x: number, c: number) =>
    y < 0 || y >= height || x < 0 || x >= width ? 0 : image[(y * width + x) * channels + c];
  return Float32Array.from({ length: SIZE }, (_, i) => {
    const [y, x, c] = [Math.floor(i / 8), Math.floor(i / 2) % 4, i % 2];
    const inHole = hole !== undefined && y >= hole.y && y < hole.y + hole.side && x >= hole.x && x < hole.x + hole.side;
    return inHole ? 0 : at(y - down, (flip ? 3 - x : x) - right, c);
  });
}

/** All results that options allow, by what was done. */
function possible(image: Float32Array, reach: number, flips: boolean, side = 0): Map<string, string> {
  const found = new Map<string, string>();
  const holes = side === 0 ? [undefined] : [];
  for (let y = 0; y < 5 && side > 0; y++) {
    for (let x = 0; x < 4; x++) holes.push({ y: y - Math.floor(side / 2), x: x - Math.floor(side / 2), side } as never);
  }
  for (let down = -reach; down <= reach; down++) {
    for (let right = -reach; right <= reach; right++) {
      for (const flip of flips ? [false, true] : [false]) {
        for (const hole of holes) {
          found.set(slow(image, down, right, flip, hole).join(), [down, right, flip, JSON.stringify(hole)].join());
        }
      }
    }
  }
  return found;
}

const STEPS = 4000;
/** How often each result came out of many steps on one image; every one must be possible. */
function counts(options: object, allowed: Map<string, string>): Map<string, number> {
  const augment = augmentation(options, SHAPE, 11);
  const seen = new Map<string, number>();
  for (let step = 1; step <= STEPS; step++) {
    const images = batch(1);
    augment(images, { step });
    const what = allowed.get(images.join());
    assert.ok(what !== undefined, `step ${step} gave an impossible image`);
    seen.set(what, (seen.get(what) ?? 0) + 1);
  }
  return seen;
}

/** Pearson's statistic against equal probabilities, in standard deviations from its mean. */
function surprise(seen: Map<string, number>, kinds: number): number {
  const expected = STEPS / kinds;
  const all = [...seen.values(), ...new Array(kinds - seen.size).fill(0)];
  const statistic = all.reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0);
  return (statistic - (kinds - 1)) / Math.sqrt(2 * (kinds - 1));
}

describe('01 augmentation', () => {
  it('moves, flips and cuts out as the slow way does, every case alike', () => {
    for (const [options, reach, flip, side, kinds] of [
      [{ shift: 2 }, 2, false, 0, 25],
      [{ crop: 1 }, 1, false, 0, 9],
      [{ flip: true }, 0, true, 0, 2],
      [{ cutout: 3 }, 0, false, 3, 20],
      [{ cutout: 1 }, 0, false, 1, 20],
      [{ shift: 1, flip: true }, 1, true, 0, 18],
    ] as const) {
      const allowed = possible(batch(1), reach, flip, side);
      const seen = counts(options, allowed);
      const label = JSON.stringify(options);
      // Cutouts that stick out may leave the same image; the small ones do not.
      assert.equal(allowed.size, kinds, label);
      assert.equal(seen.size, kinds, label);
      assert.ok(surprise(seen, kinds) < 4, `${label}: ${surprise(seen, kinds)}`);
    }
    counts({ shift: 1, flip: true, cutout: 2 }, possible(batch(1), 1, true, 2));
  });

  it('depends on seed, step and place alone', () => {
    const options = { shift: 2, flip: true, cutout: 2 };
    const run = (seed: number, step: number) => {
      const images = batch(8);
      augmentation(options, [100, ...SHAPE], seed)(images, { step });
      return images;
    };
    assert.deepEqual(run(1, 7), run(1, 7));
    assert.notDeepEqual(run(1, 7), run(1, 8));
    assert.notDeepEqual(run(1, 7), run(2, 7));
    // The third image of a shorter batch is augmented as that of a longer one.
    const three = batch(3);
    augmentation(options, SHAPE, 1)(three, { step: 7 });
    assert.deepEqual(three, run(1, 7).subarray(0, 3 * SIZE));
    // Other options leave the moves as they were.
    const [moved, both] = [batch(1), batch(1)];
    augmentation({ shift: 2 }, SHAPE, 1)(moved, { step: 9 });
    augmentation({ shift: 2, cutout: 1 }, SHAPE, 1)(both, { step: 9 });
    assert.ok(both.every((value, i) => value === 0 || value === moved[i]));
  });

  it('of nothing changes nothing; wrong options are refused', () => {
    const images = batch(2);
    augmentation({}, SHAPE, 0)(images, { step: 1 });
    assert.deepEqual(images, batch(2));
    const wrong = (options: object, code: string, message: RegExp) =>
      assert.throws(() => augmentation(options, SHAPE, 0), { code, message });
    wrong({ shfit: 1 }, 'ERR_QRKD_UNKNOWN_KEY', /augment: unknown key "shfit" \(did you mean "shift"/);
    wrong({ shift: 4 }, 'ERR_QRKD_VALUE', /shift is 4; expected a whole number of pixels from 0 to 3/);
    wrong({ cutout: 1.5 }, 'ERR_QRKD_VALUE', /cutout is 1.5/);
    wrong({ flip: 1 }, 'ERR_QRKD_VALUE', /flip is 1; expected true or false/);
    wrong({ shift: 1, crop: 1 }, 'ERR_QRKD_VALUE', /two names of the same/);
  });
});
