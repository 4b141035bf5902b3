/** Logistic regression by stochastic gradient descent. */
import { writeFileSync } from 'node:fs';
import { defineStage, Type } from 'mempipe';
import { features, probability, random, readPoints } from '../src/point.ts';

export default defineStage({
  description: 'Trains one model.',
  params: Type.Object({
    model: Type.String(),
    epochs: Type.Integer({ minimum: 1 }),
    learningRate: Type.Number({ default: 0.1 }),
  }),
  inputs: { points: { kind: 'file' } },
  outputs: { weights: { path: 'weights.json' } },
  run({ inputs, outputs, params, seed, progress, metric }) {
    const points = readPoints(inputs.points.path);
    const next = random(seed);
    const weights = features(params.model, { x: 0, y: 0, inside: false }).map(() => next() - 0.5);
    let loss = 0;
    for (let epoch = 1; epoch <= params.epochs; epoch += 1) {
      loss = 0;
      for (let step = 0; step < points.length; step += 1) {
        const point = points[Math.floor(next() * points.length)];
        if (point === undefined) continue;
        const values = features(params.model, point);
        const error = Number(point.inside) - probability(weights, values);
        values.forEach((value, index) => {
          weights[index] = (weights[index] ?? 0) + params.learningRate * error * value;
        });
        loss += error * error;
      }
      progress(epoch, params.epochs, 'epochs', { loss: loss / points.length });
    }
    metric({ loss: loss / points.length });
    writeFileSync(outputs.weights, `${JSON.stringify(weights)}\n`);
  },
});
