/** One line a model. */
import { readFileSync, writeFileSync } from 'node:fs';
import { defineStage, type Estimate, Type } from 'mempipe';

export default defineStage({
  description: 'Writes the table that `pipe run` prints.',
  params: Type.Object({}),
  inputs: { results: { kind: 'fan-in' } },
  outputs: { table: { path: 'table.txt', display: true } },
  run({ inputs, outputs }) {
    const lines = inputs.results.files.map(({ path }) => {
      const { model, accuracy } = JSON.parse(readFileSync(path, 'utf8')) as {
        model: string;
        accuracy: Estimate;
      };
      const [value, low, high] = [accuracy.value, accuracy.low, accuracy.high].map((figure) =>
        figure.toFixed(3),
      );
      return `${model.padEnd(12)}${value} [${low}, ${high}]\n`;
    });
    writeFileSync(outputs.table, `model       accuracy, 95 % interval\n${lines.join('')}`);
  },
});
