/** `count` strings; the first is empty. The same for the same seed. */
export function tokenizerStrings(count: number, seed: number): string[];
