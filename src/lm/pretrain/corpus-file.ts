/** The corpus of a pretraining as a file: JSON lines with the pieces of a text. Knows no tokenizer. */
import { readFileSync } from 'node:fs';
import type { TextPiece } from './token-stream.ts';

/** The pieces of each text, of at most `limit` texts. */
export function readCorpus(file: string, limit = Infinity): TextPiece[][] {
  const lines = readFileSync(file, 'utf8').split('\n');
  const used = lines.filter((line) => line !== '').slice(0, limit);
  return used.map((line) => (JSON.parse(line) as { pieces: TextPiece[] }).pieces);
}
