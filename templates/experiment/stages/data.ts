/** Points in a square: the class says whether they lie in a disc, now and then wrongly. */
import { writeFileSync } from 'node:fs';
import { defineStage, Type } from 'mempipe';
import { type Point, random } from '../src/point.ts';

export default defineStage({
  description: 'Draws points for training and for testing.',
  params: Type.Object({
    points: Type.Integer({ minimum: 10 }),
    noise: Type.Number({ minimum: 0, maximum: 0.5, description: 'Share of wrong classes.' }),
  }),
  inputs: {},
  outputs: { train: { path: 'train.jsonl' }, test: { path: 'test.jsonl' } },
  run({ outputs, params, seed }) {
    const next = random(seed);
    const draw = (): Point => {
      const [x, y] = [2 * next() - 1, 2 * next() - 1];
      return { x, y, inside: x * x + y * y < 0.5 !== next() < params.noise };
    };
    for (const path of [outputs.train, outputs.test]) {
      const lines = Array.from({ length: params.points }, () => `${JSON.stringify(draw())}\n`);
      writeFileSync(path, lines.join(''));
    }
  },
});
