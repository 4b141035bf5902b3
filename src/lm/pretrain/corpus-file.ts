/** The corpus of a pretraining as a file: JSON lines with the pieces of a text. Knows no tokenizer. */
import { readFileSync } from 'node:fs';
import type { TextPiece } from './text-rows.ts';

export interface CorpusLine {
  /** What sort of text it is, in the words of whoever wrote the corpus. */
  readonly kind: string;
  readonly pieces: readonly TextPiece[];
}

/** The texts of a corpus, in order. */
export function readCorpus(file: string): CorpusLine[] {
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as CorpusLine);
}
