/**
 * Writes the sample's claims about its pages: what train asks, what dev asks, what only the pages
 * tell, and the flaws. It knows neither file formats nor who reads them.
 */
import type { Random } from '../world/random.ts';
import { type Artefacts, joined, refuted, type Statement, supported } from '../world/statement.ts';
import { unknowable } from '../world/unknown.ts';
import type { Entity, Fact } from '../world/world.ts';
import type { Citation, Claim } from './claim.ts';

export interface Subject {
  readonly entity: Entity;
  /** Does train ask about this page? */
  readonly trained: boolean;
  readonly devClaims: number;
}

export interface WriterSettings {
  readonly artefacts: Artefacts;
  readonly pageOnly: number;
  readonly perFact: number;
  readonly joined: number;
  /** Share of claims with the label SUPPORTS among those a page decides. */
  readonly supports: { readonly dev: number; readonly train: number };
}

type Split = 'dev' | 'train';

export class ClaimWriter {
  readonly claims: Record<Split, Claim[]> = { dev: [], train: [] };
  readonly #texts = new Set<string>();
  readonly #citations: ReadonlyMap<Fact, readonly Citation[]>;
  readonly #settings: WriterSettings;
  readonly #rng: Random;
  #nextId = 101;

  constructor(
    citations: ReadonlyMap<Fact, readonly Citation[]>,
    settings: WriterSettings,
    rng: Random,
  ) {
    this.#citations = citations;
    this.#settings = settings;
    this.#rng = rng;
  }

  /**
   * Claims about one page. Dev goes first, so that its claims are never among train's; the last
   * facts in a random order are asked about in dev only.
   */
  write({ entity, trained, devClaims }: Subject): void {
    const { pageOnly, perFact } = this.#settings;
    const facts = this.#rng.shuffle(entity.facts);
    const untold = facts.slice(0, pageOnly);
    const told = facts.slice(pageOnly);
    for (let i = 0; i < devClaims; i++) {
      // Every third dev claim is about what only the page tells.
      const from = i % 3 === 2 ? untold : told;
      this.#ask('dev', entity, from[Math.floor(i / 2) % from.length]!, facts);
    }
    if (!trained) return;
    for (const fact of told) {
      for (let i = 0; i < perFact; i++) this.#ask('train', entity, fact, told);
    }
  }

  /** Claims that no page decides. */
  writeUnknown(split: Split, entities: readonly Entity[], count: number): void {
    for (let i = 0; i < count; i++) {
      const statement = this.#fresh(() => unknowable(this.#rng.pick(entities), this.#rng));
      if (statement !== undefined) this.#add(split, statement, []);
    }
  }

  /** Repeats claims under new ids; `relabel` gives the copies the opposite label. */
  repeat(options: { from: Split; to: Split; count: number; relabel: boolean }): void {
    const decided = this.claims[options.from].filter((claim) => claim.evidence.length > 0);
    for (const claim of this.#rng.shuffle(decided).slice(0, options.count)) {
      const label = claim.label === 'SUPPORTS' ? 'REFUTES' : 'SUPPORTS';
      const copy = { ...claim, id: this.#id(), label: options.relabel ? label : claim.label };
      this.claims[options.to].push(copy);
    }
  }

  #ask(split: Split, entity: Entity, fact: Fact, others: readonly Fact[]): void {
    const { artefacts, supports } = this.#settings;
    const write = this.#rng.chance(supports[split]) ? supported : refuted;
    if (this.#rng.chance(this.#settings.joined)) {
      const other = this.#rng.pick(others.filter((item) => item !== fact));
      const statement = this.#fresh(() => joined(entity, fact, other, write, this.#rng));
      if (statement !== undefined) this.#add(split, statement, this.#bothOf(fact, other));
      return;
    }
    const statement =
      this.#fresh(() => write(entity, fact, artefacts, this.#rng)) ??
      this.#fresh(() => refuted(entity, fact, artefacts, this.#rng));
    if (statement !== undefined) this.#add(split, statement, this.#setsOf(fact));
  }

  /** A statement that neither file has yet; undefined where the wordings are used up. */
  #fresh(draw: () => Statement | undefined): Statement | undefined {
    for (let attempt = 0; attempt < 40; attempt++) {
      const statement = draw();
      if (statement === undefined || this.#texts.has(statement.text)) continue;
      this.#texts.add(statement.text);
      return statement;
    }
    return undefined;
  }

  /** Each sentence alone decides the claim; at times two annotators chose the same one. */
  #setsOf(fact: Fact): Citation[][] {
    const sets = (this.#citations.get(fact) ?? []).map((citation) => [citation]);
    return sets.length > 0 && this.#rng.chance(0.09) ? [...sets, sets[0]!] : sets;
  }

  #bothOf(one: Fact, other: Fact): Citation[][] {
    const first = this.#citations.get(one)?.[0];
    const second = this.#citations.get(other)?.[0];
    return first === undefined || second === undefined ? [] : [[first, second]];
  }

  #add(split: Split, statement: Statement, evidence: Citation[][]): void {
    const { label, text } = statement;
    this.claims[split].push({ id: this.#id(), label, claim: text, evidence });
  }

  #id(): number {
    const id = this.#nextId;
    this.#nextId += 1 + this.#rng.below(9);
    return id;
  }
}
