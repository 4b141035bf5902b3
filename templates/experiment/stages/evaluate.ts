/** Accuracy of a model on points that it has not seen: the mean over seeds, with an interval. */
import { readFileSync, writeFileSync } from 'node:fs';
import { defineStage, type Estimate, Type } from 'mempipe';
import { features, probability, readPoints } from '../src/point.ts';

export default defineStage({
  description: 'Asks every seed of a model all test points.',
  params: Type.Object({ model: Type.String() }),
  inputs: { weights: { kind: 'fan-in' }, points: { kind: 'file' } },
  outputs: { results: { path: 'results.json' } },
  run({ inputs, outputs, params, metric }) {
    const points = readPoints(inputs.points.path);
    const right = inputs.weights.files.map(({ path }) => {
      const weights = JSON.parse(readFileSync(path, 'utf8')) as number[];
      const isRight = (point: (typeof points)[number]) =>
        probability(weights, features(params.model, point)) > 0.5 === point.inside;
      return points.filter(isRight).length;
    });
    const mean = right.reduce((sum, count) => sum + count, 0) / right.length;
    const accuracy = interval(mean / points.length, points.length);
    metric({ accuracy });
    writeFileSync(outputs.results, `${JSON.stringify({ model: params.model, accuracy })}\n`);
  },
});

/** Wilson's, at 95 %, of a share of so many points: more seeds are no more points. */
function interval(value: number, count: number): Estimate {
  const z = 1.96;
  const centre = (value + (z * z) / (2 * count)) / (1 + (z * z) / count);
  const half =
    (z * Math.sqrt((value * (1 - value)) / count + (z * z) / (4 * count * count))) /
    (1 + (z * z) / count);
  return { value, low: centre - half, high: centre + half };
}
