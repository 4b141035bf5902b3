/**
 * Orders and circles of a directed graph. Knows nothing of what the nodes are.
 */
import type { DirectedGraph } from 'graphology';

/** Every node after all nodes that lead to it; among free nodes, the one added first. Throws on a circle. */
export function topologicalOrder(graph: DirectedGraph): string[] {
  const waiting = new Map(graph.mapNodes((node) => [node, graph.inDegree(node)]));
  const rank = new Map(graph.nodes().map((node, index) => [node, index]));
  const ready = graph.filterNodes((node) => waiting.get(node) === 0);
  const order: string[] = [];
  while (ready.length > 0) {
    const node = ready.shift()!;
    order.push(node);
    for (const next of graph.outNeighbors(node)) {
      const left = waiting.get(next)! - 1;
      waiting.set(next, left);
      if (left === 0) insertByRank(ready, next, rank);
    }
  }
  if (order.length < graph.order) throw new Error('topologicalOrder: the graph has a circle');
  return order;
}

function insertByRank(ready: string[], node: string, rank: ReadonlyMap<string, number>): void {
  let [low, high] = [0, ready.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rank.get(ready[middle]!)! > rank.get(node)!) high = middle;
    else low = middle + 1;
  }
  ready.splice(low, 0, node);
}

/** One circle for every knot of the graph, as `[a, b, a]`; none in an acyclic graph. */
export function findCycles(graph: DirectedGraph): string[][] {
  const state = new Map<string, 'open' | 'done'>();
  const inCycle = new Set<string>();
  const cycles: string[][] = [];
  const path: string[] = [];
  const visit = (node: string): void => {
    state.set(node, 'open');
    path.push(node);
    for (const next of graph.outNeighbors(node)) {
      if (state.get(next) === 'open') {
        const cycle = path.slice(path.indexOf(next));
        if (!cycle.some((member) => inCycle.has(member))) cycles.push([...cycle, next]);
        for (const member of cycle) inCycle.add(member);
      } else if (!state.has(next)) visit(next);
    }
    path.pop();
    state.set(node, 'done');
  };
  for (const node of graph.nodes()) if (!state.has(node)) visit(node);
  return cycles;
}
