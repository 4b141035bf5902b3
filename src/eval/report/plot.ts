/**
 * Plots as SVG text, drawn by Observable Plot on a document that no browser has. Colours are CSS
 * variables of the page, so that light, dark and print share one drawing. The same marks give the
 * same bytes. Knows no results.
 */
import { dot, type Markish, type PlotOptions, plot } from '@observablehq/plot';
import { parseHTML } from 'linkedom';

export const WIDTH = 440;

/** Colour and symbol of a series: they differ together, for those who do not see colours. */
export const TONES = [
  { color: 'var(--tone0)', symbol: 'circle' },
  { color: 'var(--tone1)', symbol: 'square' },
  { color: 'var(--tone2)', symbol: 'triangle' },
  { color: 'var(--tone3)', symbol: 'diamond' },
  { color: 'var(--tone4)', symbol: 'star' },
  { color: 'var(--tone5)', symbol: 'wye' },
  { color: 'var(--tone6)', symbol: 'cross' },
  { color: 'var(--tone7)', symbol: 'square' },
] as const;

export type Tone = (typeof TONES)[number];

export function toneAt(index: number): Tone {
  return TONES[index < TONES.length ? index : 1 + ((index - 1) % (TONES.length - 1))]!;
}

export interface Drawing extends PlotOptions {
  /** What a reader who does not see is told. */
  readonly title: string;
  readonly marks: Markish[];
}

export function drawPlot({ title, ...options }: Drawing): string {
  const { document } = parseHTML('<!doctype html><html></html>');
  const svg = plot({ width: WIDTH, style: { fontSize: '12px' }, document, ...options });
  svg.querySelector('style')?.remove(); // it fixes colours and sizes that the page decides
  for (const name of ['class', 'width', 'height', 'style']) svg.removeAttribute(name);
  svg.setAttribute('role', 'img');
  svg.setAttribute('aria-label', title);
  return shortened(svg.outerHTML);
}

/** A series' symbol alone, for a legend. */
export function swatch({ color, symbol }: Tone): string {
  const marks = [dot([[6, 6]], { fill: color, symbol, r: 4.5 })];
  const scale = { type: 'identity', axis: null } as const;
  const frame = { width: 12, height: 12, margin: 0, x: scale, y: scale };
  return drawPlot({ title: '', ...frame, marks })
    .replace(' role="img"', '')
    .replace(' aria-label=""', ' aria-hidden="true"');
}

/** Coordinates to a tenth of a pixel; texts and opacities keep their digits. */
function shortened(svg: string): string {
  return svg.replace(PLACES, (place) =>
    place.replace(/-?\d+\.\d{2,}/g, (number) => String(Math.round(Number(number) * 10) / 10)),
  );
}

const PLACES = /\s(?:d|transform|points|width|height|[xy][12]?|c[xy])="[^"]*"/g;
