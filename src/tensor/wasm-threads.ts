/** Starts TFJS's threaded wasm build in Node. Knows no model. */

/** @returns why the threaded build cannot be started, or undefined once it runs. */
export async function startThreadedWasm(
  _threads: number,
  _folder: string,
): Promise<string | undefined> {
  return 'not built in yet';
}
