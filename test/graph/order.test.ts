import fc from 'fast-check';
import { DirectedGraph } from 'graphology';
import { describe, expect, it } from 'vitest';
import { findCycles, topologicalOrder } from '../../src/pipe/graph/order.ts';

type Edge = readonly [number, number];

function graphOf(size: number, edges: readonly Edge[]): DirectedGraph {
  const graph = new DirectedGraph();
  for (let node = 0; node < size; node++) graph.addNode(String(node));
  for (const [from, to] of edges) graph.mergeDirectedEdge(String(from % size), String(to % size));
  return graph;
}

const edges = fc.array(fc.tuple(fc.nat(11), fc.nat(11)), { maxLength: 30 });

describe('topologicalOrder', () => {
  it('puts every node after all that lead to it, in any acyclic graph', () => {
    fc.assert(
      fc.property(
        edges,
        fc.shuffledSubarray([...Array(12).keys()], { minLength: 12 }),
        (all, names) => {
          const forward = all
            .filter(([a, b]) => a < b)
            .map(([a, b]): Edge => [names[a]!, names[b]!]);
          const graph = graphOf(12, forward);
          const order = topologicalOrder(graph);
          expect([...order].sort()).toEqual(graph.nodes().sort());
          graph.forEachDirectedEdge((_, __, from, to) => {
            expect(order.indexOf(from)).toBeLessThan(order.indexOf(to));
          });
          expect(findCycles(graph)).toEqual([]);
        },
      ),
    );
  });

  it('keeps the order of insertion where it is free', () => {
    expect(topologicalOrder(graphOf(4, [[3, 0]]))).toEqual(['1', '2', '3', '0']);
  });

  it('throws on a circle', () => {
    expect(() =>
      topologicalOrder(
        graphOf(2, [
          [0, 1],
          [1, 0],
        ]),
      ),
    ).toThrow('circle');
  });
});

describe('findCycles', () => {
  it('finds a closed path of edges exactly if there is no topological order', () => {
    fc.assert(
      fc.property(edges, (all) => {
        const graph = graphOf(12, all);
        const cycles = findCycles(graph);
        for (const cycle of cycles) {
          expect(cycle[0]).toBe(cycle.at(-1));
          for (let i = 1; i < cycle.length; i++) {
            expect(graph.hasDirectedEdge(cycle[i - 1], cycle[i])).toBe(true);
          }
        }
        if (cycles.length > 0) expect(() => topologicalOrder(graph)).toThrow();
        else expect(topologicalOrder(graph)).toHaveLength(12);
      }),
    );
  });
});
