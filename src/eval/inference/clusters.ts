/**
 * Which questions stand or fall together: those that share a page, a claim, or a claim's text, and
 * whatever hangs together through them. Knows names only, no answer.
 */
import { bareText, type ClaimId } from '../../fever/claim.ts';

export interface ClusterItem {
  readonly claimId: ClaimId;
  readonly page: string;
  /** Absent where only the id is known; then a duplicate under another id is not seen. */
  readonly claim?: string;
}

/**
 * The number of each question's cluster: the connected component of the graph whose nodes are pages
 * and claims and whose edges are questions. Numbers run from 0 in the order of appearance.
 */
export function clustersOf(items: readonly ClusterItem[]): Int32Array {
  const sets = new DisjointSets();
  const roots = items.map((item) => {
    const [first, ...others] = nodesOf(item).map((node) => sets.nodeOf(node));
    for (const other of others) sets.join(first!, other);
    return first!;
  });
  const numbers = new Map<number, number>();
  return Int32Array.from(roots, (node) => {
    const root = sets.rootOf(node);
    if (!numbers.has(root)) numbers.set(root, numbers.size);
    return numbers.get(root)!;
  });
}

function nodesOf({ claimId, page, claim }: ClusterItem): string[] {
  const nodes = [`page ${page}`, `id ${claimId}`];
  return claim === undefined ? nodes : [...nodes, `text ${bareText(claim)}`];
}

/** Union and find, with paths halved. */
class DisjointSets {
  readonly #nodes = new Map<string, number>();
  readonly #parents: number[] = [];

  nodeOf(name: string): number {
    const known = this.#nodes.get(name);
    if (known !== undefined) return known;
    const node = this.#parents.push(this.#parents.length) - 1;
    this.#nodes.set(name, node);
    return node;
  }

  rootOf(start: number): number {
    let node = start;
    while (this.#parents[node] !== node) {
      this.#parents[node] = this.#parents[this.#parents[node]!]!;
      node = this.#parents[node]!;
    }
    return node;
  }

  join(a: number, b: number): void {
    const [first, second] = [this.rootOf(a), this.rootOf(b)].sort((x, y) => x - y);
    this.#parents[second!] = first!;
  }
}
