/**
 * TFRecord, the framing of TensorFlow's event files: for every record its length (uint64), a masked CRC of the length, the
 * data, a masked CRC of the data; little-endian. Described at https://www.tensorflow.org/tutorials/load_data/tfrecord.
 */

// Castagnoli's polynomial 0x1EDC6F41 (RFC 3720), bits reversed.
const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  return crc;
});

/** CRC-32C of RFC 3720, as an unsigned number. */
export function crc32c(bytes: Uint8Array): number {
  let crc = ~0;
  for (const byte of bytes) crc = (crc >>> 8) ^ CRC_TABLE[(crc ^ byte) & 0xff];
  return ~crc >>> 0;
}

/** Turned by 15 bits and moved, so that a CRC of data that holds CRCs stays a good one. */
function maskedCrc(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

const LENGTH = 8;
const CRC = 4;

/** A record's bytes in the file. */
export function frameRecord(data: Uint8Array): Uint8Array {
  const frame = Buffer.alloc(LENGTH + CRC + data.length + CRC);
  frame.writeBigUInt64LE(BigInt(data.length));
  frame.writeUInt32LE(maskedCrc(frame.subarray(0, LENGTH)), LENGTH);
  frame.set(data, LENGTH + CRC);
  frame.writeUInt32LE(maskedCrc(data), LENGTH + CRC + data.length);
  return frame;
}

/** The records that a file begins with and where each ends, up to the first one that is not whole. */
export function* readRecords(file: Buffer): Generator<{ data: Buffer; end: number }> {
  let start = 0;
  while (start + LENGTH + CRC <= file.length) {
    const length = file.subarray(start, start + LENGTH);
    const begin = start + LENGTH + CRC;
    const end = begin + Number(length.readBigUInt64LE()) + CRC;
    if (file.readUInt32LE(start + LENGTH) !== maskedCrc(length) || end > file.length) return;
    const data = file.subarray(begin, end - CRC);
    if (file.readUInt32LE(end - CRC) !== maskedCrc(data)) return;
    yield { data, end };
    start = end;
  }
}
