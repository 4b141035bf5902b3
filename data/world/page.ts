/**
 * The page of an entity: a list of sentences, each saying which facts it states. It does not know
 * FEVER's file format nor who asks what.
 */
import type { Random } from './random.ts';
import { word } from './statement.ts';
import type { Entity, Fact } from './world.ts';

export interface Sentence {
  readonly text: string;
  /** The fact it states, if any. */
  readonly fact?: Fact;
}

export interface Page {
  readonly entity: Entity;
  readonly sentences: readonly Sentence[];
}

/**
 * Writes a page: every fact once in one wording, then, with the given probability each, once more
 * in another wording.
 */
export function makePage(entity: Entity, repeat: number, rng: Random): Page {
  const first: Sentence[] = [];
  const again: Sentence[] = [];
  for (const fact of rng.shuffle(entity.facts)) {
    const [form, other] = rng.shuffle(fact.attribute.page);
    first.push(sentence(entity, fact, form!));
    if (other !== undefined && rng.chance(repeat)) again.push(sentence(entity, fact, other));
  }
  return { entity, sentences: [...first, ...rng.shuffle(again)] };
}

function sentence(entity: Entity, fact: Fact, form: string): Sentence {
  return { text: word(form, entity.name, fact.value), fact };
}

export function pageText(page: Page): string {
  return page.sentences.map((sentence) => sentence.text).join(' ');
}
