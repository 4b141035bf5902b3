/**
 * Claims that no page can decide (NOT ENOUGH INFO): statements about things the world holds, on
 * matters that no page speaks of.
 */
import type { Kind } from './kinds.ts';
import type { Random } from './random.ts';
import { type Statement, word } from './statement.ts';
import type { Entity } from './world.ts';

const matters: Readonly<Record<Kind, readonly string[]>> = {
  person: [
    '{n} married twice.',
    '{n} had three sisters.',
    '{n} feared the sea.',
    '{n} liked to swim.',
    '{n} once met a king.',
    '{n} wrote many letters.',
  ],
  town: [
    '{n} has a good school.',
    '{n} was once hit by a storm.',
    'The mayor of {n} is tall.',
    'The people of {n} like to dance.',
    '{n} has a famous football team.',
    '{n} is twinned with a city.',
  ],
  film: [
    '{n} was filmed in winter.',
    '{n} has a sad ending.',
    'The music of {n} is famous.',
    '{n} was loved by the critics.',
    '{n} cost a lot to make.',
    '{n} is based on a book.',
  ],
  guild: [
    '{n} has a secret song.',
    '{n} owns a ship.',
    'The hall of {n} burned down.',
    '{n} admits children.',
    'The master of {n} is rich.',
    '{n} has many debts.',
  ],
  river: [
    'The {n} froze last winter.',
    'The {n} once changed its bed.',
    'A king drowned in the {n}.',
    'There is gold in the {n}.',
    'The {n} is named after a saint.',
    'A song is sung about the {n}.',
  ],
};

export function unknowable(entity: Entity, rng: Random): Statement {
  const form = rng.pick(matters[entity.kind]);
  return { text: word(form, entity.name, ''), label: 'NOT ENOUGH INFO' };
}
