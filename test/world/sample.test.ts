import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sampleFiles, settings } from '../../data/sample/sample.ts';

interface Line {
  readonly id: number;
  readonly verifiable: string;
  readonly label: string;
  readonly claim: string;
  readonly evidence: (number | string | null)[][][];
}

interface Page {
  readonly id: string;
  readonly text: string;
  readonly lines: string;
}

const files = sampleFiles();
const dev = parse<Line>('dev.jsonl');
const train = parse<Line>('train.jsonl');
const all = [...dev, ...train];
const pages = [...files.keys()]
  .filter((path) => path.startsWith('wiki-pages/'))
  .flatMap((path) => parse<Page>(path));
const byTitle = new Map(pages.map((page) => [page.id, page]));
const citations = all.flatMap((line) => line.evidence.flat());
const cited = new Set(citations.map((piece) => piece[2]).filter((page) => page !== null));

function parse<T>(path: string): T[] {
  const content = files.get(path)!;
  expect(content.endsWith('\n')).toBe(true);
  return content
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as T);
}

function count(lines: readonly Line[], key: (line: Line) => string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const line of lines) counts.set(key(line), (counts.get(key(line)) ?? 0) + 1);
  return counts;
}

describe('the committed sample', () => {
  it.each([...files.keys()])('%s is what the script makes, byte for byte', (path) => {
    const folder = join(import.meta.dirname, '../../data/sample');
    expect(readFileSync(join(folder, path), 'utf8')).toBe(files.get(path));
  });

  it('is made the same twice', () => {
    expect([...sampleFiles()]).toEqual([...files]);
  });

  it('has the promised size', () => {
    expect(all.length).toBeGreaterThanOrEqual(1500);
    expect(pages.filter((page) => page.text.trim() !== '').length).toBeGreaterThanOrEqual(60);
    const bytes = [...files.values()].reduce((sum, text) => sum + Buffer.byteLength(text), 0);
    expect(bytes).toBeLessThan(600_000);
  });
});

describe('the claims', () => {
  it('have the three labels in both files, and ids of their own', () => {
    const labels = ['NOT ENOUGH INFO', 'REFUTES', 'SUPPORTS'];
    expect([...count(dev, (line) => line.label).keys()].sort()).toEqual(labels);
    expect([...count(train, (line) => line.label).keys()].sort()).toEqual(labels);
    expect(new Set(all.map((line) => line.id)).size).toBe(all.length);
  });

  it('carry a null page when nothing decides them, and only then', () => {
    for (const line of all) {
      const open = line.label === 'NOT ENOUGH INFO';
      expect(line.verifiable).toBe(open ? 'NOT VERIFIABLE' : 'VERIFIABLE');
      if (open) expect(line.evidence).toEqual([[[expect.any(Number), null, null, null]]]);
      else expect(line.evidence.flat().every((piece) => piece[2] !== null)).toBe(true);
    }
  });

  it('cite sentences that exist wherever the page has a text', () => {
    for (const [, , title, sentence] of citations) {
      const page = byTitle.get(String(title));
      if (page === undefined || page.text.trim() === '') continue;
      expect(page.lines.split('\n')[Number(sentence)]).toMatch(new RegExp(`^${sentence}\\t.+`));
    }
  });

  it('have several sets, several sentences, several pages and repeated sets among them', () => {
    expect(all.some((line) => line.evidence.length > 1)).toBe(true);
    expect(all.some((line) => line.evidence.some((set) => set.length > 1))).toBe(true);
    const pagesOf = (line: Line) => new Set(line.evidence.flat().map((piece) => piece[2])).size;
    expect(all.some((line) => pagesOf(line) > 1)).toBe(true);
    const repeated = all.filter((line) => {
      const sets = line.evidence.map((set) => JSON.stringify(set.map((piece) => piece.slice(2))));
      return new Set(sets).size < sets.length;
    });
    expect(repeated.length).toBeGreaterThan(20);
  });
});

describe('the planted flaws', () => {
  it('escape titles and write some in NFD while the claims are NFC', () => {
    const titles = [...cited].map(String);
    for (const mark of ['-LRB-', '-RRB-', '-COLON-', '_']) {
      expect(titles.some((title) => title.includes(mark))).toBe(true);
    }
    expect(titles.some((title) => title !== title.normalize('NFC'))).toBe(true);
    expect(all.every((line) => line.claim === line.claim.normalize('NFC'))).toBe(true);
  });

  it('leave pages out, empty, blank, untitled, untrained and uncited', () => {
    const titles = [...cited].map(String);
    const trained = new Set(train.flatMap((line) => line.evidence.flat().map((piece) => piece[2])));
    expect(titles.filter((title) => !byTitle.has(title)).length).toBe(settings.fates.missing);
    expect(titles.filter((title) => byTitle.get(title)?.text === '').length).toBe(2);
    expect(titles.filter((title) => byTitle.get(title)?.text === ' ').length).toBe(1);
    expect(titles.some((title) => byTitle.get(title)?.text && !trained.has(title))).toBe(true);
    expect(pages.filter((page) => page.id === '').length).toBe(1);
    expect(pages.some((page) => page.id !== '' && !cited.has(page.id))).toBe(true);
  });

  it('tear an entry of some lines fields', () => {
    const torn = pages.filter((page) =>
      page.lines.split('\n').some((line) => !/^\d+\t/.test(line)),
    );
    expect(torn.length).toBeGreaterThan(2);
  });

  it('repeat claims, some with another label, and some of dev in train', () => {
    const conflicts = (lines: readonly Line[]) => {
      const texts = count(lines, (line) => line.claim);
      const labelled = count(lines, (line) => `${line.claim}\n${line.label}`);
      return labelled.size - texts.size;
    };
    expect(dev.length - count(dev, (line) => line.claim).size).toBe(8);
    expect(conflicts(dev)).toBe(3);
    expect(conflicts(train)).toBe(4);
    const asked = new Set(dev.map((line) => line.claim));
    const leaked = train.filter((line) => asked.has(line.claim));
    expect(leaked.length).toBe(4);
  });
});
