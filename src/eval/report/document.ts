/**
 * A report as a list of blocks, so that its Markdown and its HTML cannot say different things.
 * Types only.
 */

export interface Heading {
  readonly kind: 'heading';
  readonly level: 1 | 2 | 3;
  readonly text: string;
}

export interface Paragraph {
  readonly kind: 'paragraph';
  /** Set in bold before the text. */
  readonly lead?: string;
  readonly text: string;
}

export interface Table {
  readonly kind: 'table';
  readonly caption?: string;
  readonly head: readonly string[];
  /** A line break within a cell sets what follows it small. */
  readonly rows: readonly (readonly string[])[];
  /** How many columns from the left hold words; the others hold numbers. */
  readonly words: number;
}

/** Drawn in HTML only; `caption` says in words what there is to see. */
export interface Figure {
  readonly kind: 'figure';
  readonly svg: string;
  readonly caption: string;
}

/** Folded in HTML until opened. */
export interface Details {
  readonly kind: 'details';
  readonly summary: string;
  readonly blocks: readonly Block[];
}

export type Block = Heading | Paragraph | Table | Figure | Details;
