import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { eventsOf, openProject } from '../run/project.ts';

const disk = mkdtempSync(join(tmpdir(), 'pipe-disk-'));
const mounted = mountSmallDisk();

/** Only root on Linux may; elsewhere the tests of this file have no disk to fill. */
function mountSmallDisk(): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', disk], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

afterAll(() => {
  if (mounted) execFileSync('umount', [disk]);
  rmdirSync(disk);
});

const pipeline = (bytes: number) => `version: 1
stages:
  small: { cmd: "echo 1 > \${outputs.out}", outputs: { out: out.txt } }
  large: { cmd: "head -c ${bytes} /dev/zero > \${outputs.out}", inputs: { a: small.out }, outputs: { out: out.txt } }
`;

describe.skipIf(!mounted)('a full disk', () => {
  it('fails the task that filled it, clears up, and keeps what was finished', async () => {
    const project = openProject({ 'pipeline.yaml': pipeline(5_000_000) }, disk);
    const { events, summary } = await project.build();
    expect(summary).toMatchObject({ ran: 1, failed: 1 });
    expect(eventsOf(events, 'taskFailed')).toMatchObject([{ task: 'large', reason: 'disk-full' }]);
    expect(readdirSync(project.path('cache/scratch'))).toEqual([]);
    project.write('pipeline.yaml', pipeline(5_000));
    expect((await project.build()).summary).toMatchObject({ ran: 1, hits: 1, failed: 0 });
    project.remove();
  });

  it('is survived by the engine’s own files', async () => {
    const project = openProject({ 'pipeline.yaml': pipeline(5_000) }, disk);
    await project.build();
    project.write('pipeline.yaml', pipeline(6_000));
    const graph = await project.graph();
    fillUp();
    const { events, summary } = await project.build({ graph });
    expect(summary).toMatchObject({ hits: 1, failed: 1 });
    expect(eventsOf(events, 'taskFailed')[0]?.reason).toBe('disk-full');
    rmSync(join(disk, 'fill'));
    expect((await project.build()).summary).toMatchObject({ ran: 1, hits: 1, failed: 0 });
    project.remove();
  });
});

function fillUp(): void {
  for (let bytes = 1 << 20; bytes >= 1024; bytes /= 2) {
    try {
      for (;;) writeFileSync(join(disk, 'fill'), Buffer.alloc(bytes), { flag: 'a' });
    } catch (error) {
      expect((error as NodeJS.ErrnoException).code).toBe('ENOSPC');
    }
  }
}
