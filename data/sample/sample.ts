/**
 * The embedded sample: claim files and wiki pages in FEVER's own formats about a fictional world,
 * with the flaws of the real data planted. Pure: it returns the files' contents. It does not know
 * the pipeline that reads them.
 */
import { makePage, type Page } from '../world/page.ts';
import { type Random, random } from '../world/random.ts';
import { type Entity, type Fact, makeWorld } from '../world/world.ts';
import { type Citation, claimLine } from './claim.ts';
import { titleOf, wikiLine } from './wiki.ts';
import { ClaimWriter } from './writer.ts';

/** Everything that can be turned about the sample; the committed files are made with these. */
export const settings = {
  seed: 'mempipe sample 1',
  counts: { person: 24, town: 16, film: 16, guild: 13, river: 11 },
  /** Probability that a page states a fact a second time, in other words. */
  repeat: 0.7,
  /** Sentences about its people on a town's page, at most. */
  mentions: 1,
  claims: {
    artefacts: { denial: 0.36, denialOfWrong: 0.04 },
    /** Facts of a page that only dev claims ask about, never train claims. */
    pageOnly: 3,
    /** Train claims for each fact that train asks about, before duplicates. */
    perFact: 4,
    /** Of all claims, the share that joins two facts of a page. */
    joined: 0.05,
    supports: { dev: 0.5, train: 0.52 },
  },
  devClaims: { least: 4, most: 7 },
  unknown: { dev: 130, train: 200 },
  /** Pages with something wrong, in this order. */
  fates: { missing: 2, empty: 2, blank: 1, untrained: 2, uncited: 8 },
} as const;

type Fate = 'full' | keyof typeof settings.fates;

interface Member {
  readonly page: Page;
  readonly title: string;
  readonly fate: Fate;
}

/** The sample's files by their path inside `data/sample`. */
export function sampleFiles(): ReadonlyMap<string, string> {
  const rng = random(settings.seed);
  const cast = castMembers(rng);
  const { dev, train } = writeClaims(cast, rng).claims;
  const pages = wikiLines(cast, rng);
  const half = Math.ceil(pages.length / 2);
  // The real dump opens with a page that has neither a title nor a text.
  const untitled = JSON.stringify({ id: '', text: '', lines: '' });
  return new Map([
    ['dev.jsonl', file(rng.shuffle(dev).map(claimLine))],
    ['train.jsonl', file(rng.shuffle(train).map(claimLine))],
    ['wiki-pages/wiki-001.jsonl', file([untitled, ...pages.slice(0, half)])],
    ['wiki-pages/wiki-002.jsonl', file(pages.slice(half))],
  ]);
}

function file(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('');
}

/** The things of the sample's world, their pages and what befell the pages. */
function castMembers(rng: Random): Member[] {
  const { entities } = makeWorld({ realm: 'sample', seed: settings.seed, counts: settings.counts });
  const named = entities.map((entity, i) => (i % 16 === 5 ? accented(entity) : entity));
  const fates = rng.shuffle(named.map((_, i) => fateOf(i)));
  const members = named.map((entity, i) => ({
    page: makePage(entity, settings.repeat, rng),
    title: titleOf(entity, i),
    fate: fates[i]!,
  }));
  return members.map((member) => withMentions(member, members));
}

function fateOf(index: number): Fate {
  let rest = index;
  for (const [fate, count] of Object.entries(settings.fates)) {
    if (rest < count) return fate as Fate;
    rest -= count;
  }
  return 'full';
}

/** Gives a name its accent; towns and people who appear elsewhere under their name keep theirs. */
function accented(entity: Entity): Entity {
  if (entity.kind === 'town' || entity.kind === 'river') return entity;
  return { ...entity, name: entity.name.replace('a', 'á').replace('e', 'é').normalize('NFC') };
}

/** A town's page also tells who was born there, which is evidence on another page. */
function withMentions(member: Member, members: readonly Member[]): Member {
  const { entity } = member.page;
  if (entity.kind !== 'town' || member.fate !== 'full') return member;
  const born = members.flatMap(({ page, fate }) => {
    const fact = page.entity.facts.find((item) => item.attribute.name === 'birthplace');
    if (fate !== 'full' || fact?.value !== entity.name) return [];
    return [{ text: `${page.entity.name} was born in ${entity.name}.`, fact }];
  });
  const sentences = [...member.page.sentences, ...born.slice(0, settings.mentions)];
  return { ...member, page: { entity, sentences } };
}

function writeClaims(cast: readonly Member[], rng: Random): ClaimWriter {
  const writer = new ClaimWriter(citations(cast), settings.claims, rng);
  const { least, most } = settings.devClaims;
  for (const { page, fate } of cast) {
    if (fate === 'uncited') continue;
    // The faulty pages are asked about most, so that every rank keeps them and truncation is seen.
    const devClaims = fate === 'full' ? least + rng.below(most - least + 1) : most + 1;
    writer.write({ entity: page.entity, trained: fate !== 'untrained', devClaims });
  }
  const entities = cast.map(({ page }) => page.entity);
  writer.writeUnknown('dev', entities, settings.unknown.dev);
  writer.writeUnknown('train', entities, settings.unknown.train);
  plantDuplicates(writer);
  return writer;
}

function plantDuplicates(writer: ClaimWriter): void {
  writer.repeat({ from: 'train', to: 'train', count: 14, relabel: false });
  writer.repeat({ from: 'train', to: 'train', count: 4, relabel: true });
  writer.repeat({ from: 'dev', to: 'dev', count: 5, relabel: false });
  writer.repeat({ from: 'dev', to: 'dev', count: 3, relabel: true });
  writer.repeat({ from: 'dev', to: 'train', count: 4, relabel: false });
}

/** Where each fact is stated: its own page first, then others. */
function citations(cast: readonly Member[]): ReadonlyMap<Fact, readonly Citation[]> {
  const found = new Map<Fact, Citation[]>();
  for (const { page, title } of cast) {
    page.sentences.forEach(({ fact }, sentence) => {
      if (fact === undefined) return;
      found.set(fact, [...(found.get(fact) ?? []), { page: title, sentence }]);
    });
  }
  return found;
}

function wikiLines(cast: readonly Member[], rng: Random): string[] {
  const links = new Map(cast.map(({ page, title }) => [page.entity.name, title]));
  const written = cast.filter(({ fate }) => fate !== 'missing');
  return rng.shuffle(written).map(({ page, title, fate }) => {
    const state = fate === 'empty' || fate === 'blank' ? fate : 'full';
    return wikiLine(page, title, state, links);
  });
}
