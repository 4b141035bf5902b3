/**
 * The benchmark's graph: N one-line tasks in layers, each with one source file and two outputs of the
 * layer before. Knows no build system.
 *
 * A task writes the first line of each of its inputs, so that a changed first line is passed on once
 * and then lost, and a changed second line changes no output at all.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const LAYERS = 20;

/** Task i as `{ name, upstream }`, upstream first. */
export function makeDag(count) {
  const width = Math.max(5, Math.ceil(count / LAYERS));
  return Array.from({ length: count }, (_, index) => {
    const [layer, column] = [Math.floor(index / width), index % width];
    const above = (layer - 1) * width;
    const upstream = layer === 0 ? [] : [above + column, above + ((column + 1) % width)];
    return { name: `t${index}`, upstream: upstream.map((each) => `t${each}`) };
  });
}

export const sourceText = (name, round = 0) => `${name} ${round}\nsecond line\n`;

/** Read by all; nothing of the last layer is read by anybody. */
export const rootOf = (dag) => dag[0].name;
export const leafOf = (dag) => dag.at(-1).name;

export function write(folder, name, text) {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
