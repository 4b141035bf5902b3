/** The page in a real Chromium, where there is one: no request, nothing refused, nothing too wide. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import report from '../../stages/report.ts';
import { repository } from '../rig/project.ts';
import { runStage } from '../stages-eval/stage-run.ts';
import { DEFAULT, makeInputs } from './results.ts';

const browser = process.env.CHROMIUM ?? 'chromium';
const hasBrowser = spawnSync(browser, ['--version']).status === 0;

test.skipIf(!hasBrowser)('asks for nothing, and fits a phone and a desktop', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'browser-'));
  try {
    const inputs = makeInputs(folder, { ...DEFAULT, shots: [0, 1] });
    const { outputs } = await runStage(report, { folder: join(folder, 'out'), params: {}, inputs });
    const tool = join(repository, 'tools', 'screenshots.mjs');
    const words = [tool, outputs.html!, join(folder, 'pictures'), '--top', '--open'];
    const { status, stdout } = spawnSync(process.execPath, words, { encoding: 'utf8' });
    const seen = ['phone: fits', 'desktop: fits', 'requests beyond the file: 0'];
    expect(stdout.trim().split('\n')).toEqual([...seen, 'complaints of the browser: 0']);
    expect(status).toBe(0);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
