/**
 * Lines that are drawn over. Knows no event. What draws them takes 50 ms to load, which is longer than
 * most short runs have: it is loaded for the first thing to draw, and that comes when it is there.
 */
import type { createLogUpdate } from 'log-update';

export interface Canvas {
  /** Draws the text in place of what was drawn last. */
  draw(text: string): void;
  /** Takes away what was drawn. */
  clear(): void;
  /** Leaves the terminal as it was. */
  end(): void;
}

export function openCanvas(stream: NodeJS.WriteStream): Canvas {
  let pen: ReturnType<typeof createLogUpdate> | undefined;
  let isAsked = false;
  let wanted: string | undefined;
  const load = async () => {
    const { createLogUpdate: make } = await import('log-update');
    pen = make(stream, { showCursor: false });
    if (wanted !== undefined) pen(wanted);
  };
  return {
    draw(text) {
      wanted = text;
      pen?.(text);
      if (isAsked) return;
      isAsked = true;
      void load();
    },
    clear() {
      wanted = undefined;
      pen?.clear();
    },
    end() {
      wanted = undefined;
      pen?.clear();
      pen?.done();
    },
  };
}
