/** What a terminal is sent, and in which order. */
import { afterEach, expect, it, vi } from 'vitest';
import { chooseReporter } from '../../src/cli/reporter/choose.ts';
import type { Key } from '../../src/pipe/digest.ts';

vi.mock('../../src/cli/say.ts', async (original) => ({
  ...(await original<typeof import('../../src/cli/say.ts')>()),
  isTerminal: () => true,
}));

const { CI, TERM } = process.env;
afterEach(() => {
  vi.restoreAllMocks();
  for (const [name, value] of Object.entries({ CI, TERM })) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
});

it('says what stays before it draws what is drawn over', async () => {
  delete process.env.CI;
  process.env.TERM = 'xterm';
  const sent: string[] = [];
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    sent.push(String(text));
    return true;
  });
  const { emit, close } = await chooseReporter(false);
  const key = 'k' as Key;
  emit({ type: 'taskStarted', task: 'one', key, attempt: 1, pid: 1, changes: [{ kind: 'first' }] });
  const at = (part: string) => sent.findIndex((text) => text.includes(part));
  expect(at('one because never built before\n')).toBeGreaterThanOrEqual(0);
  expect(at('one  ')).toBe(-1); // what ends within a frame is never drawn
  await vi.waitFor(() => expect(at('one  ')).toBeGreaterThan(at('never built before\n')), 5000);
  emit({
    type: 'taskRan',
    task: 'one',
    key,
    outputs: {},
    wallMs: 5,
    peakRssBytes: 0,
    changedOutputs: [],
  });
  expect(sent.join('')).toMatch(/one 5 ms\n/);
  const drawn = sent.length;
  emit({ type: 'taskStarted', task: 'two', key, attempt: 1, pid: 1, changes: [] });
  close();
  await new Promise((done) => setTimeout(done, 250));
  expect(sent.slice(drawn).join('')).not.toContain('two');
});
