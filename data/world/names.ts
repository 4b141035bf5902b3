/**
 * Invented proper names. A name is built of two syllable groups, and each invented word belongs to
 * exactly one realm by its hash, so two worlds of different realms can never
 * share a name whatever their seeds are. It does not know what the names are given to.
 */
import { hash, type Random } from './random.ts';

/**
 * `sample`: what the experiment asks about; `lasting` and `passing`: the two sorts of worlds that the
 * small model is pretrained on.
 */
export type Realm = 'sample' | 'lasting' | 'passing';

const realms: readonly Realm[] = ['sample', 'lasting', 'passing'];

const heads = words(
  'Bal Bren Cal Cor Dal Dor Fal Fen Gar Gil Hal Har Jor Kal Kel Lam Lor Mar Mel Nor Or Pel Quin Ral Ros Sel Sor Tal Tor Ul Val Ven Wil Yar Zel Bran Dun El Gren Hol',
);
const tails = words(
  'an ara bek by dan del dor eda eth fin gar ick ild ina isk ka len lo mar mir na nor oth ran rik ro sa sil son ta ten ton ul va vik vin wen win ya zo',
);

/** The realm of an invented word: a third of all words each. */
export function realmOf(word: string): Realm {
  return realms[hash(word) % realms.length]!;
}

/** A source of invented words of one realm that never gives the same word twice. */
export function wordSource(realm: Realm, random: Random): () => string {
  const stock = random.shuffle(
    heads.flatMap((head) => tails.map((tail) => head + tail)).filter((w) => realmOf(w) === realm),
  );
  return () => {
    const word = stock.pop();
    if (word === undefined) throw new RangeError(`the realm ${realm} has no more names`);
    return word;
  };
}

function words(line: string): string[] {
  return line.split(' ');
}
