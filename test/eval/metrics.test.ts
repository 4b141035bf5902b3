import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Answer } from '../../src/eval/answer.ts';
import {
  confusionTallies,
  MEASURES,
  measureTally,
} from '../../src/eval/inference/confusion-tally.ts';
import { confusionOf, type Metrics, metricsOf } from '../../src/eval/metrics.ts';
import type { Label } from '../../src/fever/label.ts';

interface Case extends Omit<Metrics, 'n'> {
  name: string;
  gold: string;
  predicted: string;
  confusion: number[][];
}

const fixtures = JSON.parse(
  readFileSync(new URL('../fixtures/metrics.json', import.meta.url), 'utf8'),
) as { answers: string[]; metrics: Case[] };
const { answers } = fixtures;

function judgedOf({ gold, predicted }: { gold: string; predicted: string }) {
  return [...gold].map((digit, at) => ({
    gold: answers[Number(digit)]!,
    predicted: answers[Number(predicted[at])]!,
  }));
}

describe('metrics against scikit-learn', () => {
  test('the fixtures hold random and adversarial lists', () => {
    expect(fixtures.metrics.length).toBeGreaterThan(100);
  });

  test.each(fixtures.metrics.map((item, at) => [`${at}: ${item.name}`, item] as const))(
    '%s',
    (_, item) => {
      const metrics = metricsOf(judgedOf(item));
      expect(metrics.n).toBe(item.gold.length);
      const names = [
        'accuracy',
        'f1Micro',
        'f1MicroReal',
        'f1MacroUnion',
        'f1MacroFixed3',
        'f1MacroSupport',
        'balancedAccuracy',
        'invalidRate',
      ] as const;
      for (const name of names) {
        expect(Math.abs(metrics[name] - item[name]), name).toBeLessThan(1e-12);
      }
    },
  );

  // Intervals come from counts by cluster; their measures must be the same metrics.
  test.each(fixtures.metrics.map((item, at) => [`${at}: ${item.name}`, item] as const))(
    'as sums of clusters, %s',
    (_, item) => {
      const judged = judgedOf(item) as { gold: Label; predicted: Answer }[];
      const clusters = Int32Array.from(judged, (_own, at) => at % Math.min(3, judged.length));
      const tallies = confusionTallies(clusters, [judged, judged]);
      const sums = tallies.reduce((sum, own) => sum.map((count, at) => count + own[at]!));
      const measures = measureTally(sums);
      MEASURES.forEach((name, at) => {
        expect(Math.abs(measures[at]! - item[name]), name).toBeLessThan(1e-12);
      });
    },
  );

  test('the confusion matrix counts every pair', () => {
    for (const item of fixtures.metrics) {
      const matrix = confusionOf(judgedOf(item));
      item.confusion.forEach((row, gold) => {
        row.forEach((count, predicted) => {
          expect(matrix.get(answers[gold]!)?.get(answers[predicted]!) ?? 0).toBe(count);
        });
      });
    }
  });
});

describe('what the metrics mean', () => {
  test("the note's number: two balanced labels, 3 % right, the rest invalid → macro over the union ≈ 0.0388", () => {
    const answer = (gold: string, right: boolean) => ({
      gold,
      predicted: right ? gold : 'INVALID',
    });
    const judged = ['SUPPORTS', 'REFUTES'].flatMap((gold) =>
      Array.from({ length: 1000 }, (_, at) => answer(gold, at < 30)),
    );
    const metrics = metricsOf(judged);
    expect(metrics.accuracy).toBe(0.03);
    expect(metrics.f1MacroUnion).toBeCloseTo(0.0388, 4);
    // Without the INVALID class in the mean it is half as much again.
    expect(metrics.f1MacroSupport).toBeCloseTo(0.0583, 4);
    expect(metrics.f1MicroReal).toBeCloseTo((2 * 60) / (60 + 2000), 12);
  });

  test('no answers have no metrics', () => {
    expect(() => metricsOf([])).toThrow(RangeError);
  });
});
