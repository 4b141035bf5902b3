/**
 * The results of one model as text for a terminal. Knows finished numbers only.
 */
import type { Conclusion } from './conclusion.ts';
import { PRETRAINED } from './examine.ts';
import { FAMILIES } from './family.ts';
import type { Results } from './results.ts';
import type { ResultRow } from './row.ts';
import { CLAIM_ONLY } from './scoring.ts';

/** Columns of numbers are this wide: `.412–.498` and a blank on each side. */
const COLUMN = 11;
/** And the names before them at least this wide: `max |Δ logit|`. */
const LABEL = 13;

/** One block of tables a scoring and order of letters. */
export function resultsTable(results: Results): string {
  const asked = results.rows.filter(({ scoring }) => scoring !== CLAIM_ONLY);
  const places = new Map(
    asked.map((row) => [`${row.scoring} ${row.letters}`, { ...row, model: results.model }]),
  );
  return [...places.values()]
    .map((place) => new Block(results, place).lines().join('\n'))
    .join('\n');
}

type Place = Pick<ResultRow, 'model' | 'scoring' | 'letters'>;

class Block {
  readonly #results: Results;
  readonly #place: Place;
  readonly #rows: readonly ResultRow[];
  readonly #baselines: readonly ResultRow[];
  readonly #shots: readonly number[];
  readonly #candidates: readonly string[];
  readonly #width: number;

  constructor(results: Results, place: Place) {
    const isOwn = (row: Place) => row.scoring === place.scoring && row.letters === place.letters;
    this.#results = results;
    this.#place = place;
    this.#rows = results.rows.filter(isOwn);
    this.#baselines = results.rows.filter(({ scoring }) => scoring === CLAIM_ONLY);
    this.#shots = [...new Set(this.#rows.map(({ shots }) => shots))].sort((a, b) => a - b);
    this.#candidates = [...new Set(this.#rows.map(({ candidate }) => candidate))];
    const names = [...this.#candidates, ...this.#baselines.map(({ candidate }) => candidate)];
    this.#width = Math.max(LABEL, ...names.map((name) => name.length + 1));
  }

  lines(): string[] {
    const applied = this.#candidates.filter(
      (name) =>
        name !== PRETRAINED && this.#rowsOf(name).some((row) => row.maxAbsLogitDelta !== null),
    );
    return [
      this.#title(),
      '',
      this.#header('accuracy'),
      ...this.#candidates.flatMap((name) => [
        this.#byShots(name, (row) => share(row.accuracy) + this.#mark(row)),
        this.#byShots(name, intervalText, ''),
      ]),
      ...this.#baselines.map((row) => this.#line(row.candidate, [`${share(row.accuracy)} `])),
      '',
      this.#header('f1 macro'),
      ...this.#candidates.map((name) =>
        this.#byShots(name, (row) => `${share(row.f1MacroUnion)} `),
      ),
      ...this.#baselines.map((row) => this.#line(row.candidate, [`${share(row.f1MacroUnion)} `])),
      ...this.#invalid(),
      ...this.#effects(applied),
      ...this.#worth(),
      ...this.#doubts(),
      '',
    ];
  }

  #title(): string {
    const { model, scoring, letters } = this.#place;
    const { questions, clusters } = this.#results.design;
    const order = letters === 'abc' ? '' : `, letters ${letters}`;
    return (
      `${model}, ${scoring}${order}: ${questions} questions in ${clusters} clusters, 95 % intervals; ` +
      '* differs from pretrained (Holm p < .05)'
    );
  }

  /** Only where an answer can be invalid. */
  #invalid(): string[] {
    if (this.#place.scoring !== 'generate') return [];
    const lines = this.#candidates.map((name) =>
      this.#byShots(name, (row) => `${(100 * row.invalidRate).toFixed(1)} %`),
    );
    return ['', this.#header('invalid'), ...lines];
  }

  #effects(applied: readonly string[]): string[] {
    if (applied.length === 0) return [];
    return [
      '',
      this.#header('max |Δ logit|'),
      ...applied.map((name) =>
        this.#byShots(name, (row) => `${(row.maxAbsLogitDelta ?? 0).toPrecision(3)} `),
      ),
      this.#header('changed'),
      ...applied.map((name) =>
        this.#byShots(name, (row) => `${(100 * (row.changedPredictions ?? 0)).toFixed(1)} %`),
      ),
    ];
  }

  /** What the questions are worth, and what such a run could have found, over all shots together. */
  #worth(): string[] {
    const all = this.#results.comparisons.filter(
      (item) => item.family === FAMILIES.memories && this.#isHere(item),
    );
    if (all.length === 0) return [];
    const lines = all.map(({ candidate, difference, low, high, pHolm, ...item }) => {
      const bounds = low === null || high === null ? '' : ` [${signed(low)}, ${signed(high)}]`;
      const least = item.minimumDetectable;
      const power = least === null ? '' : `; detectable ${share(least)}`;
      return `${candidate.padEnd(this.#width)}${signed(difference)}${bounds}, Holm p ${pHolm.toFixed(3)}${power}`;
    });
    return ['', 'all shots, against pretrained', ...lines];
  }

  /** Each claim beside the control that could refute it; those without a control are left out. */
  #doubts(): string[] {
    const own = this.#results.claims.filter(
      (item) => this.#isHere(item) && item.verdict !== 'control not run',
    );
    if (own.length === 0) return [];
    return ['', 'what might be concluded, and what the control says', ...own.map(doubtLine)];
  }

  #isHere({ scoring, letters }: { scoring: string; letters: string }): boolean {
    return scoring === this.#place.scoring && letters === this.#place.letters;
  }

  #rowsOf(candidate: string): ResultRow[] {
    return this.#rows.filter((row) => row.candidate === candidate);
  }

  #byShots(candidate: string, show: (row: ResultRow) => string, label = candidate): string {
    const own = this.#rowsOf(candidate);
    const cells = this.#shots.map((count) => {
      const row = own.find(({ shots }) => shots === count);
      return row === undefined ? '– ' : show(row);
    });
    return this.#line(label, cells);
  }

  #header(what: string): string {
    return this.#line(
      what,
      this.#shots.map((count) => `${count} ${count === 1 ? 'shot' : 'shots'}`),
    );
  }

  #line(label: string, cells: readonly string[]): string {
    const columns = cells.map((text) => text.padStart(COLUMN)).join('');
    return `${label.padEnd(this.#width)}${columns}`.trimEnd();
  }

  #mark({ candidate, shots }: ResultRow): string {
    const own = this.#results.comparisons.find(
      (item) =>
        item.family === FAMILIES.byShots &&
        item.candidate === candidate &&
        item.shots === shots &&
        this.#isHere(item),
    );
    return own !== undefined && own.pHolm < 0.05 ? '*' : ' ';
  }
}

function doubtLine({ claim, control, verdict }: Conclusion): string {
  return `${verdict.padEnd(10)} ${claim} (against ${control})`;
}

function intervalText({ intervals }: ResultRow): string {
  if (intervals === null) return '– ';
  const { low, high } = intervals.accuracy;
  return `${share(low)}–${share(high)}`;
}

/** `.412`: three digits without the zero, as the field writes shares; 1 is `1.00`. */
export function share(value: number): string {
  const text = value.toFixed(3);
  return text.startsWith('0') ? text.slice(1) : value.toFixed(2);
}

/** `+.012`, `−.003`. */
function signed(value: number): string {
  return `${value < 0 ? '−' : '+'}${share(Math.abs(value))}`;
}
