/** Ctrl-C and a polite kill, as a shell, `npx` and `timeout` send them. */
import { afterEach, expect, it } from 'vitest';
import { makeProject, outcomeOf, type RigProject } from './project.ts';

let project: RigProject;
afterEach(() => project.remove());

const PIPELINE = `version: 1
stages:
  quick: { cmd: "echo q > \${outputs.o}", outputs: { o: o.txt } }
  slow: { cmd: "echo $$ > $HOME/pid; sleep 300; cat \${inputs.i} > \${outputs.o}", inputs: { i: quick.o }, outputs: { o: o.txt } }
  after: { cmd: "cat \${inputs.i} > \${outputs.o}", inputs: { i: slow.o }, outputs: { o: o.txt } }
`;

async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; !holds(); tries += 1) {
    if (tries > 600) throw new Error('it never came');
    await new Promise((done) => setTimeout(done, 20));
  }
}

it.each([['SIGINT'], ['SIGTERM']] as const)(
  '%s ends what runs; nothing has failed, also if it comes twice at once',
  async (signal) => {
    project = makeProject({ 'pipeline.yaml': PIPELINE });
    const home = process.env.HOME;
    process.env.HOME = project.folder;
    const child = project.start('run');
    process.env.HOME = home;
    const ended = outcomeOf(child);
    await until(() => project.exists('pid') && project.read('pid').endsWith('\n'));
    child.kill(signal);
    await new Promise((done) => setTimeout(done, 3)); // as an echo does: while the run is ending, not behind it
    child.kill(signal);
    const { code, stderr } = await ended;
    expect(code).toBe(130);
    expect(stderr).toContain('slow: cancelled\n1 task run, 0 hits, 2 skipped in ');
    expect(stderr).not.toMatch(/fail/i);
    expect(() => process.kill(Number(project.read('pid')), 0)).toThrow('ESRCH');
    const [record = ''] = (await project.pipe('runs', '--json')).stdout.split('\n');
    expect(JSON.parse(record).summary).toMatchObject({ ran: 1, failed: 0, skipped: 2 });
  },
);
