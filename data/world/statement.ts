/**
 * Sentences about one fact: what a page says of it, and claims that are true or false of it. It
 * knows labels but neither files nor pages.
 */
import type { Random } from './random.ts';
import type { Entity, Fact } from './world.ts';

export type Label = 'SUPPORTS' | 'REFUTES' | 'NOT ENOUGH INFO';

export interface Statement {
  readonly text: string;
  readonly label: Label;
}

/**
 * How claims go wrong. `denial` is the share of refuted claims that deny a true value in so many
 * words ("not", "never", "only"), the artefact that lets a reader of the claim alone do better
 * than chance; `denialOfWrong` the share of supported claims that deny a wrong value.
 */
export interface Artefacts {
  readonly denial: number;
  readonly denialOfWrong: number;
}

/** Puts a name and a value into a wording; a sentence begins with a capital. */
export function word(form: string, name: string, value: string): string {
  const text = form
    .replace('{n}', name)
    .replace('{v}', value)
    .replace(/\b(a|A) (?=owl|organ|abbey)/, '$1n ');
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export function wrongValue(fact: Fact, rng: Random): string {
  return rng.pick(fact.choices.filter((value) => value !== fact.value));
}

/** A claim that the fact supports. */
export function supported(
  entity: Entity,
  fact: Fact,
  artefacts: Artefacts,
  rng: Random,
): Statement {
  const denies = rng.chance(artefacts.denialOfWrong);
  const value = denies ? wrongValue(fact, rng) : fact.value;
  const form = denies ? fact.attribute.denial[0]! : rng.pick(fact.attribute.claim);
  return { text: word(form, entity.name, value), label: 'SUPPORTS' };
}

/** A claim that the fact refutes: mostly another value of the same kind, at times a denial. */
export function refuted(entity: Entity, fact: Fact, artefacts: Artefacts, rng: Random): Statement {
  const denies = rng.chance(artefacts.denial);
  const value = denies ? fact.value : wrongValue(fact, rng);
  const form = rng.pick(denies ? fact.attribute.denial : fact.attribute.claim);
  return { text: word(form, entity.name, value), label: 'REFUTES' };
}

type Writer = (entity: Entity, fact: Fact, artefacts: Artefacts, rng: Random) => Statement;

const plain: Artefacts = { denial: 0, denialOfWrong: 0 };

/**
 * Two facts in one claim ("… was a baker and kept a dog."), of which the second decides the label
 * and the first is true. Undefined where the second wording drawn cannot follow an "and".
 */
export function joined(
  entity: Entity,
  first: Fact,
  second: Fact,
  write: Writer,
  rng: Random,
): Statement | undefined {
  const start = supported(entity, first, plain, rng).text.replace(/\.$/, '');
  const { text, label } = write(entity, second, plain, rng);
  const subject = text.startsWith(`The ${entity.name} `)
    ? `The ${entity.name} `
    : `${entity.name} `;
  if (!text.startsWith(subject) || !start.startsWith(subject)) return undefined;
  return { text: `${start} and ${text.slice(subject.length)}`, label };
}
