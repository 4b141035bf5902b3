/**
 * A report as a list of blocks, so that its Markdown and its HTML cannot say different things.
 * Types, and the shortest ways to write them.
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
  /** The reader may sort it by a column. */
  readonly sortable?: true;
  /** By row and column, from 0 to 1: how strongly a cell is shaded. */
  readonly shades?: readonly (readonly number[])[];
}

/** Drawn in HTML only; `caption` says in words what there is to see. */
export interface Figure {
  readonly kind: 'figure';
  readonly svg: string;
  readonly caption: string;
  readonly legend?: readonly { readonly name: string; readonly swatch: string }[];
}

/** Terms and what they mean. */
export interface Definitions {
  readonly kind: 'definitions';
  readonly items: readonly (readonly [term: string, meaning: string])[];
}

/** Text that is shown as it is, line by line. */
export interface Listing {
  readonly kind: 'listing';
  readonly text: string;
}

/** Folded in HTML until opened. */
export interface Details {
  readonly kind: 'details';
  readonly summary: string;
  readonly blocks: readonly Block[];
}

/** Where `pipe provenance` may put what only the store knows. */
export interface Slot {
  readonly kind: 'slot';
  readonly name: 'provenance';
}

export type Block = Heading | Paragraph | Table | Figure | Definitions | Listing | Details | Slot;

export function heading(level: Heading['level'], text: string): Heading {
  return { kind: 'heading', level, text };
}

export function paragraph(text: string, lead?: string): Paragraph {
  return { kind: 'paragraph', text, ...(lead === undefined ? {} : { lead }) };
}

export function details(summary: string, ...blocks: readonly Block[]): Details {
  return { kind: 'details', summary, blocks };
}
