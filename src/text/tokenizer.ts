/** Text to token ids and back: GPT-2's byte-level BPE, a vocabulary of words, or one of the caller's own. */
export interface Tokenizer {
  /** Number of ids: they are 0 to `vocabulary - 1`. */
  readonly vocabulary: number;
  /** Ends a text: GPT-2's `<|endoftext|>`, `<eos>` of a word vocabulary. */
  readonly endToken: number;
  /** Fills what is not text, where the vocabulary has an id for it. */
  readonly padToken?: number;
  /** Ids of a text; nothing is put before or after it. No token reaches from a word into the white space behind it. */
  encode(text: string): Int32Array;
  /** The text of ids. */
  decode(ids: ArrayLike<number>): string;
}
