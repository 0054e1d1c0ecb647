/**
 * GPT-2's alphabet: a printable character for each of the 256 bytes, so that tokens of any bytes are plain text in files.
 * Bytes that print as one Latin-1 character are that character; the others are, in order, the characters from U+0100 on
 * (Radford et al. 2019, as their tokenizer's files have it).
 */
export const BYTE_CHARACTERS: readonly string[] = alphabet();

function alphabet(): string[] {
  const printable = (byte: number) => (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte !== 0xad);
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(printable(byte) ? byte : next++));
}

/**
 * What GPT-2 takes for a word: its pattern, with Unicode's white space as in Hugging Face's `tokenizers`, which JavaScript's \s is
 * not exactly.
 */
export const WORDS =
  /'(?:s|t|re|ve|m|ll|d)| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;
