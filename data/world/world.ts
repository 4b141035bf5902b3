/**
 * A fictional world: things with names and facts, drawn from a seed. It knows neither pages nor
 * claims; wrong values come from the same list as the right one, uniformly, so that no value by
 * itself tells whether a statement is true.
 */
import { type Attribute, attributes, type Kind, kinds } from './kinds.ts';
import { type Realm, wordSource } from './names.ts';
import { type Random, random } from './random.ts';

export interface Fact {
  readonly attribute: Attribute;
  /** The value as a sentence writes it. */
  readonly value: string;
  /** All plausible values, the true one among them. */
  readonly choices: readonly string[];
}

export interface Entity {
  readonly kind: Kind;
  readonly name: string;
  readonly facts: readonly Fact[];
}

export interface World {
  readonly realm: Realm;
  readonly entities: readonly Entity[];
}

/** How many things of a kind are the value of a fact: as few as the other lists have values. */
const linked = 4;

export type Counts = Readonly<Record<Kind, number>>;

/** Draws a world; the same realm, seed and counts give the same world. */
export function makeWorld(options: { realm: Realm; seed: string; counts: Counts }): World {
  const rng = random(`${options.realm} world ${options.seed}`);
  const word = wordSource(options.realm, rng);
  const names = new Map<Kind, string[]>(
    kinds.map((kind) => [
      kind,
      Array.from({ length: options.counts[kind] }, () => nameOf(kind, word)),
    ]),
  );
  const entities = kinds.flatMap((kind) =>
    names.get(kind)!.map((name) => ({ kind, name, facts: drawFacts(kind, names, rng) })),
  );
  return { realm: options.realm, entities };
}

function nameOf(kind: Kind, word: () => string): string {
  return kind === 'person' ? `${word()} ${word()}` : word();
}

function drawFacts(kind: Kind, names: ReadonlyMap<Kind, string[]>, rng: Random): Fact[] {
  return attributes[kind].map((attribute) => {
    const { values } = attribute;
    const choices = typeof values === 'string' ? names.get(values)!.slice(0, linked) : values;
    return { attribute, value: rng.pick(choices), choices };
  });
}
