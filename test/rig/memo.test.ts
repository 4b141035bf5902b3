import { afterEach, expect, it } from 'vitest';
import { makeProject, type RigProject, stageModule } from './project.ts';

let project: RigProject;
afterEach(() => project.remove());

const LENGTHS = `
export default defineStage({
  description: 'remembers the length of each line',
  params: Type.Object({}),
  inputs: { text: { kind: 'file' } },
  outputs: { out: { path: 'lengths.txt' } },
  run({ inputs, outputs, memo, note }) {
    const lengths = memo('length', 1);
    let computed = 0;
    const lines = readFileSync(inputs.text.path, 'utf8').trim().split('\\n').map((line) => {
      const known = lengths.get(line);
      if (known !== undefined) return Buffer.from(known).toString();
      computed += 1;
      const length = String(line.length * FACTOR);
      lengths.set(line, Buffer.from(length));
      return length;
    });
    note('computed ' + computed);
    writeFileSync(outputs.out, lines.join('\\n'));
  },
});
`;

it('keeps what a stage remembers from one run to the next, and forgets it when the code changes', async () => {
  project = makeProject({
    'pipeline.yaml':
      'version: 1\nstages:\n  lengths:\n    use: stages/lengths.ts\n    inputs: { text: a.txt }\n',
    'a.txt': 'one\nthree\n',
    'stages/lengths.ts': stageModule(`const FACTOR = 1;${LENGTHS}`),
  });
  const notes = async () =>
    (await project.run()).events.flatMap((event) =>
      event.type === 'taskNote' ? [event.text] : [],
    );
  expect(await notes()).toEqual(['computed 2']);
  project.write('a.txt', 'one\nthree\nseventeen\n');
  expect(await notes()).toEqual(['computed 1']);
  expect(project.read('artifacts/lengths/lengths.txt')).toBe('3\n5\n9');
  project.write('stages/lengths.ts', stageModule(`const FACTOR = 2;${LENGTHS}`));
  expect(await notes()).toEqual(['computed 3']);
  expect(project.read('artifacts/lengths/lengths.txt')).toBe('6\n10\n18');
});
